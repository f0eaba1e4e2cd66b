//! The example company with one campaign, due now and then not for a year, its
//! letter of a given size, and as many prospects as are asked for.

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use nurtured::clock::{Clock, SystemClock};
use nurtured::config::{example, load};
use nurtured::domain::address::Address;
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::id::Name;
use nurtured::domain::plan::Plan;
use nurtured::domain::span::Span;
use nurtured::flow::context::Context;
use nurtured::flow::doorway::admit;
use nurtured::flow::doorway::qualify;
use nurtured::flow::group::publish;
use nurtured::mail::prepared::Prepared;
use nurtured::store::engine::backend::Store;
use nurtured::store::group::campaigns;
use nurtured::text::token::WIDTH;
use std::path::Path;
use std::sync::Arc;

/// The relays' own domain in this company.
const DOMAIN: &str = "tecnofab-sl.com";
/// The name of the campaign and of its newsletter.
pub(crate) const CAMPAIGN: &str = "measured";
/// How many prospects are admitted at once, and how many of them work in one company.
const PAGE: u64 = 2_000;
const COLLEAGUES: u64 = 20;

/// The company, with its letter.
pub(crate) struct Company {
    files: Vec<(String, String)>,
    due_at: Timestamp,
    /// One copy, as a relay receives it.
    pub letter: Vec<u8>,
}

impl Company {
    /// Makes the company; a copy of its letter is as near below `length` bytes as whole words allow.
    pub(crate) fn found(length: usize) -> Result<Self> {
        let now = SystemClock.now();
        let due_at = Timestamp::from_second(now.as_second() - now.as_second().rem_euclid(60))?;
        let (mut short, mut long) = (0, length);
        while long - short > 1 {
            let words = usize::midpoint(short, long);
            let copy = one_copy(&files(due_at, words), due_at)?;
            if copy.len() > length { long = words } else { short = words }
        }
        let files = files(due_at, short);
        let letter = one_copy(&files, due_at)?;
        ensure!(letter.len().abs_diff(length) < 100, "a letter of {length} bytes cannot be written: {}", letter.len());
        Ok(Self { files, due_at, letter })
    }

    /// Writes the configuration under `config` in this directory.
    pub(crate) fn write(&self, directory: &Path) -> Result<()> {
        write(&self.files, directory)
    }

    /// Writes the example's whole configuration there instead, with its own campaigns, made valid for production.
    pub(crate) fn write_example(directory: &Path) -> Result<()> {
        write(&example::FILES.iter().map(|(path, text)| ((*path).to_owned(), real(text))).collect::<Vec<_>>(), directory)
    }

    /// The issue of the campaign as the store keeps it: the targets of its tokens, and the message.
    pub(crate) fn issue(&self) -> Result<(String, String)> {
        let plan = plan(&self.files)?;
        let campaign = plan.campaigns.first().context("there is no campaign")?;
        let newsletter = campaign.newsletters.first().context("there is no newsletter")?;
        let (content, message) = publish::issue(&plan, campaign, newsletter, self.due_at)?;
        Ok((serde_json::to_string(&content)?, message))
    }

    /// Fills an empty store with prospects as an import does, with the rules in force before they come.
    pub(crate) async fn admit(&self, store: &Store, prospects: u64) -> Result<()> {
        let plan = plan(&self.files)?;
        let ctx = Context::assemble(store.clone(), Arc::new(SystemClock), plan, "measured".to_owned()).await?;
        let mut tx = store.write().await?;
        qualify::put_rules(&mut tx, &ctx.plan(), false, ctx.now()).await?;
        tx.commit().await?;
        for first in (0..prospects).step_by(usize::try_from(PAGE)?) {
            let page: Vec<Arrival> = (first..prospects.min(first + PAGE)).map(arrival).collect::<Result<_>>()?;
            let mut tx = store.write().await?;
            admit::admit(&mut tx, &ctx.plan(), &page, "import", None, ctx.now()).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Sets back the instant up to which the campaign's schedule was checked, so that its occurrence is due.
    pub(crate) async fn make_due(&self, store: &Store) -> Result<()> {
        let campaign = Name::parse(CAMPAIGN).context("the campaign has no name")?;
        let mut tx = store.write().await?;
        let before = Span::minutes(-1).after(self.due_at);
        campaigns::put(&mut tx, std::iter::once((&campaign, format!("{} in UTC", cron(self.due_at)))), before).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The crontab line that fires at this instant, in UTC.
fn cron(due_at: Timestamp) -> String {
    due_at.strftime("%M %H %d %m *").to_string()
}

fn arrival(number: u64) -> Result<Arrival> {
    let mut arrival = Arrival::of(Address::parse(&format!("person{number}@plant{}.com", number / COLLEAGUES))?);
    arrival.name = Some(format!("Person {number}"));
    arrival.company = Some(format!("Plant {}", number / COLLEAGUES));
    arrival.tags.insert("fair-2025".to_owned());
    Ok(arrival)
}

fn write(files: &[(String, String)], directory: &Path) -> Result<()> {
    for (path, text) in files {
        let file = directory.join("config").join(path);
        std::fs::create_dir_all(file.parent().expect("it is inside the directory"))?;
        std::fs::write(file, text)?;
    }
    Ok(())
}

/// A file of the example with the example's address and domains replaced.
fn real(text: &str) -> String {
    text.replace("tecnofab.example", DOMAIN).replace(example::POSTAL_ADDRESS, "Carrer de la Mar 12")
}

/// The example's files without its campaigns, at a domain that may send, and the measured campaign.
fn files(due_at: Timestamp, words: usize) -> Vec<(String, String)> {
    let kept = example::FILES.iter().filter(|(path, _)| !path.starts_with("campaigns/"));
    let mut files: Vec<(String, String)> = kept.map(|(path, text)| ((*path).to_owned(), real(text))).collect();
    let cron = cron(due_at);
    let campaign = format!(
        "from = \"Marta Vidal <letter@{DOMAIN}>\"\nreply_to = \"marta\"\norder = \"edition\"\n\
         schedule = {{ cron = \"{cron}\", zone = \"UTC\" }}\n\
         [audience]\nany = [{{ field = \"industry\", in = [\"food\", \"packaging\"] }}, {{ tag = \"fair-2025\" }}]\n\
         none = [{{ domain = \"rival.com\" }}, {{ tag = \"customer\" }}]\n"
    );
    files.push((format!("campaigns/{CAMPAIGN}.toml"), campaign));
    files.push((format!("campaigns/{CAMPAIGN}/01.md"), letter(words)));
    files
}

/// A letter of so many words, with links and a question.
fn letter(words: usize) -> String {
    const SAID: [&str; 12] =
        ["the", "second", "shift", "starts", "with", "what", "they", "found", "beside", "an", "older", "machine"];
    let text: Vec<&str> = SAID.iter().copied().cycle().take(words).collect();
    let paragraphs: Vec<String> = text.chunks(60).map(|words| words.join(" ")).collect();
    format!(
        "+++\nid = \"{CAMPAIGN}\"\nsubject = \"What one hour of a stopped line costs\"\npreheader = \"A sum.\"\n+++\n\n\
         # What one hour of a stopped line costs\n\n{}\n\n\
         - [Do the sum](https://{DOMAIN}/calculator)\n- [How they did it](https://{DOMAIN}/plants)\n\
         - [What it costs](https://{DOMAIN}/prices)\n\n:::ask need\n",
        paragraphs.join("\n\n")
    )
}

fn plan(files: &[(String, String)]) -> Result<Plan> {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let loaded = load::load_files(&files, &[]).map_err(|problems| anyhow::anyhow!("{}", problems.render(false)))?;
    Ok(loaded.plan)
}

fn one_copy(files: &[(String, String)], due_at: Timestamp) -> Result<Vec<u8>> {
    let plan = plan(files)?;
    let campaign = plan.campaigns.first().context("there is no campaign")?;
    let newsletter = campaign.newsletters.first().context("there is no newsletter")?;
    let (_, message) = publish::issue(&plan, campaign, newsletter, due_at)?;
    let mut bytes = Vec::new();
    Prepared::from_json(&message)?.fill(
        &arrival(PAGE)?.address,
        "Tue, 03 Nov 2026 08:30:00 +0000",
        |_| [b'A'; WIDTH],
        &mut bytes,
    );
    Ok(bytes)
}
