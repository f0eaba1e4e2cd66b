//! Hits: links followed and answers posted, written together. Whose they are is looked up for all of them at once, in the
//! transaction that records them: a click costs no query of its own.
//!
//! What one request shows was judged by whoever took it; here comes what only the record shows: how long before it the mail was
//! handed over, and who else came from the same network.

use super::judge;
use super::observe::{self, GROUP, Observed};
use super::trace::{Traced, trace};
use crate::domain::doorway::ignored::PROVISIONAL;
use crate::domain::doorway::machine::{self, Machine};
use crate::domain::doorway::new_signal::Clicked;
use crate::domain::doorway::signal::NewSignal;
use crate::domain::doorway::sweep;
use crate::domain::id::{DeliveryId, IssueId, ProspectId, SignalId};
use crate::domain::settings::Tracking;
use crate::flow::context::Context;
use crate::mail::token::{Kind, Token};
use crate::store::doorway::hits::{self, NewHit};
use crate::store::doorway::reclassifications;
use crate::store::engine::backend::{StoreError, Tx};
use crate::store::engine::batch::Batch;
use crate::store::group::origins::{self, Sent};
use crate::store::people::consents;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::Notify;

/// The kinds of token that a followed link has.
pub const LINKS: [Kind; 3] = [Kind::PairedClick, Kind::AnonymousClick, Kind::Click];

/// A request that counts as an act, as far as it shows whose.
#[derive(Debug, Clone)]
pub struct Hit {
    pub what: What,
    pub from: Requester,
}

/// What a request did.
#[derive(Debug, Clone)]
pub enum What {
    Followed(Followed),
    /// It posted a page of a mail.
    Posted(Box<NewSignal>),
}

/// A link that was followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// The link's token, as it was signed.
    pub token: String,
    pub target: String,
    /// Names link, visitor and, of a machine's, its reason: one a day counts.
    pub visit: String,
    pub machine: Option<Machine>,
    pub at: Timestamp,
}

/// Who made a request; empty where nothing is to be kept of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requester {
    /// Bounded by whoever took it.
    pub agent: Option<String>,
    /// A fingerprint of the network it came from.
    pub network: String,
}

/// What became of a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Observed(Observed),
    /// Its mail was not tracked, or is no longer to be: nothing was recorded.
    LetPass,
    /// Its mail is not on record.
    Lost,
}

/// The batch writer of hits.
pub type HitWriter = Batch<Hit, Taken>;

/// How long after a click the steps are woken: no verdict depends on it sooner than in ten minutes.
const CLICKS_WAKE: Duration = Duration::from_secs(1);

/// Opens the batch writer of followed links; its task ends with the last clone.
pub fn clicks(ctx: &Context) -> HitWriter {
    let waking = ctx.clone();
    let written = std::sync::Arc::new(Notify::new());
    let heard = written.clone();
    tokio::spawn(async move {
        while !waking.is_stopping() {
            tokio::select! {
                () = heard.notified() => {}
                () = waking.stopping() => return,
            }
            tokio::time::sleep(CLICKS_WAKE).await;
            waking.wake();
        }
    });
    open(ctx, move || written.notify_one())
}

/// Opens the batch writer of posted pages, which may be the last proof that was missing.
pub fn posts(ctx: &Context) -> HitWriter {
    let waking = ctx.clone();
    open(ctx, move || waking.wake())
}

fn open(ctx: &Context, committed: impl Fn() + Send + 'static) -> HitWriter {
    let writing = ctx.clone();
    Batch::open(
        ctx.store().clone(),
        GROUP,
        move |tx: &mut Tx, hits: &[Hit]| {
            let ctx = writing.clone();
            Box::pin(async move { write(tx, &ctx, hits).await })
        },
        committed,
    )
}

/// A hit whose mail is known.
struct Known {
    signal: NewSignal,
    company: Option<String>,
    /// Whether what its request showed may be kept.
    is_followed: bool,
}

/// Records hits. The caller commits.
pub async fn write(tx: &mut Tx, ctx: &Context, hits: &[Hit]) -> Result<Vec<Taken>, StoreError> {
    let tokens: Vec<Option<Token>> = hits.iter().map(|hit| token(ctx, hit)).collect();
    let named = tokens.iter().flatten().filter_map(Token::delivery).map(DeliveryId);
    let named: BTreeSet<DeliveryId> = named.chain(hits.iter().filter_map(posted_to)).collect();
    let sent = origins::of(tx, &named.into_iter().collect::<Vec<_>>()).await?;
    let people: Vec<ProspectId> = sent.values().filter_map(|sent| sent.origin.prospect).collect();
    let refusing = refusing(tx, ctx, &people).await?;
    let mut taken = vec![Taken::LetPass; hits.len()];
    let mut known: Vec<(usize, Known)> = Vec::with_capacity(hits.len());
    for (place, (hit, token)) in hits.iter().zip(&tokens).enumerate() {
        match &hit.what {
            What::Posted(signal) => known.push((place, posted(ctx, signal, &sent, &refusing))),
            What::Followed(followed) => match recognise(tx, ctx, *token, followed, (&sent, &refusing)).await? {
                Recognised::Known(found) => known.push((place, *found)),
                Recognised::LetPass => {}
                Recognised::Lost => taken[place] = Taken::Lost,
            },
        }
    }
    let news: Vec<NewSignal> = known.iter().map(|(_, known)| known.signal.clone()).collect();
    let observed = observe::write(tx, &ctx.plan(), &news, ctx.now()).await?;
    let (mut new, mut mails) = (Vec::new(), BTreeSet::new());
    for ((place, known), observed) in known.iter().zip(observed) {
        taken[*place] = Taken::Observed(observed);
        let Requester { agent, network } = &hits[*place].from;
        // Of whoever is not to be followed, nothing is kept that tells one visitor from another.
        if let (Observed::New(signal), true) = (observed, known.is_followed) {
            let at = known.signal.occurred_at.as_millisecond();
            mails.extend(known.signal.delivery);
            new.push(NewHit { signal, agent: agent.as_deref(), network, company: known.company.as_deref(), at });
        }
    }
    hits::add(tx, &new).await?;
    judge_together(tx, ctx, &new, mails).await?;
    Ok(taken)
}

fn token(ctx: &Context, hit: &Hit) -> Option<Token> {
    let What::Followed(Followed { token, .. }) = &hit.what else { return None };
    LINKS.iter().find_map(|kind| ctx.signer().read(*kind, token, ""))
}

fn posted_to(hit: &Hit) -> Option<DeliveryId> {
    if let What::Posted(signal) = &hit.what { signal.delivery } else { None }
}

/// Those of them whose word is that their clicks are not to be followed, where everybody's are.
async fn refusing(tx: &mut Tx, ctx: &Context, of: &[ProspectId]) -> Result<BTreeSet<ProspectId>, StoreError> {
    match ctx.plan().settings.tracking {
        Tracking::All => consents::refusing(tx, of).await,
        Tracking::Consented | Tracking::None => Ok(BTreeSet::new()),
    }
}

fn posted(ctx: &Context, signal: &NewSignal, sent: &BTreeMap<DeliveryId, Sent>, refusing: &BTreeSet<ProspectId>) -> Known {
    let of = signal.delivery.and_then(|delivery| sent.get(&delivery));
    let company = of.and_then(|sent| sent.origin.address.company_domain()).map(str::to_owned);
    let machine = signal.machine.or_else(|| soon(of, signal.occurred_at));
    let is_followed = of.is_some_and(|sent| is_followed(ctx, &Traced::by(&sent.origin), refusing));
    Known { signal: NewSignal { machine, ..signal.clone() }, company, is_followed }
}

/// Whether the hits of a mail may be followed: its recipient was tracked when it was sent, and still consents, or does not refuse.
fn is_followed(ctx: &Context, traced: &Traced, refusing: &BTreeSet<ProspectId>) -> bool {
    let agrees = match ctx.plan().settings.tracking {
        Tracking::All => traced.mail.prospect.is_some_and(|prospect| !refusing.contains(&prospect)),
        Tracking::Consented => traced.consents,
        Tracking::None => false,
    };
    traced.mail.prospect.is_some() && traced.tracked && agrees
}

enum Recognised {
    Known(Box<Known>),
    LetPass,
    Lost,
}

/// The click that a followed link is, if it may be recorded.
async fn recognise(
    tx: &mut Tx,
    ctx: &Context,
    token: Option<Token>,
    followed: &Followed,
    (sent, refusing): (&BTreeMap<DeliveryId, Sent>, &BTreeSet<ProspectId>),
) -> Result<Recognised, StoreError> {
    let Some(token) = token else { return Ok(Recognised::Lost) };
    let Followed { target, visit, machine, at, .. } = followed;
    let Some(delivery) = token.delivery().map(DeliveryId) else {
        let issue = token.issue().map(IssueId);
        let click = issue.map(|issue| NewSignal::click(Clicked::Untracked(issue), visit, target, *machine, *at));
        let known = click.map(|signal| Recognised::Known(Box::new(Known { signal, company: None, is_followed: false })));
        return Ok(known.unwrap_or(Recognised::Lost));
    };
    let of = sent.get(&delivery).filter(|sent| ctx.signer().is_for(token.recipient, sent.origin.address.as_str()));
    let (traced, may_be_followed) = match of {
        Some(sent) => {
            let traced = Traced::by(&sent.origin);
            let may = is_followed(ctx, &traced, refusing);
            (traced, may)
        }
        // Rare: of a database that was restored, or of somebody who was forgotten.
        None => match trace(tx, ctx.signer(), token).await? {
            Some(traced) => {
                let refusing = self::refusing(tx, ctx, traced.mail.prospect.as_slice()).await?;
                let may = is_followed(ctx, &traced, &refusing);
                (traced, may)
            }
            None => return Ok(Recognised::Lost),
        },
    };
    if !may_be_followed {
        return Ok(Recognised::LetPass);
    }
    let company = traced.address.company_domain().map(str::to_owned);
    let machine = machine.or_else(|| soon(of, *at));
    let signal = NewSignal::click(Clicked::By(traced.mail), visit, target, machine, *at);
    Ok(Recognised::Known(Box::new(Known { signal, company, is_followed: true })))
}

fn soon(sent: Option<&Sent>, at: Timestamp) -> Option<Machine> {
    let handed_over_at = sent?.handed_over_at?;
    machine::too_soon(handed_over_at, at).then_some(Machine::Soon)
}

/// Who judges hits by the hits around them.
pub const JUDGE: &str = "nurtured";

/// Judges the hits that the new ones make a crowd or a sweep, the earlier of them too. Whom those that counted already concern is
/// assessed anew.
async fn judge_together(tx: &mut Tx, ctx: &Context, new: &[NewHit<'_>], mails: BTreeSet<DeliveryId>) -> Result<(), StoreError> {
    let swept = sweep::sweeps(&hits::of_trapped(tx, &mails.into_iter().collect::<Vec<_>>()).await?);
    for (found, machine) in [(swept, Machine::Trap), (crowds(tx, new).await?, Machine::Crowd)] {
        if found.is_empty() {
            continue;
        }
        let (found, now) = (found.into_iter().collect::<Vec<SignalId>>(), ctx.now());
        let judged = reclassifications::add_where_none_is(tx, &found, machine, JUDGE, now).await?;
        let signals: Vec<SignalId> = judged.iter().map(|(signal, _)| *signal).collect();
        let counted = reclassifications::that_count(tx, &signals, PROVISIONAL.before(now)).await?;
        let counted: Vec<_> = judged.into_iter().filter(|(signal, _)| counted.contains(signal)).collect();
        judge::concern(tx, &counted, true, now).await?;
        tracing::debug!(hits = signals.len(), reason = machine.word(), "hits judged by the hits around them");
    }
    Ok(())
}

async fn crowds(tx: &mut Tx, new: &[NewHit<'_>]) -> Result<BTreeSet<SignalId>, StoreError> {
    let of_companies = || new.iter().filter(|hit| hit.company.is_some());
    let at = |hit: &NewHit<'_>| Timestamp::from_millisecond(hit.at).unwrap_or_default();
    let (first, last) = (of_companies().map(at).min(), of_companies().map(at).max());
    let Some((first, last)) = first.zip(last) else { return Ok(BTreeSet::new()) };
    let networks: BTreeSet<&str> = of_companies().map(|hit| hit.network).collect();
    Ok(machine::crowds(&hits::around(tx, networks.into_iter(), first, last).await?))
}
