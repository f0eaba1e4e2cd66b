//! A doubt: what a reply leaves open, so that only whoever reads it can tell.

use crate::domain::id::SignalId;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u16)]
pub enum Doubt {
    /// Whether they ask for a person.
    Request = 0,
    /// Whether they wish no more newsletters.
    Wish = 1,
}

impl Doubt {
    const ALL: [Self; 2] = [Self::Request, Self::Wish];

    /// Its number in a token.
    pub const fn number(self) -> u16 {
        self as u16
    }

    pub fn of_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|doubt| doubt.number() == number)
    }

    /// The key under which what a reader says of it is recorded: the first answer counts.
    pub fn once(self, reply: SignalId) -> String {
        format!("doubt:{}:{reply}", self.number())
    }
}
