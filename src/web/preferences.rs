//! `GET|POST /p/TOKEN`: the prospect's own page, from the footer of every newsletter. GET shows what stands; POST saves what was chosen,
//! asks another address, unsubscribes from all, or takes back what the last press did.
//!
//! Mails are passed on, and whoever holds one may choose: so the page shows no name, and of the address its first letter and the domain of
//! the one that the mail went to. A link that leads to nobody is answered alike, whether it was forged, is lost, or is a forgotten
//! person's. A visitor who names itself a program changes nothing, but is believed when it unsubscribes, as elsewhere.

use super::error::WebError;
use super::limits::Whose;
use super::posted::Posted;
use super::site::Site;
use super::undo::{Signed, Undo};
use super::visitor::Visitor;
use super::{language, page};
use crate::domain::address::Address;
use crate::domain::door::Limit;
use crate::domain::doorway::pending_form::KEPT;
use crate::domain::id::{Name, ProspectId};
use crate::domain::language::Language;
use crate::domain::plan::Plan;
use crate::domain::preferences::{Choice, Preferences, today};
use crate::domain::settings::Tracking;
use crate::domain::span::Span;
use crate::domain::suppression::Channel;
use crate::flow::doorway::prefer::{self, Preferred, Tracked, Wish};
use crate::flow::doorway::trace::Traced;
use crate::flow::individual::new_address;
use crate::inbox::form::clean;
use crate::mail::token::{Kind, Token};
use crate::store::people::{consents, former_addresses, preferences, suppressions};
use crate::text::message::Message;
use crate::text::words;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;
use std::time::Duration;

/// How often something is saved on the page of one mail.
const SAVED: Limit = Limit { most: 30, within: Duration::from_hours(1) };

/// Somebody's page.
struct Own {
    token: String,
    sent: Traced,
    /// `None` for a test copy.
    prospect: Option<ProspectId>,
    language: Language,
    preferences: Preferences,
    tracking: Followed,
    is_stopped: bool,
}

/// Whether their clicks are noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Followed {
    On,
    Off,
    /// Nobody's are.
    Never,
}

impl Followed {
    const fn of(tracking: Tracking, consents: bool, refuses: bool) -> Self {
        match tracking {
            Tracking::None => Self::Never,
            Tracking::Consented if !consents => Self::Off,
            Tracking::All if refuses => Self::Off,
            Tracking::Consented | Tracking::All => Self::On,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Never => "none",
        }
    }
}

/// Shows what stands.
pub async fn show(State(site): State<Site>, Path(token): Path<String>, headers: HeaderMap) -> Result<Response, WebError> {
    Ok(match Own::find(&site, token, &headers).await? {
        Some(own) => own.show(&site, StatusCode::OK, ""),
        None => lost(&site, &headers),
    })
}

/// Does what was pressed; whatever else is posted shows the page.
pub async fn change(
    State(site): State<Site>,
    Path(token): Path<String>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, WebError> {
    let Some(own) = Own::find(&site, token, &headers).await? else { return Ok(lost(&site, &headers)) };
    let Some(prospect) = own.prospect else {
        return Ok(page::tell(own.language, StatusCode::OK, &Message::TestCopyPreferences));
    };
    let posted = Posted::read(&body);
    let action = posted.one("action").unwrap_or_default();
    if action == "stop" {
        // Nothing stands between a prospect and their stop: no limit, and no doubt about who presses.
        let since = prefer::stop(&site.ctx, own.sent.mail).await?;
        return Ok(own.done(&site, "stopped", since.map(Undo::Stopped)));
    }
    if visitor.machine(&Method::POST).is_some() {
        return Ok(own.show(&site, StatusCode::OK, "again"));
    }
    let whose = Whose::Preferences(own.sent.mail.delivery);
    site.limits.take(whose, SAVED, site.ctx.clock().steady()).map_err(WebError::TooMany)?;
    match action {
        "save" => own.save(&site, prospect, &posted).await,
        "address" => own.ask(&site, prospect, &visitor, &posted).await,
        "undo" => own.undo(&site, prospect, &posted).await,
        _ => Ok(own.show(&site, StatusCode::OK, "")),
    }
}

/// A topic, as the page shows it.
#[derive(Serialize)]
struct Topic<'a> {
    name: &'a Name,
    label: String,
    wanted: bool,
}

/// A language that can be chosen.
#[derive(Serialize)]
struct Tongue {
    code: &'static str,
    name: &'static str,
    chosen: bool,
}

/// A change, as the page names it.
#[derive(Serialize)]
struct Changed {
    what: &'static str,
    value: String,
}

impl Own {
    /// Whose page it is; `None` if it is nobody's.
    async fn find(site: &Site, token: String, headers: &HeaderMap) -> Result<Option<Self>, WebError> {
        let Some(sent) = site.trace(&[Kind::Preferences], &token).await? else { return Ok(None) };
        if sent.is_of_forgotten() {
            return Ok(None);
        }
        let (plan, now) = (site.ctx.plan(), site.ctx.now());
        let Some(named) = sent.mail.prospect else {
            let language = language::of_prospect(site, None, headers).await;
            let tracking = Followed::of(plan.settings.tracking, false, false);
            let preferences = Preferences::default();
            return Ok(Some(Self { token, sent, prospect: None, language, preferences, tracking, is_stopped: false }));
        };
        let mut tx = site.ctx.store().read().await?;
        let Some(person) = former_addresses::person(&mut tx, named).await? else { return Ok(None) };
        let preferences = preferences::of(&mut tx, person.id, now).await?;
        let refuses = consents::refusing(&mut tx, &[person.id]).await?.contains(&person.id);
        let stops = suppressions::of(&mut tx, &[&person.address]).await?;
        drop(tx);
        Ok(Some(Self {
            token,
            sent,
            prospect: Some(person.id),
            language: language::of_prospect(site, Some(person.id), headers).await,
            preferences,
            tracking: Followed::of(plan.settings.tracking, person.consents, refuses),
            is_stopped: stops.iter().any(|stop| stop.channel == Channel::Email),
        }))
    }

    /// The page; `problem` is what was wrong with what was posted.
    fn show(&self, site: &Site, status: StatusCode, problem: &str) -> Response {
        let (plan, now) = (site.ctx.plan(), site.ctx.now());
        let (kept, today) = (&self.preferences, today(now));
        let topics: Vec<Topic<'_>> = plan
            .topics()
            .into_iter()
            .map(|name| Topic { name, label: label(name), wanted: !kept.refused_topics.contains(name) })
            .collect();
        let tongue =
            |language: &Language| Tongue { code: language.code(), name: language.name(), chosen: *language == self.language };
        let mut languages = plan.settings.organisation.languages.clone();
        if !languages.contains(&self.language) {
            languages.push(self.language);
        }
        let languages: Vec<Tongue> = languages.iter().map(tongue).collect();
        let values = context! {
            organisation => plan.settings.organisation.name.clone(),
            address => self.sent.address.masked(),
            stopped => self.is_stopped,
            problem,
            topics => Value::from(Serde(&topics)),
            less_often => kept.less_often,
            less_often_mails => plan.settings.less_often.mails,
            less_often_days => days(plan.settings.less_often.within),
            paused_until => kept.paused_until.map(|day| words::day(self.language, day)),
            first_day => today.tomorrow().unwrap_or(today).to_string(),
            last_day => Preferences::longest_pause(today).to_string(),
            languages => Value::from(Serde(&languages)),
            tracking => self.tracking.word(),
        };
        page::speak(self.language, status, "page-preferences.html", values)
    }

    async fn save(&self, site: &Site, prospect: ProspectId, posted: &Posted) -> Result<Response, WebError> {
        let (plan, today) = (site.ctx.plan(), today(site.ctx.now()));
        let Ok(pause) = posted.pause(today) else { return Ok(self.show(site, StatusCode::UNPROCESSABLE_ENTITY, "day")) };
        let mut choices = posted.topics(&plan);
        choices.push(if posted.one("less_often").is_some() { Choice::LessOften } else { Choice::AsOften });
        choices.extend(pause);
        let chosen = posted.one("language").filter(|code| Some(*code) != posted.one("language_shown")).and_then(Language::parse);
        let chosen = chosen.filter(|language| plan.settings.organisation.languages.contains(language));
        choices.extend(chosen.map(|language| Choice::Language(Some(language))));
        let tracked = posted.one("tracking").and_then(|word| self.tracked(&plan, word));
        self.prefer(site, prospect, Wish { choices, tracked, is_undone: false }).await
    }

    /// What a box about tracking says, with the text beside it.
    fn tracked(&self, plan: &Plan, word: &str) -> Option<Tracked> {
        let (given, key) = match (self.tracking, word) {
            (Followed::On, "stop") => (false, "preferences-tracking-stop"),
            (Followed::Off, "agree") => (true, "preferences-tracking-agree"),
            _ => return None,
        };
        let organisation = plan.settings.organisation.name.as_str();
        let arguments: &[_] = if given { &[("organisation", organisation.into())] } else { &[] };
        Some(Tracked { given, wording: words::say(self.language, key, arguments) })
    }

    async fn prefer(&self, site: &Site, prospect: ProspectId, wish: Wish) -> Result<Response, WebError> {
        let Some(done) = prefer::prefer(&site.ctx, prospect, &wish, self.language).await? else {
            return Ok(lost(site, &HeaderMap::new()));
        };
        if wish.is_undone {
            return Ok(self.done(site, "undone", None));
        }
        // Who chose a language is answered in it.
        let language = done.changes.iter().find_map(|choice| if let Choice::Language(chosen) = choice { *chosen } else { None });
        let changes = changes(&done, language.unwrap_or(self.language));
        let undo = Undo::Choices { choices: done.undo, untrack: done.tracked == Some(true) };
        Ok(changed(site, &self.token, language.unwrap_or(self.language), "saved", &changes, Some(undo)))
    }

    /// Asks another address. What becomes of it is not said: the page must not tell of an address whether we know it.
    async fn ask(&self, site: &Site, prospect: ProspectId, visitor: &Visitor, posted: &Posted) -> Result<Response, WebError> {
        let plan = site.ctx.plan();
        let typed = Address::parse(&clean::address(posted.one("email").unwrap_or_default())).ok();
        let Some(new) = typed.filter(|address| address.is_public() && !plan.is_own(address)) else {
            return Ok(self.show(site, StatusCode::UNPROCESSABLE_ENTITY, "address"));
        };
        let (limits, now) = (&plan.settings.http.door.limits, site.ctx.clock().steady());
        site.limits.take(Whose::Visitor(visitor.household), limits.visitor, now).map_err(WebError::TooMany)?;
        site.limits.take(Whose::Address(&new), limits.address, now).map_err(WebError::TooMany)?;
        let (delivery, address) = (self.sent.mail.delivery, &self.sent.address);
        let page = new_address::Page { prospect, delivery, address, language: self.language };
        new_address::ask(&site.ctx, &page, &new).await?;
        Ok(self.done(site, "asked", None))
    }

    async fn undo(&self, site: &Site, prospect: ProspectId, posted: &Posted) -> Result<Response, WebError> {
        let (before, sign) = (posted.one("before").unwrap_or_default(), posted.one("sign").unwrap_or_default());
        let wording = |key| words::say(self.language, key, &[]);
        match Undo::read(site.ctx.signer(), &self.token, before, sign, site.ctx.now()) {
            None => Ok(self.done(site, "late", None)),
            Some(Undo::Stopped(since)) => {
                let kept = prefer::keep_writing(&site.ctx, prospect, since, &wording("preferences-mistake")).await?;
                Ok(self.done(site, if kept { "kept" } else { "late" }, None))
            }
            Some(Undo::Choices { choices, untrack }) => {
                let tracked = untrack.then(|| Tracked { given: false, wording: wording("preferences-undo") });
                self.prefer(site, prospect, Wish { choices, tracked, is_undone: true }).await
            }
        }
    }

    fn done(&self, site: &Site, done: &str, undo: Option<Undo>) -> Response {
        changed(site, &self.token, self.language, done, &[], undo)
    }
}

/// What became of a press, and the way back.
fn changed(site: &Site, token: &str, language: Language, done: &str, changes: &[Changed], undo: Option<Undo>) -> Response {
    let (plan, now) = (site.ctx.plan(), site.ctx.now());
    let signed: Option<Signed> = undo.and_then(|undo| undo.sign(site.ctx.signer(), token, now));
    let values = context! {
        organisation => plan.settings.organisation.name.clone(),
        done,
        changes => Value::from(Serde(changes)),
        undo => Value::from(Serde(&signed)),
        here => format!("/p/{token}"),
        less_often_mails => plan.settings.less_often.mails,
        less_often_days => days(plan.settings.less_often.within),
        days => days(KEPT),
    };
    page::speak(language, StatusCode::OK, "page-preferences-changed.html", values)
}

/// The answer to whoever unsubscribed by the button behind another link of a mail: the same way back, and the way to their own page.
pub fn unsubscribed(site: &Site, sent: &Traced, language: Language, since: Option<Timestamp>) -> Response {
    let signer = site.ctx.signer();
    let recipient = signer.recipient(sent.mail.prospect, sent.address.as_str());
    let token = Token { kind: Kind::Preferences, id: sent.mail.delivery.0, ordinal: 0, recipient };
    changed(site, &signer.text(token, ""), language, "stopped", &[], since.map(Undo::Stopped))
}

/// What a press changed, in the words of the page.
fn changes(done: &Preferred, language: Language) -> Vec<Changed> {
    let choice = |choice: &Choice| {
        let value = match choice {
            Choice::TopicRefused(topic) | Choice::TopicWanted(topic) => label(topic),
            Choice::PausedUntil(day) => words::day(language, *day),
            Choice::Language(chosen) => chosen.unwrap_or(language).name().to_owned(),
            Choice::LessOften | Choice::AsOften | Choice::Resumed => String::new(),
        };
        Changed { what: choice.parts().0, value }
    };
    let tracked =
        done.tracked.map(|tracked| Changed { what: if tracked { "tracked" } else { "untracked" }, value: String::new() });
    done.changes.iter().map(choice).chain(tracked).collect()
}

/// The name of a topic as words: "production costs".
fn label(topic: &Name) -> String {
    topic.as_str().replace(['-', '_', '.'], " ")
}

/// A span in whole days, at least one.
fn days(span: Span) -> i64 {
    (span.rough_minutes() / (24 * 60)).max(1)
}

/// The page of a link that leads to nobody.
fn lost(site: &Site, headers: &HeaderMap) -> Response {
    let plan = site.ctx.plan();
    let language = language::of_visitor(&plan.settings.organisation, headers);
    let organisation = plan.settings.organisation.name.clone();
    page::speak(language, StatusCode::NOT_FOUND, "page-preferences-lost.html", context! { organisation })
}
