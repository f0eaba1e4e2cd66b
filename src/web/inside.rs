//! What only our own monitoring is told: figures, and why nothing is sent. It has a listener of its own
//! (`http.metrics_listen`); at the public one, a bearer token opens the same.

use super::login::may_look;
use super::site::Site;
use super::visitor::Visitor;
use super::{health, metrics};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// The routes of the second listener.
pub fn inside(site: Site) -> Router {
    Router::new()
        .route("/metrics", get(metrics::show))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready_and_why))
        .with_state(site)
}

/// Lets only those in who may look.
pub async fn only_with_token(State(site): State<Site>, visitor: Visitor, request: Request, next: Next) -> Response {
    if may_look(&site, request.headers(), &visitor) {
        return next.run(request).await;
    }
    let words = "This is for monitoring: ask at http.metrics_listen, or with a bearer token.\n";
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], words).into_response()
}
