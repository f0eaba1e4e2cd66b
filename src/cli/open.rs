//! What most verbs begin with: reading the configuration, opening the node.

use super::exit::Exit;
use crate::clock::SystemClock;
use crate::config::{self, Loaded};
use crate::daemon::assemble::{self, Node};
use crate::daemon::identity_guard::{self, OpenedBy};
use crate::domain::address::Address;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::signal::Touch;
use crate::domain::id::{Name, ProspectId};
use crate::domain::plan::Plan;
use crate::domain::settings::DatabaseUrl;
use crate::store::engine::backend::{Store, Tx};
use crate::store::people::prospects;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The configuration's directory: the one given, else `$NURTURED_CONFIG`, else `/etc/nurtured`, else `./config`.
pub fn directory(said: Option<&Path>) -> PathBuf {
    let system = Path::new("/etc/nurtured");
    match (said, std::env::var_os("NURTURED_CONFIG")) {
        (Some(said), _) => said.to_owned(),
        (None, Some(variable)) if !variable.is_empty() => variable.into(),
        _ if system.join("nurtured.toml").exists() => system.to_owned(),
        _ => PathBuf::from("config"),
    }
}

/// The environment, without variables that are not UTF-8.
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect()
}

/// Reads the configuration.
///
/// # Errors
/// 78 with every problem of every file.
pub fn load(said: Option<&Path>) -> Result<Loaded, Exit> {
    let directory = directory(said);
    if !directory.is_dir() {
        return Err(Exit::Configuration(format!(
            "there is no configuration in {}; write one with `nurtured init {}`, or name another directory with --config",
            directory.display(),
            directory.display()
        )));
    }
    Ok(config::load(&directory, &environment())?)
}

/// Reads the configuration and assembles a node; no loop runs.
///
/// # Errors
/// 78 for the configuration, 69 or 75 for the database.
pub async fn node(said: Option<&Path>) -> Result<Node, Exit> {
    let plan = load(said)?.plan;
    let store = store(&plan).await?;
    identity_guard::check(&store, &SystemClock, OpenedBy::Verb).await?;
    Ok(assemble::assemble(store, Arc::new(SystemClock), plan).await?)
}

/// Opens the database of a plan.
pub async fn store(plan: &Plan) -> Result<Store, Exit> {
    assemble::open_store(plan).await.map_err(|e| match &plan.settings.database {
        DatabaseUrl::Sqlite(path) => Exit::Unavailable(format!("could not open the database {}: {e}", path.display())),
        DatabaseUrl::Postgres(_) => Exit::Unavailable(format!("could not {e}; see [database] in nurtured.toml")),
    })
}

/// Reads an address given on the command line.
pub fn address(text: &str) -> Result<Address, Exit> {
    Address::parse(text).map_err(|e| Exit::Usage(format!("{text:?}: {e}")))
}

/// The prospect with this address.
///
/// # Errors
/// 2 for no address; 1 when no prospect has it; those of the store.
pub async fn prospect(tx: &mut Tx, text: &str) -> Result<ProspectId, Exit> {
    let address = address(text)?;
    let known = prospects::by_address(tx, &[&address]).await?;
    known
        .get(&address)
        .copied()
        .ok_or_else(|| Exit::No(format!("no prospect has the address {address}; `nurtured prospects list` shows who is there")))
}

/// Reads a criterion, for clap.
pub fn criterion(text: &str) -> Result<Criterion, String> {
    Criterion::parse(text).ok_or_else(|| "a criterion is vision, budget, authority, need or timeframe".to_owned())
}

/// Reads a kind of touch, for clap.
pub fn touch(text: &str) -> Result<Touch, String> {
    let known = Touch::WORDS.into_iter().find(|(word, _)| *word == text);
    known.map(|(_, touch)| touch).ok_or_else(|| "a touch is a call, meeting, fair or note".to_owned())
}

/// Reads the id of a salesperson or colleague.
///
/// # Errors
/// 2, with the ids there are.
pub fn person(plan: &Plan, text: &str) -> Result<Name, Exit> {
    let known: Vec<&Name> = plan.roster.ids().collect();
    known.iter().find(|id| id.as_str() == text).map(|id| (*id).clone()).ok_or_else(|| {
        let known: Vec<&str> = known.iter().map(|id| id.as_str()).collect();
        Exit::Usage(format!("{text:?} is no salesperson and no colleague; salespeople.toml has {}", known.join(", ")))
    })
}
