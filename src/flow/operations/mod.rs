//! Over all sides: what is stopped by hand, who is erased, a database that comes back, and what time alone brings.

pub mod manual_stop;
pub mod forget;
pub mod adopt;
pub mod census;
pub mod sweep;
