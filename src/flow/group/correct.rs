//! correct: what waits of a campaign is rendered anew from its files as they are now. The issue stays, and with it who had it; a mail
//! that may have arrived is only ever repeated in the words it had. One transaction an issue: whatever dies in between, an issue
//! has the one words or the others, and asking again goes on with the rest.

use super::publish;
use crate::domain::group::campaign::{Campaign, Newsletter};
use crate::domain::group::issue::Content;
use crate::domain::id::{IssueId, Name};
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError};
use crate::store::group::corrections::{self, Waiting, Words};
use serde::Serialize;

/// What became of one issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Corrected {
    pub issue: IssueId,
    pub newsletter: Name,
    pub subject: String,
    /// The version of the words that what waits has now.
    pub version: i64,
    /// Whether they are other words than before: the files may say what it said already.
    pub changed: bool,
}

/// Renders anew what waits of a campaign: of all its issues, or of one. Nothing is written unless all of them can be rendered.
///
/// # Errors
/// Those of the store; when a newsletter is not in the files any more, or cannot be rendered.
pub async fn correct(
    ctx: &Context,
    campaign: &Campaign,
    issue: Option<IssueId>,
    by: Option<&str>,
) -> Result<Vec<Corrected>, FlowError> {
    let plan = ctx.plan();
    let waiting = corrections::waiting(&mut ctx.store().read().await?, &campaign.name, issue).await?;
    let mut all = Vec::new();
    for of in waiting {
        let newsletter = campaign.newsletter(&of.newsletter).ok_or_else(|| {
            let (campaign, newsletter, issue) = (&campaign.name, &of.newsletter, of.id);
            FlowError::Refused(format!(
                "{campaign} has no newsletter with the id {newsletter} any more: put its file back, or end what waits of it with \
                 `nurtured campaigns cancel {campaign} --issue {issue}`"
            ))
        })?;
        let rendered = render(&plan, campaign, newsletter, &of)?;
        all.push((of, newsletter, rendered));
    }
    let mut done = Vec::new();
    for (of, newsletter, (content, message)) in all {
        let changed = message != of.message;
        if changed {
            let words = Words { subject: &newsletter.subject, content: &content, message: &message };
            let mut tx = ctx.store().write().await?;
            if !corrections::correct(&mut tx, &of, &words, by, ctx.now()).await? {
                return Err(FlowError::Refused(format!("issue {} is being corrected elsewhere; look, and try again", of.id)));
            }
            failpoint!("correct.before_commit");
            tx.commit().await?;
            failpoint!("correct.after_commit");
            tracing::info!(campaign = %campaign.name, issue = %of.id, version = of.version + 1, "what waits has other words now");
        }
        done.push(Corrected {
            issue: of.id,
            newsletter: of.newsletter,
            subject: newsletter.subject.clone(),
            version: of.version + i64::from(changed),
            changed,
        });
    }
    ctx.wake();
    Ok(done)
}

/// Whether what waits of an issue says something else than the files; also where they have its newsletter no more.
pub fn is_outdated(plan: &Plan, of: &Waiting, campaign: &Name) -> bool {
    let found = plan.campaign(campaign).and_then(|campaign| Some((campaign, campaign.newsletter(&of.newsletter)?)));
    found.is_none_or(|(campaign, newsletter)| {
        render(plan, campaign, newsletter, of).map_or(true, |(_, message)| message != of.message)
    })
}

fn render(plan: &Plan, campaign: &Campaign, newsletter: &Newsletter, of: &Waiting) -> Result<(Content, String), FlowError> {
    let composed = publish::compose(plan, campaign, newsletter, of.due_at)?;
    let composed = composed.correcting(&of.content).map_err(|why| FlowError::Refused(format!("issue {}: {why}", of.id)))?;
    publish::prepare(plan, campaign, newsletter, composed)
}
