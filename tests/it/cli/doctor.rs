//! The doctor as somebody calls it: what is well, what is wrong, what mends it, and by which exit code a script knows.

use super::Desk;
use nurtured::mail::test_server::TestServer;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;

const ADA: &str = "email,name,industry\nada@albareda.example,Ada,food\nsam@steel.example,Sam,steel\n";

/// A desk with a relay that is there.
async fn desk(desk: Desk) -> (Desk, TestServer) {
    let catcher = TestServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a relay");
    let desk = desk
        .with("NURTURED__SMTP__HOST", "127.0.0.1")
        .with("NURTURED__SMTP__PORT", &catcher.local_addr().port().to_string())
        .with("NURTURED__SMTP__SECURITY", "plaintext")
        .with("NURTURED__PUBLIC_URL", "http://127.0.0.1:1")
        .with("NURTURED__HTTP__LISTEN", "127.0.0.1:1");
    (desk, catcher)
}

fn private(desk: &Desk) {
    for file in std::fs::read_dir(desk.path("")).expect("a folder").flatten() {
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).expect("our file");
    }
}

fn state(report: &serde_json::Value, check: &str) -> Vec<String> {
    let checks = report["checks"].as_array().expect("checks");
    checks.iter().filter(|c| c["check"] == check).filter_map(|c| c["state"].as_str().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_finds_what_is_wrong_and_says_what_mends_it() {
    let (desk, catcher) = desk(Desk::bare()).await;
    // No database: nothing is made by looking.
    let down = desk.run(&["doctor"]);
    assert_eq!(down.code, 69, "{down:?}");
    assert!(down.out.contains("DOWN") && !desk.path("desk.db").exists(), "{down:?}");

    assert_eq!(desk.run(&["db", "migrate"]).code, 0);
    // Sam is in no audience, and nobody has given him a date yet: the daemon does.
    assert_eq!(desk.pipe(&["prospects", "import", "-"], ADA.as_bytes()).code, 0);
    private(&desk);
    let left = desk.run(&["doctor", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&left.out).expect("JSON");
    assert_eq!((left.code, &report["well"], &report["without_future"]), (1, &false.into(), &1.into()), "{left:?}");
    assert_eq!((&report["census"]["groups"]["campaign"], &report["census"]["groups"]["adrift"]), (&1.into(), &1.into()));
    for (check, expected) in [
        ("database", "well"),
        ("durability", "well"),
        ("clock", "well"),
        ("integrity", "well"),
        ("signing keys", "well"),
        ("sending", "well"),
        ("private files", "well"),
        ("relay", "well"),
        ("conservation", "wrong"),
        ("daemon", "notice"),
        ("public_url", "notice"),
        ("DNS", "not_looked_at"),
        ("inbox", "not_looked_at"),
    ] {
        assert_eq!(state(&report, check), [expected], "{check}: {report:#}");
    }
    let checks = report["checks"].as_array().expect("checks");
    assert!(checks.iter().all(|c| c["state"] == "well" || c["fix"].is_string()), "each failure names its fix: {report:#}");
    assert_eq!(catcher.count(), 0, "no mail is sent");
    assert_eq!(report["letters"].as_array().map(Vec::len), Some(2), "{report:#}");
    assert_eq!(report["letters"][0]["left"][0]["prospects"], 1, "Ada has all of them before her");

    // What is mended is well.
    desk.pipe(&["prospects", "import", "-"], b"email,tags\nsam@steel.example,fair-2025\n");
    let well = desk.run(&["doctor"]);
    assert!(well.code == 0 && well.out.contains("All is well."), "{well:?}");
    assert!(well.out.contains("together, of 2 prospects"), "{well:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_names_each_failure() {
    let (desk, catcher) = desk(Desk::new()).await;
    desk.pipe(&["prospects", "import", "-"], b"email,industry\nada@albareda.example,food\n");
    private(&desk);
    desk.run(&["stop", "--reason", "the prices are wrong"]);
    desk.run(&["campaigns", "pause", "production-letter", "--reason", "a new design"]);
    std::fs::set_permissions(desk.path("desk.db"), std::fs::Permissions::from_mode(0o644)).expect("our file");
    drop(catcher);
    let wrong = desk.run(&["doctor"]);
    assert_eq!(wrong.code, 1, "{wrong:?}");
    for words in
        ["the prices are wrong", "nurtured resume", "a new design", "chmod o-rwx", "relay is not reached", "3 things are wrong"]
    {
        assert!(wrong.out.contains(words), "{words}: {}", wrong.out);
    }
    let broken = std::process::Command::new("sqlite3")
        .arg(desk.path("desk.db"))
        .arg("DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)")
        .status();
    if broken.is_ok_and(|status| status.success()) {
        let behind = desk.run(&["doctor"]);
        assert!(behind.code == 1 && behind.out.contains("1 migrations behind"), "{behind:?}");
    }
}
