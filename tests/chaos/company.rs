//! The company of a run: the example's, as one that may really send, with one campaign that is due at one instant of the
//! year; and its prospects.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use nurtured::clock::{Clock, SystemClock};
use nurtured::config::{self, example};
use nurtured::domain::address::Address;
use nurtured::domain::consent::{Consent, Purpose};
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::id::Name;
use nurtured::domain::plan::Plan;
use std::net::SocketAddr;
use std::path::Path;

/// What stands in the address of every prospect of a run, and in nobody else's.
pub(crate) const DOMAIN: &str = "@prospects-of-chaos-";
/// How many of them are colleagues at one company: what one of them says may count for the others.
const COLLEAGUES: usize = 8;
/// What the API asks for.
pub(crate) const TOKEN: &str = "a-token-of-chaos-0123456789abcdef";

/// The instant farthest from now: nothing else comes due while a run lasts.
pub(crate) fn half_a_year_ago() -> anyhow::Result<Timestamp> {
    let today = SystemClock.now().to_zoned(TimeZone::UTC).date();
    let day = today.checked_sub(6.months())?.with().day(15).build()?;
    Ok(day.at(9, 30, 0, 0).to_zoned(TimeZone::UTC)?.timestamp())
}

/// Every file of the configuration.
pub(crate) fn files(due_at: Timestamp) -> Vec<(String, String)> {
    let due = due_at.to_zoned(TimeZone::UTC);
    let campaign = format!(
        "from = \"Marta Vidal <letter@news.tecnofab-sl.com>\"\nreply_to = \"marta\"\norder = \"series\"\n\
         schedule = {{ cron = \"{} {} {} {} *\", zone = \"UTC\" }}\n[audience]\nall = [{{ field = \"industry\", in = [\"food\"] }}]\n",
        due.minute(),
        due.hour(),
        due.day(),
        due.month()
    );
    let real = |path: &str, text: &str| {
        if path == "campaigns/line-downtime.toml" {
            return campaign.clone();
        }
        text.replace("tecnofab.example", "tecnofab-sl.com").replace(example::POSTAL_ADDRESS, "Carrer de la Mar 12, Barcelona")
    };
    let kept = example::FILES.iter().filter(|(path, _)| !path.starts_with("campaigns/production-letter"));
    kept.map(|(path, text)| ((*path).to_owned(), real(path, text))).collect()
}

/// Writes the files where a daemon reads them.
pub(crate) fn write(files: &[(String, String)], directory: &Path) -> std::io::Result<()> {
    for (path, text) in files {
        let file = directory.join("config").join(path);
        std::fs::create_dir_all(file.parent().expect("a file has a folder"))?;
        std::fs::write(file, text)?;
    }
    Ok(())
}

/// The plan of these files, with this relay and these settings.
pub(crate) fn plan(files: &[(String, String)], relay: SocketAddr, settings: &[(&str, &str)]) -> anyhow::Result<Plan> {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let (host, port) = (relay.ip().to_string(), relay.port().to_string());
    let own = [
        ("NURTURED__PUBLIC_URL", "http://127.0.0.1:9"),
        ("NURTURED__SMTP__HOST", host.as_str()),
        ("NURTURED__SMTP__PORT", port.as_str()),
        ("NURTURED__SMTP__SECURITY", "plaintext"),
    ];
    let environment: Vec<(String, String)> =
        own.iter().chain(settings).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Ok(config::load_files(&files, &environment).map_err(|problems| anyhow::anyhow!("{problems}"))?.plan)
}

/// The address of prospect number so much.
pub(crate) fn address(number: usize) -> String {
    format!("p{number}{DOMAIN}{}.com", number / COLLEAGUES)
}

/// Prospect number so much: of a food plant.
pub(crate) fn arrival(number: usize) -> anyhow::Result<Arrival> {
    let mut arrival = Arrival::of(Address::parse(&address(number))?);
    arrival.fields.insert(Name::parse("industry")?, "food".to_owned());
    arrival.consents.push(Consent::undated(Purpose::Tracking, true, "card"));
    Ok(arrival)
}

/// The number in a prospect's address; 0 in any other text.
pub(crate) fn number_of(address: &str) -> usize {
    let number = address.split_once(DOMAIN).and_then(|(local, _)| local.strip_prefix('p'));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
