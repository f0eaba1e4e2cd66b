//! Stories: the promises of the program, told through what happens to people. Each runs on both engines, on a manual
//! clock, with real SMTP and the real pages.

mod request;
mod adopt;
mod answers;
mod api;
mod nobody;
mod observe;
mod automatic;
mod away;
mod backtest;
mod breakers;
mod moody_relay;
mod refusals;
mod calendar;
mod confirming;
mod decade;
mod door;
mod doorway;
mod enquiries;
mod heard;
mod hooks;
mod evidence;
mod erasure;
mod access;
mod explain;
mod forget;
mod forms;
mod group_mail;
mod guards;
mod identity;
mod languages;
mod letters;
mod lost_time;
mod machines;
mod no_is_no;
mod own_page;
mod pacing;
mod plan;
mod preferences;
mod providers;
mod ramp;
mod receive;
mod notices;
mod renames;
mod salespeople;
mod scanners;
/// What scanners and people do with a mail.
mod traffic;
/// Programs that come from ever other addresses, or along with a person.
mod fleets;
mod second_thoughts;
mod sign;
mod signed_calls;
mod simulate;
mod stop;
mod tenth_year;
mod time;
mod truth;
mod uncertain;
mod unconfirmed;
mod visitors;
mod whose;
mod reply_address;
mod lies;
mod doubts;
mod wishes;

use nurtured::config::example;
use nurtured::daemon::assemble::Node;
use nurtured::domain::address::Address;
use nurtured::domain::consent::{Consent, Purpose};
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::group::campaign::Campaign;
use nurtured::domain::id::Name;
use nurtured::domain::plan::Plan;
use nurtured::flow::context::FlowError;
use nurtured::flow::until_idle::run_until_idle;
use nurtured::store::engine::backend::Store;
use nurtured::town::Town;
use secrecy::SecretString;

/// When every story begins: a Monday, in office hours.
pub(crate) const BEGINS: &str = "2026-01-12T08:00:00Z";
/// The first newsletter of the series, and an hour later.
pub(crate) const FIRST_ISSUE: &str = "2026-02-03T09:30:00Z";

pub(crate) type Told = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Runs the town's node and a second one beside each other until neither has anything left to do.
pub(crate) async fn run_both(town: &Town, other: &Node) -> Result<(), FlowError> {
    let run = |node: &Node| {
        let (ctx, writer) = (node.ctx.clone(), node.writer.clone());
        Box::pin(async move { run_until_idle(&ctx, &writer).await })
    };
    let (one, two) = tokio::join!(run(&town.node), run(other));
    one.and(two).map(drop)
}

/// Tells one story on both engines.
macro_rules! story {
    ($(#[$meta:meta])* $name:ident, |$town:ident| $body:block) => {
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn told($town: nurtured::town::Town) -> $crate::stories::Told $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let file = tempfile::tempdir().expect("a directory");
                let store = $crate::stories::sqlite(file.path()).await;
                told($crate::stories::found(store).await).await.expect("the story to come true");
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let Some(store) = $crate::stories::postgres(stringify!($name)).await else { return };
                told($crate::stories::found(store).await).await.expect("the story to come true");
            }
        }
    };
}
pub(crate) use story;

pub(crate) async fn sqlite(directory: &std::path::Path) -> Store {
    Store::open_sqlite(&directory.join("story.db")).await.expect("a database")
}

pub(crate) async fn postgres(name: &str) -> Option<Store> {
    let short: String = name.chars().take(40).collect();
    let url = crate::postgres::database(&short)?;
    Some(Store::open_postgres(&SecretString::from(url)).await.expect("a database"))
}

/// The example company, founded on this store.
pub(crate) async fn found(store: Store) -> Town {
    Town::found(store, example::FILES, "http://127.0.0.1:9", BEGINS).await.expect("a town")
}

/// Puts a plan in force in which one campaign is changed.
pub(crate) fn change(town: &Town, campaign: &str, how: impl FnOnce(&mut Campaign)) -> Told {
    let mut plan = Plan::clone(&town.node.ctx.plan());
    how(plan.campaigns.iter_mut().find(|c| c.name.as_str() == campaign).expect("the campaign is there"));
    Ok(town.node.ctx.replace_plan(plan)?)
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// Somebody of a food plant, who agreed to be tracked.
pub(crate) fn somebody(text: &str) -> Arrival {
    let mut arrival = Arrival::of(address(text));
    arrival.name = Some(format!("Person {}", arrival.address.local()));
    arrival.company = Some("Albareda".to_owned());
    arrival.fields = [("industry", "food"), ("country", "ES")].into_iter().map(|(k, v)| (name(k), v.to_owned())).collect();
    arrival.consents.push(Consent::undated(Purpose::Tracking, true, "card"));
    arrival
}

/// The answers that prove need, vision, authority and budget, by the month in which the series asks.
pub(crate) const ANSWERS: [(&str, &str); 4] = [
    ("2026-02-03T09:30:00Z", "More than 20 hours"),
    ("2026-03-03T09:30:00Z", "Knowing minute by minute why a line stops"),
    ("2026-04-07T09:30:00Z", "I do, together with others"),
    ("2026-05-05T09:30:00Z", "Yes, over 50,000 €"),
];

/// Lets somebody answer the four questions up to May.
pub(crate) async fn four_proofs(town: &Town, who: &Address) -> Told {
    for (at, say) in ANSWERS {
        town.pass_to(at).await?;
        assert_eq!(town.answer(who, say).await?.status, 200);
    }
    town.run_until_idle().await?;
    Ok(())
}

/// And the fifth, in July.
pub(crate) async fn five_proofs(town: &Town, who: &Address) -> Told {
    four_proofs(town, who).await?;
    town.pass_to("2026-07-07T09:30:00Z").await?;
    town.answer(who, "Within half a year").await?;
    town.run_until_idle().await?;
    Ok(())
}
