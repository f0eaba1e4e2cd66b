//! Checks of the database: whether it answers, is migrated and intact, is durable, and has the same time; and
//! whether anything may be sent from it.

use super::finding::Finding;
use crate::domain::plan::Plan;
use crate::domain::settings::DatabaseUrl;
use crate::domain::span::Span;
use crate::flow::context::FlowError;
use crate::store::engine::backend::Store;
use crate::store::group::{campaigns, occurrences};
use crate::store::operations::{health, integrity, sending};
use crate::store::people::signing_keys;
use jiff::{SignedDuration, Timestamp};

/// The most that two clocks may differ.
const APART: SignedDuration = SignedDuration::from_secs(5);
/// How far ahead of this clock a recorded instant may be.
const AHEAD: Span = Span::minutes(5);

/// The database's name, without what may be secret.
pub fn name(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Sqlite(path) => format!("SQLite in {}", path.display()),
        DatabaseUrl::Postgres(_) => "PostgreSQL".to_owned(),
    }
}

/// Whether its tables are those of this program. If they are not, no other check of the database is run.
pub async fn tables(store: &Store, url: &DatabaseUrl) -> Result<Finding, FlowError> {
    let name = name(url);
    Ok(match store.migrations().await? {
        (0, 0) => Finding::well("database", format!("{name} answers; its tables are up to date")),
        (missing, 0) => Finding::wrong(
            "database",
            format!("{name} answers; its tables are {missing} migrations behind this program"),
            "back it up, then `nurtured db migrate`; the daemon does so at its start",
        ),
        (_, unknown) => Finding::wrong(
            "database",
            format!("{name} answers; its tables are {unknown} migrations ahead of this program"),
            "install the program that made them, or a newer one",
        ),
    })
}

/// Whether its commits survive a power cut.
pub async fn durability(store: &Store) -> Result<Finding, FlowError> {
    let found = store.durability().await?;
    let said: Vec<String> = found.iter().map(|(setting, value)| format!("{setting} = {value}")).collect();
    // SQLite's other setting belongs to a connection, not to the file: the daemon sets and verifies it.
    let bad = found.iter().find(|(setting, value)| match *setting {
        "journal_mode" => value != "wal",
        "synchronous" => false,
        _ => value != "on",
    });
    Ok(match bad {
        None => Finding::well("durability", said.join(", ")),
        Some((setting, value)) => Finding::wrong(
            "durability",
            format!("{setting} is {value}: what was recorded may be lost in a power cut"),
            format!("set {setting} back in the server's configuration; the daemon refuses to start like this"),
        ),
    })
}

/// What a quick integrity check finds.
pub async fn integrity(store: &Store) -> Result<Finding, FlowError> {
    let mut tx = store.read().await?;
    let complaints =
        if store.is_shared() { integrity::complaints(&mut tx).await? } else { health::quick_complaints(&mut tx).await? };
    let looked = if store.is_shared() { "every foreign key is in force" } else { "a quick look finds nothing wrong" };
    Ok(match complaints.first() {
        None => Finding::well("integrity", looked),
        Some(first) => Finding::wrong(
            "integrity",
            format!(
                "{first}{}",
                if complaints.len() > 1 { format!(" (and {} more)", complaints.len() - 1) } else { String::new() }
            ),
            "stop the daemon, keep the file, and restore the last backup: see `nurtured db verify` and `nurtured adopt`",
        ),
    })
}

/// Whether this clock agrees with the database's, and is not behind what was recorded.
pub async fn clock(store: &Store, now: Timestamp) -> Result<Finding, FlowError> {
    let mut tx = store.read().await?;
    let theirs = health::clock(&mut tx).await?;
    let signal = health::last_signal(&mut tx).await?;
    let seen = health::seen_until(&mut tx).await?;
    let fix = "set this machine's clock by a time server (timedatectl set-ntp true); then `nurtured doctor` again";
    let latest = signal.into_iter().chain(seen).max();
    Ok(match (theirs, latest) {
        (Some(theirs), _) if theirs.duration_since(now).abs() > APART => {
            let apart = theirs.duration_since(now).abs().as_secs();
            Finding::wrong("clock", format!("the database's clock and ours are {apart} seconds apart"), fix)
        }
        (_, Some(latest)) if latest > AHEAD.after(now) => {
            Finding::wrong("clock", format!("it is {now} here, and something was recorded at {latest}"), fix)
        }
        _ => Finding::well(
            "clock",
            signal
                .map_or_else(|| format!("it is {now}; no signal yet"), |at| format!("it is {now}; the last signal came at {at}")),
        ),
    })
}

/// Whether the keys that sign links exist.
pub async fn keys(store: &Store) -> Result<Finding, FlowError> {
    let mut tx = store.read().await?;
    Ok(match signing_keys::count(&mut tx).await? {
        0 => Finding::notice("signing keys", "there is none yet", "the first is made when the daemon starts"),
        1 => Finding::well("signing keys", "one, with the data"),
        count => Finding::well("signing keys", format!("{count}, with the data")),
    })
}

/// Whether anything may be sent, which campaigns are paused, and which were last for nobody; without a plan, of all that ever ran.
pub async fn sending_state(store: &Store, plan: Option<&Plan>) -> Result<Vec<Finding>, FlowError> {
    let mut tx = store.read().await?;
    let sending = sending::state(&mut tx).await?;
    let known = campaigns::all(&mut tx).await?;
    let mut found = Vec::new();
    if let Some(held) = &sending.observing {
        let says = format!("nothing is sent since {}: {}", held.since, held.reason);
        found.push(Finding::wrong("sending", says, "`nurtured adopt`, with the stop journal of whoever sent before"));
    }
    if let Some(held) = &sending.stopped {
        let says = format!("no group mail since {}: {}", held.since, held.reason);
        found.push(Finding::wrong("sending", says, "see to the reason, then `nurtured resume`"));
    }
    if found.is_empty() {
        found.push(Finding::well("sending", "mail may leave"));
    }
    for (name, state) in known.iter().filter(|(name, _)| plan.is_none_or(|plan| plan.campaign(name).is_some())) {
        if let Some(why) = &state.paused {
            let fix = format!("`nurtured campaigns resume {name}`");
            found.push(Finding::notice("campaign", format!("{name} is paused: {why}"), fix));
        }
        if let Some(nominal) = occurrences::last_for_nobody(&mut tx, name).await? {
            let fix = format!("look whom it is for: `nurtured campaigns show {name}`; and whether the list was imported here");
            found.push(Finding::notice("campaign", format!("the last occurrence of {name}, {nominal}, was for nobody"), fix));
        }
    }
    Ok(found)
}
