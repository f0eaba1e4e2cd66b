//! Bounces written for people: whom a notice says it could not reach.
//!
//! A thousand mail systems, a handful of habits: a block per recipient (`<ada@x.example>: reason`), a list under a
//! heading, a label before the address, a reply code beside it, or a sentence. The clearest habit found in a notice
//! wins; weaker ones are not looked at, because prose also names postmasters, help desks and the sender.

use super::address::{self, Found};
use super::bounds::{ADDRESSES, LARGEST_TEXT, RECIPIENTS};
use super::phrases::{
    Kind, flat, has_code, heads_list, is_about_failure, is_alone, is_block, is_contact, is_described, is_desk, is_header,
    is_labelled, is_one_label, is_origin, says, starts,
};
use crate::domain::address::Address;
use std::collections::BTreeSet;

/// A notice in its parts.
#[derive(Debug, Default)]
pub struct Notice {
    /// What it says of itself.
    pub said: String,
    /// The transcript of a conversation with the other side, where it shows one.
    pub session: String,
    /// The returned copy of our mail, or its header.
    pub copy: String,
}

impl Notice {
    /// Reads a text, at most [`LARGEST_TEXT`] of it. Lines too long to look at whole are parted.
    pub fn of(text: &str) -> Self {
        let text = &text[..text.floor_char_boundary(LARGEST_TEXT)];
        let mut notice = Self::default();
        let (mut in_session, mut in_copy) = (false, false);
        for line in text.lines().flat_map(parted) {
            in_copy = in_copy || begins_copy(line);
            let is_session = !in_copy && begins_session(line);
            in_session |= is_session;
            let part = match (in_copy, in_session) {
                (true, _) => &mut notice.copy,
                (_, true) => &mut notice.session,
                _ => &mut notice.said,
            };
            part.push_str(line);
            part.push('\n');
        }
        notice
    }

    /// What the other side answered in the transcript: about this address, or whatever it was.
    pub fn answers(&self, about: Option<&Address>) -> String {
        let is_answer = |line: &&str| ["<<<", "<--", "<- ", "S: "].iter().any(|mark| line.starts_with(mark)) || has_code(line);
        let names = |line: &str| about.is_none_or(|one| address::find(line).iter().any(|found| found.address == *one));
        let answers: Vec<&str> =
            self.session.lines().map(str::trim).filter(is_answer).filter(|line| names(line)).take(20).collect();
        answers.join(" ")
    }
}

/// A line of an ordinary length, or what a longer one is cut into.
const LONGEST_LINE: usize = 1_000;

fn parted(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest.take()?;
        if line.len() <= LONGEST_LINE {
            return Some(line);
        }
        let most = line.floor_char_boundary(LONGEST_LINE);
        let end = line[..most].rfind(' ').map_or(most, |blank| blank + 1);
        rest = Some(&line[end..]);
        Some(&line[..end])
    })
}

fn begins_copy(line: &str) -> bool {
    let line = flat(bare(line));
    let line = line.trim_start_matches("the ");
    starts(Kind::Copies, line) && !line.contains("was received")
}

fn begins_session(line: &str) -> bool {
    let line = flat(bare(line));
    ["transcript of session follows", "session transcript", "transcript of the session"]
        .iter()
        .any(|start| line.starts_with(start))
}

/// Whether the other side is still trying.
pub fn says_delayed(notice: &str) -> bool {
    says(Kind::Delayed, &flat(notice))
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
    let mut seen = 0;
    for (index, line) in lines.iter().enumerate() {
        let hits = address::find(line);
        seen += hits.len();
        if seen > ADDRESSES || found.blocks.len().max(found.listed.len()) > ADDRESSES {
            break;
        }
        let listed = list.holds(line);
        // Asked once of a line, however many addresses stand in it.
        let mut about_failure = None;
        for (place, hit) in hits.iter().enumerate() {
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
            } else if is_one_label(before, after) {
                found.labelled.push(entry);
            } else if *about_failure.get_or_insert_with(|| !is_contact(line) && is_about_failure(&lines, index)) {
                found.said.push(entry);
            }
            list.answered |= listed;
        }
        list.after(line);
    }
    let (labelled, said) = (std::mem::take(&mut found.labelled), std::mem::take(&mut found.said));
    found
        .best(&lines)
        .or_else(|| Habits { listed: labelled, ..Habits::default() }.best(&lines))
        .or_else(|| last_resort(&lines, ours, host))
        .or_else(|| Habits { listed: said, ..Habits::default() }.best(&lines))
        .unwrap_or_default()
}

/// The only address of a notice that is neither ours nor a desk's.
pub fn only_stranger(notice: &str, ours: &[Address]) -> Option<Address> {
    let mut all = notice.lines().flat_map(address::find).take(ADDRESSES).map(|Found { address, .. }| address);
    let is_name = |address: &Address| address.local().contains(|c: char| c.is_ascii_alphabetic());
    let is_stranger = |address: &Address| is_name(address) && !ours.contains(address) && !is_desk(address);
    let first = all.find(is_stranger)?;
    all.all(|other| other == first || !is_stranger(&other)).then_some(first)
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
    labelled: Vec<(Address, usize)>,
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
        let all = joined(lines);
        let mut unique: Vec<(Address, String)> = Vec::new();
        let mut known = BTreeSet::new();
        for (address, line) in chosen {
            if unique.len() >= RECIPIENTS {
                break;
            }
            if !known.insert(address.clone()) {
                continue;
            }
            let next = starts.partition_point(|start| *start <= line);
            let own = joined(&lines[line..starts.get(next).copied().unwrap_or(lines.len())]);
            let words = if by_block || starts.len() > 1 { own } else { all.clone() };
            unique.push((address, words));
        }
        (!unique.is_empty()).then_some(unique)
    }
}

/// As many lines on one as are judged.
pub fn joined(lines: &[&str]) -> String {
    let mut words = String::new();
    for line in lines {
        if words.len() > MOST_WORDS {
            break;
        }
        words.push_str(line);
        words.push(' ');
    }
    words
}

const MOST_WORDS: usize = 4_000;

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
    let words = joined(lines);
    let mut found = Vec::new();
    let mut open = false;
    for line in lines {
        // "ada" or "ada    no matches to nameserver query".
        let name = line.trim().split("  ").next().unwrap_or_default();
        let local = name.len() > 2
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
            && name.contains(|c: char| c.is_ascii_alphanumeric());
        if open && local && found.len() < RECIPIENTS {
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
        let notice = Notice::of("a\n--- Below this line is a copy of the message.\n<b@x.example>:");
        assert_eq!((notice.said.as_str(), notice.copy.lines().count()), ("a\n", 2));
        let sent = "The original message was received at noon\na\n";
        assert_eq!(Notice::of(sent).said, sent);
        let shown = Notice::of("a\n--- Transcript of session follows ---\n>>> RCPT To:<b@x.example>\n<<< 550 no\n");
        assert_eq!((shown.said.as_str(), shown.answers(None).as_str()), ("a\n", "<<< 550 no"));
    }

    #[test]
    fn an_answer_is_about_the_whole_address_that_it_names() {
        let notice =
            Notice::of("--- Transcript of session follows ---\n<<< 550 <jumbo@x.example> gone\n<<< 452 <Bo@X.example> full\n");
        let about = |address: &str| notice.answers(Some(&Address::parse(address).expect("address")));
        assert_eq!(about("bo@x.example"), "<<< 452 <Bo@X.example> full");
        assert_eq!(about("jumbo@x.example"), "<<< 550 <jumbo@x.example> gone");
    }

    #[test]
    fn a_long_line_is_looked_at_in_pieces() {
        let line = "ada@x.example ".repeat(1_000);
        assert!(parted(&line).all(|piece| piece.len() <= LONGEST_LINE));
        assert_eq!(parted(&line).collect::<String>(), line);
    }
}
