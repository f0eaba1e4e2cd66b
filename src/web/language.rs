//! In which language a page speaks to a visitor: their own, if we know it; else the one their browser asks for, of those the company
//! speaks; else the company's.

use super::error::Said;
use super::page;
use super::rooms::Kind;
use super::site::Site;
use crate::domain::id::ProspectId;
use crate::domain::language::Language;
use crate::domain::settings::Organisation;
use crate::store::engine::backend::StoreError;
use crate::store::people::prospects;
use crate::text::message::Message;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

/// The field of a prospect that holds their language.
const FIELD: &str = "language";

/// The language of a visitor whom we do not know, or must not show that we know: a form is typed by anybody.
pub fn of_visitor(organisation: &Organisation, headers: &HeaderMap) -> Language {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let accepted = accepted.and_then(|value| Language::accepted(value, &organisation.languages));
    accepted.unwrap_or_else(|| organisation.language())
}

/// The language of a prospect who opened the link of their own mail. If the database does not say it, it is the visitor's.
pub async fn of_prospect(site: &Site, prospect: Option<ProspectId>, headers: &HeaderMap) -> Language {
    let known = match prospect {
        Some(prospect) => field(site, prospect).await.ok().flatten(),
        None => None,
    };
    let known = known.as_deref().and_then(Language::parse);
    known.unwrap_or_else(|| of_visitor(&site.ctx.plan().settings.organisation, headers))
}

async fn field(site: &Site, prospect: ProspectId) -> Result<Option<String>, StoreError> {
    prospects::field(&mut site.ctx.store().read().await?, prospect, FIELD).await
}

/// Says errors in the visitor's language: a layer over all routes.
pub async fn translate(State(site): State<Site>, request: Request, next: Next) -> Response {
    let language = of_visitor(&site.ctx.plan().settings.organisation, request.headers());
    let is_program = Kind::of(request.uri().path()) == Kind::Program;
    let response = next.run(request).await;
    let message = match response.extensions().get::<Said>() {
        Some(Said(message)) if language != Language::English => message.clone(),
        None if !is_program && is_bare(&response) => Message::Broken,
        _ => return response,
    };
    let (head, body) = page::tell(language, response.status(), &message).into_parts();
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(head.headers);
    Response::from_parts(parts, body)
}

/// Whether it is what the router says by itself of a request that it cannot read: a line of English, or nothing.
fn is_bare(response: &Response) -> bool {
    let statuses = [
        StatusCode::BAD_REQUEST,
        StatusCode::METHOD_NOT_ALLOWED,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        StatusCode::UNPROCESSABLE_ENTITY,
    ];
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    statuses.contains(&response.status()) && kind.is_none_or(|kind| kind.starts_with("text/plain"))
}
