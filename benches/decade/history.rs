//! Years of a monthly series, written set-wise: sending them would take days. Prospects came in over the years, evenly; each got one
//! letter a month from then on, in order, until there was none left. One mail in two hundred failed.

use anyhow::Result;
use nurtured::flow::context::Context;
use nurtured::store::people::prospects::{self, Details, FieldChange, NewProspect};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, SqliteConnection};
use std::path::Path;
use std::str::FromStr;

/// The name of the series.
pub(crate) const CAMPAIGN: &str = "decade";
/// How many prospects come in at once.
const PAGE: u64 = 5_000;
/// How long a prepared message is.
const MESSAGE: usize = 11_500;
/// When the first issue was due, and the distance between two: a month, in milliseconds.
const FIRST: i64 = 1_420_070_400_000;
const APART: i64 = 30 * 86_400_000;

/// How much lies behind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Years {
    months: i64,
    /// Over how many months prospects came in.
    joined_within: i64,
    name: &'static str,
}

impl Years {
    pub(crate) const ONE: Self = Self { months: 11, joined_within: 11, name: "first_year" };
    pub(crate) const TEN: Self = Self { months: 119, joined_within: 117, name: "tenth_year" };

    pub(crate) const fn name(self) -> &'static str {
        self.name
    }
}

/// Takes in prospects of food plants, as a list brings them.
pub(crate) async fn people(ctx: &Context, count: u64) -> Result<()> {
    for first in (0..count).step_by(usize::try_from(PAGE)?) {
        let numbers: Vec<u64> = (first..count.min(first + PAGE)).collect();
        let addresses: Vec<String> = numbers.iter().map(|n| format!("person{n}@plant{}.example", n / 20)).collect();
        let new = addresses.iter().map(|address| NewProspect { address, details: Details::default(), mail_stop: None });
        let mut tx = ctx.store().write().await?;
        let ids = prospects::add(&mut tx, &new.collect::<Vec<_>>(), ctx.now()).await?;
        let fields = [("industry", "food"), ("country", "ES"), ("language", "es"), ("job_title", "plant manager")];
        let of = |id| fields.map(|(name, value)| FieldChange { prospect: id, name, value: Some(value) });
        prospects::set_fields(&mut tx, &ids.values().flat_map(|id| of(*id)).collect::<Vec<_>>()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The tables, beside the store.
pub(crate) enum Tables {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Tables {
    pub(crate) async fn sqlite(file: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new().filename(file).journal_mode(SqliteJournalMode::Wal);
        let options = options.synchronous(SqliteSynchronous::Off).pragma("cache_size", "-256000");
        Ok(Self::Sqlite(options.connect().await?))
    }

    pub(crate) async fn postgres(url: &str) -> Result<Self> {
        Ok(Self::Postgres(PgConnectOptions::from_str(url)?.connect().await?))
    }

    /// Writes the history; returns how many deliveries it has.
    pub(crate) async fn write(&mut self, years: Years, letters: usize, prospects: u64) -> Result<i64> {
        let Years { months, joined_within, .. } = years;
        let message = "x".repeat(MESSAGE);
        for month in 1..=months {
            let due = FIRST + month * APART;
            let nominal = format!("'history {month}'");
            // The letter that a prospect gets this month.
            let letter = format!("({month} - (p.id * 37) % {joined_within})");
            let gets_one = format!("{letter} BETWEEN 1 AND {letters}");
            let before = self.number("SELECT COALESCE(MAX(id), 0) FROM deliveries").await?;
            for statement in [
                format!(
                    "INSERT INTO occurrences (campaign, nominal, due_at, state, cursor, filled_at)
                     VALUES ('{CAMPAIGN}', {nominal}, {due}, 'filled', {prospects}, {due})"
                ),
                format!(
                    "INSERT INTO issues (occurrence_id, campaign, newsletter, subject, content, message)
                     SELECT o.id, '{CAMPAIGN}', 'l' || n.letter, 'history', '{{}}', '{message}'
                     FROM occurrences o CROSS JOIN (SELECT DISTINCT CAST({letter} AS TEXT) AS letter FROM prospects p WHERE {gets_one}) n
                     WHERE o.nominal = {nominal}"
                ),
                format!(
                    "INSERT INTO deliveries (occurrence_id, issue_id, prospect_id, address, tracked)
                     SELECT o.id, i.id, p.id, p.address, TRUE
                     FROM occurrences o CROSS JOIN prospects p
                     JOIN issues i ON i.occurrence_id = o.id AND i.newsletter = 'l' || CAST({letter} AS TEXT)
                     WHERE o.nominal = {nominal} AND {gets_one} ORDER BY p.id"
                ),
                format!(
                    "INSERT INTO attempts (delivery_id, number, state, at, fence, reply)
                     SELECT d.id, s.number, CASE WHEN s.number = 2 AND d.id % 200 = 0 THEN 'failed' ELSE s.state END, {due} + s.number, 1, s.reply
                     FROM deliveries d CROSS JOIN (SELECT 1 AS number, 'transmitting' AS state, NULL AS reply
                                                   UNION ALL SELECT 2, 'accepted', '250 2.0.0 Ok') s
                     WHERE d.id > {before} ORDER BY d.id, s.number"
                ),
            ] {
                self.run(statement).await?;
            }
        }
        match self {
            Self::Sqlite(_) => drop(self.number("PRAGMA wal_checkpoint(TRUNCATE)").await?),
            // As autovacuum would have.
            Self::Postgres(_) => self.run("VACUUM ANALYZE".to_owned()).await?,
        }
        self.number("SELECT COUNT(*) FROM deliveries").await
    }

    async fn run(&mut self, statement: String) -> Result<()> {
        let statement = AssertSqlSafe(statement);
        match self {
            Self::Sqlite(tables) => sqlx::raw_sql(statement).execute(tables).await.map(drop)?,
            Self::Postgres(tables) => sqlx::raw_sql(statement).execute(tables).await.map(drop)?,
        }
        Ok(())
    }

    async fn number(&mut self, statement: &'static str) -> Result<i64> {
        Ok(match self {
            Self::Sqlite(tables) => sqlx::query_scalar(statement).fetch_one(tables).await?,
            Self::Postgres(tables) => sqlx::query_scalar(statement).fetch_one(tables).await?,
        })
    }
}
