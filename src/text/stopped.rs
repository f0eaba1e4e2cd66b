//! The mail that confirms to somebody, once, that they get no more newsletters: they asked for it in their own words.

use crate::domain::language::Language;
use crate::text::letter::{Letter, letter_in};
use crate::text::template::TextError;
use crate::text::words;
use jiff::tz::TimeZone;
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;

/// What the mail says.
#[derive(Debug, Clone, Serialize)]
pub struct Stopped {
    pub organisation: String,
    /// The postal address of the organisation, line by line.
    pub postal_address: Vec<String>,
    #[serde(skip)]
    pub zone: TimeZone,
    #[serde(skip)]
    pub language: Language,
}

/// The mail.
pub fn stopped(stopped: &Stopped) -> Result<Letter, TextError> {
    let subject = words::say(stopped.language, "stopped-subject", &[("organisation", stopped.organisation.as_str().into())]);
    letter_in(
        stopped.language,
        &subject,
        "stopped.txt",
        "stopped.html",
        &stopped.zone,
        context! { s => Value::from(Serde(stopped)) },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_that_none_will_come_and_whom_to_tell_if_not() {
        let of = |language| Stopped {
            organisation: "Tecnofab".to_owned(),
            postal_address: vec!["Carrer Major 1".to_owned()],
            zone: TimeZone::UTC,
            language,
        };
        for (language, said) in [(Language::English, "no more newsletters"), (Language::Spanish, "ya no le envía más boletines")]
        {
            let letter = stopped(&of(language)).expect("renders");
            assert!(
                letter.text.contains(said) && letter.html.contains(said) && letter.text.contains("Carrer Major 1"),
                "{}",
                letter.text
            );
        }
    }
}
