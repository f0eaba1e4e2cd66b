//! The people of a simulation: those of a list, of the database of this configuration, or made up.

use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::prospects::import::map_file;
use crate::cli::prospects::page::Page;
use crate::domain::plan::Plan;
use crate::domain::settings::DatabaseUrl;
use crate::inbox::list::prospects::{self, Options};
use crate::insight::simulate::people::{self, Participants};
use crate::store::engine::scratch;
use std::fs::File;
use std::path::Path;

/// How many are made up when the database has none.
const MADE_UP: u32 = 10_000;

/// Finds the people, and says where they come from.
///
/// # Errors
/// 65 for a list that cannot be read.
pub async fn find(
    list: Option<&Path>,
    map: Option<&Path>,
    made_up: Option<u32>,
    seed: u64,
    plan: &Plan,
) -> Result<(Participants, String), Exit> {
    let invented = |count: u32| Participants { arrivals: people::made_up(count as usize, seed), ..Participants::default() };
    if let Some(file) = list {
        return Ok((read(file, map, plan)?, format!("the list {}", file.display())));
    }
    if let Some(count) = made_up {
        return Ok((invented(count), "made up".to_owned()));
    }
    match of_database(&plan.settings.database).await {
        Ok(participants) if !participants.arrivals.is_empty() => {
            Ok((participants, "the database of this configuration".to_owned()))
        }
        Ok(_) => Ok((invented(MADE_UP), "made up: nobody is nurtured in the database of this configuration".to_owned())),
        Err(why) => Ok((invented(MADE_UP), format!("made up: {why}"))),
    }
}

async fn of_database(database: &DatabaseUrl) -> Result<Participants, String> {
    if let DatabaseUrl::Sqlite(path) = database
        && !path.exists()
    {
        return Err(format!("there is no database {} yet", path.display()));
    }
    let unreadable = |why: &dyn std::fmt::Display| format!("the database of this configuration cannot be read ({why})");
    let store = scratch::look_at(database).await.map_err(|e| unreadable(&e))?;
    let participants = people::of_store(&store).await.map_err(|e| unreadable(&e));
    store.close().await;
    participants
}

/// The rows of a list; a bad row is reported and left out.
fn read(file: &Path, map: Option<&Path>, plan: &Plan) -> Result<Participants, Exit> {
    let unreadable = |why: &dyn std::fmt::Display| Exit::Data(format!("could not read {}: {why}", file.display()));
    let source = File::open(file).map_err(|e| unreadable(&e))?;
    let map = map.map(map_file).transpose()?;
    let options = Options { map, declared: &plan.settings.fields, source: "simulation" };
    let mut rows = prospects::open(source, &options).map_err(|e| unreadable(&e))?;
    let (mut page, mut left_out) = (Page::default(), 0);
    for row in rows.by_ref() {
        match row {
            Ok(row) => page.add(row.arrival, None),
            Err(error) => {
                left_out += 1;
                output::aside(format!("{}:{error}", file.display()));
            }
        }
    }
    if !rows.unread().is_empty() {
        return Err(unreadable(rows.unread()));
    }
    let arrivals = page.by_day().into_values().flatten().collect();
    Ok(Participants { arrivals, left_out, ..Participants::default() })
}
