//! All routes. Tracked links have their own HEAD route, so that a HEAD is not recorded as a GET.

use super::error::{ApiError, WebError};
use super::rooms::Kind;
use super::site::Site;
use super::{
    answer, api, api_prospects, click, confirm, doubt, form, form_guard, guard, handoff, headers, health, hook, inside, language,
    metrics, openapi, page, preferences, queue, unsubscribe,
};
use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

/// Every route of the public listener, behind the guard and with the headers every answer carries.
pub fn router(site: Site) -> Router {
    Router::new()
        .route("/c/{token}", get(click::follow).head(click::follow))
        .route("/a/{token}", get(answer::show).post(answer::record))
        .route("/u", get(unsubscribe::show_field).post(unsubscribe::stop_typed))
        .route("/u/", get(unsubscribe::show_field).post(unsubscribe::stop_typed))
        .route("/u/{token}", get(unsubscribe::show).post(unsubscribe::stop))
        .route("/p/{token}", get(preferences::show).post(preferences::change))
        .route("/f/{name}", get(form::lead).merge(post(form::take).layer(from_fn_with_state(site.clone(), form_guard::limit))))
        .route("/f/{name}/stamp", get(form_guard::stamp))
        .route("/k/{token}", get(confirm::show).post(confirm::confirm))
        .route("/v1/signals", post(api::take))
        .route("/v1/prospects", post(api_prospects::take))
        .route(openapi::PATH, get(openapi::show))
        .route("/hooks/{provider}", post(hook::take))
        .route("/h/{token}", get(handoff::show).post(handoff::answer))
        .route("/d/{token}", get(doubt::show).post(doubt::answer))
        .route("/q/{token}", get(queue::show).post(queue::press))
        .route("/q/{token}/{list}", get(queue::show_list))
        .route("/look.css", get(page::look))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show).layer(from_fn_with_state(site.clone(), inside::only_with_token)))
        .fallback(nowhere)
        .method_not_allowed_fallback(otherwise)
        .layer(from_fn_with_state(site.clone(), guard::guard))
        .layer(from_fn_with_state(site.clone(), language::translate))
        .layer(from_fn_with_state(site.clone(), headers::add))
        .with_state(site)
}

async fn nowhere(uri: Uri) -> Response {
    match Kind::of(uri.path()) {
        Kind::Program => ApiError::new(StatusCode::NOT_FOUND, "there is no such route").into_response(),
        _ => WebError::UnknownLink.into_response(),
    }
}

async fn otherwise(uri: Uri) -> Response {
    match Kind::of(uri.path()) {
        Kind::Program => ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this route takes another method").into_response(),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}
