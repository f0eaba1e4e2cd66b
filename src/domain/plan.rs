//! The plan: the whole configuration of the company, valid as a whole.

use super::address::{Address, registered};
use super::doorway::rule::Qualifying;
use super::group::campaign::Campaign;
use super::id::Name;
use super::individual::ramp::Ramp;
use super::individual::salesperson::Roster;
use super::settings::{FormSettings, Settings};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A whole, valid configuration.
#[derive(Debug, Clone)]
pub struct Plan {
    pub settings: Settings,
    pub campaigns: Vec<Campaign>,
    pub roster: Roster,
    pub qualifying: Qualifying,
    /// Settings of forms, by name; a form without any has the defaults.
    pub forms: BTreeMap<Name, FormSettings>,
    /// How many prospects whom a change of rules made ready are offered on a working day; without it, all at once.
    pub max_new_offers: Option<u32>,
    /// How many enquiries an hour reach salespeople one by one; the rest is a list for the sales manager.
    pub max_enquiries_per_hour: u32,
    /// A hash of the files' contents; stored with decisions made under them.
    pub hash: String,
    /// The files as they are stored, by path, without secrets.
    pub files: Arc<BTreeMap<String, String>>,
}

impl Plan {
    /// Every campaign with its schedule in words.
    pub fn schedules(&self) -> impl Iterator<Item = (&Name, String)> {
        self.campaigns.iter().map(|c| (&c.name, c.schedule.to_string()))
    }

    /// The topics that a prospect may refuse on their own page.
    pub fn topics(&self) -> BTreeSet<&Name> {
        self.campaigns.iter().filter_map(|campaign| campaign.topic.as_ref()).collect()
    }

    /// Whether a form is believed as it comes.
    pub fn trusts(&self, form: &Name) -> bool {
        self.forms.get(form).is_some_and(|settings| settings.trusted)
    }

    /// Whether an address is our own: a person's on the roster, one that campaigns write from or bounces return to, or any in the
    /// domains these have. A domain that one colleague alone has, and nothing of ours, may be their mailbox provider's.
    pub fn is_own(&self, address: &Address) -> bool {
        let smtp = &self.settings.smtp;
        let read = || [&smtp.return_path].into_iter().chain(&smtp.reply_address);
        let senders = || self.campaigns.iter().map(|campaign| &campaign.from.address).chain(read());
        if self.roster.has_address(address) || senders().any(|own| own == address) {
            return true;
        }
        let Some(domain) = address.company_domain() else { return false };
        let people = self.roster.ids().filter_map(|id| self.roster.person(id));
        registered(self.settings.host()) == Some(domain)
            || senders().any(|own| own.company_domain() == Some(domain))
            || people.filter(|(_, own)| own.company_domain() == Some(domain)).count() > 1
    }

    /// The ramp, if new offers after a change of rules are limited.
    pub fn ramp(&self) -> Option<Ramp<'_>> {
        self.max_new_offers.map(|most| Ramp::new(most, &self.roster.office))
    }

    /// The campaigns whose window is closed now, each with the next instant at which it opens.
    pub fn closed(&self, now: Timestamp) -> Vec<(&Name, Timestamp)> {
        let opens = self.campaigns.iter().map(|campaign| (&campaign.name, campaign.opens(now)));
        opens.filter(|(_, opens_at)| *opens_at > now).collect()
    }

    /// When the open window of a campaign closes; `None` where it has none.
    pub fn closes(&self, campaign: &Name, now: Timestamp) -> Option<Timestamp> {
        self.campaign(campaign)?.window.as_ref().map(|window| window.next_closing(now))
    }

    pub fn campaign(&self, name: &Name) -> Option<&Campaign> {
        self.campaigns.iter().find(|c| c.name == *name)
    }
}
