//! Configurations that were put in force: their files, without secrets, and since when. The newest row is the one in force.

use crate::store::engine::backend::{InRow, StoreError, Tx, args};
use crate::store::engine::value::{from_json, instant, to_json};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What was put in force.
#[derive(Debug, Clone)]
pub struct Configuration {
    pub hash: String,
    pub files: BTreeMap<String, String>,
    pub applied_at: Timestamp,
}

const PUT: &str = "
    INSERT INTO configurations (hash, files, applied_at)
    SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BIGINT)
    WHERE NOT EXISTS (SELECT 1 FROM configurations c
                      WHERE c.hash = $1 AND c.files = $2 AND c.id = (SELECT MAX(id) FROM configurations))";
const NEWEST: &str = "SELECT id, hash, files, applied_at FROM configurations ORDER BY id DESC LIMIT 1";
const HASH: &str = "SELECT hash FROM configurations ORDER BY id DESC LIMIT 1";
/// Which configuration decided what, table by table: what a hold, a delivery or an attempt rests on is its issue's.
const DECISIONS: &str = "
    SELECT d.what, COALESCE(c.hash, ''), COUNT(*) FROM (
        SELECT 'occurrences' AS what, configuration_id FROM occurrences
        UNION ALL SELECT 'issues', configuration_id FROM issues
        UNION ALL SELECT 'verdicts', configuration_id FROM verdicts
        UNION ALL SELECT 'qualifications', configuration_id FROM qualifications
        UNION ALL SELECT 'handoffs', configuration_id FROM handoffs) AS d
    LEFT JOIN configurations c ON c.id = d.configuration_id GROUP BY 1, 2 ORDER BY 1, 2";

/// Records that a configuration is in force, unless it was already. Returns whether it is another one.
pub async fn put(tx: &mut Tx, hash: &str, files: &BTreeMap<String, String>, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.execute(PUT, args![hash, to_json(files)?, now]).await? > 0)
}

/// The configuration in force; `None` before the first.
pub async fn newest(tx: &mut Tx) -> Result<Option<Configuration>, StoreError> {
    let row: Option<(i64, String, String, i64)> = tx.row(NEWEST, args![]).await?;
    row.map(|(id, hash, files, at)| {
        let files = from_json("files of a configuration", &files).in_row("configurations", id)?;
        Ok(Configuration { hash, files, applied_at: instant(at).in_row("configurations", id)? })
    })
    .transpose()
}

/// The hash of the configuration in force.
pub async fn in_force(tx: &mut Tx) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> = tx.row(HASH, args![]).await?;
    Ok(row.map(|(hash,)| hash))
}

/// How many decisions were taken under each configuration, by table and hash; an empty hash stands for those before the
/// first. It counts every row, so it is too slow for the hot path.
pub async fn decisions(tx: &mut Tx) -> Result<Vec<(String, String, i64)>, StoreError> {
    tx.rows(DECISIONS, args![]).await
}
