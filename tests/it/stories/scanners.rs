//! Twelve kinds of scanner and a model of people, over an issue to many: how many clicks of machines pass, and how many of people are
//! dropped.
//!
//! A sample runs in `cargo test`; `NURTURED_DELIVERIES=10000 cargo test --release --test it twelve_scanners` is the whole.

use super::request::from;
use super::{Told, found, name, sqlite};
use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use nurtured::domain::address::Address;
use nurtured::domain::chance::Chance;
use nurtured::domain::consent::{Consent, Purpose};
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::id::ProspectId;
use nurtured::store::doorway::signals;
use nurtured::store::individual::handoffs;
use nurtured::store::people::prospects;
use nurtured::town::mailbox::Mail;
use std::collections::{BTreeMap, BTreeSet};

/// When the first newsletter leaves.
const DELIVERED: &str = "2026-02-03T08:30:00Z";
/// What scanners call themselves where they do not say what they are.
const CLOTHES: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
];

/// One request, to be made at its instant.
struct Event {
    at: Timestamp,
    of: usize,
    url: String,
    method: Method,
    agent: String,
    ip: [u8; 4],
    purpose: Option<&'static str>,
    /// The kind of scanner; none for a person.
    scanner: Option<usize>,
}

/// Who has got a mail, and its links.
struct Reader {
    address: String,
    links: Vec<String>,
    answers: Vec<String>,
    trap: String,
}

/// What the twelve do with one mail.
fn scan(kind: usize, n: usize, reader: &Reader, arrived: Timestamp, chance: Chance) -> Vec<Event> {
    let after = |milliseconds: i64| arrived + SignedDuration::from_millis(milliseconds);
    let ip = [203, 0, u8::try_from(kind).unwrap_or(0), u8::try_from(n % 250).unwrap_or(0)];
    let clothes = (*chance.of("clothes").among(&CLOTHES).expect("one of them")).to_owned();
    let event = |at: Timestamp, url: &str| Event {
        at,
        of: n,
        url: url.to_owned(),
        method: Method::GET,
        agent: clothes.clone(),
        ip,
        purpose: None,
        scanner: Some(kind),
    };
    let every = |from: i64, apart: i64| {
        let links = reader.links.iter().enumerate();
        links.map(move |(i, url)| event(after(from + apart * i64::try_from(i).unwrap_or(0)), url)).collect::<Vec<_>>()
    };
    match kind {
        // A gateway that opens every link before it delivers.
        0 => every(200, 40),
        // One that follows the first link at once, as a browser.
        1 => vec![event(after(2_500), &reader.links[0])],
        // One that says what it is, at any time.
        2 => every(400_000, 9_000)
            .into_iter()
            .map(|e| Event { agent: "Mozilla/5.0 (compatible; MailGuard/3.0; +https://guard.example)".into(), ..e })
            .collect(),
        // One that asks for the head, and then for the page, before the mailbox has the mail.
        3 => every(1_000, 700)
            .into_iter()
            .flat_map(|e| {
                let head = Event { method: Method::HEAD, url: e.url.clone(), agent: e.agent.clone(), ..event(e.at, "") };
                [head, Event { at: e.at + SignedDuration::from_millis(90), ..e }]
            })
            .collect(),
        // A sandbox that opens all that is in the mail, minutes later and slowly.
        4 => {
            let mut all = every(300_000, 6_000);
            all.push(event(after(303_000), &reader.trap));
            all
        }
        // One that checks a link when it is clicked: it names itself.
        5 => vec![Event {
            agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) SafeLinksScan/1.0".into(),
            ..event(after(3_600_000), &reader.links[0])
        }],
        // A gateway with one address for a whole company, which opens one link of each mail once it has let them in.
        6 => vec![Event {
            ip: [198, 18, 6, 1],
            ..event(after(40_000 + 150 * i64::try_from(n % 40).unwrap_or(0)), &reader.links[0])
        }],
        // A library, in a program of theirs.
        7 => every(900_000, 60_000).into_iter().map(|e| Event { agent: "python-requests/2.32.5".into(), ..e }).collect(),
        // The proxy of a mailbox provider.
        8 => vec![Event {
            agent: "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)".into(),
            ..event(after(60_000), &reader.links[0])
        }],
        // The preview of a chat, where the mail was passed on.
        9 => every(7_200_000, 300)
            .into_iter()
            .map(|e| Event { agent: "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)".into(), ..e })
            .collect(),
        // A browser that loads what may be wanted.
        10 => every(1_800_000, 5_000).into_iter().map(|e| Event { purpose: Some("prefetch;prerender"), ..e }).collect(),
        // One that opens every link in a burst, minutes later, as a browser.
        _ => every(600_000, 150),
    }
}

/// What a person does: reads, follows one to three links with time to read between, now and then two at once; offices share an address.
fn read(n: usize, reader: &Reader, arrived: Timestamp, chance: Chance, agents: &[&str]) -> Vec<Event> {
    let draw = |what: &str, step: u64, most: u64| chance.of(what).nth(step).below(most);
    let milliseconds = |n: u64| SignedDuration::from_millis(i64::try_from(n).unwrap_or(i64::MAX));
    let wait = nurtured::domain::span::Span::hours(2);
    let mut at = arrived + SignedDuration::from_secs(25) + chance.of("opens").delay(wait);
    let agent = *chance.of("agent").among(agents).expect("one");
    let ip = [192, 0, 2, u8::try_from(n / 20 % 250).unwrap_or(0)];
    let mut events = Vec::new();
    for step in 0..=draw("how many", 0, 3) {
        let Some(url) = chance.of("which").nth(step).among(&reader.links) else { continue };
        let event =
            Event { at, of: n, url: url.clone(), method: Method::GET, agent: agent.to_owned(), ip, purpose: None, scanner: None };
        events.push(event);
        let hurries = draw("hurries", step, 100) < 1;
        at += if hurries { milliseconds(900) } else { milliseconds(8_000 + draw("reads", step, 90_000)) };
    }
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_scanners_hardly_pass_and_people_are_hardly_dropped() -> Told {
    let deliveries: usize = std::env::var("NURTURED_DELIVERIES").ok().and_then(|n| n.parse().ok()).unwrap_or(240);
    let folder = tempfile::tempdir()?;
    let town = found(sqlite(folder.path()).await).await;
    // Mails of 40 to one company; every second company has a scanner in front of it.
    let person = |n: usize| {
        let mut arrival = Arrival::of(Address::parse(&format!("p{n}@company{}.example", n / 40)).expect("an address"));
        arrival.fields = [("industry", "food"), ("country", "ES")].into_iter().map(|(k, v)| (name(k), v.to_owned())).collect();
        arrival.consents.push(Consent::undated(Purpose::Tracking, true, "card"));
        arrival
    };
    for page in (0..deliveries).collect::<Vec<_>>().chunks(1_000) {
        town.admit(&page.iter().map(|n| person(*n)).collect::<Vec<_>>(), "import").await?;
    }
    town.pass_to(DELIVERED).await?;
    let arrived = town.now();
    let mut readers: BTreeMap<usize, Reader> = BTreeMap::new();
    for mail in town.catcher.caught().iter().filter_map(Mail::read) {
        let number = mail.to.strip_prefix('p').and_then(|rest| rest.split('@').next()).and_then(|n| n.parse().ok());
        let (Some(number), Some(trap)) = (number, mail.trap()) else { continue };
        let of = |kind: &str| mail.links().into_iter().map(|(url, _)| url).filter(|url| url.contains(kind)).collect::<Vec<_>>();
        readers.insert(number, Reader { address: mail.to.clone(), links: of("/c/"), answers: of("/a/"), trap });
    }
    assert_eq!(readers.len(), deliveries);
    assert!(readers.values().all(|reader| reader.links.len() >= 2 && !reader.answers.is_empty()));

    let table = include_str!("../../data/wild/agents/ours.tsv")
        .lines()
        .chain(include_str!("../../data/wild/agents/held-back.tsv").lines());
    let agents: Vec<&str> = table.filter_map(|line| line.split_once("\thuman\t").map(|(agent, _)| agent)).collect();
    let mut events = Vec::new();
    for (n, reader) in &readers {
        let chance = Chance::seeded(15).nth(u64::try_from(*n)?);
        let kinds: Vec<usize> = (0..12).collect();
        // The gateway of a whole company is before all of its mails; other scanners are before some.
        let company = n / 40;
        let kind = if company % 6 == 1 { 6 } else { *chance.of("kind").among(&kinds).expect("a kind") };
        if company % 2 == 1 && kind != 6 || company % 6 == 1 {
            events.extend(scan(kind, *n, reader, arrived, chance.of("scan")));
        }
        // People read behind every second scanner too.
        if company % 2 == 0 || n % 2 == 0 {
            events.extend(read(*n, reader, arrived, chance.of("read"), &agents));
        }
    }
    events.sort_by_key(|event| (event.at, event.of));
    let mut whose: BTreeMap<(usize, Timestamp), Option<usize>> = BTreeMap::new();
    for event in &events {
        // Each request has an instant of its own among those of its mail, by which its click is known again.
        town.clock.move_to(event.at.max(town.now() + SignedDuration::from_millis(1)));
        whose.insert((event.of, town.now()), event.scanner);
        let mut headers = vec![("user-agent", event.agent.as_str())];
        headers.extend(event.purpose.map(|purpose| ("sec-purpose", purpose)));
        let answered = from(&town, event.ip, (event.method.clone(), &event.url), &headers, b"").await?;
        assert!(answered.status.is_redirection() || answered.status == 204, "{}", answered.status);
    }
    town.pass_until(town.now() + SignedDuration::from_hours(1)).await?;

    let addresses: Vec<Address> = readers.values().map(|reader| Address::parse(&reader.address)).collect::<Result<_, _>>()?;
    let mut tx = town.node.ctx.store().read().await?;
    let known = prospects::by_address(&mut tx, &addresses.iter().collect::<Vec<_>>()).await?;
    let (mut machines, mut passed, mut people, mut dropped) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut passed_by: BTreeMap<usize, usize> = BTreeMap::new();
    let mut scanned_only: BTreeSet<ProspectId> = BTreeSet::new();
    for (n, reader) in &readers {
        let id = known[&Address::parse(&reader.address)?];
        let of = signals::of(&mut tx, &[id]).await?.remove(&id).unwrap_or_default();
        let mut in_order: Vec<_> = of.iter().collect();
        in_order.sort_by_key(|signal| (signal.occurred_at, signal.id));
        let found = nurtured::domain::doorway::ignored::machines(&in_order);
        let mut human = false;
        for signal in in_order.iter().filter(|signal| signal.detail.kind() == "click") {
            let Some(scanner) = whose.get(&(*n, signal.occurred_at)) else { continue };
            let counts = !found.contains_key(&signal.id);
            human |= scanner.is_none();
            if let Some(kind) = scanner {
                machines += 1;
                passed += usize::from(counts);
                *passed_by.entry(*kind).or_default() += usize::from(counts);
            } else {
                people += 1;
                dropped += usize::from(!counts);
            }
        }
        if !human {
            scanned_only.insert(id);
        }
    }
    let by_machines =
        handoffs::all(&mut tx).await?.into_iter().filter(|handoff| scanned_only.contains(&handoff.prospect)).count();
    println!(
        "deliveries={deliveries} machine_clicks={machines} passed={passed} human_clicks={people} dropped={dropped} handoffs_by_machines={by_machines}"
    );
    assert!(machines > deliveries / 4 && people > deliveries / 4, "{machines} of machines, {people} of people");
    assert!(passed * 100 <= machines, "{passed} of {machines} clicks of machines passed: {passed_by:?}");
    // Of a few hundred clicks, a person more or less who is in a hurry is a hundredth.
    let chance = if deliveries < 10_000 { 4 } else { 0 };
    assert!(dropped * 100 <= people * 3 + chance * 100, "{dropped} of {people} clicks of people were dropped");
    assert_eq!(by_machines, 0);
    Ok(())
}
