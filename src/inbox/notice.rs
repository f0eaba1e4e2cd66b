//! Bounces written for people: whom a notice says it could not reach.
//!
//! A thousand mail systems, a handful of habits: a block per recipient (`<ada@x.example>: reason`), a list under a
//! heading, a label before the address, a reply code beside it, or a sentence. The clearest habit found in a notice
//! wins; weaker ones are not looked at, because prose also names postmasters, help desks and the sender.

use super::address;
use crate::domain::address::Address;

/// The part of a text that is the notice: up to where the returned copy, or its header, begins.
#[must_use]
pub fn before_copy(text: &str) -> String {
    let copy = |line: &&str| {
        let line = bare(line).to_lowercase();
        let line = line.trim_start_matches("the ");
        COPY_BEGINS.iter().any(|start| line.starts_with(start) && !line.contains("was received"))
    };
    text.lines().take_while(|line| !copy(line)).collect::<Vec<_>>().join("\n")
}

/// Whether a notice says that something was not delivered, or not yet.
#[must_use]
pub fn says_undelivered(notice: &str) -> bool {
    let words = flat(notice);
    UNDELIVERED.iter().any(|phrase| words.contains(phrase))
}

/// Whether the other side is still trying.
#[must_use]
pub fn says_delayed(notice: &str) -> bool {
    let words = flat(notice);
    DELAYED.iter().any(|phrase| words.contains(phrase))
}

/// Whether a notice reports a recipient in a block of its own: `<ada@x.example>: reason`.
#[must_use]
pub fn has_block(notice: &str, ours: &[Address]) -> bool {
    notice.lines().any(|line| {
        address::find(line)
            .first()
            .is_some_and(|hit| !ours.contains(&hit.address) && is_block(&line[..hit.at.start], &line[hit.at.end..]))
    })
}

/// The recipients a notice reports, each with the words that concern it. `ours` are the addresses that sent and
/// received the notice itself; `host` is the domain it comes from, for a provider that lists only local names.
#[must_use]
pub fn recipients(notice: &str, ours: &[Address], host: Option<&str>) -> Vec<(Address, String)> {
    let lines: Vec<&str> = notice.lines().collect();
    let mut found = Habits::default();
    let mut list = List::default();
    for (index, line) in lines.iter().enumerate() {
        let listed = list.holds(line);
        for (place, hit) in address::find(line).iter().enumerate() {
            let own = ours.contains(&hit.address) || DESKS.contains(&hit.address.local());
            let (before, after) = (&line[..hit.at.start], &line[hit.at.end..]);
            if own || is_header(before) || flat(before).ends_with("from") && !is_origin(before) {
                continue;
            }
            let entry = (hit.address.clone(), index);
            if is_block(before, after) {
                found.blocks.push(entry);
            } else if is_origin(before) {
                found.origins.push(entry);
            } else if is_labelled(before) || is_alone(before, after) || is_described(before, after) || has_code(before) {
                found.listed.push(entry);
            } else if listed && place == 0 && !is_contact(line) {
                found.listed.push(entry);
            } else if !is_contact(line) && is_about_failure(&lines, index) {
                found.said.push(entry);
            }
            list.answered |= listed;
        }
        list.after(line);
    }
    let said = std::mem::take(&mut found.said);
    found
        .best(&lines)
        .or_else(|| last_resort(&lines, ours, host))
        .or_else(|| Habits { listed: said, ..Habits::default() }.best(&lines))
        .unwrap_or_default()
}

/// What was found, by habit.
#[derive(Default)]
struct Habits {
    blocks: Vec<(Address, usize)>,
    origins: Vec<(Address, usize)>,
    listed: Vec<(Address, usize)>,
    said: Vec<(Address, usize)>,
}

impl Habits {
    fn best(self, lines: &[&str]) -> Option<Vec<(Address, String)>> {
        let by_block = !self.blocks.is_empty();
        let starts: Vec<usize> = self.blocks.iter().map(|(_, line)| *line).collect();
        let mut chosen = if by_block { self.blocks } else { self.listed };
        // "(expanded from …)" names the address we wrote to; the block or list, what it became.
        chosen.extend(self.origins);
        let mut unique: Vec<(Address, String)> = Vec::new();
        for (address, line) in chosen {
            if unique.iter().any(|(known, _)| *known == address) {
                continue;
            }
            let words = if by_block {
                let end = starts.iter().copied().find(|start| *start > line).unwrap_or(lines.len());
                lines[line..end].join(" ")
            } else {
                lines.join(" ")
            };
            unique.push((address, words));
        }
        (!unique.is_empty()).then_some(unique)
    }
}

/// A heading such as "the following recipients", and the lines under it: up to a rule, or a blank line behind an address.
#[derive(Default)]
struct List {
    open: bool,
    answered: bool,
}

impl List {
    fn holds(&self, line: &str) -> bool {
        self.open || heads_list(line)
    }

    fn after(&mut self, line: &str) {
        if heads_list(line) {
            self.open = true;
        } else if line.trim_start().starts_with("---") || self.answered && line.trim().is_empty() {
            *self = Self::default();
        }
    }
}

/// `<ada@x.example>: reason`, `[ada@x.example]: reason`, `ada@x.example: reason`.
fn is_block(before: &str, after: &str) -> bool {
    let lead = before.trim_start_matches(['*', ' ', '\t']);
    let rest = after.trim_start_matches(['>', ']']);
    ["", "<", "["].contains(&lead)
        && (rest.starts_with(':') || after.starts_with('>') && rest.trim_start().starts_with("(expanded from"))
}

fn is_origin(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '<', ':']).to_lowercase();
    ["(expanded from", "(generated from", "(originally addressed to"].iter().any(|origin| before.ends_with(origin))
}

fn is_labelled(before: &str) -> bool {
    let before = flat(before);
    let before = before.trim_end_matches([' ', '<', '"', '\'', '(', '[']);
    LABELS.iter().any(|label| before.ends_with(label))
}

/// Nothing else on the line but decoration.
fn is_alone(before: &str, after: &str) -> bool {
    let plain = |text: &str| text.trim_end_matches("=20").chars().all(|c| !c.is_alphanumeric());
    plain(before) && plain(after)
        // "Ada" <ada@x.example>, or the address twice.
        || before.trim_start().starts_with('"') && before.trim_end().ends_with("\" <") && plain(after)
        || plain(before) && after.starts_with("\" <") && after.trim_end().ends_with('>')
}

/// `ada@x.example - no such user here`, at the beginning of a line.
fn is_described(before: &str, after: &str) -> bool {
    let after = flat(after);
    let after = after.trim_start_matches(|c: char| !c.is_alphanumeric());
    before.chars().all(|c| !c.is_alphanumeric()) && DESCRIPTIONS.iter().any(|word| after.starts_with(word))
}

/// `552 Quota violation for ada@x.example`: a line that begins with a reply code.
fn has_code(before: &str) -> bool {
    let mut bytes = before.trim_start().bytes();
    matches!(
        (bytes.next(), bytes.next(), bytes.next(), bytes.next()),
        (Some(b'4' | b'5'), Some(b'0'..=b'9'), Some(b'0'..=b'9'), Some(b' ' | b'-'))
    )
}

fn is_header(before: &str) -> bool {
    let before = before.trim_start_matches(['*', '>', ' ', '\t', '|']).to_lowercase();
    ["from:", "to:", "cc:", "bcc:", "reply-to:", "sender:", "message-id:", "x-", "de:", "von:", "for <"]
        .iter()
        .any(|name| before.starts_with(name))
}

fn is_contact(line: &str) -> bool {
    let line = line.to_lowercase();
    CONTACT.iter().any(|word| line.contains(word))
}

fn is_about_failure(lines: &[&str], index: usize) -> bool {
    let around = lines[index.saturating_sub(1)..lines.len().min(index + 2)].join(" ");
    let around = flat(&around);
    SAID.iter().chain(&UNDELIVERED).any(|phrase| around.contains(phrase))
}

fn heads_list(line: &str) -> bool {
    let line = flat(line);
    LIST_HEADS.iter().any(|head| line.contains(head))
}

/// A notice that names nobody: local names under a heading, or the `To:` of "the following message".
fn last_resort(lines: &[&str], ours: &[Address], host: Option<&str>) -> Option<Vec<(Address, String)>> {
    let words = lines.join(" ");
    let mut found = Vec::new();
    let mut open = false;
    for line in lines {
        // "ada" or "ada    no matches to nameserver query".
        let name = line.trim().split("  ").next().unwrap_or_default();
        let local = name.len() > 2
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
            && name.contains(|c: char| c.is_ascii_alphanumeric());
        if open && local {
            found.extend(host.and_then(|host| Address::parse(&format!("{name}@{host}")).ok()));
        }
        open = heads_list(line) || open && (local || found.is_empty());
    }
    if found.is_empty() && flat(&words).contains("deliver the following message") {
        let to = lines.iter().filter(|line| line.to_ascii_lowercase().starts_with("to:"));
        found.extend(to.filter_map(|line| address::first(line)).filter(|to| !ours.contains(to)));
    }
    (!found.is_empty()).then(|| found.into_iter().map(|address| (address, words.clone())).collect())
}

/// Without the rules, stars and quote marks that decorate a line.
fn bare(line: &str) -> &str {
    line.trim_start_matches(|c: char| c.is_whitespace() || "-*=|>_#[".contains(c))
}

fn flat(text: &str) -> String {
    text.to_lowercase().replace('’', "'").split_whitespace().collect::<Vec<_>>().join(" ")
}

const COPY_BEGINS: [&str; 26] = [
    "original message",
    "this is a copy of",
    "below this line is a copy",
    "below the next line is a copy",
    "here is a copy of",
    "here is your returned mail",
    "included is a copy",
    "a copy of the original message",
    "message header",
    "message text follows",
    "header of the original message",
    "header and top",
    "first 50 lines of your original",
    "unsent message",
    "returned mail",
    "returned message",
    "start of returned message",
    "old message:",
    "your message reads",
    "transcript of session follows",
    "session transcript",
    "forwarded message",
    "a summary of the undelivered message",
    "mensaje original",
    "received: ",
    "return-path:",
];

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

const DELAYED: [&str; 12] = [
    "not yet been delivered",
    "not been delivered yet",
    "been delayed",
    "is delayed",
    "has been postponed",
    "warning message only",
    "this is just a warning",
    "will be retried",
    "still being retried",
    "attempts will continue",
    "will continue to try",
    "will continue to attempt",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_habit_is_read() {
        let ours = [Address::parse("us@our.example").expect("address")];
        let cases: [(&str, &[&str]); 11] = [
            ("For help contact <postmaster@x.example>\n\n<a@x.example>: host said: 550 <b@y.example> unknown", &["a@x.example"]),
            ("<b@y.example> (expanded from <a@x.example>): unknown user", &["b@y.example", "a@x.example"]),
            (
                "Delivery to the following recipients failed.\n\n   * a@x.example\n   * b@x.example\n\nAsk c@x.example",
                &["a@x.example", "b@x.example"],
            ),
            ("did not reach the following recipient(s):\n\na@x.example on Fri\n  not recognized", &["a@x.example"]),
            ("Failed Recipient: a@x.example\nReason: unknown", &["a@x.example"]),
            ("552 Quota violation for a@x.example", &["a@x.example"]),
            ("a@x.example - no such user here.", &["a@x.example"]),
            ("Local mailbox a@x.example is unavailable", &["a@x.example"]),
            ("From: a@x.example\nundeliverable\nour own us@our.example\nwas rejected", &[]),
            ("Your mail to the following recipients could not be delivered:\n\n\tscreenname", &["screenname@host.example"]),
            ("I wasn't able to deliver the following message.\n\nTo: a@x.example", &["a@x.example"]),
        ];
        for (notice, expected) in cases {
            let found: Vec<String> = recipients(notice, &ours, Some("host.example")).iter().map(|(a, _)| a.to_string()).collect();
            assert_eq!(found, expected, "{notice}");
        }
    }

    #[test]
    fn the_returned_copy_is_not_read() {
        assert_eq!(before_copy("a\n--- Below this line is a copy of the message.\n<b@x.example>:"), "a");
        assert_eq!(before_copy("The original message was received at noon\na"), "The original message was received at noon\na");
    }
}
