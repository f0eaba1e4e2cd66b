//! What comes back and is fetched: from a real Dovecot, from servers that misbehave, out of a Maildir.

/// A Dovecot of its own.
mod dovecot;
/// A company whose people bounce, and the daemon that reads of it.
mod company;
/// A Postfix before a Dovecot, with people on either side.
mod mail_system;
/// An issue through them, and all that comes back.
mod round_trip;
/// The daemon beside a real Dovecot: IDLE, deaths on both sides, many mails.
mod fetched;
/// IMAP as servers should not speak it.
mod scripted;
/// What is kept, shown, taken again, swept and erased.
mod kept;
/// The same mails in other orders.
mod shuffled;
