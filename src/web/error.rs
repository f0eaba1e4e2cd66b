//! Why a request is refused or failed: the one error type of every handler. It becomes a page, or JSON for the API, and is
//! logged here once if the fault is ours.

use super::page;
use crate::domain::language::Language;
use crate::flow::context::FlowError;
use crate::flow::doorway::report::Refused;
use crate::store::engine::backend::StoreError;
use crate::text::message::Message;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::time::Duration;

/// After how many seconds a program may retry.
const RETRY_SECONDS: &str = "30";

/// Why a request is refused or failed.
#[derive(Debug)]
pub enum WebError {
    /// The link was not signed by us, was truncated, or points to a record that no longer exists.
    UnknownLink,
    /// A visitor's request is refused.
    Told(StatusCode, Message),
    /// A salesperson's request is refused, with a status, the title of the page, and the reason.
    Refused(StatusCode, &'static str, String),
    /// Too much came: how long to wait.
    TooMany(Duration),
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

/// What the page of an error says, kept beside the page: where it arises, the visitor's language is not known.
#[derive(Debug, Clone)]
pub struct Said(pub Message);

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        match self {
            Self::UnknownLink => told(StatusCode::NOT_FOUND, Message::UnknownLink),
            Self::Told(status, message) => told(status, message),
            Self::Refused(status, title, words) => page::say(status, title, &words),
            Self::TooMany(wait) => {
                let minutes = u32::try_from(whole_seconds(wait).div_ceil(60)).unwrap_or(u32::MAX).max(1);
                let page = told(StatusCode::TOO_MANY_REQUESTS, Message::TooMany { minutes });
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
                let page = told(StatusCode::SERVICE_UNAVAILABLE, Message::Unavailable);
                ([(header::RETRY_AFTER, RETRY_SECONDS)], page).into_response()
            }
        }
    }
}

fn told(status: StatusCode, message: Message) -> Response {
    let mut response = page::tell(Language::English, status, &message);
    response.extensions_mut().insert(Said(message));
    response
}

/// A wait in whole seconds, rounded up.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// Why a call of the API is refused or failed, as a problem (RFC 9457): what, and where in the body.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    error: String,
    place: Option<String>,
    retry_seconds: Option<String>,
    /// Further members of the problem.
    more: Option<Value>,
}

impl ApiError {
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), place: None, retry_seconds: None, more: None }
    }

    /// The content of the body is refused, at this key of it: `fields.budget`.
    pub fn invalid(place: impl Into<String>, error: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error).at(place)
    }

    /// With the key of the body that it is about.
    #[must_use]
    pub fn at(self, place: impl Into<String>) -> Self {
        Self { place: Some(place.into()), ..self }
    }

    /// With further members: what became of each part of the body.
    #[must_use]
    pub fn with(self, more: Value) -> Self {
        Self { more: Some(more), ..self }
    }

    /// Too many wrong tokens came: how long to wait.
    pub fn too_many(wait: Duration) -> Self {
        let seconds = whole_seconds(wait);
        let words = format!("too many wrong tokens: try again in {seconds} seconds");
        Self { retry_seconds: Some(seconds.to_string()), ..Self::new(StatusCode::TOO_MANY_REQUESTS, words) }
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let status = if refused.is_forbidden { StatusCode::FORBIDDEN } else { StatusCode::UNPROCESSABLE_ENTITY };
        let error = Self::new(status, refused.words);
        if refused.place.is_empty() { error } else { error.at(refused.place) }
    }
}

impl From<FlowError> for ApiError {
    fn from(error: FlowError) -> Self {
        tracing::error!(%error, "request failed");
        let words = "it could not be recorded; send it again with the same key";
        Self { retry_seconds: Some(RETRY_SECONDS.to_owned()), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, words) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        // The type says that the status says it all (RFC 9457, 4.2.1).
        let title = self.status.canonical_reason().unwrap_or("Error");
        let mut body = json!({ "type": "about:blank", "title": title, "status": self.status.as_u16(), "detail": self.error });
        if let Some(place) = self.place {
            body["where"] = place.into();
        }
        if let (Value::Object(body), Some(Value::Object(more))) = (&mut body, self.more) {
            body.extend(more);
        }
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(value) = self.retry_seconds.and_then(|seconds| HeaderValue::from_str(&seconds).ok()) {
            headers.insert(header::RETRY_AFTER, value);
        }
        response
    }
}
