//! `/healthz`: the process answers. `/readyz`: the store answers too; it also reports whether group mail is stopped, and
//! why.

use super::site::Site;
use crate::flow::group::gate;
use axum::extract::State;
use axum::http::StatusCode;

/// Says that the process answers.
pub async fn live() -> &'static str {
    "ok\n"
}

/// Whether the store answers. Stopped mail is reported, but the service stays ready: unsubscribes and answers must still
/// arrive.
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
