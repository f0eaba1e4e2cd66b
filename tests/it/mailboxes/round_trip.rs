//! Our issue goes out through a real Postfix, and whatever the world makes of it comes back into a real Dovecot.

use super::dovecot::{Dovecot, USER};
use super::mail_system::{MailSystem, answer, reply_to};
use crate::awaited::awaited;
use crate::daemon::{Daemon, files, log, write_configuration};
use crate::stories::{BEGINS, FIRST_ISSUE, address, name, somebody};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use nurtured::clock::{Clock as _, SystemClock};
use nurtured::domain::doorway::entry::Cause;
use nurtured::domain::doorway::sender::Sender;
use nurtured::domain::doorway::signal::Detail;
use nurtured::domain::id::ProspectId;
use nurtured::domain::suppression::StopReason;
use nurtured::flow::context::Progress;
use nurtured::flow::group::publish::publish;
use nurtured::store::doorway::signals;
use nurtured::store::engine::backend::Store;
use nurtured::store::individual::{handoffs, letters};
use nurtured::store::operations::unrecognised;
use nurtured::store::people::{absences, prospects, suppressions};
use nurtured::town::Town;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const GONE: &str = "gone@albareda.com";
const FULL: &str = "full@albareda.com";
const ADA: &str = "ada@albareda.com";
const BO: &str = "bo@quinta.com";
const EWA: &str = "ewa@albareda.com";
const TEAM: &str = "team@albareda.com";
const FEDE: &str = "fede@elsewhere.com";
const MARTA: &str = "marta@tecnofab-sl.com";
const LETTER: &str = "letter@news.tecnofab-sl.com";

struct Company {
    directory: TempDir,
    store: Store,
}

impl Company {
    /// One whose issue is published and not sent yet.
    async fn found(inbox: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let service = write_configuration(directory.path()).join("nurtured.toml");
        let text = std::fs::read_to_string(&service).expect("read");
        std::fs::write(&service, text + inbox).expect("written");
        let files = files();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let store = Store::open_sqlite(&directory.path().join("story.db")).await.expect("a database");
        let town = Town::found(store.clone(), &files, "http://127.0.0.1:9", BEGINS).await.expect("a town");
        let people = [GONE, FULL, ADA, BO, EWA, TEAM].map(|who| {
            let mut person = somebody(who);
            // Of one campaign only.
            person.fields.remove(&name("country"));
            person
        });
        town.admit(&people, "import").await.expect("admitted");
        town.clock.move_to(FIRST_ISSUE.parse().expect("an instant"));
        while publish(&town.node.ctx).await.expect("published") == Progress::Done {}
        Self { directory, store }
    }

    async fn id(&self, who: &str) -> ProspectId {
        let who = address(who);
        prospects::by_address(&mut self.store.read().await.expect("a reader"), &[&who]).await.expect("read")[&who]
    }

    /// What came back by mail about somebody.
    async fn heard(&self, who: &str) -> Vec<Detail> {
        let id = self.id(who).await;
        let all = signals::of(&mut self.store.read().await.expect("a reader"), &[id]).await.expect("read").remove(&id);
        let by_mail = |detail: &Detail| {
            matches!(
                detail,
                Detail::Bounce { .. } | Detail::AutoReply { .. } | Detail::Reply { .. } | Detail::UnconfirmedReply { .. }
            )
        };
        all.unwrap_or_default().into_iter().map(|signal| signal.detail).filter(by_mail).collect()
    }

    /// Waits until so many mails about somebody are heard. Returns the last.
    async fn until(&self, mails: &MailSystem, who: &str, count: usize) -> Detail {
        for _ in 0..6_000 {
            let mut heard = self.heard(who).await;
            if heard.len() == count {
                return heard.remove(count - 1);
            }
            assert!(heard.len() < count, "more than was sent: {heard:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("in vain: mail {count} about {who}\n{}\n{}", log(self.directory.path()), mails.postfix.log());
    }

    async fn causes(&self, who: &str) -> Vec<Cause> {
        let id = self.id(who).await;
        let all = handoffs::of_prospect(&mut self.store.read().await.expect("a reader"), id).await.expect("read");
        all.into_iter().map(|handoff| handoff.cause).collect()
    }

    async fn is_gone(&self, who: &str) -> bool {
        let stops = suppressions::of(&mut self.store.read().await.expect("a reader"), &[&address(who)]).await.expect("read");
        stops.iter().any(|stop| stop.reason == StopReason::Bounced)
    }

    /// As somebody types it.
    fn type_in(&self, arguments: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nurtured"));
        let database = format!("sqlite:{}", self.directory.path().join("story.db").display());
        command.env("NURTURED__DATABASE__URL", database).arg("--config").arg(self.directory.path().join("config"));
        let output = command.args(arguments).output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
    }
}

/// When Dovecot took the newest mail into the mailbox, by the name it gave it.
fn arrived(dovecot: &Dovecot) -> Timestamp {
    let stamp = |name: String| {
        let mut parts = name.split('.');
        let (seconds, micros) =
            (parts.next()?.parse().ok()?, parts.next()?.strip_prefix('M')?.split('P').next()?.parse::<i32>().ok()?);
        Timestamp::new(seconds, micros * 1_000).ok()
    };
    dovecot.names().into_iter().filter_map(stamp).max().expect("a mail")
}

fn is_passed_on(mails: &MailSystem, to: &str, words: &str) {
    awaited(&format!("a letter to {to} that says {words:?}"), || {
        mails
            .dovecot
            .mails(to)
            .iter()
            .any(|mail| mail.starts_with("Return-Path: <bounces@news.tecnofab-sl.com>") && mail.contains(words))
            .then_some(())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_real_mail_server_brings_back_is_heard_as_it_is_meant() {
    let back = SystemClock.now().to_zoned(TimeZone::UTC).date().checked_add(SignedDuration::from_hours(24 * 20)).expect("a day");
    let Some(mut mails) = MailSystem::start(&back.strftime("%-d %B %Y").to_string()) else { return };
    let company = Company::found(&mails.inbox()).await;
    let daemon = Daemon::start(company.directory.path(), mails.postfix.address());

    // What programs send back.
    match company.until(&mails, GONE, 1).await {
        Detail::Bounce { hard: true, status: Some(status), diagnostic } => {
            assert!(status == "5.1.1" && diagnostic.contains("User doesn't exist"), "{status} {diagnostic}");
        }
        other => panic!("a mailbox that is not there: {other:?}"),
    }
    match company.until(&mails, FULL, 1).await {
        Detail::Bounce { hard: false, status: Some(status), diagnostic } => {
            assert!(status == "5.2.2" && diagnostic.contains("Quota exceeded"), "{status} {diagnostic}");
        }
        other => panic!("a full mailbox is not a dead one: {other:?}"),
    }
    match company.until(&mails, EWA, 1).await {
        Detail::AutoReply { back_on, left: false, .. } => assert_eq!(back_on, Some(back)),
        other => panic!("an absence: {other:?}"),
    }

    // What people write back: by Reply-To, through a colleague's rule, and somebody behind a mailing list.
    let mut took = Vec::new();
    let list = mails.newsletter(FEDE);
    assert!(list.contains("List-Id: Team"), "{list}");
    for (who, from, to, words) in [
        (ADA, ADA, None, "Please call me tomorrow about the second line."),
        (BO, BO, Some(MARTA), "Mondays are when it stops here."),
        (TEAM, FEDE, None, "Please call me about a quote."),
    ] {
        awaited("it waits for the next", || mails.dovecot.is_watched().then_some(()));
        let mail = if from == FEDE { list.clone() } else { mails.newsletter(from) };
        let to = to.map_or_else(|| reply_to(&mail), str::to_owned);
        mails.send(from, &to, &answer(from, &to, &mail, words));
        let said = company.until(&mails, who, 1).await;
        took.push(SystemClock.now().duration_since(arrived(&mails.dovecot)));
        let (is_theirs, text) = match said {
            Detail::Reply { text, .. } => (true, text),
            Detail::UnconfirmedReply { sender: Sender::SomebodyElse, from, text, .. } => (from != FEDE, text),
            other => panic!("{who}: {other:?}"),
        };
        assert_eq!((is_theirs, text.trim()), (who != TEAM, words), "own words only, and whose they are");
        is_passed_on(&mails, MARTA, words);
    }
    took.sort();
    println!("round_trip heard_within={took:?}");
    // From Dovecot's stamp to the row. A mailbox that is only asked is asked every minute; a busy machine may hold up one.
    assert!(took[1] <= SignedDuration::from_secs(2), "IDLE did not wake it: {took:?}");

    // Dovecot dies, and Postfix keeps the mail until it is back.
    mails.dovecot.kill();
    let letter = mails.newsletter(BO);
    let id = mails.send(BO, LETTER, &answer(BO, LETTER, &letter, "And Tuesdays."));
    mails.postfix.logged(&id, "status=deferred");
    mails.dovecot.resume();
    mails.postfix.tell("flush");
    assert!(matches!(company.until(&mails, BO, 2).await, Detail::Reply { text, .. } if text.trim() == "And Tuesdays."));
    is_passed_on(&mails, MARTA, "And Tuesdays.");

    // Postfix is stopped, and our letter waits until it is back.
    mails.postfix.tell("stop");
    mails.dovecot.deliver(&answer(BO, USER, &letter, "And Wednesdays."));
    company.until(&mails, BO, 3).await;
    let waiting = loop {
        let mut tx = company.store.read().await.expect("a reader");
        let unsent = letters::unsent(&mut tx, Timestamp::UNIX_EPOCH).await.expect("read");
        if let Some(letter) = unsent.into_iter().find(|letter| letter.tries > 0 && letter.to == MARTA) {
            break letter;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    mails.postfix.again();
    company.type_in(&["letters", "resend", &waiting.id.to_string()]);
    is_passed_on(&mails, MARTA, "And Wednesdays.");

    daemon.signal("-TERM");
    assert!(daemon.ends().success());
    assert!(company.is_gone(GONE).await, "the notice stops the address");
    for who in [FULL, ADA, BO, EWA, TEAM] {
        assert!(!company.is_gone(who).await, "{who}");
    }
    // Whoever asks themselves is handed over; an automatic reply, and somebody else, ask for nobody.
    assert_eq!(company.causes(ADA).await, [Cause::Request]);
    for (who, count) in [(ADA, 1), (BO, 3), (TEAM, 1), (EWA, 1), (GONE, 1), (FULL, 1)] {
        assert_eq!(company.heard(who).await.len(), count, "{who}: once");
        assert!(who == ADA || company.causes(who).await.is_empty(), "{who} is handed over");
    }
    let mut tx = company.store.read().await.expect("a reader");
    let away = absences::of(&mut tx, company.id(EWA).await, SystemClock.now()).await.expect("read");
    assert!(away.is_some(), "the next letter waits");
    assert_eq!(unrecognised::count(&mut tx).await.expect("counted"), 0, "nothing else came");
    let told = log(company.directory.path());
    assert!(!told.contains("albareda") && !told.contains("elsewhere") && !told.contains("quinta"), "{told}");
}
