//! How much memory the daemon ever holds while an issue goes to a million prospects, its start included: a real run on
//! SQLite, into the relay that only counts. It takes minutes.

use crate::arguments::{Arguments, What};
use crate::company::Company;
use crate::database::Database;
use crate::figures::rate;
use crate::round::{Ground, To};
use anyhow::Result;
use std::path::Path;

/// In megabytes, at a million prospects.
const GOAL: f64 = 64.0;

/// Measures it once: memory is no matter of luck.
pub(crate) async fn measure(arguments: &Arguments, company: &Company, at: &Path) -> Result<()> {
    let prospects = arguments.prospects(What::Memory);
    println!("memory: one issue to {prospects} prospects on SQLite, into a relay that only counts; at a million, minutes");
    let ground = Ground { company, postfix: None, directory: at, groups: false };
    let filled = Database::sqlite(company, prospects, at).await?;
    let run = ground.ours(To::Fast, &filled, prospects).await?;
    println!(
        "  the relay has {prospects}, each recorded, in {:.0} s: {:.0} messages/s",
        run.time.as_secs_f64(),
        rate(prospects, run.time)
    );
    let name = if prospects == 1_000_000 { "1m".to_owned() } else { prospects.to_string() };
    println!("rss_mb_{name}={:.1} goal_at_most={GOAL}\n", run.memory);
    Ok(())
}
