//! Routes that contradict themselves, or one another.

use crate::config::tests::changes::{load_changed, refusal};

const FILE: &str = "salespeople.toml";
const LARGE: &str = "{ field = \"employees\", at_least = 250 }";

/// A second condition beside "industry is food", and the first.
#[test]
fn a_route_that_no_prospect_can_fit_is_refused() {
    for condition in [
        "{ field = \"industry\", in = [\"packaging\", \"chemistry\"] }",
        "{ field = \"industry\", known = false }",
        "{ field = \"employees\", at_least = 250 }, { field = \"employees\", at_most = 200 }",
    ] {
        let printed = refusal(&[(FILE, LARGE, condition)], &[]);
        assert!(printed.contains("no prospect fits both conditions"), "{condition}\n{printed}");
        assert!(printed.contains("--> salespeople.toml:") && printed.contains('^'), "{printed}");
        assert!(printed.contains("the other stands at salespeople.toml:"), "{printed}");
    }
    for condition in [
        "{ field = \"industry\", in = [\"Food\", \"chemistry\"] }",
        "{ field = \"industry\", known = true }",
        "{ field = \"employees\", at_least = 250 }, { field = \"employees\", at_most = 250 }",
        "{ tag = \"industry\" }",
    ] {
        assert!(load_changed(&[(FILE, LARGE, condition)], &[]).is_ok(), "{condition}");
    }
}

#[test]
fn a_route_behind_one_that_takes_them_all_is_warned_of() {
    let warned = |changes: &[(&str, &str, &str)]| {
        let warnings = load_changed(changes, &[]).expect("valid").warnings;
        warnings.iter().map(ToString::to_string).filter(|w| w.contains("nobody ever comes this way")).collect::<Vec<_>>()
    };
    // The route of large plants has no condition any more, and Dana is never full.
    let everybody = (FILE, "when = [{ field = \"industry\", in = [\"food\"] }, { field = \"employees\", at_least = 250 }]\n", "");
    let room = (FILE, "at_most = 40\n", "");
    let told = warned(&[everybody, room]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("warning") && told[0].contains("--> salespeople.toml:") && told[0].contains('^'), "{}", told[0]);
    assert!(told[0].contains("fits the route at salespeople.toml:"), "{}", told[0]);
    assert!(warned(&[everybody]).is_empty(), "a desk can be full: then the next route is taken");
    let away = (FILE, "email   = \"dana@tecnofab.example\"", "email = \"dana@tecnofab.example\"\nactive = false");
    assert!(warned(&[everybody, room, away]).is_empty(), "nor does anybody go to who is away");
    assert!(warned(&[room]).is_empty(), "large plants are not all");
    // The same conditions again, for another salesperson.
    let same = (
        FILE,
        "when = { field = \"industry\", in = [\"packaging\"] }",
        "when = [{ field = \"industry\", in = [\"food\"] }, { field = \"employees\", at_least = 250 }]",
    );
    let luc = (FILE, "at_most = 25\n", "");
    assert_eq!(warned(&[same, luc]).len(), 1);
}
