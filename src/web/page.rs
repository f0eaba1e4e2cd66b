//! Pages: rendered from templates, without scripts, under a policy that allows none.

use crate::domain::language::Language;
use crate::text::message::Message;
use crate::text::template::{self, DARK, LOOK, PAGE};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::tz::TimeZone;
use minijinja::context;
use serde::Serialize;

/// Allows no scripts, no frames and no content from other hosts; forms post back to this service.
pub const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Renders a page for a salesperson, in English.
pub fn show(status: StatusCode, name: &'static str, zone: &TimeZone, values: impl Serialize) -> Response {
    rendered(Language::English, status, name, zone, values)
}

/// Renders a page for a visitor, in their language.
pub fn speak(language: Language, status: StatusCode, name: &'static str, values: impl Serialize) -> Response {
    rendered(language, status, name, &TimeZone::UTC, values)
}

/// A page with one message to a visitor.
pub fn tell(language: Language, status: StatusCode, message: &Message) -> Response {
    let (title, words) = (message.title(language), message.words(language));
    speak(language, status, "page-message.html", context! { title, words })
}

fn rendered(language: Language, status: StatusCode, name: &'static str, zone: &TimeZone, values: impl Serialize) -> Response {
    match template::render_in(language, name, zone, values) {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(page = name, %error, "page not rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be shown.").into_response()
        }
    }
}

/// A page with a title and one message to a salesperson.
pub fn say(status: StatusCode, title: &str, words: &str) -> Response {
    show(status, "page-message.html", &TimeZone::UTC, context! { title, words })
}

/// The text of an error, which is a fragment, as a sentence.
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
