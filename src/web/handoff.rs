//! `GET|POST /h/TOKEN`: a handoff's page, behind a signed link that works for its salesperson only.
//!
//! GET shows; POST changes. An action that ends a handoff asks for confirmation once, because scanners sometimes submit
//! forms; every change is confirmed by mail. If an action is refused, the reason is shown above the forms, and the forms
//! keep what was entered.

use super::error::WebError;
use super::handoff_form::HandoffForm;
use super::page;
use super::site::Site;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::entry::Cause;
use crate::domain::doorway::rule::RecycleReason;
use crate::domain::doorway::signal::Touch;
use crate::domain::id::{HandoffId, Name};
use crate::domain::individual::handoff::{Handoff, Stage};
use crate::domain::plan::Plan;
use crate::flow::context::FlowError;
use crate::flow::doorway::trace::is_about;
use crate::flow::individual::dossier;
use crate::flow::individual::follow_up::{Action, act};
use crate::mail::token::Kind;
use crate::store::individual::{follow_ups, handoffs};
use crate::store::people::prospects;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use minijinja::context;
use minijinja::value::{Serde, Value};

/// What the page shows besides the handoff itself.
#[derive(Default)]
struct Shown {
    /// Why the requested action was refused.
    problem: Option<String>,
    form: HandoffForm,
    ask: Option<Value>,
}

/// Shows the dossier and the possible actions.
pub async fn show(State(site): State<Site>, Path(token): Path<String>) -> Result<Response, WebError> {
    let (handoff, _) = genuine(&site, &token).await?;
    present(&site, handoff.id, StatusCode::OK, Shown::default()).await
}

/// Carries out the action of a button.
pub async fn answer(State(site): State<Site>, Path(token): Path<String>, body: Bytes) -> Result<Response, WebError> {
    let (Handoff { id, .. }, salesperson) = genuine(&site, &token).await?;
    let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(&body)
        .map_err(|_| WebError::unreadable("The form could not be read", "Please go back and try again."))?;
    let form = HandoffForm::new(pairs);
    let action = match form.action() {
        Ok(action) => action,
        Err(words) => {
            let shown = Shown { problem: Some(words), form, ask: None };
            return present(&site, id, StatusCode::UNPROCESSABLE_ENTITY, shown).await;
        }
    };
    if let Some(ask) = form.question(&action).filter(|_| !form.confirmed()) {
        return present(&site, id, StatusCode::OK, Shown { ask: Some(ask), ..Shown::default() }).await;
    }
    let accepts = matches!(action, Action::Accept);
    match act(&site.ctx, id, &salesperson, action).await {
        // The answer redirects to the page, so that reloading it does not post again.
        Ok(handoff) if handoff.salesperson == salesperson => Ok(to_page(&token)),
        Ok(_) => {
            let words = "We have offered it to somebody else. You need do nothing more.";
            Ok(page::say(StatusCode::OK, "Thank you", words))
        }
        // The button was pressed twice: the page shows the present state.
        Err(FlowError::Refused(_)) if accepts => Ok(to_page(&token)),
        Err(FlowError::Refused(words)) => {
            let shown = Shown { problem: Some(page::sentence(&words)), form, ask: None };
            present(&site, id, StatusCode::CONFLICT, shown).await
        }
        Err(error) => Err(error.into()),
    }
}

fn to_page(token: &str) -> Response {
    let target = HeaderValue::from_str(&format!("/h/{token}")).unwrap_or_else(|_| HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response()
}

/// The handoff of a token, and its salesperson: the token must have been signed for the salesperson who has the handoff
/// now.
async fn genuine(site: &Site, text: &str) -> Result<(Handoff, Name), WebError> {
    let plan = site.ctx.plan();
    let read = |id: &Name| Some((site.ctx.signer().read(Kind::Handoff, text, id.as_str())?, id.clone()));
    let (token, salesperson) = plan.roster.owners().find_map(read).ok_or(WebError::UnknownLink)?;
    let mut tx = site.ctx.store().read().await?;
    let handoff = match handoffs::load(&mut tx, HandoffId(token.id)).await? {
        Some(handoff) if is_about(&mut tx, site.ctx.signer(), token.recipient, handoff.prospect).await? => handoff,
        _ => {
            let words = "Its record was lost when the database had to be restored from a copy. Who is yours now stands in your queue: \
                         open it from a newer mail.";
            return Err(WebError::gone("We no longer know this offer", words));
        }
    };
    if handoff.salesperson == salesperson {
        return Ok((handoff, salesperson));
    }
    let words = "Somebody else has it now. There is nothing left for you to do here.";
    Err(WebError::gone("It is no longer yours", words))
}

async fn present(site: &Site, id: HandoffId, status: StatusCode, shown: Shown) -> Result<Response, WebError> {
    let (zone, values) = values(site, id, shown).await?;
    Ok(page::show(status, "page-handoff.html", &zone, values))
}

async fn values(site: &Site, id: HandoffId, shown: Shown) -> Result<(TimeZone, Value), FlowError> {
    let (plan, now) = (site.ctx.plan(), site.ctx.now());
    let mut tx = site.ctx.store().read().await?;
    let handoff = handoffs::load(&mut tx, id).await?.ok_or_else(|| FlowError::Missing(format!("handoff {id}")))?;
    let prospect = prospects::one(&mut tx, handoff.prospect).await?;
    let compiled = dossier::compile(&site.ctx, &mut tx, &plan, id, &prospect, now).await?;
    let next = follow_ups::of_handoff(&mut tx, id).await?;
    let mut events = handoffs::events(&mut tx, id).await?;
    for event in &mut events {
        if let Ok(id) = Name::parse(&event.by) {
            event.by = plan.roster.name_of(&id);
        }
    }
    let d = compiled.dossier;
    let reconfirm: Vec<String> = d.reconfirm().into_iter().map(str::to_owned).collect();
    let later = later(&d.zone, now);
    let values = context! {
        known => d.known(),
        request => handoff.cause == Cause::Request,
        state => handoff.state.word(),
        stage => handoff.stage.word(),
        outcome => handoff.outcome.map(|o| o.word().replace('_', " ")),
        value => handoff.value,
        closed_at => handoff.closed_at.map(|at| at.to_string()),
        overdue => next.as_ref().is_some_and(|n| n.due_at <= now),
        next => next.map(|n| Value::from(Serde(&n))),
        events => Value::from(Serde(&events)),
        reconfirm,
        problem => shown.problem,
        said => shown.form.values(),
        ask => shown.ask,
        stages => Stage::ALL.map(Stage::word),
        criteria => criteria(&plan),
        touches => Touch::WORDS.map(|(word, _)| word),
        reasons => reasons(&plan, now),
        tomorrow => later[0].1.clone(),
        later,
        zone => d.zone.iana_name().unwrap_or("UTC"),
        now => now.to_string(),
        d => Value::from(Serde(&d)),
    };
    Ok((d.zone, values))
}

/// The five criteria, each with the touches that can prove it: "call, meeting or fair".
fn criteria(plan: &Plan) -> Vec<Value> {
    let touches = |criterion| {
        let read = Touch::WORDS.into_iter().filter(|(_, touch)| plan.qualifying.reads_touch(criterion, *touch));
        let words: Vec<&str> = read.map(|(word, _)| word).collect();
        match words.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        }
    };
    Criterion::ALL.map(|c| context! { word => c.word(), name => c.to_string(), touches => touches(c) }).into()
}

/// The reasons for returning a lead, each with the wake date it sets.
fn reasons(plan: &Plan, now: Timestamp) -> Vec<Value> {
    let wake = |reason: &RecycleReason| reason.wake.map(|wake| wake.date(plan.qualifying.fiscal_year, now).to_string());
    plan.qualifying.recycle.iter().map(|r| context! { reason => r.reason.clone(), wake => wake(r) }).collect()
}

/// Dates to postpone a follow-up to, tomorrow first.
fn later(zone: &TimeZone, now: Timestamp) -> [(&'static str, String); 4] {
    let today = now.to_zoned(zone.clone()).date();
    [("Tomorrow", 1.day()), ("In a week", 1.week()), ("In a month", 1.month()), ("In 3 months", 3.months())]
        .map(|(words, span)| (words, today.saturating_add(span).to_string()))
}
