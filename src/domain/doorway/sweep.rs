//! Sweeps: a program that opens the links of one mail as a browser, slowly, or from ever other addresses. What gives it away is the
//! link that no person sees; what else of the mail is its own is told by where it came from, and when.

use super::machine::CROWD;
use crate::domain::id::{DeliveryId, SignalId};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A hit, as far as a sweep is read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swept {
    pub signal: SignalId,
    pub delivery: DeliveryId,
    pub agent: Option<String>,
    /// Where it came from, as a fingerprint.
    pub network: String,
    pub at: Timestamp,
    /// Whether it followed the link that no person sees.
    pub is_trap: bool,
}

/// How far from the trap a sweep goes.
const SWEEP: SignedDuration = SignedDuration::from_hours(24);
/// Whoever reads follows the next link within this time; a fleet does not come back from one address so soon.
const SITTING: SignedDuration = SignedDuration::from_mins(10);
/// Of a mail that is followed more often, so many of the newest hits are looked at: whoever pumps one up makes nobody wait.
const MOST: usize = 100;
/// How far the visits of a fleet lie apart that is in a hurry.
const PACE: SignedDuration = SignedDuration::from_mins(2);
/// From so many networks a fleet comes at least.
const FLEET_OF: usize = 3;

/// The hits of whoever followed the trap of their mail: of the same program on the same network, within a day; of that network, each
/// within a minute of another; and of a fleet. A fleet is three networks or more from which the same program came, of which none but the
/// trap's shows a sitting; where there is one, what came within two minutes of it from a network without a sitting is its own, too.
pub fn sweeps(hits: &[Swept]) -> BTreeSet<SignalId> {
    let mut of_mails: BTreeMap<DeliveryId, Vec<&Swept>> = BTreeMap::new();
    for hit in hits {
        of_mails.entry(hit.delivery).or_default().push(hit);
    }
    of_mails.into_values().flat_map(of_mail).collect()
}

fn of_mail(mut hits: Vec<&Swept>) -> BTreeSet<SignalId> {
    hits.sort_by_key(|hit| (hit.at, hit.signal));
    hits.drain(..hits.len().saturating_sub(MOST));
    let traps: Vec<&Swept> = hits.iter().copied().filter(|hit| hit.is_trap).collect();
    let seated = with_sittings(&hits);
    let roams = |hit: &Swept| !seated.contains(hit.network.as_str());
    let mut swept = BTreeSet::new();
    for trap in traps {
        let of_program: Vec<&&Swept> = hits.iter().filter(|hit| hit.agent == trap.agent && is_near(hit, trap, SWEEP)).collect();
        let roaming = of_program.iter().filter(|hit| roams(hit)).map(|hit| hit.network.as_str());
        let fleet: BTreeSet<&str> = roaming.chain([trap.network.as_str()]).collect();
        let is_fleet = fleet.len() >= FLEET_OF;
        let is_its = |hit: &Swept| hit.network == trap.network || is_fleet && fleet.contains(hit.network.as_str());
        let mut own: BTreeSet<SignalId> = of_program.into_iter().filter(|hit| is_its(hit)).map(|hit| hit.signal).collect();
        own.insert(trap.signal);
        let joins = |hit: &Swept, before: &Swept| {
            let from_there = hit.network == trap.network && is_near(hit, before, CROWD);
            from_there || is_fleet && roams(hit) && is_near(hit, before, PACE)
        };
        spread(hits.iter().copied(), &mut own, joins);
        spread(hits.iter().rev().copied(), &mut own, joins);
        swept.extend(own);
    }
    swept
}

/// Adds each hit that joins the one of them before it, in this order.
fn spread<'a>(hits: impl Iterator<Item = &'a Swept>, own: &mut BTreeSet<SignalId>, joins: impl Fn(&Swept, &Swept) -> bool) {
    let mut before: Option<&Swept> = None;
    for hit in hits {
        if own.contains(&hit.signal) || before.is_some_and(|before| joins(hit, before)) {
            own.insert(hit.signal);
            before = Some(hit);
        }
    }
}

/// The networks from which two hits came within a sitting. In order of time.
fn with_sittings<'a>(hits: &[&'a Swept]) -> BTreeSet<&'a str> {
    let mut last: BTreeMap<&str, &Swept> = BTreeMap::new();
    let mut seated = BTreeSet::new();
    for hit in hits {
        if last.insert(&hit.network, hit).is_some_and(|before| is_near(hit, before, SITTING)) {
            seated.insert(hit.network.as_str());
        }
    }
    seated
}

fn is_near(a: &Swept, b: &Swept, within: SignedDuration) -> bool {
    a.at.duration_since(b.at).abs() <= within
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "Chrome/126";
    const NEW: &str = "Chrome/142";

    fn hit(signal: i64, minutes: i64, network: &str, agent: &str) -> Swept {
        let at = Timestamp::from_second(1_793_696_400 + minutes * 60).expect("an instant");
        let (delivery, agent) = (DeliveryId(1), Some(agent.to_owned()));
        Swept { signal: SignalId(signal), delivery, agent, network: network.to_owned(), at, is_trap: false }
    }

    fn trap(signal: i64, minutes: i64, network: &str, agent: &str) -> Swept {
        Swept { is_trap: true, ..hit(signal, minutes, network, agent) }
    }

    fn found(hits: &[Swept]) -> Vec<i64> {
        sweeps(hits).into_iter().map(|signal| signal.0).collect()
    }

    #[test]
    fn a_fleet_is_known_by_its_program_and_by_its_pace() {
        let fleet = [hit(1, 0, "a", OLD), hit(2, 50, "b", OLD), trap(3, 100, "c", OLD), hit(4, 300, "d", OLD)];
        assert_eq!(found(&fleet), [1, 2, 3, 4]);
        let dressed =
            [hit(1, 0, "a", OLD), hit(2, 1, "b", NEW), trap(3, 9, "c", OLD), hit(4, 20, "d", OLD), hit(5, 23, "e", NEW)];
        assert_eq!(found(&dressed), [1, 2, 3, 4], "the last came three minutes later, as another program");
        let late = [hit(1, 0, "a", OLD), hit(2, 50, "b", OLD), trap(3, 100, "c", OLD), hit(4, 100 + 24 * 60 + 1, "d", OLD)];
        assert_eq!(found(&late), [1, 2, 3]);
    }

    #[test]
    fn whoever_reads_beside_a_fleet_is_a_person() {
        let fleet = [hit(1, 0, "a", OLD), hit(2, 4, "b", OLD), trap(3, 8, "c", OLD)];
        let with = |more: &[Swept]| found(&[&fleet[..], more].concat());
        assert_eq!(with(&[hit(4, 5, "office", NEW), hit(5, 6, "office", NEW)]), [1, 2, 3], "a sitting");
        assert_eq!(with(&[hit(4, 60, "office", NEW)]), [1, 2, 3], "an hour later, in another browser");
        assert_eq!(with(&[hit(4, 60, "office", OLD), hit(5, 62, "office", OLD)]), [1, 2, 3], "a sitting in the same browser");
    }

    #[test]
    fn one_address_is_no_fleet() {
        let gateway = [hit(1, 0, "a", OLD), trap(2, 1, "a", OLD), hit(3, 2, "a", OLD)];
        assert_eq!(found(&gateway), [1, 2, 3]);
        let with = |more: &[Swept]| found(&[&gateway[..], more].concat());
        assert_eq!(with(&[hit(4, 5, "a", NEW)]), [1, 2, 3], "a reader behind the same address");
        assert_eq!(with(&[hit(4, 60, "home", OLD)]), [1, 2, 3], "a reader with the same browser");
        assert_eq!(with(&[hit(4, 90, "a", OLD)]), [1, 2, 3, 4], "it comes back");
        assert_eq!(found(&[hit(1, 0, "a", OLD), hit(2, 20, "b", OLD), hit(3, 40, "c", OLD)]), [0; 0], "no trap");
        let other = Swept { delivery: DeliveryId(2), ..hit(5, 1, "a", OLD) };
        assert_eq!(with(&[other]), [1, 2, 3], "another mail");
    }
}
