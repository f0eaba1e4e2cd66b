//! Bounces written for people: whom a notice says it could not reach.
//!
//! A thousand mail systems, a handful of habits: a block per recipient (`<ada@x.example>: reason`), a list under a
//! heading, a label before the address, a reply code beside it, or a sentence. The clearest habit found in a notice
//! wins; weaker ones are not looked at, because prose also names postmasters, help desks and the sender.

use super::address;
use super::phrases::{
    flat, has_code, heads_list, is_about_failure, is_alone, is_block, is_contact, is_described, is_desk, is_header, is_labelled,
    is_origin,
};
use crate::domain::address::Address;

/// The part of a text that is the notice: up to where the returned copy, or its header, begins.
pub fn before_copy(text: &str) -> String {
    let copy = |line: &&str| {
        let line = bare(line).to_lowercase();
        let line = line.trim_start_matches("the ");
        COPY_BEGINS.iter().any(|start| line.starts_with(start) && !line.contains("was received"))
    };
    text.lines().take_while(|line| !copy(line)).collect::<Vec<_>>().join("\n")
}

/// Whether the other side is still trying.
pub fn says_delayed(notice: &str) -> bool {
    let words = flat(notice);
    DELAYED.iter().any(|phrase| words.contains(phrase))
}

/// Whether a notice reports a recipient in a block of its own: `<ada@x.example>: reason`.
pub fn has_block(notice: &str, ours: &[Address]) -> bool {
    notice.lines().any(|line| {
        address::find(line)
            .first()
            .is_some_and(|hit| !ours.contains(&hit.address) && is_block(&line[..hit.at.start], &line[hit.at.end..]))
    })
}

/// The recipients a notice reports, each with the words that concern it. `ours` are the addresses that sent and
/// received the notice itself; `host` is the domain it comes from, for a provider that lists only local names.
pub fn recipients(notice: &str, ours: &[Address], host: Option<&str>) -> Vec<(Address, String)> {
    let lines: Vec<&str> = notice.lines().collect();
    let mut found = Habits::default();
    let mut list = List::default();
    for (index, line) in lines.iter().enumerate() {
        let listed = list.holds(line);
        for (place, hit) in address::find(line).iter().enumerate() {
            let own = ours.contains(&hit.address) || is_desk(&hit.address);
            let (before, after) = (&line[..hit.at.start], &line[hit.at.end..]);
            if own || is_header(before) || flat(before).ends_with("from") && !is_origin(before) {
                continue;
            }
            let entry = (hit.address.clone(), index);
            if is_block(before, after) {
                found.blocks.push(entry);
            } else if is_origin(before) {
                found.origins.push(entry);
            } else if is_marked(before, after) || listed && place == 0 && !is_contact(line) {
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

fn is_marked(before: &str, after: &str) -> bool {
    is_labelled(before) || is_alone(before, after) || is_described(before, after) || has_code(before)
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
        let listed = if by_block { &self.blocks } else { &self.listed };
        let starts: Vec<usize> = listed.iter().map(|(_, line)| *line).collect();
        let mut chosen = if by_block { self.blocks } else { self.listed };
        // "(expanded from …)" names the address we wrote to; the block or list, what it became.
        chosen.extend(self.origins);
        let mut unique: Vec<(Address, String)> = Vec::new();
        for (address, line) in chosen {
            if unique.iter().any(|(known, _)| *known == address) {
                continue;
            }
            let end = starts.iter().copied().find(|start| *start > line).unwrap_or(lines.len());
            let own = lines[line..end].join(" ");
            // In a list each has its own reason, or all have the one around it.
            let words = if by_block || starts.len() > 1 && says_code(&own) { own } else { lines.join(" ") };
            unique.push((address, words));
        }
        (!unique.is_empty()).then_some(unique)
    }
}

/// Whether a reply code stands in the words.
fn says_code(words: &str) -> bool {
    let is_code = |word: &str| word.len() == 3 && word.starts_with(['4', '5']) && word.bytes().all(|b| b.is_ascii_digit());
    words.split_whitespace().any(is_code)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_found_in_each_form_of_prose_bounce() {
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
