//! Computes what a changed configuration would do to people, against the one in force: who gets which newsletters, who is
//! ready, and whose they are. It writes nothing.
//!
//! It examines every prospect, a page at a time, with the functions that run once the configuration is applied: its result
//! is the state after every prospect was assessed, if nothing else happens meanwhile.

use super::config_diff;
use super::planned_offers::{self, ToBeOffered};
use super::report::{Before, Member, Move, People, PlanReport, Shift, Territory, Who};
use crate::domain::criterion::{Criterion, Verdict};
use crate::domain::doorway::entry::Cause;
use crate::domain::doorway::qualification::Qualification;
use crate::domain::id::{Name, ProspectId};
use crate::domain::individual::handoff::entry;
use crate::domain::individual::routing::{Load, assign};
use crate::domain::plan::Plan;
use crate::domain::prospect::{Prospect, Standing};
use crate::flow::context::FlowError;
use crate::flow::doorway::assess::KnownSignals;
use crate::flow::doorway::conclude;
use crate::flow::doorway::ramp;
use crate::store::doorway::applied_rules;
use crate::store::engine::backend::{Store, Tx};
use crate::store::group::{audiences, campaigns};
use crate::store::individual::handoffs;
use crate::store::operations::configurations;
use crate::store::people::verdicts::VerdictsByCriterion;
use crate::store::people::{accounts, prospects};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The request for a plan.
#[derive(Debug, Clone, Copy)]
pub struct PlanRequest<'a> {
    /// The configuration in force, if it can be read.
    pub before: Option<&'a Plan>,
    pub after: &'a Plan,
    /// Whether people are listed by name. Without it, memory does not grow with their number.
    pub list: bool,
}

/// How many prospects are read at a time.
const PAGE: i64 = 1_000;

/// Computes the report. `progress` is called with how many prospects are done, of how many.
pub async fn plan(
    store: &Store,
    request: PlanRequest<'_>,
    now: Timestamp,
    mut progress: impl FnMut(u64, u64),
) -> Result<PlanReport, FlowError> {
    let mut tx = store.read().await?;
    let mut survey = Survey::begin(&mut tx, request, now).await?;
    if !survey.change.is_new {
        return Ok(survey.change);
    }
    let last = audiences::last(&mut tx).await?;
    let mut after = ProspectId(0);
    loop {
        // One transaction for each page: a reader that stays open for minutes keeps the database from reclaiming space.
        let mut tx = store.read().await?;
        let ids = prospects::page(&mut tx, after, PAGE).await?;
        let Some(end) = ids.last() else { break };
        let people = prospects::load(&mut tx, &ids).await?;
        survey.page(&mut tx, &people).await?;
        after = *end;
        progress(u64::try_from(after.0).unwrap_or(0), u64::try_from(last.0).unwrap_or(0));
    }
    survey.end(&mut store.read().await?).await
}

struct Survey<'a> {
    request: PlanRequest<'a>,
    now: Timestamp,
    change: PlanReport,
    /// Whether rules were in force before: then prospects made ready by these are ready because of a change.
    had_rules: bool,
    /// Prospects who wait already; `None`: they will leave the doorway.
    waiting: BTreeMap<ProspectId, Option<ToBeOffered>>,
    /// How many prospects wait before the next one.
    ahead: usize,
    made: usize,
    coming: Vec<ToBeOffered>,
    load: Load,
    shifts: BTreeMap<(Criterion, Verdict, Verdict), u64>,
    territories: BTreeMap<(Vec<Name>, Vec<Name>), u64>,
}

impl<'a> Survey<'a> {
    async fn begin(tx: &mut Tx, request: PlanRequest<'a>, now: Timestamp) -> Result<Self, FlowError> {
        let PlanRequest { before, after, list } = request;
        let in_force = configurations::newest(tx).await?;
        let rules = applied_rules::newest(tx).await?;
        let other_rules = rules.as_deref() != Some(&conclude::rules_hash(after));
        let is_new = in_force.as_ref().is_none_or(|c| c.hash != after.hash || c.files != *after.files);
        let states = campaigns::all(tx).await?;
        let mut all = config_diff::campaigns(before, after, now);
        for campaign in &mut all {
            campaign.paused = states.get(&campaign.campaign).and_then(|state| state.paused.clone());
        }
        let waited = ramp::waiting(tx, after, now).await?;
        let mut waiting: BTreeMap<ProspectId, Option<ToBeOffered>> = waited.into_iter().map(|(id, _)| (id, None)).collect();
        let stay = planned_offers::waiting(tx, after, other_rules, now).await?;
        let ahead = stay.iter().filter(|c| c.by_rules).count();
        waiting.extend(stay.iter().map(|c| (c.prospect, Some(c.clone()))));
        Ok(Self {
            request,
            now,
            had_rules: rules.is_some(),
            ahead,
            made: ramp::made_today(tx, after, now).await?,
            coming: stay,
            waiting,
            load: handoffs::load_of_all(tx).await?,
            shifts: BTreeMap::new(),
            territories: BTreeMap::new(),
            change: PlanReport {
                at: now,
                files: config_diff::files(in_force.as_ref().map(|c| &c.files), &after.files),
                before: in_force.map(|c| Before { hash: c.hash, since: c.applied_at }),
                after: after.hash.clone(),
                is_new,
                other_rules,
                campaigns: all,
                prospects: 0,
                verdicts: Vec::new(),
                ready: 0,
                requests: 0,
                no_longer_ready: 0,
                reconfirm: 0,
                max_new_offers: after.max_new_offers,
                offers: BTreeMap::new(),
                territories: Vec::new(),
                people: list.then(People::default),
            },
        })
    }

    async fn page(&mut self, tx: &mut Tx, people: &[Prospect]) -> Result<(), FlowError> {
        let after = self.request.after;
        let record =
            if self.change.other_rules { Some(KnownSignals::load(tx, after, people, Timestamp::MAX).await?) } else { None };
        let of: Vec<ProspectId> = people.iter().map(|p| p.id).collect();
        let owners = accounts::owners(tx, &of).await?;
        for prospect in people {
            self.change.prospects += 1;
            let found = record.as_ref().map(|record| record.assess(after, prospect, self.now));
            let known = found.as_ref().map_or_else(|| prospect.verdicts.clone(), planned_offers::verdicts_of);
            self.shift(prospect, &known);
            let offered_at = self.doorway(tx, prospect, found, &known).await?;
            let leaves = offered_at.is_some_and(|at| at <= self.now);
            let then = Prospect { verdicts: known, ..prospect.clone() };
            self.audiences(prospect, &then, leaves);
            self.territory(prospect, &then, owners.get(&prospect.id).and_then(accounts::Owners::first));
        }
        Ok(())
    }

    fn shift(&mut self, prospect: &Prospect, known: &VerdictsByCriterion) {
        for criterion in Criterion::ALL {
            let of = |known: &VerdictsByCriterion| known.get(&criterion).copied().unwrap_or_default();
            let (from, to) = (of(&prospect.verdicts), of(known));
            if from != to {
                *self.shifts.entry((criterion, from, to)).or_default() += 1;
            }
        }
    }

    /// When a prospect will be offered, if they will be.
    async fn doorway(
        &mut self,
        tx: &mut Tx,
        prospect: &Prospect,
        found: Option<Qualification>,
        known: &VerdictsByCriterion,
    ) -> Result<Option<Timestamp>, FlowError> {
        if let Some(waits) = self.waiting.get(&prospect.id) {
            if waits.is_none() {
                self.change.no_longer_ready += 1;
                self.name(prospect, |people, who| people.no_longer_ready.push(who));
            }
            return Ok(self.waiting.get(&prospect.id).and_then(|waits| waits.as_ref().map(|c| c.at)));
        }
        let met = |known: &VerdictsByCriterion| known.values().filter(|verdict| **verdict == Verdict::Met).count();
        if matches!(prospect.standing, Standing::Offered | Standing::Owned) && met(&prospect.verdicts) == 5 && met(known) < 5 {
            self.change.reconfirm += 1;
            self.name(prospect, |people, who| people.reconfirm.push(who));
        }
        let Some(found) = found.filter(|q| prospect.standing == Standing::Nurturing && (q.met() == 5 || q.request().is_some()))
        else {
            return Ok(None);
        };
        let earlier = handoffs::of_prospect(tx, prospect.id).await?;
        let entry = entry(prospect, &earlier);
        let Some(cause) = entry.cause(&found) else { return Ok(None) };
        *(if cause == Cause::Ready { &mut self.change.ready } else { &mut self.change.requests }) += 1;
        let by_rules = self.had_rules && !entry.asks(&found);
        let at =
            if by_rules { planned_offers::offered_at(self.request.after, self.ahead, self.made, self.now) } else { self.now };
        self.ahead += usize::from(by_rules);
        self.coming.push(ToBeOffered { prospect: prospect.id, cause, by_rules, waited: false, at, known: known.clone() });
        Ok(Some(at))
    }

    fn audiences(&mut self, prospect: &Prospect, then: &Prospect, leaves: bool) {
        if prospect.standing != Standing::Nurturing || prospect.mail_stop.is_some() {
            return;
        }
        for n in 0..self.change.campaigns.len() {
            let campaign = &mut self.change.campaigns[n];
            let reaches = |plan: Option<&Plan>, who: &Prospect| {
                plan.and_then(|plan| plan.campaign(&campaign.campaign)).is_some_and(|c| c.audience.fits(who))
            };
            let (was, will) = (reaches(self.request.before, prospect), !leaves && reaches(Some(self.request.after), then));
            campaign.audience_before += u64::from(was);
            campaign.audience_after += u64::from(will);
            campaign.gains += u64::from(will && !was);
            campaign.loses += u64::from(was && !will);
            if was != will {
                let campaign = campaign.campaign.clone();
                let list = |people: &mut People, who| {
                    (if will { &mut people.gain } else { &mut people.lose }).push(Member { campaign, who });
                };
                self.name(prospect, list);
            }
        }
    }

    fn territory(&mut self, prospect: &Prospect, then: &Prospect, owner: Option<&Name>) {
        let Some(before) = self.request.before.filter(|_| prospect.standing == Standing::Nurturing) else { return };
        let could = |plan: &Plan, who: &Prospect| {
            let mut names = assign(&plan.roster, who, owner, &self.load, &[]).candidates().to_vec();
            names.sort();
            names
        };
        let (from, to) = (could(before, prospect), could(self.request.after, then));
        if from != to {
            self.name(prospect, |people, who| people.moves.push(Move { who, from: from.clone(), to: to.clone() }));
            *self.territories.entry((from, to)).or_default() += 1;
        }
    }

    fn name(&mut self, prospect: &Prospect, list: impl FnOnce(&mut People, Who)) {
        if let Some(people) = &mut self.change.people {
            let address = prospect.address.as_ref().map(ToString::to_string);
            list(people, Who { prospect: prospect.id, address });
        }
    }

    async fn end(mut self, tx: &mut Tx) -> Result<PlanReport, FlowError> {
        let (offers, shares) = planned_offers::route_offers(tx, self.request.after, self.coming, self.now).await?;
        self.change.offers = shares;
        if let Some(people) = &mut self.change.people {
            people.offers = offers;
        }
        let shift = |((criterion, from, to), prospects)| Shift { criterion, from, to, prospects };
        self.change.verdicts = self.shifts.into_iter().map(shift).collect();
        let territory = |((from, to), prospects)| Territory { from, to, prospects };
        self.change.territories = self.territories.into_iter().map(territory).collect();
        Ok(self.change)
    }
}
