//! `nurtured campaigns cancel` and `correct`, and what `plan`, `apply` and `resume` say of the mails that wait.

use super::exit::Exit;
use super::{open, output};
use crate::domain::id::{IssueId, Name};
use crate::domain::plan::Plan;
use crate::flow::group::{cancel as flow_cancel, correct as flow_correct};
use crate::insight::plan::waiting::{self, WaitingMails};
use crate::store::engine::backend::Tx;
use crate::store::group::{campaigns, corrections};
use crate::store::operations::configurations;
use std::collections::BTreeSet;
use std::path::Path;

/// Ends what waits of a campaign.
///
/// # Errors
/// 2 without a reason or for a name that was never configured; those of the store.
pub async fn cancel(
    name: &str,
    issue: Option<i64>,
    (reason, by): (&str, Option<String>),
    config: Option<&Path>,
    json: bool,
) -> Result<(), Exit> {
    let (reason, by) = (reason.trim(), by.or_else(typed_by));
    if reason.is_empty() {
        return Err(Exit::Usage("say why: --reason \"the prices are wrong\"".to_owned()));
    }
    let node = open::node(config).await?;
    let name = known(&mut node.ctx.store().read().await?, name).await?;
    let issue = issue.map(IssueId);
    is_one_of(&mut node.ctx.store().read().await?, &node.ctx.plan(), &name, issue).await?;
    let cancelled = flow_cancel::cancel(&node.ctx, &name, issue, (reason, by.as_deref())).await?;
    let left = waiting::waiting(&mut node.ctx.store().read().await?, &node.ctx.plan(), Some(&name)).await?;
    if json {
        return output::json(&serde_json::json!({
            "campaign": name, "cancelled": cancelled.mails, "issues": cancelled.issues, "occurrences": cancelled.occurrences,
            "waiting": left,
        }));
    }
    output::line(match (cancelled.mails, cancelled.occurrences) {
        (0, 0) if cancelled.issues == 0 => format!("Nothing of {name} waits."),
        (0, 0) => format!("Nothing of {name} waits yet, and what is still being written of it does not leave."),
        (mails, 0) => format!("{} of {name} cancelled.", counted(mails)),
        (mails, _) => format!("{} of {name} cancelled, and what is not written yet of its date is not written.", counted(mails)),
    })?;
    if cancelled.mails + cancelled.occurrences + cancelled.issues > 0 {
        output::line(format!(
            "Whoever they were for has not had them: the next date of {name} offers them again, as the files are then."
        ))?;
    }
    print(&left)
}

/// Renders what waits of a campaign anew.
///
/// # Errors
/// 2 for a name that is not configured; 1 where a newsletter is not in the files any more; those of the store.
pub async fn correct(name: &str, issue: Option<i64>, by: Option<String>, config: Option<&Path>, json: bool) -> Result<(), Exit> {
    let node = open::node(config).await?;
    let (plan, by) = (node.ctx.plan(), by.or_else(typed_by));
    let name = known(&mut node.ctx.store().read().await?, name).await?;
    let campaign = plan.campaign(&name).ok_or_else(|| {
        Exit::Usage(format!(
            "{name} is not configured any more, so there are no files to render it from: put them back, or end what waits of it \
             with `nurtured campaigns cancel {name}`"
        ))
    })?;
    let issue = issue.map(IssueId);
    is_one_of(&mut node.ctx.store().read().await?, &plan, &name, issue).await?;
    let corrected = flow_correct::correct(&node.ctx, campaign, issue, by.as_deref()).await?;
    let mut tx = node.ctx.store().read().await?;
    let left = waiting::waiting(&mut tx, &plan, Some(&name)).await?;
    let in_force = configurations::in_force(&mut tx).await?;
    if json {
        return output::json(&serde_json::json!({ "campaign": name, "corrected": corrected, "waiting": left }));
    }
    for of in &corrected {
        let how = if of.changed { "what waits says this now" } else { "it says what the files say already" };
        output::line(format!(
            "{name}, issue {} ({}): {how}: “{}”, version {}.",
            of.issue, of.newsletter, of.subject, of.version
        ))?;
    }
    if corrected.is_empty() {
        output::line(format!("Nothing of {name} waits."))?;
    }
    if in_force.is_some_and(|hash| hash != plan.hash) {
        output::line(
            "These files are not in force: mails of later dates are written from those that are. `nurtured apply` changes that.",
        )?;
    }
    print(&left)
}

/// Says what waits, and in which words; nothing where nothing waits.
pub fn print(all: &[WaitingMails]) -> Result<(), Exit> {
    if all.is_empty() {
        return Ok(());
    }
    output::line("Waiting")?;
    for WaitingMails { mails, is_in_plan, is_outdated } in all {
        let campaign = &mails.campaign;
        let note = if mails.cancelled {
            "; cancelled, and being transmitted or in doubt".to_owned()
        } else if !is_in_plan || !mails.configured {
            format!("; not configured, so they wait; `nurtured campaigns cancel {campaign}` ends them")
        } else if mails.former {
            "; these may have arrived before the correction, and are repeated as they were or not at all".to_owned()
        } else if *is_outdated {
            format!("; the files say something else: `nurtured campaigns correct {campaign}` lets these say it too")
        } else {
            String::new()
        };
        output::line(format!(
            "  {campaign}, issue {} ({}): {}, “{}”, version {}{note}",
            mails.issue,
            mails.newsletter,
            counted(u64::try_from(mails.mails).unwrap_or(0)),
            mails.subject,
            mails.version,
        ))?;
    }
    Ok(())
}

/// The campaign of this name, whether it is configured or ever was.
///
/// # Errors
/// 2, with the names there are, or with the name it has now.
pub async fn known(tx: &mut Tx, text: &str) -> Result<Name, Exit> {
    let all = campaigns::all(tx).await?;
    let Some((name, state)) = all.iter().find(|(name, _)| name.as_str() == text) else {
        let known: Vec<&str> = all.keys().map(Name::as_str).collect();
        return Err(Exit::Usage(format!("there is no campaign {text:?}, and there was none; there are {}", known.join(", "))));
    };
    match &state.renamed_to {
        Some(now) => Err(Exit::Usage(format!("{name} was renamed; its name is {now} now"))),
        None => Ok(name.clone()),
    }
}

/// What waits of a campaign, printed.
pub async fn tell(tx: &mut Tx, plan: &Plan, name: &Name) -> Result<(), Exit> {
    print(&waiting::waiting(tx, plan, Some(name)).await?)
}

/// Whether something waits of an issue, or comes to wait because its occurrence is still being written.
async fn is_one_of(tx: &mut Tx, plan: &Plan, name: &Name, issue: Option<IssueId>) -> Result<(), Exit> {
    let Some(issue) = issue else { return Ok(()) };
    let mut waiting: BTreeSet<IssueId> =
        waiting::waiting(tx, plan, Some(name)).await?.into_iter().map(|of| of.mails.issue).collect();
    waiting.extend(corrections::waiting(tx, name, None).await?.into_iter().map(|of| of.id));
    if waiting.contains(&issue) {
        return Ok(());
    }
    let known: Vec<String> = waiting.iter().map(IssueId::to_string).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(Exit::Usage(format!("nothing waits of issue {issue} of {name}; of these something waits: {known}")))
}

fn counted(mails: u64) -> String {
    format!("{mails} mail{}", if mails == 1 { "" } else { "s" })
}

/// Who typed it, as far as the machine knows: not root, but who became it.
fn typed_by() -> Option<String> {
    ["SUDO_USER", "LOGNAME", "USER"].into_iter().find_map(|key| std::env::var(key).ok().filter(|name| !name.is_empty()))
}
