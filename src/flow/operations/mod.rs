//! Operations across all sides: manual stops, erasures, adopting a database, and what only the passing of time requires.

pub mod manual_stop;
pub mod forget;
pub mod merge;
pub mod adopt;
pub mod census;
pub mod sweep;
