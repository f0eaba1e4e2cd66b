//! In which language a page speaks to a visitor: their own, if we know it; else the one their browser asks for, of those the company
//! speaks; else the company's.

use super::error::Said;
use super::page;
use super::site::Site;
use crate::domain::id::ProspectId;
use crate::domain::language::Language;
use crate::domain::settings::Organisation;
use crate::store::engine::backend::StoreError;
use crate::store::people::prospects;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
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
    let response = next.run(request).await;
    match response.extensions().get::<Said>() {
        Some(Said(message)) if language != Language::English => {
            let page = page::tell(language, response.status(), message);
            let (mut parts, _) = response.into_parts();
            parts.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(parts, page.into_body())
        }
        _ => response,
    }
}
