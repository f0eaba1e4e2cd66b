//! `nurtured uncertain …`: deliveries of which it is unknown whether they were sent.

use super::exit::Exit;
use super::{open, output};
use crate::domain::group::delivery::Resolution;
use crate::domain::id::{DeliveryId, IssueId};
use crate::flow::group::delivery::uncertain;
use crate::store::group::uncertain::Which;
use clap::{Subcommand, ValueEnum};
use std::path::Path;

/// List deliveries whose result is unknown, or say what became of them
#[derive(Debug, Subcommand)]
pub enum Uncertain {
    /// Every one of them: who, which issue, since when, and the Message-ID to look for in the relay's own log
    List,
    /// Say what became of one, or of all of an issue; it is kept with your name
    Resolve {
        /// Its number, as `uncertain list` shows it
        #[arg(required_unless_present = "all_of", conflicts_with = "all_of")]
        id: Option<i64>,
        /// Every one of this issue
        #[arg(long, value_name = "ISSUE")]
        all_of: Option<i64>,
        /// What became of it, or shall
        #[arg(long = "as", value_enum)]
        how: How,
        /// Who says so: an id of salespeople.toml
        #[arg(long)]
        by: String,
    },
}

/// What became of it.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum How {
    /// It was sent
    Accepted,
    /// It was not, and shall not be
    Failed,
    /// Send it again, with the same bytes
    Resend,
}

impl From<How> for Resolution {
    fn from(how: How) -> Self {
        match how {
            How::Accepted => Self::Accepted,
            How::Failed => Self::Failed,
            How::Resend => Self::Resend,
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// 1 when nothing was uncertain; 2 for an unknown person; 75 when it is being sent right now; those of the store.
pub async fn run(verb: Uncertain, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    match verb {
        Uncertain::List => list(config, json).await,
        Uncertain::Resolve { id, all_of, how, by } => {
            let which = match (id, all_of) {
                (Some(id), _) => Which::One(DeliveryId(id)),
                (None, all_of) => Which::OfIssue(IssueId(all_of.unwrap_or_default())),
            };
            resolve(which, how.into(), &by, config, json).await
        }
    }
}

async fn list(config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let all = uncertain::list(&node.ctx).await?;
    if json {
        return output::json(&all);
    }
    if all.is_empty() {
        return output::line("Nothing is uncertain.");
    }
    let rows: Vec<[String; 7]> = all
        .into_iter()
        .map(|listed| {
            let d = listed.doubt;
            let why = d.reply.unwrap_or_else(|| "no answer".to_owned());
            let marked = output::instant(d.marked_at);
            [d.id.to_string(), d.issue.to_string(), d.address, d.newsletter, marked, listed.message_id, why]
        })
        .collect();
    output::table(["ID", "ISSUE", "TO", "NEWSLETTER", "MARKED", "MESSAGE-ID", "WHY"], &rows)
}

async fn resolve(which: Which, how: Resolution, by: &str, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let by = open::person(&node.ctx.plan(), by)?;
    let is_meant = |listed: &uncertain::Listed| match which {
        Which::One(id) => listed.doubt.id == id,
        Which::OfIssue(id) => listed.doubt.issue == id,
    };
    let before = uncertain::list(&node.ctx).await?.iter().filter(|listed| is_meant(listed)).count() as u64;
    if before == 0 {
        return Err(Exit::No("nothing of that number is uncertain; see `nurtured uncertain list`".to_owned()));
    }
    let resolved = uncertain::resolve(&node.ctx, which, how, &by).await?;
    if json {
        output::json(&serde_json::json!({ "resolved": resolved, "left": before.saturating_sub(resolved) }))?;
    } else {
        output::line(format!("{resolved} resolved as {}.", how.state().word()))?;
    }
    if resolved < before {
        let left = before - resolved;
        return Err(Exit::Again(format!("{left} of that issue are in a range that is being sent right now; say it again later")));
    }
    Ok(())
}
