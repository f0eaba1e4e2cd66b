//! prefer: a prospect chooses on their own page. What is chosen holds at once, is dated, and can be taken back by the same page: a choice
//! by its contrary, an unsubscription by lifting that one stop and no other.

use super::observe;
use crate::domain::consent::{Consent, Purpose};
use crate::domain::doorway::signal::NewSignal;
use crate::domain::group::delivery::Mailed;
use crate::domain::id::ProspectId;
use crate::domain::language::Language;
use crate::domain::preferences::{Choice, Preferences, today};
use crate::domain::span::Span;
use crate::domain::suppression::{Channel, StopReason};
use crate::flow::context::{Context, FlowError};
use crate::store::doorway::assessment_queue;
use crate::store::engine::backend::{StoreError, Tx};
use crate::store::operations::erasures;
use crate::store::people::former_addresses::{self, Person};
use crate::store::people::{consents, preferences, prospects, suppressions};
use jiff::Timestamp;

/// The source of everything that is said there.
const SOURCE: &str = "their own page";
/// The source of what is taken back there.
const UNDONE: &str = "their own page, taken back";
/// For how long an unsubscription sent twice is one (`NewSignal::unsubscribe`), so that both answers can take it back.
const TWICE: Span = Span::minutes(1);

/// What they say about being tracked, with the text as they were shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracked {
    pub given: bool,
    pub wording: String,
}

/// What is chosen at once. What stands already changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    pub choices: Vec<Choice>,
    pub tracked: Option<Tracked>,
    /// Whether it takes back what was chosen before.
    pub is_undone: bool,
}

/// What came of a wish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferred {
    pub changes: Vec<Choice>,
    /// Whether they agree to be tracked, if that changed.
    pub tracked: Option<bool>,
    /// What takes all of it back.
    pub undo: Vec<Choice>,
}

/// Keeps what a prospect chose; `None` for somebody who is not on record any more. `spoken` is the language in which the page spoke to
/// them: it was theirs until they chose another.
pub async fn prefer(ctx: &Context, prospect: ProspectId, wish: &Wish, spoken: Language) -> Result<Option<Preferred>, FlowError> {
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    let Some(person) = present(&mut tx, prospect).await? else { return Ok(None) };
    let prospect = person.id;
    let source = if wish.is_undone { UNDONE } else { SOURCE };
    let before = preferences::of(&mut tx, prospect, now).await?;
    let after = wish.choices.iter().cloned().fold(before.clone(), Preferences::choosing).chosen_on(today(now));
    let changes = preferences::choose(&mut tx, prospect, &after, source, now).await?;
    let undo = after.changed_to(&before).into_iter().map(|choice| match choice {
        Choice::Language(None) => Choice::Language(Some(spoken)),
        other => other,
    });
    let mut preferred = Preferred { undo: undo.collect(), changes, tracked: None };
    if let Some(tracked) = &wish.tracked {
        let refuses = consents::refusing(&mut tx, &[prospect]).await?.contains(&prospect);
        if person.consents != tracked.given || (!tracked.given && !refuses) {
            let said = consent(Purpose::Tracking, tracked.given, source, &tracked.wording, now);
            consents::add(&mut tx, &[(prospect, said)], now).await?;
            preferred.tracked = Some(tracked.given);
        }
    }
    tx.commit().await?;
    ctx.wake();
    tracing::info!(%prospect, choices = preferred.changes.len(), "chose on their own page");
    Ok(Some(preferred))
}

/// Unsubscribes from all, ahead of everything that waits to write. Returns since when it stands, if it is this press, or one of the last
/// minute, that stopped it.
pub async fn stop(ctx: &Context, mail: Mailed) -> Result<Option<Timestamp>, FlowError> {
    let now = ctx.now();
    let mut tx = ctx.store().write_first().await?;
    observe::write(&mut tx, &ctx.plan(), &[NewSignal::unsubscribe(mail, "page", now)], now).await?;
    let since = match mail.prospect {
        Some(prospect) => unsubscribed(&mut tx, prospect).await?.filter(|since| TWICE.after(*since) > now),
        None => None,
    };
    observe::commit(ctx, tx).await?;
    Ok(since)
}

/// Lifts an unsubscription by its instant, at every address of theirs: "this was a mistake". Whatever else stops their mail goes on
/// stopping it. Returns whether there was one.
pub async fn keep_writing(ctx: &Context, prospect: ProspectId, since: Timestamp, wording: &str) -> Result<bool, FlowError> {
    let now = ctx.now();
    let mut tx = ctx.store().write().await?;
    let Some(person) = present(&mut tx, prospect).await? else { return Ok(false) };
    let prospect = person.id;
    let mut lifted = false;
    for address in erasures::addresses(&mut tx, prospect).await? {
        let stops = suppressions::of(&mut tx, &[&address]).await?;
        let is_it = |s: &suppressions::Suppression| {
            s.address == address.as_str()
                && s.channel == Channel::Email
                && s.reason == StopReason::Unsubscribed
                && s.since == since
        };
        if stops.iter().any(is_it) && suppressions::lift(&mut tx, &address, Channel::Email, now).await? {
            suppressions::note_lifted(&mut tx, &address, Channel::Email, "; lifted: a mistake, as they said at once", now)
                .await?;
            lifted = true;
        }
    }
    if lifted {
        let said = consent(Purpose::Mail, true, UNDONE, wording, now);
        consents::add(&mut tx, &[(prospect, said)], now).await?;
        // A date they asked for may have passed.
        assessment_queue::enqueue(&mut tx, [(prospect, now)]).await?;
    }
    tx.commit().await?;
    ctx.wake();
    Ok(lifted)
}

fn consent(purpose: Purpose, given: bool, source: &str, wording: &str, now: Timestamp) -> Consent {
    Consent { purpose, given, source: source.to_owned(), given_at: Some(now), wording: Some(wording.to_owned()) }
}

/// A person who has an address, their row locked until the transaction ends; of a merged row, the one that was kept.
pub async fn present(tx: &mut Tx, prospect: ProspectId) -> Result<Option<Person>, StoreError> {
    let Some(person) = former_addresses::person(tx, prospect).await? else { return Ok(None) };
    prospects::lock(tx, person.id).await?;
    // They may have been forgotten while the row was waited for.
    former_addresses::person(tx, prospect).await
}

/// Since when they are unsubscribed at the address they have now.
async fn unsubscribed(tx: &mut Tx, prospect: ProspectId) -> Result<Option<Timestamp>, StoreError> {
    let Some(person) = former_addresses::person(tx, prospect).await? else { return Ok(None) };
    let stops = suppressions::of(tx, &[&person.address]).await?;
    let own = stops.into_iter().filter(|s| s.address == person.address.as_str() && s.channel == Channel::Email);
    Ok(own.filter(|s| s.reason == StopReason::Unsubscribed).map(|s| s.since).next())
}
