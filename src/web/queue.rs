//! `GET /q/TOKEN`: a salesperson's personal queue, behind their own signed link.

use super::error::WebError;
use super::page;
use super::site::Site;
use crate::domain::doorway::qualification::Verdict;
use crate::domain::individual::follow_up::Urgency;
use crate::domain::individual::salesperson::link_number;
use crate::flow::individual::dossier;
use crate::flow::individual::queue::{self, Item};
use crate::mail::token::Kind;
use crate::store::doorway::qualifications;
use crate::store::engine::backend::Tx;
use crate::store::individual::handoffs;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;

/// An item of the queue, as the page shows it.
#[derive(Serialize)]
struct Card {
    #[serde(flatten)]
    item: Item,
    /// For an unanswered request: how many of the five criteria were met when it was made.
    known: Option<usize>,
}

/// Shows the queue.
pub async fn show(State(site): State<Site>, Path(token): Path<String>) -> Result<Response, WebError> {
    let (plan, now) = (site.ctx.plan(), site.ctx.now());
    let token = site.ctx.signer().read(Kind::Queue, &token, "").ok_or(WebError::UnknownLink)?;
    let salesperson = plan.roster.owners().find(|id| link_number(id) == token.id).ok_or(WebError::UnknownLink)?;
    if i64::from(token.ordinal) < now.as_second() / 86_400 {
        let words = "Queue links work for thirty days. Open a newer one: every mail about a lead carries it.";
        return Err(WebError::gone("This link has run out", words));
    }
    let mut tx = site.ctx.store().read().await?;
    let mut items = Vec::new();
    for item in queue::of(&site.ctx, &mut tx, salesperson, now).await? {
        items.push(Card { known: known(&mut tx, &item).await?, item });
    }
    let name = plan.roster.name_of(salesperson);
    let zone = dossier::zone_of(&plan, salesperson);
    let values = context! { name, items => Value::from(Serde(&items)), now => now.to_string() };
    Ok(page::show(StatusCode::OK, "page-queue.html", &zone, values))
}

async fn known(tx: &mut Tx, item: &Item) -> Result<Option<usize>, WebError> {
    let Some(id) = item.handoff.filter(|_| item.urgency == Urgency::Request) else {
        return Ok(None);
    };
    let (qualification, _) = handoffs::grounds(tx, id).await?;
    let findings = qualifications::findings(tx, qualification).await?;
    Ok(Some(findings.iter().filter(|(_, finding)| finding.verdict == Verdict::Met).count()))
}
