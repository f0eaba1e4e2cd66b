//! Own words: what a person wrote, without what they quoted, what their program added, and what we wrote ourselves.

use super::ours::{self, Ours};
use super::quotes::{self, Begins};
use super::signature;

/// The longest text kept of an answer, in characters.
pub const LONGEST: usize = 4000;

/// So few words are an answer, and no copy of a mail.
const BRIEF: usize = 30;

/// What the person wrote, at most [`LONGEST`] characters; `ours`: the text of the mail they answer, where it is known.
pub fn own_words(text: &str, ours: Option<&Ours>) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let (mut own, rest) = before_copy(&lines);
    let mut echo = Vec::new();
    if let Some(kept) = ours.and_then(|ours| ours::without(&own, ours)) {
        echo = std::mem::replace(&mut own, kept);
    }
    if is_blank(&own) {
        // They wrote under the copy, or into it: what is not ours is theirs.
        own = ours.and_then(|ours| ours::without(rest, ours)).unwrap_or_default();
    }
    if is_blank(&own) && is_brief(&echo) {
        // "Please take me off your list" stands in our mail too, and is all they say.
        own = echo;
    }
    tidy(&signature::without(&own))
}

fn is_blank(lines: &[&str]) -> bool {
    lines.iter().all(|line| line.trim().is_empty())
}

fn is_brief(lines: &[&str]) -> bool {
    lines.iter().flat_map(|line| line.split_whitespace()).count() <= BRIEF
}

/// The lines that nothing marks as quoted, and those of a copy without marks, which goes on to the end.
fn before_copy<'a, 'b>(lines: &'b [&'a str]) -> (Vec<&'a str>, &'b [&'a str]) {
    let mut own: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if quotes::is_marked(lines, at) || is_overflow(lines, at) {
            // What stands above and below a quote is not one paragraph.
            own.push("");
            at += 1;
            continue;
        }
        let after_gap = own.last().is_none_or(|line| line.trim().is_empty());
        match quotes::begins(&lines[at..], after_gap) {
            Some(Begins::Header(length)) => return (own, &lines[at + length..]),
            Some(Begins::Attribution(length)) => {
                let next = (at + length..lines.len()).find(|next| !lines[*next].trim().is_empty());
                // Answers between marked quotes stay; a copy without marks goes on to the end.
                if next.is_some_and(|next| !quotes::is_marked(lines, next)) {
                    return (own, &lines[at + length..]);
                }
                own.push("");
                at += length;
            }
            None => {
                // "From " at the beginning of a line, as mbox writes it.
                let line = lines[at];
                own.push(if line.starts_with(">From ") { &line[1..] } else { line });
                at += 1;
            }
        }
    }
    (own, &[])
}

/// What stands for a picture: `[cid:image001.png@01D]`, `[image: logo]`, `<image001.png>`.
fn is_picture(line: &str) -> bool {
    let line = line.trim();
    let named = |begin: &str, end: &str| {
        line.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end)).is_some_and(|name| !name.contains(end))
    };
    named("[cid:", "]") || named("[image: ", "]") || named("<image", ">")
}

/// The end of a quoted line that a program broke without marking it again.
fn is_overflow(lines: &[&str], at: usize) -> bool {
    let Some(above) = at.checked_sub(1).filter(|above| quotes::is_marked(lines, *above)) else { return false };
    lines[above].chars().count() >= 60 && lines[at].starts_with(|c: char| c.is_lowercase())
}

/// One text: no control characters, no two blank lines, not too long.
fn tidy(lines: &[&str]) -> String {
    let mut out: Vec<&str> = Vec::new();
    for line in lines.iter().filter(|line| !is_picture(line)) {
        if !line.trim().is_empty() || out.last().is_some_and(|last| !last.trim().is_empty()) {
            out.push(line.trim_end());
        }
    }
    let text: String = out.join("\n").chars().filter(|c| !c.is_control() || *c == '\n' || *c == '\t').collect();
    let mut text = text.trim();
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text = text[..end].trim_end();
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brief_answer_in_words_of_ours_is_theirs_and_a_whole_copy_is_not() {
        let letter = "Every third page says that the belt was slowed by hand after a stop, and no page says when it went back to full \
                      speed.\n\nWrite to us and say \"please take me off your list\" if you want no more of them.";
        let ours = Ours::of(letter);
        let wish = "Please take me off your list.";
        for answer in [wish.to_owned(), format!("{wish}\n\nOn Mon, 3 May 2027, Marta Vidal wrote:\n> Every third page says")] {
            assert_eq!(own_words(&answer, Some(&ours)), wish, "{answer}");
        }
        assert_eq!(own_words(letter, Some(&ours)), "");
        assert_eq!(own_words(&format!("{wish}\n\nCome in May."), Some(&ours)), "Come in May.");
    }
}
