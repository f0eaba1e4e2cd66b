//! Lists of calls and booth scans: good rows once, bad rows named, and nobody says what the API would not let them say.

use super::Desk;

const PEOPLE: &str = "email,name\nada@albareda.example,Ada\nbea@bea-foods.example,Bea\ngil@riba.example,Gil\n";
const SCANS: &str = "\u{feff}E-Mail;Company;Scanned at;Scanned by;Notes\r\n\
    Ada@albareda.example;Albareda;2026-03-02 10:30;dana;\"Line 4 stands still; a lot\"\r\n\
    bea@bea-foods.example;Bea;2026-03-02 11:00;dana;\r\n\
    bea@bea-foods.example;Bea;2026-03-02 11:00;dana;\r\n\
    nobody@unknown.example;X;2026-03-02 11:05;dana;\r\n\
    no address;X;2026-03-02 11:10;dana;\r\n\
    gil@riba.example;Riba;yesterday;dana;\r\n\
    gil@riba.example;Riba;2026-03-02 11:20;nobody;\r\n\
    gil@riba.example;Riba;2999-03-02 11:20;dana;\r\n";

fn filled(desk: &Desk) {
    let people = desk.file("people.csv", PEOPLE);
    assert_eq!(desk.run(&["prospects", "import", &people]).code, 0);
}

fn signals(desk: &Desk, email: &str) -> Vec<serde_json::Value> {
    let shown = desk.json(&["prospects", "show", email]);
    let all = shown["signals"].as_array().expect("signals").clone();
    all.into_iter().filter(|signal| ["touch", "event"].contains(&signal["detail"]["kind"].as_str().unwrap_or_default())).collect()
}

#[test]
fn booth_scans_come_in_once_and_a_bad_row_is_named_with_its_line() {
    Desk::each(|desk| {
        filled(desk);
        let list = desk.file("scans.csv", SCANS);
        let dry = desk.run(&["signals", "import", &list, "--kind", "fair", "--dry-run"]);
        assert_eq!(dry.code, 65, "{dry:?}");
        assert!(dry.out.contains("8 read, 2 would be recorded, 1 known already, 5 bad."), "{dry:?}");
        assert!(signals(desk, "ada@albareda.example").is_empty(), "a dry run writes nothing");
        let first = desk.run(&["signals", "import", &list, "--kind", "fair"]);
        assert_eq!(first.code, 65, "{first:?}");
        assert!(first.out.contains("8 read, 2 recorded, 1 known already, 5 bad."), "{first:?}");
        for (line, words) in [
            (5, "no prospect has this address"),
            (6, "email"),
            (7, "\"at\""),
            (8, "not on the roster"),
            (9, "lies in the future"),
        ] {
            let told = first.err.lines().find(|told| told.contains(&format!("scans.csv:{line}:"))).unwrap_or_default();
            assert!(told.contains(words), "{line}: {told}: {first:?}");
        }
        assert!(!first.err.contains("unknown.example") && !first.err.contains("yesterday"), "no value is repeated: {first:?}");
        let ada = signals(desk, "ada@albareda.example");
        assert_eq!(ada.len(), 1);
        assert_eq!((ada[0]["detail"]["touch"].as_str(), ada[0]["by"].as_str()), (Some("fair"), Some("dana")), "{ada:?}");
        assert_eq!(ada[0]["detail"]["note"], "Line 4 stands still; a lot");
        assert_eq!(ada[0]["occurred_at"], "2026-03-02T09:30:00Z", "in Dana's zone");
        let again = desk.run(&["signals", "import", &list, "--kind", "fair"]);
        assert!(again.out.contains("8 read, 0 recorded, 3 known already, 5 bad."), "{again:?}");
        assert_eq!(signals(desk, "bea@bea-foods.example").len(), 1);
    });
}

#[test]
fn an_id_stands_for_one_row_and_events_have_fields() {
    let desk = Desk::new();
    filled(&desk);
    let run = |content: &str| desk.pipe(&["signals", "import", "-", "--json"], content.as_bytes());
    let first = run("id,email,event,at,Plan\ncall-1,ada@albareda.example,trial,2026-03-02T10:00:00Z,large\n");
    assert_eq!(first.code, 0, "{first:?}");
    let events = signals(&desk, "ada@albareda.example");
    assert_eq!(
        (events[0]["detail"]["event"].as_str(), events[0]["detail"]["fields"]["Plan"].as_str()),
        (Some("trial"), Some("large"))
    );
    let other = run("id,email,event,at,Plan\ncall-1,bea@bea-foods.example,trial,2026-03-02T10:00:00Z,small\n");
    assert_eq!(other.code, 65, "{other:?}");
    assert!(other.err.contains(":2:") && other.err.contains("another row came under this id"), "{other:?}");
    assert!(signals(&desk, "bea@bea-foods.example").is_empty());
    // A criterion is proven by a kind of touch that a rule reads, as `signals log` has it.
    let unread = run("email,kind,at,by,proves\nada@albareda.example,note,2026-03-02T10:00:00Z,dana,vision\n");
    assert!(unread.code == 65 && unread.err.contains("no rule in qualification.toml reads"), "{unread:?}");
    let bare = run("email,kind,at\nada@albareda.example,call,2026-03-02T10:00:00Z\n");
    assert!(bare.code == 65 && bare.err.contains("a touch needs `by`"), "{bare:?}");
    let timeless = run("email,kind,by\nada@albareda.example,call,dana\n");
    assert!(timeless.code == 65 && timeless.err.contains("needs the time"), "{timeless:?}");
    for (list, words) in [
        ("name,at\nAda,2026-03-02\n", "no column is called email"),
        ("email,date\nada@albareda.example,2026-03-02\n", "call it `at`, or `named_date`"),
        ("email,e-mail\na@x.example,b@x.example\n", "two columns mean `email`"),
        ("", "empty"),
    ] {
        let refused = run(list);
        assert!(refused.code == 65 && refused.err.contains(words), "{list}: {refused:?}");
    }
}

#[test]
fn a_list_says_no_more_than_the_token_it_comes_under() {
    let desk = Desk::new();
    filled(&desk);
    let config = desk.configuration();
    let file = config.join("nurtured.toml");
    let text = std::fs::read_to_string(&file).expect("the example");
    let token = "[[http.token]]\nname = \"booth\"\nmay = [\"touches\"]\nby = [\"dana\"]\nsecret = \"0f1e2d3c4b5a69788796a5b4c3d2e1f0\"\n\n[fields]";
    std::fs::write(&file, text.replacen("[fields]", token, 1)).expect("written");
    let run = |content: &str, token: &str| {
        desk.under(&config, &["signals", "import", "-", "--at", "2026-03-02T10:00:00Z", "--token", token], content.as_bytes())
    };
    assert_eq!(run("email,kind,by\nada@albareda.example,call,dana\n", "booth").code, 0);
    let other = run("email,kind,by\nada@albareda.example,call,marta\n", "booth");
    assert!(other.code == 65 && other.err.contains("may not report on behalf of marta"), "{other:?}");
    let event = run("email,event\nada@albareda.example,trial\n", "booth");
    assert!(event.code == 65 && event.err.contains("lacks the right"), "{event:?}");
    assert_eq!(run("email,kind,by\nada@albareda.example,call,dana\n", "nobody").code, 2);
}
