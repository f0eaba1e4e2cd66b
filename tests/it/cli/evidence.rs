//! Evidence on the command line: decisions, judgements, what was known then, and the desk.

use super::Desk;
use nurtured::clock::{Clock, SystemClock};
use nurtured::domain::span::Span;

const ADA: &str = "ada@albareda.example";

fn with_ada() -> Desk {
    let desk = Desk::new();
    let list = format!("email,name,company,phone,industry\n{ADA},Ada Vega,Albareda,+34 600,food\n");
    assert_eq!(desk.pipe(&["prospects", "import", "-"], list.as_bytes()).code, 0);
    desk
}

fn day(in_days: i64) -> String {
    Span::days(in_days).after(SystemClock.now()).to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

#[test]
fn near_misses_are_listed_with_what_was_never_asked() {
    let desk = with_ada();
    assert!(desk.run(&["desk"]).out.contains("Nobody has three or four"));
    let call = ["signals", "log", ADA, "--kind", "call", "--by", "marta", "--proves", "vision", "--proves", "need"];
    assert_eq!(desk.run(&call).code, 0);
    let decide = ["signals", "override", ADA, "--criterion", "authority", "--by", "marta", "--until", &day(90)];
    let left = desk.run(&[&decide[..], &["--note", "she signs for the plant"]].concat());
    assert!(left.code == 0 && left.out.contains("3 of 5 met"), "{left:?}");
    let told = desk.run(&["desk"]).out;
    for words in ["Ada Vega, Albareda, +34 600", "3 of 5", "Budget", "Timeframe", "never asked", "ask: “Out of which budget"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let json = desk.json(&["desk", "--most", "5"]);
    assert_eq!((&json[0]["met"], &json[0]["missing"][0]["criterion"]), (&3.into(), &"budget".into()));
    let explained = desk.run(&["explain", ADA]).out;
    assert!(explained.contains("Authority lapses") && explained.contains("logged by marta"), "{explained}");
    assert_eq!(desk.run(&["desk", "--most", "0"]).code, 2);
}

#[test]
fn what_is_judged_is_told_of_now_and_not_of_then() {
    let desk = with_ada();
    desk.run(&["signals", "log", ADA, "--kind", "call", "--by", "marta", "--proves", "budget"]);
    let before = desk.json(&["explain", ADA]);
    let signal = before["criteria"][1]["cites"][0]["signal"].to_string();
    let then = before["at"].as_str().expect("an instant").to_owned();
    let judge = ["signals", "judge", &signal, "--as", "machine", "--by", "marta", "--note", "logged by mistake"];
    let left = desk.run(&judge);
    assert!(left.code == 0 && left.out.contains("counts for nothing"), "{left:?}");
    let now = desk.json(&["explain", ADA]);
    assert_eq!((&now["criteria"][1]["verdict"], &now["ignored"][0]["criterion"]), (&"unknown".into(), &serde_json::Value::Null));
    assert!(now["ignored"][0]["why"].as_str().expect("a reason").starts_with("evidence withdrawn"), "{now}");
    let past = desk.json(&["explain", ADA, "--at", &then]);
    assert_eq!(
        (&past["criteria"][1]["verdict"], &past["not_now"], &past["next"]),
        (&"met".into(), &true.into(), &serde_json::Value::Null)
    );
    let printed = desk.run(&["explain", ADA, "--at", &then]).out;
    assert!(printed.contains("as of ") && !printed.contains("Next:"), "{printed}");
    let ahead = desk.run(&["explain", ADA, "--at", &format!("{}T00:00:00Z", day(500))]);
    assert!(ahead.code == 0, "{ahead:?}");
    for (arguments, code, words) in [
        (vec!["explain", ADA, "--at", "2020-01-01T00:00:00Z"], 1, "came in"),
        (vec!["explain", ADA, "--at", "yesterday"], 2, "--at"),
        (vec!["signals", "judge", "999", "--as", "machine", "--by", "marta", "--note", "x"], 1, "signal 999"),
        (vec!["signals", "judge", "1", "--as", "robot", "--by", "marta", "--note", "x"], 2, "machine"),
        (vec!["signals", "judge", "1", "--as", "machine", "--by", "marta", "--note", " "], 1, "say why"),
        (
            vec!["signals", "override", ADA, "--criterion", "need", "--by", "marta", "--until", "2020-01-01", "--note", "x"],
            1,
            "future",
        ),
        (
            vec!["signals", "override", ADA, "--criterion", "need", "--by", "bob", "--until", "2120-01-01", "--note", "x"],
            2,
            "dana, luc",
        ),
    ] {
        let left = desk.run(&arguments);
        assert!(left.code == code && left.err.contains(words), "{arguments:?}: {left:?}");
    }
}
