//! Over all tables: whether anything is sent, whose database this is, counting, forgetting, checking.

pub mod sending;
pub mod numbers;
pub mod restore_marker;
pub mod set_aside;
pub mod mailboxes;
pub mod unrecognised;
pub mod identity;
pub mod configurations;
pub mod counts;
pub mod audience_facts;
pub mod conservation;
pub mod simulation_report;
pub mod replay_inputs;
pub mod reasons;
pub mod erasures;
pub mod authored;
pub mod access_tables;
pub mod access;
pub mod overwriting;
pub mod merges;
pub mod adoptions;
pub mod health;
pub mod integrity;
pub mod generation;
pub mod backups;
pub mod restores;
