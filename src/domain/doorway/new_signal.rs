//! One constructor for each way in which a signal comes. What makes a signal the same when it arrives again, its `once`, is
//! written here and nowhere else.

use super::machine::Machine;
use super::pending_form::PendingForm;
use super::signal::{About, Confirmation, Detail, NewSignal, Posted};
use crate::domain::address::Address;
use crate::domain::criterion::Criterion;
use crate::domain::group::delivery::Mailed;
use crate::domain::hook::Provider;
use crate::domain::id::{HandoffId, IssueId, Name, ProspectId, fingerprint};
use crate::domain::question::Answer;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Whose click it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clicked {
    By(Mailed),
    /// An untracked recipient's, of this issue.
    Untracked(IssueId),
}

/// Where a question was answered. A visit is one showing of a page: the same one posted twice is one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedIn<'a> {
    /// In the mail, by the link with this number.
    Mail { link: u16, visit: &'a str },
    /// On the page that asks further.
    Page { visit: &'a str },
}

impl NewSignal {
    /// A hit on a tracked link. A visit names link, visitor and, of a machine's, its reason; it counts once a day.
    pub fn click(clicked: Clicked, visit: &str, target: &str, machine: Option<Machine>, at: Timestamp) -> Self {
        // The day comes first: what makes a click one is then looked for among the clicks of its day, however many years there are.
        let day = day(at);
        let detail = Detail::Click { target: target.to_owned() };
        match clicked {
            Clicked::By(mail) => Self { machine, ..Self::answering(mail, format!("click:{day}:{mail}:{visit}"), detail, at) },
            Clicked::Untracked(issue) => Self {
                issue: Some(issue),
                machine,
                ..Self::about(About::Nobody, format!("click:{day}:issue:{issue}:{visit}"), detail, at)
            },
        }
    }

    /// An answer to a question.
    pub fn answer(mail: Mailed, criterion: Criterion, answer: &Answer, asked: AskedIn<'_>, at: Timestamp) -> Self {
        let once = match asked {
            AskedIn::Mail { link, visit } => format!("answer:{mail}:{link}:{visit}"),
            AskedIn::Page { visit } => format!("answer:{mail}:more:{criterion}:{visit}"),
        };
        let date = answer.due.as_ref().map(|due| day(due.0.after(at)));
        Self::answering(
            mail,
            once,
            Detail::Answer { criterion, id: answer.id.clone(), say: answer.say.clone(), date, posted: None },
            at,
        )
    }

    /// An answer with who posted it, and where; any other signal stays as it is.
    #[must_use]
    pub fn posted_by(mut self, visitor: &str, link: Option<u16>, machine: Option<Machine>) -> Self {
        if let Detail::Answer { posted, .. } = &mut self.detail {
            *posted = Some(Posted { visitor: visitor.to_owned(), link });
            self.machine = machine;
        }
        self
    }

    /// An unsubscription, at most one a minute: unsubscribing again after having come back must stop again.
    pub fn unsubscribe(mail: Mailed, how: &str, at: Timestamp) -> Self {
        let once = format!("unsubscribe:{mail}:{}", at.as_second() / 60);
        Self::answering(mail, once, Detail::Unsubscribe { how: how.to_owned() }, at)
    }

    /// An address that was typed where mail can be stopped without a link of ours, at most once a minute. Whoever types it may be
    /// anybody, so it stops mail and says nothing else.
    pub fn typed_stop(address: Address, at: Timestamp) -> Self {
        let once = format!("unsubscribe:typed:{}:{}", at.as_second() / 60, fingerprint(&[address.as_str()]));
        Self::about(About::Address(address), once, Detail::Unsubscribe { how: "address typed".to_owned() }, at)
    }

    /// A delivery that was refused for good while it was made.
    pub fn refused(mail: Mailed, words: &str, at: Timestamp) -> Self {
        let detail = Detail::Bounce { hard: true, status: None, diagnostic: words.to_owned() };
        Self::answering(mail, format!("bounce:{mail}"), detail, at)
    }

    /// What a mail that came back says. Its id may hold a name of theirs, so only a fingerprint of it is kept.
    pub fn by_mail(id: &str, answers: Option<Mailed>, prospect: Option<ProspectId>, detail: Detail, at: Timestamp) -> Self {
        Self {
            delivery: answers.and_then(|mail| mail.on_record()),
            issue: answers.and_then(|mail| mail.issue),
            ..Self::about(whose(prospect), format!("{}:mail:{}", detail.kind(), fingerprint(&[id])), detail, at)
        }
    }

    /// What a mail provider reports of a mail, once for each of the provider's events. Its id may name the recipient.
    pub fn by_provider(provider: Provider, id: &str, mail: Mailed, detail: Detail, at: Timestamp) -> Self {
        let once = format!("{}:{provider}:{}", detail.kind(), fingerprint(&[id]));
        Self::answering(mail, once, detail, at)
    }

    /// A form of the website; the same content again on the same day is the same signal.
    pub fn form(
        form: &Name,
        address: Address,
        fields: BTreeMap<String, String>,
        confirmation: Confirmation,
        at: Timestamp,
    ) -> Self {
        let said = serde_json::to_string(&fields).unwrap_or_default();
        let detail = Detail::form(form.clone(), fields, confirmation);
        let once = format!("{}:{form}:{}:{}", detail.kind(), day(at), fingerprint(&[address.as_str(), &said]));
        Self::about(About::Address(address), once, detail, at)
    }

    /// A form for which its address has answered now: it counts from the answer.
    pub fn confirmed(pending: PendingForm, at: Timestamp) -> Self {
        let detail = Detail::form(pending.form, pending.fields, Confirmation::Confirmed);
        Self::about(About::Address(pending.address), format!("confirmed:{}", pending.id), detail, at)
    }

    /// What another system reports, once for each key of its token; `token` is none for `api_token`.
    pub fn reported(token: Option<&Name>, key: &str, address: Address, by: Option<Name>, detail: Detail, at: Timestamp) -> Self {
        // A name holds no colon, so no key of one token is that of another.
        let once = token.map_or_else(|| format!("api:{key}"), |token| format!("token:{token}:{key}"));
        Self { by, ..Self::about(About::Address(address), once, detail, at) }
    }

    /// What a colleague logs; the same words about the same person at the same instant are the same signal.
    pub fn logged(address: Address, by: Name, detail: Detail, at: Timestamp) -> Self {
        Self::by_hand("touch", address, by, detail, at)
    }

    /// What a salesperson or colleague decided about a criterion.
    pub fn decided(address: Address, by: Name, detail: Detail, at: Timestamp) -> Self {
        Self::by_hand("override", address, by, detail, at)
    }

    /// What a salesperson did with a handoff, and in which words.
    pub fn worked(handoff: HandoffId, prospect: ProspectId, by: &Name, words: &[&str], detail: Detail, at: Timestamp) -> Self {
        let once = format!("handoff:{handoff}:{}:{}", at.as_millisecond(), fingerprint(words));
        Self { by: Some(by.clone()), ..Self::about(About::Prospect(prospect), once, detail, at) }
    }

    /// Fields that changed. One list may hold a person twice, as of two days.
    pub fn fields(
        prospect: ProspectId,
        changed: BTreeMap<Name, Option<String>>,
        source: &str,
        as_of: Option<Date>,
        at: Timestamp,
    ) -> Self {
        let day = as_of.map(|day| day.to_string()).unwrap_or_default();
        let once = format!("fields:{prospect}:{}:{day}:{source}", at.as_millisecond());
        Self::about(About::Prospect(prospect), once, Detail::Fields { changed, source: source.to_owned(), as_of }, at)
    }

    /// Another address of a prospect.
    pub fn readdressed(prospect: ProspectId, from: &Address, to: &Address, source: &str, at: Timestamp) -> Self {
        let once = format!("address:{prospect}:{}", at.as_millisecond());
        let detail = Detail::AddressChanged { from: from.to_string(), to: to.to_string(), source: source.to_owned() };
        Self::about(About::Prospect(prospect), once, detail, at)
    }

    /// Another row of the same person.
    pub fn merged(prospect: ProspectId, other: ProspectId, address: &Address, at: Timestamp) -> Self {
        let detail = Detail::Merged { address: address.to_string() };
        Self::about(About::Prospect(prospect), format!("merged:{other}"), detail, at)
    }

    fn answering(mail: Mailed, once: String, detail: Detail, at: Timestamp) -> Self {
        let about = Self::about(whose(mail.prospect), once, detail, at);
        Self { delivery: mail.on_record(), issue: mail.issue, ..about }
    }

    fn by_hand(what: &str, address: Address, by: Name, detail: Detail, at: Timestamp) -> Self {
        let text = serde_json::to_string(&detail).unwrap_or_default();
        let once = format!("{what}:{}:{}", at.as_millisecond(), fingerprint(&[address.as_str(), by.as_str(), &text]));
        Self { by: Some(by), ..Self::about(About::Address(address), once, detail, at) }
    }

    const fn about(about: About, once: String, detail: Detail, occurred_at: Timestamp) -> Self {
        Self { about, once, occurred_at, delivery: None, issue: None, by: None, machine: None, detail }
    }
}

fn whose(prospect: Option<ProspectId>) -> About {
    prospect.map_or(About::Nobody, About::Prospect)
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}
