//! Tables that are whole give no complaint; damage that only somebody from outside can do is named.

use crate::stories::{postgres, sqlite};
use nurtured::store::engine::backend::Store;
use nurtured::store::operations::generation::fold;
use nurtured::store::operations::health::quick_complaints_within;
use nurtured::store::operations::integrity::complaints;
use std::time::Duration;

async fn said(store: &Store) -> Vec<String> {
    complaints(&mut store.read().await.expect("a reader")).await.expect("an answer")
}

#[tokio::test]
async fn a_row_that_refers_to_nothing_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = sqlite(directory.path()).await;
    assert_eq!(said(&store).await, Vec::<String>::new());
    let url = format!("sqlite:{}", directory.path().join("story.db").display());
    let outside = sqlx::SqlitePool::connect(&url).await.expect("the file");
    let damage = "PRAGMA foreign_keys = OFF; INSERT INTO prospect_tags (prospect_id, tag) VALUES (99, 'lost')";
    sqlx::raw_sql(damage).execute(&outside).await.expect("the damage");
    assert_eq!(said(&store).await, ["prospect_tags row 1 refers to a row of prospects that is not there"]);
}

#[tokio::test]
async fn a_page_that_is_torn_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = sqlite(directory.path()).await;
    store.close().await;
    let file = directory.path().join("story.db");
    let mut bytes = std::fs::read(&file).expect("the file");
    // The second page and those after it: the tables' own, behind the one that lists them.
    bytes[8192..].chunks_mut(4096).for_each(|page| page[..8].fill(0xff));
    let damaged = directory.path().join("damaged");
    std::fs::create_dir(&damaged).expect("a folder");
    std::fs::write(damaged.join("story.db"), bytes).expect("the damage");
    let found = match Store::open_sqlite(&damaged.join("story.db")).await {
        Ok(store) => complaints(&mut store.read().await.expect("a reader")).await,
        Err(error) => Err(error),
    };
    match found {
        Ok(found) => assert!(!found.is_empty(), "nothing is said of torn pages"),
        Err(error) => assert!(error.to_string().contains("malformed"), "{error}"),
    }
}

#[tokio::test]
async fn a_quick_check_that_is_given_up_says_nothing_and_reads_no_more() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = sqlite(directory.path()).await;
    let file = directory.path().join("story.db");
    assert_eq!(quick_complaints_within(Duration::ZERO, &file).await.expect("read"), None);
    assert!(fold(&store).await.expect("folded"), "no reader keeps the log");
    assert_eq!(quick_complaints_within(Duration::from_mins(1), &file).await.expect("read"), Some(Vec::new()));
}

#[tokio::test]
async fn keys_that_are_switched_off_are_named() {
    let Some(store) = postgres("keys_off").await else { return };
    assert_eq!(said(&store).await, Vec::<String>::new());
    let url = crate::postgres::database("keys_off_too").expect("there is a cluster");
    let other = Store::open_postgres(&secrecy::SecretString::from(url.as_str())).await.expect("a database");
    crate::postgres::ask(&url, "ALTER TABLE prospect_tags DISABLE TRIGGER ALL");
    let found = said(&other).await;
    assert!(!found.is_empty(), "nothing is said");
    let right = found.iter().all(|complaint| complaint.starts_with("prospect_tags has its triggers switched off: "));
    assert!(right, "{found:?}");
}
