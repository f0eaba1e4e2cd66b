//! Stopping and letting go on, as somebody types it.

use super::Desk;

#[test]
fn all_sending_is_stopped_and_goes_on() {
    let desk = Desk::new();
    assert!(desk.run(&["resume"]).out.contains("was not stopped"));
    let stopped = desk.json(&["stop", "--reason", "the prices are wrong"]);
    assert_eq!((&stopped["changed"], &stopped["sending"]["stopped"]["reason"]), (&true.into(), &"the prices are wrong".into()));
    let again = desk.run(&["stop"]);
    assert!(again.code == 0 && again.out.contains("stopped already: the prices are wrong"), "{again:?}");
    assert_eq!(desk.run(&["stop", "--reason", " "]).code, 2);
    assert!(desk.run(&["campaigns", "list"]).out.starts_with("Nothing is sent: stopped: the prices are wrong"));
    assert!(desk.json(&["campaigns", "list"])[0]["held"].as_str().expect("why").contains("nurtured resume"));
    assert!(desk.run(&["resume"]).out.contains("goes on"));
    assert!(desk.json(&["campaigns", "show", "line-downtime"])["standing"]["held"].is_null());
}

#[test]
fn nothing_uncertain_is_said_and_cannot_be_resolved() {
    let desk = Desk::new();
    assert!(desk.run(&["uncertain", "list"]).out.contains("Nothing is uncertain"));
    assert_eq!(desk.json(&["uncertain", "list"]), serde_json::json!([]));
    let resolve = |more: &[&str]| desk.run(&[&["uncertain", "resolve"], more].concat());
    for (left, code, words) in [
        (resolve(&["7", "--as", "accepted", "--by", "marta"]), 1, "uncertain list"),
        (resolve(&["--all-of", "7", "--as", "resend", "--by", "marta"]), 1, "uncertain list"),
        (resolve(&["7", "--as", "sent", "--by", "marta"]), 2, "resend"),
        (resolve(&["7", "--as", "accepted", "--by", "bob"]), 2, "dana"),
        (resolve(&["7", "--all-of", "7", "--as", "failed", "--by", "marta"]), 2, "cannot be used with"),
        (resolve(&["--as", "failed", "--by", "marta"]), 2, "required"),
    ] {
        assert!(left.code == code && left.err.contains(words), "{code} {words}: {left:?}");
    }
}
