//! Random histories, lived by the real steps and then replayed: with the rules that were in force, every decision comes out
//! as it was: who, in which episode, for what cause, at which instant, with which findings and citations.

use jiff::{SignedDuration, Timestamp};
use nurtured::config::example;
use nurtured::domain::address::Address;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::doorway::machine::Machine;
use nurtured::domain::doorway::signal::{About, Detail, NewSignal, Touch};
use nurtured::domain::id::{DeliveryId, Name, ProspectId, SignalId};
use nurtured::domain::individual::handoff::{Handoff, Rejection};
use nurtured::domain::plan::Plan;
use nurtured::domain::span::Span;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::flow::doorway::{apply, judge, observe};
use nurtured::flow::individual::follow_up::{Action, act};
use nurtured::flow::operations::{forget, manual_stop};
use nurtured::insight::backtest::compare::{Compared, DecisionChange, Reproduced};
use nurtured::insight::backtest::run::compare_all;
use nurtured::store::engine::backend::Store;
use nurtured::store::individual::handoffs;
use nurtured::store::people::suppressions::Stop;
use nurtured::store::people::{prospects, suppressions};
use nurtured::town::Town;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Numbers that look random, and are the same each time (`SplitMix64`).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % sides as u64).expect("few sides")
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.throw(sides) == 0
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// A town without campaigns, whose people say and do anything at any time.
struct Life {
    town: Town,
    dice: Dice,
    people: Vec<Address>,
    signals: i64,
    /// How long the steps take to see what happened.
    behind: SignedDuration,
}

impl Life {
    async fn begin(store: Store, seed: u64, behind: SignedDuration) -> Self {
        let town = Town::found(store, example::FILES, "http://127.0.0.1:9", "2026-01-12T08:00:00Z").await.expect("a town");
        let mut plan = Plan::clone(&town.node.ctx.plan());
        plan.campaigns.clear();
        town.node.ctx.replace_plan(plan).expect("a plan without campaigns");
        apply::begin(&town.node.ctx).await.expect("rules in force");
        let at = |n: usize| Address::parse(&format!("p{n}@company{}.example", n % 4)).expect("an address");
        let people: Vec<Address> = (0..14).map(at).collect();
        let arrivals: Vec<Arrival> = people.iter().map(|address| Arrival::of(address.clone())).collect();
        town.admit(&arrivals, "card").await.expect("they come in");
        Self { town, dice: Dice(seed), people, signals: 0, behind }
    }

    async fn live(&mut self, steps: usize) {
        for _ in 0..steps {
            let minutes = if self.dice.one_in(3) { self.dice.throw(30) } else { self.dice.throw(3 * 24 * 60) };
            let next = self.town.now() + SignedDuration::from_mins(i64::try_from(minutes).expect("few"));
            self.town.pass_until(next).await.expect("time passes");
            self.something_happens().await;
            // What happens at one instant and what is decided about it may be some seconds apart.
            let seen_at = self.town.now() + self.behind;
            self.town.clock.move_to(seen_at);
            self.town.run_until_idle().await.expect("the steps are taken");
        }
    }

    async fn something_happens(&mut self) {
        let ctx = self.town.node.ctx.clone();
        let who = self.people[self.dice.throw(self.people.len())].clone();
        match self.dice.throw(40) {
            0..=25 => self.signal(&who).await,
            26 | 27 => {
                let id = SignalId(i64::try_from(self.dice.throw(usize::try_from(self.signals).expect("few") + 1)).expect("few"));
                // Some are nobody's, and some do not exist: then nothing is judged.
                drop(judge::judge(&ctx, &[id], self.dice.one_in(2), &name("marta"), "looked at it").await);
            }
            28 => {
                let until = Span::days(30).after(self.town.now()).to_zoned(jiff::tz::TimeZone::UTC).date();
                let criterion = Criterion::ALL[self.dice.throw(5)];
                let (holds, note) = (!self.dice.one_in(4), "said so".to_owned());
                let decision = judge::Decision { address: who, criterion, holds, until, by: name("marta"), note };
                // Who was forgotten is nobody.
                drop(judge::decide(&ctx, decision).await);
            }
            29 => {
                let mut tx = ctx.store().write().await.expect("a transaction");
                let stop =
                    |channel| Stop { address: who.to_string(), channel, reason: StopReason::Manual, source: "asked".to_owned() };
                suppressions::add(&mut tx, &[stop(Channel::Email), stop(Channel::Phone)], self.town.now()).await.expect("a stop");
                tx.commit().await.expect("a commit");
            }
            30 | 31 => drop(manual_stop::lift(&ctx, &who, Channel::Phone, "asked again").await),
            32 if self.dice.one_in(6) => drop(forget::forget(&ctx, &who).await),
            _ => self.sell().await,
        }
    }

    async fn signal(&mut self, who: &Address) {
        self.signals += 1;
        let now = self.town.now();
        // Some are told of days later.
        let late = if self.dice.one_in(8) { self.dice.throw(9 * 24) } else { 0 };
        let occurred_at = now - SignedDuration::from_hours(i64::try_from(late).expect("few"));
        let detail = self.detail(now);
        let by = matches!(detail, Detail::Touch { .. }).then(|| name(["marta", "dana"][self.dice.throw(2)]));
        let signal = NewSignal {
            about: About::Address(who.clone()),
            once: format!("random {}", self.signals),
            occurred_at,
            delivery: Some(DeliveryId(i64::try_from(self.dice.throw(4)).expect("few"))),
            issue: None,
            by,
            machine: self.dice.one_in(9).then_some(Machine::Agent),
            detail,
        };
        observe::observe(&self.town.node.ctx, &[signal]).await.expect("a signal");
    }

    fn detail(&mut self, now: Timestamp) -> Detail {
        let plan = self.town.node.ctx.plan();
        let criterion = Criterion::ALL[self.dice.throw(5)];
        let ahead =
            |days: usize| Span::days(i64::try_from(days).expect("few")).after(now).to_zoned(jiff::tz::TimeZone::UTC).date();
        match self.dice.throw(20) {
            0..=4 => {
                let targets = ["https://tecnofab.example/prices", "https://tecnofab.example/calculator", "https://x.example/"];
                Detail::Click { target: targets[self.dice.throw(3)].to_owned() }
            }
            5..=11 => {
                let answers = &plan.qualifying.criteria[criterion].answers;
                // Most say what helps.
                let answer = &answers[if self.dice.one_in(3) { self.dice.throw(answers.len()) } else { 0 }];
                let date = answer.due.as_ref().map(|_| ahead(90 + self.dice.throw(400)));
                Detail::Answer { criterion, id: answer.id.clone(), say: answer.say.clone(), date, posted: None }
            }
            12..=15 => {
                let proves: Vec<Criterion> = Criterion::ALL.into_iter().filter(|_| self.dice.one_in(2)).collect();
                let contradicts = if self.dice.one_in(5) { vec![criterion] } else { Vec::new() };
                let date = proves.contains(&Criterion::Timeframe).then(|| ahead(30 + self.dice.throw(600)));
                let not_before = self.dice.one_in(4).then(|| ahead(5 + self.dice.throw(90)));
                Detail::Touch { touch: Touch::Call, proves, contradicts, date, not_before, note: "a call".to_owned() }
            }
            16 => Detail::Form { form: name("downtime-check"), fields: BTreeMap::new() },
            17 => {
                let fields = [("budget".to_owned(), "20000".to_owned()), ("start_by".to_owned(), ahead(100).to_string())];
                Detail::Form { form: name("quote"), fields: fields.into() }
            }
            18 => {
                let as_of = self.dice.one_in(2).then(|| ahead(0));
                Detail::Fields { changed: [(name("lines"), Some("4".to_owned()))].into(), source: "import".to_owned(), as_of }
            }
            _ if self.dice.one_in(3) => Detail::Form { form: name("call-me"), fields: BTreeMap::new() },
            _ => Detail::Reply { subject: "Re: stops".to_owned(), text: "Nothing to say".to_owned() },
        }
    }

    async fn sell(&mut self) {
        let ctx = self.town.node.ctx.clone();
        let mut tx = ctx.store().read().await.expect("a transaction");
        let open: Vec<Handoff> = handoffs::all(&mut tx).await.expect("handoffs").into_iter().filter(Handoff::is_open).collect();
        drop(tx);
        if open.is_empty() {
            return;
        }
        let handoff = &open[self.dice.throw(open.len())];
        let wake = Span::days(20).after(self.town.now()).to_zoned(jiff::tz::TimeZone::UTC).date();
        let recycle = |reason: &str, wake| Action::Recycle { reason: reason.to_owned(), wake, note: String::new() };
        let action = match self.dice.throw(11) {
            0..=2 => Action::Accept,
            3 => Action::Reject(Rejection::NotReady(Criterion::ALL[self.dice.throw(5)]), String::new()),
            4 => recycle("no budget", None),
            5 | 6 => recycle("bad timing", Some(wake)),
            7 => recycle("wrong person", None),
            8 => Action::Lost(String::new()),
            9 => Action::Reject(Rejection::NotMine, String::new()),
            _ if self.dice.one_in(4) => Action::Won(Some(1)),
            _ => recycle("bad timing", Some(wake)),
        };
        // Not everything can be done wherever a handoff stands.
        drop(act(&ctx, handoff.id, &handoff.salesperson, action).await);
    }

    async fn replayed(&self) -> Vec<Compared> {
        let ctx = &self.town.node.ctx;
        let comparisons = compare_all(ctx, &ctx.plan(), None, &(Arc::new(|_, _| {}) as _)).await.expect("history is read");
        comparisons.into_iter().flat_map(|c| c.compared).collect()
    }
}

/// Lives and replays; returns how many decisions were reproduced, and how many rested on what is erased.
async fn lived(seed: u64, behind: SignedDuration) -> (usize, usize) {
    let folder = tempfile::tempdir().expect("a directory");
    let store = Store::open_sqlite(&folder.path().join("life.db")).await.expect("a database");
    let mut life = Life::begin(store, seed, behind).await;
    life.live(200).await;
    let all = life.replayed().await;
    let (mut exactly, mut erased) = (0, 0);
    for one in &all {
        if one.reproduced == Reproduced::Erased {
            erased += 1;
            continue;
        }
        let (Some(was), Some(would)) = (&one.was, one.would) else { panic!("seed {seed}: {one:?}") };
        assert_eq!((one.change, one.reproduced), (DecisionChange::Same, Reproduced::Exactly), "seed {seed}: {one:?}");
        assert!(would.at <= was.at && was.at <= would.at + behind, "seed {seed}: {one:?}");
        exactly += 1;
    }
    // Not everybody is there any more, and nobody who is was passed over.
    let mut tx = life.town.node.ctx.store().read().await.expect("a transaction");
    let known =
        prospects::page_of(&mut tx, nurtured::domain::prospect::Standing::Nurturing, ProspectId(0), 100).await.expect("a page");
    assert!(!known.is_empty());
    (exactly, erased)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_histories_are_reproduced_to_the_bit() {
    let (mut exactly, mut erased) = (0, 0);
    for seed in 1..=2 {
        let behind = SignedDuration::from_millis(if seed % 2 == 0 { 2_500 } else { 0 });
        let (some, others) = lived(seed, behind).await;
        (exactly, erased) = (exactly + some, erased + others);
    }
    assert!(exactly > 12, "only {exactly} decisions, and {erased} erased");
}
