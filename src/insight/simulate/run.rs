//! Runs a simulation from its first day to its last: the clock moves from event to event, and at each event first the people
//! act and then the steps run.

use super::people::Participants;
use super::readers::Readers;
use super::report::{self, Header, SimulationReport};
use super::sellers::Sellers;
use super::world::World;
use super::writers;
use crate::domain::behaviour::Behaviour;
use crate::domain::group::campaign::Order;
use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::flow::context::FlowError;
use crate::flow::operations::sweep;
use crate::flow::until_idle::Step;
use crate::store::engine::backend::Store;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// The parameters of a simulation.
#[derive(Debug)]
pub struct SimulationRequest {
    /// An empty database, to be deleted afterwards.
    pub scratch: Store,
    pub plan: Plan,
    pub behaviour: Behaviour,
    pub participants: Participants,
    /// Where the people come from, in words.
    pub prospects_from: String,
    /// With another seed, the same people act differently.
    pub seed: u64,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// The events that come neither from people nor from steps.
struct Timetable {
    zone: TimeZone,
    /// When the next day begins, on which every step is run.
    day: Timestamp,
    quarter: Timestamp,
    /// The next date of each edition.
    editions: Vec<(Name, Option<Timestamp>)>,
}

impl Timetable {
    fn begin(plan: &Plan, from: Timestamp) -> Self {
        let zone = plan.roster.office.zone().clone();
        let editions = plan.campaigns.iter().filter(|c| c.order == Order::Edition);
        let editions = editions.map(|c| (c.name.clone(), c.schedule.after(from).map(|f| f.due_at))).collect();
        Self { day: from, quarter: quarter_after(&zone, from), zone, editions }
    }

    fn next(&self) -> Timestamp {
        let editions = self.editions.iter().filter_map(|(_, at)| *at).min();
        self.day.min(self.quarter).min(editions.unwrap_or(Timestamp::MAX))
    }

    /// The editions whose date has come.
    fn due(&mut self, plan: &Plan, now: Timestamp) -> Vec<Name> {
        let mut due = Vec::new();
        for (name, at) in self.editions.iter_mut().filter(|(_, at)| at.is_some_and(|at| at <= now)) {
            due.push(name.clone());
            *at = plan.campaign(name).and_then(|c| c.schedule.after(now)).map(|f| f.due_at);
        }
        due
    }

    fn day_after(&self, now: Timestamp) -> Timestamp {
        let tomorrow = now.to_zoned(self.zone.clone()).date().saturating_add(1.day());
        tomorrow.to_zoned(self.zone.clone()).map_or(Timestamp::MAX, |day| day.timestamp())
    }
}

/// Simulates on a thread of its own: nothing here waits for a network, and tasks that wake each other across processors cost
/// more than what they do.
pub async fn run(request: SimulationRequest) -> Result<SimulationReport, FlowError> {
    let unable = |e: &dyn std::fmt::Display| FlowError::Unable(format!("simulate: {e}"));
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| unable(&e))?;
    let (mut told, report) = oneshot::channel();
    let simulating = move || {
        runtime.block_on(async {
            tokio::select! {
                report = simulate(request) => drop(told.send(report)),
                // The caller has gone.
                () = told.closed() => {}
            }
        });
    };
    std::thread::Builder::new().name("simulation".to_owned()).spawn(simulating).map_err(|e| unable(&e))?;
    report.await.map_err(|_| unable(&"its thread came to no end"))?
}

async fn simulate(request: SimulationRequest) -> Result<SimulationReport, FlowError> {
    let SimulationRequest { scratch, mut plan, behaviour, participants, prospects_from, seed, from, until } = request;
    if behaviour.writes_on {
        writers::write_series(&mut plan, from, until);
    }
    let mut timetable = Timetable::begin(&plan, from);
    let mut world = World::begin(scratch, plan, behaviour, &participants, (seed, from)).await?;
    let (mut readers, mut sellers) = (Readers::default(), Sellers::default());
    let (mut ends, mut without_future) = (Vec::new(), 0);
    loop {
        let now = world.now();
        readers.act(&mut world).await?;
        sellers.act(&mut world).await?;
        let due = timetable.due(&world.ctx.plan(), now);
        if !due.is_empty() {
            writers::write_editions(&mut world, &due)?;
        }
        if timetable.day <= now {
            timetable.day = timetable.day_after(now);
            world.wake(&Step::ALL);
            // The daemon reviews every hour. Here once a month is enough: what a review finds builds up over months, and
            // the report at the end of each quarter reviews too.
            let today = now.to_zoned(timetable.zone.clone());
            if now == from || (today.weekday() == Weekday::Monday && today.day() <= 7) {
                sweep::review(&world.ctx).await?;
            }
        }
        let ran = world.run_until_idle().await?;
        readers.receive(&mut world, &ran.captured).await?;
        if ran.handed_off {
            sellers.find_offers(&mut world).await?;
        }
        if timetable.quarter <= now {
            timetable.quarter = quarter_after(&timetable.zone, now);
            sweep::review(&world.ctx).await?;
            let (standing, lost) = report::count_standing(&world).await?;
            ends.push((now, standing));
            without_future = without_future.max(lost);
        }
        let next = [world.next_step(), readers.next(), sellers.next()].into_iter().flatten().min();
        let next = next.unwrap_or(Timestamp::MAX).min(timetable.next());
        if next >= until {
            break;
        }
        world.clock.move_to(next);
    }
    world.clock.move_to(until);
    sweep::review(&world.ctx).await?;
    let (standing, lost) = report::count_standing(&world).await?;
    ends.push((until, standing));
    let header = Header { prospects_from, left_out: participants.left_out, seed, from, until };
    report::report(&mut world, header, ends, without_future.max(lost)).await
}

/// When the quarter that contains an instant ends, by the clock of a zone.
fn quarter_after(zone: &TimeZone, at: Timestamp) -> Timestamp {
    let date = at.to_zoned(zone.clone()).date();
    let first = date.first_of_month();
    let months = 3 - i64::from((date.month() - 1) % 3);
    let next = first.saturating_add(months.months());
    next.to_zoned(zone.clone()).map_or(Timestamp::MAX, |day| day.timestamp())
}
