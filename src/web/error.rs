//! Why a request is refused or failed: the one error type of every handler. It becomes a page, or JSON for the API, and is
//! logged here once if the fault is ours.

use super::page;
use crate::flow::context::FlowError;
use crate::store::engine::backend::StoreError;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::time::Duration;

/// After how many seconds a program may retry.
const RETRY_SECONDS: &str = "30";

/// Why a request is refused or failed.
#[derive(Debug)]
pub enum WebError {
    /// The link was not signed by us, was truncated, or points to a record that no longer exists.
    UnknownLink,
    /// The request is refused, with a status, the title of the page, and the reason.
    Refused(StatusCode, &'static str, String),
    /// Too much came: how long to wait, and of what.
    TooMany(Duration, &'static str),
    Failed(FlowError),
}

impl WebError {
    /// A request whose content is invalid.
    pub fn unreadable(title: &'static str, words: impl Into<String>) -> Self {
        Self::Refused(StatusCode::UNPROCESSABLE_ENTITY, title, words.into())
    }

    /// A link that was valid and no longer is.
    pub fn gone(title: &'static str, words: impl Into<String>) -> Self {
        Self::Refused(StatusCode::GONE, title, words.into())
    }
}

impl From<FlowError> for WebError {
    fn from(error: FlowError) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for WebError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        match self {
            Self::UnknownLink => page::say(
                StatusCode::NOT_FOUND,
                "This link does not lead anywhere",
                "It may have been cut in two by a mail program. Please open it again from the mail, or copy all of it.",
            ),
            Self::Refused(status, title, words) => page::say(status, title, &words),
            Self::TooMany(wait, what) => {
                let words = format!("{what} Nothing was changed. Please go back and send it again in {}.", in_words(wait));
                let page = page::say(StatusCode::TOO_MANY_REQUESTS, "A moment, please", &words);
                ([(header::RETRY_AFTER, whole_seconds(wait).to_string())], page).into_response()
            }
            Self::Failed(FlowError::Refused(words)) => {
                page::say(StatusCode::CONFLICT, "This is not possible now", &page::sentence(&words))
            }
            Self::Failed(FlowError::Missing(what)) => {
                page::say(StatusCode::NOT_FOUND, "Not found", &format!("We could not find {what}."))
            }
            Self::Failed(error) => {
                tracing::error!(%error, "request failed");
                let words = "Something on our side is not working. Nothing was changed.";
                let page = page::say(StatusCode::SERVICE_UNAVAILABLE, "Please try again", words);
                ([(header::RETRY_AFTER, RETRY_SECONDS)], page).into_response()
            }
        }
    }
}

/// A wait in whole seconds, rounded up.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// A wait as people say it, rounded up.
fn in_words(wait: Duration) -> String {
    match whole_seconds(wait).max(1) {
        1 => "a second".to_owned(),
        seconds @ ..60 => format!("{seconds} seconds"),
        60 => "a minute".to_owned(),
        seconds @ ..=3_600 => format!("{} minutes", seconds.div_ceil(60)),
        seconds => format!("{} hours", seconds.div_ceil(3_600)),
    }
}

/// The same error as JSON.
#[derive(Debug)]
pub struct ApiError(WebError);

impl ApiError {
    pub fn new(status: StatusCode, words: impl Into<String>) -> Self {
        Self(WebError::Refused(status, "", words.into()))
    }
}

impl From<FlowError> for ApiError {
    fn from(error: FlowError) -> Self {
        Self(WebError::Failed(error))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, words) = match self.0 {
            WebError::UnknownLink => (StatusCode::NOT_FOUND, "there is no such thing".to_owned()),
            WebError::Refused(status, _, words) => (status, words),
            WebError::TooMany(wait, what) => {
                (StatusCode::TOO_MANY_REQUESTS, format!("{what} Send it again in {}.", in_words(wait)))
            }
            WebError::Failed(error) => {
                tracing::error!(%error, "request failed");
                (StatusCode::SERVICE_UNAVAILABLE, "it could not be recorded; send it again with the same key".to_owned())
            }
        };
        (status, Json(json!({ "error": words }))).into_response()
    }
}
