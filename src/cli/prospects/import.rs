//! `nurtured prospects import`: imports a list, a thousand rows a transaction. A bad row is reported with its
//! line and never stops the rest; rows already imported stay; importing again is safe. What says who may be mailed and is
//! not understood stops the whole list.

use crate::cli::exit::Exit;
use crate::cli::prospects::complaints::Complaints;
use crate::cli::prospects::page::Page;
use crate::cli::{open, output};
use crate::daemon::assemble::Node;
use crate::domain::address::Address;
use crate::domain::doorway::arrival::Arrival;
use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use crate::flow::doorway::admit::{Admitted, admit};
use crate::inbox::list::columns::Column;
use crate::inbox::list::decode::{self, Charset};
use crate::inbox::list::map_file::MapFile;
use crate::inbox::list::prospects::{self, Options, Reader};
use crate::inbox::list::refusal::ImportError;
use crate::inbox::list::target::Target;
use clap::Args;
use encoding_rs::Encoding;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How many rows share a transaction.
const PAGE: u64 = 1_000;

/// Take in a list
#[derive(Debug, Args)]
pub struct Import {
    /// The list, as CSV; `-` reads standard input
    file: PathBuf,
    /// What headers mean: a TOML file of lines such as "Work e-mail" = "email", or, for a column that says who may be mailed,
    /// `"Wish" = { target = "email_status", ok = ["A"], stop = ["B"] }`
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// The letters of the file: windows-1250, iso-8859-15, macintosh, utf-16le … [default: guessed]
    #[arg(long, value_name = "NAME", value_parser = encoding)]
    encoding: Option<&'static Encoding>,
    /// Say what would happen, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// The day on which the fields were true; without one they can only support
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
}

fn encoding(name: &str) -> Result<&'static Encoding, String> {
    decode::encoding(name).ok_or_else(|| {
        "no encoding is called so; say for example utf-8, windows-1252, windows-1250, windows-1251, iso-8859-15, macintosh, utf-16le, \
         shift_jis, gb18030"
            .to_owned()
    })
}

/// The counts of an import. Rows read = added + changed + unchanged + repeated + bad + forgotten.
#[derive(Debug, Default, Serialize)]
struct Tally {
    read: u64,
    #[serde(flatten)]
    admitted: Admitted,
    /// Rows whose address was in the same page before (in a dry run: anywhere before); merged.
    repeated: u64,
    bad: u64,
    /// Values left out of good rows.
    left_out: u64,
}

#[derive(Serialize)]
struct ImportReport<'a> {
    #[serde(flatten)]
    tally: &'a Tally,
    dry_run: bool,
    columns: &'a [Column],
    encoding: &'static str,
    /// Whether the encoding was guessed, and may be another one.
    encoding_guessed: bool,
    delimiter: char,
    /// The line that names the columns.
    header_line: u64,
}

/// Imports a list.
///
/// # Errors
/// 65 when it cannot be read as a list, when it is not understood who may be mailed, or when a row of it was bad; those of the store.
pub async fn import(verb: &Import, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let plan = open::load(config)?.plan;
    let map = verb.map.as_deref().map(map_file).transpose()?;
    let name = name(&verb.file);
    let said_by = format!("import {name}");
    let options = Options { map, declared: &plan.settings.fields, source: &said_by };
    let unreadable = |e: ImportError| Exit::Data(format!("could not import {name}: {e}"));
    look_through(verb, &options).map_err(unreadable)?;
    let (source, length) = source(&verb.file)?;
    let bar = bar(length);
    let mut list = prospects::open_as(bar.wrap_read(source), verb.encoding, &options).map_err(unreadable)?;
    if list.is_named_so(&name) {
        return Err(unreadable(ImportError::NamedSo));
    }
    for header in list.unused() {
        bar.suspend(|| output::aside(format!("{name}: the map file speaks of {header:?}, which is not a column of it")));
    }
    let node = open::node(config).await?;
    let taken = take(&node, &mut list, &name, verb, &bar).await;
    bar.finish_and_clear();
    let tally = taken?;
    if json {
        output::json(&ImportReport {
            tally: &tally,
            dry_run: verb.dry_run,
            columns: list.columns(),
            encoding: list.encoding().words(),
            encoding_guessed: list.encoding().is_guess(),
            delimiter: list.delimiter(),
            header_line: list.header_line(),
        })?;
    } else {
        say(&tally, &list, verb.dry_run, &plan.settings.fields)?;
    }
    match tally.bad {
        0 => Ok(()),
        1 => Err(Exit::Data("1 row could not be read; mend it and import the list again".to_owned())),
        bad => Err(Exit::Data(format!("{bad} rows could not be read; mend them and import the list again"))),
    }
}

fn name(file: &Path) -> String {
    if file == Path::new("-") {
        return "standard input".to_owned();
    }
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// The bytes of a list, and their number if it is known.
type Source = (Box<dyn Read>, Option<u64>);

fn source(file: &Path) -> Result<Source, Exit> {
    if file == Path::new("-") {
        return Ok((Box::new(io::stdin()), None));
    }
    let unreadable = |e: io::Error| Exit::Data(format!("could not read {}: {e}", file.display()));
    let open = File::open(file).map_err(unreadable)?;
    let length = open.metadata().map_err(unreadable)?.len();
    Ok((Box::new(open), Some(length)))
}

/// Reads a file once before anything is written: it is taken in whole or, where it is not understood who may be mailed, not at all. A
/// pipe can be read only once; of it the rows before are taken in, and they are understood.
fn look_through(verb: &Import, options: &Options<'_>) -> Result<(), ImportError> {
    if !std::fs::metadata(&verb.file).is_ok_and(|about| about.is_file()) {
        return Ok(());
    }
    let mut list = prospects::open_as(File::open(&verb.file)?, verb.encoding, options)?;
    list.by_ref().for_each(drop);
    understood(&list)
}

fn understood<R: Read>(list: &Reader<R>) -> Result<(), ImportError> {
    if list.unread().is_empty() { Ok(()) } else { Err(ImportError::Unread(list.unread().clone())) }
}

/// Reads a map file.
///
/// # Errors
/// 65 with what is wrong with it.
pub fn map_file(file: &Path) -> Result<MapFile, Exit> {
    let text = std::fs::read_to_string(file).map_err(|e| Exit::Data(format!("could not read {}: {e}", file.display())))?;
    MapFile::parse(&text).map_err(|e| Exit::Data(format!("{}: {e}", file.display())))
}

/// Shown on a terminal only.
pub fn bar(length: Option<u64>) -> ProgressBar {
    let Some(length) = length else { return ProgressBar::new_spinner() };
    let bar = ProgressBar::new(length);
    let style = ProgressStyle::with_template("{bar:40} {percent}%  {msg}  {eta} left");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

async fn take<R: Read>(node: &Node, list: &mut Reader<R>, name: &str, verb: &Import, bar: &ProgressBar) -> Result<Tally, Exit> {
    let say = |text: String| bar.suspend(|| output::aside(text));
    let mut complaints = Complaints::of(&verb.file);
    let (mut tally, mut page, mut seen) = (Tally::default(), Page::default(), BTreeSet::new());
    let mut in_page = 0;
    loop {
        let row = list.next();
        let ended = row.is_none();
        match row {
            Some(Ok(row)) => {
                (tally.read, in_page) = (tally.read + 1, in_page + 1);
                tally.left_out += row.warnings.len() as u64;
                row.warnings.iter().filter_map(|warning| complaints.about(warning, " (left out)")).for_each(say);
                let day = row.as_of.or(verb.as_of);
                let is_new = seen.insert(row.arrival.address.clone());
                tally.repeated += u64::from(!is_new);
                // In a dry run, an earlier page was rolled back, so its rows cannot be merged with.
                if is_new || !verb.dry_run || page.holds(&row.arrival.address, day) {
                    page.add(row.arrival, day);
                }
            }
            Some(Err(error)) => {
                (tally.read, tally.bad) = (tally.read + 1, tally.bad + 1);
                complaints.about(&error, "").into_iter().for_each(say);
            }
            None => {}
        }
        if in_page >= PAGE || ended {
            let admitted = match understood(list) {
                Err(e) => Err(Exit::Data(format!("could not import {name}: {e}"))),
                Ok(()) if page.is_empty() => Ok(Admitted::default()),
                Ok(()) => write(node, std::mem::take(&mut page), name, verb.dry_run).await,
            };
            let admitted = admitted.inspect_err(|_| {
                let taken = tally.admitted.added + tally.admitted.changed + tally.admitted.unchanged;
                say(format!("{taken} prospects of {name} were taken in before this; importing it again is safe"));
            })?;
            tally.repeated += admitted.identity.repeated;
            tally.admitted.add(admitted);
            bar.set_message(format!("{} rows", tally.read));
            if !verb.dry_run {
                seen.clear();
            }
            in_page = 0;
        }
        if ended {
            complaints.rest().into_iter().for_each(say);
            return Ok(tally);
        }
    }
}

/// Writes a page in one transaction, undated rows first and the latest day last. A prospect may be in it under
/// several days and still counts once.
async fn write(node: &Node, page: Page, name: &str, dry_run: bool) -> Result<Admitted, Exit> {
    let (plan, now) = (node.ctx.plan(), node.ctx.now());
    let mut tx = node.ctx.store().write().await?;
    let mut total = Admitted::default();
    let mut before: BTreeSet<Address> = BTreeSet::new();
    for (day, arrivals) in page.by_day() {
        let (again, first): (Vec<Arrival>, Vec<Arrival>) = arrivals.into_iter().partition(|a| before.contains(&a.address));
        before.extend(first.iter().map(|a| a.address.clone()));
        for (arrivals, counts) in [(first, true), (again, false)].into_iter().filter(|(arrivals, _)| !arrivals.is_empty()) {
            let admitted = admit(&mut tx, &plan, &arrivals, &format!("import {name}"), day, now).await?;
            // A prospect whose fields are dated twice counts once.
            total.add(if counts { admitted } else { Admitted { added: 0, changed: 0, unchanged: 0, ..admitted } });
        }
    }
    if !dry_run {
        tx.commit().await?;
        node.ctx.wake();
    }
    Ok(total)
}

fn say<R: Read>(tally: &Tally, list: &Reader<R>, dry_run: bool, declared: &BTreeMap<Name, FieldType>) -> Result<(), Exit> {
    if dry_run {
        let becomes =
            |c: &Column| if c.shared { format!("{} (where the column before is blank)", c.target) } else { c.target.to_string() };
        let rows: Vec<[String; 2]> = list.columns().iter().map(|c| [c.header.clone(), becomes(c)]).collect();
        output::table(["COLUMN", "BECOMES"], &rows)?;
        output::line("")?;
    }
    let kept: BTreeSet<String> = list
        .columns()
        .iter()
        .filter(|c| matches!(&c.target, Target::Field(name) if !declared.contains_key(name)))
        .map(|c| c.target.to_string().trim_start_matches("field:").to_owned())
        .collect();
    if !kept.is_empty() {
        let help = "declare them under [fields] in nurtured.toml to choose audiences by them";
        let kept: Vec<String> = kept.into_iter().collect();
        output::line(format!("Kept as text, because nobody declared them: {} ({help}).", kept.join(", ")))?;
    }
    for note in notes(list) {
        output::line(note)?;
    }
    let admitted = &tally.admitted;
    output::line(format!(
        "Rows: {} read, {} added, {} changed, {} unchanged, {} repeated, {} bad. New suppressions: {}. Values left out: {}.",
        tally.read,
        admitted.added,
        admitted.changed,
        admitted.unchanged,
        tally.repeated,
        tally.bad,
        admitted.suppressed,
        tally.left_out
    ))?;
    who(admitted)?;
    if dry_run { output::line("This was a dry run: nothing was written.") } else { Ok(()) }
}

/// How the file was read, where that is not plain.
fn notes<R: Read>(list: &Reader<R>) -> Vec<String> {
    let mut notes = Vec::new();
    let plain = matches!(list.encoding(), Charset::Ascii | Charset::Utf8) && list.delimiter() == ',';
    if !plain {
        let delimiter = match list.delimiter() {
            '\t' => "tabs".to_owned(),
            other => format!("{other:?}"),
        };
        let guessed = if list.encoding().is_guess() { " (guessed: if names look wrong, say --encoding NAME)" } else { "" };
        notes.push(format!("Read as {}{guessed}, cells parted by {delimiter}.", list.encoding().words()));
    }
    if list.replaced() {
        notes.push(format!("The file has bytes that {} does not have; they were read as \u{fffd}.", list.encoding().words()));
    }
    if list.header_line() > 1 {
        notes.push(format!("The columns are named in line {}; what stands above was passed over.", list.header_line()));
    }
    if let Some((first, last)) = list.below() {
        notes.push(format!("Lines {first} to {last} stand below the table and were passed over."));
    }
    notes
}

/// Says who they turned out to be, and what became of their owners.
fn who(admitted: &Admitted) -> Result<(), Exit> {
    let identity = &admitted.identity;
    let told = [
        (identity.forgotten, "forgotten, not stored"),
        (identity.readdressed, "known people with another address now"),
        (
            identity.doubtful,
            "with an id that is another prospect's: compare them, then `nurtured prospects merge` or `change-address`",
        ),
        (admitted.owners_changed, "have another salesperson now"),
        (admitted.owners_kept, "keep their salesperson, who has an open handoff: reassign that"),
    ];
    told.into_iter().filter(|(count, _)| *count > 0).try_for_each(|(count, words)| output::line(format!("{count} {words}.")))?;
    if admitted.owners_unknown.is_empty() {
        return Ok(());
    }
    let owners: Vec<String> = admitted.owners_unknown.iter().map(|(owner, rows)| format!("{owner:?} ({rows})")).collect();
    output::line(format!(
        "Owners who are not on the roster: {}. Their rows were taken in without an owner; write them into salespeople.toml as they are \
         called here, and import the list again.",
        owners.join(", ")
    ))
}
