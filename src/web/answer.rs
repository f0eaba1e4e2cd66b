//! `GET|POST /a/TOKEN`: an answer to a newsletter's question. GET shows it; POST records it as declared evidence, and then
//! asks at most two more questions to which that person has no known answer. Their answers are recorded too, once, and the
//! page asks no more.
//!
//! A POST counts only from a page that we have shown (`visit`): whoever comes without is shown it. What a machine posts is
//! recorded as a machine's.

use super::error::WebError;
use super::limits::Whose;
use super::site::{Found, Site};
use super::visit::Visit;
use super::visitor::Visitor;
use super::{language, page};
use crate::domain::criterion::{Criterion, Verdict};
use crate::domain::door::Limit;
use crate::domain::doorway::ignored::{self, BURST, MORE};
use crate::domain::doorway::machine::Machine;
use crate::domain::doorway::new_signal::AskedIn;
use crate::domain::doorway::signal::{Detail, NewSignal};
use crate::domain::group::issue::PrintedQuestion;
use crate::domain::id::{DeliveryId, ProspectId};
use crate::domain::language::Language;
use crate::domain::plan::Plan;
use crate::domain::question::Answer;
use crate::flow::context::FlowError;
use crate::flow::doorway::assess;
use crate::flow::doorway::hit::{Hit, Taken, What};
use crate::flow::doorway::observe::Observed;
use crate::mail::token::Kind;
use crate::store::doorway::signals;
use crate::text::message::Message;
use crate::text::words;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use futures_util::future::join_all;
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;
use std::time::Duration;

/// How many answers of one mail are recorded: a mail has a few links, and a mind is changed a few times.
const ANSWERS: Limit = Limit { most: 30, within: Duration::from_hours(1) };

/// What the page's forms send back.
#[derive(Debug, Default)]
struct Posted {
    /// Identifies one showing of the page, as [`Visit`] signed it: posting it twice records one answer.
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
                ("visit", _) => posted.visit = value,
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
    let language = language::of_prospect(&site, found.sent.and_then(|sent| sent.mail.prospect), &headers).await;
    Ok(ask(&site, language, &token, (&asked, &answer), false))
}

/// The page that asks to confirm an answer; `again`: it was posted without having been shown, or too long after.
fn ask(site: &Site, language: Language, token: &str, (asked, answer): (&PrintedQuestion, &Answer), again: bool) -> Response {
    let visit = Visit { shown_at: site.ctx.now(), asked: Vec::new() }.sign(site.ctx.signer(), token);
    let organisation = site.ctx.plan().settings.organisation.name.clone();
    let values = context! { organisation, question => asked.question.clone(), answer => answer.say.clone(), visit, again };
    page::speak(language, StatusCode::OK, "page-answer.html", values)
}

/// Records the answer, or the answers to the further questions.
pub async fn record(
    State(site): State<Site>,
    Path(token): Path<String>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, WebError> {
    let (found, asked, answer) = find(&site, &token).await?;
    let mail = found.sent.as_ref().ok_or(WebError::UnknownLink)?.mail;
    let language = language::of_prospect(&site, mail.prospect, &headers).await;
    let Some(prospect) = mail.prospect else {
        return Ok(page::tell(language, StatusCode::OK, &Message::TestCopyAnswer));
    };
    let (plan, now) = (site.ctx.plan(), site.ctx.now());
    let posted = Posted::read(&body);
    let shown = Visit::read(site.ctx.signer(), &token, &posted.visit, now);
    let Some(shown) = shown.filter(|shown| posted.is_more || shown.asked.is_empty()) else {
        return Ok(ask(&site, language, &token, (&asked, &answer), true));
    };
    let visit = posted.visit.as_str();
    site.limits.take(Whose::Answers(mail.delivery), ANSWERS, site.ctx.clock().steady()).map_err(WebError::TooMany)?;
    let machine = machine(&site, prospect, mail.delivery, &visitor).await?;
    let signals: Vec<NewSignal> = if posted.is_more {
        let chosen = posted.more.iter().filter(|(criterion, _)| shown.asked.contains(criterion));
        let named = chosen
            .filter_map(|(criterion, number)| Some((*criterion, plan.qualifying.criteria[*criterion].answers.get(*number)?)));
        named.map(|(criterion, answer)| NewSignal::answer(mail, criterion, answer, AskedIn::Page { visit }, now)).collect()
    } else {
        let asked_in = AskedIn::Mail { link: found.token.ordinal, visit };
        vec![NewSignal::answer(mail, asked.criterion, &answer, asked_in, now)]
    };
    let link = Some(found.token.ordinal).filter(|_| !posted.is_more);
    let fingerprint = visitor.fingerprint();
    let signals: Vec<NewSignal> = signals.into_iter().map(|signal| signal.posted_by(&fingerprint, link, machine)).collect();
    if signals.is_empty() {
        return Ok(page::tell(language, StatusCode::OK, &Message::NothingMore));
    }
    let hit = |signal: &NewSignal| Hit { what: What::Posted(Box::new(signal.clone())), from: visitor.requester() };
    let written = join_all(signals.iter().map(|signal| site.posts.write(hit(signal)))).await;
    let taken = written.into_iter().collect::<Result<Vec<Taken>, _>>().map_err(FlowError::from)?;
    let of = |taken: Taken| if let Taken::Observed(observed) = taken { observed } else { Observed::Unknown };
    let observed: Vec<Observed> = taken.into_iter().map(of).collect();
    if observed.contains(&Observed::Unknown) {
        return Err(WebError::UnknownLink);
    }
    // Each question of the page is answered once: what was sent first is what counts, and what is shown.
    let noted = signals.iter().zip(&observed).filter(|(_, observed)| !posted.is_more || **observed != Observed::Again);
    let noted: Vec<&NewSignal> = noted.map(|(signal, _)| signal).collect();
    if noted.is_empty() {
        return Ok(page::tell(language, StatusCode::OK, &Message::AlreadyNoted));
    }
    Ok(thank(&site, &token, (prospect, mail.delivery, language), &asked, &noted, posted.is_more).await)
}

/// Why an answer that is posted now is a machine's: its agent says so, or another link of the mail was followed in the same moment.
/// Answers posted in the same moment are found by the fold.
async fn machine(
    site: &Site,
    prospect: ProspectId,
    delivery: DeliveryId,
    visitor: &Visitor,
) -> Result<Option<Machine>, WebError> {
    if let Some(machine) = visitor.machine(&Method::POST) {
        return Ok(Some(machine));
    }
    let since = site.ctx.now() - BURST;
    let mut tx = site.ctx.store().read().await?;
    Ok(signals::was_clicked_since(&mut tx, prospect, delivery, since).await?.then_some(Machine::Burst))
}

/// Thanks the visitor, and asks further questions whose answer is not known yet.
async fn thank(
    site: &Site,
    token: &str,
    (prospect, delivery, language): (ProspectId, DeliveryId, Language),
    asked: &PrintedQuestion,
    signals: &[&NewSignal],
    was_more: bool,
) -> Response {
    let plan = site.ctx.plan();
    let said: Vec<String> = signals
        .iter()
        .filter_map(|s| if let Detail::Answer { say, .. } = &s.detail { Some(say.as_str()) } else { None })
        .map(|answer| words::say(language, "quoted", &[("text", answer.into())]))
        .collect();
    let said = said.join(", ");
    let further =
        if was_more { Vec::new() } else { unknown(site, &plan, (prospect, delivery), asked.criterion).await.unwrap_or_default() };
    let asked = further.iter().map(|question| question.criterion).collect();
    let visit = Visit { shown_at: site.ctx.now(), asked }.sign(site.ctx.signer(), token);
    let organisation = plan.settings.organisation.name.clone();
    let values = context! { organisation, said, was_more, visit, further => Value::from(Serde(&further)) };
    page::speak(language, StatusCode::OK, "page-answered.html", values)
}

/// The questions without a known answer for this person, or whose answer has lapsed: unknown ones first.
async fn unknown(
    site: &Site,
    plan: &Plan,
    (prospect, delivery): (ProspectId, DeliveryId),
    but: Criterion,
) -> Result<Vec<Further>, FlowError> {
    let mut tx = site.ctx.store().read().await?;
    let now = site.ctx.now();
    let (found, signals) = assess::assess(&mut tx, plan, prospect, now).await?;
    // Nobody is asked more by pressing again.
    let asked_already = ignored::answered_further(&signals, delivery, now);
    let with = |verdict| found.findings().iter().filter(move |(_, f)| f.verdict == verdict).map(|(criterion, _)| criterion);
    let open = with(Verdict::Unknown).chain(with(Verdict::Expired)).filter(|criterion| *criterion != but);
    let further = open.filter_map(|criterion| {
        let rules = &plan.qualifying.criteria[criterion];
        let answers: Vec<String> = rules.answers.iter().map(|answer| answer.say.clone()).collect();
        (!answers.is_empty()).then(|| Further { criterion, question: rules.question.clone(), answers })
    });
    Ok(further.take(MORE.saturating_sub(asked_already)).collect())
}

async fn find(site: &Site, token: &str) -> Result<(Found, PrintedQuestion, Answer), WebError> {
    let found = site.find(&[Kind::Answer], token).await?;
    let (asked, answer) = found.content.answer(found.token.ordinal).ok_or(WebError::UnknownLink)?;
    let (asked, answer) = (asked.clone(), answer.clone());
    Ok((found, asked, answer))
}
