//! `POST /v1/signals`: another system reports a signal as JSON under a bearer token or a signature, once per
//! idempotency key of that token.

use super::error::ApiError;
use super::login::{Caller, identify};
use super::site::Site;
use super::visitor::Visitor;
use crate::domain::doorway::reported::Reported;
use crate::flow::doorway::api::{ApiKey, Called, report as take_report};
use crate::flow::doorway::observe::Observed;
use crate::flow::doorway::report;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use serde_json::json;
use sha2::{Digest, Sha256};

/// Records one signal.
pub async fn take(State(site): State<Site>, visitor: Visitor, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let caller = identify(&site, &headers, &visitor, &body)?;
    let key = key(&caller, &headers, "/v1/signals", &body)?.ok_or_else(|| {
        let words = "an Idempotency-Key header of 1 to 200 characters is needed: a repetition then counts once";
        ApiError::new(StatusCode::BAD_REQUEST, words)
    })?;
    let read: Reported = serde_json::from_slice(&body).map_err(|error| {
        ApiError::invalid(
            format!("line {}, column {}", error.line(), error.column()),
            format!("the body cannot be read: {error}"),
        )
    })?;
    let signal = report::signal(&site.ctx.plan(), &caller.token, read, &key.key, site.ctx.now())?;
    match take_report(&site.ctx, &key, signal).await? {
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

/// The idempotency key of a call, if it has one. It belongs to its token, and stands for one body of one route. That of a signed call
/// is its id: a header beside it is not signed, and would let a call that was overheard count again.
pub fn key(caller: &Caller, headers: &HeaderMap, route: &str, body: &[u8]) -> Result<Option<ApiKey>, ApiError> {
    let refused = |words| ApiError::new(StatusCode::BAD_REQUEST, words);
    let given = match headers.get("idempotency-key") {
        Some(value) => Some(
            value
                .to_str()
                .ok()
                .map(str::trim)
                .filter(|key| (1..=200).contains(&key.len()))
                .ok_or_else(|| refused("an Idempotency-Key has 1 to 200 visible ASCII characters"))?,
        ),
        None => None,
    };
    let key = match (&caller.message_id, given) {
        (Some(id), Some(given)) if id != given => {
            return Err(refused("the Idempotency-Key of a signed call is its webhook-id: leave it out"));
        }
        (Some(id), _) => id.as_str(),
        (None, Some(given)) => given,
        (None, None) => return Ok(None),
    };
    let token = &caller.token;
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
