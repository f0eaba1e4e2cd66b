//! Whether a plan may be run for real prospects: not with the example's names and address.

use crate::config::example::POSTAL_ADDRESS;
use crate::config::place::Place;
use crate::config::problem::{Log, Problem, Problems};
use crate::domain::plan::Plan;

/// Refuses a plan that still carries the example's postal address, or domains reserved for examples and tests
/// (RFC 2606) where mail comes from or goes to.
///
/// # Errors
/// Every place that must be changed first.
pub fn check(plan: &Plan) -> Result<(), Problems> {
    let log = Log::default();
    let refuse = |file: &str, title: String, help: &str| {
        log.add(Problem::error(&Place::File(file.to_owned()), title).help(help));
    };
    let settings = &plan.settings;
    let mut places = vec![
        ("nurtured.toml".to_owned(), "public_url".to_owned(), settings.host()),
        ("nurtured.toml".to_owned(), "smtp.host".to_owned(), settings.smtp.host.as_str()),
        ("nurtured.toml".to_owned(), "smtp.return_path".to_owned(), settings.smtp.return_path.domain()),
    ];
    for campaign in &plan.campaigns {
        places.push((format!("campaigns/{}.toml", campaign.name), "from".to_owned(), campaign.from.address.domain()));
        for seed in &campaign.guards.seeds {
            places.push((format!("campaigns/{}.toml", campaign.name), "a seed".to_owned(), seed.domain()));
        }
    }
    let people = plan.roster.salespeople.iter().map(|s| (&s.id, &s.address));
    let people = people.chain(plan.roster.colleagues.iter().map(|c| (&c.id, &c.address)));
    places.extend(people.map(|(id, address)| ("salespeople.toml".to_owned(), format!("the email of {id}"), address.domain())));
    for (file, what, domain) in places {
        if is_reserved(domain) {
            let title = format!("{what} is still at the example domain {domain}");
            refuse(&file, title, "write a domain of your own: mail to or from an example leads nowhere");
        }
    }
    if settings.organisation.postal_address.trim() == POSTAL_ADDRESS {
        let title = "organisation.postal_address is still the example's".to_owned();
        refuse("nurtured.toml", title, "write your own: the law asks group mail for one");
    }
    if log.refuses() { Err(Problems(log.sorted())) } else { Ok(()) }
}

fn is_reserved(domain: &str) -> bool {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let last = domain.rsplit('.').next().unwrap_or_default();
    let second_level = ["example.com", "example.net", "example.org"];
    matches!(last, "example" | "test" | "invalid")
        || second_level.iter().any(|reserved| domain == *reserved || domain.ends_with(&format!(".{reserved}")))
}
