//! A person's mail: recorded of the prospect it answers as the word of whoever wrote it, and passed on to one of our own people.

use super::arrival::Arrival;
use super::doubt;
use super::pass_on::{self, Found, Words};
use super::wish;
use crate::domain::address::Address;
use crate::domain::doorway::doubt::Doubt;
use crate::domain::doorway::sender::Sender;
use crate::domain::doorway::signal::{Detail, NewSignal};
use crate::domain::id::{Name, ProspectId};
use crate::domain::plan::Plan;
use crate::flow::context::FlowError;
use crate::flow::doorway::enquiries;
use crate::flow::doorway::observe::{self, Observed};
use crate::flow::doorway::trace::Traced;
use crate::mail::token::Signer;
use crate::store::doorway::signal_authors;
use crate::store::engine::backend::Tx;
use crate::store::people::{prospects, suppressions};

/// What became of a person's mail.
#[derive(Debug)]
pub enum Heard {
    /// It means nothing, and why.
    Nothing(&'static str),
    /// Recorded of the prospect, and passed on, if it is not one too many of a doubtful kind.
    PassedOn { prospect: ProspectId, reader: Option<Name>, words: String },
    /// Of nobody we know: passed on, and nothing else is kept.
    OfStranger(Name),
    /// Of a person who was forgotten: a salesperson hears of it; whether it is new.
    OfForgotten { new: bool },
}

/// Records and passes on what a person wrote.
pub async fn take(signer: &Signer, tx: &mut Tx, plan: &Plan, arrival: &Arrival<'_>, from: &Address) -> Result<Heard, FlowError> {
    let issue = wish::answered(tx, arrival.sent.as_ref()).await?;
    let text = wish::words(arrival.mail, issue.as_ref());
    let words = Words { from, subject: &arrival.mail.subject, text: &text, issue: issue.as_ref() };
    if let Some(heard) = of_forgotten(tx, plan, arrival, words).await? {
        return Ok(heard);
    }
    let prospect = match &arrival.sent {
        Some(sent) if sent.is_of_forgotten() => None,
        Some(sent) if sent.mail.prospect.is_none() => return Ok(Heard::Nothing("it answers a test copy")),
        Some(sent) => sent.mail.prospect,
        None => prospects::by_address(tx, &[words.from]).await?.get(words.from).copied(),
    };
    let Some(prospect) = prospect else {
        let reader = pass_on::of_stranger(tx, plan, arrival, words).await?;
        let too_many = "its author is not known, it answers nothing of ours, and enough of the kind were passed on today";
        return Ok(reader.map_or(Heard::Nothing(too_many), Heard::OfStranger));
    };
    let detail = detail(arrival.whose, words);
    let (said, doubtful) = (detail.words(), plan.qualifying.doubts(&detail).map(str::to_owned));
    let mail = arrival.sent.as_ref().map(|sent| sent.mail);
    let signal = NewSignal::by_mail(&arrival.key, mail, Some(prospect), detail, arrival.now);
    let recorded = match observe::write(tx, plan, &[signal], arrival.now).await?.first() {
        Some(Observed::New(id)) => Some(*id),
        _ => None,
    };
    if let Some(id) = recorded.filter(|_| arrival.whose != Sender::Prospect) {
        signal_authors::add(tx, words.from, id).await?;
    }
    let prospect = prospects::one(tx, prospect).await?;
    let desk = pass_on::desk(tx, plan, prospect.id, words.issue).await?;
    let asked = wish::heed(tx, plan, arrival, (&prospect, words), &desk.reader).await?;
    let ask = |doubt| doubt::url(signer, plan, (&desk.reader, &prospect), recorded?, doubt);
    let request_url = doubtful.as_ref().and_then(|_| ask(Doubt::Request));
    let may_wish = asked.is_none() && wish::is_open(tx, arrival, (&prospect, words)).await?;
    let wish_url = may_wish.then(|| ask(Doubt::Wish)).flatten();
    let confirmed = asked.is_some_and(|asked| asked.confirmed);
    let found = Found { has_stopped: asked.is_some(), confirmed, doubtful, request_url, wish_url };
    let reader = pass_on::about_prospect(tx, plan, arrival, (&prospect, desk), (words, found)).await?;
    Ok(Heard::PassedOn { prospect: prospect.id, reader, words: said })
}

/// What becomes of the mail of a person who was forgotten: nothing of them is kept anew, but what they themselves ask is heard. `None`
/// for anybody else's, also for those whose address a prospect has today.
async fn of_forgotten(tx: &mut Tx, plan: &Plan, arrival: &Arrival<'_>, words: Words<'_>) -> Result<Option<Heard>, FlowError> {
    let answers_theirs = arrival.sent.as_ref().is_some_and(Traced::is_of_forgotten) && arrival.whose == Sender::Prospect;
    let detail = Detail::Reply { subject: words.subject.to_owned(), text: words.text.to_owned() };
    if !answers_theirs {
        let was_forgotten = suppressions::forgotten_at(tx, words.from).await?.is_some();
        if !was_forgotten || prospects::by_address(tx, &[words.from]).await?.contains_key(words.from) {
            return Ok(None);
        }
        // Without a token it may be they; what answers another's mail, or is shown to be forged, asks for nobody.
        if arrival.sent.is_some() || arrival.whose == Sender::Forged || !plan.qualifying.asks(&detail) {
            return Ok(Some(Heard::Nothing("its author was forgotten, and does not ask for a person")));
        }
    }
    let new = enquiries::hear(tx, words.from, &arrival.key, &detail, arrival.now).await?;
    Ok(Some(Heard::OfForgotten { new }))
}

/// What the mail says, as the word of whoever wrote it.
fn detail(whose: Sender, words: Words<'_>) -> Detail {
    let (from, subject, text) = (words.from.to_string(), words.subject.to_owned(), words.text.to_owned());
    match whose {
        Sender::Prospect => Detail::Reply { subject, text },
        Sender::Colleague => Detail::ColleagueReply { from, subject, text },
        Sender::SomebodyElse | Sender::Unverified | Sender::Forged => {
            Detail::UnconfirmedReply { sender: whose, from, subject, text }
        }
    }
}
