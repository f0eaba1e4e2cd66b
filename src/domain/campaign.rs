//! Campaigns: a programme of group mail to one audience, as configured.

use super::address::Address;
use super::audience::Audience;
use super::guard::Guards;
use super::id::Name;
use super::schedule::Schedule;
use super::span::Span;

/// A configured campaign.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Its file's name without `.toml`.
    pub name: Name,
    /// Who it comes from.
    pub from: Sender,
    /// The colleague whom human replies reach.
    pub reply_to: Name,
    /// When.
    pub schedule: Schedule,
    /// What each occurrence carries.
    pub order: Order,
    /// To whom.
    pub audience: Audience,
    /// The texts, in file-name order. Never empty.
    pub newsletters: Vec<Newsletter>,
    /// How carefully it goes out.
    pub guards: Guards,
}

impl Campaign {
    /// How late an occurrence may still fire after downtime; older ones are recorded as missed.
    pub const SEND_WITHIN: Span = Span::hours(6);

    /// The newsletter of that id, if the campaign still has it.
    #[must_use]
    pub fn newsletter(&self, id: &Name) -> Option<&Newsletter> {
        self.newsletters.iter().find(|n| n.id == *id)
    }
}

/// A display name and the address behind it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sender {
    /// As shown; safe for a header.
    pub name: String,
    /// The address.
    pub address: Address,
}

/// What an occurrence carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Each prospect gets the next newsletter they have not had.
    Series,
    /// Everyone gets the newest, once.
    Edition,
}

/// One authored text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newsletter {
    /// Its identity: renaming the file resends nothing.
    pub id: Name,
    /// The subject line.
    pub subject: String,
    /// The line shown beside the subject in a list of mails.
    pub preheader: String,
    /// Markdown, with `:::ask CRITERION` blocks.
    pub markdown: String,
}
