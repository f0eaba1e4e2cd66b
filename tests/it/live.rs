//! What is concluded as signals come in is what a fold over everything on record concludes, at every instant: for random
//! histories of colleagues under random rules that change, with signals that arrive late or never looked like a machine's
//! until somebody said so.

use crate::folding;
use crate::stories;
use jiff::{SignedDuration, Timestamp};
use nurtured::clock::{Clock, ManualClock};
use nurtured::config::example;
use nurtured::domain::address::Address;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::account::Colleague;
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::doorway::assess::assess_among;
use nurtured::domain::doorway::qualification::Qualification;
use nurtured::domain::doorway::rule::{Qualifying, Reads, Until};
use nurtured::domain::doorway::signal::{About, Detail, NewSignal, Signal};
use nurtured::domain::id::{DeliveryId, Name, ProspectId, SignalId};
use nurtured::domain::individual::handoff::entry;
use nurtured::domain::prospect::Standing;
use nurtured::domain::span::Span;
use nurtured::flow::context::{Context, Progress};
use nurtured::flow::doorway::admit;
use nurtured::flow::doorway::apply;
use nurtured::flow::doorway::judge::judge;
use nurtured::flow::doorway::observe::{self, Observed, observe};
use nurtured::flow::doorway::qualify::qualify;
use nurtured::store::doorway::{assessment_queue, qualifications, signals};
use nurtured::store::engine::backend::Store;
use nurtured::store::people::prospects;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// Three of one company, and one of another.
const PEOPLE: [&str; 4] = ["ada@albareda.com", "bea@albareda.com", "cai@albareda.com", "dan@fornells.com"];

/// The example's rules, some of them otherwise.
fn rules() -> impl Strategy<Value = Qualifying> {
    let each = (any::<bool>(), 1..4_usize, 0..4_u8, 1..4_u32, 5..120_i64, 0..6_usize);
    (proptest::collection::vec(each, 5), 1..400_i64).prop_map(|(all, horizon)| {
        let mut rules = folding::rules();
        rules.horizon = Span::days(horizon);
        for (criterion, (of_account, enough, until, days, within, without)) in Criterion::ALL.into_iter().zip(all) {
            let of = &mut rules.criteria[criterion];
            of.of_account = of_account && criterion.account_may_meet();
            of.enough = enough;
            of.until = match until {
                0 => Until::Never,
                1 => Until::After(Span::days(within)),
                2 => Until::FiscalYearEnd,
                _ => Until::StatedDate(Span::days(within)),
            };
            for rule in &mut of.rules {
                if let Reads::Click { days: asked, within: window, .. } = &mut rule.reads {
                    (*asked, *window) = (days, Span::days(within));
                }
            }
            if without < of.rules.len() {
                of.rules.remove(without);
            }
        }
        rules
    })
}

/// A signal of one of them, and how late it comes, in milliseconds. Some clicks have company: another link of the same mail,
/// a moment later, which may come about when the first one begins to count.
fn arrivals() -> impl Strategy<Value = Vec<(usize, Signal, i64)>> {
    let late = prop_oneof![6 => Just(0), 1 => 0..1_800_000_i64, 1 => 594_000..603_000_i64, 1 => 60_000_000..6_000_000_000_i64];
    let company = proptest::option::weighted(0.4, (prop_oneof![Just(1), Just(2_900), Just(3_000), Just(3_001)], late.clone()));
    let of = (folding::history(), proptest::collection::vec((late, company), 25));
    proptest::collection::vec(of, PEOPLE.len()).prop_map(|all| {
        let mut arriving = Vec::new();
        for (who, (signals, came)) in all.into_iter().enumerate() {
            for (signal, (late, company)) in signals.into_iter().zip(came) {
                if let (Detail::Click { .. }, Some((after, late))) = (&signal.detail, company) {
                    let detail = Detail::Click { target: "https://tecnofab.example/plants/pau".to_owned() };
                    let occurred_at = signal.occurred_at + SignedDuration::from_millis(after);
                    arriving.push((who, Signal { detail, occurred_at, ..signal.clone() }, late));
                }
                arriving.push((who, signal, late));
            }
        }
        arriving
    })
}

struct Company {
    ctx: Context,
    clock: Arc<ManualClock>,
    ids: Vec<ProspectId>,
    /// Who belonged in the doorway when that was last looked at.
    belonged: Mutex<[bool; PEOPLE.len()]>,
    door: observe::Door,
}

impl Company {
    async fn found(store: Store) -> anyhow::Result<Self> {
        let clock = Arc::new(ManualClock::at("2026-01-01T00:00:00Z".parse()?));
        let plan = example::load_embedded(&[]).expect("the example is valid").plan;
        let ctx = Context::assemble(store, clock.clone(), plan, "live".to_owned()).await?;
        let people: Vec<Arrival> = PEOPLE.iter().map(|a| Arrival::of(Address::parse(a).expect("an address"))).collect();
        let mut tx = ctx.store().write().await?;
        admit::admit(&mut tx, &ctx.plan(), &people, "import", None, clock.now()).await?;
        let addresses: Vec<&Address> = people.iter().map(|p| &p.address).collect();
        let known = prospects::by_address(&mut tx, &addresses).await?;
        tx.commit().await?;
        let ids = addresses.iter().map(|address| known[*address]).collect();
        Ok(Self { door: observe::door(&ctx), ctx, clock, ids, belonged: Mutex::default() })
    }

    async fn rule(&self, rules: Qualifying) -> anyhow::Result<()> {
        let mut plan = (*self.ctx.plan()).clone();
        plan.qualifying = rules;
        self.ctx.replace_plan(plan)?;
        apply::begin(&self.ctx).await?;
        Ok(())
    }

    /// Lets time pass, and everything happen that is due by then, each at its instant. Returns who stood in the doorway.
    async fn pass_until(&self, at: Timestamp) -> anyhow::Result<usize> {
        let mut stood = 0;
        loop {
            while qualify(&self.ctx).await? == Progress::Done {}
            stood += self.doorway().await?;
            let next = assessment_queue::peek(&mut self.ctx.store().read().await?).await?;
            let Some(next) = next.filter(|next| *next <= at) else { break };
            self.clock.move_to(next);
        }
        self.clock.move_to(at);
        Ok(stood)
    }

    /// What a fold over everything on record says of each.
    async fn fold(&self, known_at: Timestamp, now: Timestamp) -> anyhow::Result<Vec<Qualification>> {
        let mut tx = self.ctx.store().read().await?;
        let all = signals::known_at(&mut tx, &self.ids, known_at).await?;
        let colleague =
            |id: &ProspectId, address: &str| Colleague { prospect: *id, name: address.to_owned(), signals: all[id].clone() };
        let others: Vec<Colleague> = self.ids.iter().zip(PEOPLE).take(3).map(|(id, address)| colleague(id, address)).collect();
        let rules = &self.ctx.plan().qualifying;
        let fold = |(who, id): (usize, &ProspectId)| {
            let others: Vec<&Colleague> = others.iter().filter(|c| who < 3 && c.prospect != *id).collect();
            assess_among(rules, &all[id], &others, now)
        };
        Ok(self.ids.iter().enumerate().map(fold).collect())
    }

    /// What is written down is what the fold says. Returns how many verdicts there are that say anything.
    async fn agree(&self) -> anyhow::Result<usize> {
        while qualify(&self.ctx).await? == Progress::Done {}
        let now = self.clock.now();
        let mut said = 0;
        for (id, found) in self.ids.iter().zip(self.fold(Timestamp::MAX, now).await?) {
            let mut tx = self.ctx.store().read().await?;
            let kept = prospects::one(&mut tx, *id).await?.verdicts;
            for (criterion, finding) in found.findings().iter() {
                let kept = kept.get(&criterion).copied().unwrap_or_default();
                anyhow::ensure!(kept == finding.verdict, "{id} at {now}: {criterion} is {kept:?}, and should be {finding:?}");
            }
            said += kept.len();
        }
        Ok(said)
    }

    /// Whoever belongs in the doorway from now on stands there, with exactly the findings of a fold; and is led away.
    async fn doorway(&self) -> anyhow::Result<usize> {
        let now = self.clock.now();
        let found = self.fold(Timestamp::MAX, now).await?;
        let mut stands = [false; PEOPLE.len()];
        let mut tx = self.ctx.store().write().await?;
        while let Some((id, prospect)) = qualifications::next(&mut tx).await? {
            let findings = qualifications::findings(&mut tx, id).await?;
            let who = self.ids.iter().position(|p| *p == prospect).expect("one of them");
            anyhow::ensure!(*found[who].findings() == findings, "{prospect} stands in the doorway with {findings:?}");
            qualifications::withdraw(&mut tx, id, now).await?;
            stands[who] = true;
        }
        let mut belongs = [false; PEOPLE.len()];
        for (who, id) in self.ids.iter().enumerate() {
            let prospect = prospects::one(&mut tx, *id).await?;
            belongs[who] = entry(&prospect, &[]).cause(&found[who]).is_some();
        }
        tx.commit().await?;
        let mut belonged = self.belonged.lock().expect("nobody panicked");
        for who in 0..PEOPLE.len() {
            anyhow::ensure!(stands[who] || !belongs[who] || belonged[who], "{} at {now}: {:?}", PEOPLE[who], found[who]);
        }
        *belonged = belongs;
        Ok(stands.into_iter().filter(|stands| *stands).count())
    }

    /// A salesperson had them, and has returned them: it takes something new before they are ready again.
    async fn come_back(&self, id: ProspectId) -> anyhow::Result<()> {
        let mut tx = self.ctx.store().write().await?;
        prospects::set_standing(&mut tx, id, Standing::Offered, None).await?;
        prospects::return_to_nurture(&mut tx, id, None, self.clock.now()).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn new(id: ProspectId, number: usize, signal: &Signal) -> NewSignal {
    NewSignal {
        about: About::Prospect(id),
        once: format!("live:{number}"),
        occurred_at: signal.occurred_at,
        delivery: signal.delivery,
        issue: signal.issue,
        by: signal.by.clone(),
        machine: signal.machine,
        detail: signal.detail.clone(),
    }
}

/// One year and a half of all four; the rules change twice. Returns how many verdicts were compared, and who stood in the
/// doorway.
async fn live(node: &Company, runner: &mut TestRunner) -> anyhow::Result<(usize, usize)> {
    let mut draw = || rules().new_tree(runner).expect("rules").current();
    let (first, second, third) = (draw(), draw(), draw());
    let mut all = arrivals().new_tree(runner).expect("histories").current();
    let arrives = |signal: &Signal, late: i64| signal.occurred_at + SignedDuration::from_millis(late);
    all.sort_by_key(|(_, signal, late)| arrives(signal, *late));
    node.rule(first).await?;
    let changes: BTreeMap<usize, Qualifying> = [(all.len() / 3, second), (all.len() / 2, third)].into();
    let mut clicks: BTreeSet<SignalId> = BTreeSet::new();
    let (mut said, mut stood) = (0, 0);
    for (number, (who, signal, late)) in all.iter().enumerate() {
        stood += node.pass_until(arrives(signal, *late)).await?;
        if let Some(rules) = changes.get(&number) {
            node.rule(rules.clone()).await?;
        }
        if matches!(signal.detail, Detail::Recycled { .. }) {
            node.come_back(node.ids[*who]).await?;
        }
        let signal = new(node.ids[*who], number, signal);
        let observed = if number % 2 == 0 {
            observe(&node.ctx, std::slice::from_ref(&signal)).await?[0]
        } else {
            node.door.write(signal.clone()).await?
        };
        let Observed::New(id) = observed else { anyhow::bail!("signal {number} is not new") };
        if number % 7 == 0 {
            clicks.insert(id);
        }
        said += node.agree().await?;
        stood += node.doorway().await?;
        if number % 11 == 10
            && let Some(id) = clicks.pop_first()
        {
            judge(&node.ctx, &[id], number % 2 == 0, &Name::parse("marta")?, "seen in the proxy's log").await?;
            said += node.agree().await?;
            stood += node.doorway().await?;
        }
    }
    stood += node.pass_until("2029-01-01T00:00:00Z".parse()?).await?;
    Ok((said + node.agree().await?, stood))
}

/// Every third company talks so much that its records are read outside the transactions that write.
async fn live_equals_a_fold(store: impl AsyncFn(usize) -> Option<Store>, cases: usize) -> anyhow::Result<()> {
    let mut runner = TestRunner::deterministic();
    let (mut said, mut stood) = (0, 0);
    for case in 0..cases {
        let Some(store) = store(case).await else { return Ok(()) };
        let node = Company::found(store).await?;
        let lived = live(&node, &mut runner).await?;
        (said, stood) = (said + lived.0, stood + lived.1);
    }
    // A comparison of nothing with nothing would agree too.
    assert!(said > 100 * cases && stood > 0, "{said} verdicts, {stood} in the doorway");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_equals_a_fold_on_sqlite() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let open = async |case: usize| {
        let folder = folder.path().join(case.to_string());
        std::fs::create_dir(&folder).expect("a folder");
        Some(stories::sqlite(&folder).await)
    };
    live_equals_a_fold(open, 6).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_equals_a_fold_on_postgres() -> anyhow::Result<()> {
    live_equals_a_fold(async |case: usize| stories::postgres(&format!("live_{case}")).await, 2).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_that_comes_late_takes_its_company_with_it_at_once() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let node = Company::found(stories::sqlite(folder.path()).await).await?;
    node.rule(folding::rules()).await?;
    let at: Timestamp = "2026-03-02T09:00:00Z".parse()?;
    let click = |path: &str, after: i64| NewSignal {
        about: About::Prospect(node.ids[0]),
        once: format!("click:{path}"),
        occurred_at: at + SignedDuration::from_secs(after),
        delivery: Some(DeliveryId(7)),
        issue: None,
        by: None,
        machine: None,
        detail: Detail::Click { target: format!("https://tecnofab.example/{path}") },
    };
    node.pass_until(at).await?;
    observe(&node.ctx, &[click("calculator", 0)]).await?;
    assert_eq!(node.agree().await?, 0, "it is not ten minutes old");
    node.pass_until(at + SignedDuration::from_secs(601)).await?;
    assert_eq!(node.agree().await?, 1, "it counts by itself");
    // Less than ten minutes old, and all the same it shows that the other one was a machine's.
    observe(&node.ctx, &[click("prices", 2)]).await?;
    assert_eq!(node.agree().await?, 0, "two links of one mail within three seconds");
    Ok(())
}
