//! Complaints: feedback reports (RFC 5965), and what providers send that began before the standard. Reports of machines about our
//! records (RFC 6591, RFC 7489, RFC 8460) and "not spam" (RFC 6430) are none.

use super::address;
use super::bounds::RECIPIENTS;
use super::mime_body;
use super::phrases::flat;
use super::report::{Complaint, Fields, groups};
use crate::domain::address::Address;
use mail_parser::{Message, MessagePart, MimeHeaders};

/// The complaint a mail makes, if it makes any.
pub fn complaint(message: &Message) -> Option<Complaint> {
    standard(message).or_else(|| older(message))
}

/// A feedback report, whatever its part is called.
fn standard(message: &Message) -> Option<Complaint> {
    let mut bodies = mime_body::parts_of(message, "message/feedback-report", 1);
    let copy = Copy::of(message);
    if bodies.is_empty() && copy.is_any() {
        bodies.extend(mime_body::parts_of(message, "text/plain", 0).into_iter().filter(|text| is_feedback(text)));
    }
    let fields = groups(bodies.first()?).into_iter().reduce(|mut all, more| {
        all.extend(more);
        all
    })?;
    let feedback = mime_body::line(&fields.get("feedback-type")?.to_ascii_lowercase(), 40);
    let named = ["original-rcpt-to", "removal-recipient"].iter().filter_map(|name| fields.get(*name));
    let mut recipients = addresses(named.map(String::as_str));
    recipients.extend(copy.recipients().into_iter().filter(|one| !recipients.contains(one)).collect::<Vec<_>>());
    let return_path = fields.get("original-mail-from").and_then(|value| address::written(value).next().map(str::to_owned));
    Some(Complaint { feedback, recipients, return_path: return_path.or_else(|| copy.return_path()) })
}

fn is_feedback(text: &str) -> bool {
    text.lines().take(40).any(|line| line.get(..14).is_some_and(|head| head.eq_ignore_ascii_case("feedback-type:")))
}

/// Outlook.com's programme, AOL's notices and their like: the mail complained about is attached, and the subject or the sender says
/// what for.
fn older(message: &Message) -> Option<Complaint> {
    let copy = Copy::of(message);
    if !copy.is_any() || !mime_body::parts_of(message, "message/delivery-status", 1).is_empty() {
        return None;
    }
    let (subject, sender) = (flat(&mime_body::subject(message)), flat(&mime_body::sender(message)));
    let says = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(word));
    let is_answer = mime_body::header(message, "In-Reply-To").is_some() || subject.starts_with("re:");
    if is_answer || says(&subject, &NO_COMPLAINT) {
        return None;
    }
    let is_named =
        copy.value("X-HmXmrOriginalRecipient").is_some() || mime_body::header(message, "X-HmXmrOriginalRecipient").is_some();
    // Terms of service: as a part of a word it stands in photos.
    let names_terms = subject.split(|c: char| !c.is_alphanumeric()).any(|word| word == "tos");
    let is_loop = says(&sender, &LOOPS) && (says(&subject, &ABUSE) || names_terms);
    (is_named || is_loop || says(&subject, &SUBJECTS)).then(|| Complaint {
        feedback: "abuse".to_owned(),
        recipients: copy.recipients(),
        return_path: copy.return_path(),
    })
}

/// Whether a program reports about our records: DMARC aggregates, TLS reports. Nobody wrote it and nobody objects.
pub fn is_record_report(message: &Message) -> bool {
    let subject = flat(&mime_body::subject(message));
    let is_titled = subject.contains("report domain:") && subject.contains("submitter:");
    let is_tls = message
        .content_type()
        .and_then(|kind| kind.attribute("report-type"))
        .is_some_and(|kind| kind.eq_ignore_ascii_case("tlsrpt"));
    is_titled || is_tls || message.parts.iter().any(is_aggregate)
}

/// `receiver!domain!begin!end[!id].xml[.gz]` (RFC 7489 §7.2.1.1), or a TLS report.
fn is_aggregate(part: &MessagePart) -> bool {
    let name = part.attachment_name().unwrap_or_default().to_ascii_lowercase();
    let ends = [".xml", ".xml.gz", ".zip", ".gz", ".json.gz"].iter().any(|end| name.ends_with(end));
    let is_number = |word: &&str| word.len() >= 9 && word.bytes().all(|b| b.is_ascii_digit());
    let numbers = name.split(['!', '.']).filter(is_number).count();
    ends && name.matches('!').count() >= 3 && numbers >= 2
        || mime_body::is(part, "application/tlsrpt+gzip")
        || mime_body::is(part, "application/tlsrpt+json")
}

/// The returned copy of the mail complained about: whole, or its header as a text.
struct Copy(Fields);

impl Copy {
    fn of(message: &Message) -> Self {
        let whole = message.parts.iter().find_map(MessagePart::message).map(|inner| {
            let named = |(name, value): (&str, &str)| (name.to_ascii_lowercase(), value.trim().to_owned());
            inner.headers_raw().map(named).collect()
        });
        let kinds = ["text/rfc822-headers", "message/rfc822-headers"];
        let head = || {
            kinds.iter().flat_map(|kind| mime_body::parts_of(message, kind, 0)).find_map(|head| groups(&head).into_iter().next())
        };
        Self(whole.or_else(head).unwrap_or_default())
    }

    fn is_any(&self) -> bool {
        !self.0.is_empty()
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    fn recipients(&self) -> Vec<Address> {
        let names = ["X-HmXmrOriginalRecipient", "X-Original-To", "Delivered-To", "To"];
        addresses(names.iter().filter_map(|name| self.value(name)))
    }

    fn return_path(&self) -> Option<String> {
        self.value("Return-Path").and_then(|value| address::written(value).next().map(str::to_owned))
    }
}

fn addresses<'a>(values: impl Iterator<Item = &'a str>) -> Vec<Address> {
    let mut unique: Vec<Address> = Vec::new();
    for found in values.flat_map(address::find) {
        if unique.len() < RECIPIENTS && !unique.contains(&found.address) {
            unique.push(found.address);
        }
    }
    unique
}

const SUBJECTS: [&str; 10] = [
    "complaint about message from",
    "client tos notification",
    "email feedback report for ip",
    "e-mail feedback report",
    "email abuse report for",
    "abuse report from",
    "spam complaint from",
    "spam report for",
    "spam complaint report",
    "feedback loop report",
];

const LOOPS: [&str; 14] = [
    "fbl@",
    "fbl-",
    "feedbackloop",
    "feedback-loop",
    "feedback loop",
    "scomp@",
    "staff@",
    "abuse@",
    "abuse-report",
    "complaints@",
    "complaint@",
    "spamreport",
    "antispam",
    "jmrp",
];

const ABUSE: [&str; 7] = ["complaint", "abuse", "spam", "unwanted", "junk", "feedback", "unsolicited"];

/// What says the contrary, or speaks of our records.
const NO_COMPLAINT: [&str; 9] =
    ["not spam", "not junk", "not-spam", "not unwanted", "no spam", "dmarc", "authentication", "report domain:", "undeliver"];

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::MessageParser;

    fn read(head: &str, copy: &str) -> Option<Complaint> {
        let mail = format!(
            "{head}\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n{copy}\n\ntext\n--b--\n"
        );
        complaint(&MessageParser::default().parse(mail.as_bytes()).expect("a mail"))
    }

    #[test]
    fn the_older_forms_of_providers_are_complaints_and_a_person_who_attaches_a_mail_makes_none() {
        let copy = "Return-Path: <bounces+t@news.example>\nTo: ada@x.example\nMessage-ID: <t@news.example>";
        for head in [
            "From: staff@hotmail.example\nSubject: complaint about message from 192.0.2.7",
            "From: scomp@aol.example\nSubject: Email Feedback Report for IP 192.0.2.7",
            "From: Provider FBL <feedbackloop@fbl.example>\nSubject: Spam complaint",
            "From: abuse@fbl.example\nSubject: TOS violation",
        ] {
            let found = read(head, copy).expect(head);
            assert_eq!(found.recipients[0].as_str(), "ada@x.example", "{head}");
            assert_eq!(found.return_path.as_deref(), Some("bounces+t@news.example"), "{head}");
            assert!(found.is_objection());
        }
        for head in [
            "From: Ada <ada@x.example>\nSubject: Your letter about complaints",
            "From: Ada <ada@x.example>\nSubject: Re: complaint about message from 192.0.2.7",
            "From: fbl@fbl.example\nSubject: Not spam after all",
            "From: staff@x.example\nSubject: Photos of the fair",
            "From: dmarc@fbl.example\nSubject: DMARC authentication report",
        ] {
            assert_eq!(read(head, copy), None, "{head}");
        }
        let marked =
            read("From: a@b.example\nSubject: x", &format!("X-HmXmrOriginalRecipient: bo@x.example\n{copy}")).expect("marked");
        assert_eq!(marked.recipients[0].as_str(), "bo@x.example");
    }
}
