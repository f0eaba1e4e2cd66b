//! Two database engines, with SQL written once. The differences between them are in this file and in `transaction`.
//!
//! The dialect of our statements, and why: columns are TEXT, BIGINT, BOOLEAN and BLOB (both engines map them to the same
//! Rust types); ids are `INTEGER PRIMARY KEY` on SQLite (its rowid) and an identity on PostgreSQL; parameters are `$1…$n`;
//! rows go in bulk through one JSON parameter, `json_each($1)`, read with `value ->> 'name'`, and ids with `CAST(value AS
//! BIGINT)`; time is UTC epoch milliseconds and always bound, never `now()`; enums are TEXT under a CHECK; JSON is TEXT;
//! `ON CONFLICT`, `RETURNING`, `INSERT … SELECT`, partial unique indexes and window functions are common ground; orders
//! name `NULLS LAST`.

pub(in crate::store) use super::clauses::{
    came_to_nothing, configuration, has_come_to_nothing, is_under, kept_version, latest_attempt, may_be_mailed, reply_and_reason,
    subject_as_sent,
};
use super::connection::Connection;
pub(in crate::store) use super::error::InRow;
pub use super::error::{StoreError, Unique};
use super::journal::Journal;
use super::journal_entries::{Commits, Notes};
use super::migrations;
use super::record::Record;
pub use super::statement::{Sql, Value};
pub(in crate::store) use super::statement::{args, locking};
pub use super::transaction::Tx;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, PgConnection, Sqlite, Transaction};
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

/// The database of one nurtured: cheap to clone.
#[derive(Debug, Clone)]
pub struct Store(Engine, Option<Arc<Journal>>, Commits);

#[derive(Debug, Clone)]
enum Engine {
    /// One writer, because SQLite has one; readers beside it, because WAL lets them. Whoever writes waits for a turn first, so
    /// that what goes first waits for one transaction and not for all that came before it. A statement that is its own transaction takes none.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
        turns: Arc<Mutex<()>>,
    },
    Postgres {
        pool: PgPool,
        hot: Arc<Hot>,
    },
}

/// The one connection through which delivery writes. Every statement there finds its rows by key, and its tables grow a
/// thousandfold while it runs: a query plan made while they were empty would scan them for each batch.
#[derive(Debug)]
struct Hot {
    options: PgConnectOptions,
    /// Kept between statements; a failure drops it.
    connection: Mutex<Option<PgConnection>>,
}

/// How long one waits for SQLite's writer: for a turn, and then for the connection.
const WRITER: Duration = Duration::from_mins(1);

/// Settings of [`Hot`]: plans use an index, and are made once.
const BY_KEY: [(&str, &str); 5] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    // The planner adds a penalty to a disabled plan, and would compile it with JIT because it looks expensive.
    ("jit", "off"),
];

impl Store {
    /// Opens (and, if there is none, creates) a database in a file, and brings its tables up to date.
    ///
    /// # Errors
    /// When the file cannot be opened or written, or the migrations fail.
    pub async fn open_sqlite(path: &Path) -> Result<Self, StoreError> {
        own(path);
        Self::sqlite(path, true).await
    }

    /// Opens a database that is there, with the tables of this program: nothing is created or migrated.
    ///
    /// # Errors
    /// When there is none; when its tables are behind or ahead; when it cannot be opened.
    pub async fn attach_sqlite(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Absent { database: path.to_owned(), hint: String::new() });
        }
        Self::sqlite(path, false).await?.current().await
    }

    async fn sqlite(path: &Path, migrate: bool) -> Result<Self, StoreError> {
        // A commit is on the disk before it is acknowledged: FULL, not NORMAL, under WAL.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(migrate)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        // A batch of signals touches thousands of pages: the cache holds them, so they need not be written to the file
        // each time.
        let writing = options.clone().pragma("cache_size", "-16000").pragma("wal_autocheckpoint", "16000");
        // What is deleted is overwritten in the file. Nearly all that is written is appended, and costs nothing more.
        let writing = writing.pragma("secure_delete", "on");
        // The undo data of one statement over many rows is kept in memory and not in a file. There are more statements
        // than sqlx caches by default, and one that is evicted is compiled anew each time.
        let writing = writing.pragma("temp_store", "memory").statement_cache_capacity(256);
        // A reader's cache is invalid after the next commit, so a small one is enough.
        let reading = options.read_only(true).pragma("cache_size", "-1000");
        // A connection to a file does not break: a test of each before its use takes as long as a statement.
        let pool = || SqlitePoolOptions::new().test_before_acquire(false);
        let writer = pool().max_connections(1).acquire_timeout(WRITER).connect_with(writing).await?;
        if migrate {
            migrations::run_sqlite(&writer).await?;
        }
        let readers = pool().max_connections(4).min_connections(0).connect_with(reading).await?;
        Self::over(writer, readers).durable().await
    }

    /// How many migrations of this program the tables have not seen, and how many of theirs it does not know.
    ///
    /// # Errors
    /// When the database cannot be read. One without tables has seen none.
    pub async fn migrations(&self) -> Result<(usize, usize), StoreError> {
        let mut tx = self.read().await?;
        let known = match &self.0 {
            Engine::Sqlite { .. } => &migrations::SQLITE,
            Engine::Postgres { .. } => &migrations::POSTGRES,
        };
        let known: BTreeSet<i64> = known.iter().map(|migration| migration.version).collect();
        if tx.number(migrations::IS_THERE, &[]).await? == 0 {
            return Ok((known.len(), 0));
        }
        let applied: Vec<(i64,)> = tx.rows(migrations::APPLIED, &[]).await?;
        let applied: BTreeSet<i64> = applied.into_iter().map(|(version,)| version).collect();
        Ok((known.difference(&applied).count(), applied.difference(&known).count()))
    }

    /// Refuses tables that are not those of this program.
    async fn current(self) -> Result<Self, StoreError> {
        let why = match self.migrations().await? {
            (0, 0) => return Ok(self),
            (missing, 0) => StoreError::Behind(missing),
            (_, unknown) => StoreError::Ahead(format!("{unknown} migrations")),
        };
        self.close().await;
        Err(why)
    }

    /// A SQLite database over given pools: a copy, or a temporary one.
    pub(in crate::store) fn over(writer: SqlitePool, readers: SqlitePool) -> Self {
        Self(Engine::Sqlite { writer, readers, turns: Arc::default() }, None, Commits::default())
    }

    /// A PostgreSQL database that another installation runs.
    pub(in crate::store) fn over_postgres(pool: PgPool, options: PgConnectOptions) -> Self {
        let hot = Arc::new(Hot { options, connection: Mutex::new(None) });
        Self(Engine::Postgres { pool, hot }, None, Commits::default())
    }

    /// Connects to PostgreSQL and brings the tables up to date. The URL may hold a password; it is never printed.
    ///
    /// # Errors
    /// When the server cannot be reached, or the migrations fail.
    pub async fn open_postgres(url: &SecretString) -> Result<Self, StoreError> {
        Self::postgres(url, true).await
    }

    /// Connects to a PostgreSQL database that has the tables of this program: nothing is migrated.
    ///
    /// # Errors
    /// When the server cannot be reached; when the tables are behind or ahead.
    pub async fn attach_postgres(url: &SecretString) -> Result<Self, StoreError> {
        Self::postgres(url, false).await?.current().await
    }

    async fn postgres(url: &SecretString, migrate: bool) -> Result<Self, StoreError> {
        let options =
            PgConnectOptions::from_str(url.expose_secret())?.options([("synchronous_commit", "on")]).application_name("nurtured");
        let hot = Arc::new(Hot { options: options.clone().options(BY_KEY), connection: Mutex::new(None) });
        let pool =
            PgPoolOptions::new().max_connections(16).acquire_timeout(Duration::from_secs(30)).connect_with(options).await?;
        if migrate {
            migrations::run_postgres(&pool).await?;
        }
        Self(Engine::Postgres { pool, hot }, None, Commits::default()).durable().await
    }

    /// The settings that decide whether a commit survives a power cut, as the engine reports them.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn durability(&self) -> Result<Vec<(&'static str, String)>, StoreError> {
        let mut found = Vec::new();
        for (setting, _) in self.durable_settings() {
            let value = match &self.0 {
                Engine::Sqlite { writer, .. } if *setting == "journal_mode" => {
                    sqlx::query_scalar::<_, String>("PRAGMA journal_mode").fetch_one(writer).await?
                }
                Engine::Sqlite { writer, .. } => {
                    sqlx::query_scalar::<_, i64>("PRAGMA synchronous").fetch_one(writer).await?.to_string()
                }
                Engine::Postgres { pool, .. } => {
                    sqlx::query_scalar::<_, String>("SELECT current_setting($1)").bind(*setting).fetch_one(pool).await?
                }
            };
            found.push((*setting, value));
        }
        Ok(found)
    }

    /// The values [`durability`](Self::durability) must return. SQLite's `synchronous` 2 is FULL.
    const fn durable_settings(&self) -> &'static [(&'static str, &'static str)] {
        match self.0 {
            Engine::Sqlite { .. } => &[("journal_mode", "wal"), ("synchronous", "2")],
            Engine::Postgres { .. } => &[("synchronous_commit", "on"), ("fsync", "on")],
        }
    }

    /// Refuses a database whose commits would not survive a power cut.
    async fn durable(self) -> Result<Self, StoreError> {
        let found = self.durability().await?;
        match found.into_iter().zip(self.durable_settings()).find(|((_, value), (_, needed))| value != needed) {
            Some(((setting, value), (_, needed))) => Err(StoreError::Durability { setting, value, needed }),
            None => Ok(self),
        }
    }

    /// The same database, with its stops also written to this journal.
    #[must_use]
    pub fn journalled(self, journal: Journal) -> Self {
        Self(self.0, Some(Arc::new(journal)), self.2)
    }

    /// The journal to which stops are also written.
    pub const fn journal(&self) -> Option<&Arc<Journal>> {
        self.1.as_ref()
    }

    /// The count of commits through this store.
    pub const fn commits(&self) -> &Commits {
        &self.2
    }

    /// Whether several nodes can share this database.
    pub const fn is_shared(&self) -> bool {
        matches!(self.0, Engine::Postgres { .. })
    }

    /// Begins a transaction that may write. On SQLite it is the only one until it ends.
    ///
    /// # Errors
    /// When the database cannot be reached, or stays locked by another process.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        let turn = match &self.0 {
            Engine::Sqlite { turns, .. } => {
                Some(timeout(WRITER, turns.clone().lock_owned()).await.map_err(|_| sqlx::Error::PoolTimedOut)?)
            }
            Engine::Postgres { .. } => None,
        };
        self.begin(turn).await
    }

    /// As [`write`](Self::write), ahead of everything that waits to write: for what must not wait, such as an unsubscribe.
    ///
    /// # Errors
    /// As for `write`.
    pub async fn write_first(&self) -> Result<Tx, StoreError> {
        self.begin(None).await
    }

    async fn begin(&self, turn: Option<OwnedMutexGuard<()>>) -> Result<Tx, StoreError> {
        let notes = || Notes::of(self.1.clone(), self.2.clone()).with_turn(turn);
        Ok(match &self.0 {
            Engine::Sqlite { writer, .. } => Tx::Sqlite(begin(writer).await?, notes()),
            Engine::Postgres { pool, .. } => Tx::Postgres(pool.begin().await?, notes()),
        })
    }

    /// Begins a transaction that only reads, and sees one moment from its first statement on.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        Ok(match &self.0 {
            Engine::Sqlite { readers, .. } => Tx::Sqlite(readers.begin().await?, Notes::default()),
            // SQLite's readers behave so by default.
            Engine::Postgres { pool, .. } => {
                Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?, Notes::default())
            }
        })
    }

    /// Runs one statement that is its own transaction, without the round trips of one: durable when it returns.
    pub(in crate::store) async fn at_once<T: Record>(&self, sql: impl Into<Sql>, values: &[Value]) -> Result<Vec<T>, StoreError> {
        let sql = sql.into();
        match &self.0 {
            Engine::Sqlite { writer, .. } => Connection::Sqlite(&mut *writer.acquire().await?).rows(sql, values).await,
            Engine::Postgres { hot, .. } => {
                let mut kept = hot.connection.lock().await;
                // The connection is taken out, so that a statement that fails or is cancelled drops it.
                let mut connection = match kept.take() {
                    Some(connection) => connection,
                    None => hot.options.connect().await?,
                };
                let rows = Connection::Postgres(&mut connection).rows(sql, values).await?;
                *kept = Some(connection);
                Ok(rows)
            }
        }
    }

    /// The path of a SQLite database.
    pub(in crate::store) fn file(&self) -> Option<PathBuf> {
        match &self.0 {
            Engine::Sqlite { writer, .. } => Some(writer.connect_options().get_filename().to_owned()),
            Engine::Postgres { .. } => None,
        }
    }

    /// SQLite's writing connection.
    pub(in crate::store) const fn sqlite_writer(&self) -> Option<&SqlitePool> {
        match &self.0 {
            Engine::Sqlite { writer, .. } => Some(writer),
            Engine::Postgres { .. } => None,
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not; the error says why.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read().await?.number("SELECT 1 + 0 * COUNT(*) FROM signing_keys", &[]).await.map(drop)
    }

    /// Closes every connection, after the running statements.
    pub async fn close(&self) {
        match &self.0 {
            Engine::Sqlite { writer, readers, .. } => {
                readers.close().await;
                writer.close().await;
            }
            Engine::Postgres { pool, hot } => {
                drop(hot.connection.lock().await.take());
                pool.close().await;
            }
        }
    }
}

/// Makes the file of a new database, for its owner alone whatever the umask: SQLite gives what it writes beside it the same mode.
/// A failure is left to SQLite, which says what is wrong with the path.
fn own(path: &Path) {
    // SQLite's name for a database that is no file.
    if path == Path::new(":memory:") {
        return;
    }
    drop(OpenOptions::new().write(true).create_new(true).mode(0o600).open(path));
}

/// Begins a transaction on SQLite's writer.
///
/// When a commit fails because the disk is full, SQLite has rolled back by itself; sqlx goes on counting a transaction, and
/// refuses every later one on that connection. Such a connection is closed and another one opened.
async fn begin(writer: &SqlitePool) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
    const IMMEDIATE: &str = "BEGIN IMMEDIATE";
    match writer.begin_with(IMMEDIATE).await {
        Err(sqlx::Error::InvalidSavePointStatement) => {
            writer.acquire().await?.close().await?;
            writer.begin_with(IMMEDIATE).await
        }
        begun => begun,
    }
}
