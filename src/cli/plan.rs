//! `nurtured plan`: what this configuration would do to people, against the one in force. It changes nothing.

use super::exit::Exit;
use super::{open, output, plan_output};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Loaded};
use crate::daemon::identity_guard::{self, OpenedBy};
use crate::domain::plan::Plan as Configured;
use crate::insight::plan::report::PlanReport;
use crate::insight::plan::survey::{self, PlanRequest};
use crate::store::engine::backend::{Store, Tx};
use crate::store::operations::configurations;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::path::Path;

/// What this configuration would do to people, against the one in force
#[derive(Debug, Args)]
pub struct Plan {
    /// Name the people
    #[arg(long)]
    list: bool,
}

/// The JSON output.
#[derive(Serialize)]
struct PlanOutput<'a> {
    #[serde(flatten)]
    change: &'a PlanReport,
    warnings: Vec<String>,
}

/// Computes and prints the plan.
///
/// # Errors
/// 78 for a configuration that is wrong; those of the store.
pub async fn plan(verb: &Plan, said: Option<&Path>, json: bool) -> Result<(), Exit> {
    let loaded = open::load(said)?;
    // Only the store is opened, and no node: nothing of this configuration may reach the database.
    let store = open::store(&loaded.plan).await?;
    identity_guard::check(&store, &SystemClock, OpenedBy::Verb).await?;
    let change = compute(&store, &loaded, verb.list).await?;
    print(&loaded, &change, json)?;
    match (json, change.is_new) {
        (false, true) => output::line("Nothing was changed. `nurtured apply` makes it so."),
        _ => Ok(()),
    }
}

/// Computes the report, with its progress on a terminal.
pub async fn compute(store: &Store, loaded: &Loaded, list: bool) -> Result<PlanReport, Exit> {
    let before = before(&mut store.read().await?).await?;
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent}%  prospects are looked at  {eta} left") {
        bar.set_style(style);
    }
    let request = PlanRequest { before: before.as_ref(), after: &loaded.plan, list };
    let found = survey::plan(store, request, SystemClock.now(), |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    let found = found.await;
    bar.finish_and_clear();
    Ok(found?)
}

/// The configuration in force, as it was stored. `None` before there was one, or when this version cannot read it any more:
/// then it says so, because the report compares with nothing.
pub async fn before(tx: &mut Tx) -> Result<Option<Configured>, Exit> {
    let Some(kept) = configurations::newest(tx).await? else { return Ok(None) };
    let files: Vec<(&str, &str)> = kept.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    match config::load_files(&files, &[]) {
        Ok(loaded) => Ok(Some(loaded.plan)),
        Err(problems) => {
            let first = problems.0.first().map(|problem| problem.title.clone()).unwrap_or_default();
            output::aside(format!(
                "This version cannot read the configuration in force ({first}): every campaign is shown as if it were new."
            ));
            Ok(None)
        }
    }
}

/// Prints the report, and the warnings of the configuration.
pub fn print(loaded: &Loaded, change: &PlanReport, json: bool) -> Result<(), Exit> {
    let warnings: Vec<&config::Problem> = loaded.warnings_at(change.at).collect();
    if json {
        return output::json(&PlanOutput { change, warnings: warnings.iter().map(|warning| warning.render(false)).collect() });
    }
    for warning in warnings {
        output::rendered(&format!("{}\n", warning.render(super::exit::colour())));
    }
    plan_output::print(change)
}
