//! From a raw mail to what `flow::receive` is told of it: plain values, cleaned of what no database and no header holds.

use super::mail::bounce::{self, Incoming, ReadError};
use crate::domain::excerpt::excerpt;
use crate::domain::id::fingerprint;
use crate::flow::individual::receive::{Content, Failure, Mail};

/// Reads one raw mail.
///
/// # Errors
/// When it is no mail, or over 25 MiB.
pub fn take(raw: &[u8]) -> Result<Mail, ReadError> {
    let returned = bounce::read(raw)?;
    let mut recipients = returned.recipients;
    let says = match returned.kind {
        Incoming::Bounce(failures) => Content::Undelivered(
            failures
                .into_iter()
                .map(|f| Failure {
                    address: f.address,
                    hard: f.hard && f.given_up,
                    status: f.status,
                    diagnostic: line(&f.diagnostic, 300),
                })
                .collect(),
        ),
        Incoming::AutoReply { subject } => Content::Automatic { subject: line(&subject, 200) },
        Incoming::Reply { from, subject, text, .. } => Content::Words { from, subject: line(&subject, 200), text },
        Incoming::Complaint(complaint) if complaint.is_objection() => {
            recipients.extend(complaint.return_path);
            Content::Complaint { feedback: line(&complaint.feedback, 40) }
        }
        Incoming::Complaint(_) | Incoming::Unknown => Content::Nothing,
    };
    // A mail without an id is known again by its bytes.
    let id = returned.id.unwrap_or_else(|| fingerprint(&[&String::from_utf8_lossy(raw)]));
    Ok(Mail { id, recipients, message_ids: returned.message_ids, says })
}

/// On one line, without control characters: PostgreSQL's JSON takes no NUL, and a header no line end.
fn line(text: &str, most: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    excerpt(&clean, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_without_an_id_is_known_again_and_hostile_words_are_cleaned() {
        let raw = b"From: Ada <ada@albareda.example>\r\nTo: bounces+x@news.example\r\nSubject: a\x00b\r\n\r\nYes\r\n";
        let mail = take(raw).expect("a mail");
        assert_eq!(mail.id, take(raw).expect("a mail").id);
        assert_ne!(mail.id, take(&[raw, &b"more"[..]].concat()).expect("a mail").id);
        assert_eq!(mail.recipients, ["bounces+x@news.example"]);
        match mail.says {
            Content::Words { from, subject, text } => {
                assert_eq!((from.as_str(), text.as_str()), ("ada@albareda.example", "Yes"));
                assert!(!subject.contains('\0'), "{subject:?}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(take(b"").err(), Some(ReadError::NoMail));
    }

    #[test]
    fn a_delay_is_never_hard() {
        let report = |action: &str| {
            let mail = format!(
                "From: MAILER-DAEMON@mx.example\r\nTo: bounces@news.example\r\nSubject: Delivery\r\nMIME-Version: 1.0\r\n\
                 Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\
                 Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n\
                 Final-Recipient: rfc822; ada@albareda.example\r\nAction: {action}\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
            );
            match take(mail.as_bytes()).expect("a mail").says {
                Content::Undelivered(failures) => failures[0].hard,
                other => panic!("{other:?}"),
            }
        };
        assert!(report("failed"));
        assert!(!report("delayed"));
    }
}
