//! `GET|POST /h/TOKEN`: a handoff's page, behind a signed link that works for its salesperson only.
//!
//! GET shows; POST does. What ends a handoff is asked back once, because scanners sometimes submit forms; every change
//! is confirmed by mail.

use super::page;
use super::site::Site;
use crate::domain::criterion::Criterion;
use crate::domain::handoff::{Rejection, Stage};
use crate::domain::id::{HandoffId, Name};
use crate::domain::signal::Touch;
use crate::flow::context::FlowError;
use crate::flow::dossier;
use crate::flow::follow_up::{Action, act};
use crate::mail::token::Kind;
use crate::store::{follow_ups, handoffs, prospects};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use minijinja::context;
use minijinja::value::{Serde, Value};
use std::collections::BTreeMap;

/// Shows the dossier and what can be done.
pub async fn show(State(site): State<Site>, Path(token): Path<String>) -> Response {
    match genuine(&site, &token).await {
        Ok(Some((id, _))) => present(&site, id, None).await.unwrap_or_else(|e| page::failed(&e)),
        Ok(None) => page::unknown_link(),
        Err(error) => page::failed(&error),
    }
}

/// Does what a button says.
pub async fn answer(State(site): State<Site>, Path(token): Path<String>, body: Bytes) -> Response {
    let (id, salesperson) = match genuine(&site, &token).await {
        Ok(Some(found)) => found,
        Ok(None) => return page::unknown_link(),
        Err(error) => return page::failed(&error),
    };
    let Ok(said) = serde_urlencoded::from_bytes::<Vec<(String, String)>>(&body) else {
        return page::say(StatusCode::UNPROCESSABLE_ENTITY, "The form could not be read", "Please go back and try again.");
    };
    let said = Said::new(said);
    let action = match action(&said) {
        Ok(action) => action,
        Err(words) => return page::say(StatusCode::UNPROCESSABLE_ENTITY, "Something is missing", &words),
    };
    if is_final(&action) && said.get("confirm") != Some("yes") {
        return confirm(&site, id, &said).await.unwrap_or_else(|e| page::failed(&e));
    }
    match act(&site.ctx, id, &salesperson, action).await {
        // Back to the page: reloading it must not post again. A handoff passed on has another salesperson's page.
        Ok(handoff) if handoff.salesperson == salesperson => {
            let target = HeaderValue::from_str(&format!("/h/{token}")).unwrap_or_else(|_| HeaderValue::from_static("/"));
            (StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response()
        }
        Ok(_) => {
            page::say(StatusCode::OK, "It is no longer yours", "We have offered it to somebody else. You need do nothing more.")
        }
        Err(error) => page::failed(&error),
    }
}

/// The handoff a token opens: it must have been signed for the salesperson who has the handoff now.
async fn genuine(site: &Site, text: &str) -> Result<Option<(HandoffId, Name)>, FlowError> {
    let plan = site.ctx.plan();
    let people = plan.roster.salespeople.iter().map(|s| &s.id).chain([&plan.roster.manager]);
    let read = |id: &Name| Some((site.ctx.signer().read(Kind::Handoff, text, id.as_str())?, id.clone()));
    let Some((token, salesperson)) = people.into_iter().find_map(read) else {
        return Ok(None);
    };
    let mut tx = site.ctx.store().read().await?;
    let handoff = handoffs::load(&mut tx, HandoffId(token.id)).await?;
    Ok(handoff.filter(|h| h.salesperson == salesperson).map(|h| (h.id, salesperson)))
}

async fn present(site: &Site, id: HandoffId, ask: Option<Value>) -> Result<Response, FlowError> {
    let (plan, now) = (site.ctx.plan(), site.ctx.now());
    let mut tx = site.ctx.store().read().await?;
    let handoff = handoffs::load(&mut tx, id).await?.ok_or_else(|| FlowError::Missing(format!("handoff {id}")))?;
    let prospect = prospects::one(&mut tx, handoff.prospect).await?;
    let told = dossier::compile(&site.ctx, &mut tx, &plan, id, &prospect, now).await?;
    let next = follow_ups::of_handoff(&mut tx, id).await?;
    let events = handoffs::events(&mut tx, id).await?;
    let reconfirm = dossier::reconfirm(&mut tx, &plan, &prospect, id, now).await?;
    let values = context! {
        d => Value::from(Serde(&told.dossier)),
        known => told.dossier.known(),
        request => handoff.cause == "request",
        state => handoff.state.word(),
        stage => handoff.stage.word(),
        outcome => handoff.outcome.map(|o| o.word().replace('_', " ")),
        touched => handoff.touched_at.is_some(),
        next => next.map(|n| Value::from(Serde(&n))),
        events => Value::from(Serde(&events)),
        reconfirm,
        ask,
        stages => Stage::ALL.map(Stage::word),
        criteria => Criterion::ALL.map(|c| context! { word => c.word(), name => c.to_string() }),
        touches => Touch::WORDS.map(|(word, _)| word),
        reasons => plan.qualifying.recycle.iter().map(|r| r.reason.clone()).collect::<Vec<_>>(),
        zone => told.dossier.zone.iana_name().unwrap_or("UTC"),
    };
    Ok(page::show(StatusCode::OK, "page-handoff.html", &told.dossier.zone, values))
}

/// Asks back before anything final.
async fn confirm(site: &Site, id: HandoffId, said: &Said) -> Result<Response, FlowError> {
    let fields: Vec<(String, String)> =
        said.0.iter().filter(|(k, _)| *k != "confirm").map(|(k, v)| (k.clone(), v.clone())).collect();
    let what = match said.get("action").unwrap_or_default() {
        "won" => "Mark it as won and close it?",
        "lost" => "Mark it as lost and return them to nurture?",
        "recycle" => "Return them to nurture?",
        _ => "Decline it?",
    };
    present(
        site,
        id,
        Some(context! { what, fields => fields.iter().map(|(k, v)| context! { name => k, value => v }).collect::<Vec<_>>() }),
    )
    .await
}

/// What ends a handoff, or takes it away from its salesperson.
const fn is_final(action: &Action) -> bool {
    matches!(action, Action::Won(_) | Action::Lost(_) | Action::Recycle { .. } | Action::Reject(..))
}

/// The fields a form sent; a repeated one keeps its last value, but for `proves`, which is joined.
struct Said(BTreeMap<String, String>);

impl Said {
    fn new(pairs: Vec<(String, String)>) -> Self {
        let mut said: BTreeMap<String, String> = BTreeMap::new();
        for (key, value) in pairs.into_iter().take(40) {
            let value: String = value.trim().chars().take(2_000).collect();
            match said.get_mut(&key) {
                Some(earlier) if key == "proves" => *earlier = format!("{earlier},{value}"),
                _ => drop(said.insert(key, value)),
            }
        }
        Self(said)
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|v| !v.is_empty())
    }

    fn note(&self) -> String {
        self.get("note").unwrap_or_default().to_owned()
    }

    fn date(&self, key: &str) -> Result<Option<jiff::civil::Date>, String> {
        let text = self.get(key);
        text.map(|t| t.parse().map_err(|_| format!("{t:?} is no date; write it as YYYY-MM-DD."))).transpose()
    }
}

fn action(said: &Said) -> Result<Action, String> {
    let criterion = |word: &str| Criterion::parse(word).ok_or_else(|| format!("{word:?} is no criterion."));
    Ok(match said.get("action").unwrap_or_default() {
        "accept" => Action::Accept,
        "reject" => {
            let rejection = match said.get("because").unwrap_or_default() {
                "not mine" => Rejection::NotMine,
                "already customer" => Rejection::AlreadyCustomer,
                "data wrong" => Rejection::DataWrong,
                "not ready" => {
                    Rejection::NotReady(criterion(said.get("criterion").ok_or("Say which criterion does not hold.")?)?)
                }
                _ => return Err("Say why: not mine, a customer already, data wrong, or not ready.".to_owned()),
            };
            Action::Reject(rejection, said.note())
        }
        "touch" => {
            let word = said.get("touch").ok_or("Say how you were in touch.")?;
            let touch = Touch::WORDS.into_iter().find(|(w, _)| *w == word).map(|(_, t)| t).ok_or("Say how you were in touch.")?;
            let proves = said.get("proves").into_iter().flat_map(|p| p.split(',')).map(criterion).collect::<Result<_, _>>()?;
            Action::Touch { touch, proves, date: said.date("date")?, note: said.note() }
        }
        "stage" => Action::Stage(said.get("stage").and_then(Stage::parse).ok_or("Choose a stage.")?),
        "snooze" => Action::Snooze(said.date("until")?.ok_or("Say until when.")?, said.note()),
        "recycle" => {
            let reason = said.get("reason").ok_or("Choose a reason.")?.to_owned();
            Action::Recycle { reason, wake: said.date("wake")?, note: said.note() }
        }
        "won" => {
            let value =
                said.get("value").map(|v| v.parse::<i64>().map_err(|_| "The value is a whole number.".to_owned())).transpose()?;
            Action::Won(value)
        }
        "lost" => Action::Lost(said.note()),
        _ => return Err("Choose what to do.".to_owned()),
    })
}
