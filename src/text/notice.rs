//! The small letters: a change confirmed, a reply passed on, a handoff moved, a campaign paused, something that waits.

use crate::domain::address::Address;
use crate::text::letter::{Letter, letter, moment, who};
use crate::text::template::TextError;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// A change on a handoff, to be confirmed to its salesperson.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    pub prospect: String,
    pub company: Option<String>,
    /// What was done: "accepted", "touched: call".
    pub what: String,
    pub by: String,
    pub at: Timestamp,
    /// What happens next, in a sentence.
    pub next: String,
    /// Where it can be changed again.
    pub page_url: String,
    #[serde(skip)]
    pub zone: TimeZone,
}

/// A human reply to a newsletter, for the colleague of its campaign.
#[derive(Debug, Clone, Serialize)]
pub struct Reply {
    pub prospect: String,
    pub company: Option<String>,
    pub address: Address,
    pub campaign: String,
    pub subject: String,
    pub text: String,
    pub at: Timestamp,
    /// The salesperson whose lead they are, if they are one.
    pub lead_of: Option<String>,
    #[serde(skip)]
    pub zone: TimeZone,
}

/// A handoff that is no longer this salesperson's.
#[derive(Debug, Clone, Serialize)]
pub struct Moved {
    pub prospect: String,
    pub company: Option<String>,
    /// Whose it is now, if anybody's.
    pub to: Option<String>,
    pub why: String,
    pub at: Timestamp,
    pub queue_url: String,
    #[serde(skip)]
    pub zone: TimeZone,
}

/// Something that waits for the reader.
#[derive(Debug, Clone, Serialize)]
pub struct Reminder {
    pub prospect: String,
    pub company: Option<String>,
    /// An offer without an answer, or a follow-up.
    pub about: About,
    /// What to do: "Call about the offer".
    pub action: String,
    pub due_at: Timestamp,
    /// What happens otherwise, in a sentence.
    pub otherwise: Option<String>,
    pub page_url: String,
    pub queue_url: String,
    #[serde(skip)]
    pub zone: TimeZone,
}

/// A campaign that paused by itself, for whoever answers for it.
#[derive(Debug, Clone, Serialize)]
pub struct Paused {
    pub campaign: String,
    /// What, how many, and what to do.
    pub reason: String,
    pub at: Timestamp,
    #[serde(skip)]
    pub zone: TimeZone,
}

/// What a reminder is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// An offer that nobody has answered.
    Offer,
    FollowUp,
}

/// The confirmation that follows every change on a handoff.
///
/// # Errors
/// When a template fails.
pub fn changed(change: &Change) -> Result<Letter, TextError> {
    let subject = format!("{}: {}", who(&change.prospect, change.company.as_deref()), change.what);
    letter(&subject, "changed.txt", "changed.html", &change.zone, change)
}

/// A human reply, passed on. Send it with the prospect as Reply-To, so that answering answers them.
///
/// # Errors
/// When a template fails.
pub fn reply(reply: &Reply) -> Result<Letter, TextError> {
    let subject = format!("{} answered: {}", who(&reply.prospect, reply.company.as_deref()), reply.subject);
    letter(&subject, "reply.txt", "reply.html", &reply.zone, reply)
}

/// The word to a salesperson that a handoff is no longer theirs.
///
/// # Errors
/// When a template fails.
pub fn moved(moved: &Moved) -> Result<Letter, TextError> {
    let subject = format!("{}: no longer yours", who(&moved.prospect, moved.company.as_deref()));
    letter(&subject, "moved.txt", "moved.html", &moved.zone, moved)
}

/// The word that a campaign paused by itself.
///
/// # Errors
/// When a template fails.
pub fn paused(paused: &Paused) -> Result<Letter, TextError> {
    letter(&format!("{} has paused", paused.campaign), "paused.txt", "paused.html", &paused.zone, paused)
}

/// The word that something waits.
///
/// # Errors
/// When a template fails.
pub fn reminder(reminder: &Reminder) -> Result<Letter, TextError> {
    let until = moment(reminder.due_at, &reminder.zone);
    let subject = match reminder.about {
        About::Offer => format!("{}: answer by {until}", who(&reminder.prospect, reminder.company.as_deref())),
        About::FollowUp => format!("{}: {}, due {until}", who(&reminder.prospect, reminder.company.as_deref()), reminder.action),
    };
    letter(&subject, "reminder.txt", "reminder.html", &reminder.zone, reminder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_letters_say_what_happened_and_what_is_next() {
        let zone = TimeZone::get("Europe/Madrid").expect("zone");
        let (prospect, company) = ("Ada Bosch".to_owned(), Some("Albareda Foods".to_owned()));
        let (page_url, queue_url) = ("https://x.example/h/T".to_owned(), "https://x.example/q/T".to_owned());
        let due_at: Timestamp = "2026-11-03T14:00:00Z".parse().expect("an instant");
        let letters = [
            changed(&Change {
                prospect: prospect.clone(),
                company: company.clone(),
                what: "accepted".to_owned(),
                by: "Dana Ortega".to_owned(),
                at: due_at,
                next: "Call her by Thursday.".to_owned(),
                page_url: page_url.clone(),
                zone: zone.clone(),
            }),
            reply(&Reply {
                prospect: prospect.clone(),
                company: company.clone(),
                address: Address::parse("ada@albareda.example").expect("address"),
                campaign: "line-downtime".to_owned(),
                subject: "Re: What an hour costs".to_owned(),
                text: "Hello,\n\ncall me <soon>.".to_owned(),
                at: due_at,
                lead_of: Some("Dana Ortega".to_owned()),
                zone: zone.clone(),
            }),
            moved(&Moved {
                prospect: prospect.clone(),
                company: company.clone(),
                to: Some("Luc".to_owned()),
                why: "The offer was not answered in time.".to_owned(),
                at: due_at,
                queue_url: queue_url.clone(),
                zone: zone.clone(),
            }),
            reminder(&Reminder {
                prospect,
                company,
                about: About::FollowUp,
                action: "Send the offer".to_owned(),
                due_at,
                otherwise: None,
                page_url,
                queue_url,
                zone: zone.clone(),
            }),
            paused(&Paused {
                campaign: "line-downtime".to_owned(),
                reason: "26 of the last 500 mails went to mailboxes that do not exist: <soon> `nurtured campaigns resume x`"
                    .to_owned(),
                at: due_at,
                zone,
            }),
        ];
        let print = |letter: Result<Letter, TextError>| {
            let letter = letter.expect("renders");
            assert!(!letter.html.contains("<soon>"));
            format!("{}\n\n{}", letter.subject, letter.text)
        };
        insta::assert_snapshot!(letters.map(print).join("\n----\n"));
    }
}
