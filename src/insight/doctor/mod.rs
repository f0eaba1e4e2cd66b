//! doctor: checks the whole installation, one question a file; each failure names what fixes it. It changes
//! nothing: it sends no mail, makes no table, draws no key.

// The result of a check, and its time limit.
pub mod finding;
// One question each.
pub mod database;
pub mod people;
pub mod enquiries;
pub mod letters;
pub mod outbox;
pub mod files;
pub mod http_probe;
pub mod relay;
pub mod mailboxes;
pub mod examine;
