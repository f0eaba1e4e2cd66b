//! Logging in to the API with a bearer token. Wrong tokens are limited by the address they come from, and logged without it and
//! without the token; a genuine one always passes, so that nobody can lock another system out. Guessing is hopeless with
//! secrets of 32 characters: the limit bounds what guessing costs us.

use super::error::ApiError;
use super::failed_logins::MOST_FAILURES;
use super::site::Site;
use super::visitor;
use crate::domain::api_token::{self, ApiToken, Right};
use crate::domain::id::fingerprint;
use axum::http::{HeaderMap, StatusCode, header};
use std::net::IpAddr;

/// The token of a request. What it may do is asked separately.
///
/// # Errors
/// 401 without a genuine token, 429 after too many wrong ones, 403 where there is no token at all.
pub fn authenticate(site: &Site, headers: &HeaderMap, from: IpAddr) -> Result<ApiToken, ApiError> {
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
    let (now, from) = (site.ctx.now(), visitor::address(from, headers, &plan.settings.http.door.trusted_proxies));
    let (failures, until) = site.logins.count(from, now);
    let visitor = fingerprint(&[&from.to_string()]);
    match failures {
        ..MOST_FAILURES => tracing::warn!(visitor, failures, "wrong API token"),
        MOST_FAILURES => tracing::warn!(visitor, failures, %until, "wrong API token; the next ones are refused and not logged"),
        _ => {
            let seconds = until.duration_since(now).as_secs().max(1);
            return Err(ApiError::too_many(seconds, format!("too many wrong tokens: try again in {seconds} seconds")));
        }
    }
    Err(ApiError::new(StatusCode::UNAUTHORIZED, "this bearer token is not known here"))
}

/// The secret that a request carries as a bearer token (RFC 6750).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// Checks that a token has a right.
///
/// # Errors
/// 403, naming the right.
pub fn authorise(token: &ApiToken, right: Right) -> Result<(), ApiError> {
    if token.may(right) {
        return Ok(());
    }
    let words = format!("the token {} lacks the right \"{right}\": add it to its `may`", token.called());
    Err(ApiError::new(StatusCode::FORBIDDEN, words))
}

/// Whether a request carries a token that may see what monitoring is told.
pub fn may_look(site: &Site, headers: &HeaderMap) -> bool {
    let plan = site.ctx.plan();
    let token = bearer(headers).and_then(|secret| api_token::find(&plan.settings.http.tokens, secret));
    token.is_some_and(|token| token.may(Right::Metrics))
}
