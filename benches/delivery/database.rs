//! Databases filled once and copied for every run, so that each begins with the same rows and nothing else.

use crate::company::Company;
use crate::cores::{self, Group};
use crate::postgres;
use anyhow::{Context, Result};
use nurtured::store::engine::backend::Store;
use secrecy::SecretString;
use std::path::{Path, PathBuf};

/// A filled database that nobody is connected to.
pub(crate) enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// One of a temporary cluster.
    Postgres(String),
}

/// A copy for one run.
pub(crate) struct Copy {
    /// As the daemon is told of it.
    pub url: String,
    /// Open.
    pub store: Store,
}

impl Database {
    /// Fills a SQLite database in this directory.
    pub(crate) async fn sqlite(company: &Company, prospects: u64, directory: &Path) -> Result<Self> {
        let file = directory.join(format!("{prospects}.db"));
        if !file.exists() {
            fill(company, prospects, Store::open_sqlite(&file).await?).await?;
        }
        Ok(Self::Sqlite(file))
    }

    /// Fills a PostgreSQL database; `None` where PostgreSQL is not on the machine, which has been said.
    pub(crate) async fn postgres(company: &Company, prospects: u64) -> Result<Option<Self>> {
        let Some(url) = postgres::database("filled") else { return Ok(None) };
        fill(company, prospects, Store::open_postgres(&SecretString::from(url.clone())).await?).await?;
        // The worst case, every time: the server knows then that what delivery writes to is empty, and plans for that.
        postgres::ask(&url, "ANALYZE");
        Ok(Some(Self::Postgres(url)))
    }

    /// Its name.
    pub(crate) const fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// Puts its server, if it has one, in this group.
    pub(crate) fn join(&self, group: &Group) -> Result<()> {
        let Self::Postgres(url) = self else { return Ok(()) };
        let file = postgres::ask(url, "SELECT pg_read_file('postmaster.pid')");
        let postmaster = file.lines().next().context("postmaster.pid is empty")?.trim().parse()?;
        for process in cores::with_children(postmaster)? {
            group.take_in(process)?;
        }
        Ok(())
    }

    /// Copies it for one run in this directory.
    pub(crate) async fn copy(&self, directory: &Path) -> Result<Copy> {
        match self {
            Self::Sqlite(filled) => {
                let file = directory.join("nurtured.db");
                // What the last connection has not moved into the file stands beside it.
                for end in ["", "-wal"] {
                    let from = PathBuf::from(format!("{}{end}", filled.display()));
                    if from.exists() {
                        std::fs::copy(&from, format!("{}{end}", file.display())).context("could not copy the database")?;
                    }
                }
                Ok(Copy { url: format!("sqlite:{}", file.display()), store: Store::open_sqlite(&file).await? })
            }
            Self::Postgres(filled) => {
                let url = postgres::copy(filled, "run");
                Ok(Copy { store: Store::open_postgres(&SecretString::from(url.clone())).await?, url })
            }
        }
    }

    /// Drops a copy nobody needs any more; a file goes with its directory.
    pub(crate) async fn drop_copy(&self, copy: Copy) {
        copy.store.close().await;
        if let (Self::Postgres(filled), Some((_, name))) = (self, copy.url.rsplit_once('/')) {
            postgres::ask(filled, &format!("DROP DATABASE {name}"));
        }
    }
}

async fn fill(company: &Company, prospects: u64, store: Store) -> Result<()> {
    company.admit(&store, prospects).await?;
    store.close().await;
    Ok(())
}
