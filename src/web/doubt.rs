//! `GET|POST /d/TOKEN`: what a reply leaves open, asked of whoever it was passed on to. GET shows; POST records their word, once. Scanners
//! open links, and some press buttons: a visitor who names itself a program answers nothing.

use super::error::WebError;
use super::page;
use super::site::Site;
use super::visitor::Visitor;
use crate::domain::doorway::doubt::Doubt;
use crate::domain::doorway::machine::Machine;
use crate::flow::individual::dossier;
use crate::flow::individual::returned::doubt::{self, Asked, Found};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use minijinja::context;
use minijinja::value::{Serde, Value};

/// Shows the reply and the question.
pub async fn show(State(site): State<Site>, Path(token): Path<String>) -> Result<Response, WebError> {
    let found = doubt::find(&site.ctx, &mut site.ctx.store().read().await?, &token).await?;
    open(found).map(|asked| ask(&site, &asked))
}

/// Records the answer of a button.
pub async fn answer(
    State(site): State<Site>,
    Path(token): Path<String>,
    visitor: Visitor,
    body: Bytes,
) -> Result<Response, WebError> {
    let said: Vec<(String, String)> = serde_urlencoded::from_bytes(&body).unwrap_or_default();
    let yes = match said.iter().find(|(field, _)| field == "answer").map(|(_, value)| value.as_str()) {
        Some("yes") => true,
        Some("no") => false,
        _ => return show(State(site), Path(token)).await,
    };
    if Machine::of_agent(visitor.agent()).is_some() {
        return show(State(site), Path(token)).await;
    }
    let asked = open(doubt::answer(&site.ctx, &token, yes).await?)?;
    let words = match (asked.doubt, yes) {
        (Doubt::Request, true) => {
            "It is a request now, as your word, and goes the way of every other. If it was a mistake, return the lead from its page."
        }
        (Doubt::Wish, true) => {
            "No more newsletters go to them, and that is confirmed to them. If it was a mistake, whoever runs nurtured can lift it: \
             nurtured suppress remove."
        }
        (_, false) => "It is recorded, and nothing else changes.",
    };
    Ok(page::say(StatusCode::OK, "Thank you", words))
}

/// What is asked, if it is still open.
fn open(found: Found) -> Result<Box<Asked>, WebError> {
    match found {
        Found::Asked(asked) if asked.is_answered => {
            Err(WebError::gone("It was answered", "The first answer counts. Nothing was changed now."))
        }
        Found::Asked(asked) => Ok(asked),
        Found::Unknown => Err(WebError::UnknownLink),
        Found::Lost => Err(WebError::gone("We no longer have this reply", "There is nothing left to answer here.")),
        Found::RunOut => {
            Err(WebError::gone("This link has run out", "Such links work for thirty days. Answer the person themselves."))
        }
    }
}

fn ask(site: &Site, asked: &Asked) -> Response {
    let zone = dossier::zone_of(&site.ctx.plan(), &asked.reader);
    let values = context! {
        prospect => asked.prospect.display_name(),
        company => asked.prospect.company.clone(),
        doubt => Value::from(Serde(&asked.doubt)),
        subject => asked.subject.clone(),
        text => asked.text.clone(),
        at => asked.at().to_string(),
    };
    page::show(StatusCode::OK, "page-doubt.html", &zone, values)
}
