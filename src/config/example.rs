//! The example company: the repository's `config/`, embedded, so that `init` can write it and `demo` can run it.

use crate::config::load::{Loaded, load_files};
use crate::config::problem::Problems;

/// Every file of the example, by its path inside a configuration directory.
pub const FILES: &[(&str, &str)] = &[
    ("nurtured.toml", include_str!("../../config/nurtured.toml")),
    ("salespeople.toml", include_str!("../../config/salespeople.toml")),
    ("qualification.toml", include_str!("../../config/qualification.toml")),
    ("campaigns/line-downtime.toml", include_str!("../../config/campaigns/line-downtime.toml")),
    (
        "campaigns/line-downtime/01-what-a-stop-costs.md",
        include_str!("../../config/campaigns/line-downtime/01-what-a-stop-costs.md"),
    ),
    ("campaigns/line-downtime/02-short-stops.md", include_str!("../../config/campaigns/line-downtime/02-short-stops.md")),
    (
        "campaigns/line-downtime/03-who-should-see-it.md",
        include_str!("../../config/campaigns/line-downtime/03-who-should-see-it.md"),
    ),
    (
        "campaigns/line-downtime/04-a-pilot-that-ends.md",
        include_str!("../../config/campaigns/line-downtime/04-a-pilot-that-ends.md"),
    ),
    ("campaigns/line-downtime/05-old-machines.md", include_str!("../../config/campaigns/line-downtime/05-old-machines.md")),
    ("campaigns/line-downtime/06-when-to-start.md", include_str!("../../config/campaigns/line-downtime/06-when-to-start.md")),
    ("campaigns/production-letter.toml", include_str!("../../config/campaigns/production-letter.toml")),
    (
        "campaigns/production-letter/2026-01-energy-of-idle-lines.md",
        include_str!("../../config/campaigns/production-letter/2026-01-energy-of-idle-lines.md"),
    ),
    (
        "campaigns/production-letter/2026-04-changeovers.md",
        include_str!("../../config/campaigns/production-letter/2026-04-changeovers.md"),
    ),
];

/// The behaviour file of the example, for simulation; no part of its configuration.
pub const BEHAVIOUR: &str = include_str!("../../config/behaviour.toml");

/// The example's postal address: a placeholder that must never be mailed to a real prospect.
pub const POSTAL_ADDRESS: &str = "Street 1, 12345 Town (change me)";

/// The example's plan, with the environment laid over it.
///
/// # Errors
/// When the environment makes it invalid; the files alone are valid, which a test checks.
pub fn load_embedded(environment: &[(String, String)]) -> Result<Loaded, Problems> {
    load_files(FILES, environment)
}
