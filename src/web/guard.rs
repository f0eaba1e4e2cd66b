//! The guard before every route: how large a request may be, how long its body may take, how many are worked on at once and how
//! many bytes they hold. An unsubscribe is let past what the others wait for.

use super::connections::Doing;
use super::error::{ApiError, WebError};
use super::rooms::{Kind, MOST_BYTES, Room};
use super::site::Site;
use crate::domain::language::Language;
use crate::text::message::Message;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, TryAcquireError};
use tokio::time::timeout;

/// How long a body may take, from its first byte to its last.
const BODY: Duration = Duration::from_secs(10);
/// How long a path may be; the longest of ours has a form's name in it.
const LONGEST_PATH: usize = 512;

/// Lets a request in, with its body read, or says why not.
pub async fn guard(State(site): State<Site>, request: Request, next: Next) -> Response {
    let kind = Kind::of(request.uri().path());
    let doing = request.extensions().get::<Doing>().cloned();
    let (request, held) = match enter(&site, kind, request).await {
        Ok(entered) => entered,
        Err(refused) => return refused.into_response(kind),
    };
    // From here on the connection is not closed for another one's sake.
    let working = doing.as_ref().map(Doing::work);
    let answered = next.run(request).await;
    drop((held, working));
    answered
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    LongPath,
    /// It asks for another host's page.
    Misdirected,
    /// It says in two ways, or in no way that we read, where its body ends.
    Unmeasured,
    TooLarge,
    TooSlow,
    Broken,
    Full,
}

impl Refused {
    fn into_response(self, kind: Kind) -> Response {
        let (status, message) = match (self, kind) {
            (Self::LongPath, _) => (StatusCode::URI_TOO_LONG, Message::LongLink),
            (Self::Misdirected, _) => (StatusCode::MISDIRECTED_REQUEST, Message::OtherHost),
            (Self::Unmeasured, _) => (StatusCode::LENGTH_REQUIRED, Message::Unmeasured),
            (Self::TooLarge, Kind::Form) => (StatusCode::PAYLOAD_TOO_LARGE, Message::FormTooLarge),
            (Self::TooLarge, _) => (StatusCode::PAYLOAD_TOO_LARGE, Message::TooLarge),
            (Self::TooSlow, _) => (StatusCode::REQUEST_TIMEOUT, Message::TooSlow),
            (Self::Broken, _) => (StatusCode::BAD_REQUEST, Message::Broken),
            (Self::Full, _) => (StatusCode::SERVICE_UNAVAILABLE, Message::TooMany { minutes: 1 }),
        };
        let mut response = match (kind, self) {
            (Kind::Program, Self::TooLarge) => {
                ApiError::new(status, "the body is too large: send it in several calls").into_response()
            }
            (Kind::Program, _) => ApiError::new(status, message.words(Language::English)).into_response(),
            _ => WebError::Told(status, message).into_response(),
        };
        if self == Self::Full {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        // What is still on its way would be read as the next request.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// A room's share, given back when it is dropped.
type Held = Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>;

async fn enter(site: &Site, kind: Kind, request: Request) -> Result<(Request, Held), Refused> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > LONGEST_PATH {
        return Err(Refused::LongPath);
    }
    let ours = |host: &str| site.ctx.plan().settings.host().eq_ignore_ascii_case(host);
    if request.uri().host().is_some_and(|host| !ours(host)) {
        return Err(Refused::Misdirected);
    }
    let length = length(request.headers(), kind)?;
    if kind != Kind::Unsubscribe && length.is_some_and(|length| length > MOST_BYTES as u64) {
        return Err(Refused::TooLarge);
    }
    let full = |_: TryAcquireError| Refused::Full;
    let room = site.rooms.of(kind);
    let (parts, body) = request.into_parts();
    let mut held = room.map(|room| room.bytes.clone().try_acquire_many_owned(0)).transpose().map_err(full)?;
    let read = timeout(BODY, read(body, kind, room, &mut held)).await;
    let body = read.map_err(|_| Refused::TooSlow)??;
    // Room is taken once the body is there: a slow sender keeps nobody out.
    let place = match room {
        Some(room) => {
            Some(timeout(BODY, room.requests.clone().acquire_owned()).await.ok().and_then(Result::ok).ok_or(Refused::Full)?)
        }
        None => None,
    };
    Ok((Request::from_parts(parts, Body::from(body)), place.zip(held)))
}

/// The length a request says it has.
///
/// A transfer encoding is taken from programs alone, and from whoever unsubscribes: browsers send none with a form, and with it
/// two servers in a row can be made to disagree about where a request ends (RFC 9112, 11.2).
fn length(headers: &HeaderMap, kind: Kind) -> Result<Option<u64>, Refused> {
    if headers.contains_key(header::TRANSFER_ENCODING) && !matches!(kind, Kind::Program | Kind::Unsubscribe) {
        return Err(Refused::Unmeasured);
    }
    match headers.get(header::CONTENT_LENGTH) {
        Some(value) => value.to_str().ok().and_then(|text| text.parse().ok()).map(Some).ok_or(Refused::Broken),
        None => Ok(None),
    }
}

/// Reads a body, taking room for each part of it as it comes. One that is too large is read to its end, up to a point, and not
/// kept: who is cut off in the middle of sending sees no answer.
async fn read(body: Body, kind: Kind, room: Option<&Room>, held: &mut Option<OwnedSemaphorePermit>) -> Result<Bytes, Refused> {
    let mut parts = body.into_data_stream();
    let (mut whole, mut seen) = (Vec::new(), 0);
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| Refused::Broken)?;
        seen += part.len();
        if seen > MOST_BYTES {
            break;
        }
        if kind == Kind::Unsubscribe {
            whole.extend_from_slice(&part[..part.len().min(kind.most() - whole.len())]);
        } else if seen <= kind.most() {
            if let Some((room, held)) = room.zip(held.as_mut()) {
                let more = u32::try_from(part.len()).map_err(|_| Refused::TooLarge)?;
                held.merge(room.bytes.clone().try_acquire_many_owned(more).map_err(|_| Refused::Full)?);
            }
            whole.extend_from_slice(&part);
        }
    }
    if seen > kind.most() && kind != Kind::Unsubscribe { Err(Refused::TooLarge) } else { Ok(whole.into()) }
}
