//! The headers that every answer carries, whatever it is.

use super::page;
use super::site::Site;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");

/// What every answer carries unless it says otherwise itself.
const ALWAYS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, page::POLICY),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    // Nothing of a browser is used.
    (PERMISSIONS_POLICY, "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"),
    // A link with a token is nobody else's to find.
    (X_ROBOTS_TAG, "noindex, nofollow, noarchive"),
];
/// A year, of this host alone: what stands beside it in the domain is not ours to promise (RFC 6797).
const HSTS: &str = "max-age=31536000";

/// Adds the headers to an answer.
pub async fn add(State(site): State<Site>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if site.ctx.plan().settings.public_url.starts_with("https://") {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    response
}
