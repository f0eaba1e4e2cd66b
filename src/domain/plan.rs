//! The plan: everything the company configured, valid as a whole.

use super::campaign::Campaign;
use super::id::Name;
use super::rule::Qualifying;
use super::salesperson::Roster;
use super::settings::Settings;

/// A whole, valid configuration.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The service.
    pub settings: Settings,
    /// The campaigns, by name.
    pub campaigns: Vec<Campaign>,
    /// Our people.
    pub roster: Roster,
    /// What proves what.
    pub qualifying: Qualifying,
    /// Identifies the files' contents; stored with what was decided under them.
    pub hash: String,
}

impl Plan {
    /// Every campaign with its schedule in words.
    pub fn schedules(&self) -> impl Iterator<Item = (&Name, String)> {
        self.campaigns.iter().map(|c| (&c.name, c.schedule.to_string()))
    }

    /// The campaign of that name.
    #[must_use]
    pub fn campaign(&self, name: &Name) -> Option<&Campaign> {
        self.campaigns.iter().find(|c| c.name == *name)
    }
}
