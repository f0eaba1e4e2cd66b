//! The mails about another address of a prospect: the new one is asked whether newsletters are to go there, and the old one is told once
//! they do. Neither says who the prospect is, and neither holds anything that a visitor typed.

use crate::domain::language::Language;
use crate::text::letter::{Letter, letter_in};
use crate::text::template::TextError;
use crate::text::words;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;

/// What the mails say.
#[derive(Debug, Clone, Serialize)]
pub struct Readdress {
    pub organisation: String,
    /// The postal address of the organisation, line by line.
    pub postal_address: Vec<String>,
    /// The address to which newsletters go, as [`masked`](crate::domain::address::Address::masked) shows it.
    pub address: String,
    /// The page that answers, or that puts it right.
    pub url: String,
    /// When the question can no longer be answered.
    pub expires_at: Timestamp,
    #[serde(skip)]
    pub zone: TimeZone,
    #[serde(skip)]
    pub language: Language,
}

/// The mail that asks the new address.
pub fn ask(m: &Readdress) -> Result<Letter, TextError> {
    write(m, "readdress-subject", "readdress.txt", "readdress.html")
}

/// The mail that tells the old address.
pub fn told(m: &Readdress) -> Result<Letter, TextError> {
    write(m, "readdressed-subject", "readdressed.txt", "readdressed.html")
}

fn write(m: &Readdress, subject: &str, text: &'static str, html: &'static str) -> Result<Letter, TextError> {
    let expires_on = words::day(m.language, m.expires_at.to_zoned(m.zone.clone()).date());
    let subject = words::say(m.language, subject, &[("organisation", m.organisation.as_str().into())]);
    letter_in(m.language, &subject, text, html, &m.zone, context! { m => Value::from(Serde(m)), expires_on })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_addresses_are_told_what_happens_and_what_to_press() {
        let mail = |language| Readdress {
            organisation: "Tecnofab".to_owned(),
            postal_address: vec!["Carrer Major 1".to_owned()],
            address: "a…@albareda.example".to_owned(),
            url: "https://news.tecnofab.example/k/TOKEN".to_owned(),
            expires_at: "2026-12-03T09:12:00Z".parse().expect("an instant"),
            zone: TimeZone::UTC,
            language,
        };
        for (language, asks, tells) in [
            (Language::English, "asks to get them at your address", "no longer come here"),
            (Language::Spanish, "pide recibirlos desde ahora", "ya no llegan aquí"),
        ] {
            let (asked, told) = (ask(&mail(language)).expect("renders"), told(&mail(language)).expect("renders"));
            for (letter, says) in [(&asked, asks), (&told, tells)] {
                for part in [&letter.text, &letter.html] {
                    assert!(part.contains(says) && part.contains("/k/TOKEN") && part.contains("Carrer Major 1"), "{part}");
                }
            }
            assert!(asked.text.contains("a…@albareda.example") && !told.text.contains("albareda"), "{}", told.text);
        }
    }
}
