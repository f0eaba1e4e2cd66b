//! Two databases, SQL written once. What must differ between them is in this file.
//!
//! House dialect, and why: columns are TEXT, BIGINT, BOOLEAN and BLOB (both engines map them to the same Rust types);
//! ids are `INTEGER PRIMARY KEY` on SQLite (its rowid) and an identity on PostgreSQL; parameters are `$1…$n`; rows go
//! in bulk through one JSON parameter, `json_each($1)`, read with `value ->> 'name'`; time is UTC epoch milliseconds
//! and always bound, never `now()`; enums are TEXT under a CHECK; JSON is TEXT; `ON CONFLICT`, `RETURNING`,
//! `INSERT … SELECT`, partial unique indexes and window functions are common ground; orders name `NULLS LAST`.

pub use crate::store::error::{StoreError, Unique};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, FromRow, PgConnection, Postgres, Sqlite, Transaction};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// The database of one nurtured: cheap to clone.
#[derive(Debug, Clone)]
pub struct Store(Engine);

#[derive(Debug, Clone)]
enum Engine {
    /// One writer, because SQLite has one; readers beside it, because WAL lets them.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres {
        pool: PgPool,
        hot: Arc<Hot>,
    },
}

/// The one connection through which delivery writes. Every statement there finds its rows by key, and its tables grow a
/// thousandfold while it runs: a plan made while they were empty would read them whole for each batch.
#[derive(Debug)]
struct Hot {
    options: PgConnectOptions,
    /// Kept between statements; a failure drops it.
    connection: Mutex<Option<PgConnection>>,
}

/// The plans of [`Hot`]: by index, and made once.
const BY_KEY: [(&str, &str); 4] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("plan_cache_mode", "force_generic_plan"),
];
/// How long a connection may lie idle before it is tried out.
const IDLE: Duration = Duration::from_secs(1);

/// A transaction; rolled back unless committed.
#[derive(Debug)]
pub enum Tx {
    /// On SQLite.
    Sqlite(Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

/// A statement: the same text for both engines, or one each where locking differs.
#[derive(Debug, Clone, Copy)]
pub enum Sql {
    /// For both.
    Same(&'static str),
    /// SQLite serialises its writers and has no row locks; PostgreSQL needs them said.
    Each {
        /// Without locks.
        sqlite: &'static str,
        /// With locks.
        postgres: &'static str,
    },
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self::Same(text)
    }
}

/// A statement with a lock clause in its middle or at its end, which only PostgreSQL gets.
macro_rules! locking {
    ($before:expr, $lock:literal $(, $after:expr)?) => {
        $crate::store::backend::Sql::Each {
            sqlite: concat!($before $(, $after)?),
            postgres: concat!($before, " ", $lock, " " $(, $after)?),
        }
    };
}
pub(in crate::store) use locking;

/// A bound parameter.
#[derive(Debug, Clone)]
pub enum Value {
    /// A number, or NULL.
    Number(Option<i64>),
    /// Text, or NULL.
    Text(Option<String>),
    /// Yes or no.
    Truth(bool),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// Binds any mix of ids, numbers, texts, instants and truths.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::store::backend::Value::from($value)),*] };
}
pub(in crate::store) use args;

/// A row that both engines can give.
pub trait Record: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}

impl<T> Record for T where T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}

static SQLITE_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

macro_rules! bound {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value.clone() {
                Value::Number(number) => query.bind(number),
                Value::Text(text) => query.bind(text),
                Value::Truth(truth) => query.bind(truth),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }};
}

impl Store {
    /// Opens (and, if there is none, creates) a database in a file, and brings its tables up to date.
    ///
    /// # Errors
    /// When the file cannot be opened or written, or the migrations fail.
    pub async fn open_sqlite(path: &Path) -> Result<Self, StoreError> {
        // A commit is on the disk before anyone is told of it: FULL, not NORMAL, under WAL.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let writer =
            SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_mins(1)).connect_with(options.clone());
        let writer = writer.await?;
        SQLITE_MIGRATIONS.run(&writer).await?;
        let readers =
            SqlitePoolOptions::new().max_connections(4).min_connections(0).connect_with(options.read_only(true)).await?;
        Self(Engine::Sqlite { writer, readers }).durable().await
    }

    /// Connects to PostgreSQL and brings the tables up to date. The URL may hold a password; it is never printed.
    ///
    /// # Errors
    /// When the server cannot be reached, or the migrations fail.
    pub async fn open_postgres(url: &SecretString) -> Result<Self, StoreError> {
        let options =
            PgConnectOptions::from_str(url.expose_secret())?.options([("synchronous_commit", "on")]).application_name("nurtured");
        let hot = Arc::new(Hot { options: options.clone().options(BY_KEY), connection: Mutex::new(None) });
        // Trying a connection out costs a round trip: only those that nobody used for a while need it.
        let tried = PgPoolOptions::new().test_before_acquire(false).before_acquire(|connection, about| {
            Box::pin(async move { Ok(about.idle_for < IDLE || connection.ping().await.is_ok()) })
        });
        let pool = tried.max_connections(16).acquire_timeout(Duration::from_secs(30)).connect_with(options).await?;
        POSTGRES_MIGRATIONS.run(&pool).await?;
        Self(Engine::Postgres { pool, hot }).durable().await
    }

    /// The settings on which it depends whether a commit outlives a power cut, as the engine reports them.
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

    /// What `durability` must find. SQLite's `synchronous` 2 is FULL.
    const fn durable_settings(&self) -> &'static [(&'static str, &'static str)] {
        match self.0 {
            Engine::Sqlite { .. } => &[("journal_mode", "wal"), ("synchronous", "2")],
            Engine::Postgres { .. } => &[("synchronous_commit", "on"), ("fsync", "on")],
        }
    }

    /// Refuses a database that would forget what it said it keeps.
    async fn durable(self) -> Result<Self, StoreError> {
        let found = self.durability().await?;
        match found.into_iter().zip(self.durable_settings()).find(|((_, value), (_, needed))| value != needed) {
            Some(((setting, value), (_, needed))) => Err(StoreError::Durability { setting, value, needed }),
            None => Ok(self),
        }
    }

    /// Whether several nodes can share this database.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(self.0, Engine::Postgres { .. })
    }

    /// Begins a transaction that may write. On SQLite it is the only one until it ends.
    ///
    /// # Errors
    /// When the database cannot be reached, or stays locked by another process.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        Ok(match &self.0 {
            Engine::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Engine::Postgres { pool, .. } => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Begins a transaction that only reads, and sees one moment from its first statement on.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        Ok(match &self.0 {
            Engine::Sqlite { readers, .. } => Tx::Sqlite(readers.begin().await?),
            // What SQLite's readers do by themselves.
            Engine::Postgres { pool, .. } => {
                Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        })
    }

    /// Runs one statement that is its own transaction, without the round trips of one: durable when it returns.
    pub(in crate::store) async fn at_once<T: Record>(&self, sql: impl Into<Sql>, values: &[Value]) -> Result<Vec<T>, StoreError> {
        Ok(match &self.0 {
            Engine::Sqlite { writer, .. } => bound!(sqlx::query_as(sql.into().sqlite()), values).fetch_all(writer).await?,
            Engine::Postgres { hot, .. } => {
                let mut kept = hot.connection.lock().await;
                // Taken out: a statement that fails, or is given up half way, drops the connection.
                let mut connection = match kept.take() {
                    Some(connection) => connection,
                    None => hot.options.connect().await?,
                };
                let rows = bound!(sqlx::query_as(sql.into().postgres()), values).fetch_all(&mut connection).await?;
                *kept = Some(connection);
                rows
            }
        })
    }

    /// The file a SQLite database is in.
    pub(in crate::store) fn file(&self) -> Option<PathBuf> {
        match &self.0 {
            Engine::Sqlite { writer, .. } => Some(writer.connect_options().get_filename().to_owned()),
            Engine::Postgres { .. } => None,
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Why not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read().await?.number("SELECT 1 + 0 * COUNT(*) FROM signing_keys", &[]).await.map(drop)
    }

    /// Closes every connection; what was begun is finished first.
    pub async fn close(&self) {
        match &self.0 {
            Engine::Sqlite { writer, readers } => {
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

impl Tx {
    /// Runs a statement; returns how many rows it touched.
    pub(in crate::store) async fn execute(&mut self, sql: impl Into<Sql>, values: &[Value]) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => bound!(sqlx::query(sql.into().sqlite()), values).execute(&mut **tx).await?.rows_affected(),
            Self::Postgres(tx) => bound!(sqlx::query(sql.into().postgres()), values).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Every row of a query.
    pub(in crate::store) async fn rows<T: Record>(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value],
    ) -> Result<Vec<T>, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => bound!(sqlx::query_as(sql.into().sqlite()), values).fetch_all(&mut **tx).await?,
            Self::Postgres(tx) => bound!(sqlx::query_as(sql.into().postgres()), values).fetch_all(&mut **tx).await?,
        })
    }

    /// The first row of a query, if there is one.
    pub(in crate::store) async fn row<T: Record>(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value],
    ) -> Result<Option<T>, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => bound!(sqlx::query_as(sql.into().sqlite()), values).fetch_optional(&mut **tx).await?,
            Self::Postgres(tx) => bound!(sqlx::query_as(sql.into().postgres()), values).fetch_optional(&mut **tx).await?,
        })
    }

    /// The one number of a query that always gives a row.
    pub(in crate::store) async fn number(&mut self, sql: impl Into<Sql>, values: &[Value]) -> Result<i64, StoreError> {
        let row: Option<(i64,)> = self.row(sql, values).await?;
        row.map(|(number,)| number).ok_or(StoreError::Rows { expected: 1, found: 0 })
    }

    /// Makes what was done durable and visible.
    ///
    /// # Errors
    /// When it could not be made durable: nothing of it happened.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Undoes what was done, and returns once it is undone; a dropped transaction is undone some time later.
    ///
    /// # Errors
    /// When the connection was lost, which undoes it too.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.rollback().await?,
            Self::Postgres(tx) => tx.rollback().await?,
        }
        Ok(())
    }
}

impl Sql {
    const fn sqlite(self) -> &'static str {
        match self {
            Self::Same(text) | Self::Each { sqlite: text, .. } => text,
        }
    }

    const fn postgres(self) -> &'static str {
        match self {
            Self::Same(text) | Self::Each { postgres: text, .. } => text,
        }
    }
}
