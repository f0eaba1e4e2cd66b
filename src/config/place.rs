//! The place of a value: in a file at a span, in an environment variable, or a file as a whole.
//!
//! Text that may be a secret is covered before a line is shown.

use std::ops::Range;
use std::sync::Arc;

/// A file's text, with the path under which people know it.
#[derive(Debug)]
pub struct Source {
    pub path: String,
    /// As read, without a byte order mark.
    pub text: String,
    /// The text with secrets covered, of the same length in bytes.
    shown: String,
}

impl Source {
    /// A file whose lines may be shown as they are.
    pub fn open(path: String, text: &str) -> Arc<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        Arc::new(Self { path, shown: text.clone(), text })
    }

    /// A file that may hold secrets.
    pub fn guarded(path: String, text: &str) -> Arc<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        Arc::new(Self { path, shown: covered(&text), text })
    }

    /// The text with secrets covered; spans of the original fit it.
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

/// The place of a value.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a file, at these bytes.
    At(Arc<Source>, Range<usize>),
    /// In this environment variable.
    Variable(String),
    /// In this file as a whole, or in its absence.
    File(String),
}

impl Place {
    /// The path of the file, or "environment variable" with its name.
    pub fn path(&self) -> String {
        match self {
            Self::At(source, _) => source.path.clone(),
            Self::Variable(name) => format!("environment variable {name}"),
            Self::File(path) => path.clone(),
        }
    }

    /// Line and column, both from 1 and the column in characters, if the place has them.
    pub fn position(&self) -> Option<(usize, usize)> {
        let Self::At(source, span) = self else { return None };
        let before = source.text.get(..span.start)?;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Some((before.matches('\n').count() + 1, before[line_start..].chars().count() + 1))
    }

    /// `file:line:column`, or the part of it that the place has.
    pub fn cite(&self) -> String {
        match self.position() {
            Some((line, column)) => format!("{}:{line}:{column}", self.path()),
            None => self.path(),
        }
    }

    /// The same file at other bytes, clamped to the text and to the boundaries of characters.
    pub fn at(source: &Arc<Source>, span: Range<usize>) -> Self {
        let floor = |at: usize| (0..=at.min(source.text.len())).rev().find(|i| source.text.is_char_boundary(*i)).unwrap_or(0);
        let start = floor(span.start);
        Self::At(source.clone(), start..floor(span.end).max(start))
    }
}

/// Whether the value of a key is a secret, or of a misspelt secret. `…_file` is a path, and `public_url` is public.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let misspelt = |secret: &str| strsim::damerau_levenshtein(&key, secret) <= 2;
    let holds = ["password", "token", "secret"].into_iter().any(|secret| key.contains(secret));
    !key.ends_with("_file")
        && (key.ends_with("signing_key")
            || ["url", "pass", "key"].contains(&key.as_str())
            || holds
            || misspelt("password")
            || misspelt("api_token"))
}

/// Covers what follows the name of a secret, to the end of its line or of its multi-line text. It works on text
/// that is not TOML, because a syntax error must not print a password. A private key is covered under any name.
fn covered(text: &str) -> String {
    let text = without_pem(text);
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    while let Some(start) = rest.find(is_word) {
        let word_end = rest[start..].find(|c| !is_word(c)).map_or(rest.len(), |length| start + length);
        shown.push_str(&rest[..word_end]);
        let word = &rest[start..word_end];
        rest = &rest[word_end..];
        // The heading of a table, [[http.token]], assigns nothing.
        if !is_secret(word) || rest.starts_with(']') {
            continue;
        }
        let lead = rest.find(|c| !matches!(c, ' ' | '\t' | '=' | '"' | '\'')).unwrap_or(rest.len());
        // A comment may mention a key without assigning it.
        if word.eq_ignore_ascii_case("key") && !rest[..lead].contains('=') {
            continue;
        }
        let fence = ["\"\"\"", "'''"].into_iter().find(|fence| rest[..lead].contains(fence));
        let end = match fence {
            Some(fence) => rest[lead..].find(fence).map_or(rest.len(), |length| lead + length),
            None => rest.find('\n').unwrap_or(rest.len()),
        };
        shown.push_str(&rest[..lead]);
        for c in rest[lead..end.max(lead)].chars() {
            match c {
                '\n' | '\r' => shown.push(c),
                _ => shown.extend(std::iter::repeat_n('*', c.len_utf8())),
            }
        }
        rest = &rest[end.max(lead)..];
    }
    shown.push_str(rest);
    shown
}

/// The same number of bytes, with the contents of PEM covered: between its dashes, or to the end where they are missing.
fn without_pem(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find("-----BEGIN") {
        let end = rest[begin..].find("-----END").map_or(rest.len(), |length| begin + length);
        shown.push_str(&rest[..begin]);
        shown.extend(rest[begin..end].bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { char::from(byte) } else { '*' }));
        rest = &rest[end..];
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_covered_whatever_stands_around_it() {
        for text in [
            "password = \"hunter2\"",
            "pasword = \"hunter2\"",
            "password \"hunter2\"",
            "password = 'hunter2",
            "smtp = { port = \"x\", password = \"hunter2\" }",
            "\"password\" = \"hunter2\"",
            "api_token = \"\"\"\nab\nhunter2\n\"\"\"\nlisten = 1",
            "url = \"postgres://x:hunter2@y/z\"",
            "key = \"hunter2\"",
            "[[http.token]]\nsecret = \"hunter2\"",
            "token = [{ name = \"shop\", secret = \"hunter2\" }]",
            "kye = \"\"\"\n-----BEGIN PRIVATE KEY-----\nhunter2\nñ\n-----END PRIVATE KEY-----\n\"\"\"",
            "kye = \"-----BEGIN PRIVATE KEY-----\\nhunter2\"",
        ] {
            let shown = covered(text);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert_eq!(shown.len(), text.len(), "{shown}");
        }
    }

    #[test]
    fn what_is_no_secret_stays_readable() {
        for text in [
            "public_url = \"http://x\"",
            "key_file = \"n1.pem\"",
            "[[http.token]]\nname = \"shop\"\nsecret_file = \"shop.token\"\nsha256 = \"ab\"",
            "# Every key can be set",
            "password_file = \"smtp.key\"",
            "host = \"x\"\nport = 25 # ñ",
            "",
        ] {
            assert_eq!(covered(text), text);
        }
    }

    #[test]
    fn positions_count_characters_from_one() {
        let source = Source::open("a.toml".into(), "x = 1\nñ = 2\n");
        assert_eq!(Place::at(&source, 9..10).position(), Some((2, 3)));
        assert_eq!(Place::at(&source, 99..120).position(), Some((3, 1)));
    }
}
