//! What the engine does for a page of an issue when the database has grown for years.

use super::bench::{Bench, EVERY, Everybody, add_some, minute, name};
use nurtured::domain::id::ProspectId;
use nurtured::store::group::audiences;

on_both_engines!(
    a_page_of_an_issue_is_read_and_written_by_key,
    who_was_stopped_after_the_page_was_read_gets_no_delivery,
    what_another_campaign_brought_counts_for_nothing,
);

/// Tables that grow with the years.
const GROWING: [&str; 6] = ["prospects", "deliveries", "issues", "attempts", "occurrences", "prospect_fields"];

async fn a_page_of_an_issue_is_read_and_written_by_key(bench: Bench) -> anyhow::Result<()> {
    let series = Everybody::due(&["one", "two"]);
    let mut tx = bench.store.write().await?;
    add_some(&mut tx, 3).await?;
    tx.commit().await?;
    series.publish(&bench.store, "first", minute(5)).await?;
    let mut tx = bench.store.write().await?;
    let newsletters = series.newsletters.iter().collect::<Vec<_>>();
    let lines = audiences::plans(&mut tx, &series.question(&newsletters, ProspectId(0), EVERY)).await?;
    let plan = lines.join("\n");
    // The names under which the statements speak of these tables.
    let aliases = ["p", "d", "i", "came", "f"];
    for table in GROWING {
        assert!(!plan.contains(&format!("Seq Scan on {table}")), "{table} is read from end to end:\n{plan}");
    }
    for line in lines.iter().filter_map(|line| line.trim().strip_prefix("SCAN ")) {
        let what = line.split(' ').next().unwrap_or_default();
        assert!(!aliases.contains(&what), "{what} is read from end to end:\n{plan}");
    }
    // The deliveries are those of the prospect, found by the prospect; no issue is sorted.
    let found = if bench.store.is_shared() { "delivery_once" } else { "SEARCH d USING INDEX sqlite_autoindex_deliveries" };
    assert!(plan.contains(found) && plan.contains("prospect_id"), "{plan}");
    assert!(!plan.contains("Sort Key: i.") && !plan.contains("Disabled"), "{plan}");
    if !bench.store.is_shared() {
        assert!(plan.contains("attempts_that_came_to_nothing"), "{plan}");
    }
    Ok(())
}

async fn who_was_stopped_after_the_page_was_read_gets_no_delivery(bench: Bench) -> anyhow::Result<()> {
    use nurtured::domain::prospect::Standing;
    use nurtured::store::people::prospects;
    let series = Everybody::due(&["one"]);
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    let occurrence = series.open(&mut tx, "first", minute(5)).await?;
    let newsletters = series.newsletters.iter().collect::<Vec<_>>();
    let question = series.question(&newsletters, ProspectId(0), EVERY);
    let due = audiences::due(&mut tx, &question).await?;
    assert_eq!(due.iter().map(|due| due.prospect).collect::<Vec<_>>(), ids);
    prospects::set_standing(&mut tx, ids[0], Standing::Offered, None).await?;
    assert_eq!(audiences::fill(&mut tx, occurrence, &question, &due).await?, 1);
    Ok(())
}

async fn what_another_campaign_brought_counts_for_nothing(bench: Bench) -> anyhow::Result<()> {
    let series = Everybody::due(&["one", "two", "three"]);
    let mut tx = bench.store.write().await?;
    add_some(&mut tx, 2).await?;
    tx.commit().await?;
    series.publish(&bench.store, "first", minute(5)).await?;
    let other = Everybody { campaign: name("others"), ..Everybody::due(&["one"]) };
    other.publish(&bench.store, "first", minute(6)).await?;
    series.publish(&bench.store, "second", minute(7)).await?;
    let mut tx = bench.store.read().await?;
    assert_eq!(series.newsletters_due(&mut tx).await?, [name("three")]);
    // What is offered in another order, or is new, is due to those who had the rest.
    let turned = Everybody { newsletters: ["three", "two", "one"].map(name).to_vec(), ..Everybody::due(&[]) };
    assert_eq!(turned.newsletters_due(&mut tx).await?, [name("three")]);
    let more = Everybody { newsletters: ["new", "one", "two", "three"].map(name).to_vec(), ..Everybody::due(&[]) };
    assert_eq!(more.newsletters_due(&mut tx).await?, [name("new")]);
    let none = Everybody::due(&["one", "two"]);
    assert_eq!(none.newsletters_due(&mut tx).await?, []);
    Ok(())
}
