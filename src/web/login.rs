//! Logging in to the API with a bearer token, or by a signature (Standard Webhooks). Wrong tokens are limited by the address they come
//! from, and logged without it and
//! without the token; a genuine one always passes, so that nobody can lock another system out. Guessing is hopeless with
//! secrets of 32 characters: the limit bounds what guessing costs us.

use super::error::ApiError;
use super::limits::Whose;
use super::site::Site;
use super::visitor::Visitor;
use crate::domain::api_token::{self, ApiToken, Right};
use crate::domain::door::Limit;
use crate::domain::id::fingerprint;
use crate::domain::signing_key::Signed;
use axum::http::{HeaderMap, StatusCode, header};
use std::time::Duration;

/// How many wrong tokens of one visitor are answered as such.
pub const WRONG: Limit = Limit { most: 10, within: Duration::from_mins(10) };

/// A system that calls.
#[derive(Debug, Clone)]
pub struct Caller {
    pub token: ApiToken,
    /// The id of a call that was signed: the same when it is sent again, and part of what was signed.
    pub message_id: Option<String>,
}

/// Who calls: by the signature of the call (Standard Webhooks) if it has one, else by its bearer token.
///
/// # Errors
/// Those of [`authenticate`]; 401 for a signature that is not genuine or not of these five minutes.
pub fn identify(site: &Site, headers: &HeaderMap, visitor: &Visitor, body: &[u8]) -> Result<Caller, ApiError> {
    let Some(signatures) = headers.get("webhook-signature") else {
        return Ok(Caller { token: authenticate(site, headers, visitor)?, message_id: None });
    };
    let plan = site.ctx.plan();
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (id, timestamp) = (header("webhook-id").unwrap_or_default(), header("webhook-timestamp").unwrap_or_default());
    let call = Signed { id, timestamp, body };
    let is_id = (1..=200).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    let found = signatures.to_str().ok().filter(|_| is_id);
    let found = found.and_then(|signatures| api_token::find_signer(&plan.settings.http.tokens, call, signatures));
    let refused = |words: &str| Err(ApiError::new(StatusCode::UNAUTHORIZED, words));
    match found {
        Some(_) if !call.is_timely(site.ctx.now()) => {
            refused("the webhook-timestamp lies more than five minutes from now: sign the call again, or set the clock")
        }
        Some(token) => Ok(Caller { token: token.clone(), message_id: Some(id.to_owned()) }),
        None => {
            site.limits.take(Whose::Logins(visitor.household), WRONG, site.ctx.clock().steady()).map_err(ApiError::too_many)?;
            tracing::warn!(visitor = fingerprint(&[&visitor.household.to_string()]), "wrong API signature");
            refused(
                "this webhook-signature is of no key that is known here: webhook-id, webhook-timestamp and the body are signed",
            )
        }
    }
}

/// The token of a request. What it may do is asked separately.
///
/// # Errors
/// 401 without a genuine token, 429 after too many wrong ones, 403 where there is no token at all.
pub fn authenticate(site: &Site, headers: &HeaderMap, visitor: &Visitor) -> Result<ApiToken, ApiError> {
    let plan = site.ctx.plan();
    let tokens = &plan.settings.http.tokens;
    if tokens.is_empty() {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "the API is closed: no [[http.token]] is configured"));
    }
    let Some(secret) = bearer(headers) else {
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "a bearer token is needed: Authorization: Bearer TOKEN"));
    };
    if let Some(token) = api_token::find(tokens, secret) {
        return Ok(token.clone());
    }
    site.limits.take(Whose::Logins(visitor.household), WRONG, site.ctx.clock().steady()).map_err(ApiError::too_many)?;
    tracing::warn!(visitor = fingerprint(&[&visitor.household.to_string()]), "wrong API token");
    Err(ApiError::new(StatusCode::UNAUTHORIZED, "this bearer token is not known here"))
}

/// The secret that a request carries as a bearer token (RFC 6750).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// Whether a request carries a token that may see what monitoring is told.
pub fn may_look(site: &Site, headers: &HeaderMap, visitor: &Visitor) -> bool {
    bearer(headers).is_some() && authenticate(site, headers, visitor).is_ok_and(|token| token.may(Right::Metrics))
}
