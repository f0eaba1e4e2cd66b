//! `POST /v1/signals`: another system reports a signal as JSON under a bearer token, once per idempotency key of that token.

use super::error::ApiError;
use super::login::{authenticate, authorise};
use super::site::Site;
use super::visitor::Visitor;
use crate::domain::address::Address;
use crate::domain::api_token::{ApiToken, Right};
use crate::domain::criterion::Criterion;
use crate::domain::doorway::form_fields;
use crate::domain::doorway::signal::{Confirmation, Detail, NewSignal, Touch};
use crate::domain::id::Name;
use crate::domain::span::Span;
use crate::flow::doorway::api::{ApiKey, Called, report};
use crate::flow::doorway::observe::{Observed, check_touch};
use crate::inbox::form::clean;
use crate::inbox::list::says_no::says_no;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The body of a call. Unknown keys are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    email: Address,
    /// When it happened; the time of the request, if absent. A form or an event of more than a day ago is history: it proves what it
    /// proves, and asks for nobody.
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
pub async fn take(State(site): State<Site>, visitor: Visitor, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let token = authenticate(&site, &headers, &visitor)?;
    let key = key(&token, &headers, "/v1/signals", &body)?.ok_or_else(|| {
        let words = "an Idempotency-Key header of 1 to 200 characters is needed: a repetition then counts once";
        ApiError::new(StatusCode::BAD_REQUEST, words)
    })?;
    let read: Report = serde_json::from_slice(&body).map_err(|error| {
        ApiError::invalid(
            format!("line {}, column {}", error.line(), error.column()),
            format!("the body cannot be read: {error}"),
        )
    })?;
    let signal = signal(&site, &token, read, &key.key)?;
    match report(&site.ctx, &key, signal).await? {
        Called::Done(Observed::New(id)) => {
            Ok((StatusCode::CREATED, Json(json!({ "signal": id, "status": "new" }))).into_response())
        }
        Called::Done(Observed::Again) | Called::Again(_) => {
            Ok((StatusCode::OK, Json(json!({ "status": "again" }))).into_response())
        }
        Called::Done(Observed::Pending) => Ok((StatusCode::ACCEPTED, Json(json!({ "status": "pending" }))).into_response()),
        Called::Done(Observed::Unknown) => Err(ApiError::new(StatusCode::NOT_FOUND, "no prospect has this address").at("email")),
        Called::OtherBody => Err(other_body()),
    }
}

/// The idempotency key of a call, if it has one. It belongs to its token, and stands for one body of one route.
pub fn key(token: &ApiToken, headers: &HeaderMap, route: &str, body: &[u8]) -> Result<Option<ApiKey>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value
        .to_str()
        .ok()
        .map(str::trim)
        .filter(|key| (1..=200).contains(&key.len()))
        .ok_or_else(|| ApiError::new(StatusCode::BAD_REQUEST, "an Idempotency-Key has 1 to 200 visible ASCII characters"))?;
    let token = token.name.as_ref().map_or_else(String::new, ToString::to_string);
    let mut hash = Sha256::new();
    for part in [token.as_bytes(), key.as_bytes(), route.as_bytes(), body] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    Ok(Some(ApiKey { token, key: key.to_owned(), body: HEXLOWER.encode(&hash.finalize()) }))
}

pub fn other_body() -> ApiError {
    let words = "another body came under this Idempotency-Key before; nothing was recorded now: take a new key for new content";
    ApiError::new(StatusCode::CONFLICT, words)
}

fn signal(site: &Site, token: &ApiToken, report: Report, key: &str) -> Result<NewSignal, ApiError> {
    let now = site.ctx.now();
    let occurred_at = report.occurred_at.unwrap_or(now);
    if occurred_at > Span::minutes(5).after(now) {
        return Err(ApiError::invalid("occurred_at", "occurred_at lies in the future"));
    }
    let plan = site.ctx.plan();
    if let Some(by) = &report.by {
        if !plan.roster.has(by) {
            return Err(ApiError::invalid("by", format!("{by} is not on the roster (salespeople.toml)")));
        }
        if !token.speaks_for(by) {
            let words = format!("the token {} may not report on behalf of {by}: add them to its `by`", token.called());
            return Err(ApiError::new(StatusCode::FORBIDDEN, words).at("by"));
        }
    }
    let detail = match (report.event, report.form, report.touch) {
        (Some(event), None, None) => {
            authorise(token, Right::Signals)?;
            Detail::Event { event, fields: report.fields }
        }
        (None, Some(form), None) => {
            authorise(token, Right::Forms)?;
            let confirmation = if token.may(Right::Confirmed) { Confirmation::Confirmed } else { Confirmation::Unconfirmed };
            if !report.email.is_public() || plan.is_own(&report.email) {
                return Err(ApiError::invalid("email", "nobody outside can answer from this address"));
            }
            let mut fields = report.fields.iter().map(|(name, value)| (clean::name(name), clean::value(value))).collect();
            let is_no = report.fields.iter().any(|(field, value)| says_no(field, value));
            form_fields::keep(&plan.qualifying, &plan.settings.fields, &form, &mut fields);
            form_fields::keep_no(&mut fields, is_no);
            Detail::form(form, fields, confirmation)
        }
        (None, None, Some(touch)) => {
            authorise(token, Right::Touches)?;
            if report.by.is_none() {
                return Err(ApiError::invalid("by", "a touch needs `by`: who logged it"));
            }
            let (proves, date, note) = (report.proves, report.date, report.note);
            Detail::Touch { touch, proves, contradicts: Vec::new(), date, not_before: None, note }
        }
        _ => return Err(ApiError::invalid("event", "exactly one of `event`, `form` and `touch` is needed")),
    };
    check_touch(&plan, &detail).map_err(|e| ApiError::invalid("proves", e.to_string()))?;
    Ok(NewSignal::reported(token.name.as_ref(), key, report.email, report.by, detail, occurred_at))
}
