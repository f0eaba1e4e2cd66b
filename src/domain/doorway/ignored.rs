//! Which signals count for nothing, and why. Every signal is kept and can be explained; being recorded does not make it count.
//!
//! This module finds the hits of machines that only other hits show (bursts), and those that a salesperson judged later.

use super::machine::{Machine, TRAP};
use super::signal::{Detail, Judged, Posted, Signal};
use crate::domain::criterion::Criterion;
use crate::domain::id::{DeliveryId, SignalId};
use crate::domain::span::Span;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Clicks on different links of one delivery within this time are taken for a machine's.
pub const BURST: SignedDuration = SignedDuration::from_secs(3);

/// Whatever of a mail is followed within this time of the link that no person sees is taken for its follower's, wherever it came from;
/// what else is theirs, a sweep tells.
const NEAR_TRAP: SignedDuration = SignedDuration::from_secs(20);

/// A click counts from this age on: by then a machine's burst around it would have shown.
pub const PROVISIONAL: Span = Span::minutes(10);

/// How many more questions the page behind a link asks.
pub const MORE: usize = 2;
/// How long one breath is: so long, pressing again asks nothing more.
const BREATH: SignedDuration = SignedDuration::from_hours(24);

/// A signal that counts for nothing: at all, or about one criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ignored {
    pub signal: SignalId,
    /// The criterion about which it counts for nothing; `None` for all of them.
    pub criterion: Option<Criterion>,
    pub why: Why,
}

/// Why a signal counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It was taken for a machine's when it arrived, or is by the hits around it.
    Machine(Machine),
    /// It counted, and was judged to be a machine's later.
    Withdrawn,
    /// A form for which its address has not answered: anybody may have typed it.
    Unconfirmed,
    /// A click that is less than ten minutes old.
    Provisional,
    /// A later statement says otherwise, or the same again.
    Superseded,
    Outranked,
    /// It speaks of the prospect alone, and a colleague decides.
    OfThemselves,
    /// A salesperson returned the prospect to nurture after it.
    Lapsed,
    /// Its window or its time has passed.
    Expired,
}

impl Why {
    /// The reason, to end a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Machine(machine) => machine.words(),
            Self::Withdrawn => "evidence withdrawn: judged a machine's since it was recorded",
            Self::Unconfirmed => "not confirmed: nobody has answered from this address",
            Self::Provisional => "provisional: a click counts after ten minutes",
            Self::Superseded => "superseded by something later",
            Self::Outranked => "outranked: a person said otherwise",
            Self::OfThemselves => "outranked: a colleague of theirs decides",
            Self::Lapsed => "lapsed: a salesperson returned the prospect since",
            Self::Expired => "expired",
        }
    }

    /// Whether the reason is that a machine made it.
    pub const fn is_machine(self) -> bool {
        matches!(self, Self::Machine(_) | Self::Withdrawn)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl Serialize for Why {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.words())
    }
}

/// The signals of machines among these, which are ordered by time: classified on arrival, judged since, or found now by
/// the hits around them. A signal judged to be a person's stays a person's.
pub fn machines(signals: &[&Signal]) -> BTreeMap<SignalId, Why> {
    let told = |s: &&Signal| match (s.judged, s.machine) {
        // A click that was judged by the hits around it before it counted was never evidence; an answer counts at once.
        (Some(Judged { machine: Some(machine), recorded_at }), None)
            if machine != Machine::ByHand
                && matches!(s.detail, Detail::Click { .. })
                && recorded_at < PROVISIONAL.after(s.occurred_at) =>
        {
            Some(Why::Machine(machine))
        }
        (Some(judged), None) => judged.machine.map(|_| Why::Withdrawn),
        (Some(judged), Some(_)) => judged.machine.map(Why::Machine),
        (None, machine) => machine.map(Why::Machine),
    };
    let mut found: BTreeMap<SignalId, Why> = signals.iter().filter_map(|s| Some((s.id, told(s)?))).collect();
    // Only hits of one mail show anything together, and these are bounded; others may be very many at one instant.
    for (i, a) in signals.iter().enumerate().filter(|(_, a)| a.delivery.is_some()) {
        for b in signals[i + 1..].iter().take_while(|b| b.occurred_at.duration_since(a.occurred_at).as_secs() <= 60) {
            // One that is handed in twice takes no place of its own.
            if a.delivery != b.delivery || a.id == b.id {
                continue;
            }
            // What a machine answered says nothing about what a person did, but for the link that only machines see.
            let is_told = told(a).or_else(|| told(b)).is_some();
            if is_told && matches!(a.detail, Detail::Answer { .. }) && !is_trap(b) {
                continue;
            }
            let (both, why) = match relation(a, b) {
                Some(Relation::Burst) => (true, Why::Machine(Machine::Burst)),
                Some(Relation::Trap) => (true, Why::Machine(Machine::Trap)),
                // What a machine did takes no person's place.
                Some(Relation::Correction) if told(b).is_some() => continue,
                Some(Relation::Correction) => (false, Why::Superseded),
                Some(Relation::Contradiction) => (true, Why::Machine(Machine::Contradictory)),
                None => continue,
            };
            let void = [*a].into_iter().chain(both.then_some(*b));
            for signal in void.filter(|signal| signal.judged.is_none()) {
                found.entry(signal.id).or_insert(why);
            }
        }
    }
    for further in further_answers(signals, &found) {
        found.entry(further).or_insert(Why::Machine(Machine::Burst));
    }
    for beyond in beyond_the_page(signals, &found) {
        found.entry(beyond).or_insert(Why::Machine(Machine::Breath));
    }
    found
}

/// How many questions the page behind a mail's links was answered further in the last breath.
pub fn answered_further(signals: &[Signal], delivery: DeliveryId, now: Timestamp) -> usize {
    let recent = signals.iter().filter(|s| s.delivery == Some(delivery) && now.duration_since(s.occurred_at) < BREATH);
    recent.filter_map(further).collect::<BTreeSet<Criterion>>().len()
}

/// What a signal answered of what a page asked further.
const fn further(signal: &Signal) -> Option<Criterion> {
    match &signal.detail {
        Detail::Answer { criterion, posted: Some(Posted { link: None, .. }), .. } => Some(*criterion),
        _ => None,
    }
}

/// The answers of one mail in one breath about more questions than its page asks: a program pressed its link again and again. What
/// is a machine's already takes no person's place.
fn beyond_the_page(signals: &[&Signal], found: &BTreeMap<SignalId, Why>) -> Vec<SignalId> {
    let mut asked: BTreeMap<DeliveryId, Vec<(Criterion, Timestamp)>> = BTreeMap::new();
    let mut beyond = Vec::new();
    let is_void = |signal: &Signal| found.get(&signal.id).is_some_and(|why| why.is_machine());
    for signal in signals.iter().filter(|signal| signal.judged.is_none() && !is_void(signal)) {
        let (Some(delivery), Some(criterion)) = (signal.delivery, further(signal)) else { continue };
        let asked = asked.entry(delivery).or_default();
        asked.retain(|(_, at)| signal.occurred_at.duration_since(*at) < BREATH);
        if asked.iter().any(|(of, _)| *of == criterion) {
            continue;
        }
        if asked.len() < MORE {
            asked.push((criterion, signal.occurred_at));
        } else {
            beyond.push(signal.id);
        }
    }
    beyond
}

/// The answers to what a page asked further, of whoever pressed several links of the mail at once: by the same visitor, or within a
/// minute.
fn further_answers(signals: &[&Signal], found: &BTreeMap<SignalId, Why>) -> Vec<SignalId> {
    let posted = |s: &Signal| if let Detail::Answer { posted, .. } = &s.detail { posted.clone() } else { None };
    let in_burst = |s: &&&Signal| found.get(&s.id) == Some(&Why::Machine(Machine::Burst));
    let bursts: Vec<(&Signal, Posted)> = signals.iter().filter(in_burst).filter_map(|s| Some((*s, posted(s)?))).collect();
    let follows = |s: &Signal, further: &Posted| {
        bursts.iter().any(|(burst, by)| {
            let after = s.occurred_at.duration_since(burst.occurred_at);
            burst.delivery == s.delivery && after.as_secs() >= 0 && (by.visitor == further.visitor || after.as_secs() <= 60)
        })
    };
    let of_page = |s: &Signal| posted(s).filter(|posted| posted.link.is_none());
    signals
        .iter()
        .filter(|s| s.delivery.is_some() && s.judged.is_none() && of_page(s).is_some_and(|further| follows(s, &further)))
        .map(|s| s.id)
        .collect()
}

/// What two signals of one mail, at most a minute apart and the earlier one first, show together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    /// Two of its links at once.
    Burst,
    /// One of them is the link that no person sees.
    Trap,
    /// The same visitor chose another answer; or the link was followed again from elsewhere at once, by whoever waited until it was
    /// checked for them.
    Correction,
    /// Different answers, and nothing says that one visitor gave both.
    Contradiction,
}

/// Whether a signal followed the link that no person sees. What names itself does so wherever it goes: it says nothing of others.
fn is_trap(signal: &Signal) -> bool {
    let names_itself = signal.machine.is_some_and(|machine| machine != Machine::Trap);
    matches!(&signal.detail, Detail::Click { target } if target == TRAP) && !names_itself
}

fn relation(a: &Signal, b: &Signal) -> Option<Relation> {
    let at_once = b.occurred_at.duration_since(a.occurred_at) <= BURST;
    if (is_trap(a) || is_trap(b)) && b.occurred_at.duration_since(a.occurred_at) <= NEAR_TRAP {
        let are_acts = [a, b].iter().all(|s| matches!(s.detail, Detail::Click { .. } | Detail::Answer { .. }));
        return are_acts.then_some(Relation::Trap);
    }
    match (&a.detail, &b.detail) {
        (Detail::Click { target: one }, Detail::Click { target: two }) => {
            at_once.then_some(if one == two { Relation::Correction } else { Relation::Burst })
        }
        (
            Detail::Answer { criterion: c, id: one_id, say: one, posted: from, .. },
            Detail::Answer { criterion: d, id: two_id, say: two, posted: and, .. },
        ) => {
            let link = |posted: &Option<Posted>| posted.as_ref().and_then(|posted| posted.link);
            let links = link(from).zip(link(and));
            let visitors = from.as_ref().zip(and.as_ref()).map(|(from, and)| (&from.visitor, &and.visitor));
            let other = one != two && (one_id.is_none() || one_id != two_id);
            match (links.is_some_and(|(one, two)| one != two), c == d && other) {
                (true, _) if at_once => Some(Relation::Burst),
                (_, true) if visitors.is_some_and(|(one, two)| one == two) => Some(Relation::Correction),
                (_, true) => Some(Relation::Contradiction),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(id: i64, seconds: i64, detail: Detail) -> Signal {
        let at = Timestamp::from_second(1_793_696_400 + seconds).expect("an instant");
        Signal {
            id: SignalId(id),
            prospect: None,
            occurred_at: at,
            recorded_at: at,
            delivery: Some(DeliveryId(1)),
            issue: None,
            by: None,
            machine: None,
            judged: None,
            detail,
        }
    }

    fn answered(id: i64, seconds: i64, criterion: Criterion, link: Option<u16>) -> Signal {
        let posted = Some(Posted { visitor: format!("v{id}"), link });
        signal(id, seconds, Detail::Answer { criterion, id: None, say: format!("s{id}"), date: None, posted })
    }

    #[test]
    fn a_link_followed_again_at_once_stands_for_the_first_and_a_signal_handed_in_twice_for_itself() {
        let prices = |id| signal(id, 0, Detail::Click { target: "https://tecnofab.example/prices".to_owned() });
        let (one, two) = (prices(1), prices(2));
        assert_eq!(machines(&[&one, &one]), BTreeMap::new());
        assert_eq!(machines(&[&one, &two, &two]), BTreeMap::from([(SignalId(1), Why::Superseded)]));
    }

    #[test]
    fn what_is_void_already_takes_no_persons_place() {
        let hour = 3_600;
        let by_machine = |id: i64, seconds: i64, criterion: Criterion| Signal {
            machine: Some(Machine::Agent),
            ..answered(id, seconds, criterion, None)
        };
        let page = [
            by_machine(1, 0, Criterion::Budget),
            by_machine(2, 120, Criterion::Authority),
            answered(3, hour, Criterion::Vision, None),
            answered(4, hour + 120, Criterion::Timeframe, None),
            answered(5, hour + 240, Criterion::Need, None),
        ];
        let found = machines(&page.iter().collect::<Vec<_>>());
        let (agent, breath) = (Why::Machine(Machine::Agent), Why::Machine(Machine::Breath));
        let expected = [(SignalId(1), agent), (SignalId(2), agent), (SignalId(5), breath)];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_answer_that_a_crowd_voids_had_counted_and_a_young_click_had_not() {
        let crowd = |signal: Signal, after: SignedDuration| {
            let judged = Some(Judged { machine: Some(Machine::Crowd), recorded_at: signal.occurred_at + after });
            let signal = Signal { judged, ..signal };
            machines(&[&signal]).remove(&signal.id)
        };
        let click = || signal(1, 0, Detail::Click { target: "https://tecnofab.example".to_owned() });
        let answer = answered(1, 0, Criterion::Need, Some(1));
        assert_eq!(crowd(click(), SignedDuration::from_secs(40)), Some(Why::Machine(Machine::Crowd)));
        assert_eq!(crowd(click(), SignedDuration::from_mins(10)), Some(Why::Withdrawn));
        assert_eq!(crowd(answer, SignedDuration::from_secs(40)), Some(Why::Withdrawn));
    }
}
