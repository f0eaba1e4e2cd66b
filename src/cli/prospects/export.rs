//! `nurtured prospects export`: all prospects as CSV, page by page, under headers that `import` reads. No cell can
//! be taken for a formula.

use crate::cli::exit::Exit;
use crate::cli::{open, output};
use crate::domain::address::Address;
use crate::domain::consent::Purpose;
use crate::domain::id::{Name, ProspectId};
use crate::domain::prospect::Prospect;
use crate::domain::suppression::{Channel, StopReason};
use crate::inbox::list::cell::safe_cell;
use crate::store::engine::backend::Tx;
use crate::store::people::suppressions::Suppression;
use crate::store::people::{consents, external_ids, prospects, suppressions};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// How many prospects are read at once.
const PAGE: i64 = 500;
const HEADERS: [&str; 15] = [
    "email",
    "name",
    "phone",
    "company",
    "owner",
    "standing",
    "tags",
    "email_opt_out",
    "phone_opt_out",
    "mail_consent",
    "mail_consent_source",
    "mail_consent_date",
    "tracking_consent",
    "tracking_consent_source",
    "external_id",
];

/// Exports every prospect who is not erased; as JSON, one object a line.
///
/// # Errors
/// Those of the store; when the file cannot be written.
pub async fn export(output: Option<&Path>, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let mut tx = node.ctx.store().read().await?;
    let out: Box<dyn Write> = match output {
        Some(path) => {
            let file = private(path).map_err(|e| Exit::No(format!("could not write {}: {e}", path.display())))?;
            Box::new(BufWriter::new(file))
        }
        None => Box::new(BufWriter::new(io::stdout())),
    };
    let fields = prospects::field_names(&mut tx).await?;
    let to_terminal = output.is_none() && io::stdout().is_terminal();
    let mut table = Table::new(out, json, &fields, to_terminal)?;
    let (mut after, mut count) = (ProspectId(0), 0_u64);
    loop {
        let ids = prospects::page(&mut tx, after, PAGE).await?;
        let Some(last) = ids.last() else { break };
        after = *last;
        let people = prospects::load(&mut tx, &ids).await?;
        let addresses: Vec<&Address> = people.iter().filter_map(|p| p.address.as_ref()).collect();
        let stops = suppressions::of(&mut tx, &addresses).await?;
        for person in &people {
            let agreed = Agreed::of(&mut tx, person.id).await?;
            table.row(person, &stops, &agreed)?;
            count += 1;
        }
    }
    table.finish()?;
    match output {
        Some(path) => output::line(format!("{count} prospects written to {}.", path.display())),
        None => Ok(()),
    }
}

/// A file for its owner alone, whatever the umask, and whatever it was before.
fn private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// The latest statement of consent for each purpose, and what another system calls them.
struct Agreed {
    mail: Option<(bool, String, String)>,
    tracking: Option<(bool, String)>,
    external_id: String,
}

impl Agreed {
    async fn of(tx: &mut Tx, prospect: ProspectId) -> Result<Self, Exit> {
        let stated = consents::of(tx, prospect).await?;
        let known_as = external_ids::of(tx, prospect).await?;
        let latest = |purpose| stated.iter().rev().find(|said| said.purpose == purpose);
        let day = |at: Option<Timestamp>| at.map(|at| at.to_zoned(TimeZone::UTC).date().to_string()).unwrap_or_default();
        Ok(Self {
            mail: latest(Purpose::Mail).map(|said| (said.given, said.source.clone(), day(said.given_at))),
            tracking: latest(Purpose::Tracking).map(|said| (said.given, said.source.clone())),
            external_id: known_as.first().map(|id| format!("{}:{}", id.system, id.id)).unwrap_or_default(),
        })
    }
}

/// The output: CSV, or one JSON object a line.
enum Table<'a> {
    Csv { writer: Box<csv::Writer<Box<dyn Write>>>, fields: &'a [Name], to_terminal: bool },
    Json(Box<dyn Write>),
}

impl<'a> Table<'a> {
    fn new(out: Box<dyn Write>, json: bool, fields: &'a [Name], to_terminal: bool) -> Result<Self, Exit> {
        if json {
            return Ok(Self::Json(out));
        }
        let mut writer = csv::Writer::from_writer(out);
        let headers = HEADERS.into_iter().map(str::to_owned).chain(fields.iter().map(ToString::to_string));
        record(&mut writer, headers, to_terminal)?;
        Ok(Self::Csv { writer: Box::new(writer), fields, to_terminal })
    }

    fn row(&mut self, person: &Prospect, stops: &[Suppression], agreed: &Agreed) -> Result<(), Exit> {
        match self {
            Self::Csv { writer, fields, to_terminal } => {
                record(writer, cells(person, stops, agreed, fields).into_iter(), *to_terminal)
            }
            Self::Json(out) => {
                let line = serde_json::to_string(person).map_err(|e| Exit::No(format!("could not write JSON: {e}")))?;
                output::forgiving(writeln!(out, "{}", output::harmless_json(&line)))
            }
        }
    }

    fn finish(self) -> Result<(), Exit> {
        match self {
            Self::Csv { mut writer, .. } => output::forgiving(writer.flush()),
            Self::Json(mut out) => output::forgiving(out.flush()),
        }
    }
}

/// Writes a record. A terminal is shown no character that it would obey; a file gets every cell as it is.
fn record(writer: &mut csv::Writer<Box<dyn Write>>, cells: impl Iterator<Item = String>, to_terminal: bool) -> Result<(), Exit> {
    let shown = |cell: String| if to_terminal { output::harmless(&cell, |_| false).into_owned() } else { cell };
    let safe: Vec<String> = cells.map(|cell| shown(safe_cell(&cell).into_owned())).collect();
    output::forgiving(writer.write_record(safe).map_err(|e| match e.into_kind() {
        csv::ErrorKind::Io(e) => e,
        other => io::Error::other(format!("could not write CSV: {other:?}")),
    }))
}

fn cells(person: &Prospect, stops: &[Suppression], agreed: &Agreed, fields: &[Name]) -> Vec<String> {
    let yes_or_no = |given: bool| if given { "yes" } else { "no" }.to_owned();
    let address = person.address.as_ref().map(ToString::to_string).unwrap_or_default();
    let stopped = |channel: Channel| {
        let erased = person.mail_stop == Some(StopReason::Erased);
        let stop = erased || stops.iter().any(|s| s.channel == channel && s.address == address);
        if stop { "yes".to_owned() } else { String::new() }
    };
    let tags: Vec<&str> = person.tags.iter().map(String::as_str).collect();
    let mail = agreed.mail.clone();
    let tracking = agreed.tracking.clone();
    let (email_opt_out, phone_opt_out) = (stopped(Channel::Email), stopped(Channel::Phone));
    let mut cells = vec![
        address,
        person.name.clone().unwrap_or_default(),
        person.phone.clone().unwrap_or_default(),
        person.company.clone().unwrap_or_default(),
        person.previous_salesperson.as_ref().map(ToString::to_string).unwrap_or_default(),
        person.standing.word().to_owned(),
        tags.join("|"),
        email_opt_out,
        phone_opt_out,
        mail.as_ref().map(|(given, ..)| yes_or_no(*given)).unwrap_or_default(),
        mail.as_ref().map(|(_, source, _)| source.clone()).unwrap_or_default(),
        mail.map(|(.., day)| day).unwrap_or_default(),
        tracking.as_ref().map(|(given, _)| yes_or_no(*given)).unwrap_or_default(),
        tracking.map(|(_, source)| source).unwrap_or_default(),
        agreed.external_id.clone(),
    ];
    cells.extend(fields.iter().map(|name| person.fields.get(name).cloned().unwrap_or_default()));
    cells
}
