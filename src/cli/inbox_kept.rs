//! `nurtured inbox list|show|retry`: mails that nothing recognised, and mails that could not be read.

use super::exit::Exit;
use super::{open, output};
use crate::flow::individual::take_mail::{self, Again};
use crate::inbox::mail::summary::Summary;
use crate::store::engine::backend::Store;
use crate::store::operations::set_aside::{self, SetAside};
use crate::store::operations::unrecognised::{self, Unrecognised};
use serde::Serialize;
use std::fs;
use std::io;
use std::path::Path;

/// As many bytes of a mail that could not be read are shown.
const SHOWN: usize = 20_000;

/// What is kept, of both kinds.
#[derive(Serialize)]
struct Kept {
    unrecognised: Vec<Unrecognised>,
    unreadable: Vec<SetAside>,
}

/// Lists what is kept.
///
/// # Errors
/// Those of the store and of the folder.
pub async fn list(config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let store = open::database(config).await?;
    let unrecognised = unrecognised::list(&mut store.read().await?).await?;
    let unreadable = set_aside::list(&open::named(config)?.stop_journal).map_err(|error| unlisted(&error))?;
    if json {
        return output::json(&Kept { unrecognised, unreadable });
    }
    if unrecognised.is_empty() && unreadable.is_empty() {
        return output::line("Every mail was recognised.");
    }
    let mut rows: Vec<[String; 7]> = Vec::new();
    for mail in unrecognised {
        let (since, until) = (output::instant(Some(mail.received_at)), output::instant(Some(mail.expires_at)));
        let from = mail.mailbox.unwrap_or_else(|| "ingest".to_owned());
        rows.push([mail.id.to_string(), since, until, from, mail.sender, mail.subject, mail.why]);
    }
    for mail in unreadable {
        let why = format!("It could not be read ({} bytes).", mail.bytes);
        let since = output::instant(Some(mail.since));
        rows.push([mail.id, since, String::new(), String::new(), String::new(), String::new(), why]);
    }
    output::table(["ID", "SINCE", "UNTIL", "MAILBOX", "FROM", "SUBJECT", "WHY"], &rows)
}

/// Shows a mail.
///
/// # Errors
/// 1 where there is none of this id; those of the store and of the folder.
pub async fn show(id: &str, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let (store, journal) = (open::database(config).await?, open::named(config)?.stop_journal);
    let raw = bytes(id, &store, &journal).await?;
    let read = take_mail::read(raw.clone()).await;
    let shown = read.read.map_or_else(Summary::default, |(_, shown)| shown);
    let text = if shown == Summary::default() {
        String::from_utf8_lossy(&raw[..raw.len().min(SHOWN)]).into_owned()
    } else {
        shown.text.clone()
    };
    if json {
        let value =
            serde_json::json!({ "id": id, "from": shown.sender, "subject": shown.subject, "date": shown.date, "text": text });
        return output::json(&value);
    }
    for (heading, value) in [("From:", &shown.sender), ("Subject:", &shown.subject), ("Date:", &shown.date)] {
        if !value.is_empty() {
            output::line(format!("{heading} {value}"))?;
        }
    }
    output::line("")?;
    output::text(output::harmless(&text, |c| c == '\n' || c == '\t'))
}

/// Takes mails again, as if they came now: all, or those with these ids.
///
/// # Errors
/// 1 where there is none of an id; those of the store and of the folder.
pub async fn retry(ids: &[String], config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let (store, journal) = (node.ctx.store(), node.ctx.plan().settings.stop_journal.clone());
    let ids = if ids.is_empty() { everything(store, &journal).await? } else { ids.to_vec() };
    let mut recognised = 0;
    for id in &ids {
        let mail = take_mail::read(bytes(id, store, &journal).await?).await;
        let file = set_aside::path(&journal, id);
        let number = if file.is_some() { None } else { id.parse().ok() };
        let again = take_mail::again(&node.ctx, &mail, number).await?;
        if let Some(file) = file.filter(|_| again != Again::Unreadable) {
            fs::remove_file(file).map_err(|error| unlisted(&error))?;
        }
        recognised += usize::from(again == Again::Recognised);
    }
    open::journalled(store).await?;
    if json {
        return output::json(&serde_json::json!({ "tried": ids.len(), "recognised": recognised }));
    }
    output::line(format!("{recognised} of {} mails are recognised now, and recorded.", ids.len()))
}

async fn everything(store: &Store, journal: &Path) -> Result<Vec<String>, Exit> {
    let unrecognised = unrecognised::list(&mut store.read().await?).await?;
    let unreadable = set_aside::list(journal).map_err(|error| unlisted(&error))?;
    let numbers = unrecognised.iter().map(|mail| mail.id.to_string());
    Ok(numbers.chain(unreadable.into_iter().map(|mail| mail.id)).collect())
}

/// A mail's bytes, by the id that `list` shows: the number of a row, which is shorter than a fingerprint, or the name of a file.
async fn bytes(id: &str, store: &Store, journal: &Path) -> Result<Vec<u8>, Exit> {
    let none = || Exit::No(format!("no mail that is kept has the id {id:?}; `nurtured inbox list` shows them"));
    if let Some(path) = set_aside::path(journal, id) {
        return fs::read(path).map_err(|error| unlisted(&error));
    }
    let number: i64 = id.parse().map_err(|_| none())?;
    unrecognised::message(&mut store.read().await?, number).await?.ok_or_else(none)
}

fn unlisted(error: &io::Error) -> Exit {
    Exit::No(format!("could not look at the mails that were set aside: {error}"))
}
