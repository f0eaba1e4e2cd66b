//! Markdown parsed into a tree, with the mapping from a node to its bytes. Lint and compose use the same options.

use crate::domain::criterion::Criterion;
use comrak::nodes::{Node, NodeValue};
use comrak::{Arena, Options};
use std::ops::Range;

/// Parses Markdown: `CommonMark` with tables, strikethrough and bare links.
pub fn read<'a>(arena: &'a Arena<'a>, text: &str) -> Node<'a> {
    comrak::parse_document(arena, text, &options())
}

/// How Markdown is parsed and printed. The only HTML blocks that reach the printer are inserted by compose: lint refuses an
/// author's.
pub fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    options.render.r#unsafe = true;
    options
}

/// The starts of the lines of a text.
#[derive(Debug)]
pub struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// Finds the lines, with any of the three line ends of `CommonMark`.
    pub fn of(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let ends = |at: usize| bytes[at] == b'\n' || (bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        let mut starts = vec![0];
        starts.extend((0..bytes.len()).filter(|at| ends(*at)).map(|at| at + 1));
        Self { text, starts }
    }

    /// The bytes of a node; those of `words` within it, if they are there.
    pub fn span(&self, node: Node<'_>, words: &str) -> Range<usize> {
        let place = node.data.borrow().sourcepos;
        let start = self.offset(place.start.line, place.start.column.saturating_sub(1));
        let end = self.offset(place.end.line, place.end.column).max(start);
        match self.text[start..end].find(words) {
            Some(at) if !words.is_empty() => start + at..start + at + words.len(),
            _ => start..end,
        }
    }

    fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        self.text.floor_char_boundary((start + column).min(self.text.len()))
    }
}

/// The meaning of a paragraph that starts with `:::`.
#[derive(Debug, PartialEq, Eq)]
pub enum Directive {
    /// `:::ask budget`
    Ask(Criterion),
    /// `:::ask` and a word that is no criterion.
    AskUnknown(String),
    Unknown(String),
    /// A valid line that is not alone in its paragraph.
    NotAlone,
}

/// The directive in a block, if it is one: `:::ask CRITERION`, and on the next line nothing, or `:::`.
pub fn directive(node: Node<'_>) -> Option<Directive> {
    if !matches!(node.data.borrow().value, NodeValue::Paragraph) {
        return None;
    }
    let text = words(node);
    let mut lines = text.lines().map(str::trim);
    let mut all = text.lines().map(str::trim);
    if !all.any(|line| line.starts_with(":::")) {
        return None;
    }
    let first = lines.next().unwrap_or_default();
    let rest: Vec<&str> = lines.collect();
    let Some(said) = first.strip_prefix(":::").map(str::trim) else {
        return Some(Directive::NotAlone);
    };
    if !matches!(rest.as_slice(), [] | [":::"]) {
        return Some(Directive::NotAlone);
    }
    Some(match said.split_once(char::is_whitespace).unwrap_or((said, "")) {
        ("ask", word) => {
            Criterion::parse(word.trim()).map_or_else(|| Directive::AskUnknown(word.trim().to_owned()), Directive::Ask)
        }
        (word, _) => Directive::Unknown(word.to_owned()),
    })
}

/// The words of a node without any markup; line breaks as `\n`.
pub fn words(node: Node<'_>) -> String {
    let mut text = String::new();
    for inner in node.descendants() {
        match &inner.data.borrow().value {
            NodeValue::Text(words) => text.push_str(words),
            NodeValue::Code(code) => text.push_str(&code.literal),
            NodeValue::SoftBreak | NodeValue::LineBreak => text.push('\n'),
            _ => {}
        }
    }
    text
}

/// Whether a link is an `http` or `https` URL with a host, of at most 2,000 bytes.
pub fn is_web_link(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    web && !host.is_empty() && !host.starts_with(':') && url.len() <= 2_000
}

/// The link in a form for a `Location` header and an HTML attribute: what RFC 3986 does not allow is percent-encoded.
pub fn escape_link(url: &str) -> String {
    let mut safe = String::with_capacity(url.len());
    for byte in url.bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0..=b' ' | 0x7f.. => {
                safe.push('%');
                safe.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])));
            }
            _ => safe.push(char::from(byte)),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(markdown: &str) -> Option<Directive> {
        let arena = Arena::new();
        let node = read(&arena, markdown).first_child().expect("a block");
        directive(node)
    }

    #[test]
    fn directives_are_read() {
        assert_eq!(first(":::ask budget"), Some(Directive::Ask(Criterion::Budget)));
        assert_eq!(first("::: ask need\n:::"), Some(Directive::Ask(Criterion::Need)));
        assert_eq!(first(":::ask money"), Some(Directive::AskUnknown("money".to_owned())));
        assert_eq!(first(":::vote x"), Some(Directive::Unknown("vote".to_owned())));
        assert_eq!(first("words\n:::ask budget"), Some(Directive::NotAlone));
        assert_eq!(first(":::ask budget\nwords"), Some(Directive::NotAlone));
        assert_eq!(first("a ::: b"), None);
        assert_eq!(first("```\n:::ask budget\n```"), None);
    }

    #[test]
    fn web_links_are_safe_for_a_header() {
        assert_eq!(escape_link("https://x.example/ä b\r\n\""), "https://x.example/%C3%A4%20b%0D%0A%22");
        assert!(is_web_link("HTTPS://x.example"));
        for bad in ["javascript:alert(1)", "/prices", "https://", "http://:80", "http://user@", "ftp://x", "mailto:a@b.c"] {
            assert!(!is_web_link(bad), "{bad}");
        }
    }
}
