//! Pause notice: a campaign that a breaker paused is reported once, by letter, to the colleague responsible for it and to
//! the sales manager. If no letter can leave either, because the relay refuses our login, the log and `campaigns list`
//! report it.

use super::dossier;
use super::outbox::{self, Envelope};
use crate::domain::id::Name;
use crate::domain::individual::letter::LetterKind;
use crate::flow::context::{Context, FlowError, Progress};
use crate::store::group::pause_notices;
use crate::text::notice::{self, Paused};
use std::collections::BTreeSet;

/// Reports one campaign that a breaker paused.
pub async fn notify(ctx: &Context) -> Result<Progress, FlowError> {
    let mut read = ctx.store().read().await?;
    let waits = pause_notices::waits(&mut read).await?;
    drop(read);
    if !waits {
        return Ok(Progress::Idle);
    }
    let (plan, now) = (ctx.plan(), ctx.now());
    let mut tx = ctx.store().write().await?;
    let Some(due) = pause_notices::take(&mut tx, now).await? else { return Ok(Progress::Idle) };
    let answers = plan.campaign(&due.campaign).map(|campaign| &campaign.reply_to);
    let readers: BTreeSet<&Name> = answers.into_iter().chain([&plan.roster.manager]).collect();
    for reader in readers {
        let paused = Paused {
            campaign: due.campaign.to_string(),
            reason: due.reason.clone(),
            at: due.at,
            zone: dossier::zone_of(&plan, reader),
        };
        let letter = notice::paused(&paused).map_err(|e| FlowError::Unable(format!("write of a paused campaign: {e}")))?;
        let message_id = format!("<paused-{}-{reader}@{}>", due.id, plan.settings.smtp.return_path.domain());
        let envelope = Envelope {
            kind: LetterKind::Paused,
            handoff: None,
            to: reader,
            reply_to: None,
            message_id: &message_id,
            thread: None,
            not_before: now,
        };
        outbox::post(&mut tx, &plan, &letter, &envelope, now).await?;
    }
    tx.commit().await?;
    ctx.wake();
    Ok(Progress::Done)
}
