//! `/healthz`: the process answers. `/readyz`: and the store does; there it also stands when no group mail is sent, and why.

use super::site::Site;
use crate::flow::group::gate;
use axum::extract::State;
use axum::http::StatusCode;

/// The process answers.
pub async fn live() -> &'static str {
    "ok\n"
}

/// The store answers too. That nothing is sent is said, and is no reason to take the web out of service: unsubscribes and
/// answers must still arrive.
pub async fn ready(State(site): State<Site>) -> (StatusCode, String) {
    match gate::state(&site.ctx).await {
        Ok(sending) => (
            StatusCode::OK,
            sending.why_not().map_or_else(|| "ready\n".to_owned(), |why| format!("ready\nnothing is sent: {why}\n")),
        ),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n".to_owned())
        }
    }
}
