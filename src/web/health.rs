//! `/healthz`: the process answers. `/readyz`: and the store does.

use super::site::Site;
use axum::extract::State;
use axum::http::StatusCode;

/// The process answers.
pub async fn live() -> &'static str {
    "ok\n"
}

/// The store answers too.
pub async fn ready(State(site): State<Site>) -> (StatusCode, &'static str) {
    match site.ctx.store().ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
