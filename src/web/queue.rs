//! `GET /q/TOKEN`: a salesperson's personal queue, behind their own signed link.

use super::page;
use super::site::Site;
use crate::domain::id::Name;
use crate::domain::salesperson::link_number;
use crate::flow::agenda;
use crate::flow::dossier;
use crate::mail::token::Kind;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use minijinja::context;
use minijinja::value::{Serde, Value};

/// Shows the queue.
pub async fn show(State(site): State<Site>, Path(token): Path<String>) -> Response {
    let (plan, now) = (site.ctx.plan(), site.ctx.now());
    let Some(token) = site.ctx.signer().read(Kind::Queue, &token, "") else {
        return page::unknown_link();
    };
    let mut people = plan.roster.salespeople.iter().map(|s| &s.id).chain([&plan.roster.manager]);
    let Some(salesperson) = people.find(|id| link_number(id) == token.id).cloned() else {
        return page::unknown_link();
    };
    if i64::from(token.ordinal) < now.as_second() / 86_400 {
        let words = "Queue links work for thirty days. Open a newer one: every mail about a lead carries it.";
        return page::say(StatusCode::GONE, "This link has run out", words);
    }
    match items(&site, &salesperson).await {
        Ok(response) => response,
        Err(error) => page::failed(&error),
    }
}

async fn items(site: &Site, salesperson: &Name) -> Result<Response, crate::flow::context::FlowError> {
    let (plan, now) = (site.ctx.plan(), site.ctx.now());
    let mut tx = site.ctx.store().read().await?;
    let items = agenda::of(&site.ctx, &mut tx, salesperson, now).await?;
    let (name, _) = plan.roster.person(salesperson).unwrap_or((salesperson.as_str(), &plan.settings.smtp.return_path));
    let zone = dossier::zone_of(&plan, salesperson);
    Ok(page::show(
        StatusCode::OK,
        "page-queue.html",
        &zone,
        context! { name, items => Value::from(Serde(&items)), now => now.to_string() },
    ))
}
