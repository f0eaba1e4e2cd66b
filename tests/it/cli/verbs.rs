//! The other verbs: logging, explaining, pausing, stopping, sending a test copy, forgetting.

use super::Desk;
use jiff::tz::TimeZone;
use nurtured::clock::{Clock, SystemClock};
use nurtured::daemon::assemble;
use nurtured::domain::span::Span;
use nurtured::flow::individual::hand_off;
use nurtured::mail::test_server::TestServer;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

const ADA: &str = "ada@albareda.example";

fn with_ada() -> Desk {
    let desk = Desk::new();
    let list = "email,name,company,phone,industry\nada@albareda.example,Adalmina Vega,Albareda,+34 600 123 987,food\n";
    assert_eq!(desk.pipe(&["prospects", "import", "-"], list.as_bytes()).code, 0);
    desk
}

#[test]
fn a_logged_call_is_explained() {
    let desk = with_ada();
    let unknown = desk.json(&["explain", ADA]);
    assert_eq!((&unknown["met"], &unknown["standing"]), (&0.into(), &"nurturing".into()));
    assert!(unknown["criteria"][1]["missing"]["in_a_newsletter"].as_str().expect("a question").contains("money"));
    assert!(unknown["next"]["what"].as_str().expect("a step").contains("line-downtime"), "{unknown}");

    let log = ["signals", "log", ADA, "--kind", "call", "--by", "dana", "--proves", "budget", "--proves", "need"];
    // Proofs run out: this holds whenever it runs.
    let then = SystemClock.now().to_string();
    let at = ["--at", &then, "--note", "sixty thousand, approved"];
    let said = desk.run(&[&log[..], &at].concat());
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("Missing: Vision, Authority, Timeframe"), "{said:?}");
    assert!(desk.run(&[&log[..], &at].concat()).out.contains("Known already"), "the same call twice is one");
    let signals = desk.json(&["prospects", "show", ADA])["signals"].as_array().map(Vec::len);
    assert_eq!(signals, Some(2), "what the list said, and the call");

    let explained = desk.run(&["explain", ADA]).out;
    for words in ["sixty thousand, approved", "logged by dana", "ask in person"] {
        assert!(explained.contains(words), "{words}: {explained}");
    }
    let json = desk.json(&["explain", ADA]);
    let budget = &json["criteria"][1];
    assert_eq!((&budget["criterion"], &budget["cites"][0]["by"]), (&"budget".into(), &"dana".into()));
    assert_eq!(budget["cites"][0]["at"], *then);
}

#[test]
fn what_makes_no_sense_is_refused_by_its_code() {
    let desk = with_ada();
    let log = |more: &[&str]| desk.run(&[&["signals", "log", ADA, "--by", "dana", "--kind", "call"], more].concat());
    for (left, code, words) in [
        (log(&["--proves", "timeframe"]), 1, "--date"),
        (log(&["--proves", "money"]), 2, "vision, budget"),
        (log(&["--at", "2999-01-01T00:00:00Z"]), 2, "future"),
        (desk.run(&["signals", "log", ADA, "--by", "bob", "--kind", "call"]), 2, "dana, luc"),
        (desk.run(&["signals", "log", "x@x.example", "--by", "dana", "--kind", "call"]), 1, "no prospect"),
        (desk.run(&["explain", "nobody"]), 2, "not a mail address"),
        (desk.run(&["campaigns", "show", "nope"]), 2, "line-downtime"),
        (desk.run(&["campaigns", "preview", "line-downtime", "--newsletter", "x"]), 2, "it has"),
        (desk.run(&["suppress", "remove", ADA, "--reason", "x"]), 1, "nothing stops"),
        (desk.run(&["suppress", "add", ADA, "--reason", " "]), 2, "say why"),
        (desk.run(&["prospects", "forget", ADA]), 2, "--yes"),
        (desk.run(&["nonsense"]), 2, "nonsense"),
    ] {
        assert!(left.code == code && left.err.contains(words), "{code} {words}: {left:?}");
    }
    let broken = Desk::new().with("NURTURED__TRACKING", "some");
    assert_eq!(broken.run(&["prospects", "list"]).code, 78);
    let nowhere = Desk::new().with("NURTURED__DATABASE__URL", "sqlite:/nowhere/at/all.db");
    assert_eq!(nowhere.run(&["prospects", "list"]).code, 69);
    // A mail that means nothing is taken all the same: the mail server must not keep it.
    let offer = "From: x@spam.example\nTo: bounces@news.tecnofab.example\nList-Id: <spam.example>\nSubject: buy\n\nnow\n";
    let spam = desk.pipe(&["inbox", "ingest"], offer.as_bytes());
    assert!(spam.code == 0 && spam.out.contains("nothing") && !spam.out.contains("spam"), "{spam:?}");
}

#[test]
fn an_address_is_stopped_and_let_go() {
    let desk = with_ada();
    assert!(desk.run(&["suppress", "add", ADA, "--reason", "asked on the phone"]).out.contains("is stopped now"));
    assert!(desk.run(&["suppress", "add", ADA, "--reason", "again"]).out.contains("already"));
    let all = desk.json(&["suppress", "list"]);
    assert_eq!((&all[0]["reason"], &all[0]["source"]), (&"manual".into(), &"asked on the phone".into()));
    assert_eq!(desk.json(&["campaigns", "list"])[0]["audience"], 0);
    let quiet = desk.run(&["suppress", "remove", ADA, "--reason", "changed their mind"]);
    assert!(quiet.code == 0 && !quiet.err.contains("WARNING"), "{quiet:?}");
    assert_eq!(desk.json(&["campaigns", "list"])[0]["audience"], 1);
    desk.pipe(&["prospects", "import", "-"], format!("email,unsubscribed\n{ADA},yes\n").as_bytes());
    let loud = desk.run(&["suppress", "remove", ADA, "--reason", "wrote to us"]);
    assert!(loud.code == 0 && loud.err.contains("WARNING"), "{loud:?}");
}

#[test]
fn a_campaign_is_shown_paused_and_previewed() {
    let desk = with_ada();
    let list = desk.json(&["campaigns", "list"]);
    assert_eq!((&list[0]["campaign"], &list[0]["audience"], &list[0]["sent"]), (&"line-downtime".into(), &1.into(), &0.into()));
    assert!(desk.run(&["campaigns", "pause", "line-downtime", "--reason", "new prices"]).out.contains("is paused now"));
    assert_eq!(desk.json(&["campaigns", "list"])[0]["paused"], "new prices");
    assert!(!desk.json(&["explain", ADA])["next"]["what"].to_string().contains("line-downtime"));
    assert!(desk.run(&["campaigns", "resume", "line-downtime"]).out.contains("goes on now"));
    assert!(desk.run(&["campaigns", "retry", "line-downtime"]).out.contains("Nothing of line-downtime failed"));
    let none = desk.run(&["campaigns", "retry", "line-downtime", "--reason", "full"]);
    assert!(none.code == 1 && none.err.contains("failed for that reason"), "{none:?}");
    assert_eq!(desk.json(&["campaigns", "show", "line-downtime"])["dates"].as_array().map(Vec::len), Some(5));
    let shown = desk.run(&["campaigns", "show", "line-downtime"]).out;
    for line in ["skips       12-24..01-06", "leaves      at any time", "late        sent within 6 hours, then skipped"] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    assert_eq!(desk.json(&["campaigns", "show", "production-letter"])["leaves"], "mon,tue,wed,thu,fri 08:00 to 18:00");

    let no_database = Desk::new().with("NURTURED__DATABASE__URL", "sqlite:/nowhere/at/all.db");
    let text = no_database.run(&["campaigns", "preview", "line-downtime"]);
    assert!(text.code == 0 && text.out.contains("Subject: What one hour of a stopped line costs"), "{text:?}");
    let page = no_database.path("page.html");
    let left = no_database.run(&["campaigns", "preview", "line-downtime", "--html", &page.to_string_lossy()]);
    assert_eq!(left.code, 0, "{left:?}");
    let html = std::fs::read_to_string(page).expect("a page");
    assert!(html.contains("</html>") && html.contains("/p/SSSS") && html.contains("/u/SSSS"), "{html}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_copy_goes_the_way_of_live_ones_and_counts_nowhere() {
    let catcher = TestServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a relay");
    catcher.refuse("gone@x.example", 550, "5.1.1 no such user");
    let desk = with_ada()
        .with("NURTURED__SMTP__HOST", "127.0.0.1")
        .with("NURTURED__SMTP__PORT", &catcher.local_addr().port().to_string())
        .with("NURTURED__SMTP__SECURITY", "plaintext");
    let send = |to: &str| desk.run(&["campaigns", "send-test", "line-downtime", "--to", to]);
    let sent = send("me@tecnofab.example");
    assert!(sent.code == 0 && sent.out.contains("was taken by"), "{sent:?}");
    // What the relay said, step by step.
    for line in [
        "- connected to 127.0.0.1",
        "< 220 catcher",
        "> EHLO ",
        "< 250 SIZE",
        "> RCPT TO:<me@tecnofab.example>",
        "< 354 ",
        "> (the message, ",
        "< 250 2.0.0 kept as 0",
        "> QUIT",
    ] {
        assert!(sent.out.contains(line), "{line}: {}", sent.out);
    }
    let caught = catcher.caught();
    assert_eq!((caught.len(), caught[0].rcpt_to[0].as_str()), (1, "me@tecnofab.example"));
    assert!(caught[0].mail_from.starts_with("bounces+"), "a signed return path, as live: {}", caught[0].mail_from);
    assert!(String::from_utf8_lossy(&caught[0].data).contains("List-Unsubscribe-Post"));
    let refused = send("gone@x.example");
    assert!(refused.code == 1 && refused.err.contains("no such user"), "{refused:?}");
    assert!(refused.out.contains("< 550 5.1.1 no such user"), "{refused:?}");
    let json = desk.json(&["campaigns", "send-test", "line-downtime", "--to", "me@tecnofab.example"]);
    assert!(json["conversation"].as_array().is_some_and(|lines| lines.len() > 10) && json["state"] == "accepted", "{json}");
    assert_eq!(desk.json(&["campaigns", "list"])[0]["sent"], 0);
    drop(catcher);
    let down = send("me@tecnofab.example");
    assert!(down.code == 75 && down.err.contains("the relay is not reached"), "{down:?}");
    assert!(down.out.contains("- the relay is not reached") && down.out.contains("correct host and port"), "{down:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_forgotten_is_nowhere_in_the_file() {
    let desk = with_ada();
    // The date must lie within the horizon, whenever this runs.
    let soon = Span::days(60).after(SystemClock.now()).to_zoned(TimeZone::UTC).date().to_string();
    let call = ["signals", "log", ADA, "--kind", "call", "--by", "marta", "--note", "sixty thousand, approved", "--date", &soon];
    let proves = ["vision", "budget", "authority", "need", "timeframe"].map(|criterion| ["--proves", criterion]).concat();
    let logged = desk.run(&[&call[..], &proves].concat());
    assert!(logged.out.contains("Nothing is missing"), "{logged:?}");
    assert_eq!(desk.json(&["explain", ADA])["next"]["what"], "they are offered to a salesperson");
    // The daemon's next step.
    let config = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config"));
    let plan = nurtured::config::load(config, desk.environment()).expect("the example").plan;
    let store = assemble::open_store(&plan).await.expect("a database");
    let node = assemble::assemble(store.clone(), Arc::new(SystemClock), plan).await.expect("a node");
    hand_off::hand_off(&node.ctx).await.expect("a handoff");
    store.close().await;
    assert_eq!(desk.json(&["explain", ADA])["handoff"]["state"], "offered");

    let forgotten = desk.run(&["prospects", "forget", ADA, "--yes"]);
    assert!(forgotten.code == 0 && forgotten.out.contains("Handoff 1 was open and is closed"), "{forgotten:?}");
    assert_eq!(desk.run(&["prospects", "show", ADA]).code, 1);
    assert!(forgotten.out.contains("holds nothing of them"), "{forgotten:?}");
    let bytes = ["desk.db", "desk.db-wal"].map(|file| std::fs::read(desk.path(file)).unwrap_or_default()).concat();
    assert!(bytes.len() > 100_000, "the file was read");
    let kept = String::from_utf8_lossy(&bytes).into_owned();
    // Each longer than what an instant, a hash or a key may hold by chance.
    for secret in ["ada@", "Adalmina", "Vega", "600 123", "sixty thousand"] {
        let around =
            kept.find(secret).map(|at| &kept[kept.floor_char_boundary(at.saturating_sub(60))..kept.ceil_char_boundary(at + 60)]);
        assert_eq!(around, None, "{secret} is still in the database");
    }
    let again = desk.pipe(&["prospects", "import", "-"], format!("email\n{ADA}\n").as_bytes());
    assert!(again.out.contains("1 forgotten, not stored"), "{again:?}");
    assert_eq!(desk.run(&["prospects", "show", ADA]).code, 1);
    let lifted = desk.run(&["suppress", "remove", ADA, "--reason", "x"]);
    assert!(lifted.code == 1 && lifted.err.contains("forgotten"), "{lifted:?}");
}

#[test]
fn check_prints_the_record_that_goes_with_the_key() {
    let key = include_str!("../../data/dkim/rsa.pem");
    let desk = Desk::new()
        .with("NURTURED__SMTP__DKIM__SELECTOR", "n1")
        .with("NURTURED__SMTP__DKIM__DOMAIN", "news.tecnofab.example")
        .with("NURTURED__SMTP__DKIM__KEY", key);
    let left = desk.run(&["check"]);
    assert_eq!(left.code, 0, "{left:?}");
    let begin = "  n1._domainkey.news.tecnofab.example. TXT ";
    let record = left.out.lines().find_map(|line| line.strip_prefix(begin)).expect("the record");
    // As a name server joins them: strings of at most 255 characters.
    let strings: Vec<&str> = record.trim_matches('"').split("\" \"").collect();
    assert!(strings.len() == 2 && strings.iter().all(|string| string.len() <= 255), "{record}");
    let public: String = include_str!("../../data/dkim/rsa-public.pem").lines().filter(|line| !line.contains("-----")).collect();
    assert_eq!(strings.concat(), format!("v=DKIM1; k=rsa; p={public}"));
    let private = key.lines().nth(3).expect("a line of the key");
    assert!(!left.out.contains(private) && !left.err.contains(private), "the key is printed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_are_listed_and_sent_again() {
    let desk = with_ada();
    assert!(desk.run(&["letters", "list"]).out.contains("Every letter was sent."));
    assert_eq!(desk.json(&["letters", "list"]), serde_json::json!([]));
    let none = desk.run(&["letters", "resend", "7"]);
    assert!(none.code == 1 && none.err.contains("no letter of that number"), "{none:?}");
    let failed = desk.run(&["letters", "resend", "--failed"]);
    assert!(failed.code == 1 && failed.err.contains("no letter to one of ours failed"), "{failed:?}");
    assert_eq!(desk.run(&["letters", "resend"]).code, 2);
}
