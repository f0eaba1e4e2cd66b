//! provider event: what a mail provider reports by its hook. A token we signed decides which delivery a report is about; a report
//! without one names nobody. Each is recorded once, by the provider's own id, and all of one call in one transaction.

use super::observe::{self, Observed};
use super::trace::{Traced, trace};
use crate::domain::doorway::signal::{Detail, NewSignal};
use crate::domain::group::delivery::Resolution;
use crate::domain::group::provider_bounce::judged;
use crate::domain::group::refusal_codes::best_status;
use crate::domain::hook::Provider;
use crate::domain::plan::Plan;
use crate::flow::context::{Context, FlowError};
use crate::flow::group::breaker;
use crate::inbox::hook::event::{Event, Failed, Named, What};
use crate::mail::token::{Kind, Token};
use crate::store::doorway::api_keys::{self, ApiKey, Claimed};
use crate::store::doorway::provider_deliveries;
use crate::store::engine::backend::Tx;
use crate::store::group::uncertain::{self, Which};
use jiff::Timestamp;
use serde::Serialize;

/// The feedback that is no objection of the recipient's (RFC 5965, and what providers add).
const NO_OBJECTION: [&str; 4] = ["auth-failure", "not-spam", "dkim", "virus"];

/// What became of the reports of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    pub recorded: u64,
    /// They had been recorded before.
    pub again: u64,
    /// They name no mail of ours, or nobody who is still on record.
    pub ignored: u64,
}

/// What a call was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Counted(Counted),
    /// Another body came under the same proof before: one of the two is forged.
    Replayed,
}

/// Records the reports of one call. `proof` is what its proof may be used for once, if there is such a thing; it is used up only by a
/// call that is recorded.
pub async fn record(ctx: &Context, provider: Provider, proof: Option<&ApiKey>, events: &[Event]) -> Result<Taken, FlowError> {
    let (plan, now) = (ctx.plan(), ctx.now());
    let mut tx = ctx.store().write().await?;
    if let Some(proof) = proof
        && api_keys::claim(&mut tx, proof, now).await? == Claimed::Other
    {
        tx.rollback().await?;
        return Ok(Taken::Replayed);
    }
    let mut counted = Counted::default();
    for event in events {
        let sent = match token(ctx, &plan, &event.mail) {
            Some(token) => trace(&mut tx, ctx.signer(), token).await?,
            None => None,
        };
        let new = match sent {
            Some(sent) => one(&mut tx, &plan, provider, event, &sent, now).await?,
            None => None,
        };
        match new {
            Some(true) => counted.recorded += 1,
            Some(false) => counted.again += 1,
            None => counted.ignored += 1,
        }
    }
    observe::commit(ctx, tx).await?;
    let Counted { recorded, again, ignored } = counted;
    tracing::info!(%provider, recorded, again, ignored, "provider reports received");
    Ok(Taken::Counted(counted))
}

/// The token by which a report names our mail. The first genuine one counts, whatever else the report says.
fn token(ctx: &Context, plan: &Plan, named: &Named) -> Option<Token> {
    let ours = &plan.settings.smtp.return_path;
    let of_message = |token: &str| ctx.signer().read(Kind::MessageId, token, "");
    let by_id = |id: &String| {
        let (token, domain) = id.rsplit_once('@')?;
        of_message(token).filter(|_| domain.eq_ignore_ascii_case(ours.domain()))
    };
    let by_path = |path: &String| {
        let (local, domain) = path.rsplit_once('@')?;
        let (name, token) = local.rsplit_once('+')?;
        let is_ours = domain.eq_ignore_ascii_case(ours.domain()) && name.eq_ignore_ascii_case(ours.local());
        ctx.signer().read_return_path(token).filter(|_| is_ours)
    };
    let own = named.token.as_ref().and_then(|token| of_message(token.trim()));
    own.or_else(|| named.return_path.as_ref().and_then(by_path)).or_else(|| named.message_ids.iter().find_map(by_id))
}

/// Records one report; whether it is new, or nothing where it is about nobody.
async fn one(
    tx: &mut Tx,
    plan: &Plan,
    provider: Provider,
    event: &Event,
    sent: &Traced,
    now: Timestamp,
) -> Result<Option<bool>, FlowError> {
    let is_forgotten = sent.is_of_forgotten();
    // Test copies are for nobody; of several recipients, one is ours.
    let is_other = event.is_of_several && event.address.as_ref().is_some_and(|address| *address != sent.address);
    if is_other || sent.mail.prospect.is_none() && !is_forgotten {
        return Ok(None);
    }
    let at = event.at.filter(|at| *at <= now).unwrap_or(now);
    let detail = match &event.what {
        What::Delivered => {
            let Some(delivery) = sent.mail.on_record() else { return Ok(None) };
            let new = provider_deliveries::add(tx, delivery, provider, at, now).await?;
            left(tx, provider, sent, now).await?;
            return Ok(Some(new));
        }
        What::Complaint { feedback } if NO_OBJECTION.contains(&feedback.as_str()) => return Ok(None),
        // Of a lost delivery, it is not known that the mailbox that failed is still theirs.
        What::Failed(_) if !sent.is_present => return Ok(None),
        What::Failed(failed) => bounce(failed, is_forgotten),
        What::Complaint { feedback } => Detail::Complaint { feedback: feedback.clone() },
        What::Unsubscribed => Detail::Unsubscribe { how: provider.word().to_owned() },
    };
    let signal = NewSignal::by_provider(provider, &event.id, sent.mail, detail, at);
    let new = matches!(observe::write(tx, plan, &[signal], now).await?.first(), Some(Observed::New(_)));
    if new {
        left(tx, provider, sent, now).await?;
        if let What::Failed(failed) = &event.what
            && !is_forgotten
        {
            refused(tx, sent, failed, now).await?;
        }
    }
    Ok(Some(new))
}

fn bounce(failed: &Failed, is_forgotten: bool) -> Detail {
    let (_, hard) = judged(failed.class, failed.status.as_deref(), failed.code, &failed.words);
    let (status, _) = best_status(failed.status.as_deref(), &failed.words);
    // Words may name the person, of whom nothing is kept anew once they were forgotten.
    let diagnostic = if is_forgotten { String::new() } else { failed.words.clone() };
    Detail::Bounce { hard, status, diagnostic }
}

/// What a provider reports of a mail, it was given: a delivery of which that was not known was sent.
async fn left(tx: &mut Tx, provider: Provider, sent: &Traced, now: Timestamp) -> Result<(), FlowError> {
    let Some(delivery) = sent.mail.on_record() else { return Ok(()) };
    let words = format!("{provider} reports that it had it");
    uncertain::resolve(tx, Which::One(delivery), Resolution::Accepted, &words, now).await?;
    Ok(())
}

/// Counts a refusal that does not say that the mailbox is gone; one that took nothing too often in a row counts as gone.
async fn refused(tx: &mut Tx, sent: &Traced, failed: &Failed, now: Timestamp) -> Result<(), FlowError> {
    let (about, hard) = judged(failed.class, failed.status.as_deref(), failed.code, &failed.words);
    let Some(delivery) = sent.mail.on_record().filter(|_| !hard) else { return Ok(()) };
    Ok(breaker::came_back(tx, delivery, &sent.address, (about, &failed.words), now).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::group::provider_bounce::Class;

    #[test]
    fn a_report_about_somebody_who_was_forgotten_keeps_no_words() {
        let words = "550 5.1.1 <zenobia@works.example>: no such user".to_owned();
        let failed = Failed { class: Class::Permanent, status: None, code: None, words };
        for (is_forgotten, kept) in [(false, true), (true, false)] {
            let detail = bounce(&failed, is_forgotten);
            assert!(matches!(detail, Detail::Bounce { hard: true, .. }));
            assert_eq!(serde_json::to_string(&detail).expect("JSON").contains("zenobia"), kept);
        }
    }
}
