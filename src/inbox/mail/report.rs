//! Reports made for machines of what became of a mail (RFC 3464).

use super::address;
use super::bounds::RECIPIENTS;
use super::mime_body;
use crate::domain::address::Address;
use crate::domain::group::bounce_class::Class;
use crate::domain::group::refusal::{About, Ground, Heard, Judgement, Phase, judge};
use crate::domain::group::refusal_codes::best_status;
use mail_parser::Message;
use std::collections::BTreeMap;

/// What a notice says of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub address: Address,
    /// Whether the mailbox is gone for good.
    pub hard: bool,
    /// Whom the words and the status are about.
    pub about: About,
    pub class: Class,
    /// Whether the other side stopped trying; `false` for a mere delay, which is never hard, and for what arrived.
    pub given_up: bool,
    /// RFC 3463 status, if any was given.
    pub status: Option<String>,
    /// The class, what decided it, and what the other side said, at most 300 characters.
    pub diagnostic: String,
    /// Whether anything that is known decided it.
    pub is_decided: bool,
}

/// A recipient pressed "this is spam", or a filter reports about us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// As reported, lower case: "abuse", "fraud", "auth-failure", "not-spam" …
    pub feedback: String,
    /// The recipients who complained, where the report names them; many are redacted.
    pub recipients: Vec<Address>,
    /// The return path of the mail complained about: ours, with its token.
    pub return_path: Option<String>,
}

impl Complaint {
    /// Whether a person objects to the mail. Failed authentication and "not spam" are about us, not from them.
    pub fn is_objection(&self) -> bool {
        !matches!(self.feedback.as_str(), "auth-failure" | "not-spam" | "dkim" | "virus")
    }
}

impl Failure {
    /// A failure in these words, to a mail from this domain of ours.
    pub fn read(address: Address, field: Option<&str>, words: &str, end: End, domain: &str) -> Self {
        let domain = if address.domain().eq_ignore_ascii_case(domain) { "" } else { domain };
        let words = &words[..words.floor_char_boundary(LONGEST_ANSWER)];
        let Judgement { about, class, ground } = judge(&Heard { phase: Phase::Bounce, code: None, field, words, domain });
        let class = match end {
            End::Failed => class,
            End::Delayed => Class::Delayed,
            End::Arrived => Class::Delivered,
        };
        let (status, _) = best_status(field, words);
        let is_decided = !(ground == Ground::Nothing || about == About::Unclear && matches!(ground, Ground::Status(_)));
        Self {
            address,
            hard: class == Class::Hard,
            about,
            class,
            given_up: end == End::Failed,
            status,
            diagnostic: mime_body::line(&format!("{} ({ground}): {words}", class.word()), 300),
            is_decided,
        }
    }
}

/// How a delivery ended, or did not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Failed,
    Delayed,
    Arrived,
}

/// More of an answer is not judged, in bytes.
const LONGEST_ANSWER: usize = 4_000;

pub type Fields = BTreeMap<String, String>;

/// The failures of a delivery status report, at most [`RECIPIENTS`]; `None` when the mail holds none that names a recipient.
pub fn failures(message: &Message) -> Option<Vec<Failure>> {
    // The report came to our return path.
    let ours = mime_body::header(message, "To").and_then(|to| address::first(&to));
    let domain = ours.as_ref().map_or("", Address::domain);
    let mut bodies = mime_body::parts_of(message, "message/delivery-status", 3);
    bodies.extend(mime_body::parts_of(message, "message/global-delivery-status", 3));
    if bodies.is_empty() {
        // A gateway that calls the fields a text.
        bodies.extend(mime_body::parts_of(message, "text/plain", 0).into_iter().filter(|text| is_status(text)));
    }
    let mut named = false;
    let mut known: BTreeMap<Address, usize> = BTreeMap::new();
    let mut failures: Vec<Failure> = Vec::new();
    for fields in bodies.iter().flat_map(|body| groups(body)) {
        if failures.len() >= RECIPIENTS {
            break;
        }
        named |= fields.contains_key("final-recipient") || fields.contains_key("original-recipient");
        let Some(failure) = failure(&fields, domain) else { continue };
        match known.get(&failure.address) {
            // What one address stands for is gone once all of it is.
            Some(at) if finality(&failure) < finality(&failures[*at]) => failures[*at] = failure,
            Some(_) => {}
            None => {
                known.insert(failure.address.clone(), failures.len());
                failures.push(failure);
            }
        }
    }
    named.then_some(failures)
}

/// How far an end is from a mail that arrived.
fn finality(failure: &Failure) -> u8 {
    match failure.class {
        Class::Delivered => 0,
        Class::Delayed => 1,
        Class::Soft | Class::Block => 2,
        Class::Hard => 3,
    }
}

fn is_status(text: &str) -> bool {
    let begins = |name: &str| {
        text.lines().take(400).any(|line| line.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)))
    };
    begins("Final-Recipient:") && begins("Action:")
}

fn failure(fields: &Fields, domain: &str) -> Option<Failure> {
    let field = |name: &str| fields.get(name).map(String::as_str).filter(|value| !value.is_empty());
    // The address we wrote to, before aliases and gateways changed it.
    let original = field("original-recipient").and_then(|value| address::first(&from_xtext(value)));
    let address = original.or_else(|| field("final-recipient").and_then(address::first))?;
    let status = field("status");
    let diagnostic = field("diagnostic-code").or(status).unwrap_or_default();
    Some(Failure::read(address, status, diagnostic, end(field("action"), status), domain))
}

/// RFC 3464 §2.3.3, and what some programs write instead. Where nothing is said the status decides; what has an end that no
/// standard knows has failed.
fn end(action: Option<&str>, status: Option<&str>) -> End {
    let action = action.unwrap_or_default().to_ascii_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| action.starts_with(word));
    if begins(&["delay", "retry", "warn", "queued"]) {
        End::Delayed
    } else if begins(&["deliver", "relay", "expand", "success"])
        || action.is_empty() && status.is_some_and(|s| s.starts_with('2'))
    {
        End::Arrived
    } else {
        End::Failed
    }
}

/// An address as RFC 3461 §4 writes it in an `Original-Recipient`: `+2B` is a plus sign. Some do not encode, so only what cannot
/// be part of a plain name is decoded.
fn from_xtext(value: &str) -> String {
    const CODES: [(&str, char); 6] = [("2B", '+'), ("3D", '='), ("40", '@'), ("5F", '_'), ("2D", '-'), ("2E", '.')];
    let (mut text, mut rest) = (String::with_capacity(value.len()), value);
    while let Some((plain, behind)) = rest.split_once('+') {
        text.push_str(plain);
        let code = CODES.iter().find_map(|(code, c)| behind.strip_prefix(code).map(|behind| (*c, behind)));
        let (c, behind) = code.unwrap_or(('+', behind));
        text.push(c);
        rest = behind;
    }
    text + rest
}

/// Groups of header-like fields, parted by blank lines, or by a recipient where the blank line was forgotten.
pub fn groups(body: &str) -> Vec<Fields> {
    let mut groups = vec![Fields::new()];
    let mut current: Option<String> = None;
    for line in body.lines() {
        let group = groups.last_mut().expect("there is always a group");
        if line.trim().is_empty() {
            groups.push(Fields::new());
            current = None;
        } else if line.starts_with([' ', '\t']) {
            if let Some(value) = current.as_ref().and_then(|name| group.get_mut(name)) {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            let name = name.trim().to_ascii_lowercase();
            if name == "final-recipient" && group.contains_key(&name) {
                groups.push(Fields::new());
            }
            let group = groups.last_mut().expect("there is always a group");
            group.entry(name.clone()).or_insert_with(|| value.trim().to_owned());
            current = Some(name);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(fields: &str) -> Option<Failure> {
        groups(fields).iter().find_map(|fields| failure(fields, ""))
    }

    #[test]
    fn fields_become_failures() {
        let gone = one(
            "Final-Recipient: rfc822; <Ada@x.example>\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550\n 5.1.1 unknown",
        )
        .expect("failure");
        assert_eq!((gone.address.as_str(), gone.hard, gone.status.as_deref()), ("ada@x.example", true, Some("5.1.1")));
        let full = one("Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.2.2").expect("failure");
        assert!(!full.hard && full.given_up);
        let late = one("Final-Recipient: rfc822; a@x.example\nAction: delayed\nStatus: 5.1.1").expect("failure");
        assert!(!late.hard && !late.given_up);
        let alias =
            one("Final-Recipient: rfc822; b@y.example\nOriginal-Recipient: rfc822;a@x.example\nAction: failed\nStatus: 5.1.1")
                .expect("failure");
        assert_eq!(alias.address.as_str(), "a@x.example");
        for (action, class) in [
            ("delivered", Class::Delivered),
            ("relayed (to a host that sends no reports)", Class::Delivered),
            ("expanded", Class::Delivered),
            ("delayed", Class::Delayed),
            ("expired", Class::Soft),
        ] {
            let end = one(&format!("Final-Recipient: rfc822; a@x.example\nAction: {action}")).expect("an end");
            assert_eq!((end.class, end.hard), (class, false), "{action}");
        }
        let plus = one("Original-Recipient: rfc822;ada+2Bnews@x.example\nAction: failed\nStatus: 5.1.1").expect("failure");
        assert_eq!(plus.address.as_str(), "ada+news@x.example");
        assert_eq!(from_xtext("ada+2B40x@y.example, a+news+3Db+40c+"), "ada+40x@y.example, a+news=b@c+");
        assert_eq!(groups("Final-Recipient: a\nAction: failed\nFinal-Recipient: b\nAction: failed").len(), 2);
    }

    #[test]
    fn of_the_mailboxes_behind_one_address_the_one_that_is_least_gone_counts() {
        let group = |name: &str, action: &str, status: &str| {
            format!(
                "Original-Recipient: rfc822;sales@x.example\nFinal-Recipient: rfc822; {name}@x.example\nAction: {action}\n\
                 Status: {status}\n\n"
            )
        };
        let (gone, full) = (group("ada", "failed", "5.1.1"), group("bo", "failed", "5.2.2"));
        let (late, arrived) = (group("cy", "delayed", "4.4.7"), group("di", "delivered", "2.0.0"));
        for (groups, class, hard) in [
            ([&gone, &gone], Class::Hard, true),
            ([&gone, &full], Class::Soft, false),
            ([&full, &gone], Class::Soft, false),
            ([&full, &late], Class::Delayed, false),
            ([&gone, &arrived], Class::Delivered, false),
        ] {
            let mail = format!(
                "To: t@our.example\nContent-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n{}{}--b--\n",
                groups[0], groups[1]
            );
            let message = mail_parser::MessageParser::default().parse(mail.as_bytes()).expect("a mail");
            let found = failures(&message).expect("a report");
            assert_eq!((found.len(), found[0].class, found[0].hard), (1, class, hard), "{mail}");
        }
    }
}
