//! The one checker: what the relay's journal, the database and the logs say together after everything is over.
//!
//! Pure, so that it can itself be tested with a lost, a doubled and a late mail. It does not judge how the scenario
//! went; it names what broke a promise, by the check's number in the list below.
//!
//! C1 nothing is lost · C2 repetitions within the bound, and the same mail · C3 nothing is accepted that was not marked ·
//! C4 nothing is marked after a stop · C7 the tables are whole · C9 no address in a log · C10 it finished.

use std::collections::BTreeMap;

/// A mail as the relay journalled it before it answered 250.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Journalled {
    /// To whom.
    pub(crate) recipient: String,
    /// Its Message-ID.
    pub(crate) message_id: String,
    /// The hash of every byte behind DATA, the headers included.
    pub(crate) hash: String,
}

/// A delivery as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// To whom.
    pub(crate) recipient: String,
    /// Its state, in the words of the diagram.
    pub(crate) state: String,
    /// When it was marked, epoch milliseconds, in the order of its attempts.
    pub(crate) marked_at: Vec<i64>,
    /// How many of those marks never got a result.
    pub(crate) doubts: usize,
}

/// A stop as whoever committed it noted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stopped {
    /// Whose.
    pub(crate) recipient: String,
    /// When its commit had returned, epoch milliseconds.
    pub(crate) committed_at: i64,
    /// How many marks the person had, read inside the stop's own transaction after it had written: no later mark can
    /// have been made by anybody who did not see the stop.
    pub(crate) marks: usize,
    /// How many mails were journalled when its commit had returned.
    pub(crate) journalled: usize,
}

/// All that is left when everything is over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remains {
    /// In the order of acceptance, as read back from the disk.
    pub(crate) journal: Vec<Journalled>,
    /// Every delivery there should be, and no other.
    pub(crate) deliveries: Vec<Delivery>,
    /// How many deliveries were published.
    pub(crate) published: usize,
    /// Every stop.
    pub(crate) stops: Vec<Stopped>,
    /// What the engine complains about.
    pub(crate) complaints: Vec<String>,
    /// What the daemons logged.
    pub(crate) log: String,
    /// What stands in every prospect's address and nowhere else.
    pub(crate) secret: String,
    /// How many mails may be repeated at most.
    pub(crate) bound: usize,
    /// How many mails may be in flight at one moment, on all nodes together.
    pub(crate) in_flight: usize,
    /// Whether it came to an end by itself.
    pub(crate) finished: bool,
}

/// What the checker found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Deliveries with no end, or accepted on paper only.
    pub(crate) lost: usize,
    /// Mails that arrived again.
    pub(crate) duplicates: usize,
    /// Mails whose mark is later than a stop.
    pub(crate) after_stop: usize,
    /// Mails that were marked before a stop and arrived after it.
    pub(crate) in_flight: usize,
    /// Deliveries held because nobody knows.
    pub(crate) uncertain: usize,
    /// Deliveries by their end.
    pub(crate) ends: BTreeMap<String, usize>,
    /// Everything that broke a promise, in words.
    pub(crate) broken: Vec<String>,
}

const ENDS: [&str; 6] = ["accepted", "failed", "suppressed", "skipped", "cancelled", "uncertain"];

/// Checks everything.
pub(crate) fn check(remains: &Remains) -> Verdict {
    let mut verdict = Verdict::default();
    let mut mails: BTreeMap<&str, Vec<(usize, &Journalled)>> = BTreeMap::new();
    for (at, mail) in remains.journal.iter().enumerate() {
        mails.entry(&mail.recipient).or_default().push((at, mail));
    }
    let rows: BTreeMap<&str, &Delivery> = remains.deliveries.iter().map(|row| (row.recipient.as_str(), row)).collect();
    lost(remains, &rows, &mails, &mut verdict);
    repeated(remains, &rows, &mails, &mut verdict);
    stopped(remains, &rows, &mails, &mut verdict);
    verdict.broken.extend(remains.complaints.iter().map(|complaint| format!("C7: {complaint}")));
    let told = remains.log.lines().filter(|line| line.to_lowercase().contains(&remains.secret)).count();
    if told > 0 {
        verdict.broken.push(format!("C9: {told} lines of the logs hold an address"));
    }
    if !remains.finished {
        verdict.broken.push("C10: it did not finish".to_owned());
    }
    verdict
}

type Rows<'a> = BTreeMap<&'a str, &'a Delivery>;
type Mails<'a> = BTreeMap<&'a str, Vec<(usize, &'a Journalled)>>;

/// C1: every delivery has an end, the end is true, and there are as many as were published.
fn lost(remains: &Remains, rows: &Rows<'_>, mails: &Mails<'_>, verdict: &mut Verdict) {
    if remains.deliveries.len() != remains.published || rows.len() != remains.published {
        let (found, published) = (remains.deliveries.len(), remains.published);
        verdict.broken.push(format!("C1: {published} deliveries were published and {found} are there, to {}", rows.len()));
        verdict.lost += published.saturating_sub(rows.len());
    }
    for row in &remains.deliveries {
        *verdict.ends.entry(row.state.clone()).or_default() += 1;
        verdict.uncertain += usize::from(row.state == "uncertain");
        let arrived = mails.contains_key(row.recipient.as_str());
        let why = match row.state.as_str() {
            state if !ENDS.contains(&state) => "has no end",
            "accepted" if !arrived => "is not in the journal",
            "failed" | "suppressed" | "skipped" | "cancelled" if arrived => "is in the journal all the same",
            _ => continue,
        };
        verdict.lost += 1;
        verdict.broken.push(format!("C1: {} is {} and {why}", row.recipient, row.state));
    }
}

/// C2 and C3: every mail has its mark; who got it twice got the same, because of a doubt, and not a third time.
fn repeated(remains: &Remains, rows: &Rows<'_>, mails: &Mails<'_>, verdict: &mut Verdict) {
    for (recipient, copies) in mails {
        verdict.duplicates += copies.len() - 1;
        let Some(row) = rows.get(recipient) else {
            verdict.broken.push(format!("C3: {recipient} got a mail and has no delivery"));
            continue;
        };
        if copies.len() > row.marked_at.len() {
            let marks = row.marked_at.len();
            verdict.broken.push(format!("C3: {recipient} got {} mails and has {marks} marks", copies.len()));
        }
        if copies.len() - 1 > row.doubts || copies.len() > 2 {
            let doubts = row.doubts;
            verdict.broken.push(format!("C2: {recipient} got {} mails and was in doubt {doubts} times", copies.len()));
        }
        if copies.iter().any(|(_, copy)| copy != &copies[0].1) {
            verdict.broken.push(format!("C2: {recipient} got mails that differ"));
        }
    }
    if verdict.duplicates > remains.bound {
        verdict.broken.push(format!("C2: {} mails were repeated, and {} may be", verdict.duplicates, remains.bound));
    }
}

/// C4: after a stop has committed nobody marks that person, by the count that its transaction read and by the clock;
/// and what arrives later was in flight.
fn stopped(remains: &Remains, rows: &Rows<'_>, mails: &Mails<'_>, verdict: &mut Verdict) {
    for stop in &remains.stops {
        let copies: &[(usize, &Journalled)] = mails.get(stop.recipient.as_str()).map_or(&[], Vec::as_slice);
        let late = copies.iter().filter(|(at, _)| *at >= stop.journalled).count();
        let Some(row) = rows.get(stop.recipient.as_str()) else {
            verdict.broken.push(format!("C1: {} was stopped and has no delivery", stop.recipient));
            continue;
        };
        let marked = row.marked_at.len().saturating_sub(stop.marks);
        let by_the_clock = row.marked_at.iter().filter(|at| **at > stop.committed_at).count();
        if marked.max(by_the_clock) > 0 {
            verdict.after_stop += late.max(1);
            verdict.broken.push(format!("C4: {} was marked after their stop, and got {late} mails after it", stop.recipient));
        } else {
            verdict.in_flight += late;
            // A stop can only be overtaken by the mails that were in flight at its instant.
            if late > remains.in_flight {
                verdict.broken.push(format!("C4: {} got {late} mails after their stop", stop.recipient));
            }
        }
    }
}
