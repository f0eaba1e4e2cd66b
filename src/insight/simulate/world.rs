//! The simulated installation on its virtual clock: the daemon's steps, each run when it is due or was woken, and the mails
//! they send, captured.
//!
//! In the daemon every wake runs every step; here only the steps that can be concerned are woken, and once a day all of
//! them.

use super::event_log::EventLog;
use super::people::Participants;
use crate::clock::{Clock, ManualClock};
use crate::domain::behaviour::{Behaviour, Refusals};
use crate::domain::chance::Chance;
use crate::domain::group::delivery::Reply;
use crate::domain::group::refusal::{Phase, Refusal};
use crate::domain::id::{DeliveryId, ProspectId};
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::domain::span::Span;
use crate::flow::context::{Context, FlowError, Progress};
use crate::flow::doorway::admit;
use crate::flow::doorway::mailbox_gone;
use crate::flow::group::delivery::attempt_writer::AttemptWriter;
use crate::flow::until_idle::Step;
use crate::mail::null_relay::{Captured, NullRelay};
use crate::store::engine::backend::Store;
use crate::store::group::campaigns;
use crate::store::people::{preferences, prospects};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Acts of prospects, and changes that come with time alone, are rounded up to this grain of an hour, in seconds: a year has
/// nine thousand hours, and no result depends on the minute. Mails, offers and deadlines are exact.
const GRAIN: i64 = 3_600;
/// How many prospects are admitted in one transaction.
const PAGE: usize = 2_000;
/// How many mails may be marked without a result: a captured mail is never uncertain.
const UNRECORDED: usize = 512;
/// From this share of gone mailboxes on, in millionths, campaigns may pause in the middle of an issue. How many mails are then
/// under way would depend on which of them share a commit, and so on the machine; one at a time makes equal seeds equal runs.
const MANY_GONE: u32 = 10_000;

/// The simulated installation, its people, and the event log.
pub struct World {
    pub ctx: Context,
    pub clock: Arc<ManualClock>,
    pub behaviour: Behaviour,
    /// The source of all draws.
    pub chance: Chance,
    pub begins_at: Timestamp,
    pub people: Vec<Participant>,
    pub event_log: EventLog,
    numbers: BTreeMap<ProspectId, usize>,
    writer: AttemptWriter,
    due: [Option<Timestamp>; Step::ALL.len()],
    accepted_paths: Arc<Mutex<Vec<String>>>,
}

/// The result of running the steps.
#[derive(Debug, Default)]
pub struct StepsRun {
    /// The deliveries that were captured, in order.
    pub captured: Vec<DeliveryId>,
    /// Whether a prospect was offered to a salesperson, or to the next one.
    pub handed_off: bool,
}

/// A prospect who takes part.
#[derive(Debug)]
pub struct Participant {
    pub id: ProspectId,
    pub address: crate::domain::address::Address,
    /// The source of draws about them.
    pub chance: Chance,
    /// Which kinds of people they may belong to, by the `when` of each.
    pub fits: Vec<bool>,
    /// Whether a machine of their company follows links first.
    pub scanned: bool,
    /// Since when they have had no mail; `None` while a salesperson has them.
    pub silent_since: Option<Timestamp>,
    /// How many letters of its own each campaign has sent them.
    pub had: BTreeMap<crate::domain::id::Name, usize>,
    /// How often they were offered to a salesperson.
    pub offers: u64,
    pub called_at: Option<Timestamp>,
}

impl World {
    /// Assembles a node on an empty database, and admits all people.
    pub async fn begin(
        store: Store,
        mut plan: Plan,
        behaviour: Behaviour,
        participants: &Participants,
        (seed, at): (u64, Timestamp),
    ) -> Result<Self, FlowError> {
        // One connection is enough where no relay is waited for, and no reader verifies a signature.
        plan.settings.smtp.connections = 1;
        plan.settings.smtp.max_in_doubt = if behaviour.refusals.gone.millionths() < MANY_GONE { UNRECORDED } else { 1 };
        plan.settings.smtp.dkim = None;
        let clock = Arc::new(ManualClock::at(at));
        let chance = Chance::seeded(seed);
        let accepted_paths = Arc::new(Mutex::new(Vec::new()));
        let ours = plan.settings.smtp.return_path.to_string();
        let capture = capture(clock.clone(), chance.of("relay"), behaviour.refusals, ours, accepted_paths.clone());
        let mut tx = store.write().await?;
        campaigns::put(&mut tx, plan.schedules(), at).await?;
        tx.commit().await?;
        let ctx = Context::capturing(store, clock.clone(), plan, "simulation".to_owned(), capture).await?;
        let writer = AttemptWriter::open(&ctx, mailbox_gone::record);
        let mut world = Self {
            ctx,
            clock,
            behaviour,
            chance,
            begins_at: at,
            people: Vec::new(),
            event_log: EventLog::default(),
            numbers: BTreeMap::new(),
            writer,
            due: [Some(at); Step::ALL.len()],
            accepted_paths,
        };
        world.admit(participants).await?;
        Ok(world)
    }

    async fn admit(&mut self, participants: &Participants) -> Result<(), FlowError> {
        let (plan, now) = (self.ctx.plan(), self.clock.now());
        for page in participants.arrivals.chunks(PAGE) {
            let mut tx = self.ctx.store().write().await?;
            admit::admit(&mut tx, &plan, page, "simulation", None, now).await?;
            tx.commit().await?;
        }
        self.choose(participants, now).await?;
        let mut after = ProspectId(0);
        loop {
            let mut tx = self.ctx.store().read().await?;
            let page = prospects::page(&mut tx, after, i64::try_from(PAGE).unwrap_or(i64::MAX)).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = *last;
            for prospect in prospects::load(&mut tx, &page).await? {
                self.meet(prospect, now);
            }
        }
    }

    /// What they chose in reality holds here.
    async fn choose(&self, participants: &Participants, now: Timestamp) -> Result<(), FlowError> {
        if participants.chosen.is_empty() {
            return Ok(());
        }
        let mut tx = self.ctx.store().write().await?;
        let known = prospects::by_address(&mut tx, &participants.chosen.keys().collect::<Vec<_>>()).await?;
        for (address, chosen) in &participants.chosen {
            if let Some(id) = known.get(address) {
                preferences::choose(&mut tx, *id, chosen, "as recorded", now).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    fn meet(&mut self, prospect: Prospect, now: Timestamp) {
        let fits = self.behaviour.people.iter().map(|kind| kind.when.iter().all(|c| c.holds(&prospect))).collect();
        let Some(address) = prospect.address else { return };
        let company = self.chance.of("scanner").of(address.domain());
        self.numbers.insert(prospect.id, self.people.len());
        self.people.push(Participant {
            id: prospect.id,
            chance: self.chance.of("person").of(address.as_str()),
            fits,
            scanned: company.happens(self.behaviour.scanners.share),
            silent_since: Some(now),
            had: BTreeMap::new(),
            offers: 0,
            called_at: None,
            address,
        });
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The index of a prospect among `people`.
    pub fn number(&self, prospect: ProspectId) -> Option<usize> {
        self.numbers.get(&prospect).copied()
    }

    /// Makes these steps due now, after an act that concerns them.
    pub fn wake(&mut self, steps: &[Step]) {
        let now = self.now();
        for step in steps {
            self.due[*step as usize] = Some(now);
        }
    }

    /// When the next step is due, unless one is woken before.
    pub fn next_step(&self) -> Option<Timestamp> {
        self.due.iter().flatten().min().copied()
    }

    /// Runs every step that is due until none is.
    pub async fn run_until_idle(&mut self) -> Result<StepsRun, FlowError> {
        let mut handed_off = false;
        loop {
            let (mut done, now) = (false, self.now());
            for step in Step::ALL {
                if self.due[step as usize].is_none_or(|at| at > now) {
                    continue;
                }
                self.due[step as usize] = match step.take(&self.ctx, &self.writer).await? {
                    Progress::Done => {
                        done = true;
                        handed_off |= step == Step::HandOff;
                        self.wake(concerned(step));
                        Some(now)
                    }
                    Progress::Idle => None,
                    Progress::NotBefore(at) if step == Step::Qualify => Some(grained(at)),
                    Progress::NotBefore(at) => Some(at.max(now + SignedDuration::from_millis(1))),
                };
            }
            if !done {
                return Ok(StepsRun { captured: self.captured(), handed_off });
            }
        }
    }

    /// The deliveries captured since the last call.
    fn captured(&mut self) -> Vec<DeliveryId> {
        let accepted_paths = std::mem::take(&mut *self.accepted_paths.lock().unwrap_or_else(PoisonError::into_inner));
        let mut found = Vec::with_capacity(accepted_paths.len());
        for return_path in &accepted_paths {
            let token = return_path.rsplit_once('@').and_then(|(local, _)| local.rsplit_once('+')).map(|(_, token)| token);
            match token.and_then(|token| self.ctx.signer().read_return_path(token)) {
                Some(token) => found.push(DeliveryId(token.id)),
                None => self.event_log.letters += 1,
            }
        }
        found.sort_unstable();
        found
    }
}

/// The next full grain; `at` itself if it is one.
pub fn grained(at: Timestamp) -> Timestamp {
    grained_to(at, GRAIN)
}

/// As [`grained`], with a grain of so many seconds.
pub fn grained_to(at: Timestamp, grain: i64) -> Timestamp {
    let second = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    Timestamp::from_second(second.div_euclid(grain) * grain + if second.rem_euclid(grain) > 0 { grain } else { 0 }).unwrap_or(at)
}

/// A span of this length, at least a minute.
pub fn span(of: SignedDuration) -> Span {
    Span::minutes((of.as_secs() / 60).max(1))
}

/// The steps for which a step that did something leaves work.
const fn concerned(step: Step) -> &'static [Step] {
    match step {
        Step::Publish => &[Step::Deliver, Step::Notify],
        Step::Deliver => &[Step::Publish, Step::Qualify, Step::Notify],
        Step::Qualify => &[Step::HandOff],
        Step::HandOff => &[Step::Enquire, Step::Remind, Step::Correspond],
        Step::Enquire | Step::AskToConfirm | Step::Remind | Step::Notify | Step::Withdraw => &[Step::Correspond],
        Step::Correspond => &[],
    }
}

/// The relay: accepts every mail, except for a share of gone mailboxes and busy servers.
fn capture(
    clock: Arc<ManualClock>,
    chance: Chance,
    refusals: Refusals,
    ours: String,
    accepted_paths: Arc<Mutex<Vec<String>>>,
) -> NullRelay {
    NullRelay::new(move |mail: Captured<'_>| {
        // A letter to a salesperson has a return path without a token.
        if mail.return_path != ours {
            let minute = u64::try_from(clock.now().as_second() / 60).unwrap_or(0);
            let own = chance.of(mail.to.as_str()).nth(minute);
            if own.of("gone").happens(refusals.gone) {
                return Reply::Refused(Refusal::read(Phase::Recipient, 550, "5.1.1 no such mailbox".to_owned(), ""));
            }
            if own.of("later").happens(refusals.later) {
                return Reply::Later("4.2.0 not now".to_owned());
            }
        }
        accepted_paths.lock().unwrap_or_else(PoisonError::into_inner).push(mail.return_path.to_owned());
        Reply::Accepted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_rounded_up_to_the_hour() {
        for (at, expected) in [
            ("2026-02-03T09:00:00Z", "2026-02-03T09:00:00Z"),
            ("2026-02-03T09:00:00.001Z", "2026-02-03T10:00:00Z"),
            ("2026-02-03T09:59:59Z", "2026-02-03T10:00:00Z"),
            ("1969-12-31T23:30:00Z", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(grained(at.parse().expect("an instant")).to_string(), expected);
        }
    }
}
