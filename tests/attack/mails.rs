//! The mails that the relay accepted: that each has one recipient, the header we write and no more, and nothing hostile in it.

use crate::company::STRANGERS;
use crate::hostile::{MULTIPLIED, VICTIM, WORD};
use crate::table::Row;
use mail_parser::{MessageParser, MimeHeaders, PartType};
use nurtured::mail::test_server::Caught;
use std::collections::BTreeMap;

/// The header lines of our mails, in lower case.
const OURS: [&str; 24] = [
    "from",
    "to",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
    "auto-submitted",
    "precedence",
    "feedback-id",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "x-auto-response-suppress",
    "dkim-signature",
    // By which the providers whose hooks are open repeat our token.
    "x-smtpapi",
    "x-pm-metadata-nurtured",
    "x-mailgun-variables",
    "x-mailin-custom",
];
/// Lines that a mail has once.
const ONCE: [&str; 6] = ["from", "to", "subject", "date", "message-id", "content-type"];
/// What a hostile text would have opened.
const TAGS: [&str; 5] = ["<b id=hostile", "<script", "<img src=x", "<a href=\"javascript:", "<form action=\"https://hostile"];

/// What is wrong with a mail to this recipient.
pub(crate) fn faults(to: &[String], data: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let Some(message) = MessageParser::default().parse(data) else { return vec!["a mail cannot be read".to_owned()] };
    let header = data.windows(4).position(|window| window == b"\r\n\r\n").map_or(data, |end| &data[..end]);
    let header = String::from_utf8_lossy(header).into_owned();
    let names: Vec<String> = header
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|line| line.split(':').next().unwrap_or_default().to_ascii_lowercase())
        .collect();
    found.extend(names.iter().filter(|name| !OURS.contains(&name.as_str())).map(|name| format!("a header line {name:?}")));
    for once in ONCE {
        let count = names.iter().filter(|name| *name == once).count();
        if count != 1 {
            found.push(format!("{count} lines {once:?}"));
        }
    }
    let addressed: Vec<&str> = message.to().into_iter().flat_map(|to| to.iter()).filter_map(|to| to.address()).collect();
    if to.len() != 1 || addressed != [to[0].as_str()] {
        found.push(format!("it went to {} recipients, and names {}", to.len(), addressed.len()));
    }
    if to.iter().any(|to| to == VICTIM) || message.cc().is_some() || message.bcc().is_some() {
        found.push("it went to somebody whom a form named".to_owned());
    }
    for part in &message.parts {
        let kind =
            part.content_type().map_or_else(String::new, |kind| format!("{}/{}", kind.c_type, kind.subtype().unwrap_or("")));
        let is_known = kind.starts_with("multipart/") || ["", "text/plain", "text/html", "text/vcard"].contains(&kind.as_str());
        if !is_known {
            found.push(format!("a part of type {kind:?}"));
        }
        let text = match &part.body {
            PartType::Text(text) => text,
            PartType::Html(html) => {
                let html_lower = html.to_ascii_lowercase();
                found.extend(TAGS.iter().filter(|tag| html_lower.contains(*tag)).map(|tag| format!("{tag:?} in its HTML")));
                html
            }
            _ => continue,
        };
        if text.contains(MULTIPLIED) {
            found.push("a template ran what a form said".to_owned());
        }
        if kind != "text/vcard" && text.chars().any(moves) {
            found.push("a character that moves the cursor or the direction".to_owned());
        }
    }
    if message.subject().is_some_and(|subject| subject.chars().any(moves)) {
        found.push("such a character in its subject".to_owned());
    }
    let is_to_a_stranger = to.iter().any(|to| to.ends_with(STRANGERS));
    if is_to_a_stranger && String::from_utf8_lossy(data).contains(WORD) {
        found.push("words of a form in a mail to an address that a form named".to_owned());
    }
    if is_to_a_stranger && !header.contains("\r\nAuto-Submitted: auto-generated") {
        found.push("a mail to a stranger that does not say that a program wrote it".to_owned());
    }
    found
}

/// Characters that a terminal or a mail program obeys: controls but tab and line ends, and those of direction.
pub(crate) fn moves(c: char) -> bool {
    let is_control = c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    is_control || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// Whether it is a newsletter.
pub(crate) fn is_group_mail(mail: &Caught) -> bool {
    MessageParser::default().parse(&mail.data).is_some_and(|message| message.header_raw("List-Unsubscribe").is_some())
}

/// How many confirmations each domain may be sent a day, as shipped.
const MAILS_TO_A_DOMAIN: usize = 20;

/// Looks at every mail, and counts those to strangers: one to each address, twenty to each domain.
pub(crate) fn look(caught: &[Caught], row: &mut Row) {
    row.looked_at(caught.len());
    let (mut to_address, mut to_domain) = (BTreeMap::new(), BTreeMap::new());
    for mail in caught {
        for fault in faults(&mail.rcpt_to, &mail.data) {
            row.through(format!("mail {}: {fault}", mail.at));
        }
        for to in mail.rcpt_to.iter().filter(|to| to.ends_with(STRANGERS)) {
            *to_address.entry(to.as_str()).or_insert(0) += 1;
            *to_domain.entry(to.split('@').next_back().unwrap_or_default()).or_insert(0) += 1;
        }
    }
    row.holds(!to_address.is_empty(), || "no stranger was asked, so that nothing was shown".to_owned());
    for (_, count) in to_address.into_iter().filter(|(_, count)| *count > 1) {
        row.through(format!("one stranger got {count} mails"));
    }
    for (domain, count) in to_domain.into_iter().filter(|(_, count)| *count > MAILS_TO_A_DOMAIN) {
        row.through(format!("{domain} got {count} mails"));
    }
}

/// The path of the newest link that confirms a form of this address.
pub(crate) fn confirmation(caught: &[Caught], address: &str) -> Option<String> {
    let mut theirs = caught.iter().rev().filter(|mail| mail.rcpt_to.iter().any(|to| to.eq_ignore_ascii_case(address)));
    theirs.find_map(|mail| link(mail, "/k/"))
}

/// The first link of a mail whose path begins so.
pub(crate) fn link(mail: &Caught, begins: &str) -> Option<String> {
    let message = MessageParser::default().parse(&mail.data)?;
    let text = message.body_text(0)?;
    let rest = &text[text.find(begins)?..];
    Some(rest.split(|c: char| c.is_whitespace() || c == '>').next().unwrap_or(rest).to_owned())
}

/// What is wrong with a page that shows what a form said.
pub(crate) fn page_faults(page: &str) -> Vec<String> {
    let lower = page.to_ascii_lowercase();
    let mut found: Vec<String> = TAGS.iter().filter(|tag| lower.contains(*tag)).map(|tag| format!("{tag:?}")).collect();
    if page.contains(MULTIPLIED) {
        found.push("a template ran what a form said".to_owned());
    }
    if page.chars().any(moves) {
        found.push("a character that moves the cursor or the direction".to_owned());
    }
    found
}
