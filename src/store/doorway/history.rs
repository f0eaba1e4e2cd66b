//! History: every signal ever recorded, shelf by shelf, read from sealed segments where there are any and from rows where
//! there are none. A shelf is 256 prospects whose numbers follow each other. The rows are the truth; a segment that is
//! missing, or that we cannot read, costs time and nothing else.

use super::segment::{self, Broken, Row, Segment};
use crate::domain::doorway::machine::Machine;
use crate::domain::doorway::signal::{Detail, Signal};
use crate::domain::id::{DeliveryId, IssueId, ProspectId, SignalId};
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::value::{from_json, instant, name, to_json, word};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::{BitOrAssign, Range};

/// How many prospects stand on a shelf.
pub const PROSPECTS: i64 = 256;
/// How many signals a segment has before another one is begun.
const FULL: i64 = 4_096;
/// With so many settled signals that are not in a segment yet, a shelf is sealed anew.
const WORTH_IT: i64 = 128;
/// Who seals and who erases take turns: what was erased must not be sealed from what was read before.
pub(in crate::store) const TURN: i64 = 0x5EA1;

const EXTENT: &str = "SELECT COALESCE((SELECT MAX(id) FROM signals), 0), COALESCE((SELECT MAX(id) FROM prospects), 0)";
const SETTLED: &str = "SELECT id FROM signals WHERE recorded_at <= $1 ORDER BY id DESC LIMIT 1";
const SEALED: &str = "SELECT shelf, up_to, content FROM sealed_history WHERE shelf >= $1 AND shelf < $2 ORDER BY shelf, part";
/// `+`: by the index over prospects, not by the number of the signal. Materialized: else SQLite takes the JSON apart once for
/// every signal that it passes over.
const REST: &str = "
    WITH bounds AS MATERIALIZED (
        SELECT CAST(value ->> 'a' AS BIGINT) AS a, CAST(value ->> 'b' AS BIGINT) AS b, CAST(value ->> 'u' AS BIGINT) AS u
        FROM json_each($1))
    SELECT s.id, s.prospect_id, s.occurred_at, s.recorded_at, s.delivery_id, s.issue_id, s.by_whom, s.machine, s.detail
    FROM bounds JOIN signals s ON s.prospect_id >= bounds.a AND s.prospect_id < bounds.b AND +s.id > bounds.u
    WHERE +s.id <= $2";
const COUNT: &str = "
    SELECT prospect_id / 256, COUNT(*) FROM signals WHERE prospect_id >= $1 AND prospect_id < $2 AND +id <= $3 GROUP BY 1";
const COUNT_SEALED: &str = "
    SELECT shelf, CAST(SUM(signals) AS BIGINT) FROM sealed_history WHERE shelf >= $1 AND shelf < $2 GROUP BY shelf";
const PARTS: &str = "SELECT part, up_to, signals FROM sealed_history WHERE shelf = $1 ORDER BY part";
const CONTENT: &str = "SELECT content FROM sealed_history WHERE shelf = $1 AND part = $2";
const PUT: &str = "
    INSERT INTO sealed_history (shelf, part, up_to, signals, content) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (shelf, part) DO UPDATE SET up_to = excluded.up_to, signals = excluded.signals, content = excluded.content";
const DROP: &str = "DELETE FROM sealed_history WHERE shelf = $1";

#[derive(Serialize)]
struct Rest {
    a: i64,
    b: i64,
    u: i64,
}

/// A shelf as read.
#[derive(Debug)]
pub struct Shelf {
    pub number: i64,
    /// The newest signal in its segments, where they hold everything that was asked for.
    pub sealed: Option<SignalId>,
    segments: Vec<Segment>,
    rest: Vec<Signal>,
}

/// How far history reaches: its newest signal, and how many shelves there are.
pub async fn extent(tx: &mut Tx) -> Result<(SignalId, i64), StoreError> {
    let row: Option<(i64, i64)> = tx.row(EXTENT, args![]).await?;
    let (newest, prospect) = row.ok_or(StoreError::Rows { expected: 1, found: 0 })?;
    Ok((SignalId(newest), prospect / PROSPECTS + 1))
}

/// What a first reading has seen: shelves of which nothing but segments need be read again, and up to which signal these go.
pub type Sealed = BTreeMap<i64, SignalId>;

/// These shelves, up to a signal. Of those that were seen to be `sealed` up to it, rows are not looked for once more, unless
/// their segments are others by now.
pub async fn read(tx: &mut Tx, shelves: Range<i64>, up_to: SignalId, sealed: &Sealed) -> Result<Vec<Shelf>, StoreError> {
    let mut found: BTreeMap<i64, (i64, Vec<Segment>)> = shelves.clone().map(|shelf| (shelf, (0, Vec::new()))).collect();
    let mut broken = Vec::new();
    for (shelf, sealed_up_to, content) in tx.rows::<(i64, i64, Vec<u8>)>(SEALED, args![shelves.start, shelves.end]).await? {
        match Segment::open(content) {
            // Sealed since we began: what came later is of no interest, and cannot be told apart cheaply.
            Ok(_) if sealed_up_to > up_to.0 => broken.push(shelf),
            Ok(segment) => {
                let (covered, segments) = found.entry(shelf).or_default();
                *covered = sealed_up_to;
                segments.push(segment);
            }
            Err(error) => {
                tracing::warn!(shelf, %error, "a segment of sealed history cannot be read: its rows are read instead");
                broken.push(shelf);
            }
        }
    }
    for shelf in broken {
        found.insert(shelf, (0, Vec::new()));
    }
    let seen = |shelf: &i64, covered: i64| sealed.get(shelf).is_some_and(|seen| seen.0 == covered);
    let bounds: Vec<Rest> = found
        .iter()
        .filter(|(shelf, (covered, _))| !seen(shelf, *covered))
        .map(|(shelf, (u, _))| Rest { a: shelf * PROSPECTS, b: (shelf + 1) * PROSPECTS, u: *u })
        .collect();
    let mut rest: BTreeMap<i64, Vec<Signal>> = BTreeMap::new();
    if !bounds.is_empty() {
        for row in tx.rows::<Row>(REST, args![to_json(&bounds)?, up_to]).await? {
            let detail = from_json("signal", &row.detail)?;
            rest.entry(row.prospect_id / PROSPECTS).or_default().push(signal(&row, detail)?);
        }
    }
    let shelf = |(number, (covered, segments))| {
        let rest = rest.remove(&number).unwrap_or_default();
        Shelf { number, sealed: rest.is_empty().then_some(SignalId(covered)), segments, rest }
    };
    Ok(found.into_iter().map(shelf).collect())
}

impl Shelf {
    /// What `look` finds in each prospect's signals, taken together. A machine's signals are passed over, unless they are
    /// of somebody of whom a judgement is on record. `look` is asked once for signals that say the same, and must look at
    /// nothing else.
    ///
    /// # Errors
    /// When a detail cannot be read.
    pub fn survey<T: Copy + Default + BitOrAssign>(
        &self,
        judged: impl Fn(ProspectId) -> bool,
        look: impl Fn(&Signal) -> T,
    ) -> Result<BTreeMap<ProspectId, T>, StoreError> {
        let mut found: BTreeMap<ProspectId, T> = BTreeMap::new();
        for segment in &self.segments {
            let mut seen: Vec<Option<T>> = vec![None; segment.details()];
            for person in segment.people() {
                let (counts, mut taken) = (judged(person.prospect), T::default());
                for (number, _) in segment.marks(person).filter(|(_, machine)| counts || !machine) {
                    taken |= match seen[number] {
                        Some(seen) => seen,
                        None => *seen[number].insert(look(&saying(detail(segment, number)?))),
                    };
                }
                *found.entry(person.prospect).or_default() |= taken;
            }
        }
        for signal in &self.rest {
            let Some(prospect) = signal.prospect else { continue };
            let taken = found.entry(prospect).or_default();
            if signal.machine.is_none() || judged(prospect) {
                *taken |= look(signal);
            }
        }
        Ok(found)
    }

    /// A shelf with nothing on it but the signals of those who are wanted in which `look` finds something: packed, so that many
    /// can be kept in memory. Nothing when there are none.
    ///
    /// # Errors
    /// When a signal cannot be read.
    pub fn only(&self, wanted: impl Fn(ProspectId) -> bool, look: impl Fn(&Signal) -> bool) -> Result<Option<Self>, StoreError> {
        let mut rows = Vec::new();
        for segment in &self.segments {
            let mut seen: Vec<Option<bool>> = vec![None; segment.details()];
            for person in segment.people().iter().filter(|person| wanted(person.prospect)) {
                for (row, number) in segment.rows(person).map_err(unreadable)? {
                    let said = segment.detail(number).map_err(unreadable)?;
                    let found = match seen[number] {
                        Some(found) => found,
                        None => *seen[number].insert(look(&saying(from_json("signal", said)?))),
                    };
                    rows.extend(found.then(|| Row { detail: said.to_owned(), ..row }));
                }
            }
        }
        for signal in self.rest.iter().filter(|signal| signal.prospect.is_some_and(&wanted) && look(signal)) {
            rows.push(row(signal)?);
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let segments = vec![Segment::open(segment::pack(rows)).map_err(unreadable)?];
        Ok(Some(Self { number: self.number, sealed: None, segments, rest: Vec::new() }))
    }

    /// The signals of those who are wanted, in the order recorded, without what was judged about them.
    ///
    /// # Errors
    /// When a signal cannot be read.
    pub fn signals(&self, wanted: impl Fn(ProspectId) -> bool) -> Result<BTreeMap<ProspectId, Vec<Signal>>, StoreError> {
        let mut found: BTreeMap<ProspectId, Vec<Signal>> = BTreeMap::new();
        for segment in &self.segments {
            let mut details: Vec<Option<Detail>> = vec![None; segment.details()];
            for person in segment.people().iter().filter(|person| wanted(person.prospect)) {
                let signals = found.entry(person.prospect).or_default();
                for (row, number) in segment.rows(person).map_err(unreadable)? {
                    let said = match &details[number] {
                        Some(said) => said.clone(),
                        None => details[number].insert(detail(segment, number)?).clone(),
                    };
                    signals.push(signal(&row, said)?);
                }
            }
        }
        for signal in &self.rest {
            if let Some(prospect) = signal.prospect.filter(|prospect| wanted(*prospect)) {
                found.entry(prospect).or_default().push(signal.clone());
            }
        }
        Ok(found)
    }
}

/// The newest signal that had been recorded by then.
pub async fn settled(tx: &mut Tx, by: Timestamp) -> Result<Option<SignalId>, StoreError> {
    let row: Option<(i64,)> = tx.row(SETTLED, args![by]).await?;
    Ok(row.map(|(id,)| SignalId(id)))
}

/// Those of these shelves that are worth sealing, up to a signal.
pub async fn unsealed(tx: &mut Tx, shelves: Range<i64>, up_to: SignalId) -> Result<Vec<i64>, StoreError> {
    let sealed: Vec<(i64, i64)> = tx.rows(COUNT_SEALED, args![shelves.start, shelves.end]).await?;
    let sealed: BTreeMap<i64, i64> = sealed.into_iter().collect();
    let (first, last) = (shelves.start * PROSPECTS, shelves.end * PROSPECTS);
    let counted: Vec<(i64, i64)> = tx.rows(COUNT, args![first, last, up_to]).await?;
    let more = |(shelf, signals): &(i64, i64)| (signals - sealed.get(shelf).copied().unwrap_or(0)).abs() >= WORTH_IT;
    Ok(counted.into_iter().filter(more).map(|(shelf, _)| shelf).collect())
}

/// Seals a shelf up to a signal: what came since goes into its last segment, and into new ones as they fill. Returns how
/// many signals it holds then. Doing it twice changes nothing.
pub async fn seal(tx: &mut Tx, shelf: i64, up_to: SignalId) -> Result<i64, StoreError> {
    tx.alone(TURN).await?;
    let counted: Vec<(i64, i64)> = tx.rows(COUNT, args![shelf * PROSPECTS, (shelf + 1) * PROSPECTS, up_to]).await?;
    let there = counted.first().map_or(0, |(_, signals)| *signals);
    let parts: Vec<(i64, i64, i64)> = tx.rows(PARTS, args![shelf]).await?;
    if parts.iter().any(|(_, sealed, _)| *sealed > up_to.0) {
        return Ok(there);
    }
    let sealed: i64 = parts.iter().map(|(.., signals)| signals).sum();
    let (covered, next) = parts.last().map_or((0, 0), |(part, sealed_up_to, _)| (*sealed_up_to, part + 1));
    let mut rows = rest(tx, shelf, covered, up_to).await?;
    let open = parts.last().filter(|(.., signals)| *signals < FULL);
    let last = match open {
        Some((part, ..)) => content(tx, shelf, *part).await?.and_then(|segment| segment.unpack().ok()),
        None => Some(Vec::new()),
    };
    let mut part = if open.is_some() { next - 1 } else { next };
    match last {
        // A row that came to light late (its transaction was long) is in none of them; and what cannot be read is no use.
        Some(before) if sealed + i64::try_from(rows.len()).unwrap_or(0) == there => rows.extend(before),
        _ => {
            tx.execute(DROP, args![shelf]).await?;
            rows = rest(tx, shelf, 0, up_to).await?;
            part = 0;
        }
    }
    // In the order recorded: a segment that is full is never touched again.
    rows.sort_unstable_by_key(|row| row.id);
    for rows in rows.chunks(usize::try_from(FULL).unwrap_or(usize::MAX)) {
        let newest = rows.last().map_or(0, |row| row.id);
        let signals = i64::try_from(rows.len()).unwrap_or(0);
        tx.execute(PUT, args![shelf, part, newest, signals, segment::pack(rows.to_vec())]).await?;
        part += 1;
    }
    Ok(there)
}

async fn rest(tx: &mut Tx, shelf: i64, after: i64, up_to: SignalId) -> Result<Vec<Row>, StoreError> {
    let bounds = [Rest { a: shelf * PROSPECTS, b: (shelf + 1) * PROSPECTS, u: after }];
    tx.rows(REST, args![to_json(&bounds)?, up_to]).await
}

async fn content(tx: &mut Tx, shelf: i64, part: i64) -> Result<Option<Segment>, StoreError> {
    let row: Option<(Vec<u8>,)> = tx.row(CONTENT, args![shelf, part]).await?;
    Ok(row.and_then(|(content,)| Segment::open(content).ok()))
}

fn detail(segment: &Segment, number: usize) -> Result<Detail, StoreError> {
    from_json("signal", segment.detail(number).map_err(unreadable)?)
}

fn unreadable(broken: Broken) -> StoreError {
    StoreError::value("segment of sealed history", broken)
}

fn row(signal: &Signal) -> Result<Row, StoreError> {
    Ok(Row {
        id: signal.id.0,
        prospect_id: signal.prospect.map_or(0, |prospect| prospect.0),
        occurred_at: signal.occurred_at.as_millisecond(),
        recorded_at: signal.recorded_at.as_millisecond(),
        delivery_id: signal.delivery.map(|delivery| delivery.0),
        issue_id: signal.issue.map(|issue| issue.0),
        by_whom: signal.by.as_ref().map(ToString::to_string),
        machine: signal.machine.map(|machine| machine.word().to_owned()),
        detail: to_json(&signal.detail)?,
    })
}

/// A signal of nobody that says this.
fn saying(detail: Detail) -> Signal {
    Signal {
        id: SignalId(0),
        prospect: None,
        occurred_at: Timestamp::UNIX_EPOCH,
        recorded_at: Timestamp::UNIX_EPOCH,
        delivery: None,
        issue: None,
        by: None,
        machine: None,
        judged: None,
        detail,
    }
}

fn signal(row: &Row, detail: Detail) -> Result<Signal, StoreError> {
    Ok(Signal {
        id: SignalId(row.id),
        prospect: Some(ProspectId(row.prospect_id)),
        occurred_at: instant(row.occurred_at)?,
        recorded_at: instant(row.recorded_at)?,
        delivery: row.delivery_id.map(DeliveryId),
        issue: row.issue_id.map(IssueId),
        by: row.by_whom.as_deref().map(name).transpose()?,
        machine: row.machine.as_deref().map(|m| word("machine reason", m, Machine::parse)).transpose()?,
        judged: None,
        detail,
    })
}
