//! Simulation on the command line: the same command prints the same bytes, the database of the configuration is only looked
//! at, and what cannot be simulated is said.

use super::Desk;

const LIST: &str =
    "email,name,company,industry,country\nada@albareda.example,Ada Vega,Albareda,food,ES\nno address,Bo,X,food,ES\n";

#[test]
fn the_same_command_prints_the_same_bytes() {
    let desk = Desk::bare();
    let simulate = |seed: &str, more: &[&str]| {
        let asked = ["simulate", "--from", "2026-01-12", "--until", "2026-06-30", "--made-up", "60", "--seed", seed];
        let left = desk.run(&[&asked[..], more].concat());
        assert_eq!(left.code, 0, "{left:?}");
        left.out
    };
    let told = simulate("7", &[]);
    assert_eq!(told, simulate("7", &[]));
    let json = simulate("7", &["--json"]);
    assert_eq!(json, simulate("7", &["--json"]));
    assert_ne!(json, simulate("8", &["--json"]).replace("\"seed\": 8", "\"seed\": 7"));
    for words in [
        "60 prospects, made up.",
        "From 2026-01-12 to 2026-06-30, seed 7.",
        "Sun 2026-03-29 02:00         clocks go forward: +01:00 becomes +02:00",
        "Tue 2026-04-07 09:30 +02:00  line-downtime        who-should-see-it",
        "2026-Q1",
        "Prospects without a future: 0.",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
    // Nobody's database came into being.
    assert!(!desk.path("desk.db").exists());
}

#[test]
fn the_database_of_the_configuration_is_looked_at_and_left_alone() {
    let desk = Desk::new();
    assert_eq!(desk.pipe(&["prospects", "import", "-"], LIST.as_bytes()).code, 65);
    let before = std::fs::read(desk.path("desk.db")).expect("a database");
    let report = desk.json(&["simulate", "--from", "2026-01-12", "--until", "2026-03-31"]);
    assert_eq!((&report["prospects"], &report["prospects_from"]), (&1.into(), &"the database of this configuration".into()));
    assert_eq!(report["load"]["mails"], 3);
    assert!(before == std::fs::read(desk.path("desk.db")).expect("a database"), "the database was written to");

    let list = desk.file("list.csv", LIST);
    let left = desk.run(&["simulate", "--from", "2026-01-12", "--until", "2026-03-31", "--prospects", &list]);
    assert!(left.code == 0 && left.out.starts_with("1 prospects (1 left out), the list"), "{left:?}");
    assert!(left.err.contains("line 3"), "{left:?}");
}

#[test]
fn what_cannot_be_simulated_is_said() {
    let desk = Desk::new();
    let simulate = |more: &[&str]| desk.run(&[&["simulate", "--made-up", "5", "--from", "2026-01-12"], more].concat());
    let left = simulate(&["--until", "2026-01-11"]);
    assert!(left.code == 2 && left.err.contains("is before 2026-01-12"), "{left:?}");
    let left = simulate(&["--until", "2050-01-11"]);
    assert!(left.code == 2 && left.err.contains("more than 20 years"), "{left:?}");
    assert_eq!(simulate(&["--until", "soon"]).code, 2);
    let file = desk.file("odd.toml", "reads = { days = \"mon-fri\" }\nletter = \"go on\"\n");
    let left = simulate(&["--until", "2026-02-01", "--behaviour", &file]);
    assert!(left.code == 78 && left.err.contains("odd.toml:1:9") && left.err.contains("unknown key `letter`"), "{left:?}");
    assert_eq!(simulate(&["--until", "2026-02-01", "--behaviour", "nowhere.toml"]).code, 78);
    let left = desk.run(&["simulate", "--until", "2026-02-01", "--from", "2026-01-12", "--prospects", "nowhere.csv"]);
    assert_eq!(left.code, 65, "{left:?}");
}
