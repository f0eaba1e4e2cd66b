//! Our own text in somebody's answer: paragraphs of the mail that was answered are known even where nothing marks them.

use super::authored::authored;
use mail_parser::MessageParser;
use std::collections::HashSet;

/// A run of so many words is compared.
const RUN: usize = 3;
/// Fewer words than this may be anybody's.
const FEWEST: usize = 5;

/// The text of a mail of ours, as it is looked up.
#[derive(Debug, Default)]
pub struct Ours {
    runs: HashSet<[String; RUN]>,
    lines: HashSet<String>,
}

impl Ours {
    pub fn of(text: &str) -> Self {
        let words = words(text);
        let runs = words.windows(RUN).filter_map(|run| run.to_vec().try_into().ok()).collect();
        let lines = text.lines().map(|line| self::words(line).join(" ")).filter(|line| !line.is_empty()).collect();
        Self { runs, lines }
    }

    /// As [`Self::of`], of the bytes of a mail.
    pub fn of_mail(raw: &[u8]) -> Option<Self> {
        let message = MessageParser::default().parse(raw)?;
        Some(Self::of(&authored(&message).text))
    }

    /// Whether nearly all of this is ours; not told of a few words.
    pub(super) fn wrote(&self, text: &str) -> bool {
        let words = words(text);
        if words.len() < FEWEST {
            return false;
        }
        let known =
            words.windows(RUN).filter(|run| <&[String; RUN]>::try_from(*run).is_ok_and(|run| self.runs.contains(run))).count();
        known * 5 >= (words.len() + 1 - RUN) * 4
    }

    /// Whether a line is one of ours, however short: said of lines that stand beside ours.
    pub(super) fn has_line(&self, line: &str) -> bool {
        let words = words(line);
        words.is_empty() || is_link(line) || self.lines.contains(&words.join(" "))
    }
}

/// Whether it is an address and nothing else, or the name of a picture.
fn is_link(line: &str) -> bool {
    let line = line.trim().trim_matches(['<', '>', '[', ']', '(', ')']);
    let is_url = |word: &str| {
        word.starts_with("http:") || word.starts_with("https:") || word.starts_with("mailto:") || word.starts_with("cid:")
    };
    line.split_whitespace().all(is_url)
}

fn words(text: &str) -> Vec<String> {
    let apart = text.split_whitespace().filter(|word| !word.trim_start_matches(['<', '(', '[']).starts_with("http"));
    let letters = apart.flat_map(|word| word.split(|c: char| !c.is_alphanumeric()));
    letters.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// The lines that are not ours. `None` where nothing of ours is found.
pub(super) fn without<'a>(lines: &[&'a str], ours: &Ours) -> Option<Vec<&'a str>> {
    let mut mine = vec![false; lines.len()];
    for paragraph in paragraphs(lines) {
        let whole = lines[paragraph.clone()].join(" ");
        if ours.wrote(&whole) {
            mine[paragraph].fill(true);
            continue;
        }
        for at in paragraph {
            mine[at] = ours.wrote(lines[at]);
        }
    }
    let first = mine.iter().position(|mine| *mine)?;
    let last = mine.iter().rposition(|mine| *mine)?;
    // Beside ours stand our headings, links and names, which are too short to be told by themselves.
    let near = first.saturating_sub(8)..lines.len().min(last + 12);
    for at in near.clone() {
        mine[at] = mine[at] || !lines[at].trim().is_empty() && ours.has_line(lines[at]) && beside(&mine, lines, at);
    }
    for at in near.rev() {
        mine[at] = mine[at] || !lines[at].trim().is_empty() && ours.has_line(lines[at]) && beside(&mine, lines, at);
    }
    Some(lines.iter().zip(&mine).map(|(line, mine)| if *mine { "" } else { *line }).collect())
}

/// Whether the nearest line with words, above or below, is ours.
fn beside(mine: &[bool], lines: &[&str], at: usize) -> bool {
    let said = |index: &usize| !lines[*index].trim().is_empty();
    let above = (0..at).rev().find(said);
    let below = (at + 1..lines.len()).find(said);
    [above, below].into_iter().flatten().any(|near| mine[near])
}

fn paragraphs(lines: &[&str]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    for (at, line) in lines.iter().enumerate() {
        if line.trim().is_empty() {
            if from < at {
                found.push(from..at);
            }
            from = at + 1;
        }
    }
    if from < lines.len() {
        found.push(from..lines.len());
    }
    found
}
