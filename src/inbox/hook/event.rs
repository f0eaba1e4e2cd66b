//! What one report of a provider says, whoever the provider is.

use crate::domain::address::Address;
use crate::domain::group::provider_bounce::Class;
use jiff::Timestamp;

/// How many reports one call holds at most: SendGrid's largest batch.
pub const MOST: usize = 2_000;

/// A report about one mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What makes it the same when it comes again.
    pub id: String,
    pub mail: Named,
    /// Whom the mail went to, as the provider says.
    pub address: Option<Address>,
    /// Whether the report names several recipients, of which this is one.
    pub is_of_several: bool,
    /// When it happened.
    pub at: Option<Timestamp>,
    pub what: What,
}

/// By what a report names our mail. Each is checked elsewhere: what we did not sign names nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// The token alone, from a header or an argument of ours.
    pub token: Option<String>,
    /// Message-IDs, without their brackets.
    pub message_ids: Vec<String>,
    pub return_path: Option<String>,
}

/// What happened to the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The recipient's server took it.
    Delivered,
    /// It was given up. A mere delay is no event.
    Failed(Failed),
    /// As the report calls it: "abuse", "fraud".
    Complaint { feedback: String },
    /// They unsubscribed by the provider's own link.
    Unsubscribed,
}

/// Why a mail was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    pub class: Class,
    pub status: Option<String>,
    pub code: Option<u16>,
    /// What the other side said, or the provider.
    pub words: String,
}

/// Why a body could not be read. It repeats nothing of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    #[error("the body is not the JSON that this provider documents")]
    NoReport,
    #[error("the body holds more than 2000 reports")]
    TooMany,
}

/// The id in a Message-ID, whose brackets some providers leave out.
pub fn bare_id(text: &str) -> String {
    text.trim().trim_start_matches('<').trim_end_matches('>').to_owned()
}
