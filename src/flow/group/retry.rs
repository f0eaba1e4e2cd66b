//! retry: what failed is opened again, by the words it was refused with. Whoever stopped meanwhile stays stopped, and nothing
//! that may have arrived is sent again.

use crate::domain::excerpt::{excerpt, without_addresses};
use crate::domain::group::alike::alike;
use crate::domain::id::{DeliveryId, Name};
use crate::flow::context::{Context, FlowError};
use crate::store::engine::backend::Tx;
use crate::store::group::reopened::{self, Failed};
use serde::Serialize;
use std::collections::BTreeMap;

/// How many deliveries one transaction reads and opens: it must not hold up those who write beside it.
const PAGE: i64 = 500;

/// Deliveries of a campaign that failed in the same words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedAlike {
    /// The words of one of them, without addresses.
    pub reason: String,
    pub failed: i64,
    /// How many of them are not sent again: the person stopped, has another address or has it by another issue, the issue was
    /// cancelled, or the mail may have arrived.
    pub not_again: i64,
}

/// What a retry did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Retried {
    pub opened: u64,
    pub not_again: u64,
}

/// Which failures are meant.
#[derive(Debug, Clone, Copy)]
pub enum Meant<'a> {
    All,
    /// Those whose words contain these.
    Words(&'a str),
}

impl Meant<'_> {
    fn is(self, failed: &Failed) -> bool {
        let Self::Words(words) = self else { return true };
        let reason = reason(failed).to_lowercase();
        reason.contains(&words.trim().to_lowercase()) || alike(&failed.reply, &failed.local) == alike(words, "")
    }
}

/// What failed of a campaign, by reason, the most frequent first.
///
/// # Errors
/// Those of the store.
pub async fn reasons(ctx: &Context, campaign: &Name, meant: Meant<'_>) -> Result<Vec<FailedAlike>, FlowError> {
    let mut found: BTreeMap<String, FailedAlike> = BTreeMap::new();
    let (mut tx, mut after) = (ctx.store().read().await?, DeliveryId(0));
    while let Some(page) = page(&mut tx, campaign, &mut after).await? {
        for failed in page.iter().filter(|failed| meant.is(failed)) {
            let of = found.entry(alike(&failed.reply, &failed.local)).or_insert_with(|| FailedAlike {
                reason: reason(failed),
                failed: 0,
                not_again: 0,
            });
            of.failed += 1;
            of.not_again += i64::from(!failed.may_go);
        }
    }
    let mut found: Vec<FailedAlike> = found.into_values().collect();
    found.sort_by_key(|of| -of.failed);
    Ok(found)
}

/// Opens what failed for this reason again, page by page; each page is durable by itself, and a retry that broke off is
/// simply said again.
///
/// # Errors
/// Those of the store.
pub async fn retry(ctx: &Context, campaign: &Name, meant: Meant<'_>) -> Result<Retried, FlowError> {
    let (mut retried, mut after) = (Retried::default(), DeliveryId(0));
    loop {
        let mut tx = ctx.store().write().await?;
        let Some(page) = page(&mut tx, campaign, &mut after).await? else { break };
        let (again, not): (Vec<&Failed>, Vec<&Failed>) =
            page.iter().filter(|failed| meant.is(failed)).partition(|failed| failed.may_go);
        let again: Vec<DeliveryId> = again.into_iter().map(|failed| failed.delivery).collect();
        retried.opened += reopened::reopen(&mut tx, &again, "open again: asked for by hand", ctx.now()).await?;
        retried.not_again += not.len() as u64;
        tx.commit().await?;
    }
    ctx.wake();
    tracing::info!(%campaign, opened = retried.opened, "what failed is open again");
    Ok(retried)
}

/// The next page of what failed; `None` when there is no more.
async fn page(tx: &mut Tx, campaign: &Name, after: &mut DeliveryId) -> Result<Option<Vec<Failed>>, FlowError> {
    let page = reopened::failed(tx, campaign, *after, PAGE).await?;
    let Some(last) = page.last() else { return Ok(None) };
    *after = last.delivery;
    Ok(Some(page))
}

fn reason(failed: &Failed) -> String {
    match without_addresses(&failed.reply) {
        words if words.trim().is_empty() => "no reason was given".to_owned(),
        words => excerpt(&words, 160),
    }
}
