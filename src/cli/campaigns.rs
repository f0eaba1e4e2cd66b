//! `nurtured campaigns …`: campaigns, their dates, and their progress.

use super::check::{in_zone, next_date};
use super::exit::Exit;
use super::{open, output, retry, waiting};
use crate::clock::{Clock, SystemClock};
use crate::daemon::assemble::Node;
use crate::domain::group::campaign::{Campaign, Newsletter, Order};
use crate::domain::group::issue::{Hole, Piece};
use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::flow::context::Progress;
use crate::flow::group::delivery::deliver::deliver_issue;
use crate::flow::group::publish;
use crate::flow::operations::manual_stop;
use crate::insight::plan::waiting as waiting_mails;
use crate::mail::header::date;
use crate::mail::token::WIDTH;
use crate::store::engine::backend::Tx;
use crate::store::group::deliveries::Delivery;
use crate::store::group::{audiences, campaigns, deliveries, occurrences};
use crate::store::operations::counts::{self, OfCampaign};
use crate::store::operations::sending;
use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// List, preview, test, pause, resume, retry, cancel or correct campaigns
#[derive(Debug, Subcommand)]
pub enum Campaigns {
    /// Every campaign: its next date, its audience, and how it fares
    List,
    /// One campaign in full
    Show {
        /// Its name
        name: String,
    },
    /// Render a newsletter as a recipient would see it; needs no database
    Preview {
        /// The campaign's name
        name: String,
        /// Which newsletter [default: the first]
        #[arg(long, value_name = "ID")]
        newsletter: Option<String>,
        /// Write the HTML part into this file
        #[arg(long, value_name = "FILE", conflicts_with = "text")]
        html: Option<PathBuf>,
        /// Print the text part (so it does anyway without --html)
        #[arg(long)]
        text: bool,
    },
    /// Send one newsletter to one address, the very same way as live ones
    SendTest {
        /// The campaign's name
        name: String,
        /// Which newsletter [default: the first]
        #[arg(long, value_name = "ID")]
        newsletter: Option<String>,
        /// To whom
        #[arg(long, value_name = "ADDRESS")]
        to: String,
    },
    /// Send nothing of it until it is resumed
    Pause {
        /// Its name
        name: String,
        /// Why
        #[arg(long, default_value = "paused by hand")]
        reason: String,
    },
    /// List why mails of it failed, or send those again that failed for one reason
    Retry {
        /// Its name
        name: String,
        /// Those whose reason contains these words, as the list shows it
        #[arg(long, value_name = "WORDS", conflicts_with = "all")]
        reason: Option<String>,
        /// Whatever the reason
        #[arg(long)]
        all: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Let it go on
    Resume {
        /// Its name
        name: String,
    },
    /// End what waits of it; what has left stays sent
    Cancel {
        /// Its name, also one that is not configured any more
        name: String,
        /// Only of this issue, by the number that `plan` shows
        #[arg(long, value_name = "N")]
        issue: Option<i64>,
        /// Why; kept with the issue, with your name
        #[arg(long, default_value = "cancelled by hand")]
        reason: String,
        /// Who says so [default: whoever is logged in]
        #[arg(long, value_name = "WHO")]
        by: Option<String>,
    },
    /// Let what waits of it say what its files say now; what may have arrived keeps its words
    Correct {
        /// Its name
        name: String,
        /// Only of this issue, by the number that `plan` shows
        #[arg(long, value_name = "N")]
        issue: Option<i64>,
        /// Who says so [default: whoever is logged in]
        #[arg(long, value_name = "WHO")]
        by: Option<String>,
    },
}

#[derive(Serialize)]
struct CampaignRow<'a> {
    campaign: &'a Name,
    next_at: Option<Timestamp>,
    /// The next date, in the campaign's own zone.
    next: String,
    audience: i64,
    #[serde(flatten)]
    counts: OfCampaign,
    paused: Option<String>,
    /// Why no group mail is sent at all, whatever the campaign's state.
    held: Option<String>,
    /// The nominal time of its last occurrence, if that was for nobody.
    for_nobody: Option<String>,
}

#[derive(Serialize)]
struct TestCopy<'a> {
    #[serde(flatten)]
    copy: &'a Delivery,
    /// What was said to the relay (`>`) and what it said (`<`), line by line.
    conversation: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// 1 when a test copy was refused; 2 for an unknown name; 75 when the relay does not serve us; those of the store.
pub async fn run(verb: Campaigns, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    match verb {
        Campaigns::List => list(config, json).await,
        Campaigns::Show { name } => show(&name, config, json).await,
        Campaigns::Preview { name, newsletter, html, text: _ } => {
            preview(&name, newsletter.as_deref(), html.as_deref(), config, json)
        }
        Campaigns::SendTest { name, newsletter, to } => send_test(&name, newsletter.as_deref(), &to, config, json).await,
        Campaigns::Pause { name, reason } => {
            let node = open::node(config).await?;
            let name = &waiting::known(&mut node.ctx.store().read().await?, &name).await?;
            let paused = manual_stop::pause(&node.ctx, name, &reason).await?;
            changed(name, paused, "is paused now", "was paused already", json)
        }
        Campaigns::Retry { name, reason, all, yes } => {
            let node = open::node(config).await?;
            let plan = node.ctx.plan();
            retry::run(&node.ctx, &campaign(&plan, &name)?.name, reason.as_deref(), all, yes, json).await
        }
        Campaigns::Resume { name } => {
            let node = open::node(config).await?;
            let name = &waiting::known(&mut node.ctx.store().read().await?, &name).await?;
            let resumed = manual_stop::resume(&node.ctx, name).await?;
            changed(name, resumed, "goes on now", "was not paused", json)?;
            if json {
                return Ok(());
            }
            waiting::tell(&mut node.ctx.store().read().await?, &node.ctx.plan(), name).await
        }
        Campaigns::Cancel { name, issue, reason, by } => waiting::cancel(&name, issue, (&reason, by), config, json).await,
        Campaigns::Correct { name, issue, by } => waiting::correct(&name, issue, by, config, json).await,
    }
}

fn changed(name: &Name, changed: bool, now: &str, already: &str, json: bool) -> Result<(), Exit> {
    if json {
        return output::json(&serde_json::json!({ "campaign": name, "changed": changed }));
    }
    output::line(format!("{name} {}.", if changed { now } else { already }))
}

fn campaign<'a>(plan: &'a Plan, name: &str) -> Result<&'a Campaign, Exit> {
    plan.campaigns.iter().find(|c| c.name.as_str() == name).ok_or_else(|| {
        let known: Vec<&str> = plan.campaigns.iter().map(|c| c.name.as_str()).collect();
        Exit::Usage(format!("there is no campaign {name:?}; the configuration has {}", known.join(", ")))
    })
}

fn newsletter<'a>(campaign: &'a Campaign, id: Option<&str>) -> Result<&'a Newsletter, Exit> {
    let found = match id {
        Some(id) => campaign.newsletters.iter().find(|n| n.id.as_str() == id),
        None if campaign.order == Order::Edition => campaign.newsletters.last(),
        None => campaign.newsletters.first(),
    };
    found.ok_or_else(|| {
        let known: Vec<&str> = campaign.newsletters.iter().map(|n| n.id.as_str()).collect();
        Exit::Usage(format!("{} has no newsletter {:?}; it has {}", campaign.name, id.unwrap_or_default(), known.join(", ")))
    })
}

async fn standing<'a>(tx: &mut Tx, plan: &Plan, campaign: &'a Campaign, now: Timestamp) -> Result<CampaignRow<'a>, Exit> {
    let newsletters = publish::offered(campaign);
    let mut question = publish::question(plan, campaign, &newsletters);
    question.up_to = audiences::last(tx).await?;
    let audience = audiences::size(tx, &question).await?;
    let paused = campaigns::all(tx).await?.remove(&campaign.name).and_then(|state| state.paused);
    let next_at = campaign.schedule.after(now).map(|firing| firing.due_at);
    let counts = counts::of_campaign(tx, &campaign.name).await?;
    let held = sending::state(tx).await?.why_not();
    let for_nobody = occurrences::last_for_nobody(tx, &campaign.name).await?;
    let next = in_zone(campaign, next_at);
    Ok(CampaignRow { campaign: &campaign.name, next_at, next, audience, counts, paused, held, for_nobody })
}

async fn list(config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let (plan, now) = (node.ctx.plan(), node.ctx.now());
    let mut tx = node.ctx.store().read().await?;
    let mut all = Vec::new();
    for campaign in &plan.campaigns {
        all.push(standing(&mut tx, &plan, campaign, now).await?);
    }
    if json {
        return output::json(&all);
    }
    let rows: Vec<[String; 7]> = all
        .iter()
        .map(|s| {
            let next = s.paused.as_ref().map_or_else(|| s.next.clone(), |why| format!("paused: {why}"));
            let clicked = format!("{} ({} by machines)", s.counts.clicked, s.counts.machine_clicks);
            let numbers = [s.audience, s.counts.sent, s.counts.failed, s.counts.open].map(|n| n.to_string());
            let [audience, sent, failed, open] = numbers;
            [s.campaign.to_string(), next, audience, sent, failed, open, clicked]
        })
        .collect();
    if let Some(why) = all.iter().find_map(|s| s.held.as_ref()) {
        output::line(format!("Nothing is sent: {why}."))?;
        output::line("")?;
    }
    output::table(["CAMPAIGN", "NEXT", "AUDIENCE", "SENT", "FAILED", "OPEN", "CLICKED"], &rows)?;
    for (row, nominal) in all.iter().filter_map(|s| Some((s, s.for_nobody.as_ref()?))) {
        output::line(format!("WARNING: the last occurrence of {}, {nominal}, was for nobody.", row.campaign))?;
    }
    let gone: Vec<_> = waiting_mails::waiting(&mut tx, &plan, None).await?.into_iter().filter(|of| !of.is_in_plan).collect();
    waiting::print(&gone)
}

async fn show(name: &str, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let (plan, now) = (node.ctx.plan(), node.ctx.now());
    let campaign = campaign(&plan, name)?;
    let mut tx = node.ctx.store().read().await?;
    let standing = standing(&mut tx, &plan, campaign, now).await?;
    let dates: Vec<Timestamp> = campaign.schedule.next(now, 5).into_iter().map(|firing| firing.due_at).collect();
    let order = if campaign.order == Order::Series { "series" } else { "edition" };
    let schedule = format!("{} ({})", campaign.schedule.crontab().expression(), campaign.schedule.zone_name());
    let past = occurrences::latest(&mut tx, &campaign.name, 5).await?;
    let hours = campaign.window.as_ref().map_or_else(|| "at any time".to_owned(), ToString::to_string);
    let skips = if campaign.schedule.skip().is_empty() { "no date".to_owned() } else { campaign.schedule.skip().to_string() };
    if json {
        let newsletters: Vec<_> =
            campaign.newsletters.iter().map(|n| serde_json::json!({ "id": n.id, "subject": n.subject })).collect();
        return output::json(&serde_json::json!({
            "standing": standing, "from": campaign.from, "reply_to": campaign.reply_to, "order": order,
            "schedule": schedule, "skips": skips, "leaves": hours, "late": campaign.late.to_string(), "dates": dates,
            "past": past, "newsletters": newsletters,
        }));
    }
    let c = &standing.counts;
    output::line(&campaign.name)?;
    let lines = [
        ("from", format!("{} <{}>", campaign.from.name, campaign.from.address)),
        ("replies to", campaign.reply_to.to_string()),
        ("schedule", schedule),
        ("skips", skips),
        ("leaves", hours),
        ("late", campaign.late.to_string()),
        ("order", order.to_owned()),
        ("audience", format!("{} prospects now", standing.audience)),
        ("so far", format!("{} sent, {} failed, {} open", c.sent, c.failed, c.open)),
        ("clicked", format!("{} by people, {} by machines", c.clicked, c.machine_clicks)),
        ("paused", standing.paused.clone().unwrap_or_else(|| "no".to_owned())),
        ("sending", standing.held.clone().unwrap_or_else(|| "open".to_owned())),
    ];
    lines.iter().try_for_each(|(what, value)| output::line(format!("  {what:11} {value}")))?;
    output::line("Next")?;
    dates.iter().try_for_each(|at| output::line(format!("  {}", next_date(campaign, *at))))?;
    if !past.is_empty() {
        output::line("Before")?;
    }
    let why = |reason: Option<String>| reason.map_or_else(String::new, |why| format!(" ({why})"));
    past.into_iter().try_for_each(|p| output::line(format!("  {} {}{}", p.nominal, p.state, why(p.reason))))?;
    output::line("Newsletters")?;
    campaign.newsletters.iter().try_for_each(|n| output::line(format!("  {:24} {}", n.id, n.subject)))
}

fn preview(name: &str, id: Option<&str>, html: Option<&Path>, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let plan = open::load(config)?.plan;
    let campaign = campaign(&plan, name)?;
    let newsletter = newsletter(campaign, id)?;
    let now = SystemClock.now();
    let date = campaign.schedule.after(now).map_or(now, |firing| firing.due_at);
    let composed = publish::compose(&plan, campaign, newsletter, date)?;
    let (text, page) = (filled(&composed.text), filled(&composed.html));
    if let Some(file) = html {
        std::fs::write(file, &page).map_err(|e| Exit::No(format!("could not write {}: {e}", file.display())))?;
        return output::line(format!("Written to {}.", file.display()));
    }
    if json {
        return output::json(&serde_json::json!({
            "campaign": campaign.name, "newsletter": newsletter.id, "subject": composed.subject, "text": text, "html": page,
            "links": composed.content.links, "questions": composed.content.questions.len(),
        }));
    }
    output::text(format!(
        "From: {} <{}>\nSubject: {}\n\n{}",
        campaign.from.name,
        campaign.from.address,
        composed.subject,
        text.trim_end()
    ))
}

/// The prepared bytes with a sample in every hole. No link in them works.
fn filled(pieces: &[Piece]) -> String {
    let sample = "S".repeat(WIDTH);
    let piece = |piece: &Piece| match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Hole(Hole::To) => "you@company.example".to_owned(),
        Piece::Hole(Hole::Date) => date(SystemClock.now()),
        Piece::Hole(_) => sample.clone(),
    };
    pieces.iter().map(piece).collect()
}

async fn send_test(name: &str, id: Option<&str>, to: &str, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let to = open::address(to)?;
    let node: Node = open::node(config).await?;
    let plan = node.ctx.plan();
    let campaign = campaign(&plan, name)?;
    let newsletter = newsletter(campaign, id)?;
    let conversation = node.ctx.record();
    let issue = publish::publish_test(&node.ctx, campaign, newsletter, &to).await?;
    while deliver_issue(&node.ctx, &node.writer, issue).await? == Progress::Done {}
    let mut tx = node.ctx.store().read().await?;
    let copy = deliveries::test_copy(&mut tx, issue).await?;
    if json {
        output::json(&TestCopy { copy: &copy, conversation: conversation.lines() })?;
    } else {
        conversation.lines().iter().try_for_each(|line| output::line(format!("  {line}")))?;
    }
    // A connection that could not be opened leaves no reply; its record ends with why.
    let lines = conversation.lines();
    let ours = lines.iter().rev().find_map(|line| line.strip_prefix("- "));
    let reply = copy.reply.as_deref().or(ours).unwrap_or("the relay does not answer");
    match copy.state.as_str() {
        "accepted" if json => Ok(()),
        "accepted" => output::line(format!("“{}” was taken by {} for {to}.", copy.subject, plan.settings.smtp.host)),
        "failed" | "uncertain" => Err(Exit::No(format!("the test copy was not delivered: {reply}"))),
        _ => Err(Exit::Again(format!(
            "the test copy waits: {reply}. The daemon tries again by itself; see smtp in nurtured.toml if it stays so"
        ))),
    }
}
