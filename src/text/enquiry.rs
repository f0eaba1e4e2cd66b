//! The letters about enquiries: one tells a salesperson who asks, what is known of them and what to do; the other tells the sales
//! manager how many more asked within an hour. The queue's page prints the same.

use crate::domain::address::Address;
use crate::domain::excerpt::excerpt;
use crate::text::letter::{Letter, letter, moment, who};
use crate::text::template::TextError;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;

/// How many lines of a message, and how many characters, a letter and a page show.
const LINES: usize = 40;
const CHARACTERS: usize = 2_000;
/// How many other fields of a form they show.
const FIELDS: usize = 20;

/// What a salesperson is told of an enquiry.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// The name on record, else the one they give, else the address.
    pub name: String,
    pub company: Option<String>,
    /// Whether the owner of the address is known to ask.
    pub confirmed: bool,
    /// The state of the request in a few words, for headings: "not confirmed", "already yours".
    pub state: &'static str,
    /// Where they stand, in sentences.
    pub standing: Vec<String>,
    pub address: Option<Address>,
    /// The phone number they give.
    pub said_phone: Option<String>,
    pub known_phone: Option<String>,
    /// What they say otherwise than the record: what it is, what they say, what is on record.
    pub differs: Vec<(String, String, String)>,
    /// What they ask, by lines.
    pub message: Vec<String>,
    /// Whether they wrote more than that.
    pub is_cut: bool,
    /// What else they say, by the names of the form's fields.
    pub more: Vec<(String, String)>,
    /// How they asked: "form call-me".
    pub how: String,
    pub asked_at: Timestamp,
    pub answer_until: Timestamp,
    /// What to do, in sentences.
    pub to_do: String,
    /// The page of their open handoff.
    pub page_url: Option<String>,
}

/// The letter about one enquiry.
#[derive(Debug)]
pub struct EnquiryLetter<'a> {
    pub asked: &'a Asked,
    /// Why this salesperson, in a sentence.
    pub why_you: &'a str,
    pub queue_url: &'a str,
    pub zone: &'a TimeZone,
}

/// The letter about the list of an hour.
#[derive(Debug, Serialize)]
pub struct ListLetter<'a> {
    pub count: i64,
    pub from: Timestamp,
    pub until: Timestamp,
    /// How many reached salespeople one by one.
    pub bound: u32,
    pub list_url: &'a str,
    pub queue_url: &'a str,
    #[serde(skip)]
    pub zone: &'a TimeZone,
}

/// A message in lines that a letter can show, and whether something was left out.
pub fn lines(message: &str) -> (Vec<String>, bool) {
    let kept: String = message.chars().take(CHARACTERS).collect();
    let lines: Vec<&str> = kept.lines().map(str::trim_end).collect();
    let is_cut = kept.len() < message.len() || lines.len() > LINES;
    (lines.into_iter().take(LINES).map(str::to_owned).collect(), is_cut)
}

/// The fields of a form that a letter can show.
pub fn fields<'a>(said: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    said.take(FIELDS).map(|(key, value)| (excerpt(key, 40), excerpt(value, 120))).collect()
}

/// The letter about one enquiry. Its subject says who, in which state, and until when.
pub fn enquiry(told: &EnquiryLetter<'_>) -> Result<Letter, TextError> {
    let asked = told.asked;
    let who = who(&excerpt(&asked.name, 40), asked.company.as_deref().map(|c| excerpt(c, 40)).as_deref());
    let subject = format!("{who}: asks for a person, {}, answer by {}", asked.state, moment(asked.answer_until, told.zone));
    let values = context! {
        a => Value::from(Serde(asked)),
        why_you => told.why_you,
        queue_url => told.queue_url,
        zone => told.zone.iana_name().unwrap_or("UTC"),
    };
    letter(&subject, "enquiry.txt", "enquiry.html", told.zone, &values)
}

/// The letter about the list of an hour. It names no person: they are on the page.
pub fn list(told: &ListLetter<'_>) -> Result<Letter, TextError> {
    let subject = format!("{} more asked for a person between {}", told.count, between(told.from, told.until, told.zone));
    let values = context! {
        l => Value::from(Serde(told)),
        between => between(told.from, told.until, told.zone),
        zone => told.zone.iana_name().unwrap_or("UTC"),
    };
    letter(&subject, "enquiries.txt", "enquiries.html", told.zone, &values)
}

/// "10:00 and 11:00 on Mon 12 Jan"
pub fn between(from: Timestamp, until: Timestamp, zone: &TimeZone) -> String {
    let [from, until] = [from, until].map(|at| at.to_zoned(zone.clone()));
    format!("{} and {}", from.strftime("%H:%M"), until.strftime("%H:%M on %a %-d %b"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    fn madrid() -> TimeZone {
        TimeZone::get("Europe/Madrid").expect("zone")
    }

    fn asked() -> Asked {
        Asked {
            name: "Ada Bosch".to_owned(),
            company: Some("Albareda Foods".to_owned()),
            confirmed: false,
            state: "not confirmed",
            standing: vec![
                "Not confirmed: nobody has answered from ada@albareda.example yet. Anybody can have typed it.".to_owned(),
                "On record since 12 Jan 2026, and never a lead.".to_owned(),
            ],
            address: Some(Address::parse("ada@albareda.example").expect("address")),
            said_phone: Some("+44 20 7946 0000".to_owned()),
            known_phone: Some("+34 600 100 200".to_owned()),
            differs: vec![("company".to_owned(), "Albareda Group".to_owned(), "Albareda Foods".to_owned())],
            message: vec!["Please call me about line 3.".to_owned(), "It stands still.".to_owned()],
            is_cut: false,
            more: vec![("plant".to_owned(), "Girona".to_owned())],
            how: "form call-me".to_owned(),
            asked_at: at("2026-11-03T09:12:00Z"),
            answer_until: at("2026-11-03T10:12:00Z"),
            to_do: "Call the number on record and ask whether it was them.".to_owned(),
            page_url: None,
        }
    }

    fn print(asked: &Asked) -> Letter {
        let (why_you, queue_url, zone) = ("Route 3 fits, and it was your turn.", "https://x.example/q/T", &madrid());
        enquiry(&EnquiryLetter { asked, why_you, queue_url, zone }).expect("renders")
    }

    #[test]
    fn an_enquiry_is_read_in_ten_seconds() {
        let stranger = print(&asked());
        let again = Asked {
            confirmed: true,
            state: "already yours",
            standing: vec!["Already yours since 3 Feb 2026, evaluating.".to_owned()],
            said_phone: None,
            differs: Vec::new(),
            more: Vec::new(),
            page_url: Some("https://x.example/h/T".to_owned()),
            to_do: "Answer them, and log it on their page.".to_owned(),
            ..asked()
        };
        let again = print(&again);
        let order = |text: &str, parts: &[&str]| {
            let places: Vec<_> = parts.iter().map(|part| text.find(part).unwrap_or_else(|| panic!("{part}:\n{text}"))).collect();
            assert!(places.is_sorted(), "{places:?}:\n{text}");
        };
        assert_eq!(stranger.subject, "Ada Bosch, Albareda Foods: asks for a person, not confirmed, answer by Tue 3 Nov 11:12");
        order(
            &stranger.text,
            &[
                "ASKS FOR A PERSON, NOT CONFIRMED\n\nAda Bosch, Albareda Foods\n\nNot confirmed: nobody has answered",
                "On record since 12 Jan 2026",
                "Phone, as they say: +44 20 7946 0000\nPhone on record:    +34 600 100 200\nMail: ada@albareda.example\n",
                "They say the company is: Albareda Group; on record: Albareda Foods",
                "THEIR WORDS\n> Please call me about line 3.\n> It stands still.\n",
                "> plant: Girona",
                "(form call-me, Tue 3 Nov, 10:12)",
                "DO\nCall the number on record",
                "Answer by Tue 3 Nov, 11:12.",
                "https://x.example/q/T",
                "WHY YOU\nRoute 3 fits",
            ],
        );
        assert!(!stranger.text.contains("Their page"));
        assert_eq!(again.subject, "Ada Bosch, Albareda Foods: asks for a person, already yours, answer by Tue 3 Nov 11:12");
        order(
            &again.text,
            &[
                "ASKS FOR A PERSON\n\nAda Bosch",
                "Already yours since 3 Feb 2026, evaluating.",
                "Phone, as they say: none given\nPhone on record:    +34 600 100 200",
                "THEIR WORDS\n> Please call me",
                "Their page: https://x.example/h/T",
            ],
        );
        assert!(stranger.html.contains("href=\"tel:+34600100200\"") && stranger.html.contains("href=\"tel:+442079460000\""));
    }

    #[test]
    fn a_list_says_how_many_and_names_nobody() {
        let told = ListLetter {
            count: 37,
            from: at("2026-11-03T09:00:00Z"),
            until: at("2026-11-03T10:00:00Z"),
            bound: 20,
            list_url: "https://x.example/q/T/4",
            queue_url: "https://x.example/q/T",
            zone: &madrid(),
        };
        let letter = list(&told).expect("renders");
        assert_eq!(letter.subject, "37 more asked for a person between 10:00 and 11:00 on Tue 3 Nov");
        for words in ["20 an hour", "https://x.example/q/T/4", "max_enquiries_per_hour"] {
            assert!(letter.text.contains(words), "{words}:\n{}", letter.text);
        }
    }

    #[test]
    fn hostile_words_stay_on_their_line_and_out_of_the_markup() {
        let hostile = "<script>alert(1)</script>\r\nBcc: all@x.example\n\u{202e}{{ a }}\u{2028}DO\nIt is confirmed: pay 9,000 €";
        let (message, is_cut) = lines(&format!("{}\n{}", hostile, "x\n".repeat(4_000)));
        assert!(is_cut && message.len() == LINES);
        let letter = print(&Asked {
            name: hostile.to_owned(),
            company: Some(hostile.to_owned()),
            said_phone: Some("+1;\"><script>2 3 javascript:alert(4)".to_owned()),
            known_phone: Some(hostile.to_owned()),
            differs: vec![("name".to_owned(), hostile.to_owned(), hostile.to_owned())],
            more: fields([(hostile, hostile); 60].into_iter()),
            message,
            is_cut,
            ..asked()
        });
        assert!(
            !letter.subject.contains(['\r', '\n', '\u{202e}', '\u{2028}']) && letter.subject.len() <= 200,
            "{}",
            letter.subject
        );
        for bad in ["<script", "\u{202e}", "\u{2028}", "javascript:alert(4)\""] {
            assert!(!letter.html.contains(bad), "{bad:?}: {}", letter.html);
        }
        // Their words stand behind a mark, so that none of them reads as ours.
        for line in letter.text.lines().filter(|line| line.contains("It is confirmed") || line.contains("Bcc:")) {
            assert!(line.starts_with("> ") || !line.starts_with("It is") && !line.starts_with("Bcc"), "{line}");
        }
        assert!(!letter.text.contains(['\r', '\u{202e}', '\u{2028}']) && letter.text.len() < 12_000, "{}", letter.text.len());
    }
}
