//! How statements reach either database: one dialect, one writer, group commits, and the journal beside them.

pub mod error;
pub mod stop_lines;
pub mod journal;
pub mod notes;
pub mod statement;
pub mod backend;
pub mod scratch;
pub mod value;
pub mod packed;
pub mod batch;
pub mod changes;
