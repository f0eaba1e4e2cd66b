//! Mailboxes: IMAP servers and Maildirs. Mails are read out of them here, never judged; nothing is written but a Maildir's own names.

pub mod error;
pub mod connection;
pub mod dial;
pub mod login;
pub mod folder_name;
pub mod imap;
pub mod maildir;
