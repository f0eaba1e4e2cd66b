//! The bearer token that opens at the public listener what is otherwise told at the second one alone.

use super::site::Site;
use axum::http::{HeaderMap, header};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

/// Whether a request carries a token that may see what monitoring is told.
pub fn may_look(site: &Site, headers: &HeaderMap) -> bool {
    let plan = site.ctx.plan();
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let expected = plan.settings.http.api_token.as_ref();
    given.zip(expected).is_some_and(|(given, expected)| given.trim().as_bytes().ct_eq(expected.expose_secret().as_bytes()).into())
}
