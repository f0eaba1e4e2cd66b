//! `nurtured prospects show`: everything stored about one prospect.

use crate::cli::exit::Exit;
use crate::cli::{open, output};
use crate::domain::address::Address;
use crate::domain::consent::Consent;
use crate::domain::doorway::external_id::ExternalId;
use crate::domain::doorway::ignored::Why;
use crate::domain::doorway::signal::Signal;
use crate::domain::doorway::unconfirmed::{Unconfirmed, unconfirmed};
use crate::domain::excerpt::excerpt;
use crate::domain::individual::handoff::{Handoff, Outcome};
use crate::domain::prospect::Prospect;
use crate::flow::doorway::assess;
use crate::store::group::deliveries;
use crate::store::group::deliveries::Delivery;
use crate::store::individual::handoffs;
use crate::store::people::preferences::{self, Chosen};
use crate::store::people::suppressions::Suppression;
use crate::store::people::{consents, external_ids, former_addresses, prospects, suppressions};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Serialize)]
struct ProspectOutput {
    #[serde(flatten)]
    prospect: Prospect,
    consents: Vec<Consent>,
    /// What they chose about newsletters, oldest first.
    chosen: Vec<Chosen>,
    suppressions: Vec<Stopped>,
    /// Addresses that were theirs.
    former_addresses: Vec<Address>,
    external_ids: Vec<ExternalId>,
    unconfirmed: Vec<Unconfirmed>,
    signals: Vec<SignalRow>,
    deliveries: Vec<Delivery>,
    handoffs: Vec<Handoff>,
}

#[derive(Serialize)]
struct Stopped {
    #[serde(flatten)]
    suppression: Suppression,
    since: Timestamp,
}

#[derive(Serialize)]
struct SignalRow {
    #[serde(flatten)]
    signal: Signal,
    words: String,
    /// Why it counts for nothing, if it does.
    ignored: Option<Why>,
}

/// Shows a prospect.
///
/// # Errors
/// 1 for an unknown prospect; those of the store.
pub async fn show(email: &str, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let mut tx = node.ctx.store().read().await?;
    let id = open::prospect(&mut tx, email).await?;
    let prospect = prospects::one(&mut tx, id).await?;
    let (found, signals) = assess::assess(&mut tx, &node.ctx.plan(), id, node.ctx.now()).await?;
    let why: BTreeMap<_, _> = found.ignored().iter().filter(|i| i.criterion.is_none()).map(|i| (i.signal, i.why)).collect();
    let told = |signal: Signal| {
        // A machine's hit is shown as one also where no rule reads it.
        let ignored = why.get(&signal.id).copied().or_else(|| signal.machine.map(Why::Machine));
        SignalRow { words: signal.detail.words(), ignored, signal }
    };
    let stops = match &prospect.address {
        Some(address) => suppressions::of(&mut tx, &[address]).await?,
        None => Vec::new(),
    };
    let shown = ProspectOutput {
        consents: consents::of(&mut tx, id).await?,
        chosen: preferences::history(&mut tx, id).await?,
        suppressions: stops.into_iter().map(|suppression| Stopped { since: suppression.since, suppression }).collect(),
        unconfirmed: unconfirmed(&signals, &prospect, &node.ctx.plan().settings.fields),
        signals: signals.into_iter().map(told).collect(),
        former_addresses: former_addresses::of(&mut tx, id).await?,
        external_ids: external_ids::of(&mut tx, id).await?,
        deliveries: deliveries::of_prospect(&mut tx, id).await?,
        handoffs: handoffs::of_prospect(&mut tx, id).await?,
        prospect,
    };
    if json { output::json(&shown) } else { print(&shown) }
}

fn print(shown: &ProspectOutput) -> Result<(), Exit> {
    let p = &shown.prospect;
    output::line(format!("{} (prospect {})", p.display_name(), p.id))?;
    let stands = format!("{}, episode {} since {}", p.standing.word(), p.episode, output::instant(Some(p.episode_started_at)));
    let details = [
        ("address", p.address.as_ref().map(ToString::to_string)),
        ("phone", p.phone.clone()),
        ("company", p.company.clone()),
        ("salesperson", p.previous_salesperson.as_ref().map(ToString::to_string)),
        ("stands", Some(stands)),
        ("no mail", p.mail_stop.map(|why| why.word().to_owned())),
        ("wakes", p.wake_at.map(|at| output::instant(Some(at)))),
        ("review", p.review_after.map(|at| output::instant(Some(at)))),
        ("tags", (!p.tags.is_empty()).then(|| p.tags.iter().cloned().collect::<Vec<_>>().join(", "))),
    ];
    for (what, value) in details.into_iter().filter_map(|(what, value)| Some((what, value?))) {
        output::line(format!("  {what:12} {value}"))?;
    }
    section("Fields", p.fields.iter().map(|(name, value)| format!("{name} = {value}")))?;
    section("Former addresses", shown.former_addresses.iter().map(ToString::to_string))?;
    section("Known elsewhere", shown.external_ids.iter().map(|id| format!("{} {}", id.system, id.id)))?;
    section("Not confirmed", shown.unconfirmed.iter().map(Unconfirmed::words))?;
    section(
        "Consents",
        shown.consents.iter().map(|c| {
            let given = if c.given { "given" } else { "not given" };
            let wording = c.wording.as_ref().map(|text| format!(" “{}”", excerpt(text, 200))).unwrap_or_default();
            format!("{} {given}: {}, {}{wording}", c.purpose.word(), c.source, output::instant(c.given_at))
        }),
    )?;
    section("Chose about newsletters", shown.chosen.iter().map(ToString::to_string))?;
    section(
        "Suppressions",
        shown.suppressions.iter().map(|s| {
            format!(
                "{}: {} ({}), since {}",
                s.suppression.channel.word(),
                s.suppression.reason.word(),
                s.suppression.source,
                output::instant(Some(s.since))
            )
        }),
    )?;
    section(
        "Signals",
        shown.signals.iter().map(|told| {
            let by = told.signal.by.as_ref().map(|by| format!(", logged by {by}")).unwrap_or_default();
            let ignored = told.ignored.map(|why| format!(" [{why}]")).unwrap_or_default();
            let at = output::instant(Some(told.signal.occurred_at));
            format!("{at}  {:5}  {}{by}{ignored}", told.signal.id, told.words)
        }),
    )?;
    section(
        "Deliveries",
        shown.deliveries.iter().map(|d| {
            let reply = d.reply.as_ref().map(|reply| format!(": {}", excerpt(reply, 100))).unwrap_or_default();
            format!("{}  {:12} {} of {} “{}”{reply}", output::instant(d.at), d.state, d.newsletter, d.campaign, d.subject)
        }),
    )?;
    section(
        "Handoffs",
        shown.handoffs.iter().map(|h| {
            let how = h.outcome.map_or_else(|| h.state.word(), Outcome::word);
            format!("{}  handoff {}, {} for {}: {how}", output::instant(Some(h.opened_at)), h.id, h.cause, h.salesperson)
        }),
    )
}

fn section(title: &str, lines: impl Iterator<Item = String>) -> Result<(), Exit> {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return Ok(());
    }
    output::line(title)?;
    lines.try_for_each(|line| output::line(format!("  {line}")))
}
