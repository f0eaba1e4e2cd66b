//! Other rules on the command line.

use super::Desk;

const RULES: &str = include_str!("../../../config/qualification.toml");

fn with_ada() -> Desk {
    let desk = Desk::new();
    let list = "email,name,company,industry\nada@albareda.example,Ada Vega,Albareda,food\n";
    assert_eq!(desk.pipe(&["prospects", "import", "-"], list.as_bytes()).code, 0);
    let mut call = vec!["signals", "log", "ada@albareda.example", "--kind", "call", "--by", "marta", "--date", "2099-01-01"];
    for criterion in ["vision", "budget", "authority", "need"] {
        call.extend(["--proves", criterion]);
    }
    assert_eq!(desk.run(&call).code, 0);
    desk
}

#[test]
fn other_rules_are_checked_like_the_ones_in_force_and_tell_who_is_gained() {
    let desk = with_ada();
    let same = desk.file("same.toml", RULES);
    let left = desk.run(&["backtest", "--rules", &same]);
    assert_eq!(left.code, 0, "{left:?}");
    for words in ["The rules in force", "0 of 0 decisions", "What holds most people back: Timeframe"] {
        assert!(left.out.contains(words), "{words}: {left:?}");
    }
    assert!(left.err.is_empty(), "no bar where nobody looks: {left:?}");
    // A touch needs no date where the timeframe is proved by asking at all.
    let other = desk.file("other.toml", RULES.replace("requests = [", "requests = [{ form = \"other\" }, "));
    let found = desk.json(&["backtest", "--rules", &other]);
    assert_eq!((&found["unchanged"], &found["changes"]["gained"], &found["was"]["ready"]), (&false.into(), &0.into(), &0.into()));
    assert_eq!(found["held_back"][0]["prospects"], 1);
    let broken = desk.file("broken.toml", RULES.replace("horizon = \"9 months\"", "horizon = \"9 mnths\""));
    let misread = desk.file("misread.toml", [0x68, 0xff, 0x0a]);
    for (arguments, code, words) in [
        (vec!["backtest", "--rules", &broken], 78, "broken.toml:6:11"),
        (vec!["backtest", "--rules", &misread], 78, "line 1 is not UTF-8"),
        (vec!["backtest", "--rules", "nowhere.toml"], 78, "nowhere.toml"),
        (vec!["backtest"], 2, "--rules"),
        (vec!["backtest", "--rules", &same, "--since", "2999-01-01"], 2, "a day to come"),
        (vec!["backtest", "--rules", &same, "--since", "May"], 2, "--since"),
    ] {
        let left = desk.run(&arguments);
        assert!(left.code == code && left.err.contains(words), "{arguments:?}: {left:?}");
    }
    assert_eq!(desk.run(&["backtest", "--rules", &same, "--since", "2020-01-01"]).code, 0);
}
