//! `GET|POST /q/TOKEN`: a salesperson's personal queue, behind their own signed link, and `GET /q/TOKEN/LIST`, the enquiries of one
//! hour that came beyond the bound. GET shows; POST says of an enquiry or a list that it is done, or that it is not after all.

use super::error::WebError;
use super::page;
use super::site::Site;
use crate::domain::doorway::qualification::Verdict;
use crate::domain::id::{EnquiryId, EnquiryListId, Name};
use crate::domain::individual::follow_up::Urgency;
use crate::domain::individual::salesperson::link_number;
use crate::domain::plan::Plan;
use crate::domain::span::Span;
use crate::flow::individual::dossier;
use crate::flow::individual::enquire::{self, Act};
use crate::flow::individual::enquiry::{Known, told};
use crate::flow::individual::queue::{self, Item};
use crate::mail::token::Kind;
use crate::store::doorway::qualifications;
use crate::store::engine::backend::Tx;
use crate::store::individual::{enquiries, handoffs};
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// For how long an enquiry that was said to be done can be put back.
const TAKEN_BACK: Span = Span::days(1);
/// How many enquiries of a list one page shows.
const PAGE: i64 = 100;

/// An item of the queue, as the page shows it.
#[derive(Serialize)]
struct Card {
    #[serde(flatten)]
    item: Item,
    /// For an unanswered request: how many of the five criteria were met when it was made.
    known: Option<usize>,
}

/// The buttons of the queue's page.
#[derive(Debug, Deserialize)]
pub struct Pressed {
    enquiry: Option<i64>,
    list: Option<i64>,
    action: String,
}

/// Shows the queue.
pub async fn show(State(site): State<Site>, Path(token): Path<String>) -> Result<Response, WebError> {
    let (plan, now) = (site.ctx.plan(), site.ctx.now());
    let salesperson = genuine(&site, &plan, &token, now)?;
    let mut tx = site.ctx.store().read().await?;
    let mut items = Vec::new();
    for item in queue::of(&site.ctx, &mut tx, &salesperson, now).await? {
        items.push(Card { known: known(&mut tx, &item).await?, item });
    }
    let done = done(&site, &mut tx, &plan, &salesperson, now).await?;
    let name = plan.roster.name_of(&salesperson);
    let zone = dossier::zone_of(&plan, &salesperson);
    let values =
        context! { name, items => Value::from(Serde(&items)), done => Value::from(Serde(&done)), now => now.to_string() };
    Ok(page::show(StatusCode::OK, "page-queue.html", &zone, values))
}

/// Says of an enquiry, or of a list, that it is done, or that it is not after all. Pressing a button twice changes nothing more.
pub async fn press(State(site): State<Site>, Path(token): Path<String>, body: Bytes) -> Result<Response, WebError> {
    let (plan, now) = (site.ctx.plan(), site.ctx.now());
    let salesperson = genuine(&site, &plan, &token, now)?;
    let unreadable = || WebError::unreadable("The form could not be read", "Please go back and try again.");
    let pressed: Pressed = serde_urlencoded::from_bytes(&body).map_err(|_| unreadable())?;
    let act = match pressed.action.as_str() {
        "done" => Act::Settle,
        "again" => Act::Reopen,
        _ => return Err(unreadable()),
    };
    match (pressed.enquiry, pressed.list) {
        (Some(id), None) => enquire::act(&site.ctx, EnquiryId(id), &salesperson, act).await?,
        (None, Some(id)) => enquire::act_on_list(&site.ctx, EnquiryListId(id), &salesperson, act).await?,
        _ => return Err(unreadable()),
    };
    let target = HeaderValue::from_str(&format!("/q/{token}")).unwrap_or_else(|_| HeaderValue::from_static("/"));
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response())
}

/// Shows the enquiries of a list, a page at a time.
pub async fn show_list(
    State(site): State<Site>,
    Path((token, list)): Path<(String, String)>,
    Query(begins): Query<BTreeMap<String, String>>,
) -> Result<Response, WebError> {
    let (plan, now) = (site.ctx.plan(), site.ctx.now());
    let salesperson = genuine(&site, &plan, &token, now)?;
    let mut tx = site.ctx.store().read().await?;
    let number = list.parse().map_err(|_| WebError::UnknownLink)?;
    let list = enquiries::list(&mut tx, EnquiryListId(number)).await?.filter(|list| list.salesperson == salesperson);
    let list = list.ok_or(WebError::UnknownLink)?;
    let after = EnquiryId(begins.get("after").and_then(|id| id.parse().ok()).unwrap_or(0));
    let found = enquiries::of_list(&mut tx, list.id, after, PAGE).await?;
    let known = Known::load(&mut tx, &found, true).await?;
    let asked: Vec<_> = found.iter().map(|enquiry| told(&site.ctx, &plan, enquiry, &known, &salesperson)).collect();
    let next = found.last().filter(|_| found.len() as u64 >= PAGE.unsigned_abs()).map(|last| last.id.0);
    let queue_url = format!("/q/{token}");
    let item = queue::list_item(&plan, &list, &salesperson, &queue_url, now);
    let values = context! {
        title => item.name,
        count => list.count,
        asked => Value::from(Serde(&asked)),
        next => next.map(|id| format!("{queue_url}/{}?after={id}", list.id)),
        queue_url,
        now => now.to_string(),
    };
    Ok(page::show(StatusCode::OK, "page-enquiries.html", &dossier::zone_of(&plan, &salesperson), values))
}

/// The salesperson of a queue link that still works.
fn genuine(site: &Site, plan: &Plan, token: &str, now: Timestamp) -> Result<Name, WebError> {
    let token = site.ctx.signer().read(Kind::Queue, token, "").ok_or(WebError::UnknownLink)?;
    let salesperson = plan.roster.owners().find(|id| link_number(id) == token.id).ok_or(WebError::UnknownLink)?;
    if i64::from(token.ordinal) < now.as_second() / 86_400 {
        let words = "Queue links work for thirty days. Open a newer one: every mail about a lead carries it.";
        return Err(WebError::gone("This link has run out", words));
    }
    Ok(salesperson.clone())
}

/// What was said to be done of late, newest first.
async fn done(site: &Site, tx: &mut Tx, plan: &Plan, reader: &Name, now: Timestamp) -> Result<Vec<Item>, WebError> {
    let since = TAKEN_BACK.before(now);
    let settled = enquiries::done_since(tx, reader, since).await?;
    let known = Known::load(tx, &settled, true).await?;
    let lists = enquiries::lists_done_since(tx, reader, since).await?;
    let items = settled.iter().map(|enquiry| queue::enquiry_item(&site.ctx, plan, enquiry, &known, reader, now));
    Ok(items.chain(lists.iter().map(|list| queue::list_item(plan, list, reader, "", now))).collect())
}

async fn known(tx: &mut Tx, item: &Item) -> Result<Option<usize>, WebError> {
    let Some(id) = item.handoff.filter(|_| item.urgency == Urgency::Request) else {
        return Ok(None);
    };
    let (qualification, _) = handoffs::grounds(tx, id).await?;
    let findings = qualifications::findings(tx, qualification).await?;
    Ok(Some(findings.iter().filter(|(_, finding)| finding.verdict == Verdict::Met).count()))
}
