//! Ten years in a town in which anything may happen, in any order: after each step everybody is in exactly one place, nobody
//! is without a future, and nobody who is nurtured is left alone for longer than the bound.
//!
//! A few seeds by default; `NURTURED_MODEL_SEEDS=50` runs fifty, `NURTURED_MODEL_FIRST=7` begins with the seventh. What failed
//! is told with its seed, its step and what happened last.

use super::{BEGINS, Told, address, found, name};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use nurtured::domain::address::Address;
use nurtured::domain::consent::{Consent, Purpose};
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::doorway::signal::{Detail, Touch};
use nurtured::domain::id::{Name, ProspectId};
use nurtured::domain::individual::handoff::{Handoff, Rejection, Stage};
use nurtured::domain::plan::Plan;
use nurtured::domain::prospect::Standing;
use nurtured::domain::suppression::Channel;
use nurtured::flow::context::FlowError;
use nurtured::flow::doorway::observe;
use nurtured::flow::individual::follow_up::{Action, act};
use nurtured::flow::operations::{census, forget, manual_stop, sweep};
use nurtured::store::group::{audiences, occurrences};
use nurtured::store::individual::{follow_ups, handoffs};
use nurtured::store::people::prospects;
use nurtured::town::{BROWSER, Town};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How long it goes on.
const YEARS: i64 = 10;
/// How many people there are to come in.
const PEOPLE: u64 = 14;
/// How long it is at most from one step to the next.
const STEP_DAYS: u64 = 21;
/// How long a nurturing prospect is left alone at most. The example's campaigns come by once a quarter at least, with the next
/// open window (97 days); one that is paused just before gives way to a review (ninety days, begun at midnight), of which
/// five a day are done (three days for all of them); and the town looks only at the end of a step, which happens to both.
const BOUND: SignedDuration = SignedDuration::from_hours((97 + 91 + 3 + 2 * 21) * 24);

/// Numbers as good as drawn; the same seed, the same numbers (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % most
    }

    fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).expect("small")]
    }
}

/// What the test knows of the town.
struct Model {
    town: Town,
    chance: Chance,
    /// The company's whole plan, of which parts come and go.
    whole: Plan,
    /// When somebody last looked after whom, or wrote to them.
    attended: BTreeMap<ProspectId, Timestamp>,
    /// Occurrences that were seen to come by.
    seen: BTreeSet<(Name, String)>,
    longest: SignedDuration,
}

fn person(number: u64) -> Address {
    address(&format!("person{number}@plant{}.example", number / 3))
}

fn arrival(number: u64, chance: &mut Chance) -> Arrival {
    let mut arrival = Arrival::of(person(number));
    arrival.name = Some(format!("Person {number}"));
    arrival.phone = Some(format!("+34 600 {number}"));
    // A third fits no campaign at all.
    let (industry, country) = [("food", "ES"), ("packaging", "DE"), ("steel", "US")][usize::try_from(number % 3).expect("small")];
    arrival.fields = [("industry", industry), ("country", country)].into_iter().map(|(k, v)| (name(k), v.to_owned())).collect();
    arrival.consents.push(Consent::undated(Purpose::Tracking, true, "card"));
    arrival.email_opt_out = chance.below(40) == 0;
    arrival.phone_opt_out = chance.below(30) == 0;
    arrival
}

/// What may happen that is no fault: nobody there to do it to, or it is not possible where they stand.
fn may_refuse<T>(done: Result<T, FlowError>) -> Told {
    match done {
        Ok(_) | Err(FlowError::Refused(_) | FlowError::Missing(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl Model {
    fn new(town: Town, seed: u64) -> Self {
        let whole = Plan::clone(&town.node.ctx.plan());
        let chance = Chance(seed);
        Self { town, chance, whole, attended: BTreeMap::new(), seen: BTreeSet::new(), longest: SignedDuration::ZERO }
    }

    fn day_ahead(&mut self, most: u64) -> Date {
        let days = 1 + i64::try_from(self.chance.below(most)).expect("small");
        (self.town.now() + SignedDuration::from_hours(24 * days)).to_zoned(TimeZone::UTC).date()
    }

    /// Something happens; says what.
    async fn happen(&mut self) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        let number = self.chance.below(PEOPLE);
        let (who, ctx) = (person(number), self.town.node.ctx.clone());
        let what = self.chance.below(16);
        match what {
            0 | 1 => {
                let some: Vec<Arrival> =
                    [number, self.chance.below(PEOPLE)].into_iter().map(|n| arrival(n, &mut self.chance)).collect();
                // Each address once.
                self.town.admit(if some[0].address == some[1].address { &some[..1] } else { &some }, "import").await?;
            }
            2..=4 => self.visit(&who).await?,
            // Who was asked too often, or must not be mailed, is not asked to confirm it.
            5 => may_refuse(self.town.fill_in("call-me", &[("email", who.as_str())]).await)?,
            6 if self.chance.below(3) == 0 => drop(self.town.unsubscribe(&who).await.is_ok()),
            7 => {
                let channel = *self.chance.one_of(&[Channel::Email, Channel::Phone]);
                if self.chance.below(4) == 0 {
                    manual_stop::suppress(&ctx, &who, channel, "asked us").await?;
                } else {
                    may_refuse(manual_stop::lift(&ctx, &who, channel, "asked us").await)?;
                }
            }
            8 => may_refuse(manual_stop::lift(&ctx, &who, Channel::Email, "signed in again").await)?,
            9..=11 => self.sell().await?,
            12 => self.log(&who).await?,
            13 => {
                let campaign = self.chance.one_of(&self.whole.campaigns).name.clone();
                match self.chance.below(3) {
                    0 if self.chance.below(2) == 0 => drop(manual_stop::pause(&ctx, &campaign, "a break").await?),
                    _ => drop(manual_stop::resume(&ctx, &campaign).await?),
                }
            }
            14 => self.change_plan()?,
            15 if self.chance.below(12) == 0 => may_refuse(forget::forget(&ctx, &who).await)?,
            _ => {}
        }
        Ok(format!("{what} {number}"))
    }

    /// Somebody follows a link of their newest mail: a page, or an answer that they confirm.
    async fn visit(&mut self, who: &Address) -> Told {
        let Ok(mail) = self.town.newest_to(who) else { return Ok(()) };
        let links: Vec<String> = mail.links().into_iter().map(|(url, _)| url).filter(|url| url.contains("127.0.0.1")).collect();
        if !links.is_empty() {
            let url = self.chance.one_of(&links).clone();
            if url.contains("/a/") {
                self.town.press(&url, BROWSER).await?;
            } else {
                self.town.ask(axum::http::Method::GET, &url, BROWSER, "").await?;
            }
        }
        Ok(())
    }

    /// A salesperson does something with an open handoff, if there is one.
    async fn sell(&mut self) -> Told {
        let ctx = self.town.node.ctx.clone();
        let open: Vec<_> = handoffs::all(&mut ctx.store().read().await?).await?.into_iter().filter(Handoff::is_open).collect();
        if open.is_empty() {
            return Ok(());
        }
        let handoff = self.chance.one_of(&open).clone();
        let until = self.day_ahead(300);
        let action = match self.chance.below(11) {
            0 => Action::Accept,
            1 => Action::Reject(Rejection::NotMine, String::new()),
            2 => Action::Reject(Rejection::NotReady(Criterion::Budget), String::new()),
            3 => Action::Reject(Rejection::DataWrong, String::new()),
            4 => Action::Touch { touch: Touch::Call, proves: vec![Criterion::Need], date: None, note: "rang".into() },
            5 => Action::Stage(*self.chance.one_of(&Stage::ALL)),
            6 => Action::Snooze(until, String::new()),
            7 | 8 => {
                let reason = self.chance.one_of(&self.whole.qualifying.recycle).reason.clone();
                let wake = (self.chance.below(2) == 0).then_some(until);
                Action::Recycle { reason, wake, note: String::new() }
            }
            9 => Action::Lost(String::new()),
            _ => Action::Won(Some(100)),
        };
        may_refuse(act(&ctx, handoff.id, &handoff.salesperson, action).await)
    }

    /// A colleague writes down what somebody said: perhaps all five, perhaps not to be approached for a while.
    async fn log(&mut self, who: &Address) -> Told {
        let proves = if self.chance.below(2) == 0 { Criterion::ALL.to_vec() } else { Vec::new() };
        let (date, not_before) = (Some(self.day_ahead(120)), (self.chance.below(2) == 0).then(|| self.day_ahead(300)));
        let detail =
            Detail::Touch { touch: Touch::Call, proves, contradicts: Vec::new(), date, not_before, note: "a call".into() };
        let (by, occurred_at) = (name("iria"), self.town.now());
        let logged = observe::Logged { address: who.clone(), by, occurred_at, detail };
        may_refuse(observe::log(&self.town.node.ctx, logged).await)
    }

    /// A letter is written; a campaign leaves the configuration or comes back; a salesperson leaves the roster or comes back.
    fn change_plan(&mut self) -> Told {
        let mut plan = Plan::clone(&self.town.node.ctx.plan());
        if self.chance.below(2) == 0 {
            // Marketing has written: everybody gets the newest.
            for campaign in &mut self.whole.campaigns {
                let mut newest = campaign.newsletters.last().expect("never empty").clone();
                newest.id = name(&format!("letter-{}", self.town.now().as_second()));
                campaign.newsletters.push(newest);
            }
        }
        let whole = &self.whole;
        if self.chance.below(2) == 0 {
            let keep = self.chance.below(1 << whole.campaigns.len() | 1);
            plan.campaigns =
                whole.campaigns.iter().enumerate().filter(|(n, _)| keep >> n & 1 == 0).map(|(_, c)| c.clone()).collect();
        } else {
            let gone = self.chance.one_of(&["dana", "luc", "nobody"]);
            plan.roster = whole.roster.clone();
            plan.roster.salespeople.retain(|s| s.id.as_str() != *gone);
            plan.roster.routes.iter_mut().for_each(|route| route.to.retain(|id| id.as_str() != *gone));
            plan.roster.routes.retain(|route| !route.to.is_empty());
        }
        Ok(self.town.node.ctx.replace_plan(plan)?)
    }

    /// The law, and how long everybody has been left alone.
    async fn check(&mut self) -> Told {
        let ctx = self.town.node.ctx.clone();
        let (plan, now) = (ctx.plan(), self.town.now());
        let census = census::take(ctx.store(), &plan, now).await?;
        assert!(census.holds(), "the law is broken: {census:#?}");
        let mut tx = ctx.store().read().await?;
        let ids: Vec<ProspectId> = (1..=audiences::last(&mut tx).await?.0).map(ProspectId).collect();
        let mut came_by = Vec::new();
        for campaign in &self.whole.campaigns {
            for past in occurrences::latest(&mut tx, &campaign.name, 4).await? {
                if past.state == "filled" && self.seen.insert((campaign.name.clone(), past.nominal)) {
                    came_by.push(&campaign.audience);
                }
            }
        }
        for prospect in prospects::load(&mut tx, &ids).await? {
            let attended = self.attended.entry(prospect.id).or_insert(now);
            let reached = prospect.mail_stop.is_none() && came_by.iter().any(|audience| audience.fits(&prospect));
            let asked = prospect.wake_at.is_some_and(|at| at > now);
            let queued = || async {
                Ok::<_, FlowError>(!follow_ups::of_prospect(&mut ctx.store().read().await?, prospect.id).await?.is_empty())
            };
            if prospect.standing != Standing::Nurturing || reached || asked || queued().await? {
                *attended = now;
            }
            let alone = now.duration_since(*attended);
            self.longest = self.longest.max(alone);
            assert!(alone <= BOUND, "prospect {} was left alone for {} days: {prospect:?}", prospect.id, alone.as_hours() / 24);
        }
        Ok(())
    }
}

/// Lives through ten years; fails with what happened last.
async fn live(town: Town, seed: u64) -> Told {
    let mut model = Model::new(town, seed);
    let until: Timestamp = BEGINS.parse()?;
    let until = until + SignedDuration::from_hours(24 * 365 * YEARS);
    let (mut last, mut step) = (VecDeque::new(), 0);
    while model.town.now() < until {
        step += 1;
        let hours = 1 + i64::try_from(model.chance.below(STEP_DAYS * 24))?;
        let done = async {
            model.town.pass_until(model.town.now() + SignedDuration::from_hours(hours)).await?;
            let mut told = Vec::new();
            for _ in 0..=model.chance.below(3) {
                told.push(model.happen().await?);
                model.town.run_until_idle().await?;
            }
            last.push_back(format!("{}: {}", model.town.now(), told.join(", ")));
            if last.len() > 12 {
                last.pop_front();
            }
            sweep::review(&model.town.node.ctx).await?;
            model.check().await
        };
        let failed = std::panic::AssertUnwindSafe(done);
        if let Err(error) = futures_util::FutureExt::catch_unwind(failed).await.unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "it panicked".to_owned());
            Err(words.into())
        }) {
            return Err(format!("seed {seed}, step {step}: {error}\nwhat happened last (kind, person):\n{last:#?}").into());
        }
    }
    let mut tx = model.town.node.ctx.store().read().await?;
    let summary = nurtured::store::operations::counts::summary(&mut tx).await?;
    println!("seed {seed}: {step} steps, the longest silence {} days, {summary:?}", model.longest.as_hours() / 24);
    // A town in which nothing happens proves nothing.
    assert!(summary.accepted > 80 && summary.handoffs > 10 && summary.recycled > 0, "too quiet: {summary:?}");
    Ok(())
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_years_of_anything_leave_nobody_without_a_future() -> Told {
    let first = number("NURTURED_MODEL_FIRST", 1);
    for seed in first..first + number("NURTURED_MODEL_SEEDS", 2) {
        let folder = tempfile::tempdir()?;
        live(found(super::sqlite(folder.path()).await).await, seed).await?;
        // And once on the other engine.
        if seed == first
            && let Some(store) = super::postgres("decade").await
        {
            live(found(store).await, seed).await?;
        }
    }
    Ok(())
}
