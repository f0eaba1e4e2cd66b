//! mailbox gone: a relay answers that a mailbox does not exist, and that becomes a signal in the transaction that records
//! the answer. The attempt writer is given this function when it is opened: the group side knows no signals.

use crate::domain::doorway::signal::NewSignal;
use crate::domain::id::ProspectId;
use crate::flow::group::delivery::attempt_writer::{Gone, Writing};
use crate::store::doorway::{assessment_queue, signals};
use crate::store::engine::backend::Tx;
use jiff::Timestamp;

/// Appends a signal for each missing mailbox, and has its prospect assessed.
pub fn record<'a>(tx: &'a mut Tx, gone: &'a [Gone], now: Timestamp) -> Writing<'a> {
    Box::pin(async move {
        let refused = |g: &Gone| (g.mail.prospect, NewSignal::refused(g.mail, &g.words, now));
        let news: Vec<(Option<ProspectId>, NewSignal)> = gone.iter().map(refused).collect();
        let rows: Vec<_> = news.iter().map(|(prospect, signal)| (*prospect, signal)).collect();
        signals::append(tx, &rows, now).await?;
        assessment_queue::enqueue(tx, rows.iter().filter_map(|(p, _)| Some(((*p)?, now)))).await
    })
}
