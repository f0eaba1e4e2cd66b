//! Amazon SES: the JSON inside a message of SNS, as feedback notifications (`notificationType`) and as events of a configuration set
//! (`eventType`). `mail.source` is our signed return path, and `mail.headers` holds our own Message-ID.

use super::event::{Event, Failed, Named, Unread, What, bare_id};
use super::json;
use crate::domain::group::provider_bounce::Class;
use crate::domain::group::refusal_codes::best_status;
use serde_json::Value;

/// How many recipients and headers are looked at.
const MOST: usize = 100;

/// The reports of one message; `id` is the message's.
pub fn read(message: &str, id: &str) -> Result<Vec<Event>, Unread> {
    // What SNS says when a topic is connected is a text, and is none.
    let Ok(body) = serde_json::from_str::<Value>(message) else { return Ok(Vec::new()) };
    if !body.is_object() {
        return Err(Unread::NoReport);
    }
    let kind = json::text(&body["notificationType"]).or_else(|| json::text(&body["eventType"])).unwrap_or_default();
    let mail = named(&body["mail"]);
    let event = |about: &Value, address: &Value, of: usize, what| Event {
        id: format!("{}:{}", json::text(&about["feedbackId"]).unwrap_or_else(|| id.to_owned()), json::words(address)),
        mail: mail.clone(),
        address: json::address(address),
        is_of_several: of > 1,
        at: json::instant(&about["timestamp"]),
        what,
    };
    let list = |value: &Value| value.as_array().map(|all| all.iter().take(MOST).cloned().collect::<Vec<_>>()).unwrap_or_default();
    Ok(match kind.as_str() {
        "Bounce" => {
            let bounce = &body["bounce"];
            let recipients = list(&bounce["bouncedRecipients"]);
            let of = recipients.len();
            recipients
                .iter()
                .filter(|recipient| json::text(&recipient["action"]).is_none_or(|action| action != "delayed"))
                .map(|recipient| event(bounce, &recipient["emailAddress"], of, What::Failed(failed(bounce, recipient))))
                .collect()
        }
        "Complaint" => {
            let complaint = &body["complaint"];
            let feedback = json::text(&complaint["complaintFeedbackType"]).unwrap_or_else(|| "abuse".to_owned()).to_lowercase();
            let recipients = list(&complaint["complainedRecipients"]);
            let of = recipients.len();
            let what = What::Complaint { feedback };
            recipients.iter().map(|recipient| event(complaint, &recipient["emailAddress"], of, what.clone())).collect()
        }
        "Delivery" => {
            let delivery = &body["delivery"];
            let recipients = list(&delivery["recipients"]);
            let of = recipients.len();
            recipients.iter().map(|recipient| event(delivery, recipient, of, What::Delivered)).collect()
        }
        _ => Vec::new(),
    })
}

fn failed(bounce: &Value, recipient: &Value) -> Failed {
    let (kind, subkind) = (json::words(&bounce["bounceType"]), json::words(&bounce["bounceSubType"]));
    let class = match (kind.as_str(), subkind.as_str()) {
        ("Permanent", "Suppressed" | "OnAccountSuppressionList") => Class::Listed,
        ("Permanent", _) => Class::Permanent,
        ("Transient", "MailboxFull") => Class::Soft,
        ("Transient", "MessageTooLarge" | "ContentRejected" | "AttachmentRejected") => Class::Block,
        ("Transient", _) => Class::Passing,
        _ => Class::Unsaid,
    };
    let words = json::words(&recipient["diagnosticCode"]);
    let status = json::text(&recipient["status"]).filter(|status| best_status(Some(status), "").0.is_some());
    Failed { class, status, code: None, words }
}

fn named(mail: &Value) -> Named {
    let header = |header: &Value| {
        let is_id = header["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("message-id"));
        is_id.then(|| json::text(&header["value"])).flatten()
    };
    let headers = mail["headers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ids = headers.iter().take(MOST).filter_map(header).chain(json::text(&mail["commonHeaders"]["messageId"]));
    Named {
        token: None,
        message_ids: ids.map(|id| bare_id(&id)).collect(),
        return_path: json::text(&mail["source"]).map(|path| bare_id(&path)),
    }
}
