//! `nurtured letters …`: mails to our own people that are not sent, and sending them again.

use super::exit::Exit;
use super::{open, output};
use crate::domain::id::LetterId;
use crate::flow::individual::resend;
use clap::Subcommand;
use std::path::Path;

/// List letters to our own people that are not sent, or send them again
#[derive(Debug, Subcommand)]
pub enum Letters {
    /// Every letter that waits, or failed in the last thirty days: to whom, since when, and what the relay said
    List,
    /// Send one again, with the same bytes; also one that the relay took
    Resend {
        /// Its number, as `letters list` shows it
        #[arg(required_unless_present = "failed", conflicts_with = "failed")]
        id: Option<i64>,
        /// Every one that failed
        #[arg(long)]
        failed: bool,
    },
}

/// Runs the verb.
///
/// # Errors
/// 1 when there is nothing of that kind to send; those of the store.
pub async fn run(verb: Letters, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    match verb {
        Letters::List => list(config, json).await,
        Letters::Resend { id: Some(id), .. } => {
            let node = open::node(config).await?;
            resend::one(&node.ctx, LetterId(id)).await?;
            told(1, json)
        }
        Letters::Resend { id: None, .. } => {
            let node = open::node(config).await?;
            let count = resend::failed(&node.ctx).await?;
            if count == 0 && !json {
                return Err(Exit::No("no letter to one of ours failed in the last thirty days".to_owned()));
            }
            told(count, json)
        }
    }
}

fn told(count: u64, json: bool) -> Result<(), Exit> {
    if json {
        return output::json(&serde_json::json!({ "resent": count }));
    }
    let how = if count == 1 { "One letter is sent again".to_owned() } else { format!("{count} letters are sent again") };
    output::line(format!("{how}, by the daemon, as soon as the relay takes it."))
}

async fn list(config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let all = resend::unsent(&node.ctx).await?;
    if json {
        return output::json(&all);
    }
    if all.is_empty() {
        return output::line("Every letter was sent.");
    }
    let rows: Vec<[String; 8]> = all
        .into_iter()
        .map(|letter| {
            let state = if letter.failed_at.is_some() { "failed" } else { "waits" };
            let reply = letter.reply.unwrap_or_else(|| "not tried yet".to_owned());
            let (since, next) = (output::instant(Some(letter.since)), output::instant(letter.next_at));
            [letter.id.to_string(), letter.kind, letter.to, state.to_owned(), since, letter.tries.to_string(), next, reply]
        })
        .collect();
    output::table(["ID", "LETTER", "TO", "STATE", "SINCE", "TRIES", "NEXT", "RELAY"], &rows)
}
