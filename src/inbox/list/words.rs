//! Words as the tables compare them: without capitals, accents, punctuation, blanks and what cannot be seen.

use crate::domain::invisible::is_invisible;
use crate::domain::plain_letters::{fold, is_combining};

/// Where a part of a text begins, and where what follows it does.
pub(super) type Place = (usize, usize);

/// Whether two places have a letter in common.
pub(super) const fn meet(a: Place, b: Place) -> bool {
    a.0 < b.1 && b.0 < a.1
}

/// A text in its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    loose: String,
    /// Where each word begins in `loose`; the next one's beginning is its end.
    starts: Vec<usize>,
}

impl Words {
    /// `HasOptedOutOfEmail`, `has_opted_out_of_email` and `Has opted-out of email` are the same words.
    pub(super) fn of(text: &str) -> Self {
        let (mut loose, mut starts) = (String::new(), Vec::new());
        let mut before = None::<char>;
        for c in text.chars().filter(|c| !unseen(*c) && !is_combining(*c)) {
            if c.is_alphanumeric() {
                let begins = before.is_none_or(|b| !b.is_alphanumeric() || b.is_lowercase() && c.is_uppercase());
                if begins {
                    starts.push(loose.len());
                }
                fold(c, &mut loose);
            }
            before = Some(c);
        }
        Self { loose, starts }
    }

    pub(super) fn loose(&self) -> &str {
        &self.loose
    }

    pub(super) fn tokens(&self) -> impl Iterator<Item = &str> {
        self.spans().map(|(start, end)| &self.loose[start..end])
    }

    /// The words of which no letter lies in one of these places.
    pub(super) fn outside(&self, places: &[Place]) -> Vec<&str> {
        self.spans()
            .filter(|span| !places.iter().any(|place| meet(*span, *place)))
            .map(|(from, to)| &self.loose[from..to])
            .collect()
    }

    /// The words that lie in one of these places, in whole or in part.
    pub(super) fn inside(&self, places: &[Place]) -> Vec<&str> {
        self.spans()
            .filter(|span| places.iter().any(|place| meet(*span, *place)))
            .map(|(from, to)| &self.loose[from..to])
            .collect()
    }

    fn spans(&self) -> impl Iterator<Item = Place> {
        let ends = self.starts.iter().skip(1).copied().chain([self.loose.len()]);
        self.starts.iter().copied().zip(ends)
    }

    /// Whether a word begins or ends there.
    fn parts_at(&self, at: usize) -> bool {
        at == self.loose.len() || self.starts.contains(&at)
    }

    /// Whether a word ends there, or there and the `s` of a plural.
    fn ends_at(&self, at: usize) -> bool {
        self.parts_at(at) || self.loose[at..].starts_with('s') && self.parts_at(at + 1)
    }
}

/// Letters and digits only, lower case, without accents.
pub(super) fn loose(text: &str) -> String {
    let mut loose = String::new();
    for c in text.chars().filter(|c| c.is_alphanumeric() && !unseen(*c)) {
        fold(c, &mut loose);
    }
    loose
}

/// What a text is looked up by: its letters and digits, or, where it has none, itself.
pub(super) fn key(text: &str) -> String {
    let loose = loose(text);
    if loose.is_empty() { text.trim().to_owned() } else { loose }
}

/// A text without what nobody sees; a nought is what a file in two bytes a letter leaves behind when it is misread.
pub(super) fn visible(text: &str) -> String {
    text.chars().filter(|c| !unseen(*c)).collect()
}

pub(super) const fn unseen(c: char) -> bool {
    is_invisible(c) || c == '\0'
}

/// A header or a word of one with gaps: `Opted out of email*`, `E-mail * - Value`, `*~einwilligung`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    /// The parts between the gaps; whether a word may end so.
    parts: Vec<(String, bool)>,
    from_the_beginning: bool,
    to_the_end: bool,
}

impl Pattern {
    /// `None` without a gap.
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.contains(['*', '~']).then(|| Self {
            parts: text.split('*').map(|part| (loose(part), part.contains('~'))).filter(|(part, _)| !part.is_empty()).collect(),
            from_the_beginning: !text.starts_with(['*', '~']),
            to_the_end: !text.ends_with('*'),
        })
    }

    /// How many letters it names.
    pub(super) fn letters(&self) -> usize {
        self.parts.iter().map(|(part, _)| part.chars().count()).sum()
    }

    /// Whether the header must begin with it.
    pub(super) const fn is_beginning(&self) -> bool {
        self.from_the_beginning
    }

    /// Where the words have its parts, each a run of whole words, in this order.
    pub(super) fn find(&self, words: &Words) -> Option<Vec<Place>> {
        let (mut from, mut places) = (0, Vec::with_capacity(self.parts.len()));
        for (index, (part, compound)) in self.parts.iter().enumerate() {
            let first = self.from_the_beginning && index == 0;
            let last = self.to_the_end && index + 1 == self.parts.len();
            let mut found = words.loose[from..].match_indices(part.as_str()).map(|(at, _)| (from + at, from + at + part.len()));
            let place = found.find(|(start, end)| {
                (*compound || words.parts_at(*start))
                    && words.ends_at(*end)
                    && (!first || *start == 0)
                    && (!last || *end == words.loose.len())
            })?;
            from = place.1;
            places.push(place);
        }
        (!places.is_empty()).then_some(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter() {
        for text in
            ["E-mail Address", "e_mail  ADDRESS", "\u{feff}E\u{200b}-Mail\u{a0}Address:", "EmailAddress", "Ｅ－ｍａｉｌ　Address"]
        {
            assert_eq!(loose(text), "emailaddress", "{text}");
        }
        assert_eq!(loose("Fałsz Não Straße ΑΛΗΘΉΣ"), "falsznaostrasseαληθησ");
        assert_eq!(loose("Te\u{301}le\u{301}phone"), loose("Téléphone"));
        assert_eq!(Words::of("HasOptedOutOfEmail").tokens().collect::<Vec<_>>(), ["has", "opted", "out", "of", "email"]);
        assert_eq!((key("☑"), key(" – ")), ("☑".to_owned(), "–".to_owned()));
    }

    #[test]
    fn a_pattern_is_of_whole_words() {
        let fits = |pattern: &str, header: &str| Pattern::parse(pattern).expect("a pattern").find(&Words::of(header)).is_some();
        assert!(fits("*no email*", "No e-mail, please") && !fits("*no email*", "Telefono / email"));
        assert!(
            fits("Opted out of email*", "Opted out of email: News") && !fits("Opted out of email*", "Not opted out of email")
        );
        assert!(fits("E-mail * - Value", "E-mail 12 - Value") && !fits("E-mail * - Value", "E-mail 1 - Type"));
        assert!(fits("*no email*", "No e-mails") && fits("*ne pas autoriser*e-mail*", "Ne pas autoriser les e-mails en nombre"));
        assert!(fits("*~einwilligung*", "Werbeeinwilligung (E-Mail)") && !fits("*einwilligung*", "Werbeeinwilligung"));
        assert!(fits("*opted out*", "hasOptedOut") && !fits("*opt in*", "Opt Interest"));
    }
}
