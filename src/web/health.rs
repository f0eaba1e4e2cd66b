//! `/healthz`: the process answers. `/readyz`: the store answers too; monitoring is also told whether group mail is stopped,
//! and why.

use super::login::may_look;
use super::site::Site;
use super::visitor::Visitor;
use crate::flow::group::gate;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

/// Says that the process answers.
pub async fn live() -> &'static str {
    "ok\n"
}

/// Whether the store answers. Only who may look is told more.
pub async fn ready(state: State<Site>, visitor: Visitor, headers: HeaderMap) -> (StatusCode, String) {
    let why = may_look(&state, &headers, &visitor);
    let (status, words) = ready_and_why(state).await;
    let first = words.lines().next().unwrap_or_default();
    match (why, status) {
        (true, _) => (status, words),
        (false, StatusCode::OK) => (status, format!("{first}\n")),
        (false, _) => (status, "not ready\n".to_owned()),
    }
}

/// Whether the store answers, and why nothing is sent. Stopped mail is reported, but the service stays ready: unsubscribes
/// and answers must still arrive.
pub async fn ready_and_why(State(site): State<Site>) -> (StatusCode, String) {
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
