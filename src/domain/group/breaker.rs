//! Breakers: thresholds beyond which a campaign pauses by itself.
//!
//! This module has the arithmetic and the texts. The store counts, and knows since when; a campaign that is paused and
//! resumed is counted anew.

use crate::domain::excerpt::without_addresses;
use crate::domain::id::Name;

/// The number of a campaign's latest mails among which bounces are counted.
pub const BOUNCES_AMONG: i64 = 500;
/// The number of a campaign's latest mails among which complaints are counted.
pub const COMPLAINTS_AMONG: i64 = 10_000;
/// The fewest bounces or complaints that trip a breaker: one bounce of three mails is chance; three of twenty-five are a
/// neglected list.
pub const LEAST: i64 = 3;
/// How many connections in a row may break in the middle of a mail, with no mail accepted between.
pub const BROKEN_IN_A_ROW: i64 = 20;
/// How many mails in a row may be refused alike because of us, with no mail accepted between.
pub const OURS_IN_A_ROW: i64 = 5;
/// How many mails in a row may be refused alike for any other reason: then it is not about the recipients.
pub const ALIKE_IN_A_ROW: i64 = 20;
/// The number of a campaign's latest answers among which refusals about us are counted.
pub const REFUSALS_AMONG: i64 = 500;
/// In how many issues in a row a mailbox may take nothing before it counts as gone.
pub const FULL_IN_A_ROW: usize = 3;

/// How many of the mails that ended were bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadShare {
    pub bad: i64,
    pub of: i64,
}

impl BadShare {
    /// Whether more than 5 % bounced, and at least [`LEAST`].
    pub const fn is_too_many_bounces(self) -> bool {
        self.bad >= LEAST && self.bad * 100 > self.of * 5
    }

    /// Whether more than 5 % were refused because of us, and at least [`OURS_IN_A_ROW`].
    pub const fn is_too_many_refusals(self) -> bool {
        self.bad >= OURS_IN_A_ROW && self.bad * 100 > self.of * 5
    }

    /// Whether more than 0.1 % complained, and at least [`LEAST`].
    pub const fn is_too_many_complaints(self) -> bool {
        self.bad >= LEAST && self.bad * 1_000 > self.of
    }
}

/// Why a campaign was paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tripped {
    /// Too many mailboxes do not exist.
    Bounces(BadShare),
    Complaints(BadShare),
    /// Many connections in a row broke in the middle of a mail.
    Broken(i64),
    /// One refusal that concerns every mail of ours, with these words.
    Sender(String),
    /// Many mails in a row were refused because of us in these words.
    Ours(i64, String),
    /// Too many of the latest mails were refused because of us; the last in these words.
    OursAmong(BadShare, String),
    /// Many mails in a row were refused in these words, which name nobody. They are open again.
    Alike(i64, String),
    /// The relay rejected the login (530, 534, 535, 538), with these words. It concerns every campaign.
    Login(String),
    /// The audience is larger than `send.at_most` allows.
    Audience {
        due: i64,
        at_most: i64,
    },
}

impl Tripped {
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Bounces(_) => "bounces",
            Self::Complaints(_) => "complaints",
            Self::Broken(_) => "broken connections",
            Self::Sender(_) | Self::Ours(..) | Self::OursAmong(..) => "refused for what we are",
            Self::Alike(..) => "refused alike",
            Self::Login(_) => "login",
            Self::Audience { .. } => "at_most",
        }
    }

    /// The reason with its number and what to do: shown wherever the campaign is. It names no address, for nothing that is kept of an
    /// erased person is found by it.
    pub fn reason(&self, campaign: &Name) -> String {
        without_addresses(&self.in_words(campaign))
    }

    fn in_words(&self, campaign: &Name) -> String {
        let resume = format!("`nurtured campaigns resume {campaign}`");
        match self {
            Self::Bounces(BadShare { bad, of }) => format!(
                "{bad} of the last {of} mails went to mailboxes that do not exist, over 5 %: find out where these addresses come from, then {resume}"
            ),
            Self::Complaints(BadShare { bad, of }) => format!(
                "{bad} of the last {of} recipients complained of spam, over 0.1 %: find out who did not expect it, then {resume}"
            ),
            Self::Broken(times) => format!(
                "{times} connections in a row broke in the middle of a mail, with nothing accepted between: ask the relay why, then {resume}"
            ),
            Self::Sender(words) => format!(
                "the relay refuses us as the sender, whoever the recipient is ({words}): mend what it says, then {resume}; nobody was lost for it"
            ),
            Self::Ours(times, words) => format!(
                "{times} mails in a row were refused for what we are, not for whom they went to ({words}): mend what it says, then {resume}; \
                 nobody was lost for it, and if it means only those, `nurtured suppress add` keeps them out"
            ),
            Self::OursAmong(BadShare { bad, of }, words) => format!(
                "{bad} of the last {of} mails were refused for what we are, over 5 % (last: {words}): mend what it says, then {resume}; nobody \
                 was lost for it"
            ),
            Self::Alike(times, words) => format!(
                "{times} mails in a row were refused in the same words, so it is hardly about the recipients ({words}): ask the relay why, then \
                 {resume}; they are open again, and if it means only those, `nurtured suppress add` keeps them out"
            ),
            Self::Login(words) => format!(
                "the relay does not accept our login ({words}): mend [smtp] in nurtured.toml and reload, then {resume}, and so each campaign"
            ),
            Self::Audience { due, at_most } => format!(
                "{due} prospects would get this issue and send.at_most is {at_most}; nothing was written: narrow the audience, or raise \
                 the number in campaigns/{campaign}.toml, and reload; then {resume}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_bad_ones_are_chance_and_a_share_is_not() {
        for (bad, of, trips) in [
            (0, 0, false),
            (1, 3, false),
            (2, 2, false),
            (3, 25, true),
            (3, 59, true),
            (3, 60, false),
            (25, 500, false),
            (26, 500, true),
        ] {
            assert_eq!(BadShare { bad, of }.is_too_many_bounces(), trips, "{bad} of {of}");
        }
        for (bad, of, trips) in [(4, 4, false), (5, 5, true), (5, 99, true), (5, 100, false), (25, 500, false), (26, 500, true)] {
            assert_eq!(BadShare { bad, of }.is_too_many_refusals(), trips, "{bad} of {of}");
        }
        for (bad, of, trips) in
            [(2, 10, false), (3, 3, true), (3, 2_999, true), (3, 3_000, false), (10, 10_000, false), (11, 10_000, true)]
        {
            assert_eq!(BadShare { bad, of }.is_too_many_complaints(), trips, "{bad} of {of}");
        }
    }

    #[test]
    fn every_reason_says_how_many_and_what_to_do() {
        let campaign = Name::parse("letters").expect("a name");
        let share = BadShare { bad: 26, of: 500 };
        for (tripped, number) in [
            (Tripped::Bounces(share), "26 of the last 500"),
            (Tripped::Complaints(share), "26 of the last 500"),
            (Tripped::Broken(20), "20 connections"),
            (Tripped::Sender("550 5.1.8 no <ada@a.example>".to_owned()), "550 5.1.8 no <(address)>"),
            (Tripped::Ours(5, "550 5.7.1 no".to_owned()), "5 mails in a row"),
            (Tripped::OursAmong(share, "550 5.7.1 no".to_owned()), "26 of the last 500"),
            (Tripped::Alike(20, "550 no".to_owned()), "20 mails in a row"),
            (Tripped::Login("535 no".to_owned()), "535 no"),
            (Tripped::Audience { due: 12_345, at_most: 12_000 }, "12345 prospects"),
        ] {
            let reason = tripped.reason(&campaign);
            assert!(reason.contains(number) && reason.contains("`nurtured campaigns resume letters`"), "{reason}");
        }
    }
}
