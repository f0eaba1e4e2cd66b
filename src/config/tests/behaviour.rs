//! Behaviour files: the example's is valid, and every mistake is shown with its place.

use crate::config::behaviour::{read, usual};
use crate::config::example::{BEHAVIOUR, load_embedded};
use crate::config::tests::changes::load_changed;
use crate::domain::criterion::Criterion;
use crate::domain::plan::Plan;

fn plan() -> Plan {
    load_embedded(&[]).expect("the example is valid").plan
}

#[test]
fn the_examples_behaviour_is_valid_and_says_what_it_says() {
    let behaviour = read("behaviour.toml", BEHAVIOUR, &plan()).expect("valid");
    assert!(behaviour.writes_on && behaviour.desk.is_some());
    let names: Vec<&str> = behaviour.people.iter().map(|kind| kind.name.as_str()).collect();
    assert_eq!(names, ["with-a-project", "readers"]);
    assert_eq!(behaviour.people[0].clicks.to_string(), "30%");
    assert_eq!(behaviour.people[1].says[Criterion::Budget].get("No"), Some(&6));
    assert!(behaviour.people[1].says[Criterion::Need].is_empty());
}

/// Each mistake, and the words that name it.
#[test]
fn slips_are_refused_with_their_place() {
    let cases: &[(&str, &str, &str)] = &[
        ("share = \"8%\"", "share = \"eight\"", "is no share"),
        ("share = \"8%\"", "share = 8", "expected a text, found a whole number"),
        ("gone  = \"0.03%\"", "gone  = \"103%\"", "is no share"),
        ("gone  =", "gon =", "unknown key `gon`"),
        ("delay   = \"4h\"", "delay = \"0h\"", "no time at all"),
        ("letters = \"go on\"", "letters = \"more\"", "none of the words this takes"),
        ("zone = \"Europe/Madrid\"", "zone = \"Europe/Madird\"", "no IANA time zone"),
        ("to = \"20:00\"", "to = \"07:00\"", "the day ends before it begins"),
        ("pricing = 3", "prices = 3", "unknown topic `prices`"),
        ("when-to-start = \"45%\"", "when-to-stop = \"45%\"", "unknown newsletter `when-to-stop`"),
        ("\"Yes, over 50,000 €\" = 2", "\"Yes, over 50 €\" = 2", "nobody can answer \"Yes, over 50 €\" about Budget"),
        ("vision    = {", "visions    = {", "unknown key `visions`"),
        ("form = \"webinar\", share = \"1%\"", "form = \"webinar\"", "`share` is missing"),
        ("words        = [\"Thank you.\", \"Please send this to my colleague as well.\"]\n", "", "replies without words"),
        ("accept = 90", "accepts = 90", "unknown word \"accepts\""),
        ("\"bad timing\" = 30", "\"bad luck\" = 30", "unknown word \"bad luck\""),
        (
            "ends    = { won = 22, lost = 18, \"bad timing\" = 30, \"no budget\" = 18, \"wrong person\" = 5, \"went elsewhere\" = 7 }",
            "ends = { won = 0 }",
            "nothing here can happen",
        ),
        ("by      = \"marta\"", "by = \"marat\"", "unknown person `marat`"),
        ("by      = \"marta\"", "by = \"dana\"", "`dana` is a salesperson"),
        ("[sales]", "[seller]", "`sales` is missing"),
        ("name         = \"readers\"", "", "`name` is missing"),
        ("name         = \"readers\"", "name = \"readers\"\nwhen = { field = \"sector\", is = \"x\" }", "unknown field `sector`"),
        ("[scanners]", "[scanners", "this is not TOML"),
    ];
    for (from, to, words) in cases {
        assert!(BEHAVIOUR.contains(from), "{from}");
        let problems = read("config/behaviour.toml", &BEHAVIOUR.replacen(from, to, 1), &plan()).expect_err(to).to_string();
        assert!(problems.contains(words), "{to}\n{problems}");
        assert!(problems.contains("--> config/behaviour.toml:") && problems.contains("help: "), "{problems}");
    }
}

#[test]
fn people_of_another_company_act_as_far_as_it_knows_the_words() {
    let other = load_changed(
        &[
            ("qualification.toml", "say = \"Yes, over 50,000 €\"", "say = \"Yes, plenty\""),
            ("qualification.toml", "[recycle.\"went elsewhere\"]", "[recycle.\"chose another\"]"),
            ("campaigns/line-downtime/06-when-to-start.md", "\"when-to-start\"", "\"when-to-begin\""),
        ],
        &[],
    );
    let plan = other.expect("valid").plan;
    assert!(read("behaviour.toml", BEHAVIOUR, &plan).is_err());
    let usual = usual(&plan);
    assert!(usual.people[0].newsletters.is_empty());
    assert!(!usual.people[0].says[Criterion::Budget].contains_key("Yes, over 50,000 €"));
    assert_eq!(usual.people[0].says[Criterion::Budget].len(), 3);
    assert_eq!(usual.sales.ends.len(), 5);
}
