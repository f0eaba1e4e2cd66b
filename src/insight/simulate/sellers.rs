//! What salespeople do with offers, and what marketing's callers do about near misses: drawn when the offer is
//! made, done when its time has come, by the same functions that the page, the inbox and the command line call.

use super::world::{World, span};
use crate::domain::behaviour::{Desk, End, OfferAnswer};
use crate::domain::chance::Chance;
use crate::domain::criterion::{Criterion, Verdict};
use crate::domain::doorway::signal::{Detail, Touch};
use crate::domain::id::{HandoffId, ProspectId};
use crate::domain::individual::handoff::{Handoff, Outcome, Rejection, State};
use crate::domain::individual::salesperson::Hours;
use crate::flow::context::FlowError;
use crate::flow::doorway::observe::{self, Logged};
use crate::flow::individual::follow_up::{Action, act};
use crate::flow::until_idle::Step;
use crate::store::individual::handoffs;
use crate::store::people::verdicts;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::collections::BTreeMap;

/// How many near misses the desk considers for a call.
const LOOKED_AT: i64 = 500;
/// How long after the office opens the desk begins to call.
const DESK_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// The pending acts of salespeople.
#[derive(Debug, Default)]
pub struct Sellers {
    agenda: BTreeMap<(Timestamp, HandoffId, SellerAct), Chance>,
    last: Option<HandoffId>,
    desk_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SellerAct {
    Answer,
    Touch,
    End,
}

impl Sellers {
    /// When the next act is due.
    pub fn next(&self) -> Option<Timestamp> {
        [self.agenda.keys().next().map(|(at, ..)| *at), self.desk_at].into_iter().flatten().min()
    }

    /// Finds new offers, and draws when they will be answered.
    pub async fn find_offers(&mut self, world: &mut World) -> Result<(), FlowError> {
        let mut tx = world.ctx.store().read().await?;
        let new = handoffs::after(&mut tx, self.last.unwrap_or(HandoffId(0))).await?;
        drop(tx);
        for handoff in new {
            self.last = Some(handoff.id);
            let Some(number) = world.number(handoff.prospect) else { continue };
            let person = &mut world.people[number];
            if let Some(since) = person.silent_since.take() {
                world.event_log.silence(handoff.opened_at.duration_since(since));
            }
            person.offers += 1;
            let own = person.chance.of("handoff").nth(person.offers);
            self.offered(world, &handoff, own);
        }
        Ok(())
    }

    fn offered(&mut self, world: &World, handoff: &Handoff, own: Chance) {
        let plan = world.ctx.plan();
        let takes = span(own.of("answers").delay(world.behaviour.sales.answers));
        let at = plan.roster.hours(&handoff.salesperson).after_working(takes, world.now());
        self.agenda.insert((at, handoff.id, SellerAct::Answer), own);
    }

    /// Does every act whose time has come.
    pub async fn act(&mut self, world: &mut World) -> Result<(), FlowError> {
        let now = world.now();
        let mut any = false;
        while let Some(first) = self.agenda.first_entry().filter(|first| first.key().0 <= now) {
            let ((_, id, does), own) = first.remove_entry();
            self.sell(world, id, does, own).await?;
            any = true;
        }
        if self.desk_at.is_none_or(|at| at <= now) {
            any |= self.call(world).await?;
        }
        if any {
            world.wake(&[Step::Qualify, Step::Remind, Step::Correspond]);
        }
        Ok(())
    }

    async fn sell(&mut self, world: &mut World, id: HandoffId, does: SellerAct, own: Chance) -> Result<(), FlowError> {
        let mut tx = world.ctx.store().read().await?;
        let Some(handoff) = handoffs::load(&mut tx, id).await? else { return Ok(()) };
        drop(tx);
        match does {
            SellerAct::Answer if handoff.state == State::Offered => self.answer(world, &handoff, own).await,
            SellerAct::Touch if handoff.state == State::Owned => {
                let touch = Action::Touch { touch: Touch::Call, proves: Vec::new(), date: None, note: String::new() };
                take(world, &handoff, touch).await.map(drop)
            }
            SellerAct::End if handoff.state == State::Owned => {
                let action = match own.of("end").weighed(&world.behaviour.sales.ends) {
                    Some(End::Outcome(Outcome::Won)) | None => Action::Won(None),
                    Some(End::Outcome(_)) => Action::Lost(String::new()),
                    Some(End::Recycle(reason)) => Action::Recycle { reason: reason.clone(), wake: None, note: String::new() },
                };
                take(world, &handoff, action).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    async fn answer(&mut self, world: &mut World, handoff: &Handoff, own: Chance) -> Result<(), FlowError> {
        let word = own.of("offer").weighed(&world.behaviour.sales.offers).copied().unwrap_or(OfferAnswer::Accept);
        let note = String::new;
        let action = match word {
            OfferAnswer::Accept => Action::Accept,
            OfferAnswer::NotMine => Action::Reject(Rejection::NotMine, note()),
            OfferAnswer::NotReady => {
                let criterion = own.of("criterion").among(&Criterion::ALL).copied().unwrap_or(Criterion::Need);
                Action::Reject(Rejection::NotReady(criterion), note())
            }
            OfferAnswer::Customer => Action::Reject(Rejection::AlreadyCustomer, note()),
        };
        let mut after = take(world, handoff, action).await?;
        if after.is_none() {
            // There is no other salesperson to take it.
            after = take(world, handoff, Action::Accept).await?;
        }
        let Some(after) = after else { return Ok(()) };
        match after.state {
            State::Offered => self.offered(world, &after, own.of("again")),
            State::Owned => {
                let plan = world.ctx.plan();
                let (hours, sales, now) = (plan.roster.hours(&after.salesperson), &world.behaviour.sales, world.now());
                let touch = hours.after_working(span(own.of("touches").delay(sales.touches)), now);
                let end = hours.next_open(now + own.of("lasts").delay(sales.lasts)).max(touch);
                self.agenda.insert((touch, after.id, SellerAct::Touch), own);
                self.agenda.insert((end, after.id, SellerAct::End), own);
            }
            State::Closed => {}
        }
        Ok(())
    }

    /// The desk's calls of a working day. Returns whether a call was made.
    async fn call(&mut self, world: &mut World) -> Result<bool, FlowError> {
        let Some(desk) = world.behaviour.desk.clone() else {
            self.desk_at = Some(Timestamp::MAX);
            return Ok(false);
        };
        let (plan, now, is_first) = (world.ctx.plan(), world.now(), self.desk_at.is_none());
        self.desk_at = Some(next_calls(&plan.roster.office, now));
        if is_first {
            return Ok(false);
        }
        let mut tx = world.ctx.store().read().await?;
        let near = verdicts::near_misses(&mut tx, LOOKED_AT).await?;
        let known_here = near.into_iter().filter_map(|id| Some((id, world.number(id)?)));
        let is_rested = |number: usize| world.people[number].called_at.is_none_or(|at| desk.again.after(at) <= now);
        let mut called: Vec<(ProspectId, usize)> = known_here.filter(|(_, number)| is_rested(*number)).collect();
        called.sort_unstable();
        called.truncate(usize::try_from(desk.calls).unwrap_or(usize::MAX));
        let ids: Vec<ProspectId> = called.iter().map(|(id, _)| *id).collect();
        let known = verdicts::of(&mut tx, &ids).await?;
        drop(tx);
        for (id, number) in &called {
            let person = &mut world.people[*number];
            person.called_at = Some(now);
            world.event_log.calls.0 += 1;
            let own = person.chance.of("call").nth(u64::try_from(now.as_second()).unwrap_or(0));
            if own.of("reached").happens(desk.reaches) {
                world.event_log.calls.1 += 1;
                let is_met = |c: &Criterion| known.get(id).and_then(|of| of.get(c)) == Some(&Verdict::Met);
                let missing = Criterion::ALL.into_iter().filter(|c| !is_met(c) && plan.qualifying.reads_touch(*c, Touch::Call));
                let proves: Vec<Criterion> = missing.filter(|c| own.of(c.word()).happens(desk.proves)).collect();
                log(world, *number, &desk, proves, own).await?;
            }
        }
        Ok(!called.is_empty())
    }
}

/// Logs what a call brought.
async fn log(world: &World, number: usize, desk: &Desk, proves: Vec<Criterion>, own: Chance) -> Result<(), FlowError> {
    let now = world.now();
    let months = 1 + i64::try_from(own.of("date").below(8)).unwrap_or(0);
    let today = now.to_zoned(TimeZone::UTC).date();
    let date = proves.contains(&Criterion::Timeframe).then(|| today.saturating_add(months.months()));
    let note = "called from the desk".to_owned();
    let detail = Detail::Touch { touch: Touch::Call, proves, contradicts: Vec::new(), date, not_before: None, note };
    let logged = Logged { address: world.people[number].address.clone(), by: desk.by.clone(), occurred_at: now, detail };
    observe::log(&world.ctx, logged).await.map(drop)
}

/// Acts as the salesperson who has the handoff; `None` when the act is not possible in its state.
async fn take(world: &mut World, handoff: &Handoff, action: Action) -> Result<Option<Handoff>, FlowError> {
    let after = match act(&world.ctx, handoff.id, &handoff.salesperson, action).await {
        Ok(after) => after,
        Err(FlowError::Refused(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    // Returned to nurture: the time without mail counts again from here.
    if after.outcome.is_some_and(Outcome::returns)
        && let Some(number) = world.number(handoff.prospect)
    {
        world.people[number].silent_since = Some(world.now());
    }
    Ok(Some(after))
}

/// When the desk calls next: in the office's hours, once a day.
fn next_calls(office: &Hours, now: Timestamp) -> Timestamp {
    let calls = office.0.openings(now).map(|(opens, closes)| (opens + DESK_AFTER).min(closes));
    calls.into_iter().find(|at| *at > now).unwrap_or(Timestamp::MAX)
}
