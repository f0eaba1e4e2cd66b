//! What comes back: outside formats read into plain values. Nothing here writes, but a Maildir's own names.

/// Mails: replies, bounces, complaints, and programs that answer.
pub mod mail;
/// Mailboxes from which mails are fetched.
pub mod mailbox;
/// Lists exported by other programs.
pub mod list;
/// Lists of calls and booth scans.
pub mod signal_list;
/// Web forms.
pub mod form;
/// What mail providers report by HTTP.
pub mod hook;
/// Prospects in JSON.
pub mod json;
#[cfg(test)]
mod tests;
