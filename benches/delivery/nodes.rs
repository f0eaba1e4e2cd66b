//! Two nodes beside one on the same PostgreSQL, each with connections of its own to a relay that answers after 20 ms: what
//! a second machine brings where the relay is what takes the time.
//!
//! Both processors are shared by the nodes, the database and the relay, so it says nothing of what more machines bring.

use crate::arguments::{Arguments, What};
use crate::company::Company;
use crate::database::Database;
use crate::figures::{Series, rate};
use crate::round::{Ground, SLOW_CONNECTIONS, To};
use anyhow::Result;
use std::path::Path;

/// How often one node's rate two must reach at least.
const GOAL: f64 = 1.6;

/// Measures one node, then two, in every round. That no mail went twice is asserted: as many recipients as messages.
pub(crate) async fn measure(arguments: &Arguments, company: &Company, at: &Path) -> Result<()> {
    let prospects = arguments.prospects(What::Nodes);
    println!(
        "nodes: one issue to {prospects} prospects on PostgreSQL, {SLOW_CONNECTIONS} connections a node, {} rounds",
        arguments.rounds()
    );
    let ground = Ground { company, postfix: None, directory: at, groups: false };
    let (mut one, mut two) = (Series::default(), Series::default());
    if let Some(filled) = Database::postgres(company, prospects).await? {
        for number in 1..=arguments.rounds() {
            for (nodes, series) in [(1, &mut one), (2, &mut two)] {
                let run = ground.nodes(nodes, To::SlowRemembering, &filled, prospects).await?;
                series.add(rate(prospects, run.time));
            }
            println!("round {number} of {} done", arguments.rounds());
        }
    }
    let ratio = two.over(&one);
    println!("  one node  {one:.0} messages/s\n  two nodes {two:.0} messages/s, {ratio} × one");
    println!("ratio_two_nodes={} goal_at_least={GOAL}\n", ratio.value(2));
    Ok(())
}
