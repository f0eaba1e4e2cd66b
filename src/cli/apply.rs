//! `nurtured apply`: puts in force what `plan` prints. A running daemon adopts it within seconds, as on SIGHUP.

use super::exit::Exit;
use super::{open, output, plan};
use crate::clock::SystemClock;
use crate::config;
use crate::daemon::assemble;
use crate::daemon::identity_guard::{self, OpenedBy};
use crate::flow::doorway::apply;
use crate::flow::group::rename::Rename;
use clap::Args;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

/// Put this configuration in force
#[derive(Debug, Args)]
pub struct Apply {
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Name the people
    #[arg(long)]
    list: bool,
}

/// Applies the configuration.
///
/// # Errors
/// 78 for a configuration that is wrong or still an example; 2 without a terminal to ask at; 1 when the answer is no; those of
/// the store.
pub async fn apply(verb: &Apply, said: Option<&Path>, json: bool) -> Result<(), Exit> {
    let loaded = open::load(said)?;
    config::production_check::check(&loaded.plan)?;
    let store = open::store(&loaded.plan).await?;
    identity_guard::check(&store, &SystemClock, OpenedBy::Verb).await?;
    let change = plan::compute(&store, &loaded, verb.list).await?;
    plan::print(&loaded, &change, json)?;
    if !change.is_new {
        return Ok(());
    }
    if !verb.yes && !agreed(&change.renames)? {
        return Err(Exit::No("Nothing was changed.".to_owned()));
    }
    // The plan that was printed: the files are not read again.
    let plan = loaded.plan;
    let node = assemble::assemble(store, Arc::new(SystemClock), plan.clone()).await?;
    let applied = apply::apply_as_agreed(&node.ctx, plan).await?;
    if json {
        return Ok(());
    }
    if applied.due > 0 {
        output::line(format!("{} prospects are to be assessed anew.", applied.due))?;
    }
    output::line("It is in force. A daemon that runs takes it over within seconds, and says so in its log.")
}

/// Asks at the terminal.
fn agreed(renames: &[Rename]) -> Result<bool, Exit> {
    let again: Vec<&str> = renames.iter().filter(|rename| !rename.said).map(|rename| rename.to.as_str()).collect();
    let again =
        if again.is_empty() { String::new() } else { format!("Everybody gets {} from its beginning. ", again.join(", ")) };
    if !std::io::stdin().is_terminal() {
        return Err(Exit::Usage(format!("{again}nobody is there to ask; say --yes to apply it")));
    }
    // The report may have gone to a file; the question goes to standard error.
    output::aside("");
    let mut out = std::io::stderr();
    write!(out, "{again}Apply it? [y/N] ").and_then(|()| out.flush())?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}
