//! Reports made for machines: delivery status (RFC 3464) and feedback (RFC 5965).

use super::address;
use super::mime_body;
use crate::domain::address::Address;
use crate::domain::group::refusal::{About, Heard, Phase, best_status, judge};
use mail_parser::Message;
use std::collections::BTreeMap;

/// A recipient who was not reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub address: Address,
    /// Whether the mailbox is gone for good.
    pub hard: bool,
    /// Whom the words and the status are about.
    pub about: About,
    /// Whether the other side stopped trying; `false` for a mere delay, which is never hard.
    pub given_up: bool,
    /// RFC 3463 status, if any was given.
    pub status: Option<String>,
    /// What the other side said, at most 300 characters.
    pub diagnostic: String,
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
    pub fn read(address: Address, field: Option<&str>, words: &str, given_up: bool, domain: &str) -> Self {
        let domain = if address.domain().eq_ignore_ascii_case(domain) { "" } else { domain };
        let (about, _) = judge(&Heard { phase: Phase::Bounce, code: None, field, words, domain });
        let (status, _) = best_status(field, words);
        Self { address, hard: about.is_gone() && given_up, about, given_up, status, diagnostic: mime_body::line(words, 300) }
    }
}

type Fields = BTreeMap<String, String>;

/// The failures of a delivery status report; `None` when the mail holds none that names a recipient.
pub fn failures(message: &Message) -> Option<Vec<Failure>> {
    // The report came to our return path.
    let ours = mime_body::header(message, "To").and_then(|to| address::first(&to));
    let domain = ours.as_ref().map_or("", Address::domain);
    let mut bodies = mime_body::parts_of(message, "message/delivery-status", 3);
    bodies.extend(mime_body::parts_of(message, "message/global-delivery-status", 3));
    let mut named = false;
    let mut failures: Vec<Failure> = Vec::new();
    for fields in bodies.iter().flat_map(|body| groups(body)) {
        named |= fields.contains_key("final-recipient") || fields.contains_key("original-recipient");
        if let Some(failure) = failure(&fields, domain)
            && !failures.iter().any(|known| known.address == failure.address)
        {
            failures.push(failure);
        }
    }
    named.then_some(failures)
}

/// The complaint of a feedback report.
pub fn complaint(message: &Message) -> Option<Complaint> {
    let body = mime_body::parts_of(message, "message/feedback-report", 1).into_iter().next()?;
    let fields = groups(&body).into_iter().reduce(|mut all, more| {
        all.extend(more);
        all
    })?;
    let feedback = mime_body::line(&fields.get("feedback-type")?.to_ascii_lowercase(), 40);
    let recipients = ["original-rcpt-to", "removal-recipient"]
        .iter()
        .filter_map(|name| fields.get(*name))
        .flat_map(|value| address::find(value));
    let mut unique: Vec<Address> = Vec::new();
    for found in recipients {
        if !unique.contains(&found.address) {
            unique.push(found.address);
        }
    }
    let return_path = fields.get("original-mail-from").and_then(|value| address::written(value).next().map(str::to_owned));
    Some(Complaint { feedback, recipients: unique, return_path })
}

fn failure(fields: &Fields, domain: &str) -> Option<Failure> {
    let action = fields.get("action").map(|action| action.to_ascii_lowercase()).unwrap_or_default();
    let given_up = action.starts_with("fail") || action.starts_with("error");
    if !given_up && !action.starts_with("delay") {
        return None;
    }
    // The address we wrote to, before aliases and gateways changed it.
    let recipient = |name: &str| fields.get(name).and_then(|value| address::first(value));
    let address = recipient("original-recipient").or_else(|| recipient("final-recipient"))?;
    let status = fields.get("status").map(String::as_str);
    let diagnostic = fields.get("diagnostic-code").map_or_else(|| status.unwrap_or_default(), String::as_str);
    Some(Failure::read(address, status, diagnostic, given_up, domain))
}

/// Groups of header-like fields, parted by blank lines, or by a recipient where the blank line was forgotten.
fn groups(body: &str) -> Vec<Fields> {
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
        assert_eq!(one("Final-Recipient: rfc822; a@x.example\nAction: delivered\nStatus: 2.0.0"), None);
        assert_eq!(groups("Final-Recipient: a\nAction: failed\nFinal-Recipient: b\nAction: failed").len(), 2);
    }
}
