//! What stands under an answer: the line of a telephone, a signature, a block of name and numbers, small print.

use super::quote_words::{WORDS, plain};

/// A signature has at most so many lines.
const LONGEST: usize = 16;

/// The lines without what stands under them.
pub(super) fn without<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let mut lines: Vec<&str> = lines.to_vec();
    cut_delimited(&mut lines);
    cut_disclaimer(&mut lines);
    loop {
        trim_end(&mut lines);
        match lines.last().map(|line| plain(line)) {
            Some(last) if WORDS.is_of_phone(&last) || is_rule(&last) => drop(lines.pop()),
            // "Get Outlook for iOS<https://aka.ms/o0ukef>", wrapped.
            Some(last) if lines.len() >= 2 && is_rest_of_link(&last) && WORDS.is_of_phone(&plain(lines[lines.len() - 2])) => {
                lines.truncate(lines.len() - 2);
            }
            _ => break,
        }
    }
    cut_name_block(&mut lines);
    trim_end(&mut lines);
    lines
}

fn trim_end(lines: &mut Vec<&str>) {
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
}

fn is_rest_of_link(line: &str) -> bool {
    line.trim_start_matches(['<', '(']).starts_with("http")
}

/// A rule that a program draws above a quote; theirs stands between lines of theirs.
fn is_rule(line: &str) -> bool {
    line.chars().count() >= 5 && line.chars().all(|c| matches!(c, '_' | '-' | '=' | '—'))
}

/// From the delimiter of RFC 3676, 4.3 on; programs lose its blank.
fn cut_delimited(lines: &mut Vec<&str>) {
    let delimiter = |line: &&str| matches!(line.trim_end(), "--" | "—" | "– " | "–");
    let Some(at) = lines.iter().position(delimiter) else { return };
    let below = lines[at + 1..].iter().filter(|line| !line.trim().is_empty()).count();
    if lines[at] == "-- " || below <= LONGEST {
        lines.truncate(at);
    }
}

/// From the first line of small print on: it stands at the end, behind something that was said.
fn cut_disclaimer(lines: &mut Vec<&str>) {
    let starts = |at: usize| at == 0 || lines[at - 1].trim().is_empty() || is_rule(&plain(lines[at - 1]));
    let found = (1..lines.len()).find(|at| starts(*at) && is_small_print(lines, *at));
    if let Some(at) = found {
        lines.truncate(at);
    }
}

/// Small print begins as companies' does, and is longer than an answer would be.
fn is_small_print(lines: &[&str], at: usize) -> bool {
    let line = plain(lines[at]);
    let paragraph = lines[at..].iter().take_while(|line| !line.trim().is_empty());
    let length: usize = paragraph.map(|line| line.chars().count()).sum();
    WORDS.is_disclaimer(&line) && (length >= 100 || line.starts_with("virus-free") || is_heading(&line))
}

/// "AVISO LEGAL", "Disclaimer:": a heading of small print, alone on its line.
fn is_heading(line: &str) -> bool {
    line.chars().count() <= 40
        && (line.ends_with(':')
            || ["aviso legal", "disclaimer", "legal notice", "avís legal", "confidentiality notice"].contains(&line))
}

/// The block of name, firm and numbers: behind the closing words, of which these and the name stay; or a paragraph of its own.
fn cut_name_block(lines: &mut Vec<&str>) {
    let floor = lines.len().saturating_sub(LONGEST);
    let closing = (floor..lines.len()).rev().find(|at| WORDS.is_closing(&plain(lines[*at])));
    if let Some(at) = closing {
        let below: Vec<usize> = (at + 1..lines.len()).filter(|at| !lines[*at].trim().is_empty()).collect();
        if below.iter().any(|at| is_contact(lines[*at])) {
            let name = below.first().filter(|at| is_name(lines[**at]));
            lines.truncate(name.map_or(at, |name| *name) + 1);
        }
        return;
    }
    let Some(gap) = (floor..lines.len()).rev().find(|at| lines[*at].trim().is_empty()) else { return };
    let block = &lines[gap + 1..];
    let short = block.iter().all(|line| line.chars().count() <= 60);
    if block.len() >= 2 && short && block.iter().any(|line| is_number_line(line)) && is_name(block[0]) {
        lines.truncate(gap);
    }
}

/// At most four words that begin with capitals, and no figures.
fn is_name(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let capital = |word: &&str| word.chars().next().is_some_and(|c| c.is_uppercase() || !c.is_alphabetic());
    (1..=4).contains(&words.len())
        && words.iter().all(capital)
        && !line.contains(|c: char| c.is_ascii_digit() || "@?!:".contains(c))
}

/// A line that says how to reach somebody: a number, an address, a page.
fn is_contact(line: &str) -> bool {
    let line = plain(line);
    is_number_line(&line)
        || line.contains("www.")
        || line.contains("http")
        || line.contains('@') && line.split_whitespace().count() <= 4
}

/// A telephone number with at most a label: "Tel. +34 93 555 01 24", "M: 600 000 000".
fn is_number_line(line: &str) -> bool {
    let digits = line.chars().filter(char::is_ascii_digit).count();
    let letters = line.chars().filter(|c| c.is_alphabetic()).count();
    (7..=40).contains(&digits) && letters <= digits && letters <= 20
}
