//! `nurtured signals import`: a list of calls and scans, five hundred rows a transaction. A bad row is named with its line and never stops
//! the rest; importing the list again records nothing twice. Who may say what is the API's rule.

use super::exit::Exit;
use super::prospects::complaints::Complaints;
use super::prospects::import::bar;
use super::{open, output};
use crate::daemon::assemble::Node;
use crate::domain::api_token::{ApiToken, OnBehalf, Right};
use crate::domain::doorway::signal::{About, NewSignal, Touch};
use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::flow::doorway::api::{ApiKey, Called, report_page};
use crate::flow::doorway::observe::Observed;
use crate::flow::doorway::{qualify, report};
use crate::flow::individual::dossier;
use crate::inbox::list::row::RowError;
use crate::inbox::signal_list::read::{Defaults, ListError, Row, SignalList};
use clap::Args;
use data_encoding::HEXLOWER;
use indicatif::ProgressBar;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How many rows share a transaction.
const PAGE: usize = 500;

/// What stands for the list among the tokens of the API: no name holds a colon.
const LIST: &str = "import:";

/// Take in a list of calls, meetings and booth scans
#[derive(Debug, Args)]
pub struct Import {
    /// The list, as CSV; `-` reads standard input. Columns: email, kind, at, by, proves, `named_date`, note, id, or event with its fields
    file: PathBuf,
    /// What rows without a kind are: call, meeting, fair or note
    #[arg(long, value_parser = open::touch)]
    kind: Option<Touch>,
    /// Who logged rows that do not say it: an id of salespeople.toml
    #[arg(long)]
    by: Option<String>,
    /// When rows without a time happened, such as 2026-03-02T10:30:00+01:00
    #[arg(long, value_name = "INSTANT")]
    at: Option<Timestamp>,
    /// Report as this token of the API may, by its name [default: everything, in everybody's name]
    #[arg(long, value_name = "NAME")]
    token: Option<String>,
    /// Say what would happen, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// What became of the rows.
#[derive(Debug, Default, Serialize)]
struct Tally {
    read: u64,
    recorded: u64,
    /// Recorded before, or twice in the list.
    again: u64,
    bad: u64,
    dry_run: bool,
}

/// Imports a list.
///
/// # Errors
/// 65 when it is no such list, or when a row of it was bad; those of the store.
pub async fn import(node: &Node, verb: &Import, json: bool) -> Result<(), Exit> {
    let plan = node.ctx.plan();
    let by = verb.by.as_deref().map(|by| open::person(&plan, by)).transpose()?;
    let token = token(&plan, verb.token.as_deref())?;
    let name = verb.file.display();
    let unreadable = |e: ListError| Exit::Data(format!("could not import {name}: {e}"));
    let (source, length): (Box<dyn Read>, Option<u64>) = if verb.file == Path::new("-") {
        (Box::new(std::io::stdin()), None)
    } else {
        let opened = File::open(&verb.file).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (length, file) = opened.map_err(|e| Exit::Data(format!("could not read {name}: {e}")))?;
        (Box::new(file), Some(length))
    };
    let bar = bar(length);
    let zone = |by: Option<&_>| by.filter(|by| plan.roster.has(by)).map_or(TimeZone::UTC, |by| dossier::zone_of(&plan, by));
    let defaults = Defaults { touch: verb.kind, by, at: verb.at };
    let list = SignalList::open(bar.wrap_read(source), defaults, &zone).map_err(unreadable)?;
    let over = list.passed_over();
    if !over.is_empty() && !json {
        let text = format!("Columns that say nothing of a touch, and are fields of events alone: {}", over.join(", "));
        bar.suspend(|| output::aside(text));
    }
    let tally = take(node, &plan, list, &token, verb, &bar).await;
    bar.finish_and_clear();
    let tally = tally?;
    if !verb.dry_run {
        qualify::qualify(&node.ctx).await?;
    }
    if json {
        output::json(&tally)?;
    } else {
        let Tally { read, recorded, again, bad, .. } = tally;
        let would = if verb.dry_run { "would be recorded" } else { "recorded" };
        output::line(format!("Rows: {read} read, {recorded} {would}, {again} known already, {bad} bad."))?;
    }
    match tally.bad {
        0 => Ok(()),
        1 => Err(Exit::Data("1 row could not be recorded; mend it and import the list again".to_owned())),
        bad => Err(Exit::Data(format!("{bad} rows could not be recorded; mend them and import the list again"))),
    }
}

/// What whoever imports may say: as the token of that name; without one, what the operator may.
fn token(plan: &Plan, name: Option<&str>) -> Result<ApiToken, Exit> {
    let Some(name) = name else {
        let may = [Right::Signals, Right::Touches].into();
        return Ok(ApiToken::signing(None, may, OnBehalf::Anybody, None, Vec::new()));
    };
    let found = plan.settings.http.tokens.iter().find(|token| token.name.as_ref().is_some_and(|known| known.as_str() == name));
    found.cloned().ok_or_else(|| Exit::Usage(format!("there is no [[http.token]] called {name:?}")))
}

async fn take<R: Read>(
    node: &Node,
    plan: &Plan,
    list: SignalList<'_, R>,
    token: &ApiToken,
    verb: &Import,
    bar: &ProgressBar,
) -> Result<Tally, Exit> {
    let say = |text: String| bar.suspend(|| output::aside(text));
    let mut complaints = Complaints::of(&verb.file);
    let mut tally = Tally { dry_run: verb.dry_run, ..Tally::default() };
    let mut page: Vec<(u64, ApiKey, NewSignal)> = Vec::new();
    let mut bad = |tally: &mut Tally, error: &RowError| {
        tally.bad += 1;
        complaints.about(error, "").into_iter().for_each(say);
    };
    for row in list {
        tally.read += 1;
        match row.and_then(|row| signal(plan, token, row, node.ctx.now())) {
            Ok(read) => page.push(read),
            Err(error) => bad(&mut tally, &error),
        }
        if page.len() >= PAGE {
            write(node, std::mem::take(&mut page), verb.dry_run, &mut tally, &mut bad).await?;
            bar.set_message(format!("{} rows", tally.read));
        }
    }
    write(node, page, verb.dry_run, &mut tally, &mut bad).await?;
    complaints.rest().into_iter().for_each(say);
    Ok(tally)
}

/// The signal of a row, with the key under which it is recorded once: its id, or else its content.
fn signal(plan: &Plan, token: &ApiToken, row: Row, now: Timestamp) -> Result<(u64, ApiKey, NewSignal), RowError> {
    let (line, id) = (row.line, row.id);
    let refused = |refused: report::Refused| RowError {
        line,
        column: Some(refused.place.to_owned()).filter(|place| !place.is_empty()),
        words: refused.words,
    };
    let mut signal = report::signal(plan, token, row.reported, "", now).map_err(refused)?;
    let body = content(&signal).map_err(|error| RowError { line, column: None, words: error.to_string() })?;
    let key = ApiKey { token: LIST.to_owned(), key: id.unwrap_or_else(|| body.clone()), body };
    signal.once = format!("token:{LIST}:{}", key.key);
    Ok((line, key, signal))
}

/// A hash of what a row says. Lists are imported again after an upgrade, so it hashes what is written into the database and no other text.
fn content(signal: &NewSignal) -> serde_json::Result<String> {
    let address = if let About::Address(address) = &signal.about { address.as_str() } else { "" };
    let by = signal.by.as_ref().map(Name::as_str);
    let said = serde_json::to_vec(&(address, signal.occurred_at.to_string(), by, &signal.detail))?;
    Ok(HEXLOWER.encode(&Sha256::digest(said)))
}

async fn write(
    node: &Node,
    page: Vec<(u64, ApiKey, NewSignal)>,
    dry_run: bool,
    tally: &mut Tally,
    bad: &mut impl FnMut(&mut Tally, &RowError),
) -> Result<(), Exit> {
    let lines: Vec<u64> = page.iter().map(|(line, ..)| *line).collect();
    let calls: Vec<(ApiKey, NewSignal)> = page.into_iter().map(|(_, key, signal)| (key, signal)).collect();
    for (line, called) in lines.into_iter().zip(report_page(&node.ctx, &calls, dry_run).await?) {
        let words = match called {
            Called::Done(Observed::New(_) | Observed::Pending) => {
                tally.recorded += 1;
                continue;
            }
            Called::Done(Observed::Again) | Called::Again(_) => {
                tally.again += 1;
                continue;
            }
            Called::Done(Observed::Unknown) => "no prospect has this address: import them first (`nurtured prospects import`)",
            Called::OtherBody => "another row came under this id before; nothing of this one was recorded",
        };
        let column = if matches!(called, Called::OtherBody) { "id" } else { "email" };
        bad(tally, &RowError { line, column: Some(column.to_owned()), words: words.to_owned() });
    }
    Ok(())
}
