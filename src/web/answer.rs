//! `GET|POST /a/TOKEN`: an answer to a question of a newsletter. GET shows it; POST records it as declared evidence, and
//! then asks at most two more questions of which nothing is known for that person. What those answer is recorded too, and
//! the page asks no further.

use super::page;
use super::site::{Found, Site};
use crate::domain::criterion::{Criterion, Verdict};
use crate::domain::doorway::signal::{About, Detail, NewSignal};
use crate::domain::group::issue::PrintedQuestion;
use crate::domain::id::ProspectId;
use crate::domain::plan::Plan;
use crate::domain::question::Answer;
use crate::flow::context::FlowError;
use crate::flow::doorway::assess;
use crate::flow::doorway::observe::{Observed, observe};
use crate::mail::token::Kind;
use crate::store::group::deliveries::Origin;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;

/// How many more questions the page asks.
const MORE: usize = 2;

/// What the page's forms send back.
#[derive(Debug, Default)]
struct Posted {
    /// Which showing of the page: the same one posted twice is one answer.
    visit: String,
    /// Answers to the further questions, by number.
    more: Vec<(Criterion, usize)>,
    /// Whether it is the form of the further questions.
    is_more: bool,
}

impl Posted {
    /// Reads the fields; what no form of ours has is dropped.
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

/// Records the answer, or the answers to the further questions.
pub async fn record(State(site): State<Site>, Path(token): Path<String>, body: Bytes) -> Response {
    let (found, asked, answer) = match find(&site, &token).await {
        Ok(found) => found,
        Err(response) => return *response,
    };
    let Some(origin) = found.origin.as_ref() else { return page::unknown_link() };
    let Some(prospect) = origin.prospect else {
        return page::say(StatusCode::OK, "This was a test copy", "Your answer would be recorded now.");
    };
    let (plan, now) = (site.ctx.plan(), site.ctx.now());
    let posted = Posted::read(&body);
    let about = Subject { found: &found, origin, prospect, now };
    let signals: Vec<NewSignal> = if posted.is_more {
        // The question of the mail has its own links; what has been answered there is not answered again here.
        let chosen = posted.more.iter().filter(|(criterion, _)| *criterion != asked.criterion);
        let named = chosen
            .filter_map(|(criterion, number)| Some((*criterion, plan.qualifying.criteria[*criterion].answers.get(*number)?)));
        named.map(|(criterion, answer)| about.signal(criterion, answer, &format!("more:{criterion}:{}", posted.visit))).collect()
    } else {
        vec![about.signal(asked.criterion, &answer, &format!("{}:{}", found.token.ordinal, posted.visit))]
    };
    if signals.is_empty() {
        return page::say(StatusCode::OK, "Thank you", "There was nothing more to note.");
    }
    match observe(&site.ctx, &signals).await {
        Ok(observed) if observed.contains(&Observed::Unknown) => page::unknown_link(),
        Ok(_) => thank(&site, &plan, prospect, &asked, &signals, posted.is_more).await,
        Err(error) => page::failed(&error),
    }
}

/// Whose answer it is, and in answer to what.
struct Subject<'a> {
    found: &'a Found,
    origin: &'a Origin,
    prospect: ProspectId,
    now: Timestamp,
}

impl Subject<'_> {
    fn signal(&self, criterion: Criterion, answer: &Answer, once: &str) -> NewSignal {
        NewSignal {
            about: About::Prospect(self.prospect),
            once: format!("answer:{}:{once}", self.origin.id),
            occurred_at: self.now,
            delivery: Some(self.origin.id),
            issue: Some(self.found.issue),
            by: None,
            machine: None,
            detail: Detail::Answer {
                criterion,
                say: answer.say.clone(),
                date: answer.due.as_ref().map(|due| due.0.after(self.now).to_zoned(TimeZone::UTC).date()),
            },
        }
    }
}

/// Thanks, and asks on where nothing is known yet.
async fn thank(
    site: &Site,
    plan: &Plan,
    prospect: ProspectId,
    asked: &PrintedQuestion,
    signals: &[NewSignal],
    was_more: bool,
) -> Response {
    let said: Vec<String> = signals
        .iter()
        .filter_map(|s| if let Detail::Answer { say, .. } = &s.detail { Some(say.clone()) } else { None })
        .collect();
    let further = if was_more { Vec::new() } else { unknown(site, plan, prospect, asked.criterion).await.unwrap_or_default() };
    let visit = site.ctx.now().as_millisecond().to_string();
    let organisation = plan.settings.organisation.name.clone();
    let values = context! { organisation, said, was_more, visit, further => Value::from(Serde(&further)) };
    page::show(StatusCode::OK, "page-answered.html", &TimeZone::UTC, values)
}

/// Questions of which nothing is known for this person, or no longer: unknown ones first.
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

async fn find(site: &Site, token: &str) -> Result<(Found, PrintedQuestion, Answer), Box<Response>> {
    let found = match site.find(&[Kind::Answer], token).await {
        Ok(Some(found)) => found,
        Ok(None) => return Err(Box::new(page::unknown_link())),
        Err(error) => return Err(Box::new(page::failed(&error))),
    };
    let named = found.content.answer(found.token.ordinal).map(|(asked, answer)| (asked.clone(), answer.clone()));
    let (asked, answer) = named.ok_or_else(|| Box::new(page::unknown_link()))?;
    Ok((found, asked, answer))
}
