//! Signals: facts that came from outside, recorded once and never edited.

use super::doubt::Doubt;
use super::machine::{self, Machine};
use super::sender::Sender;
use crate::domain::address::Address;
use crate::domain::criterion::Criterion;
use crate::domain::excerpt::excerpt;
use crate::domain::id::{DeliveryId, IssueId, Name, ProspectId, SignalId};
use crate::domain::question::Power;
use crate::domain::span::Span;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A signal as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signal {
    /// Its row; later rows were recorded later.
    pub id: SignalId,
    /// The prospect; `None` for a hit that names no prospect.
    pub prospect: Option<ProspectId>,
    /// When it happened, which may be long before it was recorded.
    pub occurred_at: Timestamp,
    pub recorded_at: Timestamp,
    /// The delivery it answers, if any.
    pub delivery: Option<DeliveryId>,
    /// The issue it belongs to, if any.
    pub issue: Option<IssueId>,
    /// The salesperson or colleague who reports it, for what a person logged.
    pub by: Option<Name>,
    /// Why it was taken for a machine's when it arrived.
    pub machine: Option<Machine>,
    /// What a salesperson or colleague judged it to be later.
    pub judged: Option<Judged>,
    pub detail: Detail,
}

/// After how long what another system reports is history: it is evidence as of then, and asks for nobody today.
pub const HISTORY: Span = Span::days(1);

impl Signal {
    /// Whether another system reported a form or an event long after it happened. What comes by mail is never history: a mailbox
    /// that was not read for a weekend still holds what people ask.
    pub fn is_history(&self) -> bool {
        let is_reported = matches!(self.detail, Detail::Form { .. } | Detail::Event { .. });
        is_reported && HISTORY.after(self.occurred_at) < self.recorded_at
    }
}

/// A judgement on a signal, made after it was recorded: the latest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// Why it is a machine's; `None` if it was judged to be a person's.
    pub machine: Option<Machine>,
    pub recorded_at: Timestamp,
}

/// What a signal says. The tag is the `kind` in SQL and in the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Detail {
    /// A tracked link was followed.
    Click {
        /// The URL of the link. Topics are read from it by pattern, so that a topic added later applies to old clicks.
        target: String,
    },
    Answer {
        criterion: Criterion,
        /// Which answer it is, if `qualification.toml` named it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Name>,
        /// Its words then.
        say: String,
        /// The stated date, where the answer implies one.
        date: Option<Date>,
        /// Who posted it, and where. Not known of the oldest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        posted: Option<Posted>,
    },
    Form {
        form: Name,
        /// The form's fields without the address.
        fields: BTreeMap<String, String>,
    },
    /// A form typed by anybody: this address has not answered for it. It is kept and shown, and no rule reads it.
    UnconfirmedForm {
        form: Name,
        fields: BTreeMap<String, String>,
        /// Which details of the record were blank and are filled by it: "name", "phone", "company".
        #[serde(default)]
        filled: BTreeSet<String>,
    },
    /// Prospect fields changed: by an import, a form or the API.
    Fields {
        /// New values; `None` when a field was emptied.
        changed: BTreeMap<Name, Option<String>>,
        /// Where the values came from: "import hubspot.csv", "form quote".
        source: String,
        /// The day on which these were true; values without a day can only support.
        as_of: Option<Date>,
    },
    /// A salesperson or colleague called, met, or noted.
    Touch {
        touch: Touch,
        proves: Vec<Criterion>,
        contradicts: Vec<Criterion>,
        /// A date the prospect stated for Timeframe.
        date: Option<Date>,
        /// "Not before": the date before which they asked not to be approached.
        not_before: Option<Date>,
        /// In the prospect's own words, or the colleague's.
        note: String,
    },
    /// A mail came back from a person.
    Reply {
        subject: String,
        /// The first lines of what they wrote.
        text: String,
    },
    /// Somebody of the prospect's company answered a mail to the prospect.
    ColleagueReply {
        /// Their address.
        from: String,
        subject: String,
        text: String,
    },
    /// What a mail says that is not shown to be the prospect's word. It is kept and shown, and no rule reads it.
    UnconfirmedReply {
        sender: Sender,
        /// The address it names as its author's.
        from: String,
        subject: String,
        text: String,
    },
    /// Whoever read a doubtful reply said what it is. A wish that they read in it is an `Unsubscribe` by them.
    ReplyRead { doubt: Doubt, yes: bool, subject: String, text: String },
    /// A report of spam that is vouched for by nobody. It stops nothing and counts for nothing.
    UnconfirmedComplaint { feedback: String },
    /// An automatic reply: out of office, ticket opened.
    AutoReply {
        subject: String,
        /// The day from which they read mail again, if it names one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        back_on: Option<Date>,
        /// Whether they have left for good.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        left: bool,
    },
    Unsubscribe {
        /// "one-click", "page", "import".
        how: String,
    },
    /// A mail could not be delivered to them.
    Bounce {
        /// Whether the mailbox does not exist any more.
        hard: bool,
        /// RFC 3463 status, if given.
        status: Option<String>,
        /// The first line of what the other server said.
        diagnostic: String,
    },
    /// They reported a mail as spam.
    Complaint {
        /// As the report calls it: "abuse", "fraud", "other".
        feedback: String,
    },
    /// A salesperson returned them to nurture.
    Recycled {
        /// In the words of `qualification.toml`.
        reason: String,
        lapses: Vec<Criterion>,
        /// The criteria that turned out to be false.
        contradicts: Vec<Criterion>,
        /// The date before which they asked not to be approached.
        wake: Option<Date>,
        note: String,
    },
    /// A salesperson or colleague decided that a criterion holds or does not, and until when. It is dated evidence like any
    /// other: a later statement beats it.
    Override {
        criterion: Criterion,
        power: Power,
        /// The day on which it stops counting.
        until: Date,
        note: String,
    },
    /// The person has another address: a list brought their id under it, or a colleague said so.
    AddressChanged {
        from: String,
        to: String,
        /// "import hubspot.csv", "by hand".
        source: String,
    },
    /// Another row was found to be the same person: its signals are recorded again about this one, as of now.
    Merged {
        /// The address of the other row.
        address: String,
    },
    /// Something another system reports through the API.
    Event { event: Name, fields: BTreeMap<String, String> },
    /// The contents were erased with their prospect. This is the only edit a signal ever sees: the law gives a person the
    /// right to be forgotten, and the row, its kind and its instants stay, so that counts still reconcile.
    Erased,
}

/// Whether a form is known to come from the address it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// The address answered for it, or it comes from a place that is trusted.
    Confirmed,
    Unconfirmed,
}

/// From where an answer was posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// A hash of the visitor's program and network address.
    pub visitor: String,
    /// The number of the link in the mail; `None` on the page that asks further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<u16>,
}

/// How a salesperson or colleague was in touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Touch {
    Call,
    Meeting,
    Fair,
    /// The person noted something learnt otherwise.
    Note,
}

impl Touch {
    /// The words of the command line and the rules.
    pub const WORDS: [(&'static str, Self); 4] =
        [("call", Self::Call), ("meeting", Self::Meeting), ("fair", Self::Fair), ("note", Self::Note)];

    pub fn word(self) -> &'static str {
        Self::WORDS.into_iter().find(|(_, t)| *t == self).map_or("note", |(word, _)| word)
    }
}

impl Detail {
    /// A form, as whoever sent it vouches for it.
    pub const fn form(form: Name, fields: BTreeMap<String, String>, confirmation: Confirmation) -> Self {
        match confirmation {
            Confirmation::Confirmed => Self::Form { form, fields },
            Confirmation::Unconfirmed => Self::UnconfirmedForm { form, fields, filled: BTreeSet::new() },
        }
    }

    pub const fn is_unconfirmed(&self) -> bool {
        matches!(self, Self::UnconfirmedForm { .. } | Self::UnconfirmedReply { .. } | Self::UnconfirmedComplaint { .. })
    }

    /// The kind: the word in SQL, the API and reports.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Click { .. } => "click",
            Self::Answer { .. } => "answer",
            Self::Form { .. } => "form",
            Self::UnconfirmedForm { .. } => "unconfirmed_form",
            Self::Fields { .. } => "fields",
            Self::Touch { .. } => "touch",
            Self::Reply { .. } => "reply",
            Self::ColleagueReply { .. } => "colleague_reply",
            Self::UnconfirmedReply { .. } => "unconfirmed_reply",
            Self::ReplyRead { .. } => "reply_read",
            Self::UnconfirmedComplaint { .. } => "unconfirmed_complaint",
            Self::AutoReply { .. } => "auto_reply",
            Self::Unsubscribe { .. } => "unsubscribe",
            Self::Bounce { .. } => "bounce",
            Self::Complaint { .. } => "complaint",
            Self::Recycled { .. } => "recycled",
            Self::Override { .. } => "override",
            Self::AddressChanged { .. } => "address_changed",
            Self::Merged { .. } => "merged",
            Self::Event { .. } => "event",
            Self::Erased => "erased",
        }
    }

    /// Whether a verdict, or a request for a person, can depend on it.
    pub const fn bears_on_verdicts(&self) -> bool {
        !matches!(
            self,
            Self::UnconfirmedForm { .. }
                | Self::UnconfirmedReply { .. }
                | Self::UnconfirmedComplaint { .. }
                | Self::AutoReply { .. }
                | Self::Unsubscribe { .. }
                | Self::Bounce { .. }
                | Self::Complaint { .. }
                | Self::AddressChanged { .. }
                | Self::Merged { .. }
                | Self::Erased
        )
    }

    /// Whether it may count for colleagues of the same account too.
    pub const fn may_speak_for_colleagues(&self) -> bool {
        matches!(self, Self::Answer { .. } | Self::Form { .. } | Self::Touch { .. } | Self::Recycled { .. })
    }

    /// The signal in one line, as `explain`, the handoff email and the page print it.
    pub fn words(&self) -> String {
        match self {
            Self::Click { target } if target == machine::TRAP => "followed the link that no person sees".to_owned(),
            Self::Click { target } => format!("followed the link to {target}"),
            Self::Answer { say, .. } => format!("answered “{say}”"),
            Self::Form { form, fields } => format!("filled in the form {form}{}", message(fields)),
            Self::UnconfirmedForm { form, fields, .. } => {
                format!("not confirmed: somebody filled in the form {form}{}", message(fields))
            }
            Self::Fields { changed, source, .. } => {
                let fields: Vec<String> =
                    changed.iter().map(|(name, value)| format!("{name} = {}", value.as_deref().unwrap_or("nothing"))).collect();
                format!("{} ({source})", excerpt(&fields.join(", "), 160))
            }
            Self::Touch { touch, note, .. } if note.is_empty() => touch.word().to_owned(),
            Self::Touch { touch, note, .. } => format!("{}: “{}”", touch.word(), excerpt(note, 160)),
            Self::Reply { text, .. } => format!("replied “{}”", excerpt(text, 160)),
            // Their addresses are not said here: what is cited of a prospect is not erased with another person.
            Self::ColleagueReply { text, .. } => format!("a colleague replied “{}”", excerpt(text, 160)),
            Self::UnconfirmedReply { sender, text, .. } => format!("{} answered “{}”", sender.words(), excerpt(text, 160)),
            Self::ReplyRead { doubt, yes, text, .. } => {
                let what = match (doubt, yes) {
                    (Doubt::Request, true) => "asks for a person",
                    (Doubt::Request, false) => "does not ask for a person",
                    (Doubt::Wish, true) => "asks for no more newsletters",
                    (Doubt::Wish, false) => "does not ask for an end of newsletters",
                };
                format!("said that the reply “{}” {what}", excerpt(text, 160))
            }
            Self::UnconfirmedComplaint { feedback } => {
                format!("not verified: somebody reported our mail as unwanted ({})", excerpt(feedback, 40))
            }
            Self::AutoReply { subject, left: true, .. } => {
                format!("automatic reply “{}”: has left the company", excerpt(subject, 80))
            }
            Self::AutoReply { subject, back_on: Some(day), .. } => {
                format!("automatic reply “{}”: back on {day}", excerpt(subject, 80))
            }
            Self::AutoReply { subject, .. } => format!("automatic reply “{}”", excerpt(subject, 80)),
            Self::Unsubscribe { how } => format!("unsubscribed ({how})"),
            Self::Bounce { hard: true, diagnostic, .. } => format!("mailbox gone: {}", excerpt(diagnostic, 120)),
            Self::Bounce { diagnostic, .. } => format!("mail delayed or refused: {}", excerpt(diagnostic, 120)),
            Self::Complaint { feedback } => format!("reported our mail as unwanted ({})", excerpt(feedback, 40)),
            Self::Recycled { reason, note, .. } if note.is_empty() => format!("returned to nurture: {reason}"),
            Self::Recycled { reason, note, .. } => format!("returned to nurture: {reason}, “{}”", excerpt(note, 160)),
            Self::Override { criterion, power, until, note } => {
                let holds = if *power == Power::Contradicts { "does not hold" } else { "holds" };
                format!("decided that {criterion} {holds} until {until}: “{}”", excerpt(note, 160))
            }
            Self::AddressChanged { from, to, source } => format!("writes from {to} instead of {from} ({source})"),
            Self::Merged { address } => format!("merged with the prospect {address}"),
            Self::Event { event, .. } => event.to_string(),
            Self::Erased => "erased".to_owned(),
        }
    }
}

/// What a form says in words, to end a sentence.
fn message(fields: &BTreeMap<String, String>) -> String {
    let message = fields.get("message").or_else(|| fields.get("comments"));
    message.map(|message| format!(": “{}”", excerpt(message, 160))).unwrap_or_default()
}

/// A signal to be recorded, before it has a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSignal {
    /// The prospect, or the address that identifies one.
    pub about: About,
    /// The key under which it is recorded once, however often it arrives.
    pub once: String,
    pub occurred_at: Timestamp,
    pub delivery: Option<DeliveryId>,
    pub issue: Option<IssueId>,
    pub by: Option<Name>,
    /// Why it is taken for a machine's.
    pub machine: Option<Machine>,
    pub detail: Detail,
}

/// Whom a signal is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    Prospect(ProspectId),
    Address(Address),
    /// No known prospect: a click of a recipient who is not tracked.
    Nobody,
}
