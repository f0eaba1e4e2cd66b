//! Enquiry: somebody asked for a person, and no handoff can be opened for it. It reaches a salesperson all the same.

use super::signal::Detail;
use crate::domain::address::Address;
use crate::domain::id::{EnquiryId, EnquiryListId, Name, ProspectId, SignalId};
use crate::domain::prospect::Standing;
use crate::domain::span::Span;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Why no handoff can be opened for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhyNoHandoff {
    /// The address has not answered for the form.
    Unconfirmed,
    /// A salesperson has the prospect, or the offer of them.
    Owned,
    /// The prospect is closed: a customer, or disqualified.
    Won,
    /// The prospect was returned to nurture after they asked.
    Lost,
    /// The address was erased at its owner's wish, or stopped on every channel.
    Forgotten,
}

impl WhyNoHandoff {
    const ALL: [Self; 5] = [Self::Unconfirmed, Self::Owned, Self::Won, Self::Lost, Self::Forgotten];

    /// The word in SQL and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unconfirmed => "unconfirmed",
            Self::Owned => "owned",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Forgotten => "forgotten",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.word() == word)
    }

    /// Why no handoff can be opened for a prospect who asks and has this standing.
    pub const fn by_standing(standing: Standing) -> Self {
        match standing {
            Standing::Offered | Standing::Owned => Self::Owned,
            Standing::Closed => Self::Won,
            Standing::Nurturing => Self::Lost,
            Standing::Suppressed => Self::Forgotten,
        }
    }

    /// Whether the owner of the address is known to ask. Anybody can type an address, known or forgotten.
    pub const fn is_confirmed(self) -> bool {
        matches!(self, Self::Owned | Self::Won | Self::Lost)
    }
}

impl fmt::Display for WhyNoHandoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// An enquiry to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEnquiry {
    /// The key under which it is recorded once, however often it arrives.
    pub once: String,
    pub prospect: Option<ProspectId>,
    pub signal: Option<SignalId>,
    /// Who asks, where no prospect's row says so.
    pub address: Option<Address>,
    pub cause: WhyNoHandoff,
    pub form: Name,
    /// The fields of the form.
    pub said: BTreeMap<String, String>,
    pub asked_at: Timestamp,
    /// When it is erased whether or not it was settled; `None`: with its prospect.
    pub expires_at: Option<Timestamp>,
}

/// How long an enquiry is kept that belongs to no prospect.
pub const KEPT: Span = Span::days(30);

impl NewEnquiry {
    /// A prospect's request, as a signal says it. `None` for a signal that is no request of any kind.
    pub fn of_signal(
        prospect: ProspectId,
        signal: SignalId,
        detail: &Detail,
        cause: WhyNoHandoff,
        at: Timestamp,
    ) -> Option<Self> {
        let (form, said) = request(detail)?;
        Some(Self {
            once: format!("signal:{signal}"),
            prospect: Some(prospect),
            signal: Some(signal),
            address: None,
            cause,
            form,
            said,
            asked_at: at,
            expires_at: None,
        })
    }

    /// The request of a forgotten person. It is the only thing that is kept of them, and not for long.
    pub fn of_forgotten(once: String, address: Address, detail: &Detail, now: Timestamp) -> Option<Self> {
        let (form, said) = request(detail)?;
        let (address, expires_at) = (Some(address), Some(KEPT.after(now)));
        let (prospect, signal, cause) = (None, None, WhyNoHandoff::Forgotten);
        Some(Self { once, prospect, signal, address, cause, form, said, asked_at: now, expires_at })
    }
}

/// What a signal asks: the name of its form or event ("reply" for a mail), and what it says. `None` for one that cannot ask.
pub fn request(detail: &Detail) -> Option<(Name, BTreeMap<String, String>)> {
    match detail {
        Detail::Form { form, fields } | Detail::UnconfirmedForm { form, fields, .. } => Some((form.clone(), fields.clone())),
        Detail::Event { event, fields } => Some((event.clone(), fields.clone())),
        Detail::Reply { subject, text }
        | Detail::ColleagueReply { subject, text, .. }
        | Detail::ReplyRead { subject, text, .. } => {
            let said = [("subject", subject), ("message", text)].map(|(key, value)| (key.to_owned(), value.clone()));
            Some((Name::from_words("reply")?, said.into()))
        }
        _ => None,
    }
}

/// How an enquiry ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Settled {
    /// Its salesperson says so.
    Done,
    /// The address answered, and a handoff was opened for the request.
    Confirmed,
    /// Its time ran out, or its prospect was erased.
    Expired,
    /// With the list it stood on.
    Listed,
}

impl Settled {
    const ALL: [Self; 4] = [Self::Done, Self::Confirmed, Self::Expired, Self::Listed];

    /// The word in SQL.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Confirmed => "confirmed",
            Self::Expired => "expired",
            Self::Listed => "listed",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|how| how.word() == word)
    }
}

/// An enquiry as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enquiry {
    pub id: EnquiryId,
    pub prospect: Option<ProspectId>,
    pub signal: Option<SignalId>,
    /// Who asks, where no prospect's row says so; `None` once it is erased.
    pub address: Option<Address>,
    pub cause: WhyNoHandoff,
    pub form: Name,
    pub said: BTreeMap<String, String>,
    pub asked_at: Timestamp,
    /// Who has it on their queue; `None` until it is placed.
    pub salesperson: Option<Name>,
    /// The list it stands on; without one it is an item of its own.
    pub list: Option<EnquiryListId>,
    pub settled: Option<Settled>,
}

impl Enquiry {
    /// Whether it is all that is kept of a forgotten person.
    pub fn is_kept_only_to_be_heard(&self) -> bool {
        self.cause == WhyNoHandoff::Forgotten && self.prospect.is_none()
    }

    /// What they ask, in their words.
    pub fn message(&self) -> Option<&str> {
        self.value(&MESSAGE)
    }

    pub fn name(&self) -> Option<&str> {
        self.value(&["name"])
    }

    pub fn phone(&self) -> Option<&str> {
        self.value(&PHONE)
    }

    pub fn company(&self) -> Option<&str> {
        self.value(&["company"])
    }

    /// What else they said, by the names of the form's fields.
    pub fn rest(&self) -> impl Iterator<Item = (&str, &str)> {
        let shown = [self.message(), self.name(), self.phone(), self.company()];
        let said = self.said.iter().map(|(key, value)| (key.as_str(), value.trim())).filter(|(_, value)| !value.is_empty());
        said.filter(move |(_, value)| !shown.contains(&Some(*value)))
    }

    fn value(&self, keys: &[&str]) -> Option<&str> {
        let said = |key: &&str| self.said.iter().find(|(name, value)| name.eq_ignore_ascii_case(key) && !value.trim().is_empty());
        keys.iter().find_map(said).map(|(_, value)| value.trim())
    }
}

/// The fields in which forms say what is asked, the first that is filled in.
pub const MESSAGE: [&str; 3] = ["message", "comments", "comment"];
/// The fields in which forms say a phone number.
pub const PHONE: [&str; 4] = ["phone", "tel", "telephone", "mobile"];

/// What was asked within one hour beyond the bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnquiryList {
    pub id: EnquiryListId,
    pub begins_at: Timestamp,
    pub ends_at: Timestamp,
    /// Who has it on their queue.
    pub salesperson: Name,
    /// How many stand on it.
    pub count: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pairs: &[(&str, &str)]) -> Enquiry {
        Enquiry {
            id: EnquiryId(1),
            prospect: None,
            signal: None,
            address: None,
            cause: WhyNoHandoff::Unconfirmed,
            form: Name::parse("call-me").expect("a name"),
            said: pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            asked_at: Timestamp::UNIX_EPOCH,
            salesperson: None,
            list: None,
            settled: None,
        }
    }

    #[test]
    fn every_word_reads_back() {
        for how in Settled::ALL {
            assert_eq!(Settled::parse(how.word()), Some(how));
        }
        for why in WhyNoHandoff::ALL {
            assert_eq!(WhyNoHandoff::parse(why.word()), Some(why));
        }
    }

    #[test]
    fn a_form_says_its_message_its_phone_and_the_rest() {
        let asked = said(&[("Tel", " +44 20 "), ("phone", " "), ("comments", "Call me"), ("employees", "40"), ("plant", " ")]);
        assert_eq!((asked.phone(), asked.message(), asked.name()), (Some("+44 20"), Some("Call me"), None));
        assert_eq!(asked.rest().collect::<Vec<_>>(), [("employees", "40")]);
    }

    #[test]
    fn a_reply_is_a_request_and_a_click_is_none() {
        let reply = Detail::Reply { subject: "Re: stops".to_owned(), text: "Please call".to_owned() };
        let asked = NewEnquiry::of_signal(ProspectId(1), SignalId(2), &reply, WhyNoHandoff::Owned, Timestamp::UNIX_EPOCH);
        let asked = asked.expect("a reply may ask");
        assert_eq!((asked.form.as_str(), asked.said["message"].as_str()), ("reply", "Please call"));
        let click = Detail::Click { target: String::new() };
        assert!(NewEnquiry::of_signal(ProspectId(1), SignalId(2), &click, WhyNoHandoff::Owned, Timestamp::UNIX_EPOCH).is_none());
    }
}
