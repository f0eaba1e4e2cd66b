//! What is noted while a simulation runs and cannot be read from the tables afterwards at a glance: mails by day, what people
//! did by campaign, how long nobody wrote to somebody, and when somebody had every letter there is.

use crate::domain::group::issue::Content;
use crate::domain::id::{IssueId, Name};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// What is noted.
#[derive(Debug, Default)]
pub struct Diary {
    pub issues: BTreeMap<IssueId, Issue>,
    /// Mails accepted, by local day of their campaign.
    pub days: BTreeMap<Date, u64>,
    pub campaigns: BTreeMap<Name, OfCampaign>,
    pub letters: u64,
    /// Calls of the desk, and how many reached somebody.
    pub calls: (u64, u64),
    /// The longest time between two mails to somebody who could have had one.
    pub longest_silence: SignedDuration,
}

/// An issue, and what came of it.
#[derive(Debug)]
pub struct Issue {
    pub campaign: Name,
    pub newsletter: Name,
    pub due_at: Timestamp,
    pub content: Content,
    pub accepted: u64,
}

/// What people did with the mails of a campaign.
#[derive(Debug, Default, Clone)]
pub struct OfCampaign {
    pub accepted: u64,
    /// Of them, mails that asked something.
    pub asking: u64,
    /// Mails of which a person followed a link.
    pub clicked: u64,
    /// The same where it could not be recorded whose it was: not tracked.
    pub clicked_untracked: u64,
    pub machine: u64,
    /// Answers given: mails whose question was answered.
    pub answered: u64,
    /// Answers to further questions.
    pub further: u64,
    pub forms: u64,
    pub replied: u64,
    pub unsubscribed: u64,
    pub complained: u64,
    /// Mails that left while or after the window was closed, and the longest such wait.
    pub window: (u64, SignedDuration),
    /// Mails that left later than their date for another reason.
    pub later: (u64, SignedDuration),
    /// When somebody first had every letter of its own.
    pub ran_out_at: Option<Timestamp>,
    /// When it next had a date and no new letter of its own: an edition.
    pub needs_letter_at: Option<Timestamp>,
}

impl Diary {
    pub fn of(&mut self, campaign: &Name) -> &mut OfCampaign {
        if !self.campaigns.contains_key(campaign) {
            self.campaigns.insert(campaign.clone(), OfCampaign::default());
        }
        self.campaigns.get_mut(campaign).expect("it was just put there")
    }

    /// Somebody who could have been written to was not for so long.
    pub fn silence(&mut self, lasted: SignedDuration) {
        self.longest_silence = self.longest_silence.max(lasted);
    }
}
