//! Runs all checks, each with a time limit; those of the database only while it answers.

use super::finding::{Finding, State, within};
use super::letters::{self, LettersLeft};
use super::{database, enquiries, files, outbox, people, relay};
use crate::domain::census::Census;
use crate::domain::plan::Plan;
use crate::flow::context::FlowError;
use crate::flow::operations::census;
use crate::store::engine::scratch;
use jiff::Timestamp;
use serde::Serialize;
use std::path::PathBuf;
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
    /// Whether the database cannot be reached.
    pub fn is_down(&self) -> bool {
        self.checks.iter().any(|finding| finding.state == State::Down)
    }
}

/// Runs all checks. `secrets` are the files from which the configuration read secrets.
pub async fn examine(plan: &Plan, secrets: &[PathBuf], now: Timestamp) -> DoctorReport {
    let (inside, relay, writer) = tokio::join!(check_database(plan, now), relay::relay(plan), relay::daemon_address(plan));
    let (mut checks, census, letters) = inside;
    checks.extend(files::free_space(plan));
    checks.extend(files::secrets(plan, secrets));
    checks.push(relay);
    checks.extend(writer);
    checks.extend(relay::unchecked(plan));
    let well = checks.iter().all(|finding| !matches!(finding.state, State::Wrong | State::Down));
    let without_future = census.as_ref().map(Census::without_future);
    DoctorReport { at: now, well, checks, census, without_future, letters }
}

type DatabaseFindings = (Vec<Finding>, Option<Census>, Vec<LettersLeft>);

/// The checks that need only the database.
async fn check_database(plan: &Plan, now: Timestamp) -> DatabaseFindings {
    let name = database::name(&plan.settings.database);
    let down = |why: String| {
        let fix = "start it, or correct [database] in nurtured.toml; a database that is not there yet is made by the daemon";
        (vec![Finding::down("database", format!("{name} does not answer: {why}"), fix)], None, Vec::new())
    };
    let store = match within(ANSWER, scratch::look_at(&plan.settings.database)).await {
        Ok(Ok(store)) => store,
        Ok(Err(error)) => return down(error.to_string()),
        Err(late) => return down(late),
    };
    let tables = match within(ANSWER, database::tables(&store, plan)).await {
        Ok(Ok(finding)) => finding,
        Ok(Err(error)) => return down(error.to_string()),
        Err(late) => return down(late),
    };
    if tables.state != State::Well {
        return (vec![tables], None, Vec::new());
    }
    let mut checks = vec![tables];
    checks.push(run_check("durability", ANSWER, database::durability(&store)).await);
    checks.push(run_check("clock", ANSWER, database::clock(&store, now)).await);
    checks.push(run_check("signing keys", ANSWER, database::keys(&store)).await);
    checks.extend(run_checks("sending", ANSWER, database::sending_state(&store, plan)).await);
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
    checks.push(match within(THROUGH, database::integrity(&store)).await {
        Ok(Ok(finding)) => finding,
        Ok(Err(error)) => failed("integrity", &error.to_string()),
        Err(late) => Finding::unchecked("integrity", late, "`nurtured db verify` reads every page, and takes its time"),
    });
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
