//! `nurtured handoffs …`: what the buttons of a handoff's page do, as commands.

use super::exit::Exit;
use super::{open, output};
use crate::domain::criterion::Criterion;
use crate::domain::doorway::signal::Touch;
use crate::domain::id::HandoffId;
use crate::domain::individual::handoff::{Handoff, Rejection, Stage};
use crate::flow::individual::dossier;
use crate::flow::individual::follow_up::{Action, act};
use crate::store::individual::{follow_ups, handoffs};
use crate::store::people::prospects;
use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use std::path::Path;

/// Answer and work handoffs
#[derive(Debug, Subcommand)]
pub enum Handoffs {
    /// Every handoff, oldest first
    List,
    /// One handoff: the dossier, what happened, what is next
    Show {
        /// Its number
        id: i64,
    },
    /// Take the offer
    Accept(Which),
    /// Decline the offer
    Reject {
        /// Which handoff
        #[command(flatten)]
        which: Which,
        /// Why
        #[arg(long, value_enum)]
        because: Because,
        /// Which criterion does not hold, for `not-ready`
        #[arg(long, value_parser = open::criterion)]
        criterion: Option<Criterion>,
        /// In your words
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Log that you were in touch
    Touch {
        /// Which handoff
        #[command(flatten)]
        which: Which,
        /// How: call, meeting, fair or note
        #[arg(long, value_parser = open::touch)]
        kind: Touch,
        /// What it proved; may be repeated
        #[arg(long, value_parser = open::criterion)]
        proves: Vec<Criterion>,
        /// The date it stated, for the timeframe
        #[arg(long)]
        date: Option<Date>,
        /// What was said
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Move the lead to a stage
    Stage {
        /// Which handoff
        #[command(flatten)]
        which: Which,
        /// interested, engaged, evaluating, negotiating or purchasing
        #[arg(value_parser = stage)]
        stage: Stage,
    },
    /// Put the next action off
    Snooze {
        /// Which handoff
        #[command(flatten)]
        which: Which,
        /// Until when
        #[arg(long)]
        until: Date,
        /// What to do then
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Return the prospect to nurture
    Recycle {
        /// Which handoff
        #[command(flatten)]
        which: Which,
        /// A reason of qualification.toml
        #[arg(long)]
        reason: String,
        /// When to look at them again
        #[arg(long)]
        wake: Option<Date>,
        /// In your words
        #[arg(long, default_value = "")]
        note: String,
    },
    /// They bought
    Won {
        /// Which handoff
        #[command(flatten)]
        which: Which,
        /// What it was worth, in whole units of your currency
        #[arg(long)]
        value: Option<i64>,
    },
    /// They bought elsewhere, or not at all
    Lost {
        /// Which handoff
        #[command(flatten)]
        which: Which,
        /// In your words
        #[arg(long, default_value = "")]
        note: String,
    },
}

/// Which handoff, and who says so
#[derive(Debug, Args)]
pub struct Which {
    /// The handoff's number
    id: i64,
    /// Who says so [default: the salesperson who has it]
    #[arg(long)]
    by: Option<String>,
}

/// Why an offer is declined.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Because {
    /// Another salesperson should have it
    NotMine,
    /// A criterion does not hold
    NotReady,
    /// They are a customer already
    AlreadyCustomer,
    /// The data is wrong
    DataWrong,
}

fn stage(text: &str) -> Result<Stage, String> {
    Stage::parse(text).ok_or_else(|| "a stage is interested, engaged, evaluating, negotiating or purchasing".to_owned())
}

/// Obeys.
///
/// # Errors
/// 1 when it is not possible where the handoff stands; 2 for what makes no sense; the store's.
pub async fn run(verb: Handoffs, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let (which, action) = match verb {
        Handoffs::List => return list(config, json).await,
        Handoffs::Show { id } => return show(HandoffId(id), config, json).await,
        Handoffs::Accept(which) => (which, Action::Accept),
        Handoffs::Reject { which, because, criterion, note } => (which, Action::Reject(rejection(because, criterion)?, note)),
        Handoffs::Touch { which, kind, proves, date, note } => (which, Action::Touch { touch: kind, proves, date, note }),
        Handoffs::Stage { which, stage } => (which, Action::Stage(stage)),
        Handoffs::Snooze { which, until, note } => (which, Action::Snooze(until, note)),
        Handoffs::Recycle { which, reason, wake, note } => (which, Action::Recycle { reason, wake, note }),
        Handoffs::Won { which, value } => (which, Action::Won(value)),
        Handoffs::Lost { which, note } => (which, Action::Lost(note)),
    };
    let node = open::node(config).await?;
    let plan = node.ctx.plan();
    let id = HandoffId(which.id);
    let by = if let Some(by) = which.by {
        open::person(&plan, &by)?
    } else {
        let mut tx = node.ctx.store().read().await?;
        let handoff = handoffs::load(&mut tx, id).await?;
        handoff.ok_or_else(|| Exit::No(format!("there is no handoff {id}; see `nurtured handoffs list`")))?.salesperson
    };
    let handoff = act(&node.ctx, id, &by, action).await?;
    if json {
        return output::json(&handoff);
    }
    let mut tx = node.ctx.store().read().await?;
    let next = follow_ups::of_handoff(&mut tx, id).await?;
    output::line(described(&handoff))?;
    match next {
        Some(next) => {
            let due = next.due_at.to_zoned(dossier::zone_of(&plan, &next.salesperson)).strftime("%a %Y-%m-%d %H:%M");
            output::line(format!("Next: {}, by {due} ({})", next.action, next.salesperson))
        }
        None => Ok(()),
    }
}

fn rejection(because: Because, criterion: Option<Criterion>) -> Result<Rejection, Exit> {
    Ok(match (because, criterion) {
        (Because::NotMine, _) => Rejection::NotMine,
        (Because::AlreadyCustomer, _) => Rejection::AlreadyCustomer,
        (Because::DataWrong, _) => Rejection::DataWrong,
        (Because::NotReady, Some(criterion)) => Rejection::NotReady(criterion),
        (Because::NotReady, None) => return Err(Exit::Usage("say which criterion does not hold: --criterion budget".to_owned())),
    })
}

fn described(handoff: &Handoff) -> String {
    match handoff.outcome {
        Some(outcome) => format!("Handoff {} is closed: {}.", handoff.id, outcome.word().replace('_', " ")),
        None => {
            format!("Handoff {} is {} ({}, {}).", handoff.id, handoff.state.word(), handoff.salesperson, handoff.stage.word())
        }
    }
}

async fn list(config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let mut tx = node.ctx.store().read().await?;
    let all = handoffs::all(&mut tx).await?;
    if json {
        return output::json(&all);
    }
    let ids: Vec<_> = all.iter().map(|h| h.prospect).collect();
    let people = prospects::load(&mut tx, &ids).await?;
    let name = |h: &Handoff| {
        people.iter().find(|p| p.id == h.prospect).map(crate::domain::prospect::Prospect::display_name).unwrap_or_default()
    };
    let rows: Vec<[String; 6]> = all
        .iter()
        .map(|h| {
            let how = h.outcome.map_or_else(|| h.stage.word().to_owned(), |o| o.word().to_owned());
            [h.id.to_string(), h.cause.to_string(), h.state.word().to_owned(), how, h.salesperson.to_string(), name(h)]
        })
        .collect();
    output::table(["ID", "CAUSE", "STATE", "STAGE", "SALESPERSON", "WHO"], &rows)
}

async fn show(id: HandoffId, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let plan = node.ctx.plan();
    let mut tx = node.ctx.store().read().await?;
    let handoff = handoffs::load(&mut tx, id).await?.ok_or_else(|| Exit::No(format!("there is no handoff {id}")))?;
    let prospect = prospects::one(&mut tx, handoff.prospect).await?;
    let compiled = dossier::compile(&node.ctx, &mut tx, &plan, id, &prospect, node.ctx.now()).await?;
    let events = handoffs::events(&mut tx, id).await?;
    if json {
        return output::json(&serde_json::json!({ "handoff": handoff, "dossier": compiled.dossier, "events": events }));
    }
    output::line(described(&handoff))?;
    let letter = crate::text::letter::handoff(&compiled.dossier).map_err(|e| Exit::No(format!("could not {e}")))?;
    output::text(letter.text)?;
    output::line("What happened:")?;
    events.iter().try_for_each(|e| {
        let at = e.at.to_zoned(compiled.dossier.zone.clone()).strftime("%Y-%m-%d %H:%M");
        output::line(format!("  {at}  {}  {} {}", e.by, e.what, e.note).trim_end().to_owned())
    })
}
