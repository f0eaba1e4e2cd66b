//! The event log of a simulation: what the tables do not show at a glance afterwards. It holds mails by day, acts by campaign,
//! how long no mail was sent to a prospect, and when a prospect had received all letters.

use crate::domain::group::issue::Content;
use crate::domain::id::{IssueId, Name};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The events of a simulation.
#[derive(Debug, Default)]
pub struct EventLog {
    pub issues: BTreeMap<IssueId, IssueMails>,
    /// Mails accepted, by local day of their campaign.
    pub days: BTreeMap<Date, u64>,
    pub campaigns: BTreeMap<Name, CampaignActs>,
    /// Letters to salespeople and colleagues.
    pub letters: u64,
    /// Calls of the desk, and how many reached a prospect.
    pub calls: (u64, u64),
    /// The longest time between two mails to a prospect who could be mailed.
    pub longest_silence: SignedDuration,
}

/// An issue and its mails.
#[derive(Debug)]
pub struct IssueMails {
    pub campaign: Name,
    pub newsletter: Name,
    pub due_at: Timestamp,
    pub content: Content,
    pub accepted: u64,
}

/// The acts of prospects about the mails of a campaign.
#[derive(Debug, Default, Clone)]
pub struct CampaignActs {
    pub accepted: u64,
    /// Mails with a question.
    pub asking: u64,
    /// Mails of which a prospect clicked a link.
    pub clicked: u64,
    /// Mails with a click that could not be attributed, because the prospect is not tracked.
    pub clicked_untracked: u64,
    pub machine: u64,
    /// Mails with an answered question.
    pub answered: u64,
    /// Answers to further questions.
    pub further: u64,
    pub forms: u64,
    pub replied: u64,
    pub unsubscribed: u64,
    pub complained: u64,
    /// Mails that waited for the window to open, and the longest wait.
    pub window: (u64, SignedDuration),
    /// Mails that left later than their date for another reason, and the longest delay.
    pub later: (u64, SignedDuration),
    /// When a prospect first had every letter of the series.
    pub ran_out_at: Option<Timestamp>,
    /// When an edition first had a date and no new letter of its own.
    pub needs_letter_at: Option<Timestamp>,
}

impl EventLog {
    pub fn of(&mut self, campaign: &Name) -> &mut CampaignActs {
        if !self.campaigns.contains_key(campaign) {
            self.campaigns.insert(campaign.clone(), CampaignActs::default());
        }
        self.campaigns.get_mut(campaign).expect("it was just put there")
    }

    /// Records a span in which a prospect could have been mailed and was not.
    pub fn silence(&mut self, lasted: SignedDuration) {
        self.longest_silence = self.longest_silence.max(lasted);
    }
}
