//! What the words of a mail say about who wrote it: several things that automatic answers say together, never a loose word.

use super::texts::{Phrases, Table, flat, sentences};
use serde::Deserialize;
use std::sync::LazyLock;

/// How much of a mail is read, in characters: programs come to the point.
const FIRST: usize = 1_500;
/// With this many points a program wrote it.
const ENOUGH: i32 = 3;

/// What an automatic answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Absence,
    NoAccess,
    OnReturn,
    Meanwhile,
    Thanks,
    Generated,
    DoNotReply,
    Ticket,
    Promise,
    Receipt,
    Challenge,
    Departure,
    Personal,
}

impl Kind {
    /// What it counts. A person says one or the other of those that count little; programs say several.
    const fn points(self) -> i32 {
        match self {
            Self::Absence | Self::OnReturn | Self::Meanwhile | Self::Thanks | Self::Promise => 1,
            Self::NoAccess | Self::Ticket | Self::Departure | Self::DoNotReply => 2,
            Self::Generated | Self::Receipt => 3,
            // Judged where a page is named too, and per sentence.
            Self::Challenge | Self::Personal => 0,
        }
    }
}

/// What a person's words or question take away.
const PERSONAL: i32 = 3;
const QUESTION: i32 = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bodies {
    absence: Table,
    no_access: Table,
    on_return: Table,
    meanwhile: Table,
    thanks: Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Receipts {
    generated: Table,
    do_not_reply: Table,
    ticket: Table,
    promise: Table,
    receipt: Table,
    challenge: Table,
    personal: Table,
}

static PHRASES: LazyLock<Phrases<Kind>> = LazyLock::new(|| {
    let bodies: Bodies = toml::from_str(include_str!("words/bodies.toml"))
        .expect("the table of bodies is part of the program and read by its tests");
    let receipts: Receipts = toml::from_str(include_str!("words/receipts.toml"))
        .expect("the table of receipts is part of the program and read by its tests");
    Phrases::of(&[
        (Kind::Absence, &bodies.absence),
        (Kind::NoAccess, &bodies.no_access),
        (Kind::OnReturn, &bodies.on_return),
        (Kind::Meanwhile, &bodies.meanwhile),
        (Kind::Thanks, &bodies.thanks),
        (Kind::Generated, &receipts.generated),
        (Kind::DoNotReply, &receipts.do_not_reply),
        (Kind::Ticket, &receipts.ticket),
        (Kind::Promise, &receipts.promise),
        (Kind::Receipt, &receipts.receipt),
        (Kind::Challenge, &receipts.challenge),
        (Kind::Personal, &receipts.personal),
    ])
});

/// What a text says, each kind once.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    kinds: Vec<Kind>,
    asks: bool,
    has_page: bool,
    has_number: bool,
    challenges: usize,
}

impl Said {
    /// What somebody's own words say: the first of them.
    pub(super) fn of(own: &str) -> Self {
        let first: String = own.chars().take(FIRST).collect();
        let flat = flat(&first);
        let mut said =
            Self { has_page: flat.contains("http://") || flat.contains("https://") || flat.contains("www."), ..Self::default() };
        said.has_number = has_number(&flat);
        for sentence in sentences(&flat) {
            let mut here = PHRASES.said_in(sentence);
            if super::departure::is_said(sentence) {
                here.push(Kind::Departure);
            }
            said.challenges += here.iter().filter(|kind| **kind == Kind::Challenge).count();
            // "In urgent cases call me on my mobile" asks nothing of us; "Urgent?" is a heading.
            let meanwhile = here.contains(&Kind::Meanwhile);
            said.asks |= !meanwhile && sentence.ends_with(['?', '？', '؟']) && sentence.split(' ').count() > 2;
            let kept = here.into_iter().filter(|kind| !(meanwhile && *kind == Kind::Personal));
            for kind in kept {
                if !said.kinds.contains(&kind) {
                    said.kinds.push(kind);
                }
            }
        }
        said
    }

    fn says(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// Whether a person asks or wants something.
    pub(super) fn is_personal(&self) -> bool {
        self.asks || self.says(Kind::Personal)
    }

    /// Whether it says that somebody is away.
    pub(super) fn is_absence(&self) -> bool {
        self.says(Kind::Absence)
    }

    /// Whether it answers for a help desk.
    pub(super) fn is_ticket(&self) -> bool {
        self.says(Kind::Ticket)
    }

    /// Whether a program wrote it, with so many hints of the headers.
    pub(super) fn is_automatic(&self, hints: i32) -> bool {
        // Two phrases of a challenge and a page to open; one could be anybody's.
        if self.has_page && self.challenges >= 2 && !self.says(Kind::Personal) {
            return true;
        }
        let said: i32 = self.kinds.iter().map(|kind| kind.points()).sum();
        let numbered = i32::from(self.says(Kind::Ticket) && self.has_number);
        // Hints alone, or thanks with a hint, are no automatic answer.
        let about_something = self.kinds.iter().any(|kind| !matches!(kind, Kind::Thanks | Kind::Personal | Kind::Challenge));
        let against = match (self.says(Kind::Personal), self.asks) {
            (true, _) => PERSONAL,
            (false, true) => QUESTION,
            (false, false) => 0,
        };
        about_something && said + numbered + hints - against >= ENOUGH
    }
}

/// `#48213`, `[SUP-112]`, `case 00012345`: a number of at least three digits behind a mark or a letter's dash.
fn has_number(flat: &str) -> bool {
    flat.split([' ', '(', '[', '.', ',', ';']).any(|word| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        digits >= 3 && (word.starts_with('#') || word.contains('-') || digits >= 5) && !word.starts_with(['+', '0'])
    })
}
