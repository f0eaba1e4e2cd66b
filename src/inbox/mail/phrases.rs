//! The habits of notices: what the words around an address say about it.
//!
//! Looks at one line, or at a line and its neighbours; which habit wins in a notice is decided there.

use crate::domain::address::Address;

/// Without spelling: lower case, straight apostrophes, single spaces.
pub fn flat(text: &str) -> String {
    text.to_lowercase().replace('’', "'").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a notice says that something was not delivered.
pub fn says_undelivered(notice: &str) -> bool {
    let words = flat(notice);
    UNDELIVERED.iter().any(|phrase| words.contains(phrase))
}

/// Whether it is a mailbox of the other side's staff, named in every notice.
pub fn is_desk(address: &Address) -> bool {
    DESKS.contains(&address.local())
}

/// `<ada@x.example>: reason`, `[ada@x.example]: reason`, `ada@x.example: reason`.
pub fn is_block(before: &str, after: &str) -> bool {
    let lead = before.trim_start_matches(['*', ' ', '\t']);
    let rest = after.trim_start_matches(['>', ']']);
    ["", "<", "["].contains(&lead)
        && (rest.starts_with(':') || after.starts_with('>') && rest.trim_start().starts_with("(expanded from"))
}

/// `(expanded from: ada@x.example)`: the address we wrote to, before an alias changed it.
pub fn is_origin(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '<', ':']).to_lowercase();
    ["(expanded from", "(generated from", "(originally addressed to"].iter().any(|origin| before.ends_with(origin))
}

/// `Failed recipient: ada@x.example`.
pub fn is_labelled(before: &str) -> bool {
    let before = flat(before);
    let before = before.trim_end_matches([' ', '<', '"', '\'', '(', '[']);
    LABELS.iter().any(|label| before.ends_with(label))
}

/// Nothing else on the line but decoration.
pub fn is_alone(before: &str, after: &str) -> bool {
    let plain = |text: &str| text.trim_end_matches("=20").chars().all(|c| !c.is_alphanumeric());
    plain(before) && plain(after)
        // "Ada" <ada@x.example>, or the address twice.
        || before.trim_start().starts_with('"') && before.trim_end().ends_with("\" <") && plain(after)
        || plain(before) && after.starts_with("\" <") && after.trim_end().ends_with('>')
}

/// `ada@x.example - no such user here`, at the beginning of a line.
pub fn is_described(before: &str, after: &str) -> bool {
    let after = flat(after);
    let after = after.trim_start_matches(|c: char| !c.is_alphanumeric());
    before.chars().all(|c| !c.is_alphanumeric()) && DESCRIPTIONS.iter().any(|word| after.starts_with(word))
}

/// `552 Quota violation for ada@x.example`: a line that begins with a reply code.
pub fn has_code(before: &str) -> bool {
    let mut bytes = before.trim_start().bytes();
    matches!(
        (bytes.next(), bytes.next(), bytes.next(), bytes.next()),
        (Some(b'4' | b'5'), Some(b'0'..=b'9'), Some(b'0'..=b'9'), Some(b' ' | b'-'))
    )
}

/// A copied header, or the beginning of one: it names those who wrote, not those not reached.
pub fn is_header(before: &str) -> bool {
    let before = before.trim_start_matches(['*', '>', ' ', '\t', '|']).to_lowercase();
    ["from:", "to:", "cc:", "bcc:", "reply-to:", "sender:", "message-id:", "x-", "de:", "von:", "for <"]
        .iter()
        .any(|name| before.starts_with(name))
}

/// Whom to ask, and where.
pub fn is_contact(line: &str) -> bool {
    let line = line.to_lowercase();
    CONTACT.iter().any(|word| line.contains(word))
}

/// A sentence, with its neighbours, that says what failed.
pub fn is_about_failure(lines: &[&str], index: usize) -> bool {
    let around = lines[index.saturating_sub(1)..lines.len().min(index + 2)].join(" ");
    let around = flat(&around);
    SAID.iter().chain(&UNDELIVERED).any(|phrase| around.contains(phrase))
}

/// A heading under which recipients follow.
pub fn heads_list(line: &str) -> bool {
    let line = flat(line);
    LIST_HEADS.iter().any(|head| line.contains(head))
}

const UNDELIVERED: [&str; 35] = [
    "could not be delivered",
    "couldn't be delivered",
    "cannot be delivered",
    "not be delivered",
    "unable to deliver",
    "not able to deliver",
    "wasn't able to deliver",
    "could not deliver",
    "was not delivered",
    "not been delivered",
    "not delivered to",
    "did not reach",
    "did not receive",
    "undeliverable",
    "undelivered",
    "has been returned",
    "permanent error",
    "permanent fatal",
    "failed recipient",
    "delivery to the following",
    "delevery to the following",
    "delivery has failed",
    "delivery failed",
    "delivery problems",
    "mail delivery failed",
    "not yet been delivered",
    "been delayed",
    "been postponed",
    "automatically rejected",
    "was rejected",
    "no puede entregar",
    "no pudo ser entregado",
    "nicht zugestellt",
    "pas pu etre",
    "pas pu être",
];

const SAID: [&str; 16] = [
    "unknown",
    "no such user",
    "not found",
    "unavailable",
    "does not exist",
    "doesn't exist",
    "no longer valid",
    "addressed",
    "over quota",
    "overquota",
    "is full",
    "not listed",
    "rejected",
    "invalid",
    "disabled",
    "could not be reached",
];

const LABELS: [&str; 32] = [
    "recipient:",
    "recipients:",
    "recipient: [smtp:",
    "undeliverable address:",
    "failed address:",
    "the address:",
    "error-for:",
    "unknown user:",
    "unknown recipient:",
    "user:",
    "userid:",
    "attempts:",
    "undeliverable to",
    "undeliverable:",
    "addressed to",
    "your message to",
    "your mail to",
    "deliver message to",
    "deliver your message to",
    "deliver mail to",
    "delivery to",
    "delivered to",
    "delivered to:",
    "rcpt to:",
    "is full:",
    "violation for",
    "following recipient:",
    "following recipient(s):",
    "following address:",
    "no mailbox for",
    "no such user:",
    "wasn't delivered to",
];

const DESCRIPTIONS: [&str; 12] = [
    "no such",
    "unknown",
    "user unknown",
    "does not exist",
    "doesn't exist",
    "not found",
    "not listed",
    "is unavailable",
    "was automatically rejected",
    "could not be",
    "host unknown",
    "invalid",
];

const LIST_HEADS: [&str; 18] = [
    "following recipient",
    "following address",
    "following user",
    "following email address",
    "these recipients",
    "to the following",
    "this address",
    "failed recipients",
    "failed addresses",
    "list of failed",
    "not delivered to:",
    "delivered to:",
    "your message to:",
    "not yet been delivered is",
    "destinatarios",
    "folgenden empfänger",
    "destinataires suivants",
    "could not be delivered to",
];

const CONTACT: [&str; 12] = [
    "contact",
    "assistance",
    "questions",
    "reply to",
    "e-mail us",
    "email us",
    "support",
    "http:",
    "https:",
    "mailto:",
    "e.g.",
    "try ",
];

const DESKS: [&str; 5] = ["postmaster", "mailer-daemon", "abuse", "hostmaster", "noc"];
