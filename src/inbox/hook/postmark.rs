//! Postmark's webhooks: one record a call, with our token in its metadata. Postmark signs nothing: a login in the URL proves it.

use super::event::{Event, Failed, Named, Unread, What};
use super::json;
use crate::domain::address::Address;
use crate::domain::group::provider_bounce::Class;
use serde_json::Value;

pub fn read(body: &[u8]) -> Result<Vec<Event>, Unread> {
    let record: Value = serde_json::from_slice(body).map_err(|_| Unread::NoReport)?;
    let kind = record["RecordType"].as_str().ok_or(Unread::NoReport)?;
    let message = json::text(&record["MessageID"]).unwrap_or_default();
    let number = json::text(&record["ID"]);
    let what = match kind {
        "Delivery" => Some(What::Delivered),
        "Bounce" => bounce(&record),
        "SpamComplaint" => Some(What::Complaint { feedback: "abuse".to_owned() }),
        "SubscriptionChange" if record["SuppressSending"] == true => match record["SuppressionReason"].as_str() {
            // A bounce and a complaint have reports of their own.
            Some("ManualSuppression") if record["Origin"] == "Recipient" => Some(What::Unsubscribed),
            _ => None,
        },
        _ => None,
    };
    let Some(what) = what else { return Ok(Vec::new()) };
    let at = ["BouncedAt", "DeliveredAt", "ChangedAt"].iter().find_map(|key| json::instant(&record[*key]));
    let address = json::address(&record["Email"]).or_else(|| json::address(&record["Recipient"]));
    let token = record["Metadata"].as_object().and_then(|all| all.iter().find(|(key, _)| key.eq_ignore_ascii_case("nurtured")));
    let mail = Named { token: token.and_then(|(_, value)| json::text(value)), message_ids: Vec::new(), return_path: None };
    let id = number.unwrap_or_else(|| format!("{message}:{}", address.as_ref().map_or("", Address::as_str)));
    Ok(vec![Event { id: format!("{kind}:{id}"), mail, address, is_of_several: false, at, what }])
}

/// What a bounce is, by its type; nothing for what is no failure.
fn bounce(record: &Value) -> Option<What> {
    let class = match record["Type"].as_str().unwrap_or_default() {
        "HardBounce" | "BadEmailAddress" => Class::Permanent,
        "SoftBounce" | "DnsError" | "ChallengeVerification" | "Unconfirmed" => Class::Soft,
        "Blocked"
        | "SpamNotification"
        | "VirusNotification"
        | "DMARCPolicy"
        | "SMTPApiError"
        | "TemplateRenderingFailed"
        | "InboundError"
        | "ManuallyDeactivated" => Class::Block,
        "SpamComplaint" => return Some(What::Complaint { feedback: "abuse".to_owned() }),
        "Unsubscribe" => return Some(What::Unsubscribed),
        // A delay, a holiday notice, a new address: none of them was given up.
        "Transient" | "AutoResponder" | "AddressChange" | "Subscribe" | "OpenRelayTest" => return None,
        _ => Class::Unsaid,
    };
    let (details, description) = (json::words(&record["Details"]), json::words(&record["Description"]));
    // The description is Postmark's own sentence for the type, and names what such a bounce may be.
    let words = if details.is_empty() && class == Class::Permanent { description } else { details };
    Some(What::Failed(Failed { class, status: None, code: None, words }))
}
