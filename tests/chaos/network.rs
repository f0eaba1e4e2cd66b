//! The scenario: everything a relay and the network before it can do wrong, a row each. Every row is an issue to a few
//! prospects over a fault that happens once or twice; then time passes on a clock moved by hand, and the checker looks at
//! what is left. Nobody dies in a row: whatever is repeated was in doubt because of the fault.
//!
//! On SQLite alone, and in this process: the network is the same whatever remembers its outcome.

use crate::checker::{Remains, Verdict, check};
use crate::company;
use crate::database::Database;
use crate::faults::{Fault, Phase, Reaction};
use crate::node::{Post, held};
use crate::proxy::{self, Broken, Then, Towards};
use crate::relay::Relay;
use crate::scenario::IN_DOUBT;
use crate::seeded::Seeded;
use anyhow::{Context as _, ensure};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many prospects a row has, and connections.
const PEOPLE: usize = 6;
const CONNECTIONS: &str = "2";
/// For how long a silent relay is waited for.
const PATIENCE: &str = "3s";
/// How many rows run at the same time: most of their time is waiting.
const BESIDE: usize = 6;

/// A fault, and what must come of it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    fault: Either,
    /// How many deliveries fail for good.
    failed: usize,
    /// How many mails are repeated.
    repeated: RangeInclusive<usize>,
}

#[derive(Debug, Clone, Copy)]
enum Either {
    Relay(Fault),
    Network(Broken),
}

/// What it came to.
pub(crate) struct Outcome {
    pub(crate) rows: usize,
    pub(crate) duplicates: usize,
    pub(crate) verdict: Verdict,
}

fn relay(phase: Phase, reaction: Reaction) -> Row {
    let fault = Fault { phase, reaction, keeps: false, times: 1 };
    Row { fault: Either::Relay(fault), failed: 0, repeated: 0..=0 }
}

/// The relay keeps the message, and does not say so.
fn kept(reaction: Reaction) -> Row {
    let fault = Fault { phase: Phase::Message, reaction, keeps: true, times: 1 };
    Row { fault: Either::Relay(fault), failed: 0, repeated: 1..=1 }
}

/// Every answer that a relay can give, to every question.
fn answers() -> Vec<Row> {
    let mut rows = Vec::new();
    for phase in Phase::ALL {
        for answer in ["421 4.3.2 closing", "450 4.2.0 not now", "451 4.3.0 trouble", "452 4.3.1 no room"] {
            rows.push(relay(phase, Reaction::Say(answer)));
        }
        // About us, and no delivery's fault: one is tried again. At MAIL it would pause the campaign, which a story shows.
        if phase != Phase::Sender {
            for answer in ["550 5.3.0 not like this", "552 5.3.4 too large", "554 5.6.0 not this"] {
                rows.push(relay(phase, Reaction::Say(answer)));
            }
        }
    }
    // Words that say nothing of us.
    rows.extend(
        [Phase::Recipient, Phase::Data, Phase::Message]
            .map(|phase| Row { failed: 1, ..relay(phase, Reaction::Say("550 not like this")) }),
    );
    rows.extend(
        [Phase::Recipient, Phase::Message].map(|phase| Row { failed: 1, ..relay(phase, Reaction::Say("550 5.1.1 nobody here")) }),
    );
    rows
}

/// Every way in which a relay can break the rules.
fn manners() -> Vec<Row> {
    let mut rows = Vec::new();
    for phase in Phase::ALL {
        rows.extend([Reaction::Close, Reaction::Silence].map(|reaction| relay(phase, reaction)));
        for garbage in ["what do you want?", "\u{1}\u{2}\u{fffd}\u{0}", "250-and so on", "99 bottles", "-1 -1"] {
            rows.push(relay(phase, Reaction::Say(garbage)));
        }
        // A tarpit: so slow that patience ends; and slow, but in time.
        rows.push(relay(phase, Reaction::Drip("250 2.0.0 as slowly as it can be", 150)));
    }
    rows.push(relay(Phase::Recipient, Reaction::Drip("250 in time", 20)));
    rows.push(relay(Phase::Data, Reaction::Drip("354 in time", 20)));
    rows.push(relay(Phase::Data, Reaction::Drip("354 go on, but much too late", 150)));
    // Two replies at once, and a reply before the question: they must never answer for the next mail.
    for phase in [Phase::Hello, Phase::Sender, Phase::Recipient] {
        rows.push(relay(phase, Reaction::Say("250 2.0.0 once\r\n250 2.0.0 twice")));
    }
    rows.push(relay(Phase::Connect, Reaction::Say("220 hello\r\n250 and yes to everything")));
    rows.push(relay(Phase::Data, Reaction::Say("354 go on\r\n250 2.0.0 kept before it came")));
    rows.push(relay(Phase::Data, Reaction::Say("250 2.0.0 not the answer to DATA")));
    rows.push(relay(Phase::Message, Reaction::Say("354 more")));
    // It kept the message, and that is not what it says, or says in time.
    for reaction in [
        Reaction::Close,
        Reaction::Silence,
        Reaction::Say("251 2.0.0 something like it"),
        Reaction::Say("garbage"),
        Reaction::Drip("250 2.0.0 kept, long ago", 180),
    ] {
        rows.push(kept(reaction));
    }
    // Two mails; and every mail twice: then all are held as uncertain, and none is sent a third time.
    if let Either::Relay(fault) = kept(Reaction::Close).fault {
        for (times, repeated) in [(2, 2), (2 * PEOPLE, PEOPLE)] {
            rows.push(Row { fault: Either::Relay(Fault { times, ..fault }), failed: 0, repeated: repeated..=repeated });
        }
    }
    rows.push(Row { repeated: 0..=0, ..kept(Reaction::Say("250 2.0.0 kept\r\n250 2.0.0 kept again")) });
    rows
}

/// The network breaks after so many bytes: at the edges of what is said, and where the seed says.
fn breaks(chance: &mut Seeded, each: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let thens = [Then::Close, Then::Reset, Then::HalfClose, Then::BlackHole];
    for (towards, end) in [(Towards::Relay, 12_000), (Towards::Daemon, 420)] {
        for then in thens {
            let mut places = vec![0, 1];
            places.extend((0..each).map(|_| chance.below(end)));
            for after in places {
                let fault = Either::Network(Broken { towards, after, then });
                // How many mails were on their way then is not known from here, but never more than are marked at a time.
                rows.push(Row { fault, failed: 0, repeated: 0..=IN_DOUBT });
            }
        }
        let fault = Either::Network(Broken { towards, after: 0, then: Then::Delay(15) });
        rows.push(Row { fault, failed: 0, repeated: 0..=0 });
    }
    rows
}

/// Plays every row, or, in the quick tier, each `every`-th from where the seed says.
pub(crate) async fn play(directory: &Path, database: Database, seed: u64, every: usize) -> anyhow::Result<Outcome> {
    let mut chance = Seeded::new(seed);
    let mut rows = answers();
    rows.extend(manners());
    rows.extend(breaks(&mut chance, if every > 1 { 4 } else { 40 }));
    let first = chance.below(every);
    let rows: Vec<Row> = rows.into_iter().skip(first).step_by(every).collect();

    let Database::Sqlite(original) = &database else { anyhow::bail!("the network is tried on SQLite alone") };
    let original: Arc<PathBuf> = Arc::new(original.clone());
    let nobody = Relay::start(&directory.join("nobody"), None, 1)?;
    database.publish(directory, nobody.addresses[0], PEOPLE).await?;
    let before = held("self")?;
    let (places, mut playing) = (Arc::new(Semaphore::new(BESIDE)), JoinSet::new());
    let count = rows.len();
    let kept_open: usize = rows.iter().map(|row| if matches!(row.fault, Either::Relay(_)) { 2 } else { 3 }).sum();
    for (number, row) in rows.into_iter().enumerate() {
        let (places, original, folder) = (places.clone(), original.clone(), directory.join(format!("row-{number}")));
        playing.spawn(async move {
            let _place = places.acquire_owned().await?;
            let played = one(&row, &folder, &original).await;
            std::fs::remove_dir_all(&folder)?;
            played.with_context(|| format!("{row:?}"))
        });
    }
    let mut whole = Verdict::default();
    while let Some(played) = playing.join_next().await {
        let verdict = played??;
        whole.lost += verdict.lost;
        whole.duplicates += verdict.duplicates;
        whole.uncertain += verdict.uncertain;
        whole.broken.extend(verdict.broken);
        for (end, times) in verdict.ends {
            *whole.ends.entry(end).or_default() += times;
        }
    }
    // C8: what broke is closed. Relays and proxies listen on, and the journals stay open; their threads end a moment after
    // their connections.
    let expected = before.descriptors + kept_open + 16;
    crate::wait::until("descriptors are given back", || Ok(held("self")?.descriptors <= expected)).await?;
    Ok(Outcome { rows: count, duplicates: whole.duplicates, verdict: whole })
}

/// Plays one row.
async fn one(row: &Row, folder: &Path, original: &Path) -> anyhow::Result<Verdict> {
    std::fs::create_dir(folder)?;
    let database = Database::Sqlite(folder.join("chaos.db"));
    std::fs::copy(original, folder.join("chaos.db"))?;
    let relay = Relay::start(&folder.join("journal"), None, 1)?;
    let address = match row.fault {
        Either::Relay(fault) => {
            relay.faults().plan(fault);
            relay.addresses[0]
        }
        Either::Network(broken) => proxy::start(relay.addresses[0], broken).await?,
    };
    let settings = [("NURTURED__SMTP__PATIENCE", PATIENCE), ("NURTURED__SMTP__CONNECTIONS", CONNECTIONS)];
    let plan = company::plan(&company::files(company::half_a_year_ago()?), address, &settings)?;
    let finished = database.let_time_pass(&plan).await?;
    let post = Post::new(folder, &database.url(), address)?;
    let remains = Remains { bound: *row.repeated.end(), finished, ..database.remains(&relay, &post, PEOPLE).await? };
    let mut verdict = check(&remains);
    if let Either::Relay(fault) = row.fault {
        ensure!(relay.faults().happened() == fault.times, "it happened {} times", relay.faults().happened());
    }
    let failed = verdict.ends.get("failed").copied().unwrap_or(0);
    if failed != row.failed || !row.repeated.contains(&verdict.duplicates) {
        verdict.broken.push(format!("{failed} failed and {} were repeated", verdict.duplicates));
    }
    for said in &mut verdict.broken {
        *said = format!("{said}, after {row:?}");
    }
    Ok(verdict)
}
