//! A database with years behind it: issues that went to all prospects and are finished, and one that is due. Written set-wise,
//! straight into the tables: sending it all would take an hour.

use crate::company::{CAMPAIGN, Company};
use crate::progress::Progress;
use anyhow::{Result, ensure};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::path::Path;

/// How many issues each prospect has had.
pub(crate) const ISSUES: i64 = 10;
/// How many deliveries one lease covers: as many as publishing gives it.
const RANGE: i64 = 2_000;
/// When the first was due, and the distance between two: a month, from 2020 on, in milliseconds.
const FIRST: i64 = 1_577_836_800_000;
const APART: i64 = 30 * 86_400_000;

const OCCURRENCE: &str = "
    INSERT INTO occurrences (campaign, nominal, due_at, state, cursor, filled_at)
    VALUES ($1, 'history ' || $2, $2, 'filled', (SELECT MAX(id) FROM prospects), $2) RETURNING id";
const ISSUE: &str = "
    INSERT INTO issues (occurrence_id, campaign, newsletter, subject, content, message)
    VALUES ($1, $2, $3, 'history', $4, $5) RETURNING id";
const DELIVERIES: &str = "
    INSERT INTO deliveries (occurrence_id, issue_id, prospect_id, address, tracked)
    SELECT $1, $2, id, address, TRUE FROM prospects ORDER BY id";
const LEASES: &str = "
    INSERT INTO leases (issue_id, first_id, last_id, fence, not_before, finished_at)
    SELECT $1, MIN(id), MAX(id), $3, $4, CASE $3 WHEN 0 THEN NULL ELSE $4 END
    FROM deliveries WHERE id > $2 GROUP BY (id - $2 - 1) / $5";
const ATTEMPTS: &str = "
    INSERT INTO attempts (delivery_id, number, state, at, fence, reply)
    SELECT d.id, s.number, s.state, $2 + s.number, 1, s.reply
    FROM deliveries d CROSS JOIN (SELECT 1 AS number, 'transmitting' AS state, NULL AS reply
                                  UNION ALL SELECT 2, 'accepted', '250 2.0.0 Ok') s
    WHERE d.id > $1 ORDER BY d.id, s.number";

/// Writes the history into a database that holds only prospects.
pub(crate) async fn write(company: &Company, file: &Path) -> Result<()> {
    let progress = Progress::of("history", ISSUES.unsigned_abs() + 1)?;
    let mut tables = open(file, SqliteSynchronous::Off).await?;
    let (content, message) = company.issue()?;
    for number in 0..=ISSUES {
        let due_at = FIRST + number * APART;
        let due = number == ISSUES;
        // All have had a newsletter of this name before, unless it is the one that is due.
        let newsletter = if due { CAMPAIGN.to_owned() } else { format!("history-{number}") };
        let mut tx = tables.begin().await?;
        let before: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(id), 0) FROM deliveries").fetch_one(&mut *tx).await?;
        let occurrence: i64 = sqlx::query_scalar(OCCURRENCE).bind(CAMPAIGN).bind(due_at).fetch_one(&mut *tx).await?;
        let issue = sqlx::query_scalar(ISSUE).bind(occurrence).bind(CAMPAIGN).bind(newsletter).bind(&content).bind(&message);
        let issue: i64 = issue.fetch_one(&mut *tx).await?;
        sqlx::query(DELIVERIES).bind(occurrence).bind(issue).execute(&mut *tx).await?;
        let leases = sqlx::query(LEASES).bind(issue).bind(before).bind(i64::from(!due)).bind(due_at).bind(RANGE);
        leases.execute(&mut *tx).await?;
        if !due {
            sqlx::query(ATTEMPTS).bind(before).bind(due_at).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        progress.at(number.unsigned_abs() + 1);
    }
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut tables).await?;
    tables.close().await?;
    Ok(())
}

/// Makes every open lease due and free again, and returns how often leases were claimed so far.
pub(crate) async fn put_back(file: &Path) -> Result<i64> {
    const FREE: &str =
        "UPDATE leases SET owner = NULL, leased_until = NULL, not_before = $1 WHERE finished_at IS NULL AND not_before <> $1";
    let mut tables = open(file, SqliteSynchronous::Full).await?;
    let begun: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM attempts a WHERE a.delivery_id > (SELECT MIN(first_id) - 1 FROM leases WHERE finished_at IS NULL)",
    )
    .fetch_one(&mut tables)
    .await?;
    ensure!(begun == 0, "{begun} attempts were made, though nobody took a mail");
    sqlx::query(FREE).bind(FIRST + ISSUES * APART).execute(&mut tables).await?;
    let claims = sqlx::query_scalar("SELECT COALESCE(SUM(fence), 0) FROM leases WHERE finished_at IS NULL");
    let claims: i64 = claims.fetch_one(&mut tables).await?;
    tables.close().await?;
    Ok(claims)
}

async fn open(file: &Path, synchronous: SqliteSynchronous) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(file).journal_mode(SqliteJournalMode::Wal);
    Ok(options.synchronous(synchronous).connect().await?)
}
