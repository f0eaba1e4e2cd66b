//! Runs all checks, each with a time limit; those of the database only while it answers.

use super::finding::{Finding, State, within};
use super::letters::{self, LettersLeft};
use super::{database, enquiries, files, mailboxes, outbox, people, relay};
use crate::domain::census::Census;
use crate::domain::plan::Plan;
use crate::domain::settings::DatabaseUrl;
use crate::flow::context::FlowError;
use crate::flow::operations::census;
use crate::store::engine::backend::Store;
use crate::store::engine::scratch;
use jiff::Timestamp;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The time limit for the database to answer at all.
const ANSWER: Duration = Duration::from_secs(15);
/// The time limit for a check that counts or reads through tables.
const THROUGH: Duration = Duration::from_mins(1);

/// The result of all checks.
#[derive(Debug, Clone, Serialize)]
pub struct DoctorReport {
    pub at: Timestamp,
    pub well: bool,
    /// The findings, in order.
    pub checks: Vec<Finding>,
    /// The census, if the prospects could be counted.
    pub census: Option<Census>,
    /// How many prospects are without a future.
    pub without_future: Option<i64>,
    /// The letters left of each campaign.
    pub letters: Vec<LettersLeft>,
}

impl DoctorReport {
    fn of(checks: Vec<Finding>, census: Option<Census>, letters: Vec<LettersLeft>, at: Timestamp) -> Self {
        let well = checks.iter().all(|finding| !matches!(finding.state, State::Wrong | State::Down));
        let without_future = census.as_ref().map(Census::without_future);
        Self { at, well, checks, census, without_future, letters }
    }

    /// Whether the database cannot be reached.
    pub fn is_down(&self) -> bool {
        self.checks.iter().any(|finding| finding.state == State::Down)
    }
}

/// Runs all checks. `secrets` are the files from which the configuration read secrets.
pub async fn examine(plan: &Plan, secrets: &[PathBuf], now: Timestamp) -> DoctorReport {
    let (inside, relay, writer, boxes) =
        tokio::join!(check_database(plan, now), relay::relay(plan), relay::daemon_address(plan), mailboxes::mailboxes(plan));
    let (mut checks, census, letters) = inside;
    let (url, journal) = (&plan.settings.database, plan.settings.stop_journal.as_path());
    checks.extend(files::free_space(url, journal));
    checks.extend(files::secrets(url, journal, secrets));
    checks.extend(files::unreadable(journal));
    checks.push(relay);
    checks.extend(boxes);
    checks.extend(writer);
    checks.extend(relay::unchecked(plan));
    DoctorReport::of(checks, census, letters, now)
}

/// Runs the checks that need no more of a configuration than which database it names: the rest of it is broken.
pub async fn examine_alone(url: &DatabaseUrl, stop_journal: &Path, now: Timestamp) -> DoctorReport {
    let fix = "`nurtured check` shows every problem with its place; a secret that only the service can read is one here";
    let mut checks = vec![Finding::wrong("configuration", "it is not valid: less is looked at", fix)];
    match open(url).await {
        Ok((store, tables)) => {
            checks.push(tables);
            checks.extend(check_engine(&store, None, now).await);
            checks.push(check_integrity(&store).await);
            drop(within(ANSWER, store.close()).await);
        }
        Err(finding) => checks.push(finding),
    }
    checks.extend(files::free_space(url, stop_journal));
    checks.extend(files::secrets(url, stop_journal, &[]));
    checks.extend(files::unreadable(stop_journal));
    DoctorReport::of(checks, None, Vec::new(), now)
}

type DatabaseFindings = (Vec<Finding>, Option<Census>, Vec<LettersLeft>);

/// Opens the database, and looks at its tables. If they are not those of this program, that finding is all.
async fn open(url: &DatabaseUrl) -> Result<(Store, Finding), Finding> {
    let down = |why: String| {
        let fix = "start it, or correct [database] in nurtured.toml; one that is not there yet is made by `nurtured db migrate`";
        Finding::down("database", format!("{} does not answer: {why}", database::name(url)), fix)
    };
    let flat = |answer: Result<Result<Finding, FlowError>, String>| match answer {
        Ok(found) => found.map_err(|error| down(error.to_string())),
        Err(late) => Err(down(late)),
    };
    let store = match within(ANSWER, scratch::look_at(url)).await {
        Ok(opened) => opened.map_err(|error| down(error.to_string()))?,
        Err(late) => return Err(down(late)),
    };
    let tables = flat(within(ANSWER, database::tables(&store, url)).await)?;
    if tables.state == State::Well { Ok((store, tables)) } else { Err(tables) }
}

/// The checks of the engine, and of whether anything may be sent.
async fn check_engine(store: &Store, plan: Option<&Plan>, now: Timestamp) -> Vec<Finding> {
    let mut checks = vec![
        run_check("durability", ANSWER, database::durability(store)).await,
        run_check("clock", ANSWER, database::clock(store, now)).await,
        run_check("signing keys", ANSWER, database::keys(store)).await,
    ];
    checks.extend(run_checks("sending", ANSWER, database::sending_state(store, plan)).await);
    checks
}

async fn check_integrity(store: &Store) -> Finding {
    match within(THROUGH, database::integrity(store)).await {
        Ok(Ok(finding)) => finding,
        Ok(Err(error)) => failed("integrity", &error.to_string()),
        Err(late) => Finding::unchecked("integrity", late, "`nurtured db verify` reads every page, and takes its time"),
    }
}

/// The checks that need only the database.
async fn check_database(plan: &Plan, now: Timestamp) -> DatabaseFindings {
    let (store, tables) = match open(&plan.settings.database).await {
        Ok(opened) => opened,
        Err(finding) => return (vec![finding], None, Vec::new()),
    };
    let mut checks = vec![tables];
    checks.extend(check_engine(&store, Some(plan), now).await);
    let census = within(THROUGH, Box::pin(census::take(&store, plan, now))).await;
    let census = match census {
        Ok(Ok(census)) => {
            checks.push(people::law(&census));
            Some(census)
        }
        Ok(Err(error)) => {
            checks.push(failed("conservation", &error.to_string()));
            None
        }
        Err(late) => {
            checks.push(failed("conservation", &late));
            None
        }
    };
    checks.push(run_check("outbox", ANSWER, outbox::outbox(&store, now)).await);
    checks.push(run_check("enquiries", ANSWER, enquiries::answered(&store, plan, now)).await);
    let letters = match within(THROUGH, letters::letters_left(&store, plan, now)).await {
        Ok(Ok(left)) => {
            checks.extend(letters::findings(&left, now));
            left
        }
        Ok(Err(error)) => {
            checks.push(failed("letters", &error.to_string()));
            Vec::new()
        }
        Err(late) => {
            let instead = "ask when less is going on; `nurtured campaigns list` names the next dates";
            checks.push(Finding::unchecked("letters", late, instead));
            Vec::new()
        }
    };
    checks.extend(run_checks("mailbox", ANSWER, mailboxes::trouble(&store, plan, now)).await);
    checks.push(check_integrity(&store).await);
    drop(within(ANSWER, store.close()).await);
    (checks, census, letters)
}

async fn run_check(name: &'static str, limit: Duration, check: impl Future<Output = Result<Finding, FlowError>>) -> Finding {
    match within(limit, check).await {
        Ok(Ok(finding)) => finding,
        Ok(Err(error)) => failed(name, &error.to_string()),
        Err(late) => failed(name, &late),
    }
}

async fn run_checks(
    name: &'static str,
    limit: Duration,
    checks: impl Future<Output = Result<Vec<Finding>, FlowError>>,
) -> Vec<Finding> {
    match within(limit, checks).await {
        Ok(Ok(findings)) => findings,
        Ok(Err(error)) => vec![failed(name, &error.to_string())],
        Err(late) => vec![failed(name, &late)],
    }
}

fn failed(name: &'static str, why: &str) -> Finding {
    Finding::wrong(name, format!("could not look: {why}"), "see to the database, then `nurtured doctor` again")
}
