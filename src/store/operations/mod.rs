//! Over all tables: whether anything is sent, whose database this is, counting, forgetting, checking.

pub mod sending;
pub mod witness;
pub mod identity;
pub mod configurations;
pub mod counts;
pub mod facts;
pub mod conservation;
pub mod outcomes;
pub mod erasures;
pub mod adoptions;
pub mod vitals;
pub mod integrity;
pub mod backups;
