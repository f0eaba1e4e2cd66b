//! What most verbs begin with: reading the configuration, opening the node.

use super::exit::Exit;
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Database, Loaded};
use crate::daemon::assemble::{self, Node};
use crate::daemon::identity_guard::{self, OpenedBy};
use crate::domain::address::Address;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::signal::Touch;
use crate::domain::id::{Name, ProspectId};
use crate::domain::plan::Plan;
use crate::domain::settings::DatabaseUrl;
use crate::flow::group::gate;
use crate::store::engine::backend::{Store, StoreError, Tx};
use crate::store::people::prospects;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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

/// Reads which database the configuration names, and nothing else of it.
///
/// # Errors
/// 78 with the problems of `[database]`.
pub fn named(said: Option<&Path>) -> Result<Database, Exit> {
    Ok(config::load_database(&directory(said), &environment())?)
}

/// Reads the configuration and assembles a node; no loop runs.
///
/// # Errors
/// 78 for the configuration, 69 or 75 for the database.
pub async fn node(said: Option<&Path>) -> Result<Node, Exit> {
    // Every verb holds this future: a large one is kept out of them.
    Box::pin(node_of(load(said)?.plan)).await
}

/// Assembles a node over the database of a plan; no loop runs.
///
/// # Errors
/// 69 or 75 for the database.
pub async fn node_of(plan: Plan) -> Result<Node, Exit> {
    let store = store(&plan).await?;
    Box::pin(identity_guard::check(&store, &SystemClock, OpenedBy::Verb)).await?;
    Ok(Box::pin(assemble::assemble(store, Arc::new(SystemClock), plan)).await?)
}

/// Opens the database of a plan.
pub async fn store(plan: &Plan) -> Result<Store, Exit> {
    attach(&plan.settings.database, &plan.settings.stop_journal).await
}

/// Opens the database, whatever is wrong with the rest of the configuration.
///
/// # Errors
/// 78 for `[database]`, 69 or 75 for the database.
pub async fn database(said: Option<&Path>) -> Result<Store, Exit> {
    let named = named(said)?;
    attach(&named.url, &named.stop_journal).await
}

/// The stores that verbs have opened: each is closed when the verb has ended.
static OPENED: Mutex<Vec<Store>> = Mutex::new(Vec::new());

async fn attach(url: &DatabaseUrl, stop_journal: &Path) -> Result<Store, Exit> {
    let store = Box::pin(assemble::attach(url, stop_journal)).await.map_err(|error| unopened(url, error))?;
    OPENED.lock().unwrap_or_else(PoisonError::into_inner).push(store.clone());
    Ok(store)
}

/// Why a database was not opened: 75 when it is another's for now, or to be migrated; 69 otherwise.
pub fn unopened(url: &DatabaseUrl, error: StoreError) -> Exit {
    match (url, error) {
        (DatabaseUrl::Sqlite(path), StoreError::Absent { database, .. }) => {
            let hint = elsewhere(path).map_or_else(String::new, |there| format!("; {}", relative(&there)));
            Exit::Unavailable(format!("could not {}", StoreError::Absent { database, hint }))
        }
        (_, error @ (StoreError::Held { .. } | StoreError::Behind(_))) => Exit::Again(format!("could not {error}")),
        (DatabaseUrl::Sqlite(path), error @ StoreError::Engine(_)) => {
            Exit::Unavailable(format!("could not open the database {}: {error}", path.display()))
        }
        (DatabaseUrl::Postgres(_), error @ StoreError::Engine(_)) => {
            Exit::Unavailable(format!("could not {error}; see [database] in nurtured.toml"))
        }
        (_, error) => Exit::Unavailable(format!("could not {error}")),
    }
}

/// Refuses to make a database of a relative path where earlier versions made one: in the working directory.
///
/// # Errors
/// 78 with the line to write.
pub fn refuse_a_second(named: &Database) -> Result<(), Exit> {
    match &named.url {
        DatabaseUrl::Sqlite(path) if named.is_relative && !path.exists() => elsewhere(path)
            .map_or(Ok(()), |there| Err(Exit::Configuration(format!("could not make a new database: {}", relative(&there))))),
        _ => Ok(()),
    }
}

fn relative(there: &Path) -> String {
    format!(
        "a relative path is read from the configuration's folder, and a database of that name is in another one; if that is yours, \
         write under [database]: url = \"sqlite:{}\"",
        there.display()
    )
}

/// A file of this name where relative paths were read from before.
fn elsewhere(path: &Path) -> Option<PathBuf> {
    let folders = [std::env::current_dir().ok()?, PathBuf::from("/var/lib/nurtured")];
    folders.into_iter().filter_map(|folder| Some(folder.join(path.file_name()?))).find(|there| there != path && there.is_file())
}

/// Refuses to call something stopped while the stop journal cannot be written: group mail is held then.
///
/// # Errors
/// 75 with the reason; those of the store.
pub async fn journalled(store: &Store) -> Result<(), Exit> {
    let Some(why) = gate::journal_trouble(store, SystemClock.now()).await? else { return Ok(()) };
    let path = store.journal().map(|journal| journal.path().display().to_string()).unwrap_or_default();
    Err(Exit::Again(format!(
        "what was stopped is stopped in the database, and could not be written into the stop journal {path}: {why}. A restored backup would \
         forget it, so group mail is held. See to the file, then `nurtured resume`, which writes what is missing"
    )))
}

/// How long closing may take: what a large import wrote is folded into the file.
const CLOSING: Duration = Duration::from_mins(5);

/// Ends a verb: says when a stop of it could not be journalled, and closes what it opened, so that the log is folded into the file
/// (unless another process has it open).
///
/// # Errors
/// As [`journalled`].
pub async fn finish() -> Result<(), Exit> {
    let opened = std::mem::take(&mut *OPENED.lock().unwrap_or_else(PoisonError::into_inner));
    let mut told = Ok(());
    for store in opened {
        told = told.and(journalled(&store).await);
        if tokio::time::timeout(CLOSING, store.close()).await.is_err() {
            tracing::warn!("the database was not closed in time: its log is folded in by whoever opens it next");
        }
    }
    told
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
