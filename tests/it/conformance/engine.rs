//! Transactions, group commits, durability, errors; and that both engines hold the same tables.

use super::bench::{Bench, add, add_some, address, minute, name};
use nurtured::domain::id::ProspectId;
use nurtured::domain::prospect::Standing;
use nurtured::store::doorway::signals;
use nurtured::store::engine::backend::{Store, StoreError, Tx};
use nurtured::store::engine::batch::Batch;
use nurtured::store::engine::external_writes::ExternalWrites;
use nurtured::store::people::prospects;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

on_both_engines!(
    what_is_not_committed_never_was,
    a_reader_sees_one_moment_and_cannot_write,
    a_group_commit_answers_each_item_with_its_own,
    an_error_reaches_every_item_and_nothing_of_them_is_written,
    a_writer_that_answers_too_few_writes_nothing,
    opening_again_changes_nothing,
    a_commit_outlives_a_power_cut,
    a_closed_store_says_so,
    what_another_process_commits_is_seen,
);

async fn known(store: &Store, of: &str) -> Result<bool, StoreError> {
    Ok(!prospects::by_address(&mut store.read().await?, &[&address(of)]).await?.is_empty())
}

async fn what_is_not_committed_never_was(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let id = add(&mut tx, &["ada@a.example"]).await?[0];
    assert_eq!(prospects::one(&mut tx, id).await?.id, id, "a transaction sees what it wrote");
    assert!(!known(&bench.store, "ada@a.example").await?, "nobody else does");
    drop(tx);
    // An error in the middle takes the beginning with it.
    let mut tx = bench.store.write().await?;
    add(&mut tx, &["ben@a.example"]).await?;
    assert!(signals::append(&mut tx, &[(Some(ProspectId(99)), &click(ProspectId(99), "a"))], minute(1)).await.is_err());
    drop(tx);
    let mut tx = bench.store.write().await?;
    add(&mut tx, &["cid@a.example"]).await?;
    tx.commit().await?;
    for (of, expected) in [("ada@a.example", false), ("ben@a.example", false), ("cid@a.example", true)] {
        assert_eq!(known(&bench.store, of).await?, expected, "{of}");
    }
    Ok(())
}

async fn a_reader_sees_one_moment_and_cannot_write(bench: Bench) -> anyhow::Result<()> {
    let mut reading = bench.store.read().await?;
    assert!(prospects::page(&mut reading, ProspectId(0), 9).await?.is_empty());
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    tx.commit().await?;
    assert!(prospects::page(&mut reading, ProspectId(0), 9).await?.is_empty());
    drop(reading);
    let mut reading = bench.store.read().await?;
    assert_eq!(prospects::page(&mut reading, ProspectId(0), 9).await?, ids);
    assert!(prospects::set_standing(&mut reading, ids[0], Standing::Owned, None).await.is_err());
    Ok(())
}

fn click(about: ProspectId, once: &str) -> nurtured::domain::doorway::signal::NewSignal {
    super::doorway::signal(
        about,
        once,
        1,
        nurtured::domain::doorway::signal::Detail::Click { target: "https://a.example/".into() },
    )
}

/// A batch that records clicks of one prospect and counts its transactions; "fail" fails.
fn clicks(store: &Store, about: ProspectId, commits: &Arc<AtomicUsize>) -> Batch<String, (String, bool)> {
    let commits = commits.clone();
    Batch::open(
        store.clone(),
        64,
        move |tx: &mut Tx, items: &[String]| {
            let commits = commits.clone();
            Box::pin(async move {
                commits.fetch_add(1, Ordering::Relaxed);
                let whose = if items.iter().any(|i| i == "fail") { ProspectId(99) } else { about };
                let news: Vec<_> = items.iter().map(|once| click(whose, once)).collect();
                let new = signals::append(tx, &news.iter().map(|s| (Some(whose), s)).collect::<Vec<_>>(), minute(2)).await?;
                Ok(items.iter().map(|once| (once.clone(), new.contains_key(once))).collect())
            })
        },
        || {},
    )
}

async fn one_prospect(store: &Store) -> Result<ProspectId, StoreError> {
    let mut tx = store.write().await?;
    let id = add_some(&mut tx, 1).await?[0];
    tx.commit().await?;
    Ok(id)
}

async fn count(store: &Store, of: ProspectId) -> Result<usize, StoreError> {
    Ok(signals::of(&mut store.read().await?, &[of]).await?[&of].len())
}

async fn a_group_commit_answers_each_item_with_its_own(bench: Bench) -> anyhow::Result<()> {
    let id = one_prospect(&bench.store).await?;
    let commits = Arc::new(AtomicUsize::new(0));
    let batch = clicks(&bench.store, id, &commits);
    // While the only writer is held, everybody gathers at the door.
    let held = bench.store.write().await?;
    let writing: Vec<_> = (0..100)
        .map(|n| {
            let batch = batch.clone();
            tokio::spawn(async move { batch.write(format!("click {n}")).await })
        })
        .collect();
    held.commit().await?;
    for (n, answer) in writing.into_iter().enumerate() {
        assert_eq!(answer.await?.map_err(|e| e.to_string()), Ok((format!("click {n}"), true)));
    }
    assert_eq!(count(&bench.store, id).await?, 100);
    assert_eq!(batch.write("click 7".to_owned()).await.map_err(|e| e.to_string()), Ok(("click 7".to_owned(), false)));
    assert!(commits.load(Ordering::Relaxed) < 100, "nobody shared a commit");
    Ok(())
}

async fn an_error_reaches_every_item_and_nothing_of_them_is_written(bench: Bench) -> anyhow::Result<()> {
    let id = one_prospect(&bench.store).await?;
    let commits = Arc::new(AtomicUsize::new(0));
    let batch = clicks(&bench.store, id, &commits);
    let (one, two, three) =
        tokio::join!(batch.write("a".to_owned()), batch.write("fail".to_owned()), batch.write("b".to_owned()));
    assert!(two.is_err());
    // Whoever shared its transaction was told so; whoever did not was written.
    let written = usize::from(one.is_ok()) + usize::from(three.is_ok());
    assert_eq!(count(&bench.store, id).await?, written);
    assert!(written < 2, "three items that came at once shared no transaction");
    assert!(batch.write("later".to_owned()).await.is_ok(), "the door stays open");
    Ok(())
}

async fn a_writer_that_answers_too_few_writes_nothing(bench: Bench) -> anyhow::Result<()> {
    let batch: Batch<String, ()> = Batch::open(
        bench.store.clone(),
        8,
        |tx: &mut Tx, items: &[String]| {
            Box::pin(async move {
                add(tx, &items.iter().map(String::as_str).collect::<Vec<_>>()).await?;
                Ok(Vec::new())
            })
        },
        || {},
    );
    let refused = batch.write("ada@a.example".to_owned()).await.expect_err("it gives no answer");
    assert!(matches!(*refused, StoreError::Rows { expected: 1, found: 0 }));
    assert!(!known(&bench.store, "ada@a.example").await?);
    Ok(())
}

async fn opening_again_changes_nothing(bench: Bench) -> anyhow::Result<()> {
    let id = one_prospect(&bench.store).await?;
    let again = bench.another().await?;
    again.ping().await?;
    assert_eq!(prospects::one(&mut again.read().await?, id).await?.address, Some(address("p0@a.example")));
    assert_eq!(again.is_shared(), bench.url().is_some());
    Ok(())
}

async fn a_commit_outlives_a_power_cut(bench: Bench) -> anyhow::Result<()> {
    let expected = match bench.url() {
        None => [("journal_mode", "wal"), ("synchronous", "2")],
        Some(_) => [("synchronous_commit", "on"), ("fsync", "on")],
    };
    assert_eq!(bench.store.durability().await?, expected.map(|(setting, value)| (setting, value.to_owned())));
    Ok(())
}

async fn a_closed_store_says_so(bench: Bench) -> anyhow::Result<()> {
    bench.store.ping().await?;
    let mut tx = bench.store.write().await?;
    nurtured::store::group::campaigns::put(
        &mut tx,
        [&name("letters")].into_iter().map(|c| (c, "0 9 * * * in UTC".to_owned())),
        minute(0),
    )
    .await?;
    tx.commit().await?;
    bench.store.close().await;
    for refused in [bench.store.ping().await.expect_err("it is closed"), bench.store.write().await.expect_err("it is closed")] {
        assert!(refused.is_transient(), "{refused}");
    }
    assert_eq!(nurtured::store::group::campaigns::all(&mut bench.another().await?.read().await?).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_database_that_would_forget_is_refused() {
    let refused = Store::open_sqlite(Path::new(":memory:")).await.expect_err("memory is not a disk");
    assert!(matches!(refused, StoreError::Durability { setting: "journal_mode", .. }), "{refused}");
    assert_eq!(refused.to_string(), "trust the database to keep what it commits: its journal_mode is memory, not wal");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("letter.txt");
    fs::write(&file, "Dear Sir or Madam, this is not a database at all. ".repeat(50))?;
    assert!(!Store::open_sqlite(&file).await.expect_err("it is a letter").is_transient());
    assert!(fs::read_to_string(&file)?.starts_with("Dear Sir"));
    assert!(Store::open_sqlite(&folder.path().join("missing/nurtured.db")).await.is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_away_is_worth_another_try() -> anyhow::Result<()> {
    let Some(bench) = Bench::postgres("a_server_goes_away").await? else { return Ok(()) };
    let url = bench.url().expect("it is on a server");
    let mut tx = bench.store.write().await?;
    add_some(&mut tx, 1).await?;
    let others =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    crate::postgres::ask(url, others);
    let lost = add(&mut tx, &["ada@a.example"]).await.expect_err("the server has hung up");
    assert!(lost.is_transient(), "{lost}");
    drop(tx);
    bench.store.ping().await?;
    assert!(!known(&bench.store, "p0@a.example").await?);
    Ok(())
}

/// What may differ between the migrations of the engines, and nothing else: PostgreSQL's words, then SQLite's.
const DIALECT: [(&str, &str); 2] = [("BIGINT GENERATED BY DEFAULT AS IDENTITY", "INTEGER"), ("BYTEA NOT NULL", "BLOB NOT NULL")];

/// Tables, columns, nullability, constraints with their words, indexes, views: all of it is in these texts, and every
/// test of this suite has run them.
#[test]
fn both_engines_are_given_the_same_tables() -> std::io::Result<()> {
    let folder = |engine: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let names = |engine: &str| -> std::io::Result<Vec<_>> {
        let mut names: Vec<_> =
            fs::read_dir(folder(engine))?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<_>>()?;
        names.sort();
        Ok(names)
    };
    assert_eq!(names("sqlite")?, names("postgres")?);
    for file in names("sqlite")? {
        let read = |engine: &str| fs::read_to_string(folder(engine).join(&file));
        // SQLite keeps a table with a composite key in one tree, and gives a number only once, when it is told so; PostgreSQL
        // has no word for the first and does the second.
        let told = |text: String| text.replace(") WITHOUT ROWID;", ");").replace(" KEY AUTOINCREMENT", " KEY");
        let (sqlite, mut postgres) = (told(read("sqlite")?), read("postgres")?);
        for (theirs, ours) in DIALECT {
            postgres = postgres.replace(theirs, ours);
        }
        // The function that makes one dialect of two is a paragraph of its own, and so is what SQLite alone is told of its numbers.
        let is_common = |p: &&str| !p.contains("CREATE FUNCTION") && !p.contains("sqlite_sequence");
        let tables = |text: &str| -> Vec<String> {
            let paragraphs = text.trim_end().split("\n\n").filter(is_common);
            paragraphs.flat_map(str::lines).map(str::to_owned).collect()
        };
        assert_eq!(tables(&sqlite), tables(&postgres), "{}", file.display());
        // SQLite alone lets the columns of a primary key be NULL.
        let keys = sqlite.lines().filter(|l| l.contains(" PRIMARY KEY") && !l.contains("PRIMARY KEY ("));
        for key in keys.filter(|line| !line.contains("INTEGER CONSTRAINT")) {
            assert!(key.contains("NOT NULL"), "{}: {key}", file.display());
        }
    }
    Ok(())
}

async fn what_another_process_commits_is_seen(bench: Bench) -> anyhow::Result<()> {
    let mut changes = ExternalWrites::default();
    assert!(changes.look(&bench.store).await?, "whoever has never looked does not know");
    let other = bench.another().await?;
    // Files of one's own come to rest; the tests share a cluster, and a write anywhere in it is seen.
    let rest = async |changes: &mut ExternalWrites| {
        changes.look(&bench.store).await?;
        changes.look(&bench.store).await?;
        prospects::page(&mut bench.store.read().await?, ProspectId(0), 9).await?;
        anyhow::Ok(bench.store.is_shared() || !changes.look(&bench.store).await?)
    };
    assert!(rest(&mut changes).await?, "to read is not to write");
    let mut tx = other.write().await?;
    add(&mut tx, &["ada@a.example"]).await?;
    assert!(rest(&mut changes).await?, "what is not committed is nobody's to see");
    tx.commit().await?;
    assert!(changes.look(&bench.store).await?, "the commit counts, also of a transaction that was open at the last look");
    assert!(rest(&mut changes).await?);
    let mut tx = bench.store.write().await?;
    add(&mut tx, &["ben@a.example"]).await?;
    tx.commit().await?;
    assert!(changes.look(&bench.store).await?, "the second commit as well as the first");
    Ok(())
}
