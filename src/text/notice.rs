//! The short letters: a change confirmed, a reply forwarded, a handoff reassigned, a campaign paused, a reminder.

use crate::domain::address::Address;
use crate::domain::doorway::sender::Sender;
use crate::text::letter::{Letter, letter, moment, who};
use crate::text::template::TextError;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// A change of a handoff, to be confirmed to its salesperson.
#[derive(Debug, Clone, Serialize)]
pub struct HandoffChange {
    pub prospect: String,
    pub company: Option<String>,
    /// The action: "accepted", "touched: call".
    pub what: String,
    pub by: String,
    pub at: Timestamp,
    /// The next step, in a sentence.
    pub next: String,
    /// The page on which it can be changed again.
    pub page_url: String,
    #[serde(skip)]
    pub zone: TimeZone,
}

/// Somebody has left their company, for the campaign's colleague and whoever owns the lead.
#[derive(Debug, Clone, Serialize)]
pub struct Departed {
    pub prospect: String,
    pub company: Option<String>,
    pub address: Address,
    /// Whom the mailbox names instead; nobody has confirmed it.
    pub instead: Option<Address>,
    /// Whether no more group mail goes to the address.
    pub stopped: bool,
    pub at: Timestamp,
    #[serde(skip)]
    pub zone: TimeZone,
}

/// A person's reply to a newsletter, for the salesperson or colleague named in the campaign's `reply_to`.
#[derive(Debug, Clone, Serialize)]
pub struct Reply {
    /// Whose word it is.
    pub sender: Sender,
    /// The prospect it is about; the author's address, where it is about nobody we know.
    pub prospect: String,
    pub company: Option<String>,
    pub address: Address,
    pub campaign: String,
    pub subject: String,
    pub text: String,
    /// The names of what they attached, which is not passed on.
    pub attachments: Vec<String>,
    /// Whether they asked for no more newsletters, which have stopped.
    pub has_stopped: bool,
    /// Whether that is confirmed to them: not to those who had stopped before.
    pub confirmed: bool,
    /// The word that leaves it open whether they ask for a person.
    pub doubtful: Option<String>,
    /// The page that asks whether they do.
    pub request_url: Option<String>,
    /// The page that asks whether they wish no more newsletters, where that is open.
    pub wish_url: Option<String>,
    pub at: Timestamp,
    /// The salesperson who owns the lead, if one does.
    pub lead_of: Option<String>,
    #[serde(skip)]
    pub zone: TimeZone,
}

/// A handoff that was taken from this salesperson.
#[derive(Debug, Clone, Serialize)]
pub struct Moved {
    pub prospect: String,
    pub company: Option<String>,
    /// The salesperson who has it now, if one does.
    pub to: Option<String>,
    pub why: String,
    pub at: Timestamp,
    pub queue_url: String,
    #[serde(skip)]
    pub zone: TimeZone,
}

/// A reminder of an open item.
#[derive(Debug, Clone, Serialize)]
pub struct Reminder {
    pub prospect: String,
    pub company: Option<String>,
    /// What the reminder is about.
    pub about: ReminderKind,
    /// The next action: "Call about the offer".
    pub action: String,
    pub due_at: Timestamp,
    /// What happens if it is not done, in a sentence.
    pub otherwise: Option<String>,
    pub page_url: String,
    pub queue_url: String,
    #[serde(skip)]
    pub zone: TimeZone,
}

/// A campaign that paused by itself, for the colleague who is responsible for it.
#[derive(Debug, Clone, Serialize)]
pub struct Paused {
    pub campaign: String,
    /// The reason with its number and what to do.
    pub reason: String,
    pub at: Timestamp,
    #[serde(skip)]
    pub zone: TimeZone,
}

/// What a reminder is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReminderKind {
    /// An offer without an answer.
    Offer,
    FollowUp,
}

/// The confirmation of a change of a handoff.
pub fn changed(change: &HandoffChange) -> Result<Letter, TextError> {
    let subject = format!("{}: {}", who(&change.prospect, change.company.as_deref()), change.what);
    letter(&subject, "changed.txt", "changed.html", &change.zone, change)
}

/// A forwarded reply. It must be sent with the prospect as Reply-To, so that an answer goes to them.
pub fn reply(reply: &Reply) -> Result<Letter, TextError> {
    let who = who(&reply.prospect, reply.company.as_deref());
    let who = match reply.sender {
        Sender::Prospect => format!("{who} answered"),
        Sender::Colleague => format!("A colleague of {who} answered"),
        Sender::SomebodyElse => format!("Somebody else than {who} answered"),
        Sender::Unverified => format!("Not verified, as {who}"),
        Sender::Forged => format!("Failed verification, as {who}"),
    };
    let subject = format!("{who}: {}", reply.subject);
    letter(&subject, "reply.txt", "reply.html", &reply.zone, reply)
}

/// The message to a salesperson that a handoff is no longer theirs.
pub fn moved(moved: &Moved) -> Result<Letter, TextError> {
    let subject = format!("{}: no longer yours", who(&moved.prospect, moved.company.as_deref()));
    letter(&subject, "moved.txt", "moved.html", &moved.zone, moved)
}

/// The note that somebody has left their company, as their mailbox says.
pub fn departed(departed: &Departed) -> Result<Letter, TextError> {
    let subject = format!("{} has left, says an automatic reply", who(&departed.prospect, departed.company.as_deref()));
    letter(&subject, "departed.txt", "departed.html", &departed.zone, departed)
}

/// The message that a campaign paused by itself.
pub fn paused(paused: &Paused) -> Result<Letter, TextError> {
    letter(&format!("{} has paused", paused.campaign), "paused.txt", "paused.html", &paused.zone, paused)
}

/// The reminder of an open item.
pub fn reminder(reminder: &Reminder) -> Result<Letter, TextError> {
    let until = moment(reminder.due_at, &reminder.zone);
    let subject = match reminder.about {
        ReminderKind::Offer => format!("{}: answer by {until}", who(&reminder.prospect, reminder.company.as_deref())),
        ReminderKind::FollowUp => {
            format!("{}: {}, due {until}", who(&reminder.prospect, reminder.company.as_deref()), reminder.action)
        }
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
            changed(&HandoffChange {
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
                sender: Sender::Prospect,
                prospect: prospect.clone(),
                company: company.clone(),
                address: Address::parse("ada@albareda.example").expect("address"),
                campaign: "line-downtime".to_owned(),
                subject: "Re: What an hour costs".to_owned(),
                text: "Hello,\n\ncall me <soon>.".to_owned(),
                attachments: vec!["plan <1>.pdf".to_owned()],
                has_stopped: true,
                confirmed: true,
                doubtful: Some("call".to_owned()),
                request_url: Some("https://x.example/d/T".to_owned()),
                wish_url: Some("https://x.example/d/W".to_owned()),
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
                about: ReminderKind::FollowUp,
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
