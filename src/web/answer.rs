//! `GET|POST /a/TOKEN`: an answer to a newsletter's question. GET shows it; POST records it as declared evidence, and then
//! asks at most two more questions to which that person has no known answer. Their answers are recorded too, and the page
//! asks no more.

use super::error::WebError;
use super::site::{Found, Site};
use super::{language, page};
use crate::domain::criterion::{Criterion, Verdict};
use crate::domain::doorway::new_signal::AskedIn;
use crate::domain::doorway::signal::{Detail, NewSignal};
use crate::domain::group::issue::PrintedQuestion;
use crate::domain::id::ProspectId;
use crate::domain::language::Language;
use crate::domain::plan::Plan;
use crate::domain::question::Answer;
use crate::flow::context::FlowError;
use crate::flow::doorway::assess;
use crate::flow::doorway::observe::{Observed, observe};
use crate::mail::token::Kind;
use crate::text::message::Message;
use crate::text::words;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;

/// How many more questions the page asks.
const MORE: usize = 2;

/// What the page's forms send back.
#[derive(Debug, Default)]
struct Posted {
    /// Identifies one showing of the page: posting it twice records one answer.
    visit: String,
    /// Answers to the further questions, by number.
    more: Vec<(Criterion, usize)>,
    /// Whether the form of the further questions was posted.
    is_more: bool,
}

impl Posted {
    /// Reads the fields; a field that our forms do not have is dropped.
    fn read(body: &[u8]) -> Self {
        let mut posted = Self::default();
        let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(body).unwrap_or_default();
        for (key, value) in pairs.into_iter().take(20) {
            match (key.as_str(), Criterion::parse(&key)) {
                ("visit", _) => posted.visit = value.chars().filter(char::is_ascii_digit).take(20).collect(),
                ("more", _) => posted.is_more = true,
                (_, Some(criterion)) if posted.more.len() < MORE && posted.more.iter().all(|(c, _)| *c != criterion) => {
                    posted.more.extend(value.parse().ok().map(|number| (criterion, number)));
                }
                _ => {}
            }
        }
        posted
    }
}

/// A further question, as the page shows it.
#[derive(Serialize)]
struct Further {
    criterion: Criterion,
    question: String,
    answers: Vec<String>,
}

/// Shows the question and the chosen answer, and asks to confirm it. It changes nothing, because scanners follow links.
pub async fn show(State(site): State<Site>, Path(token): Path<String>, headers: HeaderMap) -> Result<Response, WebError> {
    let (found, asked, answer) = find(&site, &token).await?;
    let language = language::of_prospect(&site, found.origin.and_then(|origin| origin.prospect), &headers).await;
    let visit = site.ctx.now().as_millisecond().to_string();
    let organisation = site.ctx.plan().settings.organisation.name.clone();
    let values = context! { organisation, question => asked.question, answer => answer.say, visit };
    Ok(page::speak(language, StatusCode::OK, "page-answer.html", values))
}

/// Records the answer, or the answers to the further questions.
pub async fn record(
    State(site): State<Site>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, WebError> {
    let (found, asked, answer) = find(&site, &token).await?;
    let origin = found.origin.as_ref().ok_or(WebError::UnknownLink)?;
    let language = language::of_prospect(&site, origin.prospect, &headers).await;
    let Some(prospect) = origin.prospect else {
        return Ok(page::tell(language, StatusCode::OK, &Message::TestCopyAnswer));
    };
    let (plan, now) = (site.ctx.plan(), site.ctx.now());
    let posted = Posted::read(&body);
    let visit = posted.visit.as_str();
    let mail = origin.mailed();
    let signals: Vec<NewSignal> = if posted.is_more {
        // The question of the mail has its own links, so the form of further questions cannot answer it.
        let chosen = posted.more.iter().filter(|(criterion, _)| *criterion != asked.criterion);
        let named = chosen
            .filter_map(|(criterion, number)| Some((*criterion, plan.qualifying.criteria[*criterion].answers.get(*number)?)));
        named.map(|(criterion, answer)| NewSignal::answer(mail, criterion, answer, AskedIn::Page { visit }, now)).collect()
    } else {
        let asked_in = AskedIn::Mail { link: found.token.ordinal, visit };
        vec![NewSignal::answer(mail, asked.criterion, &answer, asked_in, now)]
    };
    if signals.is_empty() {
        return Ok(page::tell(language, StatusCode::OK, &Message::NothingMore));
    }
    if observe(&site.ctx, &signals).await?.contains(&Observed::Unknown) {
        return Err(WebError::UnknownLink);
    }
    Ok(thank(&site, &plan, (prospect, language), &asked, &signals, posted.is_more).await)
}

/// Thanks the visitor, and asks further questions whose answer is not known yet.
async fn thank(
    site: &Site,
    plan: &Plan,
    (prospect, language): (ProspectId, Language),
    asked: &PrintedQuestion,
    signals: &[NewSignal],
    was_more: bool,
) -> Response {
    let said: Vec<String> = signals
        .iter()
        .filter_map(|s| if let Detail::Answer { say, .. } = &s.detail { Some(say.as_str()) } else { None })
        .map(|answer| words::say(language, "quoted", &[("text", answer.into())]))
        .collect();
    let said = said.join(", ");
    let further = if was_more { Vec::new() } else { unknown(site, plan, prospect, asked.criterion).await.unwrap_or_default() };
    let visit = site.ctx.now().as_millisecond().to_string();
    let organisation = plan.settings.organisation.name.clone();
    let values = context! { organisation, said, was_more, visit, further => Value::from(Serde(&further)) };
    page::speak(language, StatusCode::OK, "page-answered.html", values)
}

/// The questions without a known answer for this person, or whose answer has lapsed: unknown ones first.
async fn unknown(site: &Site, plan: &Plan, prospect: ProspectId, but: Criterion) -> Result<Vec<Further>, FlowError> {
    let mut tx = site.ctx.store().read().await?;
    let (found, _) = assess::assess(&mut tx, plan, prospect, site.ctx.now()).await?;
    let with = |verdict| found.findings().iter().filter(move |(_, f)| f.verdict == verdict).map(|(criterion, _)| criterion);
    let open = with(Verdict::Unknown).chain(with(Verdict::Expired)).filter(|criterion| *criterion != but);
    let further = open.filter_map(|criterion| {
        let rules = &plan.qualifying.criteria[criterion];
        let answers: Vec<String> = rules.answers.iter().map(|answer| answer.say.clone()).collect();
        (!answers.is_empty()).then(|| Further { criterion, question: rules.question.clone(), answers })
    });
    Ok(further.take(MORE).collect())
}

async fn find(site: &Site, token: &str) -> Result<(Found, PrintedQuestion, Answer), WebError> {
    let found = site.find(&[Kind::Answer], token).await?;
    let (asked, answer) = found.content.answer(found.token.ordinal).ok_or(WebError::UnknownLink)?;
    let (asked, answer) = (asked.clone(), answer.clone());
    Ok((found, asked, answer))
}
