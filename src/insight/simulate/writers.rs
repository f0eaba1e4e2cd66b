//! Marketing that goes on writing: once a campaign has no letter left, it gets others like its own, in turn, so that a
//! simulation of years does not fall silent after those that are written today. The report says from when on they were used.

use super::world::World;
use crate::domain::group::campaign::{Campaign, Newsletter, Order};
use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::flow::context::FlowError;
use jiff::Timestamp;

/// How the id of a letter ends that nobody has written yet.
const MORE: &str = ".more-";
/// More letters than this are not made up for one campaign.
const MOST: usize = 1_000;

/// Whether somebody has yet to write it.
pub fn is_more(newsletter: &Name) -> bool {
    newsletter.as_str().contains(MORE)
}

/// Gives every series as many letters as it has dates until then.
pub fn write_series(plan: &mut Plan, from: Timestamp, until: Timestamp) {
    for campaign in plan.campaigns.iter_mut().filter(|c| c.order == Order::Series) {
        let own = campaign.newsletters.len();
        let dates = std::iter::successors(campaign.schedule.after(from), |f| campaign.schedule.after(f.due_at));
        let dates = dates.take_while(|f| f.due_at <= until).take(MOST).count();
        for number in own..dates {
            let more = more(campaign, own, number);
            campaign.newsletters.extend(more);
        }
    }
}

/// An edition whose date has come and whose newest letter has been sent gets another one.
///
/// # Errors
/// When the plan cannot be put in force.
pub fn write_editions(world: &mut World, due: &[Name]) -> Result<(), FlowError> {
    let mut plan = Plan::clone(&world.ctx.plan());
    let mut changed = false;
    for campaign in plan.campaigns.iter_mut().filter(|c| c.order == Order::Edition && due.contains(&c.name)) {
        let newest = campaign.newsletters.last().map(|n| n.id.clone());
        let sent = world.diary.issues.values().any(|i| i.campaign == campaign.name && Some(&i.newsletter) == newest.as_ref());
        if !sent {
            continue;
        }
        let now = world.now();
        world.diary.of(&campaign.name).needs_letter_at.get_or_insert(now);
        if world.behaviour.writes_on {
            let own = campaign.newsletters.iter().filter(|n| !is_more(&n.id)).count();
            let number = campaign.newsletters.len();
            let more = more(campaign, own, number);
            campaign.newsletters.extend(more);
            changed = true;
        }
    }
    if changed { world.ctx.replace_plan(plan) } else { Ok(()) }
}

/// The letter that would be written next: like the campaign's own, in turn.
fn more(campaign: &Campaign, own: usize, number: usize) -> Option<Newsletter> {
    let like = campaign.newsletters.get(number % own.max(1))?;
    let end = format!("{MORE}{number}");
    let id: String = like.id.as_str().chars().take(64 - end.len()).collect();
    Some(Newsletter { id: Name::parse(&format!("{id}{end}")).ok()?, ..like.clone() })
}
