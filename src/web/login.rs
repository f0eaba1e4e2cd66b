//! Logging in to the API with a bearer token. Wrong tokens are limited by the address they come from, and logged without it and
//! without the token; a genuine one always passes, so that nobody can lock another system out. Guessing is hopeless with
//! secrets of 32 characters: the limit bounds what guessing costs us.

use super::error::ApiError;
use super::limits::Whose;
use super::site::Site;
use super::visitor::Visitor;
use crate::domain::api_token::{self, ApiToken, Right};
use crate::domain::door::Limit;
use crate::domain::id::fingerprint;
use axum::http::{HeaderMap, StatusCode, header};
use std::time::Duration;

/// How many wrong tokens of one visitor are answered as such.
pub const WRONG: Limit = Limit { most: 10, within: Duration::from_mins(10) };

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
pub fn may_look(site: &Site, headers: &HeaderMap, visitor: &Visitor) -> bool {
    bearer(headers).is_some() && authenticate(site, headers, visitor).is_ok_and(|token| token.may(Right::Metrics))
}
