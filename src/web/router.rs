//! All routes. Tracked links have their own HEAD route, so that a HEAD is not recorded as a GET.

use super::error::WebError;
use super::site::Site;
use super::{answer, api, click, confirm, form, handoff, health, metrics, page, queue, unsubscribe};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, header};
use axum::routing::{get, post};
use tower_http::set_header::SetResponseHeaderLayer;

/// The largest request body accepted, in bytes.
const MOST_BYTES: usize = 512 * 1024;

/// Every route, with the headers every answer carries.
pub fn router(site: Site) -> Router {
    let always =
        |name: HeaderName, value: &'static str| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    Router::new()
        .route("/c/{token}", get(click::follow).head(click::follow))
        .route("/a/{token}", get(answer::show).post(answer::record))
        .route("/u/{token}", get(unsubscribe::show).post(unsubscribe::stop))
        .route("/f/{name}", get(form::lead).post(form::take))
        .route("/k/{token}", get(confirm::show).post(confirm::confirm))
        .route("/v1/signals", post(api::take))
        .route("/h/{token}", get(handoff::show).post(handoff::answer))
        .route("/q/{token}", get(queue::show).post(queue::press))
        .route("/q/{token}/{list}", get(queue::show_list))
        .route("/look.css", get(page::look))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .fallback(nowhere)
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .layer(always(header::CONTENT_SECURITY_POLICY, page::POLICY))
        .layer(always(header::REFERRER_POLICY, "no-referrer"))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(header::CACHE_CONTROL, "no-store"))
        .with_state(site)
}

async fn nowhere() -> WebError {
    WebError::UnknownLink
}
