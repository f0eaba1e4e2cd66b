//! Rooms: how much of each kind of request is held and worked on at once. None of them can use up what another one needs, and an
//! unsubscribe waits for none.

use crate::inbox::form::problem::MOST_BYTES as FORM;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What a program may send at once.
pub const MOST_BYTES: usize = 1 << 20;
/// What any other page of ours sends back: a colleague's notes, percent-encoded.
const PAGE: usize = 128 << 10;
/// What is read of an unsubscribe: `List-Unsubscribe=One-Click` (RFC 8058) in either encoding. It counts whatever it says.
const UNSUBSCRIBE: usize = 1 << 10;
/// How many bytes the bodies of one kind hold together.
const HELD: usize = 16 << 20;
/// How many requests of one kind are worked on at once. More would only wait for the same database.
const AT_ONCE: usize = 128;
/// Of pages more: a link waits for no more than a second, and leads on then.
const PAGES_AT_ONCE: usize = 512;

/// What a request is for. None of them can use up what another one needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Unsubscribe,
    Form,
    Program,
    Page,
}

impl Kind {
    /// The kind of a request, by its path.
    pub fn of(path: &str) -> Self {
        match path.split('/').nth(1) {
            Some("u") => Self::Unsubscribe,
            Some("f") => Self::Form,
            Some("v1" | "hooks") => Self::Program,
            _ => Self::Page,
        }
    }

    /// How many bytes its body may have.
    pub const fn most(self) -> usize {
        match self {
            Self::Unsubscribe => UNSUBSCRIBE,
            Self::Form => FORM,
            Self::Program => MOST_BYTES,
            Self::Page => PAGE,
        }
    }
}

/// The rooms in which requests are held. Clones share them.
#[derive(Debug, Clone)]
pub struct Rooms {
    forms: Room,
    programs: Room,
    pages: Room,
}

/// One kind's room.
#[derive(Debug, Clone)]
pub struct Room {
    /// How many more requests may be worked on.
    pub requests: Arc<Semaphore>,
    /// How many more bytes may be held.
    pub bytes: Arc<Semaphore>,
}

impl Default for Rooms {
    fn default() -> Self {
        let room = |most| Room { requests: Arc::new(Semaphore::new(most)), bytes: Arc::new(Semaphore::new(HELD)) };
        Self { forms: room(AT_ONCE), programs: room(AT_ONCE), pages: room(PAGES_AT_ONCE) }
    }
}

impl Rooms {
    /// The room of a kind; an unsubscribe needs none.
    pub const fn of(&self, kind: Kind) -> Option<&Room> {
        match kind {
            Kind::Unsubscribe => None,
            Kind::Form => Some(&self.forms),
            Kind::Program => Some(&self.programs),
            Kind::Page => Some(&self.pages),
        }
    }
}
