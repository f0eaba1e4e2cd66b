//! `nurtured prospects …`: import, list, show and export prospects, say who is the same person, forget them.

pub mod page;
pub mod complaints;
pub mod import;
pub mod show;
pub mod export;
pub mod access;
pub mod identity;

use crate::cli::exit::{Exit, joined};
use crate::cli::{open, output};
use crate::domain::id::ProspectId;
use crate::domain::prospect::Standing;
use crate::flow::operations::forget::{self, Forgotten};
use crate::store::operations::overwriting::{self, Left};
use crate::store::people::prospects;
use clap::Subcommand;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Import, list, show, export, merge or forget prospects
#[derive(Debug, Subcommand)]
pub enum Prospects {
    /// Take in a list as another program exported it
    Import(import::Import),
    /// Who there is, oldest first
    List {
        /// Only those who stand there: nurturing, offered, owned, closed or suppressed
        #[arg(long, value_parser = standing)]
        standing: Option<Standing>,
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Everything known about one prospect
    Show {
        /// Their address
        email: String,
    },
    /// Write all prospects as CSV, safe to open in a spreadsheet; with an address, everything kept of that person as JSON
    Export {
        /// The person's address
        email: Option<String>,
        /// Into this file, which must be a new one for one person [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Give a prospect another address: the person stays, with everything known of them
    ChangeAddress {
        /// The address they have
        old: String,
        /// The address they have from now on
        new: String,
    },
    /// Merge two prospects who are one person: the first address is written to, both are known
    Merge {
        /// The address to go on with; details that differ are taken from here
        address: String,
        /// Their other address
        other: String,
    },
    /// Erase what identifies one person, for good
    Forget {
        /// Their address
        email: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

fn standing(text: &str) -> Result<Standing, String> {
    Standing::parse(text).ok_or_else(|| "a standing is nurturing, offered, owned, closed or suppressed".to_owned())
}

/// Runs the verb.
///
/// # Errors
/// 65 for a list with errors; 1 for an unknown prospect; those of the store.
pub async fn run(verb: Prospects, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    match verb {
        Prospects::Import(verb) => import::import(&verb, config, json).await,
        Prospects::List { standing, limit } => list(standing, limit, config, json).await,
        Prospects::Show { email } => show::show(&email, config, json).await,
        Prospects::Export { email: Some(email), output } => access::export(&email, output.as_deref(), config).await,
        Prospects::Export { email: None, output } => export::export(output.as_deref(), config, json).await,
        Prospects::ChangeAddress { old, new } => identity::change_address(&old, &new, config, json).await,
        Prospects::Merge { address, other } => identity::merge_two(&address, &other, config, json).await,
        Prospects::Forget { email, yes } => forgetting(&email, yes, config, json).await,
    }
}

async fn list(standing: Option<Standing>, limit: u32, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let mut tx = node.ctx.store().read().await?;
    let ids = match standing {
        Some(standing) => prospects::page_of(&mut tx, standing, ProspectId(0), i64::from(limit)).await?,
        None => prospects::page(&mut tx, ProspectId(0), i64::from(limit)).await?,
    };
    let people = prospects::load(&mut tx, &ids).await?;
    if json {
        return output::json(&people);
    }
    let rows: Vec<[String; 5]> = people
        .into_iter()
        .map(|p| {
            let address = p.address.as_ref().map_or_else(|| "erased".to_owned(), ToString::to_string);
            let stop = p.mail_stop.map(|why| why.word().to_owned()).unwrap_or_default();
            [address, p.name.unwrap_or_default(), p.company.unwrap_or_default(), p.standing.word().to_owned(), stop]
        })
        .collect();
    output::table(["ADDRESS", "NAME", "COMPANY", "STANDING", "NO MAIL"], &rows)?;
    if rows.len() == limit as usize {
        output::aside(format!("Only the first {limit} are shown; say --limit for more."));
    }
    Ok(())
}

async fn forgetting(email: &str, yes: bool, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let address = open::address(email)?;
    if !yes
        && !output::confirmed(format!("Erase {address} for good? What they said goes, and no list brings them back. Type yes: "))?
    {
        return Err(Exit::No("nothing was erased".to_owned()));
    }
    let node = open::node(config).await?;
    let forgotten = forget::forget(&node.ctx, &address).await?;
    let store = node.ctx.store().clone();
    drop(node);
    // The files are searched after the store is closed, and a closed store holds no group mail.
    let finished = open::finish().await;
    let told = match overwriting::clean(&store, forgotten.known_by.clone()).await {
        Ok(left) => tell(forgotten, left, json),
        Err(error) => Err(error.into()),
    };
    joined(told, finished)
}

fn tell(forgotten: Forgotten, left: Left, json: bool) -> Result<(), Exit> {
    if json {
        return output::json(&WithFiles { forgotten, left_in_files: left });
    }
    let erased = forgotten.erased;
    output::line(format!(
        "Forgotten. The words of {} signals, {} forms and {} enquiries, the address of {} deliveries and {} letters were erased; the address \
         stays stopped on every channel.",
        erased.signals, erased.forms, erased.enquiries, erased.deliveries, erased.letters
    ))?;
    output::line(match left {
        Left::Nothing => "The file of the database holds nothing of them.",
        Left::NothingSinceRebuilt => "The file of the database was rebuilt, and holds nothing of them.",
        Left::Something => {
            "The file of the database, or its log, still holds a word they were known by: somebody else is known by it too, or a program \
             was reading; `nurtured prospects forget` for anybody looks at the log again."
        }
        Left::Server => "What PostgreSQL keeps of deleted rows goes with its next VACUUM FULL and with its archived log.",
    })?;
    match forgotten.handoff {
        Some(id) => output::line(format!("Handoff {id} was open and is closed: tell its salesperson.")),
        None => Ok(()),
    }
}

/// What `forget` did, and what it left in the files.
#[derive(Serialize)]
struct WithFiles {
    #[serde(flatten)]
    forgotten: Forgotten,
    left_in_files: Left,
}
