//! `nurtured prospects change-address` and `merge`: who is the same person.

use crate::cli::exit::Exit;
use crate::cli::{open, output};
use crate::flow::doorway::readdress;
use crate::flow::operations::merge;
use std::path::Path;

/// Gives a prospect another address.
///
/// # Errors
/// 1 when nobody has the old address, or somebody else the new one; those of the store.
pub async fn change_address(old: &str, new: &str, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let (old, new) = (open::address(old)?, open::address(new)?);
    let node = open::node(config).await?;
    let done = readdress::change(&node.ctx, &old, &new).await?;
    if json {
        return output::json(&done);
    }
    output::line(format!("Prospect {} has the address {new} now, and keeps everything known of them.", done.prospect))?;
    match done.stops {
        0 => Ok(()),
        stops => output::line(format!("What they refused at {old} holds at {new} too: {stops} suppressions.")),
    }
}

/// Merges two prospects who are one person.
///
/// # Errors
/// 1 when one is not known, or both have an open handoff; those of the store.
pub async fn merge_two(first: &str, other: &str, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let (first, other) = (open::address(first)?, open::address(other)?);
    let node = open::node(config).await?;
    let done = merge::merge(&node.ctx, &first, &other).await?;
    if json {
        return output::json(&done);
    }
    output::line(format!(
        "One prospect now, {}: {} signals and {} deliveries came over. Mail goes to {first}; what comes from {other} is theirs too.",
        done.kept, done.moved.signals, done.moved.deliveries
    ))?;
    match done.stops {
        0 => Ok(()),
        stops => output::line(format!("What was refused at one address holds at both: {stops} new suppressions.")),
    }
}
