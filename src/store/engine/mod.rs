//! The engines: one SQL dialect, one writer, group commits, and the stop journal.

pub mod error;
pub mod file_lock;
pub mod log_check;
pub mod journal_format;
pub mod journal;
pub mod journal_entries;
pub mod spool;
pub mod statement;
pub mod clauses;
pub mod record;
pub mod json_row;
pub mod connection;
pub mod migrations;
pub mod transaction;
pub mod backend;
pub mod scratch;
pub mod value;
pub mod text_rows;
pub mod batch;
pub mod external_writes;
