//! The one checker: what the relay's journal, the database and the logs say together after everything is over.
//!
//! Pure, so that it can itself be tested with a lost, a doubled and a late mail. It does not judge how the scenario
//! went; it names what broke a promise, by the check's number in the list below.
//!
//! C1 nothing is lost · C2 repetitions within the bound, and the same mail · C3 nothing is accepted that was not marked ·
//! C4 nothing is marked after a stop · C5 one open handoff, five proofs cited · C6 each signal once, none lost · C7 the
//! tables are whole · C8 memory and descriptors as before · C9 no address in a log · C10 it finished · C11 a request that was
//! thanked reaches a person once.

use std::collections::{BTreeMap, BTreeSet};

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

/// A handoff as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Handoff {
    /// Of which prospect.
    pub(crate) prospect: i64,
    /// Whether it is still offered or owned.
    pub(crate) is_open: bool,
    /// Whether it came from five proofs, and not from a request.
    pub(crate) is_ready: bool,
    /// How many criteria its qualification has as met, each with a signal that is there.
    pub(crate) cited: usize,
    /// How many letters tell its salesperson.
    pub(crate) letters: usize,
    /// How many items on a queue ask for it.
    pub(crate) items: usize,
}

/// A request of a stranger as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    /// What they said, as it is kept.
    pub(crate) words: String,
    /// Whether it is on somebody's queue, or became a handoff.
    pub(crate) placed: bool,
    /// In how many letters, on how many lists, and in how many handoffs it stands.
    pub(crate) times: usize,
    /// Whether its address has confirmed it.
    pub(crate) confirmed: bool,
}

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    /// Open descriptors.
    pub(crate) descriptors: usize,
    /// Resident memory, in kilobytes.
    pub(crate) kilobytes: usize,
}

/// All that is left when everything is over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remains {
    /// Group mail in the order of acceptance, as read back from the disk.
    pub(crate) journal: Vec<Journalled>,
    /// Every delivery there should be, and no other.
    pub(crate) deliveries: Vec<Delivery>,
    /// How many deliveries were published.
    pub(crate) published: usize,
    /// To whom the deliveries go that people are shown as uncertain, where they were asked for.
    pub(crate) listed: Option<Vec<String>>,
    /// Every stop.
    pub(crate) stops: Vec<Stopped>,
    /// Every handoff.
    pub(crate) handoffs: Vec<Handoff>,
    /// What makes each recorded signal one.
    pub(crate) signals: Vec<String>,
    /// What their senders were told is recorded.
    pub(crate) acknowledged: Vec<String>,
    /// The words of the strangers whose requests were thanked.
    pub(crate) thanked: Vec<String>,
    /// Their requests.
    pub(crate) heard: Vec<Heard>,
    /// What the engine complains about.
    pub(crate) complaints: Vec<String>,
    /// What a process held when it had nothing to do yet, and when it had nothing to do any more.
    pub(crate) held: Option<(Held, Held)>,
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
    /// Open handoffs beyond the first of a prospect.
    pub(crate) double_handoffs: usize,
    /// Signals that were acknowledged and are not there.
    pub(crate) lost_signals: usize,
    /// Deliveries by their end.
    pub(crate) ends: BTreeMap<String, usize>,
    /// Everything that broke a promise, in words.
    pub(crate) broken: Vec<String>,
}

const ENDS: [&str; 6] = ["accepted", "failed", "suppressed", "skipped", "cancelled", "uncertain"];
/// What a process may hold more after work than before it: pools and caches that stay.
const MORE_DESCRIPTORS: usize = 24;
const MORE_KILOBYTES: usize = 64 * 1024;

/// Checks everything.
pub(crate) fn check(remains: &Remains) -> Verdict {
    let mut verdict = Verdict::default();
    let mut mails: BTreeMap<&str, Vec<(usize, &Journalled)>> = BTreeMap::new();
    for (at, mail) in remains.journal.iter().enumerate() {
        mails.entry(&mail.recipient).or_default().push((at, mail));
    }
    let rows: BTreeMap<&str, &Delivery> = remains.deliveries.iter().map(|row| (row.recipient.as_str(), row)).collect();
    lost(remains, &rows, &mails, &mut verdict);
    held(remains, &mut verdict);
    repeated(remains, &rows, &mails, &mut verdict);
    stopped(remains, &rows, &mails, &mut verdict);
    handed_off(remains, &mut verdict);
    signalled(remains, &mut verdict);
    heard(remains, &mut verdict);
    verdict.broken.extend(remains.complaints.iter().map(|complaint| format!("C7: {complaint}")));
    if let Some((before, after)) = remains.held {
        if after.descriptors > before.descriptors + MORE_DESCRIPTORS {
            verdict.broken.push(format!("C8: {} descriptors are open, and {} were", after.descriptors, before.descriptors));
        }
        if after.kilobytes > before.kilobytes + MORE_KILOBYTES {
            verdict.broken.push(format!("C8: {} kB of memory are held, and {} were", after.kilobytes, before.kilobytes));
        }
    }
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

/// C1, too: what is held is listed, and nothing else is.
fn held(remains: &Remains, verdict: &mut Verdict) {
    let Some(listed) = &remains.listed else { return };
    let mut left: Vec<&str> = listed.iter().map(String::as_str).collect();
    for row in remains.deliveries.iter().filter(|row| row.state == "uncertain") {
        match left.iter().position(|listed| *listed == row.recipient) {
            Some(at) => drop(left.swap_remove(at)),
            None => verdict.broken.push(format!("C1: {} is uncertain and is not listed", row.recipient)),
        }
    }
    verdict.broken.extend(left.iter().map(|recipient| format!("C1: {recipient} is listed and not uncertain")));
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

/// C5: at most one open handoff each; a ready one cites five proofs; each has its letter and its item on the queue.
fn handed_off(remains: &Remains, verdict: &mut Verdict) {
    let mut open = BTreeSet::new();
    for handoff in &remains.handoffs {
        let prospect = handoff.prospect;
        if handoff.is_open && !open.insert(prospect) {
            verdict.double_handoffs += 1;
            verdict.broken.push(format!("C5: prospect {prospect} has a second open handoff"));
        }
        if handoff.is_ready && handoff.cited != 5 {
            verdict.broken.push(format!("C5: the handoff of prospect {prospect} cites {} of five criteria", handoff.cited));
        }
        if handoff.letters != 1 || handoff.items == 0 {
            let (letters, items) = (handoff.letters, handoff.items);
            verdict.broken.push(format!("C5: the handoff of prospect {prospect} has {letters} letters and {items} items"));
        }
    }
}

/// C6: each signal is there once, and what was acknowledged is there.
fn signalled(remains: &Remains, verdict: &mut Verdict) {
    let mut there = BTreeSet::new();
    for signal in &remains.signals {
        if !there.insert(signal.as_str()) {
            verdict.broken.push(format!("C6: signal {signal} is there twice"));
        }
    }
    for signal in remains.acknowledged.iter().filter(|signal| !there.contains(signal.as_str())) {
        verdict.lost_signals += 1;
        verdict.broken.push(format!("C6: signal {signal} was acknowledged and is not there"));
    }
}

/// C11: each request that was thanked is there once, placed, and told of once.
fn heard(remains: &Remains, verdict: &mut Verdict) {
    for words in &remains.thanked {
        let found: Vec<&Heard> = remains.heard.iter().filter(|heard| heard.words.contains(words.as_str())).collect();
        match found.as_slice() {
            [one] if one.placed && one.times == 1 => {}
            [one] => {
                let (placed, times) = (one.placed, one.times);
                verdict.broken.push(format!("C11: {words:?} was thanked; placed: {placed}, told of {times} times"));
            }
            many => verdict.broken.push(format!("C11: {words:?} was thanked and is there {} times", many.len())),
        }
    }
}
