//! The wrong tokens of late, counted by the network they came from, in memory and bounded.

use crate::domain::span::Span;
use jiff::Timestamp;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// How many wrong tokens of one address are answered as such, within ten minutes.
pub const MOST_FAILURES: u32 = 10;

/// After how long the failures of an address are forgotten, counted from the first.
const WINDOW: Span = Span::minutes(10);

/// How many addresses are remembered; the others share one count.
const MOST_ADDRESSES: usize = 10_000;

/// The wrong tokens of late, by the address they came from. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct FailedLogins(Arc<Mutex<HashMap<Option<IpAddr>, Failures>>>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    since: Timestamp,
}

impl FailedLogins {
    /// Counts one more; returns how many there are, and when they are forgotten.
    pub fn count(&self, from: IpAddr, now: Timestamp) -> (u32, Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let network = Some(network(from));
        if all.len() >= MOST_ADDRESSES && !all.contains_key(&network) {
            all.retain(|_, failures| WINDOW.after(failures.since) > now);
        }
        let key = if all.len() < MOST_ADDRESSES || all.contains_key(&network) { network } else { None };
        let failures = all.entry(key).or_insert(Failures { count: 0, since: now });
        if WINDOW.after(failures.since) <= now {
            *failures = Failures { count: 0, since: now };
        }
        failures.count = failures.count.saturating_add(1);
        (failures.count, WINDOW.after(failures.since))
    }
}

/// The network of an address: a household or server has a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_by_network_and_forgotten() {
        let logins = FailedLogins::default();
        let at = |minutes: i64| Span::minutes(minutes).after("2026-01-12T08:00:00Z".parse().expect("an instant"));
        let from = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(logins.count(from("2001:db8::1"), at(0)).0, 1);
        assert_eq!(logins.count(from("2001:db8::ffff:2"), at(1)).0, 2, "of the same /64");
        assert_eq!(logins.count(from("2001:db8:0:1::1"), at(1)).0, 1);
        assert_eq!(logins.count(from("::ffff:192.0.2.1"), at(1)).0, 1);
        assert_eq!(logins.count(from("192.0.2.1"), at(2)), (2, at(11)));
        assert_eq!(logins.count(from("2001:db8::1"), at(10)).0, 1);
    }

    #[test]
    fn a_flood_of_addresses_shares_one_count() {
        let logins = FailedLogins::default();
        let now = "2026-01-12T08:00:00Z".parse().expect("an instant");
        let of = |number: u32| IpAddr::V4(number.into());
        for number in 0..u32::try_from(MOST_ADDRESSES).expect("a number") {
            assert_eq!(logins.count(of(number), now).0, 1);
        }
        let counts: Vec<u32> = (0..5).map(|number| logins.count(of(1 << 30 | number), now).0).collect();
        assert_eq!(counts, [1, 2, 3, 4, 5]);
        assert_eq!(logins.count(of(7), now).0, 2);
    }
}
