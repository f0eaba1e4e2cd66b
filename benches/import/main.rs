//! How long a list takes to import, beside reading it with the csv crate and inserting the same rows bare: `cargo bench --bench import
//! [-- --rows N] [--engine sqlite|postgres|both]`. A million rows by default. A tenth of them is imported first, into a database of
//! its own: what the whole list holds in memory beyond that is what grows with the list. Its last line for each engine is `name=value`
//! pairs, the goals among them; a debug build, or fewer rows, says nothing of the goals.

#[path = "../../tests/it/postgres.rs"]
#[expect(dead_code, reason = "the cluster is the tests'; an import needs some databases of it")]
mod postgres;
#[path = "../delivery/stopwatch.rs"]
mod stopwatch;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use nurtured::cli::prospects::import::{Import, import};
use nurtured::config::example;
use nurtured::domain::address::Address;
use nurtured::domain::doorway::signal::NewSignal;
use nurtured::domain::id::Name;
use nurtured::store::doorway::signals;
use nurtured::store::engine::backend::Store;
use nurtured::store::people::accounts::{self, Company};
use nurtured::store::people::prospects::{self, Details, FieldChange, NewProspect};
use secrecy::SecretString;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use stopwatch::Stopwatch;

/// How much longer than the bare insert the import may take, and how much memory may grow with the list, in megabytes.
const GOAL: f64 = 3.0;
const GOAL_MEMORY_MB: f64 = 8.0;
/// How many rows share a transaction, on both sides.
const PAGE: usize = 1_000;
const HEADER: &str = "Record ID,First Name,Last Name,Email,Phone Number,Company Name,Industry,Country/Region,Number of Employees,\
                      Tags,Unsubscribed from all email";
const FIELDS: [(&str, usize); 3] = [("industry", 6), ("country", 7), ("employees", 8)];

/// Imports a list, on either engine.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many rows the list has.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    rows: Option<u64>,
    /// On which database: sqlite, postgres or both.
    #[arg(long, default_value = "both")]
    engine: String,
    /// What `cargo bench` adds; without it somebody tests, and few are enough.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The verb as it is typed.
#[derive(Debug, Parser)]
struct Typed {
    #[command(flatten)]
    import: Import,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure(&arguments))
}

async fn measure(arguments: &Arguments) -> Result<()> {
    let rows = arguments.rows.unwrap_or(if arguments.bench { 1_000_000 } else { 20_000 });
    if cfg!(debug_assertions) {
        println!("this is a debug build: it shows that the benchmark works, not how fast anything is");
    }
    let folder = tempfile::tempdir()?;
    let (tenth, whole) = (folder.path().join("tenth.csv"), folder.path().join("whole.csv"));
    write_list(&tenth, rows / 10)?;
    write_list(&whole, rows)?;
    for engine in ["sqlite", "postgres"] {
        if arguments.engine == engine || arguments.engine == "both" {
            on(engine, folder.path(), (&tenth, &whole), rows).await?;
        }
    }
    Ok(())
}

async fn on(engine: &str, folder: &Path, (tenth, whole): (&Path, &Path), rows: u64) -> Result<()> {
    let Some(databases) = (0..3).map(|n| url(engine, folder, n)).collect::<Option<Vec<_>>>() else { return Ok(()) };
    // No verb makes a database.
    for url in &databases[..2] {
        open(url).await?.close().await;
    }
    // From here on the kernel counts the most memory held anew; where it does not, the other engine's is in it.
    drop(fs::write("/proc/self/clear_refs", "5"));
    imported(&configured(folder, engine, &databases[0])?, tenth).await?;
    let before = peak()?;
    let watch = Stopwatch::start();
    imported(&configured(folder, engine, &databases[1])?, whole).await?;
    let import_s = watch.read().as_secs_f64();
    let grew = peak()? - before;

    let store = open(&databases[2]).await?;
    let watch = Stopwatch::start();
    let inserted = bare(&store, whole).await?;
    let bare_s = watch.read().as_secs_f64();
    store.close().await;
    ensure!(inserted == rows, "{inserted} of {rows} rows were inserted bare");
    println!(
        "import_{engine}_ratio={:.2} import_s={import_s:.1} bare_s={bare_s:.1} rows={rows} rows_per_s={:.0} goal_at_most={GOAL} \
         memory_grew_mb={grew:.1} memory_peak_mb={:.1} goal_memory_at_most_mb={GOAL_MEMORY_MB}",
        import_s / bare_s,
        f64::from(u32::try_from(rows)?) / import_s,
        peak()?,
    );
    Ok(())
}

/// A list as a CRM exports it, the same at each run. Two of a hundred have opted out.
fn write_list(file: &Path, rows: u64) -> Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    writeln!(out, "{HEADER}")?;
    let pick = |of: &[&'static str], n: u64| of[usize::try_from(n).unwrap_or(0) % of.len()];
    for n in 0..rows {
        let (plant, opted_out) = (n / 7, if n % 50 == 49 { "true" } else { "" });
        writeln!(
            out,
            "{},{},Vega {n},person{n}@plant{plant}.example,+34 {n:09},\"Plant {plant}, S.L.\",{},{},{},{},{opted_out}",
            100_000 + n,
            pick(&["Ada", "Bea", "Zoë", "Quim"], n),
            pick(&["food", "packaging", "chemistry", "paper", "metal"], n),
            pick(&["ES", "PT", "FR", "IT", "DE", "AT"], n / 3),
            n % 900,
            pick(&["", "fair-2025", "webinar;fair-2025"], n),
        )?;
    }
    Ok(out.flush()?)
}

/// Imports the list with the verb, as an operator does.
async fn imported(config: &Path, list: &Path) -> Result<()> {
    let typed = Typed::try_parse_from([Path::new("import"), list].map(Path::as_os_str))?;
    import(&typed.import, Some(config), true).await.map_err(|exit| anyhow::anyhow!(exit.words().to_owned()))
}

/// Reads the list with the csv crate and inserts its rows: accounts, prospects, fields, tags and the signals of the fields, with no look
/// at what is there.
async fn bare(store: &Store, list: &Path) -> Result<u64> {
    let mut reader = csv::Reader::from_path(list)?;
    let mut records = reader.records();
    let mut inserted = 0;
    loop {
        let page: Vec<csv::StringRecord> = records.by_ref().take(PAGE).collect::<Result<_, _>>()?;
        if page.is_empty() {
            return Ok(inserted);
        }
        inserted += insert(store, &page).await?;
    }
}

async fn insert(store: &Store, page: &[csv::StringRecord]) -> Result<u64> {
    let now = nurtured::clock::Clock::now(&nurtured::clock::SystemClock);
    let domain = |row: &csv::StringRecord| row[3].split_once('@').map(|(_, domain)| domain.to_owned());
    let domains: Vec<Option<String>> = page.iter().map(domain).collect();
    let mut tx = store.write().await?;
    let companies: Vec<Company<'_>> = domains
        .iter()
        .zip(page)
        .filter_map(|(domain, row)| Some(Company { domain: domain.as_deref()?, name: Some(&row[5]) }))
        .collect();
    let known = accounts::find_or_add(&mut tx, &companies).await?;
    let names: Vec<String> = page.iter().map(|row| format!("{} {}", &row[1], &row[2])).collect();
    let new = page.iter().zip(&names).zip(&domains).map(|((row, name), domain)| {
        let account = domain.as_ref().and_then(|domain| known.get(domain).copied());
        let details =
            Details { name: Some(name.as_str()), phone: Some(&row[4]), company: Some(&row[5]), account, salesperson: None };
        NewProspect { address: &row[3], details, mail_stop: None }
    });
    let added = prospects::add(&mut tx, &new.collect::<Vec<_>>(), now).await?;
    let (mut fields, mut tags, mut news) = (Vec::new(), Vec::new(), Vec::new());
    for row in page {
        let id = *added.get(&Address::parse(&row[3])?).context("it was added")?;
        let values = FIELDS.map(|(name, column)| (name, &row[column]));
        fields.extend(values.map(|(name, value)| FieldChange { prospect: id, name, value: Some(value) }));
        tags.extend(row[9].split(';').filter(|tag| !tag.is_empty()).map(|tag| (id, tag)));
        let changed =
            values.into_iter().map(|(name, value)| Ok::<_, anyhow::Error>((Name::parse(name)?, Some(value.to_owned()))));
        news.push(NewSignal::fields(id, changed.collect::<Result<_>>()?, "bare", None, now));
    }
    prospects::set_fields(&mut tx, &fields).await?;
    prospects::add_tags(&mut tx, &tags).await?;
    let rows: Vec<_> = page.iter().zip(&news).map(|(row, signal)| (Address::parse(&row[3]), signal)).collect();
    let rows: Vec<_> = rows.iter().filter_map(|(at, signal)| Some((Some(*added.get(at.as_ref().ok()?)?), *signal))).collect();
    signals::append(&mut tx, &rows, now).await?;
    tx.commit().await?;
    Ok(added.len() as u64)
}

/// A configuration beside the example's, with a database of its own.
fn configured(folder: &Path, engine: &str, url: &str) -> Result<PathBuf> {
    let directory = folder.join(format!("config-{engine}"));
    for (path, text) in example::FILES {
        let file = directory.join(path);
        fs::create_dir_all(file.parent().context("a folder")?)?;
        fs::write(file, text)?;
    }
    fs::create_dir_all(directory.join("nurtured.d"))?;
    let journal = folder.join(format!("{engine}.stops"));
    let layer = format!("[database]\nurl = {url:?}\nstop_journal = {:?}\n", journal.to_string_lossy());
    fs::write(directory.join("nurtured.d/import.toml"), layer)?;
    drop(fs::remove_file(journal));
    Ok(directory)
}

/// The URL of an empty database; `None`, loudly, where there is no PostgreSQL.
fn url(engine: &str, folder: &Path, number: usize) -> Option<String> {
    match engine {
        "sqlite" => Some(format!("sqlite:{}", folder.join(format!("import-{number}.db")).display())),
        _ => postgres::database(&format!("import_{number}")),
    }
}

async fn open(url: &str) -> Result<Store> {
    Ok(match url.strip_prefix("sqlite:") {
        Some(path) => Store::open_sqlite(Path::new(path)).await?,
        None => Store::open_postgres(&SecretString::from(url.to_owned())).await?,
    })
}

/// The most memory this process ever held, in megabytes.
fn peak() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the kernel says how much")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

/// Says loudly that a tool is missing, so that what needs it is not measured; where `CI` is set that is a failure.
fn missing(tool: &str, unmeasured: &str) {
    let complaint = format!("{tool} is not on this machine: {unmeasured} NOT MEASURED");
    assert!(std::env::var_os("CI").is_none(), "{complaint}");
    eprintln!("\n!!! {complaint}\n");
}
