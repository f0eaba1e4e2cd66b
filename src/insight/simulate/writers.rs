//! Marketing that goes on writing: once a campaign has no letter left, it gets others modelled on its own, in turn, so that a
//! simulation of years does not end with the letters that exist today. The report says from when on they were used.

use super::world::World;
use crate::domain::group::campaign::{Campaign, Newsletter, Order};
use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::flow::context::FlowError;
use jiff::Timestamp;

/// How the id of a made-up letter ends, before its number.
const MORE: &str = ".more-";
/// The most letters that are made up for one campaign.
const MOST: usize = 1_000;

/// Whether the letter was made up.
pub fn is_made_up(newsletter: &Name) -> bool {
    newsletter.as_str().contains(MORE)
}

/// Gives every series as many letters as it has dates in the simulated time.
pub fn write_series(plan: &mut Plan, from: Timestamp, until: Timestamp) {
    for campaign in plan.campaigns.iter_mut().filter(|c| c.order == Order::Series) {
        let own = campaign.newsletters.len();
        let dates = std::iter::successors(campaign.schedule.after(from), |f| campaign.schedule.after(f.due_at));
        let dates = dates.take_while(|f| f.due_at <= until).take(MOST).count();
        for number in own..dates {
            let more = made_up_letter(campaign, own, number);
            campaign.newsletters.extend(more);
        }
    }
}

/// Gives an edition another letter when its date has come and its newest letter has been sent.
///
/// # Errors
/// When the plan cannot be put in force.
pub fn write_editions(world: &mut World, due: &[Name]) -> Result<(), FlowError> {
    let mut plan = Plan::clone(&world.ctx.plan());
    let mut changed = false;
    for campaign in plan.campaigns.iter_mut().filter(|c| c.order == Order::Edition && due.contains(&c.name)) {
        let newest = campaign.newsletters.last().map(|n| n.id.clone());
        let sent = world.event_log.issues.values().any(|i| i.campaign == campaign.name && Some(&i.newsletter) == newest.as_ref());
        if !sent {
            continue;
        }
        let now = world.now();
        world.event_log.of(&campaign.name).needs_letter_at.get_or_insert(now);
        if world.behaviour.writes_on {
            let own = campaign.newsletters.iter().filter(|n| !is_made_up(&n.id)).count();
            let number = campaign.newsletters.len();
            let more = made_up_letter(campaign, own, number);
            campaign.newsletters.extend(more);
            changed = true;
        }
    }
    if changed { world.ctx.replace_plan(plan) } else { Ok(()) }
}

/// The next letter: a copy of the campaign's own, in turn.
fn made_up_letter(campaign: &Campaign, own: usize, number: usize) -> Option<Newsletter> {
    let like = campaign.newsletters.get(number % own.max(1))?;
    let end = format!("{MORE}{number}");
    let id: String = like.id.as_str().chars().take(64 - end.len()).collect();
    Some(Newsletter { id: Name::parse(&format!("{id}{end}")).ok()?, ..like.clone() })
}
