//! Skip dates, late occurrences, windows.

use crate::config::tests::changes::{DOWNTIME, load_changed, refusal};
use crate::domain::group::campaign::{Campaign, Late, Otherwise};
use crate::domain::group::cap::Cap;
use crate::domain::span::Span;
use insta::assert_snapshot;

const LATE: &str = "late     = { send_within = \"6h\", otherwise = \"skip\" }";

fn campaign(changes: &[(&str, &str)]) -> Campaign {
    let changes: Vec<_> = changes.iter().map(|(from, to)| (DOWNTIME, *from, *to)).collect();
    load_changed(&changes, &[]).expect("valid").plan.campaigns.remove(0)
}

#[test]
fn when_a_campaign_is_sent_is_read() {
    let example = campaign(&[]);
    assert_eq!(example.late, Late::default());
    assert_eq!((example.schedule.skip().to_string().as_str(), example.window.is_none()), ("12-24..01-06", true));
    let changed = campaign(&[
        ("[\"12-24..01-06\"]", "[\"2027-05-01\", \"08-01..08-31\"]"),
        (
            LATE,
            "late = { send_within = \"2 days\", otherwise = \"send\" }\nwindow = { days = \"mon-thu\", from = \"22:00\", to = \"06:00\" }",
        ),
    ]);
    assert_eq!(changed.late, Late { send_within: Span::days(2), otherwise: Otherwise::Send });
    assert_eq!(changed.schedule.skip().to_string(), "2027-05-01, 08-01..08-31");
    let window = changed.window.expect("a window");
    assert_eq!((window.to_string().as_str(), window.zone.iana_name()), ("mon,tue,wed,thu 22:00 to 06:00", Some("Europe/Madrid")));
}

#[test]
fn what_is_left_out_of_them_has_a_stated_default() {
    let late = |text| campaign(&[(LATE, text)]).late;
    assert_eq!(late(""), Late::default());
    assert_eq!(late("late = { otherwise = \"send\" }"), Late { otherwise: Otherwise::Send, ..Late::default() });
    assert_eq!(late("late = { send_within = \"1h\" }"), Late { send_within: Span::hours(1), ..Late::default() });
    for (text, shown) in [
        ("window = { days = \"sat,sun\" }", "sat,sun 00:00 to 00:00"),
        ("window = { from = \"08:00\" }", "mon,tue,wed,thu,fri,sat,sun 08:00 to 00:00"),
        ("window = { days = \"mon\", from = \"00:00\", to = \"24:00\" }", "mon 00:00 to 00:00"),
    ] {
        assert_eq!(campaign(&[(LATE, text)]).window.expect(text).to_string(), shown);
    }
}

#[test]
fn dates_hours_and_lateness_that_cannot_be_meant() {
    let changes = [
        (DOWNTIME, "[\"12-24..01-06\"]", "[\"12-24..01-06\", \"31-12\", \"2027-05-02..2027-05-01\"]"),
        (
            DOWNTIME,
            LATE,
            "late = { send_within = \"soon\", otherwise = \"never\" }\nwindow = { days = \"weekdays\", from = \"8\", to = \"25:00\" }",
        ),
    ];
    assert_snapshot!(refusal(&changes, &[]));
}

#[test]
fn a_window_that_never_opens_and_a_schedule_that_skips_everything() {
    let changes = [
        (DOWNTIME, "[\"12-24..01-06\"]", "[\"01-01..12-31\"]"),
        (DOWNTIME, LATE, "window = { from = \"08:00\", to = \"08:00\", hours = 1 }"),
    ];
    assert_snapshot!(refusal(&changes, &[]));
    let empty = refusal(&[(DOWNTIME, LATE, "window = {}")], &[]);
    assert!(empty.contains("this window says nothing"), "{empty}");
}

const NO_CAP: &str = "# [sending]\n# cap = { mails = 4, within = \"7d\" }";

#[test]
fn the_cap_is_read_and_there_is_none_without_it() {
    let with_cap = NO_CAP.replace("# ", "");
    let cap = |text, environment: &[(&str, &str)]| {
        load_changed(&[("nurtured.toml", NO_CAP, text)], environment).expect("valid").plan.settings.cap
    };
    assert_eq!(cap(NO_CAP, &[]), None);
    assert_eq!(cap("[sending]", &[]), None);
    // As the example has it, once the # is removed.
    assert_eq!(cap(with_cap.as_str(), &[]), Some(Cap { mails: 4, within: Span::days(7) }));
    let environment = [("NURTURED__SENDING__CAP__MAILS", "2"), ("NURTURED__SENDING__CAP__WITHIN", "1 month")];
    assert_eq!(cap("", &environment), Some(Cap { mails: 2, within: Span::parse("1 month").expect("a span") }));
}

#[test]
fn how_often_less_often_is_stands_in_the_example_as_it_is_without_it() {
    let less_often = |text: &str| load_changed(&[("nurtured.toml", NO_CAP, text)], &[]).expect("valid").plan.settings.less_often;
    assert_eq!(less_often(NO_CAP), Cap::LESS_OFTEN);
    assert_eq!(less_often("[sending]\nless_often = { mails = 2, within = \"60d\" }"), Cap { mails: 2, within: Span::days(60) });
    let example = crate::config::example::FILES.iter().find(|(path, _)| *path == "nurtured.toml").expect("the file").1;
    let commented = example.lines().find_map(|line| line.strip_prefix("# less_often")).expect("it is named");
    assert_eq!(less_often(&format!("[sending]\nless_often{commented}")), Cap::LESS_OFTEN);
}

#[test]
fn a_topic_is_a_name() {
    let topic = |text: &str| load_changed(&[(DOWNTIME, LATE, &format!("{LATE}\ntopic = {text}"))], &[]);
    let plan = topic("\"short-stops\"").expect("valid").plan;
    assert_eq!(plan.topics().into_iter().map(ToString::to_string).collect::<Vec<_>>(), ["production", "short-stops"]);
    assert!(topic("\"Short stops!\"").is_err() && topic("3").is_err());
}

#[test]
fn a_cap_that_cannot_be_meant() {
    let changed = "[sending]\ncap = { mails = 0, within = \"0d\", per = 1 }\npause = 1";
    assert_snapshot!(refusal(&[("nurtured.toml", NO_CAP, changed)], &[]));
    let missing = refusal(&[("nurtured.toml", NO_CAP, "[sending]\ncap = {}")], &[]);
    assert!(missing.contains("`mails` is missing") && missing.contains("`within` is missing"), "{missing}");
}
