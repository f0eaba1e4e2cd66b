//! What comes back: outside formats read into plain values. Nothing here writes.

/// Mails: replies, bounces, complaints, and programs that answer.
pub mod mail;
/// Mailboxes from which mails are fetched.
pub mod mailbox;
/// Lists exported by other programs.
pub mod list;
/// Web forms.
pub mod form;
/// Prospects in JSON.
pub mod json;
#[cfg(test)]
mod tests;
