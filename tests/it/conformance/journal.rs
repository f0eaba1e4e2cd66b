//! What the stop journal is told: every stop and every end of one, with its commit; and what happens when it cannot be.

use super::bench::{Bench, add, address, claim, minute, states};
use super::sending::{mark, published};
use crate::architecture::texts;
use nurtured::clock::ManualClock;
use nurtured::domain::prospect::Standing;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::store::engine::backend::Store;
use nurtured::store::engine::journal::{self, Journal, What};
use nurtured::store::group::attempts;
use nurtured::store::operations::erasures;
use nurtured::store::people::suppressions::{self, Stop};
use nurtured::store::people::{erasure_keys, prospects};
use std::path::Path;
use std::sync::Arc;

on_both_engines!(
    every_stop_and_every_end_of_one_is_journalled_with_its_commit,
    whose_stop_cannot_be_journalled_stops_and_nobody_is_sent_to,
);

fn journalled(store: &Store, path: &Path) -> Store {
    store.clone().journalled(Journal::new(path.to_owned(), Arc::new(ManualClock::at(minute(1)))))
}

fn stop(address: &str, reason: StopReason) -> Stop {
    Stop { address: address.to_owned(), channel: Channel::Email, reason, source: "page".to_owned() }
}

async fn every_stop_and_every_end_of_one_is_journalled_with_its_commit(bench: Bench) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("stops");
    let store = journalled(&bench.store, &path);
    let said = || -> anyhow::Result<Vec<String>> {
        let told = |what: What| match what {
            What::Stopped { reason, .. } => reason.word().to_owned(),
            What::Lifted { channel } => format!("not {}", channel.word()),
            What::Stands { standing } => standing.word().to_owned(),
        };
        Ok(journal::read(&path)?
            .entries
            .into_iter()
            .map(|e| format!("{} {}", e.address.split('@').next().unwrap_or(""), told(e.what)))
            .collect())
    };
    let mut tx = store.write().await?;
    let ids = add(&mut tx, &["ada@a.example", "bea@a.example", "cid@a.example"]).await?;
    tx.commit().await?;
    assert!(said()?.is_empty(), "nobody is stopped");

    let mut undone = store.write().await?;
    suppressions::add(&mut undone, &[stop("ada@a.example", StopReason::Manual)], minute(2)).await?;
    undone.rollback().await?;
    assert!(said()?.is_empty(), "it did not happen");

    let mut tx = store.write().await?;
    suppressions::add(
        &mut tx,
        &[stop("ada@a.example", StopReason::Unsubscribed), stop("new@a.example", StopReason::Bounced)],
        minute(2),
    )
    .await?;
    prospects::set_standing(&mut tx, ids[1], Standing::Offered, None).await?;
    assert!(said()?.is_empty(), "not before its commit");
    tx.commit().await?;
    assert_eq!(said()?, ["ada unsubscribed", "new bounced", "bea offered"]);

    let mut tx = store.write().await?;
    suppressions::lift(&mut tx, &address("ada@a.example"), Channel::Email, minute(3)).await?;
    prospects::return_to_nurture(&mut tx, ids[1], None, minute(3)).await?;
    tx.commit().await?;
    assert_eq!(said()?[3..], ["ada not email", "bea nurturing"]);

    let mut tx = store.write().await?;
    erasures::stop(&mut tx, &address("ada@a.example"), minute(4)).await?;
    erasures::person(&mut tx, ids[0]).await?;
    let hash = erasure_keys::load(&mut tx).await?.of(&address("ada@a.example"));
    tx.commit().await?;
    let text = std::fs::read_to_string(&path)?;
    assert!(!text.contains("ada@"), "{text}");
    assert_eq!(said()?.iter().filter(|line| **line == format!("{hash} erased")).count(), 2, "mail and phone: {text}");
    Ok(())
}

async fn whose_stop_cannot_be_journalled_stops_and_nobody_is_sent_to(bench: Bench) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let away = folder.path().join("away");
    let store = journalled(&bench.store, &away.join("stops"));
    published(&store, 3).await?;
    let (lease, rows) = claim(&store, "one", minute(5)).await?.expect("a range is due");
    let mut tx = store.write().await?;
    suppressions::add(&mut tx, &[stop("p0@a.example", StopReason::Unsubscribed)], minute(6)).await?;
    tx.commit().await?;
    assert_eq!(suppressions::of(&mut store.read().await?, &[&address("p0@a.example")]).await?.len(), 1, "who asked is stopped");
    let mut tx = store.write().await?;
    assert!(attempts::mark(&mut tx, &[mark(&lease, rows[1], 1)], minute(6)).await?.is_empty());
    tx.commit().await?;
    assert_eq!(states(&store, &rows).await?, ["claimed", "claimed", "claimed"]);

    std::fs::create_dir(&away)?;
    assert_eq!(store.journal().expect("it has one").trouble(), None);
    assert_eq!(journal::read(&away.join("stops"))?.entries.len(), 1, "what waited is written");
    let mut tx = store.write().await?;
    assert_eq!(attempts::mark(&mut tx, &[mark(&lease, rows[1], 1)], minute(6)).await?.len(), 1);
    Ok(())
}

#[test]
fn no_statement_stops_a_prospect_beside_those_that_are_journalled() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut seen = 0;
    for file in texts(&folder, &["rs"]) {
        let text = std::fs::read_to_string(&file).expect("a source");
        for statement in text.split("UPDATE prospects").skip(1).filter_map(|rest| rest.split("\";").next()) {
            let set = statement.split(" WHERE ").next().unwrap_or_default();
            if set.contains("mail_stop =") || set.contains("standing =") {
                seen += 1;
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                // An erasure is journalled as a suppression of the address, in the same transaction. A merged row has no address any more.
                assert!(
                    ["suppressions.rs", "prospects.rs", "erasures.rs", "merges.rs"].contains(&name.as_str()),
                    "{name} stops prospects: UPDATE prospects{statement}"
                );
            }
        }
    }
    assert!(seen >= 6, "only {seen} statements found");
}
