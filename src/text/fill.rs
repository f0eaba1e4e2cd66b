//! The template of a newsletter: `{{ issue.month }}` and the few names like it, and no other syntax.
//!
//! Values replace names after the Markdown is parsed (see [`Values`]), so that lint and compose see the very
//! same structure and no value can become markup. There are no branches: a variant is another file.

use jiff::civil::Date;
use minijinja::{Environment, UndefinedBehavior, context};
use std::borrow::Cow;
use std::ops::Range;

/// A problem with a text, at its exact words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The bytes in the text complained of.
    pub span: Range<usize>,
    pub title: String,
    pub help: String,
}

/// A newsletter's Markdown with a private-use character in place of each name, and the mapping back to the source.
#[derive(Debug)]
pub struct Filled {
    pub text: String,
    /// Where in `text` each segment starts, and its place in the source; ordered.
    segments: Vec<Segment>,
}

#[derive(Debug)]
struct Segment {
    at: usize,
    source: Range<usize>,
    copied: bool,
}

/// The values of the names in one issue.
#[derive(Debug)]
pub struct Values([String; 5]);

/// The names a newsletter can use.
pub const NAMES: [&str; 5] = ["organisation.name", "campaign.name", "issue.date", "issue.year", "issue.month"];

/// The private-use characters that stand for [`NAMES`] while the Markdown is parsed.
const LETTERS: [&str; 5] = ["\u{F0001}", "\u{F0002}", "\u{F0003}", "\u{F0004}", "\u{F0005}"];

/// The first parts of names that would address a person.
const PERSONAL: [&str; 30] = [
    "prospect",
    "person",
    "first_name",
    "last_name",
    "firstname",
    "lastname",
    "full_name",
    "fullname",
    "name",
    "surname",
    "fname",
    "lname",
    "email",
    "address",
    "phone",
    "company",
    "account",
    "contact",
    "user",
    "recipient",
    "subscriber",
    "lead",
    "customer",
    "you",
    "salutation",
    "title",
    "field",
    "fields",
    "tags",
    "member",
];

/// Parses the template of a newsletter; complaints point into `source`.
pub fn fill(source: &str) -> (Filled, Vec<Complaint>) {
    let mut filled = Filled { text: String::with_capacity(source.len()), segments: Vec::new() };
    let mut complaints = Vec::new();
    let mut at = 0;
    while let Some((open, close)) = next_tag(&source[at..]) {
        let start = at + open;
        filled.push(&source[at..start], at..start, true);
        let Some(length) = tag_length(&source[start..], close) else {
            complaints.push(Complaint {
                span: start..start + 2,
                title: format!("this {} is never closed", &source[start..start + 2]),
                help: format!("close it with {close}, or write {{{{ \"{}\" }}}} to print the braces", &source[start..start + 2]),
            });
            at = start;
            break;
        };
        let whole = start..start + length;
        let replacement = match close {
            "}}" => expression(source, start + 2..whole.end - 2).unwrap_or_else(|complaint| {
                complaints.push(complaint);
                "x".to_owned()
            }),
            "%}" => {
                complaints.push(Complaint {
                    span: whole.clone(),
                    title: "a newsletter cannot branch or repeat".to_owned(),
                    help: "group mail says the same words to everybody; write a variant in a file of its own".to_owned(),
                });
                String::new()
            }
            _ => String::new(),
        };
        at = whole.end;
        filled.push(&replacement, whole, false);
    }
    filled.push(&source[at..], at..source.len(), true);
    (filled, complaints)
}

impl Filled {
    /// The bytes of the source from which a stretch of the filled text came.
    pub fn source(&self, range: Range<usize>) -> Range<usize> {
        let start = self.place(range.start, false);
        start..self.place(range.end, true).max(start)
    }

    fn place(&self, at: usize, is_end: bool) -> usize {
        // An end belongs to the segment before it.
        let inside = |s: &Segment| if is_end { s.at < at } else { s.at <= at };
        let n = self.segments.partition_point(inside).saturating_sub(1);
        match self.segments.get(n) {
            Some(s) if s.copied => (s.source.start + at.saturating_sub(s.at)).min(s.source.end),
            Some(s) if is_end => s.source.end,
            Some(s) => s.source.start,
            None => 0,
        }
    }

    fn push(&mut self, text: &str, source: Range<usize>, copied: bool) {
        if !source.is_empty() {
            self.segments.push(Segment { at: self.text.len(), source, copied });
            self.text.push_str(text);
        }
    }
}

impl Values {
    pub fn new(organisation: &str, campaign: &str, date: Date) -> Self {
        let dated = |format: &str| date.strftime(format).to_string();
        Self([organisation.to_owned(), campaign.to_owned(), dated("%-d %B %Y"), dated("%Y"), dated("%B")])
    }

    /// The text with every name replaced.
    pub fn put<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !text.contains(LETTERS.map(first_char)) {
            return Cow::Borrowed(text);
        }
        let put = |c: char| LETTERS.iter().position(|l| first_char(l) == c).map(|n| self.0[n].as_str());
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match put(c) {
                Some(value) => out.push_str(value),
                None => out.push(c),
            }
        }
        Cow::Owned(out)
    }
}

fn first_char(letter: &str) -> char {
    letter.chars().next().unwrap_or_default()
}

/// The next opening braces and what closes them.
fn next_tag(text: &str) -> Option<(usize, &'static str)> {
    const CLOSING: [(&str, &str); 3] = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];
    CLOSING.into_iter().filter_map(|(open, close)| Some((text.find(open)?, close))).min()
}

/// The length of a tag with both its braces; quoted strings may hold braces.
fn tag_length(text: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(2) {
        match quote {
            _ if close == "#}" && text[at..].starts_with(close) => return Some(at + 2),
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            None if text[at..].starts_with(close) => return Some(at + 2),
            None if close != "#}" && (c == '"' || c == '\'') => quote = Some(c),
            Some(_) | None => {}
        }
    }
    None
}

/// What replaces an expression: the character of a known name, or a quoted text.
fn expression(source: &str, span: Range<usize>) -> Result<String, Complaint> {
    let inner = &source[span.clone()];
    let trimmed = inner.trim();
    let start = span.start + (inner.len() - inner.trim_start().len());
    let exact = start..start + trimmed.len();
    if let Some(n) = NAMES.iter().position(|name| *name == trimmed) {
        return Ok(LETTERS[n].to_owned());
    }
    let known = format!("it can name {}", NAMES.join(", "));
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(1_000));
    let compiled = environment.compile_expression(trimmed).map_err(|error| Complaint {
        span: if exact.is_empty() { span } else { exact.clone() },
        title: format!("this is not a name: {}", error.detail().unwrap_or("it cannot be read")),
        help: known.clone(),
    })?;
    let mut names: Vec<String> = compiled.undeclared_variables(true).into_iter().collect();
    names.sort();
    if let Some(name) = names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        let from = trimmed.find(name.as_str()).map_or(exact.clone(), |at| start + at..start + at + name.len());
        return Err(unknown_name(name, from, known));
    }
    if !names.is_empty() {
        return Err(Complaint {
            span: exact,
            title: "only a name may stand here, as it is".to_owned(),
            help: "no filters and no conditions: everybody reads the same words".to_owned(),
        });
    }
    let value = compiled.eval(context! {}).map_err(|error| Complaint {
        span: exact,
        title: format!("this cannot be printed: {}", error.detail().unwrap_or("it has no value")),
        help: known,
    })?;
    Ok(value.to_string())
}

fn unknown_name(name: &str, span: Range<usize>, known: String) -> Complaint {
    let root = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
    if PERSONAL.contains(&root.as_str()) {
        return Complaint {
            span,
            title: format!("group mail cannot name a prospect: {name}"),
            help: "everybody gets the same words; words for one person belong to the salesperson who takes them over".to_owned(),
        };
    }
    Complaint { span, title: format!("a newsletter does not know {name}"), help: known }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(source: &str) -> Vec<(String, String)> {
        let (_, found) = fill(source);
        found.into_iter().map(|c| (source[c.span].to_owned(), c.title)).collect()
    }

    #[test]
    fn known_names_are_filled_and_nothing_else_is() {
        let values = Values::new("Tecnofab", "line", jiff::civil::date(2026, 11, 3));
        let (filled, found) =
            fill("{{ organisation.name }} in {{issue.month}} {{ issue.year }}, {{ issue.date }}{# note #} {{ \"{{\" }}");
        assert_eq!(found, []);
        assert_eq!(values.put(&filled.text), "Tecnofab in November 2026, 3 November 2026 {{");
    }

    #[test]
    fn a_value_is_never_markup_or_a_name() {
        let values = Values::new("<b>*x* {{ issue.year }}", "line", jiff::civil::date(2026, 11, 3));
        let (filled, _) = fill("{{ organisation.name }}");
        assert_eq!(filled.text.chars().count(), 1);
        assert_eq!(values.put(&filled.text), "<b>*x* {{ issue.year }}");
    }

    #[test]
    fn complaints_point_at_the_exact_words() {
        let personal = "group mail cannot name a prospect: ";
        for (source, words, title) in [
            ("Dear {{ first_name }},", "first_name", format!("{personal}first_name")),
            ("é {{ prospect.company|upper }}", "prospect.company", format!("{personal}prospect.company")),
            ("{{ Email }}", "Email", format!("{personal}Email")),
            ("{{ organisation.city }}", "organisation.city", "a newsletter does not know organisation.city".to_owned()),
            ("a {{ issue.year", "{{", "this {{ is never closed".to_owned()),
            ("{% if x %}", "{% if x %}", "a newsletter cannot branch or repeat".to_owned()),
            ("{{ issue.year + 1 }}", "issue.year + 1", "only a name may stand here, as it is".to_owned()),
        ] {
            assert_eq!(complaints(source), [(words.to_owned(), title)], "{source}");
        }
        assert_eq!(complaints("{{ = }}")[0].0, "=");
        assert_eq!(complaints("{{}}").len(), 1);
    }

    #[test]
    fn filled_places_lead_back_to_the_source() {
        let source = "ab {{ issue.year }} cd";
        let (filled, _) = fill(source);
        let at = filled.text.find("cd").expect("copied");
        assert_eq!(&source[filled.source(at..at + 2)], "cd");
        assert_eq!(&source[filled.source(3..3 + LETTERS[0].len())], "{{ issue.year }}");
        assert_eq!(filled.source(0..filled.text.len()), 0..source.len());
    }
}
