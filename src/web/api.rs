//! `POST /v1/signals`: another system reports a signal as JSON under a bearer token, once per idempotency key.

use super::error::ApiError;
use super::site::Site;
use crate::domain::address::Address;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::signal::{Confirmation, Detail, NewSignal, Touch};
use crate::domain::id::Name;
use crate::flow::doorway::observe::{Observed, check_touch};
use crate::flow::doorway::take::take as record;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::Date;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use subtle::ConstantTimeEq;

/// The body of a request. Unknown keys are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    email: Address,
    /// When it happened; the time of the request, if absent.
    occurred_at: Option<Timestamp>,
    /// The name of an event; exactly one of `event`, `form` and `touch` is given.
    event: Option<Name>,
    /// A form filled in elsewhere.
    form: Option<Name>,
    touch: Option<Touch>,
    /// The fields of the event or form.
    #[serde(default)]
    fields: BTreeMap<String, String>,
    by: Option<Name>,
    #[serde(default)]
    proves: Vec<Criterion>,
    date: Option<Date>,
    #[serde(default)]
    note: String,
}

/// Records one signal.
pub async fn take(State(site): State<Site>, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    authorise(&site, &headers)?;
    let key = headers.get("idempotency-key").and_then(|v| v.to_str().ok()).map(str::trim);
    let key = key.filter(|k| (1..=200).contains(&k.len())).ok_or_else(|| {
        let words = "an Idempotency-Key header of 1 to 200 characters is needed: a repetition then counts once";
        ApiError::new(StatusCode::BAD_REQUEST, words)
    })?;
    let report: Report = serde_json::from_slice(&body).map_err(|e| unreadable(format!("the body cannot be read: {e}")))?;
    match record(&site.ctx, signal(&site, report, key)?).await? {
        Observed::New(id) => Ok((StatusCode::CREATED, Json(json!({ "signal": id, "status": "new" }))).into_response()),
        Observed::Again => Ok((StatusCode::OK, Json(json!({ "status": "again" }))).into_response()),
        Observed::Pending => Ok((StatusCode::ACCEPTED, Json(json!({ "status": "pending" }))).into_response()),
        Observed::Unknown => Err(ApiError::new(StatusCode::NOT_FOUND, "no prospect has this address")),
    }
}

fn authorise(site: &Site, headers: &HeaderMap) -> Result<(), ApiError> {
    let plan = site.ctx.plan();
    let expected = plan.settings.http.api_token.as_ref();
    let expected =
        expected.ok_or_else(|| ApiError::new(StatusCode::FORBIDDEN, "the API is closed: no http.api_token is configured"))?;
    let given = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let genuine = given.is_some_and(|given| bool::from(given.trim().as_bytes().ct_eq(expected.expose_secret().as_bytes())));
    if genuine { Ok(()) } else { Err(ApiError::new(StatusCode::UNAUTHORIZED, "a valid bearer token is needed")) }
}

fn unreadable(words: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, words)
}

fn signal(site: &Site, report: Report, key: &str) -> Result<NewSignal, ApiError> {
    let now = site.ctx.now();
    let occurred_at = report.occurred_at.unwrap_or(now);
    if occurred_at > crate::domain::span::Span::minutes(5).after(now) {
        return Err(unreadable("occurred_at lies in the future"));
    }
    let plan = site.ctx.plan();
    let detail = match (report.event, report.form, report.touch) {
        (Some(event), None, None) => Detail::Event { event, fields: report.fields },
        // Whoever has the token vouches for what it reports.
        (None, Some(form), None) => Detail::form(form, report.fields, Confirmation::Confirmed),
        (None, None, Some(touch)) => {
            let by = report.by.as_ref().ok_or_else(|| unreadable("a touch needs `by`: who logged it"))?;
            if !plan.roster.has(by) {
                return Err(unreadable(format!("{by} is nobody of ours")));
            }
            let (proves, date, note) = (report.proves, report.date, report.note);
            Detail::Touch { touch, proves, contradicts: Vec::new(), date, not_before: None, note }
        }
        _ => return Err(unreadable("exactly one of `event`, `form` and `touch` is needed")),
    };
    check_touch(&plan, &detail).map_err(|e| unreadable(e.to_string()))?;
    Ok(NewSignal::reported(key, report.email, report.by, detail, occurred_at))
}
