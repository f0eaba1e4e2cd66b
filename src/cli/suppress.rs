//! `nurtured suppress …`: lists, adds and lifts suppressions.

use super::exit::Exit;
use super::{open, output};
use crate::clock::{Clock, SystemClock};
use crate::domain::suppression::Channel;
use crate::flow::operations::manual_stop;
use crate::store::people::suppressions::{self, Suppression};
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;
use std::path::Path;

/// List, add or lift suppressions
#[derive(Debug, Subcommand)]
pub enum Suppress {
    /// Every suppression in force, oldest first
    List,
    /// Stop an address
    Add {
        /// Which
        email: String,
        /// Why, in your words
        #[arg(long)]
        reason: String,
        /// Where it is stopped
        #[arg(long, value_enum, default_value = "email")]
        channel: Where,
    },
    /// Lift what stops an address
    Remove {
        /// Which
        email: String,
        /// Why, in your words; it is kept
        #[arg(long)]
        reason: String,
        /// Where it is lifted
        #[arg(long, value_enum, default_value = "email")]
        channel: Where,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Where {
    /// Mail
    Email,
    /// Phone
    Phone,
}

impl From<Where> for Channel {
    fn from(channel: Where) -> Self {
        match channel {
            Where::Email => Self::Email,
            Where::Phone => Self::Phone,
        }
    }
}

#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    suppression: Suppression,
    since: Timestamp,
}

/// Runs the verb.
///
/// # Errors
/// 1 when no suppression is in force, or it may not be lifted; 2 for no address; those of the store.
pub async fn run(verb: Suppress, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    match verb {
        Suppress::List => list(config, json).await,
        Suppress::Add { email, reason, channel } => {
            let (address, reason) = (open::address(&email)?, said(&reason)?);
            let store = open::database(config).await?;
            let new = manual_stop::stop_address(&store, &address, channel.into(), reason, SystemClock.now()).await?;
            open::journalled(&store).await?;
            if json {
                return output::json(&serde_json::json!({ "address": address, "new": new }));
            }
            let how = if new { "is stopped now" } else { "was stopped already; the reason it had stays" };
            output::line(format!("{address} {how}."))
        }
        Suppress::Remove { email, reason, channel } => remove(&email, said(&reason)?, channel.into(), config, json).await,
    }
}

/// A reason that is not blank.
fn said(reason: &str) -> Result<&str, Exit> {
    let reason = reason.trim();
    if reason.is_empty() { Err(Exit::Usage("say why: --reason \"asked by phone\"".to_owned())) } else { Ok(reason) }
}

async fn list(config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let mut tx = node.ctx.store().read().await?;
    let all = suppressions::all(&mut tx).await?.into_iter();
    let all: Vec<Listed> = all.map(|suppression| Listed { since: suppression.since, suppression }).collect();
    if json {
        return output::json(&all);
    }
    let rows: Vec<[String; 5]> = all
        .into_iter()
        .map(|l| {
            [
                l.suppression.address,
                l.suppression.channel.word().to_owned(),
                l.suppression.reason.word().to_owned(),
                l.suppression.source,
                output::instant(Some(l.since)),
            ]
        })
        .collect();
    output::table(["ADDRESS", "CHANNEL", "REASON", "SOURCE", "SINCE"], &rows)
}

async fn remove(email: &str, reason: &str, channel: Channel, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let address = open::address(email)?;
    let node = open::node(config).await?;
    let lifted = manual_stop::lift(&node.ctx, &address, channel, reason).await?;
    let Some(lifted) = lifted else {
        return Err(Exit::No(format!("nothing stops {address} on {}; see `nurtured suppress list`", channel.word())));
    };
    if lifted.reason.is_their_wish() {
        output::aside(format!(
            "WARNING: {address} had {} ({}). Writing to them again needs their own new word; keep where it is written.",
            lifted.reason, lifted.source
        ));
    }
    if json {
        return output::json(&serde_json::json!({ "address": address, "lifted": lifted }));
    }
    output::line(format!("{address} may be used again on {} (it was stopped: {}).", channel.word(), lifted.reason))
}
