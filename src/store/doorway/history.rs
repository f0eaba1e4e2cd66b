//! History: every signal ever recorded, read from its rows in the order of their numbers, for a scan of all of them. A
//! scan of only some prospects reads through `signals`.

use crate::domain::doorway::signal::Detail;
use crate::domain::id::{ProspectId, SignalId};
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::text_rows;
use crate::store::engine::value::from_json;
use std::collections::HashMap;
use std::ops::Range;

/// How many rows are packed into one value: decoding a row by itself takes four times as long.
const PACKED: i64 = 2_000;
/// How many different details are cached; most rows repeat another row's.
const REMEMBERED: usize = 4_096;

const EXTENT: &str = "SELECT COALESCE((SELECT MAX(id) FROM signals), 0), COALESCE((SELECT MAX(id) FROM prospects), 0)";
const ROWS: &str = "
    SELECT string_agg(format('%s\t%s\t%s', prospect_id, CASE WHEN machine IS NULL THEN 0 ELSE 1 END, detail), '\n')
    FROM signals WHERE id > $1 AND id <= $2 AND prospect_id IS NOT NULL";

/// The numbers of the newest signal and the newest prospect; zero without any.
pub async fn extent(tx: &mut Tx) -> Result<(SignalId, ProspectId), StoreError> {
    let row: Option<(i64, i64)> = tx.row(EXTENT, args![]).await?;
    let (signal, prospect) = row.ok_or(StoreError::Rows { expected: 1, found: 0 })?;
    Ok((SignalId(signal), ProspectId(prospect)))
}

/// The columns of a signal that a scan reads.
#[derive(Debug, Clone, Copy)]
pub struct Scanned<T> {
    pub prospect: ProspectId,
    /// Whether the signal was recorded as a machine's.
    pub is_machine: bool,
    /// The value `read` made of its detail.
    pub detail: T,
}

/// Reads the signals after the first of these numbers, up to the last, that identify a prospect. `read` is called once for
/// equal details while they are cached.
///
/// # Errors
/// When a detail cannot be read.
pub async fn scan<T: Copy>(
    tx: &mut Tx,
    signals: Range<SignalId>,
    read: impl Fn(Detail) -> T,
    mut each: impl FnMut(Scanned<T>),
) -> Result<(), StoreError> {
    let mut known: HashMap<String, T> = HashMap::new();
    let mut first = signals.start.0;
    while first < signals.end.0 {
        let last = signals.end.0.min(first + PACKED);
        text_rows::read(tx, ROWS, args![first, last], |columns| {
            let (prospect, is_machine, text) = (ProspectId(columns.number()?), columns.number()? == 1, columns.text()?);
            let detail = if let Some(detail) = known.get(text) {
                *detail
            } else {
                let detail = read(from_json("signal", text)?);
                if known.len() == REMEMBERED {
                    known.clear();
                }
                known.insert(text.to_owned(), detail);
                detail
            };
            each(Scanned { prospect, is_machine, detail });
            Ok(())
        })
        .await?;
        first = last;
    }
    Ok(())
}
