//! Twelve kinds of scanner and a model of people, over an issue to many: how many clicks of machines pass, and how many of people are
//! dropped.
//!
//! A sample runs in `cargo test`; `NURTURED_DELIVERIES=10000 cargo test --test it stories::scanners -- --nocapture` is the whole.

use super::request::from;
use super::traffic::{Event, KINDS, Reader, read, scan};
use super::{Told, found, name, sqlite};
use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use nurtured::domain::address::Address;
use nurtured::domain::chance::Chance;
use nurtured::domain::consent::{Consent, Purpose};
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::doorway::ignored::{self, Why};
use nurtured::domain::doorway::machine::{self, Machine, Passed, Request, TRAP};
use nurtured::domain::doorway::signal::{Detail, Judged, Signal};
use nurtured::domain::doorway::sweep::{self, Swept};
use nurtured::domain::id::{DeliveryId, ProspectId, SignalId};
use nurtured::store::doorway::signals;
use nurtured::store::individual::handoffs;
use nurtured::store::people::prospects;
use nurtured::town::Town;
use nurtured::town::mailbox::Mail;
use std::collections::{BTreeMap, BTreeSet};

/// When the first newsletter leaves.
const DELIVERED: &str = "2026-02-03T08:30:00Z";

/// The company of each recipient, and how many of it there are: most have one or two, few have forty.
fn companies(deliveries: usize) -> Vec<(usize, usize)> {
    let mut of = Vec::with_capacity(deliveries);
    for company in 0.. {
        let chance = Chance::seeded(16).nth(company);
        let size = (*chance.among(&[1, 1, 1, 1, 2, 2, 3, 3, 5, 8, 12, 40]).expect("a size")).min(deliveries - of.len());
        of.extend(std::iter::repeat_n((usize::try_from(company).expect("a number"), size), size));
        if of.len() == deliveries {
            break;
        }
    }
    of
}

/// The scanner before a company's mailboxes, if it has one.
fn scanner(company: usize) -> Option<usize> {
    let kind = usize::try_from(Chance::seeded(17).nth(u64::try_from(company).ok()?).below(18)).ok()?;
    // Every kind stands before somebody, however few there are.
    let kind = if company < KINDS.len() { company } else { kind };
    (kind < KINDS.len()).then_some(kind)
}

/// The issue goes out to so many; who got it.
async fn mailed(town: &Town, deliveries: usize) -> Result<Vec<Reader>, Box<dyn std::error::Error + Send + Sync>> {
    let of = companies(deliveries);
    let person = |n: usize| {
        let mut arrival = Arrival::of(Address::parse(&format!("p{n}@company{}.example", of[n].0)).expect("an address"));
        arrival.fields = [("industry", "food"), ("country", "ES")].into_iter().map(|(k, v)| (name(k), v.to_owned())).collect();
        arrival.consents.push(Consent::undated(Purpose::Tracking, true, "card"));
        arrival
    };
    for page in (0..deliveries).collect::<Vec<_>>().chunks(1_000) {
        town.admit(&page.iter().map(|n| person(*n)).collect::<Vec<_>>(), "import").await?;
    }
    town.pass_to(DELIVERED).await?;
    let arrived = town.now();
    let mut readers = BTreeMap::new();
    for mail in town.catcher.caught().iter().filter_map(Mail::read) {
        let number = mail.to.strip_prefix('p').and_then(|rest| rest.split('@').next()).and_then(|n| n.parse().ok());
        let (Some(number), Some(trap)) = (number, mail.trap()) else { continue };
        let links =
            |kind: &str| mail.links().into_iter().map(|(url, _)| url).filter(|url| url.contains(kind)).collect::<Vec<_>>();
        let (address, (company, colleagues)) = (mail.to.clone(), of[number]);
        let (links, answers) = (links("/c/"), links("/a/"));
        readers.insert(number, Reader { number, address, links, answers, trap, company, colleagues, arrived });
    }
    assert_eq!(readers.len(), deliveries);
    assert!(readers.values().all(|reader| reader.links.len() >= 2 && !reader.answers.is_empty()));
    Ok(readers.into_values().collect())
}

/// What people read with: the agents of browsers of the world, in their own words.
fn agents() -> Vec<&'static str> {
    let tables = [
        include_str!("../../data/wild/agents/ours.tsv"),
        include_str!("../../data/wild/agents/held-back.tsv"),
        include_str!("../../data/wild/agents/others.tsv"),
    ];
    let of_people = |line: &'static str| line.split_once("\thuman\t").map(|(agent, _)| agent);
    let rare: Vec<&str> = tables.into_iter().flat_map(str::lines).filter_map(of_people).collect();
    // Half of them have one and the same.
    let common = std::iter::repeat_n(nurtured::town::BROWSER, rare.len());
    common.chain(rare.iter().copied()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_scanners_hardly_pass_and_people_are_hardly_dropped() -> Told {
    let deliveries: usize = std::env::var("NURTURED_DELIVERIES").ok().and_then(|n| n.parse().ok()).unwrap_or(240);
    let folder = tempfile::tempdir()?;
    let town = found(sqlite(folder.path()).await).await;
    let readers = mailed(&town, deliveries).await?;
    let events = traffic(&readers);
    let mut whose: BTreeMap<(usize, Timestamp), Option<usize>> = BTreeMap::new();
    for event in &events {
        // Each request has an instant of its own among those of its mail, by which its click is known again.
        town.clock.move_to(event.at.max(town.now() + SignedDuration::from_millis(1)));
        whose.insert((event.of, town.now()), event.scanner);
        let mut headers = vec![("user-agent", event.agent.as_str())];
        headers.extend(event.purpose.map(|purpose| ("sec-purpose", purpose)));
        let answered = from(&town, event.ip, (event.method.clone(), &event.url), &headers, b"").await?;
        assert!(answered.status.is_redirection() || answered.status.is_success(), "{}", answered.status);
    }
    town.pass_until(town.now() + SignedDuration::from_hours(1)).await?;

    let addresses: Vec<Address> = readers.iter().map(|reader| Address::parse(&reader.address)).collect::<Result<_, _>>()?;
    let mut tx = town.node.ctx.store().read().await?;
    let known = prospects::by_address(&mut tx, &addresses.iter().collect::<Vec<_>>()).await?;
    // Each of a person's is one: what was not even recorded is dropped, too.
    let people = events.iter().filter(|event| event.scanner.is_none()).count();
    let mut figures = Figures::of(people);
    let mut scanned_only: BTreeSet<ProspectId> = BTreeSet::new();
    for reader in &readers {
        let id = known[&Address::parse(&reader.address)?];
        let of = signals::of(&mut tx, &[id]).await?.remove(&id).unwrap_or_default();
        let mut in_order: Vec<_> = of.iter().collect();
        in_order.sort_by_key(|signal| (signal.occurred_at, signal.id));
        let found = ignored::machines(&in_order);
        let mut human = false;
        for signal in in_order.iter().filter(|signal| signal.detail.kind() == "click") {
            let Some(scanner) = whose.get(&(reader.number, signal.occurred_at)) else { continue };
            human |= scanner.is_none();
            figures.take(*scanner, found.get(&signal.id));
        }
        if !human {
            scanned_only.insert(id);
        }
    }
    let by_machines =
        handoffs::all(&mut tx).await?.into_iter().filter(|handoff| scanned_only.contains(&handoff.prospect)).count();
    println!("deliveries={deliveries} handoffs_by_machines={by_machines}");
    figures.are_met(deliveries);
    assert_eq!(by_machines, 0);
    Ok(())
}

/// How many clicks of each kind there were, and what became of them.
#[derive(Debug)]
struct Figures {
    people: usize,
    counted: usize,
    /// Clicks, and those that passed.
    by_kind: [(usize, usize); KINDS.len()],
    why: BTreeMap<&'static str, usize>,
}

impl Figures {
    /// Of so many clicks of people.
    const fn of(people: usize) -> Self {
        Self { people, counted: 0, by_kind: [(0, 0); KINDS.len()], why: BTreeMap::new() }
    }

    /// A click on record, of a kind of scanner or a person, with why it counts for nothing.
    fn take(&mut self, scanner: Option<usize>, why: Option<&Why>) {
        let Some(kind) = scanner else {
            self.counted += usize::from(why.is_none());
            if let Some(why) = why {
                *self.why.entry(why.words()).or_default() += 1;
            }
            return;
        };
        self.by_kind[kind].0 += 1;
        self.by_kind[kind].1 += usize::from(why.is_none());
    }

    /// Prints them; what was not even recorded of a person's is dropped, too.
    fn are_met(&self, deliveries: usize) {
        let (people, dropped) = (self.people, self.people - self.counted);
        for (kind, (clicks, passed)) in KINDS.iter().zip(self.by_kind) {
            println!("{kind:<44} {clicks:>6} clicks {passed:>5} passed");
        }
        println!("{:<44} {people:>6} clicks {dropped:>5} dropped: {:?}", "people", self.why);
        let (machines, passed) = self.by_kind.iter().fold((0, 0), |sum, kind| (sum.0 + kind.0, sum.1 + kind.1));
        let number = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let percent = |part: usize, of: usize| number(part) * 100.0 / number(of.max(1));
        let (of_machines, of_people) = (percent(passed, machines), percent(dropped, people));
        println!("deliveries={deliveries} machines_passed={of_machines:.2}% people_dropped={of_people:.2}%");
        assert!(machines > deliveries / 4 && people > deliveries / 4, "{machines} of machines, {people} of people");
        // Among a few hundred, one office of forty is several hundredths.
        let (most_passed, most_dropped) = if deliveries < 10_000 { (3, 10) } else { (1, 3) };
        assert!(passed * 100 <= machines * most_passed, "{passed} of {machines} clicks of machines passed");
        assert!(dropped * 100 <= people * most_dropped, "{dropped} of {people} clicks of people were dropped: {:?}", self.why);
    }
}

/// What all of them do, in order.
fn traffic(readers: &[Reader]) -> Vec<Event> {
    let agents = agents();
    let mut events: Vec<Event> = Vec::new();
    for reader in readers {
        let number = u64::try_from(reader.number).expect("a number");
        let (chance, kind) = (Chance::seeded(15).nth(number), scanner(reader.company));
        events.extend(kind.into_iter().flat_map(|kind| scan(kind, reader, chance.of("scan"))));
        if chance.of("reads").below(100) < 60 {
            events.extend(read(reader, kind, &agents, chance.of("read")));
        }
    }
    events.sort_by_key(|event| (event.at, event.of));
    events
}

/// The same by the rules alone, without a service around them: ten thousand deliveries take seconds. What the service records of
/// each request, the story above shows.
#[test]
fn ten_thousand_deliveries_are_judged_by_the_rules_as_they_must() {
    let deliveries = 10_000;
    let arrived: Timestamp = DELIVERED.parse().expect("an instant");
    let named = |kind: &str, n: usize| (0..n).map(|i| format!("/{kind}/{i}")).collect::<Vec<_>>();
    let reader = |(number, (company, colleagues)): (usize, (usize, usize))| {
        let (address, trap) = (number.to_string(), "/c/trap".to_owned());
        let (links, answers) = (named("c", 4), named("a", 3));
        Reader { number, address, links, answers, trap, company, colleagues, arrived }
    };
    let readers: Vec<Reader> = companies(deliveries).into_iter().enumerate().map(reader).collect();
    let events = traffic(&readers);
    let mut figures = Figures::of(events.iter().filter(|event| event.scanner.is_none()).count());
    let (mut seen, mut scanners) = (BTreeSet::new(), BTreeMap::new());
    let (mut signals, mut swept, mut passed) = (Vec::new(), Vec::new(), Vec::new());
    for event in events.iter().filter(|event| !event.url.starts_with("/a/")) {
        let (is_trap, agent) = (event.url == "/c/trap", event.agent.as_str());
        let is_head = event.method == Method::HEAD;
        let machine = Machine::of_request(&Request { is_head, prefetches: event.purpose.is_some(), agent: Some(agent) });
        let machine = machine.or_else(|| is_trap.then_some(Machine::Trap));
        // One a day of a visitor counts.
        if !seen.insert((event.of, &event.url, agent, event.ip, machine, event.at.as_second() / 86_400)) {
            continue;
        }
        let machine = machine.or_else(|| machine::too_soon(arrived, event.at).then_some(Machine::Soon));
        let (id, of) = (i64::try_from(signals.len() + 1).expect("a number"), i64::try_from(event.of).expect("a number"));
        let (signal, delivery, prospect) = (SignalId(id), DeliveryId(of), ProspectId(of));
        let (network, company) = (format!("{:?}", event.ip), readers[event.of].company.to_string());
        let (agent, target) = (Some(agent.to_owned()), if is_trap { TRAP.to_owned() } else { event.url.clone() });
        let (network_too, at) = (network.clone(), event.at);
        swept.push(Swept { signal, delivery, agent, network, at, is_trap: machine == Some(Machine::Trap) });
        passed.push(Passed { signal, prospect, network: network_too, company, at });
        scanners.insert(signal, event.scanner);
        signals.push(Signal {
            id: signal,
            prospect: Some(prospect),
            occurred_at: at,
            recorded_at: at,
            delivery: Some(delivery),
            issue: None,
            by: None,
            machine,
            judged: None,
            detail: Detail::Click { target },
        });
    }
    let (swept, crowds) = (sweep::sweeps(&swept), machine::crowds(&passed));
    let mut by_mail: BTreeMap<Option<DeliveryId>, Vec<Signal>> = BTreeMap::new();
    for mut signal in signals {
        let together = swept.contains(&signal.id).then_some(Machine::Trap);
        let together = together.or_else(|| crowds.contains(&signal.id).then_some(Machine::Crowd));
        if let (None, Some(machine)) = (signal.machine, together) {
            signal.judged = Some(Judged { machine: Some(machine), recorded_at: signal.occurred_at });
        }
        by_mail.entry(signal.delivery).or_default().push(signal);
    }
    for signals in by_mail.into_values() {
        let found = ignored::machines(&signals.iter().collect::<Vec<_>>());
        for signal in &signals {
            figures.take(scanners[&signal.id], found.get(&signal.id));
        }
    }
    figures.are_met(deliveries);
}
