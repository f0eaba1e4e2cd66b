//! Whoever asks what is kept of them gets all of it, and nothing of anybody else.

use super::erasure::{PLANTED, THEN, found_in, lived};
use super::receive::{arrives, reply, written_to};
use super::whose::{ADA, MARTA};
use super::{Told, address, found, sqlite, story};
use nurtured::domain::address::Address;
use nurtured::store::operations::access::Person;
use nurtured::store::operations::access_tables::{OF_NOBODY, REASONS, TABLES};
use nurtured::store::people::prospects;
use nurtured::town::Town;
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, SqlitePool};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

type Export = BTreeMap<&'static str, Vec<Map<String, Value>>>;

/// What is handed out of somebody, table by table, and the reasons that name them.
async fn export(town: &Town, who: &Address) -> Result<(Export, Vec<String>), Box<dyn std::error::Error + Send + Sync>> {
    let mut tx = town.node.ctx.store().read().await?;
    let prospect = prospects::by_address(&mut tx, &[who]).await?.get(who).copied();
    let person = Person::find(&mut tx, who, prospect).await?;
    let mut all = Export::new();
    for table in &TABLES {
        let rows = all.entry(table.name).or_default();
        person
            .rows(&mut tx, table, |row| {
                rows.push(row);
                ControlFlow::Continue(())
            })
            .await?;
        assert!(rows.iter().all(|row| table.columns.iter().all(|column| row.contains_key(*column))), "{}", table.name);
    }
    Ok((all, person.reasons(&mut tx).await?))
}

fn text(rows: &[Map<String, Value>]) -> String {
    serde_json::to_string(rows).expect("JSON")
}

/// Every table of the database, with its columns.
async fn schema(pool: &SqlitePool) -> Result<BTreeMap<String, BTreeSet<String>>, sqlx::Error> {
    let columns = "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
                   WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'";
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (table, column) in sqlx::query_as::<_, (String, String)>(columns).fetch_all(pool).await? {
        tables.entry(table).or_default().insert(column);
    }
    Ok(tables)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_of_a_person_is_in_their_export() -> Told {
    let folder = tempfile::tempdir()?;
    let town = found(sqlite(folder.path()).await).await;
    lived(&town).await?;
    let (all, reasons) = export(&town, &address(THEN)).await?;
    let pool = SqlitePool::connect(&format!("sqlite:{}", folder.path().join("story.db").display())).await?;
    let mut seen = BTreeSet::new();
    for (table, columns) in schema(&pool).await? {
        let whole: Vec<String> = columns.iter().map(|column| format!("COALESCE(CAST(\"{column}\" AS TEXT), '')")).collect();
        // A mail and a hash are bytes.
        let dump = format!("SELECT CAST(COALESCE(group_concat({}, ' '), '') AS BLOB) FROM {table}", whole.join(" || ' ' || "));
        let dump: Vec<u8> = sqlx::query_scalar(AssertSqlSafe(dump)).fetch_one(&pool).await?;
        let handed_out = all.get(table.as_str()).map_or_else(|| reasons.join(" "), |rows| text(rows));
        for word in found_in(&dump) {
            assert!(found_in(handed_out.as_bytes()).contains(&word), "{table} says {word} of her, and her export does not");
            seen.insert((table.clone(), word));
        }
    }
    let tables: BTreeSet<&str> = seen.iter().map(|(table, _)| table.as_str()).collect();
    assert!(tables.len() >= 12 && PLANTED.iter().all(|word| seen.iter().any(|(_, found)| found == word)), "{tables:?}");
    // What says nothing in words is there too.
    for table in ["consents", "verdicts", "attempts", "qualifications", "handoffs", "reclassifications", "suppressions"] {
        assert!(!all[table].is_empty(), "{table}");
    }
    assert!(reasons.iter().any(|reason| reason.contains("complained by telephone")), "{reasons:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_holds_something_of_a_person_is_in_their_export() -> Told {
    let folder = tempfile::tempdir()?;
    drop(sqlite(folder.path()).await);
    let pool = SqlitePool::connect(&format!("sqlite:{}", folder.path().join("story.db").display())).await?;
    let there = schema(&pool).await?;
    let (given, nobodys) = (TABLES.iter().map(|table| table.name), OF_NOBODY.iter().map(|(table, _)| *table));
    let mut listed: Vec<&str> = given.clone().chain(REASONS).chain(nobodys).collect();
    listed.sort_unstable();
    let tables: Vec<&str> = there.keys().map(String::as_str).collect();
    assert_eq!(listed, tables, "each is in one list of store/operations/access_tables.rs, and there is no other");
    for table in &TABLES {
        let columns: BTreeSet<&str> = table.columns.iter().chain(table.inner).copied().collect();
        let kept: BTreeSet<&str> = there[table.name].iter().map(String::as_str).collect();
        assert_eq!(columns, kept, "the columns of {}", table.name);
    }
    // What leads to a person, and what an erasure touches.
    let leading = ["prospect_id", "delivery_id", "signal_id", "handoff_id", "mail_id", "address", "recipient"];
    let leads = there.iter().filter(|(_, columns)| leading.iter().any(|column| columns.contains(*column)));
    let sources =
        [include_str!("../../../src/store/operations/erasures.rs"), include_str!("../../../src/store/operations/authored.rs")];
    let words: Vec<&str> = sources.iter().flat_map(|source| source.split_whitespace()).collect();
    let erased = words.windows(2).filter(|pair| pair[0].ends_with("UPDATE") || pair[0].ends_with("FROM")).map(|pair| pair[1]);
    let erased: BTreeSet<&str> = erased.filter(|word| there.contains_key(*word)).collect();
    assert!(erased.len() > 15, "{erased:?}");
    for table in leads.map(|(table, _)| table.as_str()).chain(erased).filter(|table| *table != "assessment_locks") {
        assert!(given.clone().any(|given| given == table), "{table} holds something of a person");
    }
    let document = include_str!("../../../docs/export.md");
    for table in &TABLES {
        let row = document.lines().find(|line| line.starts_with(&format!("| `{}` |", table.name)));
        let row = row.unwrap_or_else(|| panic!("docs/export.md says nothing of {}", table.name));
        for column in table.columns {
            assert!(row.contains(&format!("`{column}`")), "docs/export.md does not name {}.{column}", table.name);
        }
    }
    Ok(())
}

story!(an_export_says_nothing_of_what_others_said, |town| {
    let (ada, bo, cy) = (address(ADA), address("bo@elsewhere.example"), address("cy@albareda.example"));
    let (_, id) = written_to(&town, &ada).await?;
    town.answer(&ada, "More than 20 hours").await?;
    let says = |who: &Address, n: u8, text: &str| reply(who.as_str(), MARTA, &format!("{n}@x.example"), &id, "Re: stops", text);
    arrives(&town, &says(&bo, 1, "This is Bo, plumbeous, and I know nothing of it.")).await?;
    arrives(&town, &says(&cy, 2, "Please call us on Thursday, says Cy, quincuncial.")).await?;
    arrives(&town, &says(&ada, 3, "Ours stood still for a week, saturnine.")).await?;
    town.run_until_idle().await?;
    arrives(&town, &says(&cy, 4, "Could you call me? Still quincuncial.")).await?;
    town.run_until_idle().await?;
    let (hers, _) = export(&town, &ada).await?;
    let all: String = hers.values().map(|rows| text(rows)).collect();
    assert!(all.contains("saturnine") && all.contains("More than 20 hours") && all.contains(ADA), "her own words are there");
    for others in ["plumbeous", "quincuncial", bo.as_str(), cy.as_str()] {
        assert!(!all.contains(others), "{others} is somebody else's");
    }
    // That somebody said something is there, and when.
    let kinds: Vec<&str> = hers["signals"].iter().filter_map(|signal| signal["kind"].as_str()).collect();
    assert!(kinds.contains(&"colleague_reply") && kinds.contains(&"unconfirmed_reply"), "{kinds:?}");
    assert!(all.contains("withheld") && hers["letters"].iter().any(|letter| letter["kind"] == "handoff"), "{kinds:?}");
    // Each of the others gets what they said, though no prospect has their address.
    for (who, word, others) in [(bo, "plumbeous", "quincuncial"), (cy, "quincuncial", "plumbeous")] {
        let (theirs, _) = export(&town, &who).await?;
        let all: String = theirs.values().map(|rows| text(rows)).collect();
        assert!(all.contains(word) && !all.contains(others) && !all.contains("saturnine"), "{who}");
        assert!(theirs["prospects"].is_empty());
    }
    Ok(())
});
