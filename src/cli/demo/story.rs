//! The story: a year in a town of sixteen prospects. Every line that is printed was asserted against the
//! database and the mails.

use super::people::{address, arrivals};
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::domain::address::Address;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::entry::Cause;
use crate::domain::doorway::signal::Touch;
use crate::domain::individual::handoff::{Stage, State};
use crate::domain::suppression::StopReason;
use crate::flow::individual::follow_up::Action;
use crate::store::operations::counts::Summary;
use crate::town::mailbox::Mail;
use crate::town::{SCANNER, Town};
use axum::http::Method;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

/// When the story begins.
pub const BEGINS: &str = "2026-01-12T08:00:00Z";

/// The result of a demonstration.
#[derive(Debug, Serialize)]
pub struct DemoResult {
    /// Counted in the database.
    #[serde(flatten)]
    pub summary: Summary,
    /// Prospects without a future: must be 0.
    pub without_future: i64,
    /// How many mails the relay was given, letters included.
    pub mails: usize,
}

/// Prints the story line by line: to standard output, or to standard error when standard output must be JSON.
pub struct Narrator {
    aside: bool,
}

impl Narrator {
    /// A narrator; `aside` chooses standard error.
    pub const fn new(aside: bool) -> Self {
        Self { aside }
    }

    /// Prints a line.
    pub fn say(&self, line: &str) -> Result<(), Exit> {
        if self.aside {
            output::aside(line);
            return Ok(());
        }
        output::text(line)
    }

    fn on(&self, town: &Town, line: &str) -> Result<(), Exit> {
        let day = town.now().to_zoned(TimeZone::UTC).strftime("%-d %b %Y").to_string();
        self.say(&format!("{day:>12}  {line}"))
    }
}

/// Runs and prints the story.
///
/// # Errors
/// 1 when an assertion fails.
pub async fn tell(town: &Town, tell: &Narrator) -> Result<(), Exit> {
    tell.say("A town of sixteen prospects, a year of newsletters, two salespeople. Real SMTP, a clock that is moved.\n")?;
    arrive(town, tell).await?;
    ask(town, tell).await?;
    fifth_proof(town, tell).await?;
    not_now(town, tell).await?;
    october(town, tell).await?;
    tell.say("")
}

/// January to February: the list is imported, the first newsletter leaves, people and machines react.
async fn arrive(town: &Town, tell: &Narrator) -> Result<(), Exit> {
    let felix = address("Fèlix");
    town.catcher.refuse(felix.as_str(), 550, "5.1.1 no such user");
    let admitted = town.admit(&arrivals(), "import fair-2025.csv").await?;
    tell.on(town, &format!("{} prospects from a trade fair are imported. Nobody is ready to buy.", admitted.added))?;
    town.pass_to("2026-01-15T09:30:00Z").await?;
    tell.on(town, &format!("The production letter reaches {} of them.", town.catcher.count()))?;
    holds(town.prospect(&felix).await?.mail_stop == Some(StopReason::Bounced), "a mailbox that is gone is suppressed")?;
    tell.on(town, "Fèlix's mailbox is gone (550 5.1.1): suppressed, at once and for every campaign.")?;

    town.pass_to("2026-02-03T09:00:00Z").await?;
    tell.on(town, "The series begins: “What one hour of a stopped line costs”, and one question at its end.")?;
    let newsletter = town.newest_to(&address("Dimas"))?;
    for (url, _) in newsletter.links() {
        town.ask(Method::HEAD, &url, SCANNER, "").await?;
        town.ask(Method::GET, &url, SCANNER, "").await?;
    }
    town.run_until_idle().await?;
    holds(town.verdicts(&address("Dimas")).await?.met() == 0, "a scanner proves nothing")?;
    tell.on(
        town,
        "Dimas's mail scanner opens every link of his copy, answers included. It is kept, named, and counts for nothing.",
    )?;

    town.click(&address("Gala"), "Do the sum").await?;
    town.pass_to("2026-02-03T12:00:00Z").await?;
    holds(town.handoffs_of(&address("Gala")).await?.is_empty(), "a click alone hands off nobody")?;
    tell.on(town, "Gala follows a link. A click alone hands off nobody.")?;
    town.unsubscribe(&address("Elena")).await?;
    tell.on(town, "Elena unsubscribes with one click. It is the last newsletter she gets.")?;
    for who in ["Ada", "Bruno", "Irene"] {
        town.answer(&address(who), "More than 20 hours").await?;
    }
    tell.on(town, "Ada, Bruno and Irene answer: their worst line stood still for more than 20 hours. That proves the need.")
}

/// March to May: one question a month, one proof after the other.
async fn ask(town: &Town, tell: &Narrator) -> Result<(), Exit> {
    town.pass_to("2026-03-03T10:00:00Z").await?;
    holds(town.mails_to(&address("Elena")).len() == 2, "an unsubscribed prospect gets nothing more")?;
    for who in ["Ada", "Bruno"] {
        town.answer(&address(who), "Knowing minute by minute why a line stops").await?;
    }
    tell.on(town, "Ada and Bruno say what would help: their vision is proven.")?;
    town.log(
        &address("Irene"),
        "marta",
        Touch::Fair,
        &[Criterion::Vision, Criterion::Authority],
        None,
        "Runs both plants, wants one screen for them",
    )
    .await?;
    tell.on(town, "Marta meets Irene at a fair and logs it: vision and authority, from a named colleague.")?;

    town.pass_to("2026-04-07T10:00:00Z").await?;
    for who in ["Ada", "Bruno"] {
        town.answer(&address(who), "I do, together with others").await?;
    }
    tell.on(town, "They say who decides: authority. Three of five.")?;

    town.pass_to("2026-04-20T09:00:00Z").await?;
    let carla = address("Carla");
    town.fill_in(
        "call-me",
        &[("email", carla.as_str()), ("name", "Carla Vives"), ("message", "Please call me about the packing hall")],
    )
    .await?;
    town.run_until_idle().await?;
    let handoff = town.handoffs_of(&carla).await?.into_iter().next();
    holds(handoff.as_ref().is_some_and(|h| h.cause == Cause::Request), "asking for a person is not being ready")?;
    tell.on(
        town,
        &format!("Carla asks for a call. A request reaches {} at once, and is not counted as ready.", name(handoff.as_ref())),
    )?;
    town.sell(&carla, Action::Accept).await?;
    let touch = Action::Touch {
        touch: Touch::Call,
        proves: vec![Criterion::Need],
        date: None,
        note: "The packing hall stops twice a shift".to_owned(),
    };
    town.sell(&carla, touch).await?;
    tell.on(town, "The salesperson accepts, calls, and has the next step on the queue.")?;

    town.pass_to("2026-05-05T10:00:00Z").await?;
    for who in ["Ada", "Bruno"] {
        town.answer(&address(who), "Yes, over 50,000 €").await?;
    }
    town.run_until_idle().await?;
    holds(town.verdicts(&address("Ada")).await?.met() == 4, "four proofs")?;
    holds(town.handoffs_of(&address("Ada")).await?.is_empty(), "four of five keep nurturing")?;
    tell.on(town, "An answer in a newsletter proves the budget. Four of five, and nobody is handed off.")
}

/// July: the fifth proof.
async fn fifth_proof(town: &Town, tell: &Narrator) -> Result<(), Exit> {
    let ada = address("Ada");
    town.pass_to("2026-07-07T10:00:00Z").await?;
    town.answer(&ada, "Within half a year").await?;
    town.run_until_idle().await?;
    let handoff = town.handoffs_of(&ada).await?.into_iter().next();
    holds(handoff.as_ref().is_some_and(|h| h.cause == Cause::Ready && h.state == State::Offered), "the fifth proof hands off")?;
    tell.on(town, &format!("Ada names a date: the fifth proof. She is ready, and offered to {}.", name(handoff.as_ref())))?;
    let letter = letter_about(town, handoff.as_ref(), "Ada")?;
    tell.say(&format!("\n{}\n", indented(&letter)))?;
    holds(town.handoffs_of(&address("Bruno")).await?.is_empty(), "Bruno never said when")?;
    tell.on(town, "Bruno never says when. Four of five: he keeps getting newsletters.")
}

/// Summer: accepted, called, and not now.
async fn not_now(town: &Town, tell: &Narrator) -> Result<(), Exit> {
    let ada = address("Ada");
    town.pass_to("2026-07-07T13:00:00Z").await?;
    town.sell(&ada, Action::Accept).await?;
    town.pass_to("2026-07-08T09:00:00Z").await?;
    let touch = Action::Touch {
        touch: Touch::Call,
        proves: Vec::new(),
        date: None,
        note: "The board moved everything to autumn".to_owned(),
    };
    town.sell(&ada, touch).await?;
    tell.on(town, "The salesperson accepts and calls. The board has moved everything to autumn.")?;
    let wake: Date = Date::constant(2026, 10, 1);
    let recycle = Action::Recycle { reason: "bad timing".to_owned(), wake: Some(wake), note: "Call again in October".to_owned() };
    town.sell(&ada, recycle).await?;
    tell.on(town, "“Not now, call in October.” Ada returns to nurture; her series resumes where it was.")?;
    town.pass_to("2026-08-20T09:00:00Z").await?;
    holds(town.handoffs_of(&ada).await?.len() == 1, "the same facts do not bounce straight back")
}

/// October: the prospect comes back.
async fn october(town: &Town, tell: &Narrator) -> Result<(), Exit> {
    let ada = address("Ada");
    town.pass_to("2026-10-01T08:00:00Z").await?;
    let all = town.handoffs_of(&ada).await?;
    holds(
        all.len() == 2 && all[0].cause == Cause::Ready && all[0].salesperson == all[1].salesperson,
        "she comes back to the same salesperson",
    )?;
    tell.on(town, &format!("October has come, the other four still hold: Ada is back with {}.", name(all.first())))?;
    town.sell(&ada, Action::Accept).await?;
    for (day, stage) in [
        ("2026-10-06", Stage::Engaged),
        ("2026-10-20", Stage::Evaluating),
        ("2026-11-04", Stage::Negotiating),
        ("2026-11-10", Stage::Purchasing),
    ] {
        town.pass_to(&format!("{day}T09:00:00Z")).await?;
        town.sell(&ada, Action::Touch { touch: Touch::Meeting, proves: Vec::new(), date: None, note: String::new() }).await?;
        town.sell(&ada, Action::Stage(stage)).await?;
    }
    town.sell(&ada, Action::Won(Some(86_000))).await?;
    town.run_until_idle().await?;
    tell.on(town, "Engaged, evaluating, negotiating, purchasing: won, 86,000 €. Group mail to Ada has ended.")?;
    town.pass_to("2026-11-12T09:00:00Z").await?;
    town.fill_in(
        "demo",
        &[
            ("email", "quim@nova-pasta.example"),
            ("name", "Quim Nova"),
            ("company", "Nova Pasta"),
            ("message", "Could we see it on a pasta line?"),
        ],
    )
    .await?;
    town.run_until_idle().await?;
    tell.on(town, "A stranger asks for a demonstration on the website: a prospect, a request, an offer on a queue.")
}

/// Prints the result.
pub fn sum_up(told: &DemoResult, tell: &Narrator) -> Result<(), Exit> {
    let s = &told.summary;
    tell.say(&format!(
        "{} issues, {} deliveries, {} accepted, {} addresses suppressed.",
        s.issues, s.deliveries, s.accepted, s.suppressed
    ))?;
    tell.say(&format!("{} signals, {} of them by machines; {} answers.", s.signals, s.machine_signals, s.answers))?;
    tell.say(&format!(
        "{} handoffs: {} ready, {} requests; {} returned to nurture, {} won.",
        s.handoffs, s.ready, s.requests, s.recycled, s.won
    ))?;
    tell.say(&format!("{} prospects without a future.", told.without_future))
}

/// The handoff letter as the salesperson received it.
fn letter_about(town: &Town, handoff: Option<&crate::domain::individual::handoff::Handoff>, who: &str) -> Result<String, Exit> {
    let plan = town.node.ctx.plan();
    let recipient: Option<&Address> = handoff.and_then(|h| plan.roster.person(&h.salesperson)).map(|(_, address)| address);
    let mails: Vec<Mail> = recipient.map(|address| town.mails_to(address)).unwrap_or_default();
    let letter = mails.into_iter().rev().find(|mail| mail.subject.contains(who));
    let letter = letter.ok_or_else(|| Exit::No("the handoff letter did not arrive".to_owned()))?;
    Ok(format!("Subject: {}\n\n{}", letter.subject, letter.text))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("              | {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn name(handoff: Option<&crate::domain::individual::handoff::Handoff>) -> String {
    handoff.map_or_else(|| "nobody".to_owned(), |h| h.salesperson.to_string())
}

fn holds(condition: bool, what: &str) -> Result<(), Exit> {
    if condition { Ok(()) } else { Err(Exit::No(format!("the story does not hold: {what}"))) }
}
