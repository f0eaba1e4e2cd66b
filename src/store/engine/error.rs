//! Why a store operation failed, and whether a retry may help. Only this file reads the engines' error codes.

use std::fmt;
use std::path::PathBuf;

/// Why a store operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("use the database: {0}")]
    Engine(#[from] sqlx::Error),
    /// The tables could not be brought up to date.
    #[error("bring the database's tables up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A commit would not survive a power cut.
    #[error("trust the database to keep what it commits: its {setting} is {value}, not {needed}")]
    Durability { setting: &'static str, value: String, needed: &'static str },
    /// A file beside the database, or the database as a file.
    #[error("{0}")]
    File(String),
    /// There is no such file, and whoever asks makes none.
    #[error("find the database {}: `nurtured db migrate` makes a new one{hint}", .database.display())]
    Absent { database: PathBuf, hint: String },
    /// Another process has the file for itself.
    #[error("have {} for itself: another nurtured has it ({who})", .database.display())]
    Held { database: PathBuf, who: String },
    /// The log beside the file is another one's.
    #[error(
        "open {path}: the log {path}-wal is that of another file, which lay in its place and was not closed; opened together they would \
         be corrupt without a word. Nothing was changed. To restore {path}: mv {path} {path}.copy && nurtured db restore {path}.copy",
        path = .0.display()
    )]
    ForeignLog(PathBuf),
    /// A restore was broken off between its last two steps, or is about to take the last.
    #[error(
        "open {path}: a restore was broken off before {path}.restored took its place. Type `nurtured db restore FILE` again; or, to keep \
         what is there, move {path}.before-…-wal (if there is one) back to {path}-wal, then remove {path}.restored",
        path = .0.display()
    )]
    Restoring(PathBuf),
    /// A quick check after an unclean end found the file damaged.
    #[error(
        "trust {}, whose last run ended without closing it: {complaint}; keep the file, and `nurtured db restore` a backup",
        .database.display()
    )]
    Damaged { database: PathBuf, complaint: String },
    /// The tables are those of an older program.
    #[error(
        "use the database: its tables are {0} migrations behind this program; `nurtured db migrate` brings them up to date, and so does \
         the daemon at its start"
    )]
    Behind(usize),
    /// The tables are those of a newer program.
    #[error(
        "use the database: its tables are ahead of this program, by {0}; install the nurtured that made them, or a newer one"
    )]
    Ahead(String),
    /// A stored value has another format than we write. The text never contains an address.
    #[error("read a stored {what}{}: {why}", place(.row.as_ref()))]
    Value { what: &'static str, row: Option<Row>, why: String },
    /// A statement changed another number of rows than expected.
    #[error("change exactly {expected} rows: {found} changed")]
    Rows { expected: u64, found: u64 },
}

/// Where a value is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub table: &'static str,
    /// Its id, or what else it is found by; never an address.
    pub key: String,
}

fn place(row: Option<&Row>) -> String {
    row.map_or_else(String::new, |Row { table, key }| format!(" (row {key} of {table})"))
}

impl StoreError {
    /// A value that cannot be read or written, wherever it is stored.
    pub(in crate::store) fn value(what: &'static str, why: impl fmt::Display) -> Self {
        Self::Value { what, row: None, why: why.to_string() }
    }

    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Engine(sqlx::Error::Database(e)) => {
                // SQLite: busy, locked, read-only, I/O error, full, cannot open; an extended code holds these in its low
                // byte. PostgreSQL: five characters. Connection, rollback, resources, operator, system; a standby is
                // read-only.
                e.code().is_some_and(|code| match code.parse::<u32>() {
                    Ok(number) if code.len() < 5 => [5, 6, 8, 10, 13, 14].contains(&(number & 0xff)),
                    _ => ["08", "40", "53", "57", "58", "25006"].iter().any(|class| code.starts_with(class)),
                })
            }
            Self::Engine(error) => matches!(
                error,
                sqlx::Error::Io(_)
                    | sqlx::Error::Tls(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed
                    | sqlx::Error::WorkerCrashed
            ),
            Self::Held { .. } | Self::Behind(_) => true,
            _ => false,
        }
    }

    /// Whether this unique index refused a second row.
    pub fn violates(&self, unique: Unique) -> bool {
        let Self::Engine(sqlx::Error::Database(error)) = self else {
            return false;
        };
        // PostgreSQL names the index; SQLite names the columns and nothing else.
        error.constraint() == Some(unique.index)
            || error.message().strip_prefix("UNIQUE constraint failed: ").is_some_and(|columns| columns == unique.columns)
    }
}

/// Adds the row to the error of a value that cannot be read.
pub(in crate::store) trait InRow<T> {
    fn in_row(self, table: &'static str, key: impl fmt::Display) -> Result<T, StoreError>;
}

impl<T> InRow<T> for Result<T, StoreError> {
    fn in_row(self, table: &'static str, key: impl fmt::Display) -> Self {
        match self {
            Err(StoreError::Value { what, row: None, why }) => {
                Err(StoreError::Value { what, row: Some(Row { table, key: key.to_string() }), why })
            }
            result => result,
        }
    }
}

/// A unique index whose violation callers handle.
#[derive(Debug, Clone, Copy)]
pub struct Unique {
    pub index: &'static str,
    /// Its columns, as `table.column, table.column`.
    pub columns: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
    use sqlx::{ConnectOptions, Connection};

    #[tokio::test]
    async fn a_locked_file_is_worth_another_try_and_a_wrong_statement_is_not() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = SqliteConnectOptions::new().filename(folder.path().join("a.db")).create_if_missing(true);
        let options = options.busy_timeout(std::time::Duration::ZERO);
        let mut one: SqliteConnection = options.connect().await.expect("a file is opened");
        let mut two: SqliteConnection = options.connect().await.expect("a file is opened");
        let held = one.begin_with("BEGIN IMMEDIATE").await.expect("nobody else writes");
        let locked = StoreError::from(two.begin_with("BEGIN IMMEDIATE").await.expect_err("somebody else writes"));
        assert!(locked.is_transient(), "{locked}");
        held.rollback().await.expect("nothing was written");
        let wrong = StoreError::from(sqlx::query("SELECT nothing").execute(&mut two).await.expect_err("there is no such column"));
        assert!(!wrong.is_transient(), "{wrong}");
    }
}
