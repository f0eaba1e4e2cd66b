//! Preferences: what prospects chose about our newsletters on their own pages, and the history of it.
//!
//! For the page: [`of`] says what stands, [`choose`] keeps what was chosen (the whole of it, as a form posts it), [`history`] says who
//! chose what when and where. The topics to list are those of the plan (`Plan::topics`); a refused topic that no campaign has any more
//! is to be posted back as it was, so that it stays refused. Whether clicks are followed is a consent (`consents::add`, with the text as
//! it was shown), and "none at all" a suppression.

use crate::domain::id::ProspectId;
use crate::domain::language::Language;
use crate::domain::preferences::{Choice, Preferences, today};
use crate::domain::span::midnight;
use crate::store::engine::backend::{InRow, StoreError, Tx, args};
use crate::store::engine::value::{instant, name, texts, to_json};
use crate::store::people::audience_changes;
use crate::store::people::prospects::{self, FieldChange};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use std::fmt;

const OF: &str = "SELECT less_often, paused_until, language FROM preferences WHERE prospect_id = $1";
const TOPICS: &str = "SELECT topic FROM refused_topics WHERE prospect_id = $1 ORDER BY topic";
const PUT: &str = "
    INSERT INTO preferences (prospect_id, less_often, paused_until, language, changed_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (prospect_id) DO UPDATE SET less_often = excluded.less_often, paused_until = excluded.paused_until,
        language = excluded.language, changed_at = excluded.changed_at";
const WANT: &str = "
    DELETE FROM refused_topics WHERE prospect_id = $1 AND topic NOT IN (SELECT value ->> 'text' FROM json_each($2))";
const REFUSE: &str = "
    INSERT INTO refused_topics (prospect_id, topic, refused_at)
    SELECT CAST($1 AS BIGINT), value ->> 'text', CAST($3 AS BIGINT) FROM json_each($2) WHERE TRUE
    ON CONFLICT (prospect_id, topic) DO NOTHING";
const NOTE: &str = "
    INSERT INTO preference_changes (prospect_id, choice, value, source, chosen_at)
    SELECT CAST($1 AS BIGINT), value ->> 'choice', value ->> 'value', CAST($3 AS TEXT), CAST($4 AS BIGINT) FROM json_each($2)
    ORDER BY key";
const HISTORY: &str = "SELECT choice, value, source, chosen_at FROM preference_changes WHERE prospect_id = $1 ORDER BY id";

const CLEAR: [&str; 2] = ["DELETE FROM preferences WHERE prospect_id = $1", "DELETE FROM refused_topics WHERE prospect_id = $1"];
const EVERYBODY: &str = "SELECT prospect_id FROM preferences ORDER BY prospect_id";

/// The field of a prospect that holds their language.
pub const LANGUAGE: &str = "language";

/// A choice with its day and source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chosen {
    pub choice: Choice,
    /// Where it was made: "their own page".
    pub source: String,
    pub at: Timestamp,
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.choice, self.source, today(self.at))
    }
}

/// What a prospect wants now; a pause that is over is none.
pub async fn of(tx: &mut Tx, prospect: ProspectId, now: Timestamp) -> Result<Preferences, StoreError> {
    let row: Option<(bool, Option<i64>, Option<String>)> = tx.row(OF, args![prospect]).await?;
    let Some((less_often, paused_until, language)) = row else { return Ok(Preferences::default()) };
    let paused_until = paused_until.map(day).transpose().in_row("preferences", prospect)?;
    let topics: Vec<(String,)> = tx.rows(TOPICS, args![prospect]).await?;
    let topics = topics.iter().map(|(topic,)| name(topic)).collect::<Result<_, _>>().in_row("refused_topics", prospect)?;
    let language = language.as_deref().and_then(Language::parse);
    Ok(Preferences { refused_topics: topics, less_often, paused_until, language }.as_of(today(now)))
}

/// Everybody who ever chose something.
pub async fn everybody(tx: &mut Tx) -> Result<Vec<ProspectId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(EVERYBODY, args![]).await?;
    Ok(rows.into_iter().map(|(id,)| ProspectId(id)).collect())
}

/// Keeps what a prospect chose, and returns what differs from what stood before; where nothing does, nothing is recorded. A language
/// becomes their field `language`, which lists and forms change no more.
pub async fn choose(
    tx: &mut Tx,
    prospect: ProspectId,
    chosen: &Preferences,
    source: &str,
    now: Timestamp,
) -> Result<Vec<Choice>, StoreError> {
    prospects::lock(tx, prospect).await?;
    let before = of(tx, prospect, now).await?;
    let chosen = chosen.clone().chosen_on(today(now));
    let changes = before.changed_to(&chosen);
    if changes.is_empty() {
        return Ok(changes);
    }
    let language = chosen.language.map(Language::code);
    let paused_until = chosen.paused_until.map(midnight);
    tx.execute(PUT, args![prospect, chosen.less_often, paused_until, language, now]).await?;
    let topics = texts(&chosen.refused_topics)?;
    tx.execute(WANT, args![prospect, topics.clone()]).await?;
    tx.execute(REFUSE, args![prospect, topics, now]).await?;
    if let Some(language) = language.filter(|_| before.language != chosen.language) {
        prospects::set_fields(tx, &[FieldChange { prospect, name: LANGUAGE, value: Some(language) }]).await?;
    }
    note(tx, prospect, &changes, source, now).await?;
    // Mails that were written before ask again.
    audience_changes::note(tx, [prospect]).await?;
    Ok(changes)
}

/// Has a row that is nobody's any more want nothing in particular. Its history is the caller's.
pub async fn clear(tx: &mut Tx, prospect: ProspectId) -> Result<(), StoreError> {
    for sql in CLEAR {
        tx.execute(sql, args![prospect]).await?;
    }
    Ok(())
}

async fn note(tx: &mut Tx, prospect: ProspectId, choices: &[Choice], source: &str, now: Timestamp) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Row {
        choice: &'static str,
        value: Option<String>,
    }
    let rows = choices.iter().map(Choice::parts).map(|(choice, value)| Row { choice, value });
    tx.execute(NOTE, args![prospect, to_json(&rows.collect::<Vec<_>>())?, source, now]).await.map(drop)
}

/// What a prospect chose, oldest first.
pub async fn history(tx: &mut Tx, prospect: ProspectId) -> Result<Vec<Chosen>, StoreError> {
    let rows: Vec<(String, Option<String>, String, i64)> = tx.rows(HISTORY, args![prospect]).await?;
    let chosen = |(word, value, source, at): (String, Option<String>, String, i64)| {
        let whose = || format!("of prospect {prospect}");
        let choice = Choice::parse(&word, value.as_deref());
        let choice = choice.ok_or_else(|| StoreError::value("choice", format!("{word:?} with {value:?} is none")));
        Ok(Chosen {
            choice: choice.in_row("preference_changes", whose())?,
            source,
            at: instant(at).in_row("preference_changes", whose())?,
        })
    };
    rows.into_iter().map(chosen).collect()
}

/// What stands of what a prospect chose: each with where and when they chose it last, oldest first.
pub async fn standing(tx: &mut Tx, prospect: ProspectId, now: Timestamp) -> Result<Vec<Chosen>, StoreError> {
    let now = of(tx, prospect, now).await?;
    let mut standing: Vec<Chosen> = Vec::new();
    for chosen in history(tx, prospect).await?.into_iter().filter(|chosen| now.hold(&chosen.choice)) {
        standing.retain(|earlier| earlier.choice != chosen.choice);
        standing.push(chosen);
    }
    Ok(standing)
}

fn day(midnight: i64) -> Result<Date, StoreError> {
    instant(midnight).map(today)
}
