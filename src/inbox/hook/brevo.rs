//! Brevo's transactional webhooks: one event a call, or several in a list. Brevo signs nothing: a token or a login proves it, and the
//! networks it calls from. Its `id` is the webhook's, so mail, kind and instant tell events apart.

use super::event::{Event, Failed, MOST, Named, Unread, What, bare_id};
use super::json;
use crate::domain::address::Address;
use crate::domain::group::provider_bounce::Class;
use serde_json::Value;

pub fn read(body: &[u8]) -> Result<Vec<Event>, Unread> {
    let events = match serde_json::from_slice(body).map_err(|_| Unread::NoReport)? {
        Value::Array(events) => events,
        one @ Value::Object(_) => vec![one],
        _ => return Err(Unread::NoReport),
    };
    if events.len() > MOST {
        return Err(Unread::TooMany);
    }
    Ok(events.iter().filter_map(one).collect())
}

fn one(event: &Value) -> Option<Event> {
    let kind = event["event"].as_str()?;
    let failed = |class| {
        // "undefined" is what their program writes where the other side gave no code.
        let words = json::words(&event["reason"]).trim_start_matches("undefined").trim().to_owned();
        What::Failed(Failed { class, status: None, code: None, words })
    };
    let what = match kind {
        "delivered" => What::Delivered,
        "hard_bounce" | "hardBounce" | "invalid_email" | "invalid" => failed(Class::Permanent),
        "soft_bounce" | "softBounce" => failed(Class::Soft),
        // Their own list, for whatever reason; or an error on their side.
        "blocked" | "error" => failed(Class::Block),
        "spam" | "complaint" => What::Complaint { feedback: "abuse".to_owned() },
        "unsubscribed" | "unsubscribe" => What::Unsubscribed,
        _ => return None,
    };
    let message = json::text(&event["message-id"]).map(|id| bare_id(&id));
    let at = ["ts_epoch", "ts_event", "ts"].iter().find_map(|key| json::text(&event[*key]).map(|text| (text, &event[*key])));
    let custom = json::text(&event["X-Mailin-custom"]).unwrap_or_default();
    let address = json::address(&event["email"]);
    let told = [message.as_deref().unwrap_or_default(), address.as_ref().map_or("", Address::as_str)];
    Some(Event {
        id: format!("{kind}:{}:{}", told.join(":"), at.as_ref().map_or("", |(text, _)| text.as_str())),
        mail: Named {
            token: custom.split('|').find_map(|part| part.trim().strip_prefix("nurtured:")).map(|token| token.trim().to_owned()),
            message_ids: message.into_iter().collect(),
            return_path: None,
        },
        address,
        is_of_several: false,
        at: at.and_then(|(_, value)| json::instant(value)),
        what,
    })
}
