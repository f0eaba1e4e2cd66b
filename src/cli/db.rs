//! `nurtured db …`: backup, verification, restoring and migration. All of them need `[database]` alone.

use super::exit::Exit;
use super::{open, output};
use crate::clock::{Clock, SystemClock};
use crate::config::{Database, without_links};
use crate::daemon::assemble;
use crate::domain::settings::DatabaseUrl;
use crate::store::engine::backend::StoreError;
use crate::store::engine::file_lock::{FileLock, beside};
use crate::store::engine::{log_check, scratch};
use crate::store::operations::{backups, generation, integrity, restores};
use clap::Subcommand;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Back up, verify, restore or migrate the database
#[derive(Debug, Subcommand)]
pub enum Db {
    /// Write a whole copy into a new file, while the daemon runs
    Backup {
        /// Where to; the file must not be there yet
        file: PathBuf,
    },
    /// Read every page of the database, or of a backup, with the log beside it, and say what is wrong
    Verify {
        /// A backup [default: the database in use]
        file: Option<PathBuf>,
    },
    /// Put a backup in the database's place while no daemon runs; what was there is moved aside
    Restore {
        /// The backup; it stays as it is
        file: PathBuf,
    },
    /// Make the database, or bring its tables up to date; the daemon does so at its start
    Migrate,
}

/// Runs the verb.
///
/// # Errors
/// 1 when something is wrong with it; 2 for PostgreSQL, which has tools of its own; 65 for a file that is no backup; 75 when a daemon has
/// the file; those of the store.
pub async fn run(verb: Db, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let named = open::named(config)?;
    match verb {
        Db::Backup { file } => backup(&file, &named, json).await,
        // What lies beside a copy lies beside the file, and not beside a link to it.
        Db::Verify { file } => verify(file.as_deref().map(without_links).as_deref(), &named, json).await,
        Db::Restore { file } => restore(&without_links(&file), &named, json).await,
        Db::Migrate => {
            open::refuse_a_second(&named)?;
            make(&named).await?;
            if json { output::json(&serde_json::json!({ "migrated": true })) } else { output::line("The tables are up to date.") }
        }
    }
}

/// Makes the database if there is none, and brings its tables up to date: one whole file when it returns.
///
/// # Errors
/// 75 when a daemon has the file; those of the store.
pub async fn make(named: &Database) -> Result<(), Exit> {
    let unopened = |error| open::unopened(&named.url, error);
    if let Ok(store) = assemble::attach(&named.url, &named.stop_journal).await {
        store.close().await;
        return Ok(());
    }
    let lock = match &named.url {
        DatabaseUrl::Sqlite(path) => {
            let lock = FileLock::take(path, SystemClock.now()).map_err(unopened)?;
            log_check::check(path).map_err(unopened)?;
            Some(lock)
        }
        DatabaseUrl::Postgres(_) => None,
    };
    let store = assemble::open_database(&named.url, &named.stop_journal).await.map_err(unopened)?;
    generation::begin(&store, assemble::fresh_generation()?).await?;
    store.close().await;
    drop(lock);
    Ok(())
}

/// The file of a SQLite database.
///
/// # Errors
/// 2 for PostgreSQL, with the command of its own tool.
fn file_of<'a>(named: &'a Database, tool: &str) -> Result<&'a Path, Exit> {
    match &named.url {
        DatabaseUrl::Sqlite(path) => Ok(path),
        // The URL may hold a password, so the command does not repeat it.
        DatabaseUrl::Postgres(_) => Err(Exit::Usage(format!(
            "PostgreSQL has a tool for this; with the url of [database] in DATABASE_URL: {tool} \"$DATABASE_URL\""
        ))),
    }
}

/// A backup is also made of tables that are to be migrated next: it asks for none of this program's.
async fn backup(file: &Path, named: &Database, json: bool) -> Result<(), Exit> {
    let from = file_of(named, &format!("pg_dump --format=custom --file={}", file.display()))?;
    let unopened = |error| open::unopened(&named.url, error);
    if !from.exists() {
        return Err(unopened(StoreError::Absent { database: from.to_owned(), hint: String::new() }));
    }
    log_check::check_unless_held(from).map_err(unopened)?;
    // The backup holds personal data: only this user may read it.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    made.map_err(|e| Exit::No(format!("could not write {}: {e}; a backup overwrites nothing", file.display())))?;
    if let Err(error) = backups::copy(from, file, assemble::fresh_generation()?, SystemClock.now()).await {
        // An incomplete backup must not be taken for a whole one.
        drop(fs::remove_file(file));
        return Err(Exit::No(format!("could not write {}: {error}", file.display())));
    }
    let (complaints, _) = backups::examine(file).await?;
    if !complaints.is_empty() {
        return Err(Exit::No(format!("{} was written, and is not whole:\n{}", file.display(), complaints.join("\n"))));
    }
    if json {
        return output::json(&serde_json::json!({ "backup": file }));
    }
    output::line(format!(
        "Written to {}, and read again. The stop journal is a file of its own: keep it elsewhere.",
        file.display()
    ))
}

async fn verify(file: Option<&Path>, named: &Database, json: bool) -> Result<(), Exit> {
    let complaints = match file {
        Some(file) => examine(file).await?.0,
        None => in_use(named).await?,
    };
    if json {
        output::json(&serde_json::json!({ "whole": complaints.is_empty(), "complaints": complaints }))?;
    } else if complaints.is_empty() {
        output::line("It is whole.")?;
    }
    if complaints.is_empty() { Ok(()) } else { Err(Exit::No(complaints.join("\n"))) }
}

/// What is wrong with a backup, and how many migrations it is behind and ahead.
async fn examine(file: &Path) -> Result<(Vec<String>, (usize, usize)), Exit> {
    let found = fs::metadata(file).map_err(|e| Exit::Data(format!("could not read {}: {e}", file.display())))?;
    if !found.is_file() {
        return Err(Exit::Data(format!("{} is no file", file.display())));
    }
    backups::examine(file).await.map_err(|e| Exit::No(format!("could not read {}: {e}", file.display())))
}

async fn in_use(named: &Database) -> Result<Vec<String>, Exit> {
    let unopened = |error| open::unopened(&named.url, error);
    if let DatabaseUrl::Sqlite(path) = &named.url
        && !path.exists()
    {
        return Err(unopened(StoreError::Absent { database: path.clone(), hint: String::new() }));
    }
    let store = scratch::look_at(&named.url).await.map_err(unopened)?;
    let complaints = integrity::complaints(&mut store.read().await?).await?;
    store.close().await;
    Ok(complaints)
}

async fn restore(file: &Path, named: &Database, json: bool) -> Result<(), Exit> {
    let database = file_of(named, &format!("pg_restore --clean {} --dbname", file.display()))?;
    let now = SystemClock.now();
    let _lock = FileLock::take(database, now).map_err(|error| open::unopened(&named.url, error))?;
    let (complaints, (_, unknown)) = examine(file).await.map_err(|exit| Exit::Data(exit.words().to_owned()))?;
    if is_same(file, database) {
        return Err(Exit::Usage(format!("{} is the database itself; move it elsewhere first", file.display())));
    }
    if !complaints.is_empty() {
        return Err(Exit::Data(format!("{} is not whole, and nothing was changed:\n{}", file.display(), complaints.join("\n"))));
    }
    if unknown > 0 {
        return Err(StoreError::Ahead(format!("{unknown} migrations")).into());
    }
    restores::prepare(file, database, assemble::fresh_generation()?, now).await?;
    let aside = restores::replace(database, now).await?;
    if json {
        return output::json(&serde_json::json!({ "restored": database, "aside": aside }));
    }
    output::line(format!("{} is in the place of {}, with its log folded in.", file.display(), database.display()))?;
    if let Some(aside) = aside {
        let with = if beside(&aside, "-wal").exists() { ", with its log" } else { "" };
        output::line(format!("What was there lies in {}{with}.", aside.display()))?;
    }
    output::line("It sends nothing until `nurtured adopt`, which replays the stop journal.")
}

fn is_same(one: &Path, two: &Path) -> bool {
    let inode = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    inode(one).is_some_and(|one| inode(two) == Some(one))
}
