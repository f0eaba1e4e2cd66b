//! Words by language: catalogues in Fluent's syntax (`config/words/LANGUAGE/*.ftl`), embedded in the binary. Plurals and dates are
//! the catalogue's matter, so that no sentence is put together from pieces.
//!
//! Arguments are untrusted: each is put on one line, and whoever prints a text into HTML escapes all of it. Fluent's isolation marks
//! are off: in the plain text of a mail they would be seen, and the pages have no text from right to left.

use crate::domain::address::one_line;
use crate::domain::language::Language;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use jiff::civil::Date;
use std::sync::LazyLock;

type Bundle = FluentBundle<FluentResource>;

/// The files of a language.
pub(super) const fn catalogue(language: Language) -> &'static [&'static str] {
    match language {
        Language::English => &[include_str!("../../config/words/en/visitor.ftl")],
        Language::Spanish => &[include_str!("../../config/words/es/visitor.ftl")],
    }
}

static BUNDLES: LazyLock<[Bundle; Language::ALL.len()]> = LazyLock::new(|| Language::ALL.map(bundle));

/// What stands for a word of which no catalogue has the key. Tests look for it.
const MISSING: &str = "…";

fn bundle(language: Language) -> Bundle {
    let mut bundle = Bundle::new_concurrent(vec![language.code().parse().expect("a code of two letters is a language")]);
    bundle.set_use_isolating(false);
    for file in catalogue(language) {
        // A file with a mistake gives what can be read of it; a test refuses the mistake.
        let resource = FluentResource::try_new((*file).to_owned()).unwrap_or_else(|(resource, _)| resource);
        bundle.add_resource_overriding(resource);
    }
    bundle
}

fn bundle_of(language: Language) -> &'static Bundle {
    let place = Language::ALL.iter().position(|known| *known == language).unwrap_or_default();
    &BUNDLES[place]
}

/// A value that a text names.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    Text(String),
    /// By which the catalogue chooses a plural.
    Number(i64),
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self::Text(one_line(text))
    }
}

impl From<i64> for Argument {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// The text under a key: in this language, else in English.
pub fn say(language: Language, key: &str, arguments: &[(&str, Argument)]) -> String {
    let (key, attribute) = key.split_once('.').map_or((key, None), |(key, attribute)| (key, Some(attribute)));
    let found = [language, Language::English].into_iter().find_map(|language| format(language, key, attribute, arguments));
    found.unwrap_or_else(|| MISSING.to_owned())
}

/// A date as it is written in a language: "3 November 2026".
pub fn day(language: Language, date: Date) -> String {
    let number = |number: i16| Argument::Number(number.into());
    let arguments = [("day", number(date.day().into())), ("month", number(date.month().into())), ("year", number(date.year()))];
    say(language, "day", &arguments)
}

pub(super) fn format(language: Language, key: &str, attribute: Option<&str>, arguments: &[(&str, Argument)]) -> Option<String> {
    let bundle = bundle_of(language);
    let message = bundle.get_message(key)?;
    let pattern = match attribute {
        Some(attribute) => message.get_attribute(attribute)?.value(),
        None => message.value()?,
    };
    let arguments = arguments.iter().map(|(name, value)| {
        let value = match value {
            Argument::Text(text) => FluentValue::from(text.as_str()),
            Argument::Number(number) => FluentValue::from(*number),
        };
        (*name, value)
    });
    // What is missing is printed by its name; a test refuses a text that misses something.
    let mut problems = Vec::new();
    Some(bundle.format_pattern(pattern, Some(&arguments.collect::<FluentArgs<'_>>()), &mut problems).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_and_dates_are_those_of_the_language() {
        let more = |language, number: i64| say(language, "answer-more", &[("number", number.into())]);
        assert_eq!(more(Language::English, 1), "One more question, if you like");
        assert_eq!(more(Language::English, 2), "2 more questions, if you like");
        assert_eq!(more(Language::Spanish, 1), "Una pregunta más, si quiere");
        assert_eq!(more(Language::Spanish, 2), "2 preguntas más, si quiere");
        let date = jiff::civil::date(2026, 11, 3);
        assert_eq!(day(Language::English, date), "3 November 2026");
        assert_eq!(day(Language::Spanish, date), "3 de noviembre de 2026");
    }

    #[test]
    fn what_is_put_into_a_text_stays_in_its_place() {
        let hostile = "{ $said } .title\n= x\u{202e}\"<b>";
        let text = say(Language::English, "answer-noted", &[("said", hostile.into())]);
        assert_eq!(text, "We noted: { $said } .title = x\"<b>.");
        assert_eq!(say(Language::Spanish, "no-such-key", &[]), MISSING);
        assert_eq!(say(Language::Spanish, "thanks.no-such-attribute", &[]), MISSING);
    }
}
