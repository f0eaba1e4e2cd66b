//! `POST /v1/prospects`: another system adds and changes prospects, one or a page of up to 1,000. Each is answered for itself.

use super::api::{key, other_body};
use super::error::ApiError;
use super::login::identify;
use super::site::Site;
use super::visitor::Visitor;
use crate::domain::address::Address;
use crate::domain::api_token::Right;
use crate::domain::doorway::arrival::Arrival;
use crate::domain::plan::Plan;
use crate::flow::doorway::api::{Called, PageAdmitted, admit_page};
use crate::flow::doorway::report::authorise;
use crate::inbox::json::{self, Refused};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Admits prospects. An idempotency key is optional: the same prospect a second time changes nothing.
pub async fn take(State(site): State<Site>, visitor: Visitor, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let caller = identify(&site, &headers, &visitor, &body)?;
    let token = &caller.token;
    authorise(token, Right::Prospects)?;
    let plan = site.ctx.plan();
    let key = key(&caller, &headers, "/v1/prospects", &body)?;
    let source = format!("api {}", token.called());
    let page = json::read(&body, &plan.settings.fields, &source).map_err(refused)?;
    let good: Vec<Arrival> = page.rows.iter().flatten().cloned().collect();
    if good.is_empty() && !page.rows.is_empty() {
        let answer = answer(&plan, &page.rows, &PageAdmitted::default());
        return match (page.is_single, page.rows.into_iter().next()) {
            (true, Some(Err(error))) => Err(refused(error)),
            _ => Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "no prospect of the page can be taken").with(answer)),
        };
    }
    let put = |admitted: &PageAdmitted| answer(&plan, &page.rows, admitted).to_string();
    match admit_page(&site.ctx, key.as_ref(), good, &source, page.as_of, put).await? {
        Called::Done(admitted) => {
            let is_new = page.is_single && admitted.count.added == 1;
            let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
            Ok((status, Json(answer(&plan, &page.rows, &admitted))).into_response())
        }
        Called::Again(answer) => Ok(([(header::CONTENT_TYPE, "application/json")], answer).into_response()),
        Called::OtherBody => Err(other_body()),
    }
}

fn refused(refused: Refused) -> ApiError {
    let error = ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, refused.error);
    if refused.place.is_empty() { error } else { error.at(refused.place) }
}

/// What became of each prospect, in the order of the page. It repeats no value, because a repetition of the call gets it too.
fn answer(plan: &Plan, rows: &[Result<Arrival, Refused>], admitted: &PageAdmitted) -> Value {
    let mut seen: BTreeSet<&Address> = BTreeSet::new();
    let mut told = Vec::new();
    for (row, read) in rows.iter().enumerate() {
        told.push(match read {
            Err(refused) => Row::refused(row, refused.place.clone(), refused.error.clone()),
            Ok(arrival) => match admitted.prospects.get(&arrival.address) {
                // One that stands twice on the page is added once.
                Some((id, was_known)) => Row {
                    number: row,
                    status: if *was_known || !seen.insert(&arrival.address) { "known" } else { "added" },
                    prospect: Some(id.0),
                    place: None,
                    error: None,
                    note: owner_is_nobody(plan, arrival).then_some("the owner is no salesperson of the roster; none was set"),
                },
                None => Row::refused(row, format!("prospects[{row}].email"), "this address is not taken in again".to_owned()),
            },
        });
    }
    let refused = told.iter().filter(|row| row.status == "refused").count();
    let count = &admitted.count;
    json!({
        "added": count.added,
        "changed": count.changed,
        "unchanged": count.unchanged,
        "refused": refused,
        "rows": told,
    })
}

fn owner_is_nobody(plan: &Plan, arrival: &Arrival) -> bool {
    arrival.owner.as_deref().is_some_and(|owner| plan.roster.salesperson_called(owner).is_none())
}

/// What became of one prospect.
#[derive(Serialize)]
struct Row {
    /// Its place on the page, from 0.
    #[serde(rename = "row")]
    number: usize,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prospect: Option<i64>,
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

impl Row {
    const fn refused(row: usize, place: String, error: String) -> Self {
        Self { number: row, status: "refused", prospect: None, place: Some(place), error: Some(error), note: None }
    }
}
