//! `nurtured db …`: backup, verification and migration. To restore: put the backup in place, start, `nurtured adopt`.

use super::exit::Exit;
use super::{open, output};
use crate::daemon::assemble;
use crate::domain::settings::DatabaseUrl;
use crate::store::engine::backend::Store;
use crate::store::operations::{backups, integrity};
use clap::Subcommand;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Back up, verify or migrate the database
#[derive(Debug, Subcommand)]
pub enum Db {
    /// Write a whole copy into a new file, while the daemon runs
    Backup {
        /// Where to; the file must not be there yet
        file: PathBuf,
    },
    /// Read every page of the database, or of a backup, and say what is wrong with it
    Verify {
        /// A backup [default: the database in use]
        file: Option<PathBuf>,
    },
    /// Bring the tables up to date; the daemon does so at its start
    Migrate,
}

/// Runs the verb.
///
/// # Errors
/// 1 when something is wrong with it; 2 for PostgreSQL, which has tools of its own; those of the store.
pub async fn run(verb: Db, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    match verb {
        Db::Backup { file } => backup(&file, config, json).await,
        Db::Verify { file } => verify(file.as_deref(), config, json).await,
        Db::Migrate => {
            let plan = open::load(config)?.plan;
            assemble::open_store(&plan).await?.close().await;
            if json { output::json(&serde_json::json!({ "migrated": true })) } else { output::line("The tables are up to date.") }
        }
    }
}

async fn backup(file: &Path, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let plan = open::load(config)?.plan;
    let from = match &plan.settings.database {
        DatabaseUrl::Sqlite(path) => path,
        DatabaseUrl::Postgres(_) => {
            // The URL may hold a password, so the command does not repeat it.
            let how = format!("pg_dump --format=custom --file={} \"$DATABASE_URL\"", file.display());
            return Err(Exit::Usage(format!(
                "PostgreSQL has a tool for this; with the url of [database] in DATABASE_URL: {how}"
            )));
        }
    };
    let node = open::node(config).await?;
    // The backup holds personal data: only this user may read it.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    made.map_err(|e| Exit::No(format!("could not write {}: {e}; a backup overwrites nothing", file.display())))?;
    if let Err(error) = backups::copy(from, file, node.ctx.now()).await {
        // An incomplete backup must not be taken for a whole one.
        drop(std::fs::remove_file(file));
        return Err(Exit::No(format!("could not write {}: {error}", file.display())));
    }
    let complaints = complaints(&backups::open(file).await?).await?;
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

async fn verify(file: Option<&Path>, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let complaints = match file {
        Some(file) if !file.is_file() => return Err(Exit::Data(format!("there is no file {}", file.display()))),
        Some(file) => {
            let store = backups::open(file).await.map_err(|e| Exit::No(format!("could not read {}: {e}", file.display())))?;
            complaints(&store).await.map_err(|e| Exit::No(format!("{}: {}", file.display(), e.words())))?
        }
        None => complaints(open::node(config).await?.ctx.store()).await?,
    };
    if json {
        output::json(&serde_json::json!({ "whole": complaints.is_empty(), "complaints": complaints }))?;
    } else if complaints.is_empty() {
        output::line("It is whole.")?;
    }
    if complaints.is_empty() { Ok(()) } else { Err(Exit::No(complaints.join("\n"))) }
}

async fn complaints(store: &Store) -> Result<Vec<String>, Exit> {
    let mut tx = store.read().await?;
    Ok(integrity::complaints(&mut tx).await?)
}
