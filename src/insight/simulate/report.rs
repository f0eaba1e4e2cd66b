//! The report of a simulation, for people and for programs. Equal runs give equal bytes: nothing in it depends on
//! when, where or how fast it ran.

use super::calendar::{ZoneCalendar, calendars};
use super::event_log::CampaignActs as Noted;
use super::world::World;
use super::writers::is_made_up;
use crate::domain::criterion::Criterion;
use crate::domain::id::Name;
use crate::domain::individual::handoff::{Handoff, Outcome};
use crate::domain::plan::Plan;
use crate::flow::context::FlowError;
use crate::flow::operations::sweep;
use crate::store::group::campaigns;
use crate::store::individual::handoffs;
use crate::store::operations::simulation_report;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// Silences longer than this are counted: nurture thins to a letter a quarter before it asks whether to stay.
pub const LONG_SILENCE_DAYS: i64 = 92;
/// How many of the busiest days are listed.
const BUSIEST: usize = 5;

/// The report.
#[derive(Debug, Clone, Serialize)]
pub struct SimulationReport {
    /// Where the people came from.
    pub prospects_from: String,
    pub prospects: usize,
    /// How many were left out: closed, erased, or with a salesperson.
    pub left_out: usize,
    pub seed: u64,
    pub from: Timestamp,
    pub until: Timestamp,
    /// The zone of the office, in which quarters and days are counted.
    pub zone: String,
    pub configuration: String,
    /// The calendar of every zone.
    pub calendar: Vec<ZoneCalendar>,
    /// Mails, and on how many days.
    pub load: MailLoad,
    /// The campaigns.
    pub campaigns: Vec<CampaignReport>,
    pub quarters: Vec<QuarterReport>,
    /// The standing of prospects at the end.
    pub standing: StandingCounts,
    /// The offers to salespeople.
    pub salespeople: Vec<SalespersonReport>,
    pub desk: DeskReport,
    pub silence: Silence,
    /// Prospects without a future at the end of any quarter or of the simulation: must be 0.
    pub without_future: i64,
}

/// Mails by day.
#[derive(Debug, Clone, Serialize)]
pub struct MailLoad {
    pub mails: u64,
    /// Letters to salespeople and colleagues.
    pub letters: u64,
    /// The number of days with mails.
    pub days: usize,
    /// The days with the most mails.
    pub busiest: Vec<(Date, u64)>,
    /// Every day with mails.
    pub by_day: BTreeMap<Date, u64>,
}

/// The mails of a campaign and the acts about them.
#[derive(Debug, Clone, Serialize)]
pub struct CampaignReport {
    pub campaign: Name,
    pub mails: u64,
    /// Mails with a question.
    pub asking: u64,
    /// Mails of which a prospect clicked a link.
    pub clicked: u64,
    /// Of those, clicks that were not attributed, because the prospect is not tracked.
    pub clicked_untracked: u64,
    pub machine_hits: u64,
    /// Mails with an answered question.
    pub answered: u64,
    /// Further answers on the page.
    pub further_answers: u64,
    pub forms: u64,
    pub replied: u64,
    pub unsubscribed: u64,
    pub complained: u64,
    /// Deferred by the cap, and sent later.
    pub deferred_by_cap: i64,
    /// Deferred because the window was closed.
    pub deferred_by_window: Deferred,
    /// Left later than its date for another reason: a pace, a canary, a busy relay.
    pub deferred_otherwise: Deferred,
    /// Deliveries not sent, by reason.
    pub not_sent: Vec<NotSent>,
    /// Why it paused by itself, if it did: nothing was sent after that.
    pub paused: Option<String>,
    /// A series: when a prospect first had every letter.
    pub letters_run_out_at: Option<Timestamp>,
    /// An edition: its first date without a letter that was not sent yet.
    pub needs_letter_at: Option<Timestamp>,
    /// How many letters were made up, modelled on its own.
    pub letters_made_up: usize,
}

/// Mails that left later than their date.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Deferred {
    pub mails: u64,
    /// The longest wait, in minutes.
    pub longest_minutes: i64,
}

/// Deliveries that were not sent, for one reason.
#[derive(Debug, Clone, Serialize)]
pub struct NotSent {
    pub state: String,
    pub reason: String,
    pub mails: i64,
}

/// A quarter of a year.
#[derive(Debug, Clone, Serialize)]
pub struct QuarterReport {
    /// "2026-Q1".
    pub quarter: String,
    pub ready: u64,
    /// Offers of prospects who asked for a person.
    pub requests: u64,
    pub won: u64,
    /// The standing of prospects at its end.
    #[serde(flatten)]
    pub end: StandingCounts,
}

/// The standing of nurturing prospects at an instant.
#[derive(Debug, Clone, Default, Serialize)]
pub struct StandingCounts {
    /// How many have none, one, two, three, four or five of the five.
    pub known: [u64; 6],
    /// Near misses (three or four of five) that lack each criterion.
    pub near_misses_lack: BTreeMap<Criterion, u64>,
    /// Other prospects with at least one criterion met that lack each criterion.
    pub others_lack: BTreeMap<Criterion, u64>,
    /// The criterion lacked most often: among near misses, or among the others while there are none.
    pub bottleneck: Option<Criterion>,
}

/// The offers to a salesperson.
#[derive(Debug, Clone, Serialize)]
pub struct SalespersonReport {
    pub salesperson: Name,
    /// Offers that ended with them.
    pub offers: u64,
    pub requests: u64,
    pub won: u64,
    /// The most open at one time.
    pub most_open: u64,
    /// The most they may have open.
    pub at_most: Option<u32>,
}

/// The calls of the desk.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct DeskReport {
    pub calls: u64,
    /// Calls that reached a prospect.
    pub reached: u64,
}

/// Spans in which a prospect could have been mailed and was not.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Silence {
    /// The longest, in days.
    pub longest_days: i64,
    /// What counts as long, in days.
    pub long_days: i64,
    /// How many prospects are in a long one at the end.
    pub in_a_long_one: u64,
    /// How many prospects could be mailed at the end.
    pub reachable: u64,
}

/// The parameters of the run.
#[derive(Debug, Clone)]
pub struct Header {
    /// Where the people came from.
    pub prospects_from: String,
    pub left_out: usize,
    pub seed: u64,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// Makes the report. `ends` are the ends of quarters, in order, with the standing at each.
pub async fn report(
    world: &mut World,
    header: Header,
    ends: Vec<(Timestamp, StandingCounts)>,
    without_future: i64,
) -> Result<SimulationReport, FlowError> {
    let plan = world.ctx.plan();
    let mut tx = world.ctx.store().read().await?;
    let occurred = simulation_report::occurred(&mut tx).await?;
    let ended = simulation_report::ended(&mut tx).await?;
    let put_off: BTreeMap<Name, i64> = simulation_report::put_off(&mut tx).await?.into_iter().collect();
    let states = campaigns::all(&mut tx).await?;
    let all = handoffs::all(&mut tx).await?;
    let reachable = simulation_report::reachable(&mut tx).await?;
    drop(tx);
    let now = world.now();
    let mut in_a_long_one = 0;
    for id in &reachable {
        let since = world.number(*id).and_then(|number| world.people[number].silent_since);
        let lasted = since.map_or(SignedDuration::ZERO, |since| now.duration_since(since));
        world.event_log.silence(lasted);
        in_a_long_one += u64::from(lasted > SignedDuration::from_hours(LONG_SILENCE_DAYS * 24));
    }
    let of_campaign = |campaign: &crate::domain::group::campaign::Campaign| {
        let name = &campaign.name;
        let not_sent = ended.iter().filter(|e| e.campaign == *name && e.state != "accepted");
        let not_sent = not_sent.map(|e| NotSent { state: e.state.clone(), reason: e.reason.clone(), mails: e.count }).collect();
        let noted = world.event_log.campaigns.get(name).cloned().unwrap_or_default();
        let made_up = campaign.newsletters.iter().filter(|n| is_made_up(&n.id)).count();
        let paused = states.get(name).and_then(|state| state.paused.clone());
        campaign_report(name, &noted, put_off.get(name).copied().unwrap_or_default(), not_sent, (paused, made_up))
    };
    Ok(SimulationReport {
        prospects_from: header.prospects_from,
        prospects: world.people.len(),
        left_out: header.left_out,
        seed: header.seed,
        from: header.from,
        until: header.until,
        zone: plan.roster.office.zone().iana_name().unwrap_or("UTC").to_owned(),
        configuration: plan.hash.clone(),
        calendar: calendars(&plan, &world.event_log, &occurred, header.from, header.until),
        load: load(world),
        campaigns: plan.campaigns.iter().map(of_campaign).collect(),
        standing: ends.last().map(|(_, standing)| standing.clone()).unwrap_or_default(),
        quarters: quarters(&plan, &all, ends, header.from),
        salespeople: salespeople(&plan, &all, now),
        desk: DeskReport { calls: world.event_log.calls.0, reached: world.event_log.calls.1 },
        silence: Silence {
            longest_days: world.event_log.longest_silence.as_hours() / 24,
            long_days: LONG_SILENCE_DAYS,
            in_a_long_one,
            reachable: reachable.len() as u64,
        },
        without_future,
    })
}

/// The standing of nurturing prospects now, and how many are without a future.
pub async fn count_standing(world: &World) -> Result<(StandingCounts, i64), FlowError> {
    let mut tx = world.ctx.store().read().await?;
    let met = simulation_report::met(&mut tx).await?;
    let reachable = simulation_report::reachable(&mut tx).await?.len() as u64;
    drop(tx);
    let mut of: BTreeMap<_, Vec<Criterion>> = BTreeMap::new();
    for (prospect, criterion) in met {
        of.entry(prospect).or_default().push(criterion);
    }
    let mut standing = StandingCounts::default();
    for criteria in of.values() {
        standing.known[criteria.len().min(5)] += 1;
        let lacking = Criterion::ALL.into_iter().filter(|c| !criteria.contains(c));
        let counted = if criteria.len() >= 3 { &mut standing.near_misses_lack } else { &mut standing.others_lack };
        for criterion in lacking {
            *counted.entry(criterion).or_default() += 1;
        }
    }
    standing.known[0] = reachable.saturating_sub(of.len() as u64);
    let counted = if standing.near_misses_lack.is_empty() { &standing.others_lack } else { &standing.near_misses_lack };
    // Ties go to the first of the five.
    standing.bottleneck = counted.iter().rev().max_by_key(|(_, count)| **count).map(|(criterion, _)| *criterion);
    Ok((standing, sweep::without_future(&world.ctx).await?))
}

fn load(world: &World) -> MailLoad {
    let mut busiest: Vec<(Date, u64)> = world.event_log.days.iter().map(|(day, mails)| (*day, *mails)).collect();
    busiest.sort_by_key(|(day, mails)| (std::cmp::Reverse(*mails), *day));
    busiest.truncate(BUSIEST);
    let mails = world.event_log.days.values().sum();
    MailLoad {
        mails,
        letters: world.event_log.letters,
        days: world.event_log.days.len(),
        busiest,
        by_day: world.event_log.days.clone(),
    }
}

fn campaign_report(
    name: &Name,
    n: &Noted,
    cap: i64,
    not_sent: Vec<NotSent>,
    (paused, made_up): (Option<String>, usize),
) -> CampaignReport {
    let deferred = |(mails, longest): (u64, SignedDuration)| Deferred { mails, longest_minutes: longest.as_mins() };
    CampaignReport {
        campaign: name.clone(),
        mails: n.accepted,
        asking: n.asking,
        clicked: n.clicked + n.clicked_untracked,
        clicked_untracked: n.clicked_untracked,
        machine_hits: n.machine,
        answered: n.answered,
        further_answers: n.further,
        forms: n.forms,
        replied: n.replied,
        unsubscribed: n.unsubscribed,
        complained: n.complained,
        deferred_by_cap: cap,
        deferred_by_window: deferred(n.window),
        deferred_otherwise: deferred(n.later),
        not_sent,
        paused,
        letters_run_out_at: n.ran_out_at,
        needs_letter_at: n.needs_letter_at,
        letters_made_up: made_up,
    }
}

fn quarters(plan: &Plan, all: &[Handoff], ends: Vec<(Timestamp, StandingCounts)>, from: Timestamp) -> Vec<QuarterReport> {
    let mut begins = from;
    let mut found = Vec::new();
    for (ends_at, end) in ends {
        let within = |at: Timestamp| at >= begins && at < ends_at;
        let opened = |cause: &str| all.iter().filter(|h| h.cause == cause && within(h.opened_at)).count() as u64;
        let won = all.iter().filter(|h| h.outcome == Some(Outcome::Won) && h.closed_at.is_some_and(within)).count() as u64;
        let date = begins.to_zoned(plan.roster.office.zone().clone()).date();
        let quarter = format!("{}-Q{}", date.year(), (date.month() + 2) / 3);
        found.push(QuarterReport { quarter, ready: opened("ready"), requests: opened("request"), won, end });
        begins = ends_at;
    }
    found
}

fn salespeople(plan: &Plan, all: &[Handoff], now: Timestamp) -> Vec<SalespersonReport> {
    let manager = (!plan.roster.salespeople.iter().any(|s| s.id == plan.roster.manager)).then_some((&plan.roster.manager, None));
    let everybody = plan.roster.salespeople.iter().map(|s| (&s.id, s.at_most)).chain(manager);
    let of = |(id, at_most): (&Name, Option<u32>)| {
        let own: Vec<&Handoff> = all.iter().filter(|h| h.salesperson == *id).collect();
        let mut turns: Vec<(Timestamp, i64)> =
            own.iter().flat_map(|h| [(h.opened_at, 1), (h.closed_at.unwrap_or(now), -1)]).collect();
        turns.sort_unstable();
        let open = turns.iter().scan(0, |open, (_, turn)| {
            *open += turn;
            Some(*open)
        });
        SalespersonReport {
            salesperson: id.clone(),
            offers: own.len() as u64,
            requests: own.iter().filter(|h| h.cause == "request").count() as u64,
            won: own.iter().filter(|h| h.outcome == Some(Outcome::Won)).count() as u64,
            most_open: open.max().unwrap_or(0).unsigned_abs(),
            at_most,
        }
    };
    everybody.map(of).collect()
}
