//! Mailgun's webhooks: one event a call. The signature is an HMAC over a timestamp and a token, and not over the event: each token
//! counts once, for one body, so that nobody puts another event under a signature they have seen.

use super::event::{Event, Failed, Named, Unread, What, bare_id};
use super::json;
use super::proof::{is_same, mac};
use crate::domain::group::provider_bounce::Class;
use crate::domain::span::Span;
use data_encoding::HEXLOWER_PERMISSIVE;
use jiff::Timestamp;
use serde_json::Value;

/// How old a signature may be: Mailgun tries for eight hours.
const OLDEST: Span = Span::hours(8);
/// How far their clock may be ahead.
const AHEAD: Span = Span::minutes(5);

/// The token of a call that the key signed within the window; `None` for any other call.
pub fn proven(key: &[u8], body: &[u8], now: Timestamp) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let said = &body["signature"];
    let (timestamp, token) = (json::text(&said["timestamp"])?, json::text(&said["token"])?);
    let signature = HEXLOWER_PERMISSIVE.decode(said["signature"].as_str()?.as_bytes()).ok()?;
    if token.len() > 200 || !is_same(&mac(key, &[timestamp.as_bytes(), token.as_bytes()]), &signature) {
        return None;
    }
    let at = Timestamp::from_second(timestamp.parse().ok()?).ok()?;
    (at >= OLDEST.before(now) && at <= AHEAD.after(now)).then_some(token)
}

pub fn read(body: &[u8]) -> Result<Vec<Event>, Unread> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Unread::NoReport)?;
    let event = &body["event-data"];
    let kind = event["event"].as_str().ok_or(Unread::NoReport)?;
    let what = match kind {
        "delivered" => What::Delivered,
        "failed" if event["severity"] == "permanent" => failed(event),
        "rejected" => {
            let words = json::words(&event["reject"]["reason"]);
            What::Failed(Failed { class: Class::Block, status: None, code: None, words })
        }
        "complained" => What::Complaint { feedback: "abuse".to_owned() },
        "unsubscribed" => What::Unsubscribed,
        _ => return Ok(Vec::new()),
    };
    let variable = match &event["user-variables"] {
        Value::Object(all) => all.get("nurtured").and_then(json::text),
        _ => None,
    };
    let id = json::text(&event["message"]["headers"]["message-id"]).map(|id| bare_id(&id));
    Ok(vec![Event {
        id: json::text(&event["id"]).ok_or(Unread::NoReport)?,
        mail: Named { token: variable, message_ids: id.into_iter().collect(), return_path: None },
        address: json::address(&event["recipient"]),
        is_of_several: false,
        at: json::instant(&event["timestamp"]),
        what,
    }])
}

fn failed(event: &Value) -> What {
    let status = &event["delivery-status"];
    let class = match event["reason"].as_str().unwrap_or_default() {
        "suppress-bounce" => Class::Listed,
        "suppress-complaint" => return What::Complaint { feedback: "abuse".to_owned() },
        "suppress-unsubscribe" => return What::Unsubscribed,
        "espblock" => Class::Block,
        _ if status["bounce-type"] == "soft" => Class::Soft,
        // Tried for as long as Mailgun does.
        "old" => Class::Passing,
        _ => Class::Permanent,
    };
    let message = json::words(&status["message"]);
    let words = if message.is_empty() { json::words(&status["description"]) } else { message };
    What::Failed(Failed { class, status: json::text(&status["enhanced-code"]), code: json::code(&status["code"]), words })
}
