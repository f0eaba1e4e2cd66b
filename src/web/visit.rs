//! Visits and stamps: that a page was shown, when, and what it asked, in a hidden field that only we can have written. A post
//! without one was not made by somebody who looked at the page.

use crate::domain::criterion::Criterion;
use crate::domain::id::Name;
use crate::domain::span::Span;
use crate::mail::token::{Kind, Recipient, Signer, Token};
use jiff::{SignedDuration, Timestamp};

/// How long a shown answer page can be answered.
const VISIT: Span = Span::days(1);
/// How long a shown form can be sent. Pages stay open, and some servers keep them for a while.
const STAMP: Span = Span::days(7);
/// How soon nobody has filled in a form yet.
pub const LEAST: SignedDuration = SignedDuration::from_secs(2);
/// How far the clock of the node that showed the page may run ahead.
const SKEW: Span = Span::minutes(1);
/// How many bits of the ordinal say which questions the page asked; the others are random.
const QUESTIONS: u32 = 5;
/// How many bits behind the instant are random too: one millisecond can show a page many times.
const RANDOM: u32 = 16;
const _: () = assert!(Criterion::ALL.len() == QUESTIONS as usize);

/// One showing of an answer page, as its form says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    pub shown_at: Timestamp,
    /// The further questions that the page asked; none on the page that confirms the answer chosen in the mail.
    pub asked: Vec<Criterion>,
}

impl Visit {
    /// The hidden field of a page shown now. `page` is the token of its link.
    pub fn sign(&self, signer: &Signer, page: &str) -> String {
        let mut random = [0; 4];
        // Without randomness two showings in one millisecond are one.
        let _ = getrandom::fill(&mut random);
        let asked = self.asked.iter().fold(0, |bits, criterion| bits | 1 << *criterion as u16);
        let ordinal = asked | u16::from_be_bytes([random[0], random[1]]) << QUESTIONS;
        let id = self.shown_at.as_millisecond() << RANDOM | i64::from(u16::from_be_bytes([random[2], random[3]]));
        signer.text(Token { kind: Kind::Visit, id, ordinal, recipient: Recipient::ANYBODY }, page)
    }

    /// Reads the hidden field of this page; `None` if it is not ours, of another page, or of a page shown long ago.
    pub fn read(signer: &Signer, page: &str, text: &str, now: Timestamp) -> Option<Self> {
        let token = signer.read(Kind::Visit, text, page)?;
        let shown_at = within(token.id >> RANDOM, VISIT, now)?;
        let asked = Criterion::ALL.into_iter().filter(|criterion| token.ordinal & 1 << *criterion as u16 != 0).collect();
        Some(Self { shown_at, asked })
    }
}

/// What a form's stamp says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// Shown at this instant.
    Shown(Timestamp),
    /// Ours, and too old to say anything.
    Old,
    /// Not ours, or another form's.
    Forged,
}

impl Stamp {
    /// The stamp of a form that is shown now.
    pub fn sign(signer: &Signer, form: &Name, now: Timestamp) -> String {
        signer
            .text(Token { kind: Kind::Stamp, id: now.as_millisecond(), ordinal: 0, recipient: Recipient::ANYBODY }, form.as_str())
    }

    pub fn read(signer: &Signer, form: &Name, text: &str, now: Timestamp) -> Self {
        match signer.read(Kind::Stamp, text.trim(), form.as_str()) {
            Some(token) => within(token.id, STAMP, now).map_or(Self::Old, Self::Shown),
            None => Self::Forged,
        }
    }
}

/// The instant of a token, unless it lies too far back, or ahead.
pub(super) fn within(millisecond: i64, span: Span, now: Timestamp) -> Option<Timestamp> {
    let at = Timestamp::from_millisecond(millisecond).ok()?;
    (at <= SKEW.after(now) && now < span.after(at)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(byte: u8) -> Signer {
        Signer::new(&[(1, vec![byte; 32])]).expect("a key")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_visit_says_when_and_what_was_asked_and_nobody_else_can_write_it() {
        let (now, later) = (at("2026-11-03T09:00:00Z"), at("2026-11-03T21:00:00Z"));
        for asked in [vec![], vec![Criterion::Vision], vec![Criterion::Budget, Criterion::Timeframe], Criterion::ALL.to_vec()] {
            let visit = Visit { shown_at: now, asked };
            let text = visit.sign(&signer(7), "page");
            assert_eq!(Visit::read(&signer(7), "page", &text, later), Some(visit.clone()));
            assert_eq!(Visit::read(&signer(7), "another", &text, later), None);
            assert_eq!(Visit::read(&signer(8), "page", &text, later), None);
            assert_eq!(Visit::read(&signer(7), "page", &text, at("2026-11-04T09:00:00Z")), None, "a day later");
            assert_eq!(Visit::read(&signer(7), "page", &text, at("2026-11-03T08:58:00Z")), None, "from tomorrow");
        }
        for text in ["", "1793696400000", &"A".repeat(28)] {
            assert_eq!(Visit::read(&signer(7), "page", text, now), None);
        }
    }

    #[test]
    fn a_stamp_is_of_one_form_and_grows_old() {
        let (form, other) = (Name::parse("call-me").expect("a name"), Name::parse("demo").expect("a name"));
        let now = at("2026-11-03T09:00:00Z");
        let text = Stamp::sign(&signer(7), &form, now);
        assert_eq!(Stamp::read(&signer(7), &form, &text, at("2026-11-09T09:00:00Z")), Stamp::Shown(now));
        assert_eq!(Stamp::read(&signer(7), &form, &text, at("2026-11-10T09:00:00Z")), Stamp::Old);
        assert_eq!(Stamp::read(&signer(7), &other, &text, now), Stamp::Forged);
        let visit = Visit { shown_at: now, asked: Vec::new() }.sign(&signer(7), "call-me");
        assert_eq!(Stamp::read(&signer(7), &form, &visit, now), Stamp::Forged, "a visit is no stamp");
    }
}
