//! `send` and the rates: how they are read, and what is refused, word for word.

use crate::config::tests::changes::{DOWNTIME, Edit, load_changed, refusal};
use crate::domain::group::guard::{Canary, Guards};
use crate::domain::pace::PerMinute;
use crate::domain::plan::Plan;
use crate::domain::span::Span;
use insta::assert_snapshot;

const SEND: &str = "send     = { at_most = 12000 }";
const RELAY: &str = "return_path = \"bounces@news.tecnofab.example\"";

fn plan(changes: &[Edit<'_>]) -> Plan {
    load_changed(changes, &[]).expect("valid").plan
}

fn guards(send: &str) -> Guards {
    plan(&[(DOWNTIME, SEND, send)]).campaigns.swap_remove(0).guards
}

#[test]
fn a_campaign_says_how_carefully_it_goes_out() {
    let all = guards(
        "send = { per_minute = 60, canary = 25, hold = \"2h\", at_most = 9, seeds = [\"Marta@Tecnofab.example\", \"luc@tecnofab.example\"] }",
    );
    assert_eq!((all.per_minute, all.at_most), (Some(PerMinute::new(60)), Some(9)));
    assert_eq!(all.canary, Some(Canary { first: 25, hold: Span::hours(2) }));
    let seeds: Vec<&str> = all.seeds.iter().map(crate::domain::address::Address::as_str).collect();
    assert_eq!(seeds, ["marta@tecnofab.example", "luc@tecnofab.example"]);
    assert_eq!(guards("send = { canary = 25 }").canary, Some(Canary { first: 25, hold: Span::minutes(20) }));
    let none = guards("");
    assert!(none.per_minute.is_none() && none.canary.is_none() && none.at_most.is_none() && none.seeds.is_empty());
}

#[test]
fn a_relay_and_receiving_domains_have_their_paces() {
    let free = plan(&[]).settings.smtp.paces;
    assert!(free.is_free() && free.of("gmail.com").is_none());
    let asked = format!(
        "{RELAY}\nper_minute = 600\n[[smtp.domain]]\nname = \"Gmail.com\"\nper_minute = 120\n[[smtp.domain]]\nname = \"*\"\nper_minute = 30"
    );
    let paces = plan(&[("nurtured.toml", RELAY, &asked)]).settings.smtp.paces;
    assert_eq!((paces.relay, paces.of("gmail.com"), paces.of("albareda.example")), {
        let some = |n| Some(PerMinute::new(n));
        (some(600), some(120), some(30))
    });
    assert!(!paces.is_free());
    let from_outside = load_changed(&[], &[("NURTURED__SMTP__PER_MINUTE", "90")]).expect("valid").plan.settings.smtp.paces;
    assert_eq!(from_outside.relay, Some(PerMinute::new(90)));
}

/// What the example only shows behind a # is valid once the # is removed.
#[test]
fn the_examples_that_are_commented_out_are_valid() {
    let text =
        crate::config::example::FILES.iter().find(|(path, _)| *path == "nurtured.toml").map(|(_, text)| *text).expect("it");
    let shown = text.replace("# per_minute ", "per_minute ").replace("# [[smtp", "[[smtp").replacen("# name  ", "name  ", 1);
    let paces = plan(&[("nurtured.toml", "", &shown)]).settings.smtp.paces;
    assert_eq!((paces.relay, paces.of("gmail.com")), (Some(PerMinute::new(600)), Some(PerMinute::new(120))));
    let keys = "per_minute = 60, canary = 25, hold = \"20m\", seeds = [\"marta@tecnofab.example\"]";
    let text = crate::config::example::FILES.iter().find(|(path, _)| *path == DOWNTIME).map(|(_, text)| *text).expect("it");
    assert!(text.contains(keys));
    assert!(guards(&format!("send = {{ {keys} }}")).canary.is_some());
}

#[test]
fn guards_that_make_no_sense_are_refused_each_with_its_place() {
    let send = "send     = { per_minute = 0, canary = \"25\", hold = \"20\", at_most = -1, seeds = [\"marta\", \"m@x.example\", \"m@x.example\"], sedes = [] }";
    assert_snapshot!(refusal(&[(DOWNTIME, SEND, send)], &[]));
}

#[test]
fn a_hold_without_a_canary_is_refused() {
    assert_snapshot!(refusal(&[(DOWNTIME, SEND, "send     = { hold = \"20m\" }")], &[]));
}

#[test]
fn a_hold_longer_than_a_week_is_refused() {
    assert_snapshot!(refusal(&[(DOWNTIME, SEND, "send     = { canary = 25, hold = \"1 month\" }")], &[]));
}

#[test]
fn send_that_is_no_table_is_refused() {
    assert_snapshot!(refusal(&[(DOWNTIME, SEND, "send     = 60")], &[]));
}

#[test]
fn paces_that_make_no_sense_are_refused_each_with_its_place() {
    let asked = format!(
        "{RELAY}\nper_minute = 2000000\n[[smtp.domain]]\nname = \"me@gmail.com\"\nper_minute = 120\n[[smtp.domain]]\nname = \"*\"\n\
         [[smtp.domain]]\nname = \"x.example\"\nper_minute = 1\n[[smtp.domain]]\nname = \"X.example\"\nper_minute = 2\nburst = 9\n"
    );
    assert_snapshot!(refusal(&[("nurtured.toml", RELAY, &asked)], &[]));
}
