//! SendGrid's Event Webhook: a list of events, signed as a whole by ECDSA on P-256 over the timestamp's text and the body's bytes.

use super::event::{Event, Failed, MOST, Named, Unread, What, bare_id};
use super::json;
use crate::domain::group::provider_bounce::Class;
use data_encoding::BASE64;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::Value;

/// The header that holds the signature, in Base64.
pub const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
/// The header that holds what is signed before the body.
pub const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";

/// Whether the key signed a body with this timestamp.
pub fn is_signed(point: &[u8], timestamp: &str, signature: &str, body: &[u8]) -> bool {
    let Ok(signature) = BASE64.decode(signature.trim().as_bytes()) else { return false };
    let signed = [timestamp.as_bytes(), body].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(&signed, &signature).is_ok()
}

pub fn read(body: &[u8]) -> Result<Vec<Event>, Unread> {
    let events: Vec<Value> = serde_json::from_slice(body).map_err(|_| Unread::NoReport)?;
    if events.len() > MOST {
        return Err(Unread::TooMany);
    }
    Ok(events.iter().filter_map(one).collect())
}

fn one(event: &Value) -> Option<Event> {
    let failed = |class, words| {
        let status = json::text(&event["status"]).filter(|status| status.contains('.'));
        let code = json::code(&event["status"]);
        What::Failed(Failed { class, status, code, words })
    };
    let reason = || json::words(&event["reason"]);
    let what = match event["event"].as_str()? {
        "delivered" => What::Delivered,
        "bounce" | "blocked" => failed(bounce(event), reason()),
        "dropped" => dropped(event, failed),
        "spamreport" => What::Complaint { feedback: "abuse".to_owned() },
        "unsubscribe" | "group_unsubscribe" => What::Unsubscribed,
        _ => return None,
    };
    Some(Event {
        id: json::text(&event["sg_event_id"])?,
        mail: Named {
            token: json::text(&event["nurtured"]),
            message_ids: json::text(&event["smtp-id"]).map(|id| bare_id(&id)).into_iter().collect(),
            return_path: None,
        },
        address: json::address(&event["email"]),
        is_of_several: false,
        at: json::instant(&event["timestamp"]),
        what,
    })
}

/// `type` says whether the address was put on the list of bounces; a block leaves it off.
fn bounce(event: &Value) -> Class {
    let is_block = event["event"] == "blocked" || event["type"] == "blocked";
    match event["bounce_classification"].as_str().unwrap_or_default() {
        "Mailbox Unavailable" => Class::Soft,
        "Content" | "Reputation" | "Frequency or Volume Too High" | "Technical" => Class::Block,
        _ if is_block => Class::Block,
        _ => Class::Permanent,
    }
}

/// What SendGrid did not try, by its reason: only its lists of bounced and invalid addresses say anything of the mailbox.
fn dropped(event: &Value, failed: impl Fn(Class, String) -> What) -> What {
    let reason = json::words(&event["reason"]);
    match reason.to_lowercase().as_str() {
        "bounced address" | "invalid" => failed(Class::Listed, reason),
        "spam reporting address" => What::Complaint { feedback: "abuse".to_owned() },
        "unsubscribed address" => What::Unsubscribed,
        _ => failed(Class::Block, reason),
    }
}
