//! All steps, one after the other, until none has anything left to do at this instant. Tests, the demo and simulation
//! drive the house with it; the daemon runs the same steps in loops.

use super::context::{Context, FlowError, Progress};
use super::deliver::{Doors, deliver};
use super::{correspond, hand_off, publish, qualify, sweep};
use jiff::Timestamp;

/// Runs every step until nothing is due now; returns the next instant at which something will be.
///
/// # Errors
/// The first step's that fails.
pub async fn settle(ctx: &Context, doors: &Doors) -> Result<Option<Timestamp>, FlowError> {
    loop {
        let round = [
            publish::publish(ctx).await?,
            deliver(ctx, doors).await?,
            qualify::qualify(ctx).await?,
            hand_off::hand_off(ctx).await?,
            sweep::remind(ctx).await?,
            correspond::correspond(ctx).await?,
        ];
        if round.contains(&Progress::Done) {
            continue;
        }
        let instants = round.into_iter().filter_map(|progress| match progress {
            Progress::NotBefore(at) => Some(at),
            Progress::Done | Progress::Idle => None,
        });
        return Ok(instants.min());
    }
}
