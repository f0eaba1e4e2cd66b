//! Letters: mails to one person, written by the program on their own occasion. What kind one is decides whether programs
//! may answer it, and whether anybody is alarmed when it cannot be delivered.

use crate::domain::group::delivery::retry_after;
use crate::domain::span::Span;
use jiff::Timestamp;

/// What a letter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterKind {
    /// A handoff is offered to a salesperson.
    Handoff,
    /// A promise about a handoff ran out.
    Reminder,
    /// Something was done to a handoff.
    Changed,
    /// A prospect's reply, passed on.
    Reply,
    /// An enquiry, to whoever is to answer it.
    Enquiry,
    /// A list of enquiries.
    Enquiries,
    /// A campaign was paused by a breaker.
    Paused,
    /// An address that a form names is asked whether it was filled in there, or somebody is told that newsletters have stopped, as they
    /// asked. The only kind that goes to somebody who is not of ours.
    Confirmation,
}

impl LetterKind {
    pub const ALL: [Self; 8] = [
        Self::Handoff,
        Self::Reminder,
        Self::Changed,
        Self::Reply,
        Self::Enquiry,
        Self::Enquiries,
        Self::Paused,
        Self::Confirmation,
    ];

    /// The word in SQL, logs and lists.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Handoff => "handoff",
            Self::Reminder => "reminder",
            Self::Changed => "changed",
            Self::Reply => "reply",
            Self::Enquiry => "enquiry",
            Self::Enquiries => "enquiries",
            Self::Paused => "paused",
            Self::Confirmation => "confirmation",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether it is marked as written by nobody (RFC 3834 §5), so that absence notices do not answer it. A handoff and its
    /// reminders are not: who is away is to be heard of. Neither are newsletters, which are no letters.
    pub const fn is_automatic(self) -> bool {
        !matches!(self, Self::Handoff | Self::Reminder)
    }

    /// Whether it goes to one of ours, so that it must arrive.
    pub const fn is_to_ours(self) -> bool {
        !matches!(self, Self::Confirmation)
    }
}

/// Since a letter has waited this long, it is an alarm.
pub const LATE: Span = Span::hours(1);

/// The wait after a relay that could not be reached, or that serves nobody of us now. It has no end: nothing was said
/// against the letter. `tries` counts this one.
pub const fn wait_for_relay(tries: i64) -> Span {
    match tries {
        ..=5 => Span::minutes(1),
        6..=10 => Span::minutes(5),
        11..=15 => Span::minutes(15),
        _ => Span::minutes(30),
    }
}

/// The wait after a login that was refused: seldom, because relays lock out who tries often. It has no end.
pub const fn wait_for_login(tries: i64) -> Span {
    match tries {
        ..=1 => Span::minutes(5),
        2 => Span::minutes(15),
        _ => Span::hours(1),
    }
}

/// The wait after a relay refused the letter itself, as a newsletter waits; `None` once it has refused for forty-eight hours.
pub fn wait_after_refusal(refused_since: Timestamp, now: Timestamp) -> Option<Span> {
    let next = match now.duration_since(refused_since).as_mins() {
        ..5 => 2,
        5..20 => 3,
        20..80 => 4,
        80..260 => 5,
        _ => 6,
    };
    retry_after(next, refused_since, now)
}

/// Whether a letter that was due at `due` has waited too long.
pub fn is_late(due: Timestamp, now: Timestamp) -> bool {
    LATE.after(due) <= now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_told_by_its_word() {
        for kind in LetterKind::ALL {
            assert_eq!(LetterKind::parse(kind.word()), Some(kind));
        }
        assert_eq!(LetterKind::parse("newsletter"), None);
    }

    #[test]
    fn a_refused_letter_waits_as_a_newsletter_and_ends_after_two_days() {
        let begin: Timestamp = "2026-11-03T08:00:00Z".parse().expect("an instant");
        let (mut now, mut waits) = (begin, Vec::new());
        while let Some(wait) = wait_after_refusal(begin, now) {
            waits.push(wait);
            now = wait.after(now);
        }
        let hours = Span::hours;
        let begins = [Span::minutes(5), Span::minutes(15), hours(1), hours(3), hours(8), hours(8)];
        assert_eq!(waits[..6], begins);
        assert!(now <= hours(48).after(begin) && waits.len() == 9, "{waits:?}");
    }

    #[test]
    fn only_the_handoff_and_its_reminders_ask_to_be_answered() {
        let answered: Vec<_> = LetterKind::ALL.into_iter().filter(|kind| !kind.is_automatic()).collect();
        assert_eq!(answered, [LetterKind::Handoff, LetterKind::Reminder]);
    }
}
