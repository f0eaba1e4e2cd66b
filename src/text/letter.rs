//! One-to-one letters, the handoff letter above all. They name a prospect, so they are never sent as group mail.

use crate::domain::address::header_text;
use crate::domain::excerpt::excerpt;
use crate::domain::language::Language;
use crate::text::dossier::{Dossier, Kind, quoted};
use crate::text::template::{TextError, dialled, render_in, render_styled};
use crate::text::vcard::vcard;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;

/// A letter before it becomes a MIME message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub subject: String,
    /// The plain text, complete in itself.
    pub text: String,
    /// The same as HTML, without remote images or tracking.
    pub html: String,
    pub attachments: Vec<Attachment>,
}

/// A file attached to a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    pub name: String,
    pub mime: String,
    pub bytes: Vec<u8>,
}

/// The handoff letter, with the prospect's vCard. Its subject says who, of which company, why now and until when.
pub fn handoff(dossier: &Dossier) -> Result<Letter, TextError> {
    let why = match dossier.why_now.kind {
        Kind::Ready => format!("ready, {}", excerpt(quoted(&dossier.why_now.words), 60)),
        Kind::Request => format!("asked for you, {} of 5 known", dossier.known()),
    };
    let who = who(&excerpt(&dossier.name, 40), dossier.company.as_deref().map(|c| excerpt(c, 40)).as_deref());
    let subject = format!("{who}: {why}, answer by {}", moment(dossier.answer_until, &dossier.zone));
    let values = context! {
        d => Value::from(Serde(dossier)),
        known => dossier.known(),
        request => dossier.why_now.kind == Kind::Request,
        zone => dossier.zone.iana_name().unwrap_or("UTC"),
        tel => dossier.phone.as_deref().and_then(dialled),
    };
    let card = Attachment { name: "prospect.vcf".to_owned(), mime: "text/vcard".to_owned(), bytes: vcard(dossier).into_bytes() };
    let letter = letter(&subject, "handoff.txt", "handoff.html", &dossier.zone, &values)?;
    Ok(Letter { attachments: vec![card], ..letter })
}

/// Renders both parts of a letter, in English.
pub fn letter(
    subject: &str,
    text: &'static str,
    html: &'static str,
    zone: &TimeZone,
    values: impl Serialize,
) -> Result<Letter, TextError> {
    letter_in(Language::English, subject, text, html, zone, values)
}

/// As [`letter`], with the words of a language.
pub fn letter_in(
    language: Language,
    subject: &str,
    text: &'static str,
    html: &'static str,
    zone: &TimeZone,
    values: impl Serialize,
) -> Result<Letter, TextError> {
    Ok(Letter {
        subject: header_text(subject),
        text: render_in(language, text, zone, &values)?,
        html: render_styled(language, html, zone, &values)?,
        attachments: Vec::new(),
    })
}

/// "Ada Bosch, Albareda Foods"
pub fn who(name: &str, company: Option<&str>) -> String {
    company.map_or_else(|| name.to_owned(), |company| format!("{name}, {company}"))
}

/// An instant in the form of a subject line.
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %-d %b %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::Address;
    use crate::domain::criterion::Criterion;
    use crate::domain::doorway::qualification::Verdict;
    use crate::text::dossier::{Channel, Happening, Received, Spoke, WhyNow};
    use crate::text::verdict::Line;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    fn line(criterion: Criterion, proof: Option<&str>) -> Line {
        let met = proof.is_some();
        Line {
            criterion,
            title: criterion.to_string(),
            verdict: if met { Verdict::Met } else { Verdict::Unknown },
            met,
            since: None,
            until: (criterion == Criterion::Budget).then(|| at("2027-01-01T00:00:00Z")),
            begins: None,
            cites: Vec::new(),
            proof: proof.map(str::to_owned),
            by: proof.map(|_| "Ada Bosch".to_owned()),
            at: proof.map(|_| at("2026-11-03T09:12:00Z")),
            colleague: (criterion == Criterion::Authority && met).then(|| "Pol Riba".to_owned()),
            weakest: criterion == Criterion::Need,
            missing: None,
            reconfirm: false,
            withdrawn: Vec::new(),
        }
    }

    fn dossier(kind: Kind) -> Dossier {
        let ready = kind == Kind::Ready;
        let words =
            if ready { "answered “Yes, over 50,000 €”" } else { "filled in the form call-me: “Please call me”" };
        Dossier {
            name: "Ada Bosch".to_owned(),
            company: Some("Albareda Foods".to_owned()),
            phone: Some("+34 600 100 200".to_owned()),
            address: Some(Address::parse("ada@albareda.example").expect("address")),
            best_hours: Some("Mon to Thu, 08:00 to 10:00".to_owned()),
            why_now: WhyNow { words: words.to_owned(), at: at("2026-11-03T09:12:00Z"), kind },
            sentence: ready.then(|| "You said “Yes, over 50,000 €” on 3 November: is that released?".to_owned()),
            page_url: "https://news.tecnofab.example/h/TOKEN".to_owned(),
            queue_url: "https://news.tecnofab.example/q/TOKEN".to_owned(),
            lines: vec![
                line(Criterion::Vision, Some("filled in the form downtime-check")),
                line(Criterion::Budget, Some("answered “Yes, over 50,000 €”")),
                line(Criterion::Authority, ready.then_some("call: “he signs up to 80,000 €”")),
                line(Criterion::Need, Some("followed the link to https://tecnofab.example/prices")),
                line(Criterion::Timeframe, ready.then_some("answered “This winter”")),
            ],
            questions: vec!["Who else must agree?".to_owned(), "Which line stops most?".to_owned()],
            fields: vec![("industry".to_owned(), "food".to_owned())],
            unconfirmed: if ready {
                Vec::new()
            } else {
                vec!["not confirmed: the form call-me says phone +44 20 7946 0000, on record +34 600 100 200".to_owned()]
            },
            history: vec![Happening { at: at("2026-11-03T09:12:00Z"), words: words.to_owned() }],
            machine_hits: 4,
            issues: vec![Received { at: at("2026-11-03T08:30:00Z"), subject: "What an hour of standstill costs".to_owned() }],
            spoke_last: (!ready).then(|| Spoke {
                who: "Luc".to_owned(),
                at: at("2026-10-01T10:00:00Z"),
                words: "fair: “liked the demo”".to_owned(),
            }),
            channels: vec![Channel { channel: "mail".to_owned(), permitted: true, consent: "form, 1 Oct 2025".to_owned() }],
            salesperson: "Dana Ortega".to_owned(),
            assignment: "Route 1 fits, and it was your turn.".to_owned(),
            answer_until: at("2026-11-03T14:00:00Z"),
            touch_until: at("2026-11-05T10:00:00Z"),
            if_not_taken: "Luc gets it then.".to_owned(),
            zone: TimeZone::get("Europe/Madrid").expect("zone"),
        }
    }

    #[test]
    fn a_ready_prospect_is_read_in_ten_seconds() {
        let letter = handoff(&dossier(Kind::Ready)).expect("renders");
        insta::assert_snapshot!(format!("{}\n\n{}", letter.subject, letter.text));
    }

    #[test]
    fn a_request_is_headed_so_and_never_called_ready() {
        let letter = handoff(&dossier(Kind::Request)).expect("renders");
        assert!(![&letter.subject, &letter.text, &letter.html].iter().any(|part| part.to_lowercase().contains("ready")));
        insta::assert_snapshot!(format!("{}\n\n{}", letter.subject, letter.text));
    }

    #[test]
    fn hostile_values_stay_on_their_line_and_out_of_the_markup() {
        let hostile = "<img src=x onerror=y>\r\nTAKE IT\n\u{202e}{{ d }}";
        let mut dossier = dossier(Kind::Ready);
        dossier.name = hostile.to_owned();
        dossier.why_now.words = hostile.to_owned();
        dossier.history[0].words = hostile.to_owned();
        dossier.phone = Some("+1;\"><script>2 3".to_owned());
        dossier.fields = vec![("note".to_owned(), "x".repeat(9_000))];
        dossier.history = vec![dossier.history[0].clone(); 40];
        let letter = handoff(&dossier).expect("renders");
        assert!(letter.text.len() < 5_000 && letter.text.contains("… and 25 earlier"), "{}", letter.text);
        assert!(!letter.html.contains("<img") && !letter.html.contains("<script"));
        assert!(letter.html.contains("tel:+123\""));
        assert!(!letter.text.lines().any(|line| line == "TAKE IT"));
        assert!(!letter.text.contains('\u{202e}') && !letter.subject.contains(['\r', '\n']));
        let card = String::from_utf8(letter.attachments[0].bytes.clone()).expect("text");
        assert!(card.starts_with("BEGIN:VCARD\r\nVERSION:3.0\r\nN:;<img src=x onerror=y>  TAKE IT {{ d }};;;\r\n"), "{card}");
    }
}
