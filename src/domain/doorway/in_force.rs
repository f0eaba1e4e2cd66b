//! The rules in force, and whether it was they that made a prospect ready, and no signal and no date.

use super::qualification::Qualification;
use crate::domain::id::SignalId;
use jiff::Timestamp;

/// When the rules in force came into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InForce {
    pub since: Timestamp,
    /// The last signal recorded by then.
    pub last_signal: SignalId,
}

impl InForce {
    /// Whether these rules made the prospect ready: no signal that proves it was recorded, began to count or came due since they
    /// came into force.
    pub fn made_ready(self, found: &Qualification) -> bool {
        found.findings().iter().all(|(_, finding)| {
            finding.since.is_none_or(|since| since <= self.since)
                && finding.cites.iter().all(|cited| cited.signal <= self.last_signal)
        })
    }
}
