//! A company whose first newsletter has gone out, in a directory of its own, and the daemon that reads what comes back.

use crate::daemon::{Daemon, files, log, write_configuration};
use crate::stories::{BEGINS, FIRST_ISSUE, somebody};
use nurtured::domain::suppression::StopReason;
use nurtured::mail::test_server::TestServer;
use nurtured::store::engine::backend::Store;
use nurtured::store::operations::{counts, unrecognised};
use nurtured::store::people::suppressions;
use nurtured::town::Town;
use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use tempfile::TempDir;

pub(super) struct Company {
    pub(super) directory: TempDir,
    pub(super) store: Store,
    relay: TestServer,
    /// Each prospect, and the return path of their newsletter.
    pub(super) people: Vec<(String, String)>,
    signals: i64,
}

impl Company {
    /// One that reads this mailbox.
    pub(super) async fn found(people: usize, inbox: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let config = write_configuration(directory.path());
        let files = files();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let store = Store::open_sqlite(&directory.path().join("story.db")).await.expect("a database");
        let town = Town::found(store.clone(), &files, "http://127.0.0.1:9", BEGINS).await.expect("a town");
        let everybody: Vec<_> = (0..people).map(|n| somebody(&format!("p{n}@albareda.com"))).collect();
        town.admit(&everybody, "import").await.expect("admitted");
        town.pass_to(FIRST_ISSUE).await.expect("sent");
        let caught = town.catcher.caught();
        // Two campaigns have written to each of them.
        let mails = caught.into_iter().filter(|mail| mail.rcpt_to[0].ends_with("@albareda.com"));
        let people: BTreeMap<String, String> = mails.map(|mail| (mail.rcpt_to[0].clone(), mail.mail_from)).collect();
        let people: Vec<_> = people.into_iter().collect();
        assert_eq!(people.len(), everybody.len());
        drop(town);
        let service = config.join("nurtured.toml");
        let text = fs::read_to_string(&service).expect("read");
        fs::write(&service, text + inbox).expect("written");
        let relay = TestServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a relay");
        let signals = counts::summary(&mut store.read().await.expect("a reader")).await.expect("counted").signals;
        Self { directory, store, relay, people, signals }
    }

    pub(super) fn daemon(&self, environment: &[(&str, &str)]) -> Daemon {
        Daemon::start_within(self.directory.path(), self.relay.local_addr(), 1_024, environment)
    }

    /// That the mailbox of this prospect is gone.
    pub(super) fn bounce(&self, number: usize) -> String {
        let (address, path) = &self.people[number];
        format!(
            "Return-Path: <>\nFrom: MAILER-DAEMON@mx.albareda.com\nTo: {path}\nMessage-ID: <dsn-{number}@mx.albareda.com>\nSubject: Undelivered\n\
             MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\
             Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.albareda.com\n\n\
             Final-Recipient: rfc822; {address}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user {address}\n\n--b--\n"
        )
    }

    /// How many signals there are beyond those of the beginning, how many prospects are stopped because their mailbox is gone, and how many
    /// mails nothing recognised.
    pub(super) async fn heard(&self) -> (i64, usize, i64) {
        let mut tx = self.store.read().await.expect("a reader");
        let signals = counts::summary(&mut tx).await.expect("counted").signals - self.signals;
        let stops = suppressions::all(&mut tx).await.expect("listed");
        let bounced = stops.iter().filter(|stop| stop.reason == StopReason::Bounced).count();
        (signals, bounced, unrecognised::count(&mut tx).await.expect("counted"))
    }

    /// Waits until this is so.
    pub(super) async fn until(&self, what: &str, so: impl Fn((i64, usize, i64)) -> bool) {
        for _ in 0..6_000 {
            if so(self.heard().await) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("in vain: {what}; heard {:?}: {}", self.heard().await, log(self.directory.path()));
    }

    pub(super) fn log(&self) -> String {
        log(self.directory.path())
    }
}

/// A mail of which nothing is known.
pub(super) fn noise(number: usize) -> String {
    format!(
        "From: list{number}@elsewhere.com\nTo: bounces@news.tecnofab-sl.com\nList-Id: <list.elsewhere.com>\nPrecedence: bulk\n\
         Message-ID: <{number}@elsewhere.com>\nSubject: our news {number}\n\nBuy this.\n"
    )
}
