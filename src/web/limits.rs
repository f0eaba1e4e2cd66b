//! Limits: how often something is taken from one visitor, of one form, about one address.
//!
//! Kept in memory and bounded: a restart forgets them, each node counts its own, and nobody's address is kept, only a hash of
//! it under a key of this process. Each entry is one number, the instant at which all is available again (the generic cell
//! rate algorithm, ITU-T I.371).

use crate::domain::address::Address;
use crate::domain::door::Limit;
use crate::domain::id::{DeliveryId, IssueId, Name};
use crate::domain::network::Household;
use jiff::SignedDuration;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many entries are kept at most. When there are more, those who are not among them share one of each kind.
const MOST: usize = 50_000;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose<'a> {
    /// A visitor's forms.
    Visitor(Household),
    Form(&'a Name),
    Address(&'a Address),
    /// The clicks of one mail.
    Clicks(DeliveryId),
    /// The answers of one mail.
    Answers(DeliveryId),
    /// What is saved on the prospect's own page of one mail.
    Preferences(DeliveryId),
    /// The clicks of an issue's mails that are not tracked.
    Issue(IssueId),
    /// A visitor's wrong tokens.
    Logins(Household),
    /// All addresses that are typed to be stopped.
    TypedStops,
}

/// The limits. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Limits(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    key: RandomState,
    entries: Mutex<Entries>,
    is_open: bool,
}

#[derive(Debug, Default)]
struct Entries {
    /// The steady instant at which each has all of its limit again.
    full_at: HashMap<u64, SignedDuration>,
    /// When those that had it were last taken out.
    swept_at: SignedDuration,
}

/// How far apart two sweeps are at least: each looks at every entry.
const SWEEP: SignedDuration = SignedDuration::from_secs(1);

impl Entries {
    /// Makes room where there is none, if there is any to make.
    fn make_room(&mut self, now: SignedDuration) {
        if now.saturating_sub(self.swept_at) >= SWEEP {
            self.swept_at = now;
            self.full_at.retain(|_, full_at| *full_at > now);
        }
    }
}

impl Limits {
    /// Takes everything: for towns, where a year passes in a second.
    pub fn open() -> Self {
        Self(Arc::new(Inner { is_open: true, ..Inner::default() }))
    }

    /// Takes one, at an instant of the steady clock.
    ///
    /// # Errors
    /// How long to wait for the next one.
    pub fn take(&self, whose: Whose<'_>, limit: Limit, now: SignedDuration) -> Result<(), Duration> {
        if self.0.is_open {
            return Ok(());
        }
        let signed = |duration: Duration| SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        let (each, within) = (signed(limit.each()), signed(limit.within));
        let mut entries = self.0.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = self.0.key.hash_one(whose);
        if entries.full_at.len() >= MOST && !entries.full_at.contains_key(&key) {
            entries.make_room(now);
            if entries.full_at.len() >= MOST {
                key = self.0.key.hash_one(std::mem::discriminant(&whose));
            }
        }
        let full_at = entries.full_at.entry(key).or_insert(now);
        let next = (*full_at).max(now).saturating_add(each);
        let wait = next.saturating_sub(now).saturating_sub(within);
        if wait > SignedDuration::ZERO {
            return Err(Duration::try_from(wait).unwrap_or_default());
        }
        *full_at = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::network::household;
    use std::net::{IpAddr, Ipv6Addr};

    const LIMIT: Limit = Limit { most: 6, within: Duration::from_hours(1) };

    fn at(seconds: i64) -> SignedDuration {
        SignedDuration::from_secs(1_000 + seconds)
    }

    #[test]
    fn so_many_at_once_and_then_evenly() {
        let (limits, name) = (Limits::default(), Name::parse("call-me").expect("a name"));
        let take = |seconds| limits.take(Whose::Form(&name), LIMIT, at(seconds));
        assert!((0..6).all(|_| take(0).is_ok()));
        assert_eq!(take(0), Err(Duration::from_mins(10)));
        assert_eq!(take(9 * 60), Err(Duration::from_mins(1)), "who is refused pays nothing");
        assert_eq!((take(600), take(600)), (Ok(()), Err(Duration::from_mins(10))));
        let other = Name::parse("demo").expect("a name");
        assert_eq!(limits.take(Whose::Form(&other), LIMIT, at(600)), Ok(()));
        assert!((0..7).filter(|_| take(100_000).is_ok()).count() == 6, "it fills up, and no further");
    }

    #[test]
    fn a_million_visitors_take_no_more_memory_than_fifty_thousand() {
        let limits = Limits::default();
        let visitor = |n: u128| household(IpAddr::V6(Ipv6Addr::from(n << 64)));
        let taken = (0..1_000_000).filter(|n| limits.take(Whose::Visitor(visitor(*n)), LIMIT, at(0)).is_ok()).count();
        assert_eq!(taken, MOST + 6, "the others share one limit");
        assert_eq!(limits.0.entries.lock().expect("whole").full_at.len(), MOST + 1);
        // What else is limited is not theirs.
        assert_eq!(limits.take(Whose::Answers(DeliveryId(1)), LIMIT, at(0)), Ok(()));
        assert_eq!(limits.take(Whose::Logins(visitor(2_000_000)), LIMIT, at(0)), Ok(()));
        // Those who were there are still told apart.
        assert_eq!(limits.take(Whose::Visitor(visitor(1)), LIMIT, at(0)), Ok(()));
        // Later there is room again.
        assert_eq!(limits.take(Whose::Visitor(visitor(3_000_000)), LIMIT, at(7_200)), Ok(()));
        assert_eq!(limits.0.entries.lock().expect("whole").full_at.len(), 1);
    }
}
