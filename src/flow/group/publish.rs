//! publish: a due occurrence becomes one issue per newsletter it carries, and one delivery per member.
//!
//! The occurrence's row comes first and can be opened only once; pages of deliveries follow, each committed with its
//! cursor and the lease that covers it, so any node can resume. Each step reads and writes one page, whether or not any prospect on it
//! is due a newsletter: no transaction is long, and the watchdog sees every page.

use super::breaker;
use super::canary;
use super::cap;
use super::gate;
use super::page::{self, Counted};
use crate::domain::group::breaker::Tripped;
use crate::domain::group::campaign::{Campaign, Newsletter, Order, Sender};
use crate::domain::group::issue::Composed;
use crate::domain::group::occurrence::{self, Missed};
use crate::domain::hook::{Hook, Provider};
use crate::domain::id::{IssueId, Name, OccurrenceId, ProspectId, fingerprint};
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError, Progress};
use crate::mail::prepared::{self, Envelope};
use crate::store::engine::backend::Tx;
use crate::store::group::audiences::{self, AudienceQuery};
use crate::store::group::issues::{self, NewIssue};
use crate::store::group::occurrences::Filling;
use crate::store::group::{campaigns, deliveries, leases, occurrences};
use crate::text::newsletter::{self, Frame};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Opens the occurrences that are due, and writes one page of an open one.
///
/// # Errors
/// The store's; a newsletter that cannot be composed.
pub async fn publish(ctx: &Context) -> Result<Progress, FlowError> {
    let plan = ctx.plan();
    let now = ctx.now();
    // The gate is asked after the clock was read: a clock that jumped is noticed before any occurrence fires by it.
    if gate::is_shut(ctx).await? {
        return Ok(Progress::Idle);
    }
    let next = match open_due(ctx, &plan, now).await? {
        Progress::Done => return Ok(Progress::Done),
        Progress::NotBefore(at) => Some(at),
        Progress::Idle => None,
    };
    let (let_go, held_until) = canary::release(ctx, now).await?;
    if fill_page(ctx, &plan, now, true).await? || let_go {
        ctx.wake();
        return Ok(Progress::Done);
    }
    Ok(Progress::until([next, held_until].into_iter().flatten().min()))
}

/// Opens occurrences that came due, as many as one transaction records; it is done if more may be due
/// now, else it says when the next one will be.
async fn open_due(ctx: &Context, plan: &Plan, now: Timestamp) -> Result<Progress, FlowError> {
    let mut read = ctx.store().read().await?;
    let known = campaigns::all(&mut read).await?;
    drop(read);
    let is_due = |c: &Campaign| {
        known.get(&c.name).is_none_or(|state| {
            let is_due = || c.schedule.named_after(state.seen_until).is_some_and(|f| f.due_at <= now);
            state.configured && (state.schedule != c.schedule.to_string() || is_due())
        })
    };
    if plan.campaigns.iter().any(is_due) {
        let mut tx = ctx.store().write().await?;
        campaigns::put(&mut tx, plan.schedules(), now).await?;
        let mut left = MOST_BACK;
        for campaign in &plan.campaigns {
            left -= open(&mut tx, campaign, &plan.hash, left, now).await?;
            if left == 0 {
                break;
            }
        }
        tx.commit().await?;
        failpoint!("publish.opened");
        if left == 0 {
            return Ok(Progress::Done);
        }
    }
    Ok(Progress::until(plan.campaigns.iter().filter_map(|c| c.schedule.named_after(now)).map(|f| f.due_at).min()))
}

/// After downtime at most the latest occurrence fires; the others are recorded as missed. Records at most so many, and returns how
/// many.
async fn open(tx: &mut Tx, campaign: &Campaign, plan_hash: &str, most: usize, now: Timestamp) -> Result<usize, FlowError> {
    // A node with other files than those in force may have a campaign that the configuration in force has not.
    let Some(state) = campaigns::lock(tx, &campaign.name).await?.filter(|state| state.configured) else {
        return Ok(0);
    };
    let due = occurrence::due(campaign, state.seen_until, state.paused.is_some(), now, most);
    for (firing, missed) in &due {
        if occurrences::open(tx, &campaign.name, firing, *missed, plan_hash).await? {
            let missed = missed.map_or("no", Missed::word);
            tracing::info!(campaign = %campaign.name, nominal = %firing.nominal, missed, "occurrence opened");
        }
    }
    if let Some((last, _)) = due.last() {
        campaigns::seen(tx, &campaign.name, last.due_at).await?;
    }
    Ok(due.len())
}

/// Opens every occurrence that fell due, however late: for a database whose deliveries are held. It records up to a
/// thousand of them one by one, and the rest as missed. Returns how many.
pub async fn open_every(tx: &mut Tx, campaign: &Campaign, plan_hash: &str, now: Timestamp) -> Result<u64, FlowError> {
    let Some(state) = campaigns::lock(tx, &campaign.name).await?.filter(|state| state.configured) else {
        return Ok(0);
    };
    let mut opened = 0;
    let mut next = campaign.schedule.named_after(state.seen_until);
    while let Some(firing) = next.filter(|firing| firing.due_at <= now) {
        let missed = match &firing {
            _ if campaign.schedule.skips(&firing) => Some(Missed::SkipDate),
            _ if state.paused.is_some() => Some(Missed::Paused),
            _ if opened >= MOST_BACK as u64 => Some(Missed::Older),
            _ => None,
        };
        opened += u64::from(occurrences::open(tx, &campaign.name, &firing, missed, plan_hash).await?);
        campaigns::seen(tx, &campaign.name, firing.due_at).await?;
        next = campaign.schedule.named_after(firing.due_at);
    }
    Ok(opened)
}

/// Writes one page of the oldest open occurrence even while sending is stopped, and without the checks of mail that is to
/// go out: for a database whose deliveries are held. Returns whether there was one.
pub async fn fill(ctx: &Context) -> Result<bool, FlowError> {
    fill_page(ctx, &ctx.plan(), ctx.now(), false).await
}

/// How many occurrences one transaction records.
const MOST_BACK: usize = 1_000;

/// What is open of a campaign that this node has no file of waits for one that has, or until it is configured again.
fn names(plan: &Plan) -> impl Iterator<Item = &Name> {
    plan.campaigns.iter().map(|campaign| &campaign.name)
}

/// Reads one page of the oldest open occurrence and writes it, with the checks of live mail if it is to be sent: its deliveries, and
/// in any case its cursor. Returns whether there was one.
async fn fill_page(ctx: &Context, plan: &Plan, now: Timestamp, to_send: bool) -> Result<bool, FlowError> {
    let mut read = ctx.store().read().await?;
    let Some(waiting) = occurrences::peek_filling_of(&mut read, names(plan)).await? else {
        return Ok(false);
    };
    let Some(campaign) = plan.campaign(&waiting.campaign) else { return Ok(false) };
    let newsletters = offered(campaign);
    let mut question = question(plan, campaign, &newsletters);
    let issued = issues::of_occurrence(&mut read, waiting.id).await?;
    if to_send && issued.is_empty() {
        let late = campaign.late.misses(waiting.due_at, now);
        let counted = if late {
            Counted::Within
        } else {
            page::count(ctx, &mut read, &plan.hash, campaign, &mut question, &waiting).await?
        };
        let too_many = match counted {
            Counted::Within => None,
            Counted::NotYet => return Ok(true),
            Counted::TooMany(tripped) => Some(tripped),
        };
        if late || too_many.is_some() {
            drop(read);
            return turn_away(ctx, plan, campaign, &waiting, too_many, now).await;
        }
    }
    let began = ctx.clock().steady();
    let due = page::turn(ctx, &mut read, &mut question, waiting.cursor).await?;
    drop(read);
    let read_for = ctx.clock().steady().saturating_sub(began);
    let mut fresh = Vec::new();
    for newsletter in &campaign.newsletters {
        if !issued.contains(&newsletter.id) && due.iter().any(|due| *due.newsletter == newsletter.id) {
            fresh.push((newsletter, issue(plan, campaign, newsletter, waiting.due_at)?));
        }
    }

    let mut tx = ctx.store().write().await?;
    let began = ctx.clock().steady();
    let as_it_was =
        |filling: &Filling| filling.id == waiting.id && filling.cursor == waiting.cursor && filling.campaign == waiting.campaign;
    if !occurrences::next_filling_of(&mut tx, names(plan)).await?.is_some_and(|filling| as_it_was(&filling)) {
        return Ok(true); // another node is filling it
    }
    let page = (question.after, question.up_to);
    let is_last = page.1 <= page.0;
    if is_last {
        occurrences::filled(&mut tx, waiting.id, now).await?;
    } else {
        if !due.is_empty() {
            let mut added = Vec::new();
            for (newsletter, (content, message)) in &fresh {
                issues::add(&mut tx, &new_issue(plan, campaign, newsletter, waiting.id, content, message)).await?;
                added.push(issues::id(&mut tx, waiting.id, &newsletter.id).await?);
            }
            if to_send {
                canary::write_seeds(&mut tx, &campaign.guards, waiting.id, &added, now).await?;
            }
            cap::begin(&mut tx, plan).await?;
            if audiences::fill(&mut tx, waiting.id, &question, &due).await? > 0 {
                if to_send {
                    cap::judge(&mut tx, plan, (campaign, &waiting), page, now).await?;
                    canary::cover(&mut tx, &campaign.guards, waiting.id, page, now).await?;
                } else {
                    leases::cover(&mut tx, waiting.id, page.0, page.1, now).await?;
                }
            }
        }
        occurrences::advance(&mut tx, waiting.id, page.1).await?;
    }
    failpoint!("publish.before_page");
    tx.commit().await?;
    failpoint!("publish.after_page");
    page::fit(ctx, read_for.max(ctx.clock().steady().saturating_sub(began)));
    if is_last {
        say_filled(ctx, campaign, waiting.id).await?;
    }
    Ok(true)
}

/// Says how many an occurrence is for. One for nobody is worth a look: the list may stand in another database.
async fn say_filled(ctx: &Context, campaign: &Campaign, id: OccurrenceId) -> Result<(), FlowError> {
    match occurrences::recipients(&mut ctx.store().read().await?, id).await? {
        0 => tracing::warn!(campaign = %campaign.name, recipients = 0, "occurrence filled: it is for nobody"),
        recipients => tracing::info!(campaign = %campaign.name, recipients, "occurrence filled"),
    }
    Ok(())
}

/// Leaves an occurrence open of which nothing was written yet: too many people are due, so the campaign pauses. After it
/// is resumed the occurrence is checked again, or recorded as missed if it is too old by then.
async fn turn_away(
    ctx: &Context,
    plan: &Plan,
    campaign: &Campaign,
    waiting: &Filling,
    too_many: Option<Tripped>,
    now: Timestamp,
) -> Result<bool, FlowError> {
    let mut tx = ctx.store().write().await?;
    let is_there = occurrences::next_filling_of(&mut tx, names(plan)).await?.is_some_and(|filling| filling.id == waiting.id);
    if is_there && issues::of_occurrence(&mut tx, waiting.id).await?.is_empty() {
        if let Some(tripped) = too_many {
            breaker::pause(&mut tx, &campaign.name, &tripped, now).await?;
        } else {
            occurrences::missed(&mut tx, waiting.id, &plan.hash).await?;
            tracing::info!(campaign = %campaign.name, "occurrence missed: it could not be begun in time");
        }
        tx.commit().await?;
    }
    Ok(true)
}

/// The newsletters an occurrence may carry: all of a series, in order; only the newest of an edition.
pub fn offered(campaign: &Campaign) -> Vec<&Name> {
    match campaign.order {
        Order::Series => campaign.newsletters.iter().map(|n| &n.id).collect(),
        Order::Edition => campaign.newsletters.last().map(|n| &n.id).into_iter().collect(),
    }
}

/// The query "which prospect is to get which newsletter" for a campaign, over no prospects yet.
pub fn question<'a>(plan: &Plan, campaign: &'a Campaign, newsletters: &'a [&'a Name]) -> AudienceQuery<'a> {
    AudienceQuery {
        campaign: &campaign.name,
        audience: &campaign.audience,
        newsletters,
        tracking: plan.settings.tracking,
        after: ProspectId(0),
        up_to: ProspectId(0),
    }
}

/// Composes a newsletter as an issue of this date: its text and the targets of its tokens, before it is a MIME message.
///
/// # Errors
/// When the text cannot be composed.
pub fn compose(plan: &Plan, campaign: &Campaign, newsletter: &Newsletter, date: Timestamp) -> Result<Composed, FlowError> {
    let frame = Frame {
        organisation: &plan.settings.organisation,
        public_url: &plan.settings.public_url,
        campaign,
        qualifying: &plan.qualifying,
        forms: &plan.forms,
        date: date.to_zoned(campaign.schedule.zone().clone()).date(),
    };
    let unable = |e| FlowError::Unable(format!("compose newsletter {} of {}: {e}", newsletter.id, campaign.name));
    newsletter::compose(newsletter, &frame).map_err(unable)
}

type Prepared = (crate::domain::group::issue::Content, String);

/// Composes and prepares a newsletter: final bytes with holes, the same for every recipient.
///
/// # Errors
/// When the text cannot be composed or does not fit a mail.
pub fn issue(plan: &Plan, campaign: &Campaign, newsletter: &Newsletter, date: Timestamp) -> Result<Prepared, FlowError> {
    prepare(plan, campaign, newsletter, compose(plan, campaign, newsletter, date)?)
}

/// The headers by which the providers that report to us name a mail.
fn token_headers(hooks: &[Hook]) -> Vec<(&'static str, &'static str)> {
    let providers: BTreeSet<Provider> = hooks.iter().map(|hook| hook.provider).collect();
    providers.into_iter().filter_map(Provider::token_header).collect()
}

/// Prepares what was composed from a newsletter.
pub fn prepare(plan: &Plan, campaign: &Campaign, newsletter: &Newsletter, composed: Composed) -> Result<Prepared, FlowError> {
    let unable =
        |e: &dyn std::fmt::Display| FlowError::Unable(format!("prepare newsletter {} of {}: {e}", newsletter.id, campaign.name));
    let settings = &plan.settings;
    let (name, address) = plan.roster.person(&campaign.reply_to).ok_or_else(|| unable(&"reply_to is nobody of ours"))?;
    let reply_to = Sender { name: name.to_owned(), address: address.clone() };
    let domain = settings.smtp.return_path.domain();
    let envelope = Envelope {
        from: &campaign.from,
        reply_to: &reply_to,
        answers_return: settings.smtp.reply_address.as_ref(),
        list_id: (campaign.name.as_str(), domain),
        public_url: &settings.public_url,
        message_id_domain: domain,
        unsubscribe: &plan.settings.smtp.return_path,
        token_headers: &token_headers(&settings.hooks),
    };
    let prepared = prepared::prepare(&composed, &envelope).map_err(|e| unable(&e))?;
    let message = prepared.to_json().map_err(|e| unable(&e))?;
    Ok((composed.content, message))
}

fn new_issue<'a>(
    plan: &'a Plan,
    campaign: &'a Campaign,
    newsletter: &'a Newsletter,
    occurrence: OccurrenceId,
    content: &'a crate::domain::group::issue::Content,
    message: &str,
) -> NewIssue<'a> {
    NewIssue {
        occurrence,
        campaign: &campaign.name,
        newsletter: &newsletter.id,
        subject: &newsletter.subject,
        content,
        message: message.to_owned(),
        test: false,
        plan_hash: &plan.hash,
    }
}

/// Publishes one test copy of a newsletter to one address: it takes the path of live mail and is counted nowhere.
///
/// # Errors
/// The store's; a newsletter that cannot be composed.
pub async fn publish_test(
    ctx: &Context,
    campaign: &Campaign,
    newsletter: &Newsletter,
    to: &crate::domain::address::Address,
) -> Result<IssueId, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let (content, message) = issue(&plan, campaign, newsletter, now)?;
    let mut tx = ctx.store().write().await?;
    campaigns::add(&mut tx, plan.schedules(), now).await?;
    let nominal = format!("test {now} {}", fingerprint(&[to.as_str()]));
    let occurrence = occurrences::open_test(&mut tx, &campaign.name, &nominal, &plan.hash, now).await?;
    let new = NewIssue { test: true, ..new_issue(&plan, campaign, newsletter, occurrence, &content, &message) };
    issues::add(&mut tx, &new).await?;
    let id = issues::id(&mut tx, occurrence, &newsletter.id).await?;
    deliveries::add_test(&mut tx, occurrence, id, to).await?;
    leases::cover_ours(&mut tx, occurrence, now).await?;
    tx.commit().await?;
    ctx.wake();
    Ok(id)
}
