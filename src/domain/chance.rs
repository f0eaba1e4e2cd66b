//! Repeatable random draws: every draw is a pure function of a seed and of a path of names and numbers, so neither the order
//! of draws nor their number changes any of them. Integer arithmetic only: the same on every machine.

use super::span::Span;
use jiff::SignedDuration;
use serde::Serialize;
use std::fmt;

/// A share between none and all, in millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Share(u32);

const ALL: u32 = 1_000_000;

impl Share {
    pub const ALL: Self = Self(ALL);
    pub const NONE: Self = Self(0);

    /// Reads "2.5%"; the finest step is a ten thousandth of a per cent.
    pub fn parse(text: &str) -> Result<Self, ShareError> {
        let wrong = || ShareError(text.to_owned());
        let number = text.trim().strip_suffix('%').ok_or_else(wrong)?.trim();
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) {
            return Err(wrong());
        }
        let whole: u32 = whole.parse().map_err(|_| wrong())?;
        let part: u32 = format!("{part:0<4}").parse().map_err(|_| wrong())?;
        let share = whole * 10_000 + part;
        if share <= ALL { Ok(Self(share)) } else { Err(wrong()) }
    }

    pub const fn millionths(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:04}", self.0 / 10_000, self.0 % 10_000);
        write!(f, "{}%", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A text that is no share.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no share; write one from \"0%\" to \"100%\", such as \"2.5%\"")]
pub struct ShareError(String);

/// A source of draws. `of` and `nth` derive independent sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance(u64);

impl Chance {
    pub const fn seeded(seed: u64) -> Self {
        Self(mixed(seed ^ 0x6e75_7274_7572_6564))
    }

    /// The independent source with this name.
    #[must_use]
    pub fn of(self, what: &str) -> Self {
        let folded = what
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Self(mixed(self.0 ^ folded))
    }

    /// The independent source with this number.
    #[must_use]
    pub const fn nth(self, number: u64) -> Self {
        Self(mixed(self.0.wrapping_add(mixed(number))))
    }

    /// Whether an event of this probability happens.
    pub const fn happens(self, share: Share) -> bool {
        self.millionth() < share.0 as u64
    }

    /// A number from 0 to 999,999, uniformly distributed.
    pub const fn millionth(self) -> u64 {
        self.below(ALL as u64)
    }

    /// A number below `most`, uniformly distributed; 0 where `most` is 0.
    pub const fn below(self, most: u64) -> u64 {
        ((mixed(self.0) as u128 * most as u128) >> 64) as u64
    }

    pub fn among<T>(self, all: &[T]) -> Option<&T> {
        all.get(usize::try_from(self.below(all.len() as u64)).unwrap_or(0))
    }

    /// One of several, each with its weight; `None` when all weights are zero.
    pub fn weighed<T>(self, all: &[(T, u32)]) -> Option<&T> {
        let total: u64 = all.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut at = self.below(total);
        all.iter().find_map(|(item, weight)| match at.checked_sub(u64::from(*weight)) {
            Some(left) => {
                at = left;
                None
            }
            None => Some(item),
        })
    }

    /// A delay whose median is `half`: half of all draws are no longer than that, half of the others no longer than twice
    /// that, and so on, up to twelve times as long.
    pub fn delay(self, half: Span) -> SignedDuration {
        let drawn = mixed(self.0) | 1;
        let doublings = drawn.leading_zeros().min(11);
        // Linear between two halvings: near enough, and without a logarithm.
        let rest = (drawn << doublings << 1) >> 48;
        let seconds = half.rough_minutes() * 60;
        let past = seconds * i64::from(doublings) + seconds * i64::try_from(0xffff - rest).unwrap_or(0) / 0x1_0000;
        SignedDuration::from_secs(past.max(1))
    }
}

/// The finaliser of `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
const fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_and_written_as_people_write_it() {
        for (text, millionths, shown) in
            [("2.5%", 25_000, "2.5%"), ("0%", 0, "0%"), ("100 %", ALL, "100%"), ("0.0004%", 4, "0.0004%"), ("007%", 70_000, "7%")]
        {
            let share = Share::parse(text).expect(text);
            assert_eq!((share.millionths(), share.to_string().as_str()), (millionths, shown));
        }
        for text in ["2.5", "101%", "100.0001%", "-1%", "%", ".5%", "5.%", "a lot", "1e2%", "99999%", "0.00001%", "٣%"] {
            assert!(Share::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_happens_to_a_share_happens_to_about_so_many() {
        let share = Share::parse("3%").expect("a share");
        let all = Chance::seeded(7).of("click");
        let happened = (0..100_000).filter(|n| all.nth(*n).happens(share)).count();
        assert!((2_800..3_200).contains(&happened), "{happened}");
        assert!((0..1_000).all(|n| all.nth(n).happens(Share::ALL) && !all.nth(n).happens(Share::NONE)));
    }

    #[test]
    fn draws_depend_on_what_is_drawn_and_on_nothing_else() {
        let draw = |seed, what: &str, n| Chance::seeded(seed).of(what).nth(n).below(u64::MAX);
        assert_eq!(draw(1, "ada", 1), draw(1, "ada", 1));
        let all = [draw(1, "ada", 1), draw(2, "ada", 1), draw(1, "bea", 1), draw(1, "ada", 2)];
        assert!((1..all.len()).all(|i| !all[..i].contains(&all[i])), "{all:?}");
    }

    #[test]
    fn weights_and_delays_keep_their_proportions() {
        let all = Chance::seeded(3);
        let heavy = (0..10_000).filter(|n| all.nth(*n).weighed(&[("a", 1), ("b", 3), ("c", 0)]) == Some(&"b")).count();
        assert!((7_300..7_700).contains(&heavy), "{heavy}");
        assert_eq!(all.weighed(&[("a", 0)]), None);
        assert_eq!(all.among::<u8>(&[]), None);
        let delays: Vec<i64> = (0..10_000).map(|n| all.nth(n).delay(Span::hours(5)).as_secs()).collect();
        let within = |hours: i64| delays.iter().filter(|d| **d <= hours * 3_600).count();
        assert!((4_800..5_200).contains(&within(5)), "{}", within(5));
        assert!((7_300..7_700).contains(&within(10)), "{}", within(10));
        assert!(delays.iter().all(|d| (1..=60 * 3_600).contains(d)));
    }
}
