//! The mail that asks an address whether a form was filled in there. It says who asks and why, and nothing that a visitor typed.

use crate::domain::language::Language;
use crate::text::letter::{Letter, letter_in};
use crate::text::template::TextError;
use crate::text::words;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;

/// What the mail says.
#[derive(Debug, Clone, Serialize)]
pub struct AskToConfirm {
    pub organisation: String,
    /// The postal address of the organisation, line by line.
    pub postal_address: Vec<String>,
    /// The name of the form.
    pub form: String,
    /// The page of the website that has it, if the configuration names it.
    pub page: Option<String>,
    pub asked_at: Timestamp,
    pub expires_at: Timestamp,
    /// The link that confirms it.
    pub url: String,
    #[serde(skip)]
    pub zone: TimeZone,
    #[serde(skip)]
    pub language: Language,
}

/// The mail.
pub fn ask(asked: &AskToConfirm) -> Result<Letter, TextError> {
    let day = |at: Timestamp| words::day(asked.language, at.to_zoned(asked.zone.clone()).date());
    let values = context! {
        a => Value::from(Serde(asked)),
        asked_on => day(asked.asked_at),
        expires_on => day(asked.expires_at),
    };
    let subject = words::say(asked.language, "confirm-subject", &[("organisation", asked.organisation.as_str().into())]);
    letter_in(asked.language, &subject, "confirmation.txt", "confirmation.html", &asked.zone, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mail_says_who_asks_and_why() {
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let asked = AskToConfirm {
            organisation: "Tecnofab".to_owned(),
            postal_address: vec!["Carrer Major 1".to_owned(), "08700 Igualada".to_owned()],
            form: "call-me".to_owned(),
            page: Some("https://tecnofab.example/call-me".to_owned()),
            asked_at: at("2026-11-03T09:12:00Z"),
            expires_at: at("2026-12-03T09:12:00Z"),
            url: "https://news.tecnofab.example/k/TOKEN".to_owned(),
            zone: TimeZone::get("Europe/Madrid").expect("zone"),
            language: Language::English,
        };
        let letter = ask(&asked).expect("renders");
        for part in [&letter.text, &letter.html] {
            for said in [
                "Tecnofab",
                "Carrer Major 1",
                "08700 Igualada",
                "call-me",
                "https://news.tecnofab.example/k/TOKEN",
                "3 November 2026",
                "3 December 2026",
            ] {
                assert!(part.contains(said), "{said} is missing in {part}");
            }
        }
        insta::assert_snapshot!(format!("{}\n\n{}", letter.subject, letter.text));
    }
}
