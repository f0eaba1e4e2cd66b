//! The company under attack: the example's, as one that may really send, with a campaign once a day; its prospects; and what each of
//! them holds in hand after the first issue.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use nurtured::config::example;
use nurtured::domain::address::Address;
use nurtured::domain::consent::{Consent, Purpose};
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::doorway::signal::Touch;
use nurtured::domain::id::Name;
use nurtured::store::engine::backend::Store;
use nurtured::town::Town;
use nurtured::town::mailbox::Mail;
use std::path::Path;

use crate::hooks;
use crate::visitor::path_of;

/// The end of every address that is no prospect's.
pub(crate) const STRANGERS: &str = "-of-attack.com";
/// Everything known of her; the flood is about her.
pub(crate) const FULL: &str = "ada@albareda-foods.com";
/// Her colleague, about whom nobody posts anything.
pub(crate) const COLLEAGUE: &str = "bea@albareda-foods.com";
/// Nothing known but the industry.
pub(crate) const BLANK: &str = "cleo@moliner-foods.com";
/// Vision and need are met by what a colleague of ours logged.
pub(crate) const HALF: &str = "dora@fornells-foods.com";
/// The people above.
pub(crate) const TARGETS: [&str; 4] = [FULL, COLLEAGUE, BLANK, HALF];

/// The campaign.
pub(crate) const CAMPAIGN: &str = "line-downtime";
/// Answers of the first letter that would prove something.
pub(crate) const NEED: &str = "More than 20 hours";
pub(crate) const NO_NEED: &str = "Less than 5 hours";
pub(crate) const BUDGET: &str = "Yes, over 50,000 €";

/// A prospect with their first letter.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) address: String,
    /// The path behind which they unsubscribe.
    pub(crate) unsubscribe: String,
    /// The path of their own page.
    pub(crate) preferences: String,
    /// The path of a link that is followed.
    pub(crate) link: String,
    /// The path of the link to a form.
    pub(crate) form: String,
    /// What a mail provider knows their letter by.
    pub(crate) message_id: String,
    pub(crate) return_path: String,
    letter: Mail,
}

impl Reader {
    fn of(mail: Mail) -> Option<Self> {
        let link = |words: &str| mail.link(words).map(|url| path_of(&url));
        let (unsubscribe, followed, form) =
            (mail.unsubscribe.as_deref().map(path_of)?, link("Do the sum")?, link("Ask for a quote")?);
        let (address, message_id, return_path) = (mail.to.clone(), mail.message_id.clone(), mail.return_path.clone());
        let preferences = link("Your preferences")?;
        Some(Self { address, unsubscribe, preferences, link: followed, form, message_id, return_path, letter: mail })
    }

    /// The path of an answer.
    pub(crate) fn answer(&self, say: &str) -> String {
        path_of(&self.letter.link(say).unwrap_or_default())
    }
}

/// Writes the configuration, admits everybody, and sends the first issue three days ago. Nothing comes due by itself from `now`
/// on. Returns the readers: the four targets, so many bots' victims, and whoever unsubscribes.
pub(crate) async fn found(directory: &Path, people: usize, now: Timestamp) -> anyhow::Result<Vec<Reader>> {
    let due = now - SignedDuration::from_mins(20);
    let files = files(due);
    for (path, text) in &files {
        let file = directory.join("config").join(path);
        std::fs::create_dir_all(file.parent().expect("a file has a folder"))?;
        std::fs::write(file, text)?;
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let store = Store::open_sqlite(&directory.join("attack.db")).await?;
    let first = due - SignedDuration::from_hours(72);
    let founded = (first - SignedDuration::from_hours(1)).to_string();
    let town = Town::found(store.clone(), &files, "http://127.0.0.1:9", &founded).await?;
    let mut arrivals: Vec<Arrival> = vec![full()?, somebody(COLLEAGUE)?, blank()?, somebody(HALF)?];
    for n in 0..people {
        arrivals.push(somebody(&format!("p{n}@readers-{n}.com"))?);
    }
    town.admit(&arrivals, "import").await?;
    let half = Address::parse(HALF)?;
    town.log(&half, "marta", Touch::Call, &[Criterion::Vision, Criterion::Need], None, "two of five").await?;
    town.pass_until(first + SignedDuration::from_mins(1)).await?;
    let mut readers: Vec<Reader> = town.catcher.caught().iter().filter_map(Mail::read).filter_map(Reader::of).collect();
    anyhow::ensure!(readers.len() == arrivals.len(), "{} of {} got the first letter", readers.len(), arrivals.len());
    let place = |reader: &Reader| arrivals.iter().position(|arrival| reader.letter.is_to(&arrival.address));
    readers.sort_by_key(place);
    drop(town);
    store.close().await;
    Ok(readers)
}

/// Every file of the configuration.
fn files(due: Timestamp) -> Vec<(String, String)> {
    let daily = due.to_zoned(TimeZone::UTC);
    let campaign = format!(
        "from = \"Marta Vidal <letter@news.tecnofab-sl.com>\"\nreply_to = \"marta\"\norder = \"series\"\n\
         schedule = {{ cron = \"{} {} * * *\", zone = \"UTC\" }}\n[audience]\nall = [{{ field = \"industry\", in = [\"food\"] }}]\n",
        daily.minute(),
        daily.hour(),
    );
    let real = |path: &str, text: &str| {
        let more = match path {
            "campaigns/line-downtime.toml" => return campaign.clone(),
            "campaigns/line-downtime/01-what-a-stop-costs.md" => {
                "\n:::ask budget\n\n[Ask for a quote](https://tecnofab-sl.com/quote) when you like.\n"
            }
            "nurtured.toml" => hooks::CONFIGURATION,
            "qualification.toml" => "\n[forms.quote]\npage = \"https://tecnofab-sl.com/quote\"\n",
            _ => "",
        };
        let text = text.replace("tecnofab.example", "tecnofab-sl.com");
        text.replace(example::POSTAL_ADDRESS, "Carrer de la Mar 12, Barcelona") + more
    };
    let kept = example::FILES.iter().filter(|(path, _)| !path.starts_with("campaigns/production-letter"));
    kept.map(|(path, text)| ((*path).to_owned(), real(path, text))).collect()
}

fn somebody(address: &str) -> anyhow::Result<Arrival> {
    let mut arrival = blank()?;
    arrival.address = Address::parse(address)?;
    arrival.name = Some(format!("Person {}", arrival.address.local()));
    arrival.company = Some("A plant".to_owned());
    arrival.phone = Some("+34 600 100 200".to_owned());
    arrival.fields.insert(Name::parse("country")?, "ES".to_owned());
    arrival.consents.push(Consent::undated(Purpose::Tracking, true, "card"));
    Ok(arrival)
}

fn full() -> anyhow::Result<Arrival> {
    let mut arrival = somebody(FULL)?;
    for (name, value) in [("language", "es"), ("job_title", "operator"), ("employees", "40"), ("lines", "2")] {
        arrival.fields.insert(Name::parse(name)?, value.to_owned());
    }
    Ok(arrival)
}

fn blank() -> anyhow::Result<Arrival> {
    let mut arrival = Arrival::of(Address::parse(BLANK)?);
    arrival.fields.insert(Name::parse("industry")?, "food".to_owned());
    Ok(arrival)
}

/// The day on which a stranger says that they want to start: within the horizon of any timeframe.
pub(crate) fn soon(now: Timestamp) -> String {
    now.to_zoned(TimeZone::UTC).date().saturating_add(2.months()).to_string()
}
