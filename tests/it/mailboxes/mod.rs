//! What comes back and is fetched: from a real Dovecot, from servers that misbehave, out of a Maildir.

/// A Dovecot of its own.
mod dovecot;
/// A company whose people bounce, and the daemon that reads of it.
mod company;
/// The daemon beside a real Dovecot: IDLE, deaths on both sides, many mails.
mod fetched;
/// IMAP as servers should not speak it.
mod scripted;
/// What is kept, shown, taken again, swept and erased.
mod kept;

use std::time::Duration;

/// What another program does in its own time.
fn awaited<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    for _ in 0..6_000 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("in vain: {what}");
}
