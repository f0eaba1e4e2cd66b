//! Finding addresses in running text.
//!
//! Returned mail is prose by a thousand authors: what looks like an address is cut out here, and still has to pass
//! the one door of `domain::address` before anybody believes it.

use crate::domain::address::Address;
use std::ops::Range;

/// An address found in a line, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub address: Address,
    /// The bytes of the line it stands on.
    pub at: Range<usize>,
}

/// Every address of a line, in order.
pub fn find(line: &str) -> Vec<Found> {
    spans(line).filter_map(|at| Some(Found { address: Address::parse(&line[at.clone()]).ok()?, at })).collect()
}

/// The first address of a text.
pub fn first(text: &str) -> Option<Address> {
    find(text).into_iter().next().map(|found| found.address)
}

/// What looks like an address, letter for letter as written: a token in a return path may mind its case.
pub fn written(line: &str) -> impl Iterator<Item = &str> {
    spans(line).map(|at| &line[at])
}

fn spans(line: &str) -> impl Iterator<Item = Range<usize>> {
    line.match_indices('@').filter_map(|(at, _)| {
        let local = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
        let head = &line[..at];
        let mut start = head.rfind(|c| !local(c)).map_or(0, |i| i + head[i..].chars().next().map_or(1, char::len_utf8));
        // "'ada@…" and "SMTP=ada@…" (Exchange) are legal local parts that nobody has.
        start += head[start..].find(|c: char| c.is_ascii_alphanumeric() || c == '_')?;
        if head[start..].get(..5).is_some_and(|prefix| prefix.eq_ignore_ascii_case("smtp=")) {
            start += 5;
        }
        let tail = &line[at + 1..];
        let end = tail.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-')).unwrap_or(tail.len());
        let domain = tail[..end].trim_end_matches(['.', '-']);
        (start < at && !domain.is_empty()).then(|| start..at + 1 + domain.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cut_out_of_prose() {
        let cases: [(&str, &[&str]); 9] = [
            ("<ada@x.example>: unknown", &["ada@x.example"]),
            ("addressed to 'ada@x.example', failed", &["ada@x.example"]),
            ("c=US;dda:SMTP=ada@x.EXAMPLE; on Friday", &["ada@x.example"]),
            ("RCPT TO:<Ada@x.example>... and bo@y.example.", &["ada@x.example", "bo@y.example"]),
            ("ada@x.example=20", &["ada@x.example"]),
            ("david...@gmail.com", &[]),
            ("é@x.example @ a@ @b", &[]),
            ("bounces+a=b.example@x.example", &["bounces+a=b.example@x.example"]),
            ("a@b@c.example", &["b@c.example"]),
        ];
        for (line, expected) in cases {
            let found: Vec<String> = find(line).iter().map(|found| found.address.to_string()).collect();
            assert_eq!(found, expected, "{line}");
        }
        assert_eq!(written("x bounces+AbC@News.example").collect::<Vec<_>>(), ["bounces+AbC@News.example"]);
    }
}
