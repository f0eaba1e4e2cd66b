//! What an erasure leaves in the file of a SQLite database: nothing.
//!
//! Every connection that writes overwrites what it deletes (`secure_delete`). Two places are left: the write-ahead log, which keeps
//! earlier contents of a page until it is cut off, and the space between rows that moved to another page while a page was divided. So the
//! log is cut off, the file is searched for what the person was known by, and rebuilt if that is found. What PostgreSQL leaves until its
//! own vacuum is its administrator's: SECURITY.md says how.

use crate::store::engine::backend::{Store, StoreError};
use crate::store::engine::file_lock::beside;
use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

/// What is left of a person in the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    Nothing,
    /// Nothing, since the file was rebuilt.
    NothingSinceRebuilt,
    /// A connection that reads keeps the log, or a person who is still known says the same.
    Something,
    /// A server keeps its own files.
    Server,
}

/// How long it waits for connections that read an earlier state.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a rebuild waits for the writer.
const WRITER: Duration = Duration::from_mins(1);
/// How much of a file is searched at a time.
const CHUNK: usize = 1 << 20;

/// Closes the store, cuts off its log, searches the files for these words and rebuilds the database if one is found. The caller has no
/// other connection to it: to close a file drops this process's locks on it.
///
/// # Errors
/// When the database cannot be opened, read or rebuilt.
pub async fn clean(store: &Store, words: Vec<String>) -> Result<Left, StoreError> {
    let Some(path) = store.file() else { return Ok(Left::Server) };
    store.close().await;
    cut_log(&path).await?;
    if !holds_any(&path, words.clone()).await? {
        return Ok(Left::Nothing);
    }
    let mut connection = connect(&path, WRITER).await?;
    sqlx::query("VACUUM").execute(&mut connection).await?;
    connection.close().await?;
    let cut = cut_log(&path).await?;
    Ok(if cut && !holds_any(&path, words).await? { Left::NothingSinceRebuilt } else { Left::Something })
}

/// Writes the log back into the file and cuts it off. Returns whether it was: not while a connection reads an earlier state.
async fn cut_log(path: &Path) -> Result<bool, StoreError> {
    // Short waits, for the engine keeps writers off while it waits for readers.
    let wait = Duration::from_millis(100);
    let mut connection = connect(path, wait).await?;
    let mut cut = false;
    for _ in 0..PATIENCE.as_millis() / wait.as_millis() {
        let (busy, ..): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut connection).await?;
        cut = busy == 0;
        if cut {
            break;
        }
        tokio::time::sleep(wait).await;
    }
    connection.close().await?;
    Ok(cut)
}

async fn connect(path: &Path, wait: Duration) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(wait)
        .pragma("secure_delete", "on");
    Ok(options.connect().await?)
}

/// Whether the database's file, or its log, holds one of these words, in capitals or not.
async fn holds_any(path: &Path, words: Vec<String>) -> Result<bool, StoreError> {
    let files = [path.to_owned(), beside(path, "-wal")];
    let search = move || {
        let words: Vec<Vec<u8>> = words.into_iter().map(|word| word.to_ascii_lowercase().into_bytes()).collect();
        for file in &files {
            let opened = match File::open(file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            if holds(opened, &words)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let found: io::Result<bool> = tokio::task::spawn_blocking(search).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    found.map_err(|error| StoreError::Engine(sqlx::Error::Io(error)))
}

/// Whether the bytes hold one of these words, which are in lower case.
fn holds(mut bytes: impl Read, words: &[Vec<u8>]) -> io::Result<bool> {
    let longest = words.iter().map(Vec::len).max().unwrap_or_default();
    if longest == 0 {
        return Ok(false);
    }
    let (mut buffer, mut kept) = (vec![0; CHUNK + longest], 0);
    loop {
        let read = bytes.read(&mut buffer[kept..])?;
        if read == 0 {
            return Ok(false);
        }
        let end = kept + read;
        buffer[kept..end].make_ascii_lowercase();
        if words.iter().any(|word| contains(&buffer[..end], word)) {
            return Ok(true);
        }
        // A word may stand across two reads.
        let keep = (longest - 1).min(end);
        buffer.copy_within(end - keep..end, 0);
        kept = keep;
    }
}

/// Looks at the first byte before the others: most places are told from that.
fn contains(text: &[u8], word: &[u8]) -> bool {
    let Some((first, rest)) = word.split_first() else { return false };
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| byte == first) {
        from += at + 1;
        if text[from..].starts_with(rest) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_wherever_it_stands() {
        let word = b"ada@albareda.example".to_vec();
        for before in [0, 1, CHUNK - 10, CHUNK, CHUNK + 5] {
            let text = [vec![b'x'; before], b"ADA@albareda.EXAMPLE".to_vec(), vec![0; 9]].concat();
            assert!(holds(&text[..], std::slice::from_ref(&word)).expect("read"), "after {before}");
            assert!(!holds(&text[..], &[b"adda@".to_vec()]).expect("read"));
        }
        assert!(holds(&b"aadaada"[..], &[b"adaada".to_vec()]).expect("read"));
        assert!(!holds(&b""[..], &[word]).expect("read") && !holds(&b"x"[..], &[]).expect("read"));
    }
}
