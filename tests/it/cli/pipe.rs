//! `inbox ingest` as a mail server calls it: 0 only for a mail that is kept, 75 for whatever else happens, and nothing on standard
//! output that a stranger must not read.

use super::{Desk, Left};

const ADA: &str = "ada@albareda.example";
const REPLY: &[u8] = b"From: Ada <ada@albareda.example>\nTo: marta@tecnofab.example\nSubject: secret plans\n\
    Message-ID: <1@albareda.example>\n\nCall me about the hidden budget.\n";

fn with_ada() -> Desk {
    let desk = Desk::new();
    let list = format!("email,name,industry\n{ADA},Ada,food\n");
    assert_eq!(desk.pipe(&["prospects", "import", "-"], list.as_bytes()).code, 0);
    desk
}

/// Nothing of the mail or of the configuration is printed.
fn tells_nothing(left: &Left) {
    for words in ["secret", "hidden", "albareda", "Ada", "toml", "tracking", "-->", "sqlite", "/"] {
        assert!(!left.out.contains(words), "{words}: {left:?}");
    }
    for words in ["secret", "hidden", "albareda", "Ada", "-->", "tracking", "/"] {
        assert!(!left.err.contains(words), "{words}: {left:?}");
    }
}

fn signals(desk: &Desk) -> usize {
    desk.json(&["prospects", "show", ADA])["signals"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_mail_is_answered_with_0_only_when_it_is_kept_and_with_75_whatever_else_happens() {
    let desk = with_ada();
    let before = signals(&desk);
    let kept = desk.pipe(&["inbox", "ingest"], REPLY);
    assert_eq!((kept.code, signals(&desk)), (0, before + 1), "{kept:?}");
    tells_nothing(&kept);
    let again = desk.pipe(&["--json", "inbox", "ingest", "-"], REPLY);
    assert_eq!((again.code, signals(&desk)), (0, before + 1), "{again:?}");
    tells_nothing(&again);

    // What cannot be read is kept as it came.
    let noise = [0xff_u8; 300];
    let aside = desk.pipe(&["inbox", "ingest"], &noise);
    tells_nothing(&aside);
    let kept: Vec<_> = std::fs::read_dir(desk.path("unreadable")).expect("a folder").map(|e| e.expect("a file").path()).collect();
    assert!(aside.code == 0 && kept.len() == 1 && std::fs::read(&kept[0]).expect("read") == noise, "{aside:?} {kept:?}");
    let doctor = desk.run(&["doctor"]);
    assert!(doctor.out.contains("1 mails could not be read"), "{doctor:?}");

    // Whatever keeps it from being kept.
    let blocked = with_ada();
    std::fs::write(blocked.path("unreadable"), "a file where the folder should be").expect("written");
    let full = blocked.pipe(&["inbox", "ingest"], &noise);
    let none = Desk::bare().pipe(&["inbox", "ingest"], REPLY);
    let never_ran = Desk::new().with("NURTURED__TRACKING", "some");
    let ways = [
        ("no place to set it aside", full),
        ("no database", none),
        ("a broken configuration, and none in force", never_ran.pipe(&["inbox", "ingest"], REPLY)),
        ("no mail", desk.pipe(&["inbox", "ingest"], b"")),
        ("no such file", desk.pipe(&["inbox", "ingest", "/nowhere/at/all"], b"")),
        ("an unknown option", desk.pipe(&["inbox", "ingest", "--bogus"], REPLY)),
        ("too many words", desk.pipe(&["inbox", "ingest", "-", "${sender}", "ada@albareda.example"], REPLY)),
        ("help instead of a mail", desk.pipe(&["inbox", "ingest", "--help"], REPLY)),
        (
            "a log level that is none, and no database",
            Desk::bare().with("NURTURED_LOG", "loud").pipe(&["inbox", "ingest"], REPLY),
        ),
        (
            "another database than SQLite's",
            Desk::new().with("NURTURED__DATABASE__URL", "mysql://x").pipe(&["inbox", "ingest"], REPLY),
        ),
        ("a file that is no database", broken_file()),
        ("a panic", with_ada().with("NURTURED_FAILPOINT", "nonsense").pipe(&["inbox", "ingest"], REPLY)),
    ];
    for (why, left) in ways {
        assert_eq!(left.code, 75, "{why}: {left:?}");
        assert_eq!(left.out, "", "{why}");
        tells_nothing(&left);
    }
}

fn broken_file() -> Left {
    let desk = Desk::bare();
    desk.file("desk.db", "Dear Sir or Madam, this is not a database. ".repeat(99));
    desk.pipe(&["inbox", "ingest"], REPLY)
}

#[test]
fn a_mail_larger_than_is_read_is_set_aside_whole() {
    let desk = Desk::new();
    let mail = [b"From: ada@albareda.example\n\n".to_vec(), vec![b'x'; 26 << 20]].concat();
    assert_eq!(desk.pipe(&["inbox", "ingest"], &mail).code, 0);
    let kept = std::fs::read_dir(desk.path("unreadable")).expect("a folder").next().expect("a file").expect("an entry");
    assert_eq!(kept.metadata().expect("a file").len(), mail.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_campaign_is_broken_mails_are_read_under_the_configuration_in_force() {
    let desk = with_ada();
    let config = desk.configuration();
    let plan = nurtured::config::load(&config, desk.environment()).expect("valid").plan;
    let store = nurtured::daemon::assemble::open_store(&plan).await.expect("a database");
    let clock = std::sync::Arc::new(nurtured::clock::SystemClock);
    let node = nurtured::daemon::assemble::assemble(store.clone(), clock, plan).await.expect("a node");
    nurtured::flow::doorway::apply::begin(&node.ctx).await.expect("in force");
    store.close().await;
    let before = signals(&desk);
    std::fs::write(config.join("campaigns/line-downtime.toml"), "schedule = ").expect("broken");
    let kept = desk.under(&config, &["inbox", "ingest"], REPLY);
    tells_nothing(&kept);
    assert_eq!((kept.code, signals(&desk)), (0, before + 1), "{kept:?}");
    assert!(desk.run(&["queue", "iria"]).code == 0, "whoever reads replies has it");
}
