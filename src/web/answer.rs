//! `GET|POST /a/TOKEN`: an answer to a question of a newsletter. GET shows it; POST records it as declared evidence.

use super::page;
use super::site::{Found, Site};
use crate::domain::issue::Asked;
use crate::domain::question::Answer;
use crate::domain::signal::{About, Detail, NewSignal};
use crate::flow::observe::{Observed, observe};
use crate::mail::token::Kind;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;
use minijinja::context;
use serde::Deserialize;

/// What the page's form sends back.
#[derive(Debug, Deserialize)]
pub struct Posted {
    /// Which showing of the page: the same one posted twice is one answer.
    #[serde(default)]
    visit: String,
}

/// Shows the question and the answer chosen, and asks to confirm it. Scanners follow links; this changes nothing.
pub async fn show(State(site): State<Site>, Path(token): Path<String>) -> Response {
    match find(&site, &token).await {
        Ok((_, asked, answer)) => {
            let visit = site.ctx.now().as_millisecond().to_string();
            let values = context! { organisation => site.ctx.plan().settings.organisation.name.clone(), question => asked.question, answer => answer.say, visit };
            page::show(StatusCode::OK, "page-answer.html", &TimeZone::UTC, values)
        }
        Err(response) => *response,
    }
}

/// Records the answer.
pub async fn record(State(site): State<Site>, Path(token): Path<String>, Form(posted): Form<Posted>) -> Response {
    let (found, asked, answer) = match find(&site, &token).await {
        Ok(found) => found,
        Err(response) => return *response,
    };
    let Some(origin) = found.origin else { return page::unknown_link() };
    let Some(prospect) = origin.prospect else {
        return page::say(StatusCode::OK, "This was a test copy", "Your answer would be recorded now.");
    };
    let now = site.ctx.now();
    let visit: String = posted.visit.chars().filter(char::is_ascii_digit).take(20).collect();
    let signal = NewSignal {
        about: About::Prospect(prospect),
        once: format!("answer:{}:{}:{visit}", origin.id, found.token.ordinal),
        occurred_at: now,
        delivery: Some(origin.id),
        issue: Some(found.issue),
        by: None,
        machine: None,
        detail: Detail::Answer {
            criterion: asked.criterion,
            say: answer.say.clone(),
            date: answer.due.as_ref().map(|due| due.0.after(now).to_zoned(TimeZone::UTC).date()),
        },
    };
    match observe(&site.ctx, &[signal]).await.as_deref() {
        Ok([Observed::New(_) | Observed::Again]) => page::say(
            StatusCode::OK,
            "Thank you",
            &format!("We noted: “{}”. You can change it by choosing another answer in the mail.", answer.say),
        ),
        Ok(_) => page::unknown_link(),
        Err(error) => page::failed(error),
    }
}

async fn find(site: &Site, token: &str) -> Result<(Found, Asked, Answer), Box<Response>> {
    let found = match site.find(&[Kind::Answer], token).await {
        Ok(Some(found)) => found,
        Ok(None) => return Err(Box::new(page::unknown_link())),
        Err(error) => return Err(Box::new(page::failed(&error))),
    };
    let named = found.content.answer(found.token.ordinal).map(|(asked, answer)| (asked.clone(), answer.clone()));
    let (asked, answer) = named.ok_or_else(|| Box::new(page::unknown_link()))?;
    Ok((found, asked, answer))
}
