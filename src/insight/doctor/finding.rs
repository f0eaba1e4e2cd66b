//! A finding: what was checked, its state, and what fixes it. Every check has a time limit; exceeding it is a finding
//! too.

use serde::Serialize;
use std::time::Duration;

/// The state of what was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Well,
    /// Worth knowing; not broken.
    Notice,
    NotLookedAt,
    Wrong,
    Down,
}

impl State {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Notice => "notice",
            Self::NotLookedAt => "not looked at",
            Self::Wrong => "WRONG",
            Self::Down => "DOWN",
        }
    }
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub state: State,
    pub says: String,
    /// What fixes it; present whenever something is wrong.
    pub fix: Option<String>,
}

impl Finding {
    pub fn well(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, state: State::Well, says: says.into(), fix: None }
    }

    pub fn notice(check: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, state: State::Notice, says: says.into(), fix: Some(fix.into()) }
    }

    pub fn not_looked_at(check: &'static str, why: impl Into<String>, instead: impl Into<String>) -> Self {
        Self { check, state: State::NotLookedAt, says: why.into(), fix: Some(instead.into()) }
    }

    pub fn wrong(check: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, state: State::Wrong, says: says.into(), fix: Some(fix.into()) }
    }

    pub fn down(check: &'static str, says: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, state: State::Down, says: says.into(), fix: Some(fix.into()) }
    }
}

/// Runs a check with a time limit.
///
/// # Errors
/// When the limit is exceeded: the text of the finding.
pub async fn within<T>(limit: Duration, check: impl Future<Output = T>) -> Result<T, String> {
    let late = |_| format!("no answer within {} seconds", limit.as_secs());
    tokio::time::timeout(limit, check).await.map_err(late)
}
