//! `plan` and `apply` as somebody types them, on files of their own.

use super::{Desk, Left};
use std::fs;
use std::path::PathBuf;

const LIST: &str = "email,name,company,country,industry,tags\n\
    ada@albareda.com,Ada Vega,Albareda,ES,food,fair-2025\n\
    bo@quinta-doce.com,Bo,Quinta Doce,PT,packaging,\n\
    zoe@altres.com,Zoe,Altres,DE,chemistry,\n";

/// A desk, and a configuration on it that may really send.
struct Office {
    desk: Desk,
    config: PathBuf,
}

impl Office {
    fn open() -> Self {
        let desk = Desk::new();
        let config = crate::daemon::write_configuration(&desk.path(""));
        let office = Self { desk, config };
        let list = office.desk.file("list.csv", LIST);
        let left = office.run(&["prospects", "import", &list]);
        assert_eq!(left.code, 0, "{left:?}");
        office
    }

    fn run(&self, arguments: &[&str]) -> Left {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nurtured"));
        command.env_clear().envs(self.desk.environment().iter().cloned()).env("NURTURED_CONFIG", &self.config);
        let output = assert_cmd::Command::from_std(command).args(arguments).write_stdin("").output().expect("it runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Left { code: output.status.code().expect("it ends by itself"), out: text(output.stdout), err: text(output.stderr) }
    }

    fn plan(&self) -> serde_json::Value {
        let left = self.run(&["plan", "--json"]);
        assert_eq!(left.code, 0, "{left:?}");
        serde_json::from_str(&left.out).expect("JSON")
    }

    fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.config.join(file);
        let text = fs::read_to_string(&path).expect("a file");
        assert!(text.contains(from), "{file} holds no {from:?}");
        fs::write(path, text.replacen(from, to, 1)).expect("written");
    }
}

#[test]
fn a_plan_is_looked_at_and_applied_once() {
    let office = Office::open();
    let first = office.run(&["plan"]);
    assert_eq!(first.code, 0, "{first:?}");
    for words in
        ["nothing was in force before", "Campaign line-downtime, added", "0 -> 2 prospects", "`nurtured apply` makes it so"]
    {
        assert!(first.out.contains(words), "{words}: {}", first.out);
    }
    assert_eq!(office.plan()["is_new"], true, "to look changed nothing");
    let nobody = office.run(&["apply"]);
    assert!(nobody.code == 2 && nobody.err.contains("--yes"), "{nobody:?}");
    assert_eq!(office.plan()["is_new"], true, "nobody said yes");

    let done = office.run(&["apply", "--yes"]);
    assert!(done.code == 0 && done.out.contains("It is in force."), "{done:?}");
    for verb in [&["apply", "--yes"][..], &["apply"], &["plan"]] {
        let again = office.run(verb);
        assert!(again.code == 0 && again.out.contains("Nothing would change."), "{again:?}");
    }

    office.change("campaigns/line-downtime.toml", "in = [\"food\", \"packaging\"]", "in = [\"packaging\"]");
    office.change("campaigns/line-downtime.toml", "{ tag = \"fair-2025\" }", "{ tag = \"fair-2026\" }");
    office.change("salespeople.toml", "to = [\"dana\", \"luc\"]", "to = [\"luc\"]");
    // A verb that reads puts nothing of it in force.
    assert_eq!(office.run(&["campaigns", "list"]).code, 0);
    let told = office.plan();
    let campaign = &told["campaigns"][0];
    assert_eq!(campaign["keys"], serde_json::json!(["audience"]), "{told}");
    assert_eq!([&campaign["audience_before"], &campaign["audience_after"], &campaign["loses"]], [2, 1, 1], "{told}");
    assert_eq!(told["people"], serde_json::Value::Null, "nobody is named unless asked for");
    let named = office.run(&["plan", "--list"]).out;
    assert!(named.contains("loses line-downtime: 1 ada@albareda.com"), "{named}");
    assert!(named.contains("dana or luc -> luc"), "{named}");

    // What is not valid is refused by both, and what was in force stays.
    office.change("qualification.toml", "max_new_offers = 20", "max_new_offers = 0");
    for verb in [&["plan"][..], &["apply", "--yes"]] {
        let refused = office.run(verb);
        assert!(refused.code == 78 && refused.err.contains("0 is out of range"), "{refused:?}");
    }
    office.change("qualification.toml", "max_new_offers = 0", "max_new_offers = 5");
    let told = office.plan();
    assert_eq!((&told["max_new_offers"], &told["campaigns"][0]["audience_before"]), (&5.into(), &2.into()));
}

#[test]
fn what_is_still_the_examples_is_planned_and_not_applied() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["plan"]).code, 0);
    let refused = desk.run(&["apply", "--yes"]);
    assert!(refused.code == 78 && refused.err.contains("example"), "{refused:?}");
}
