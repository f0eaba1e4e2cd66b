//! `nurtured prospects export EMAIL`: everything that is kept of one person in one JSON document, for the person. docs/export.md says what
//! stands in it. Rows are written as they are read, so that a long history needs no more memory than a short one.

use crate::cli::exit::Exit;
use crate::cli::{open, output};
use crate::domain::address::Address;
use crate::flow::doorway::assess;
use crate::store::engine::backend::Tx;
use crate::store::operations::access::Person;
use crate::store::operations::access_tables::TABLES;
use crate::store::operations::set_aside;
use crate::store::people::prospects;
use serde::Serialize;
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Exports one person.
///
/// # Errors
/// 1 where nothing is kept of the address, or the file is there already; those of the store.
pub async fn export(email: &str, file: Option<&Path>, config: Option<&Path>) -> Result<(), Exit> {
    let address = open::address(email)?;
    let node = open::node(config).await?;
    let mut tx = node.ctx.store().read().await?;
    let prospect = prospects::by_address(&mut tx, &[&address]).await?.get(&address).copied();
    let person = Person::find(&mut tx, &address, prospect).await?;
    let words: Vec<&str> = person.addresses.iter().map(Address::as_str).collect();
    let unreadable = set_aside::naming(&node.ctx.plan().settings.stop_journal, &words)?;
    if unreadable.is_empty() && !person.is_known(&mut tx).await? {
        let hint = "`nurtured prospects list` shows who is there";
        return Err(Exit::No(format!("no prospect has the address {address}, and nothing is kept of it; {hint}")));
    }
    let now = node.ctx.now();
    let mut head = vec![("exported_at", json!(now)), ("addresses", json!(person.addresses))];
    if let Some(prospect) = prospect {
        let (found, _) = assess::assess(&mut tx, &node.ctx.plan(), prospect, now).await?;
        let mut findings = json(found.findings())?;
        person.withhold_citations(&mut findings);
        head.push(("findings", findings));
    }
    let names = unreadable.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy()));
    let tail = [("reasons", json!(person.reasons(&mut tx).await?)), ("unreadable_mails", json!(names.collect::<Vec<_>>()))];
    let Some(path) = file else { return write(&mut tx, &person, &head, &tail, &mut io::stdout()).await };
    let mut out = new(path)?;
    let written = write(&mut tx, &person, &head, &tail, &mut out).await.and_then(|()| Ok(out.sync_all()?));
    if written.is_err() {
        // Half of it would pass for all.
        drop(fs::remove_file(path));
    }
    written?;
    output::line(format!("What is kept of {address} was written to {}. Read it before you pass it on.", path.display()))
}

/// A file that was not there before, for its owner alone.
fn new(path: &Path) -> Result<File, Exit> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| {
        let why = if error.kind() == ErrorKind::AlreadyExists { "it is there already".to_owned() } else { error.to_string() };
        Exit::No(format!("could not write {}: {why}", path.display()))
    })
}

fn json(value: &impl Serialize) -> Result<Value, Exit> {
    serde_json::to_value(value).map_err(|e| Exit::No(format!("could not write JSON: {e}")))
}

async fn write(
    tx: &mut Tx,
    person: &Person,
    head: &[(&str, Value)],
    tail: &[(&str, Value)],
    out: &mut (impl Write + Send),
) -> Result<(), Exit> {
    let mut out = BufWriter::new(out);
    let pair = |(name, value): &(&str, Value)| format!("\"{name}\": {}", output::harmless_json(&value.to_string()));
    output::forgiving(writeln!(out, "{{\n{},", head.iter().map(pair).collect::<Vec<_>>().join(",\n")))?;
    for table in &TABLES {
        output::forgiving(write!(out, "\"{}\": [", table.name))?;
        let (mut begin, mut written) = ("\n", Ok(()));
        person
            .rows(tx, table, |row| {
                let row = Value::Object(row).to_string();
                written = write!(out, "{begin}{}", output::harmless_json(&row));
                begin = ",\n";
                if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
            .await?;
        output::forgiving(written.and_then(|()| writeln!(out, "],")))?;
    }
    output::forgiving(writeln!(out, "{}\n}}", tail.iter().map(pair).collect::<Vec<_>>().join(",\n")).and_then(|()| out.flush()))
}
