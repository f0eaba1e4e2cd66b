//! Renames: a campaign's history goes on under another name, in one transaction. The row of the former name stays, not configured,
//! so that a node with old files opens nothing under it.

use crate::domain::id::Name;
use crate::store::engine::backend::{InRow, StoreError, Tx, args};
use crate::store::engine::value::name;
use std::collections::{BTreeMap, BTreeSet};

/// How the reason of a pause begins that `apply` sets because a campaign looks like another one renamed.
pub const LOOKS_RENAMED: &str = "its newsletters are those of ";

const ISSUED: &str = "SELECT DISTINCT campaign, newsletter FROM issues WHERE NOT test";
/// A pause goes with it, but not one that only asks whether it was renamed. `changed_at` goes along because breakers count
/// from it. Occurrences of the new name's own may be later than those that come over: none of them fires again.
const TAKE_STATE: &str = "
    INSERT INTO campaigns (name, state, reason, changed_at, schedule, seen_until)
    SELECT CAST($2 AS TEXT), CASE WHEN reason LIKE $3 || '%' THEN 'running' ELSE state END,
           CASE WHEN reason LIKE $3 || '%' THEN NULL ELSE reason END, changed_at, schedule, seen_until
    FROM campaigns WHERE name = $1
    ON CONFLICT (name) DO UPDATE SET
        state = CASE WHEN excluded.state = 'paused' OR campaigns.reason LIKE $3 || '%' THEN excluded.state ELSE campaigns.state END,
        reason = CASE WHEN excluded.state = 'paused' OR campaigns.reason LIKE $3 || '%' THEN excluded.reason
                      ELSE campaigns.reason END,
        changed_at = excluded.changed_at,
        schedule = excluded.schedule,
        seen_until = CASE WHEN campaigns.seen_until > excluded.seen_until
                           AND EXISTS (SELECT 1 FROM occurrences o WHERE o.campaign = campaigns.name) THEN campaigns.seen_until
                          ELSE excluded.seen_until END";
/// One nominal time under both names is two occurrences, as it was.
const TELL_APART: &str = "
    UPDATE occurrences SET nominal = nominal || ' (' || $1 || ')'
    WHERE campaign = $1 AND nominal IN (SELECT o.nominal FROM occurrences o WHERE o.campaign = $2)";
const HISTORY: [&str; 5] = [
    "UPDATE occurrences SET campaign = $2 WHERE campaign = $1",
    "UPDATE issues SET campaign = $2 WHERE campaign = $1",
    "UPDATE troubles SET campaign = $2 WHERE campaign = $1",
    "UPDATE refusals SET campaign = $2 WHERE campaign = $1",
    "UPDATE pause_notices SET campaign = $2 WHERE campaign = $1",
];
const BUCKET: &str = "
    UPDATE buckets SET name = 'campaign/' || $2 WHERE name = 'campaign/' || $1
      AND NOT EXISTS (SELECT 1 FROM buckets b WHERE b.name = 'campaign/' || $2)";
/// Whoever was renamed to the former name goes on under the new one too, but for the new one itself, when a name comes back.
const LEAVE: &str = "
    UPDATE campaigns SET state = 'running', reason = NULL, configured = FALSE, renamed_to = $2
    WHERE name = $1 OR (renamed_to = $1 AND name <> $2)";

/// The newsletters that every campaign has had an issue of, by its name.
pub async fn issued(tx: &mut Tx) -> Result<BTreeMap<Name, BTreeSet<Name>>, StoreError> {
    let mut issued: BTreeMap<Name, BTreeSet<Name>> = BTreeMap::new();
    for (campaign, newsletter) in tx.rows::<(String, String)>(ISSUED, args![]).await? {
        let of = |text: &str| name(text).in_row("issues", format_args!("of {campaign}"));
        issued.entry(of(&campaign)?).or_default().insert(of(&newsletter)?);
    }
    Ok(issued)
}

/// Lets the history of a campaign go on under another name: occurrences, issues, what breakers counted, its pause, its pace, and
/// up to when its schedule was looked at. Both rows must be locked, if they are there.
pub async fn rename(tx: &mut Tx, from: &Name, to: &Name) -> Result<(), StoreError> {
    tx.execute(TAKE_STATE, args![from, to, LOOKS_RENAMED]).await?;
    tx.execute(TELL_APART, args![from, to]).await?;
    for sql in HISTORY {
        tx.execute(sql, args![from, to]).await?;
    }
    tx.execute(BUCKET, args![from, to]).await?;
    tx.execute(LEAVE, args![from, to]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The tables of an engine's migrations that have a column named `campaign`.
    fn tables(engine: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut table = String::new();
        for file in Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine).read_dir().expect("migrations") {
            for line in std::fs::read_to_string(file.expect("a file").path()).expect("text").lines() {
                let words: Vec<&str> = line.split_whitespace().collect();
                if let ["CREATE" | "ALTER", "TABLE", name, ..] = words[..] {
                    name.clone_into(&mut table);
                }
                if words.first() == Some(&"campaign") || words.windows(3).any(|words| words == ["ADD", "COLUMN", "campaign"]) {
                    found.insert(table.clone());
                }
            }
        }
        found
    }

    #[test]
    fn the_history_is_every_table_that_names_a_campaign() {
        let moved: BTreeSet<String> = HISTORY.iter().filter_map(|sql| sql.split(' ').nth(1)).map(str::to_owned).collect();
        for engine in ["sqlite", "postgres"] {
            assert_eq!(moved, tables(engine), "{engine}");
        }
    }
}
