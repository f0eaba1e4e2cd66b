//! The database as the test process sees it: what is published before the daemons start, stops committed beside them,
//! and what is left at the end. It speaks SQL itself: what is checked was not read by what is tested.

use crate::checker::{Delivery, Stopped};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use nurtured::clock::{Clock, ManualClock, SystemClock};
use nurtured::config::{self, example};
use nurtured::daemon::assemble;
use nurtured::domain::address::Address;
use nurtured::domain::id::Name;
use nurtured::domain::plan::Plan;
use nurtured::flow::admit::{self, Arrival};
use nurtured::flow::context::Progress;
use nurtured::flow::settle::Step;
use nurtured::store::backend::{Store, StoreError, Tx};
use nurtured::store::suppressions::{self, Channel, Stop};
use nurtured::store::{integrity, leases};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where every prospect of a run is; nobody else is.
pub(crate) const DOMAIN: &str = "@prospects-of-chaos.com";

/// Where it is.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(PathBuf),
    Postgres(String),
}

/// The rows of a query, on either engine.
macro_rules! rows {
    ($tx:expr, $sql:expr $(, $value:expr)*) => {
        match $tx {
            Tx::Sqlite(tx, _) => sqlx::query_as($sql)$(.bind($value))*.fetch_all(&mut **tx).await,
            Tx::Postgres(tx, _) => sqlx::query_as($sql)$(.bind($value))*.fetch_all(&mut **tx).await,
        }
    };
}

/// Ranges that somebody holds, or may take now.
const IN_HAND: &str = "SELECT COUNT(*) FROM leases WHERE finished_at IS NULL AND (owner IS NOT NULL OR not_before <= $1)";
const FILLING: &str = "SELECT COUNT(*) FROM occurrences WHERE state = 'filling'";
const MARKS: &str = "
    SELECT COUNT(*) FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE d.address = $1 AND a.state = 'transmitting'";
const DELIVERIES: &str = "
    SELECT d.id, d.address, s.state FROM deliveries d JOIN delivery_states s ON s.delivery_id = d.id ORDER BY d.id";
const ATTEMPTS: &str = "SELECT delivery_id, number, state, at FROM attempts ORDER BY delivery_id, number";

impl Database {
    /// As the configuration names it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// Opened for one purpose and closed after it: while nobody of ours has a SQLite file open, the next daemon finds it
    /// as the killed one left it, and has to recover it by itself.
    pub(crate) async fn open(&self) -> Result<Store, StoreError> {
        match self {
            Self::Sqlite(path) => Store::open_sqlite(path).await,
            Self::Postgres(url) => Store::open_postgres(&SecretString::from(url.as_str())).await,
        }
    }

    /// Writes the configuration, admits so many prospects, and publishes one issue to them: nothing of it is sent.
    /// Returns the plan and how many deliveries there are.
    pub(crate) async fn publish(&self, directory: &Path, relay: SocketAddr, people: usize) -> anyhow::Result<(Plan, usize)> {
        let due_at = half_a_year_ago()?;
        let files = files(due_at);
        for (path, text) in &files {
            let file = directory.join("config").join(path);
            std::fs::create_dir_all(file.parent().expect("a file has a folder"))?;
            std::fs::write(file, text)?;
        }
        let plan = plan(&files, relay)?;
        let clock = Arc::new(ManualClock::at(due_at.in_tz("UTC")?.timestamp() - SignedDuration::from_hours(24)));
        let store = self.open().await?;
        let house = assemble::assemble(store.clone(), clock.clone(), plan.clone()).await?;
        let arrivals: Vec<Arrival> = (0..people).map(arrival).collect::<Result<_, _>>()?;
        for page in arrivals.chunks(1_000) {
            let mut tx = store.write().await?;
            admit::admit(&mut tx, &plan, page, "import", None, clock.now()).await?;
            tx.commit().await?;
        }
        clock.advance(SignedDuration::from_hours(36));
        while Step::Publish.take(&house.ctx, &house.doors).await? == Progress::Done {}
        let deliveries = self.deliveries().await?.len();
        store.close().await;
        Ok((plan, deliveries))
    }

    /// Whether nothing can be sent now: every range is finished, or waits for its time in nobody's hands.
    pub(crate) async fn is_idle(&self) -> anyhow::Result<bool> {
        let store = self.open().await?;
        let mut tx = store.read().await?;
        let held: Vec<(i64,)> = rows!(&mut tx, IN_HAND, SystemClock.now().as_millisecond())?;
        let filling: Vec<(i64,)> = rows!(&mut tx, FILLING)?;
        tx.rollback().await?;
        store.close().await;
        Ok(held[0].0 + filling[0].0 == 0)
    }

    /// Commits somebody's stop, as an unsubscribe does.
    pub(crate) async fn stop(&self, store: &Store, number: usize, journalled: impl Fn() -> usize) -> anyhow::Result<Stopped> {
        let address = arrival(number)?.address;
        let mut tx = store.write().await?;
        let stop = Stop { address: address.to_string(), channel: Channel::Email, reason: "unsubscribed", source: "chaos".into() };
        suppressions::add(&mut tx, &[stop], SystemClock.now()).await?;
        let marks: Vec<(i64,)> = rows!(&mut tx, MARKS, address.as_str())?;
        tx.commit().await?;
        let (committed_at, journalled) = (SystemClock.now().as_millisecond(), journalled());
        Ok(Stopped { recipient: address.to_string(), committed_at, marks: usize::try_from(marks[0].0)?, journalled })
    }

    /// Gives back what a killed node held, once the server has ended what that node had begun: a commit may still be
    /// under way when its client is dead. On SQLite the next daemon does that itself.
    pub(crate) async fn bury(&self, node: &str) -> anyhow::Result<()> {
        let Self::Postgres(url) = self else { return Ok(()) };
        let died_at = crate::postgres::ask(url, "SELECT clock_timestamp()");
        let begun = format!(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
             AND xact_start <= '{died_at}'"
        );
        while crate::postgres::ask(url, &begun) != "0" {}
        let store = self.open().await?;
        let mut tx = store.write().await?;
        leases::expire_of(&mut tx, node).await?;
        tx.commit().await?;
        store.close().await;
        Ok(())
    }

    /// Lets time pass on a clock moved by hand, with one house in this process, until nothing is left to be tried.
    /// Returns whether that came within three days.
    pub(crate) async fn let_time_pass(&self, plan: &Plan) -> anyhow::Result<bool> {
        let began = SystemClock.now();
        let clock = Arc::new(ManualClock::at(began));
        let store = self.open().await?;
        let house = assemble::assemble(store.clone(), clock.clone(), plan.clone()).await?;
        let finished = loop {
            match Step::Deliver.take(&house.ctx, &house.doors).await? {
                Progress::Done => {}
                Progress::Idle => break true,
                Progress::NotBefore(at) if at > began + SignedDuration::from_hours(72) => break false,
                Progress::NotBefore(at) => clock.move_to(at),
            }
        };
        store.close().await;
        Ok(finished)
    }

    /// Every delivery, with its marks.
    pub(crate) async fn deliveries(&self) -> anyhow::Result<Vec<Delivery>> {
        let store = self.open().await?;
        let mut tx = store.read().await?;
        let rows: Vec<(i64, String, String)> = rows!(&mut tx, DELIVERIES)?;
        let attempts: Vec<(i64, i64, String, i64)> = rows!(&mut tx, ATTEMPTS)?;
        tx.rollback().await?;
        store.close().await;
        let mut by_delivery: BTreeMap<i64, Vec<(i64, bool, i64)>> = BTreeMap::new();
        for (delivery, number, state, at) in attempts {
            by_delivery.entry(delivery).or_default().push((number, state == "transmitting", at));
        }
        Ok(rows
            .into_iter()
            .map(|(id, recipient, state)| {
                let attempts = by_delivery.remove(&id).unwrap_or_default();
                let marks = attempts.iter().filter(|(_, is_mark, _)| *is_mark);
                let answered = |mark: i64| attempts.iter().any(|(number, is_mark, _)| *number == mark + 1 && !is_mark);
                let doubts = marks.clone().filter(|(number, ..)| !answered(*number)).count();
                Delivery { recipient, state, marked_at: marks.map(|(.., at)| *at).collect(), doubts }
            })
            .collect())
    }

    /// What the engine complains about.
    pub(crate) async fn complaints(&self) -> anyhow::Result<Vec<String>> {
        let store = self.open().await?;
        let complaints = integrity::complaints(&mut store.read().await?).await?;
        store.close().await;
        Ok(complaints)
    }
}

/// A day on which the run's only campaign is due once a year: as far from today as can be, so that nothing else comes
/// due while it runs.
fn half_a_year_ago() -> anyhow::Result<Date> {
    let today = SystemClock.now().to_zoned(TimeZone::UTC).date();
    Ok(today.checked_sub(6.months())?.with().day(15).build()?)
}

/// The example company as one that may really send, with one campaign, once a year.
fn files(due_at: Date) -> Vec<(String, String)> {
    let real = |text: &str| {
        text.replace("tecnofab.example", "tecnofab-sl.com")
            .replace(example::POSTAL_ADDRESS, "Carrer de la Mar 12, Barcelona")
            .replace("30 9 * * TUE#1", &format!("30 9 {} {} *", due_at.day(), due_at.month()))
    };
    let kept = example::FILES.iter().filter(|(path, _)| !path.starts_with("campaigns/production-letter"));
    kept.map(|(path, text)| ((*path).to_owned(), real(text))).collect()
}

fn plan(files: &[(String, String)], relay: SocketAddr) -> anyhow::Result<Plan> {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let environment = [
        ("NURTURED__PUBLIC_URL", "http://127.0.0.1:9".to_owned()),
        ("NURTURED__SMTP__HOST", relay.ip().to_string()),
        ("NURTURED__SMTP__PORT", relay.port().to_string()),
        ("NURTURED__SMTP__SECURITY", "plaintext".to_owned()),
    ];
    let environment: Vec<(String, String)> = environment.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Ok(config::load_files(&files, &environment).map_err(|problems| anyhow::anyhow!("{problems}"))?.plan)
}

/// Prospect number so much: of a food plant.
fn arrival(number: usize) -> anyhow::Result<Arrival> {
    let mut arrival = Arrival::of(Address::parse(&format!("p{number}{DOMAIN}"))?);
    arrival.fields.insert(Name::parse("industry")?, "food".to_owned());
    arrival.consents.push(("tracking", true, "card".to_owned(), None::<Timestamp>));
    Ok(arrival)
}

/// The number in a prospect's address; 0 in any other text.
pub(crate) fn number_of(address: &str) -> usize {
    let number = address.strip_suffix(DOMAIN).and_then(|local| local.strip_prefix('p'));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
