//! `nurtured init DIR`: writes the example company's configuration to start from, and says what to change.

use super::exit::Exit;
use super::{db, open, output, owner};
use crate::config::{self, example};
use crate::domain::settings::DatabaseUrl;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// Writes the files, and makes the database they name; never overwrites one.
///
/// # Errors
/// 1 when the directory has a configuration already, or cannot be written.
pub async fn init(directory: &Path) -> Result<(), Exit> {
    if directory.join("nurtured.toml").exists() {
        return Err(Exit::No(format!("{} has a configuration already; nothing was written", directory.display())));
    }
    for (path, text) in example::FILES.iter().chain(&[("behaviour.toml", example::BEHAVIOUR)]) {
        let file = directory.join(path);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(|e| Exit::No(format!("could not make {}: {e}", parent.display())))?;
        }
        let opened = OpenOptions::new().write(true).create_new(true).open(&file);
        let written = opened.and_then(|mut f| f.write_all(text.as_bytes()));
        written.map_err(|e| Exit::No(format!("could not write {}: {e}", file.display())))?;
    }
    make_database(directory).await;
    let shown = directory.display();
    output::line(format!("Wrote a working example company to {shown}. To make it yours:"))?;
    for step in [
        "nurtured.toml        public_url, organisation, tracking, smtp",
        "salespeople.toml     who sells, who reads replies, who gets which lead",
        "qualification.toml   what proves vision, budget, authority, need and timeframe",
        "campaigns/           one file per campaign, its newsletters beside it",
        "behaviour.toml       how people would act, for `nurtured simulate` alone",
    ] {
        output::line(format!("  {step}"))?;
    }
    output::line(format!("Then: nurtured --config {shown} check"))
}

/// Makes the file of the database, whole and with all its tables, if there is none; a server's database is not made ready by an example.
/// The configuration is written already: what keeps the database from being made is said, and is no failure.
async fn make_database(directory: &Path) {
    let named = match config::load_database(directory, &open::environment()) {
        Ok(named) => named,
        Err(problems) => return output::aside(problems.render(false)),
    };
    if !matches!(&named.url, DatabaseUrl::Sqlite(path) if !path.exists()) {
        return;
    }
    let made = match (open::refuse_a_second(&named), owner::belongs_to(&named)) {
        (Err(second), _) => return output::aside(second.words()),
        (Ok(()), Some(owner)) => Err(Exit::No(owner)),
        (Ok(()), None) => db::make(&named).await,
    };
    if let Err(why) = made {
        output::aside(format!("The database was not made: {}. `nurtured db migrate` makes it.", why.words()));
    }
}
