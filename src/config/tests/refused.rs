//! What is refused, word for word.

use crate::config::tests::changes::{DOWNTIME, FIRST, SECOND, load_changed, refusal};
use insta::assert_snapshot;

#[test]
fn an_unknown_key_is_told_what_was_meant() {
    assert_snapshot!(refusal(&[("nurtured.toml", "connections = 4", "conections = 4")], &[]));
}

#[test]
fn a_key_of_a_later_day_is_unknown() {
    assert_snapshot!(refusal(&[(DOWNTIME, "order    =", "variants = []\norder    =")], &[]));
}

#[test]
fn a_cron_that_never_fires() {
    assert_snapshot!(refusal(&[(DOWNTIME, "30 9 * * TUE#1", "30 9 30 2 *")], &[]));
}

#[test]
fn a_zone_that_is_none() {
    assert_snapshot!(refusal(&[(DOWNTIME, "Europe/Madrid", "Madrid")], &[]));
}

#[test]
fn an_audience_naming_an_unknown_field() {
    assert_snapshot!(refusal(&[(DOWNTIME, "field = \"industry\"", "field = \"industri\"")], &[]));
}

#[test]
fn a_route_to_an_unknown_salesperson() {
    assert_snapshot!(refusal(&[("salespeople.toml", "[\"dana\", \"luc\"]", "[\"dan\", \"marta\"]")], &[]));
}

#[test]
fn a_newsletter_without_id() {
    assert_snapshot!(refusal(&[(FIRST, "id        = \"what-a-stop-costs\"\n", "")], &[]));
}

#[test]
fn an_id_used_twice() {
    assert_snapshot!(refusal(&[(SECOND, "\"short-stops\"", "\"what-a-stop-costs\"")], &[]));
}

#[test]
fn front_matter_that_is_not_closed_or_not_there() {
    assert_snapshot!(refusal(&[(FIRST, "note.\"\n+++", "note.\""), (SECOND, "+++\n", "")], &[]));
}

#[test]
fn a_question_without_answers() {
    let answers = "answers  = [\n    { say = \"Yes, over 50,000 €\", power = \"meets\" },\n    \
                   { say = \"Yes, less than that\", power = \"meets\" },\n    \
                   { say = \"It is asked for in next year's budget\" },\n    { say = \"No\", power = \"contradicts\" },\n]\n";
    assert_snapshot!(refusal(&[("qualification.toml", answers, "")], &[]));
}

#[test]
fn a_template_naming_anything_of_a_prospect() {
    assert_snapshot!(refusal(&[(FIRST, "Most plants know", "Dear {{ prospect.name }}, most plants know")], &[]));
}

#[test]
fn tracking_not_chosen() {
    assert_snapshot!(refusal(&[("nurtured.toml", "tracking = \"consented\"\n", "")], &[]));
}

#[test]
fn several_problems_in_several_files_at_once() {
    let changes = [
        ("nurtured.toml", "\"https://news.tecnofab.example\"", "\"http://news.tecnofab.example\""),
        ("nurtured.toml", "employees = \"number\"", "employees = \"nummer\""),
        ("salespeople.toml", "\"luc@tecnofab.example\"", "\"luc\""),
        ("qualification.toml", "horizon = \"9 months\"", "horizon = \"soon\""),
        (DOWNTIME, "reply_to = \"marta\"", "reply_to = \"martha\""),
        (FIRST, "subject ", "subjekt "),
    ];
    assert_snapshot!(refusal(&changes, &[]));
}

#[test]
fn an_environment_override_of_the_wrong_type() {
    let environment = [("NURTURED__SMTP__PORT", "smtp"), ("NURTURED__HTTP__LISEN", "0.0.0.0:80"), ("NURTURED_LOG", "debug")];
    assert_snapshot!(refusal(&[], &environment));
}

#[test]
fn plaintext_to_a_remote_relay() {
    assert_snapshot!(refusal(&[("nurtured.toml", "security    = \"starttls\"", "security    = \"plaintext\"")], &[]));
}

#[test]
fn a_syntax_error_is_shown_with_the_problems_of_other_files() {
    let changes = [
        ("salespeople.toml", "name    = \"Dana Ortega\"", "name    = \"Dana Ortega"),
        (DOWNTIME, "order    = \"series\"", "order    = \"serial\""),
    ];
    assert_snapshot!(refusal(&changes, &[]));
}

#[test]
fn a_missing_file_is_one_problem() {
    assert_snapshot!(refusal(&[("salespeople.toml", "", "")], &[]));
}

#[test]
fn nothing_ever_prints_a_secret() {
    let slips = [
        "pasword = \"hunter2\"",
        "password = [\"hunter2\"]",
        "password = \"hunter2\nx = 1",
        "password = \"hunter2\"",
        "password = \"hunter2\"\npassword_file = \"x\"",
        "login = { user = 1, password = \"hunter2\" }",
        "password \"hunter2\"",
    ];
    for slip in slips {
        let toml = format!("return_path = \"x@x.example\"\n{slip}\n");
        let printed = refusal(&[("nurtured.toml", "return_path = \"bounces@news.tecnofab.example\"", &toml)], &[]);
        assert!(!printed.contains("hunter2"), "{printed}");
    }
    let loaded = load_changed(&[], &[("NURTURED__SMTP__USERNAME", "nurtured"), ("NURTURED__SMTP__PASSWORD", "hunter2")]);
    assert!(!format!("{:?}", loaded.expect("valid").plan).contains("hunter2"));
    let printed = refusal(&[], &[("NURTURED__SMTP__PASSWORD", "hunter2"), ("NURTURED__DATABASE__URL", "hunter2:x")]);
    assert!(!printed.contains("hunter2"), "{printed}");
}
