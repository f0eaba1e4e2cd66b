//! Pages: rendered from templates, without scripts, under a policy that allows none.

use crate::flow::context::FlowError;
use crate::text::template::{self, DARK, LOOK, PAGE};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::tz::TimeZone;
use minijinja::context;
use serde::Serialize;

/// No scripts, no frames, nothing from elsewhere; forms post back to us.
pub const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Renders a page.
pub fn show(status: StatusCode, name: &'static str, zone: &TimeZone, values: impl Serialize) -> Response {
    match template::render(name, zone, values) {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(page = name, %error, "page not rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be shown.").into_response()
        }
    }
}

/// A page that says one thing.
pub fn say(status: StatusCode, title: &str, words: &str) -> Response {
    show(status, "page-message.html", &TimeZone::UTC, context! { title, words })
}

/// The answer to a link that is not ours, is cut short, or points to what is gone.
pub fn unknown_link() -> Response {
    say(
        StatusCode::NOT_FOUND,
        "This link does not lead anywhere",
        "It may have been cut in two by a mail program. Please open it again from the mail, or copy all of it.",
    )
}

/// The answer when the house could not do it.
pub fn failed(error: &FlowError) -> Response {
    match error {
        FlowError::Refused(words) => say(StatusCode::CONFLICT, "This is not possible now", &sentence(words)),
        FlowError::Missing(what) => say(StatusCode::NOT_FOUND, "Not found", &format!("We could not find {what}.")),
        error => {
            tracing::error!(%error, "request failed");
            let mut response = say(
                StatusCode::SERVICE_UNAVAILABLE,
                "Please try again",
                "Something on our side is not working. Nothing was changed.",
            );
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
            response
        }
    }
}

/// The words of an error, which are a fragment, as a sentence.
pub fn sentence(words: &str) -> String {
    let mut rest = words.chars();
    let first: String = rest.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let end = if words.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", rest.as_str())
}

/// The style sheet of every page.
pub async fn look() -> Response {
    let css = format!("{LOOK}\n{PAGE}\n{DARK}");
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")], css).into_response()
}
