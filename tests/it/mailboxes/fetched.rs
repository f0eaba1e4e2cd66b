//! The daemon beside a real Dovecot. Its bounces carry genuine tokens, so that what is recorded twice or lost shows in the counts.

use super::company::{Company, noise};
use super::dovecot::{Dovecot, PASSWORD, USER};
use crate::awaited::awaited;
use jiff::SignedDuration;
use nurtured::clock::{Clock as _, SystemClock};
use std::time::Duration;

/// As many mails wait in the quick tier; `NURTURED_MAILS=10000` is the long one.
fn many() -> usize {
    std::env::var("NURTURED_MAILS").ok().and_then(|number| number.parse().ok()).unwrap_or(400)
}

/// The most memory that a process has held, in KiB.
fn most_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_in_a_mailbox_is_heard_as_soon_as_it_comes() {
    let Some(dovecot) = Dovecot::start() else { return };
    for security in ["implicit", "starttls"] {
        let company = Company::found(6, &dovecot.inbox(security)).await;
        dovecot.deliver(&company.bounce(0));
        let daemon = company.daemon(&[]);
        company.until("what waited is read", |(_, bounced, _)| bounced == 1).await;
        let mut took = Vec::new();
        for number in 1..=5 {
            awaited("it waits for the next", || dovecot.is_watched().then_some(()));
            let came = SystemClock.steady();
            dovecot.deliver(&company.bounce(number));
            company.until("what came is read", |(_, bounced, _)| bounced == number + 1).await;
            took.push(SystemClock.steady() - came);
        }
        took.sort();
        println!("mailbox security={security} heard_within={took:?}");
        // A mailbox that is only asked is asked every minute. The middle one of five: a busy machine may hold up two.
        assert!(took[2] <= SignedDuration::from_secs(2), "IDLE did not wake it: {took:?}");
        daemon.signal("-TERM");
        assert!(daemon.ends().success());
        assert_eq!(company.heard().await, (6, 6, 0));
        let log = company.log();
        assert!(!log.contains("s3cret") && !log.contains(USER) && !log.contains(PASSWORD) && !log.contains("albareda"), "{log}");
        assert!(
            dovecot.names().iter().all(|name| !name.rsplit(',').next().is_some_and(|flags| flags.contains('S'))),
            "no flag is set"
        );
        for name in dovecot.names() {
            for folder in ["cur", "new"] {
                let _ = std::fs::remove_file(dovecot.maildir().join(folder).join(&name));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_dies_and_comes_back_costs_no_mail() {
    let Some(mut dovecot) = Dovecot::start() else { return };
    let company = Company::found(4, &dovecot.inbox("implicit")).await;
    let daemon = company.daemon(&[]);
    for number in 0..3 {
        dovecot.deliver(&company.bounce(number));
        company.until("it is read", |(_, bounced, _)| bounced == number + 1).await;
        dovecot.kill();
        if number == 1 {
            // Moved to another server: every mail has another number, and is recorded once all the same.
            dovecot.number_anew();
        }
        dovecot.resume();
    }
    dovecot.deliver(&company.bounce(3));
    company.until("it is read", |(_, bounced, _)| bounced == 4).await;
    daemon.signal("-TERM");
    assert!(daemon.ends().success());
    assert_eq!(company.heard().await, (4, 4, 0), "each once");
    assert!(company.log().contains("numbered its mails anew"), "{}", company.log());
}

/// How often it is killed wherever it happens to be; `NURTURED_KILLS=200` is the long tier.
fn kills() -> usize {
    std::env::var("NURTURED_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(3)
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).expect("few")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_killed_in_the_middle_of_a_fetch_loses_and_repeats_nothing() {
    const WAITING: usize = 180;
    let Some(dovecot) = Dovecot::start() else { return };
    let (kills, people) = (kills(), WAITING + 2 * kills());
    let company = Company::found(people, &dovecot.inbox("implicit")).await;
    let mut noises = 0;
    for number in 0..WAITING {
        dovecot.deliver(&company.bounce(number));
        if number % 3 == 0 {
            dovecot.deliver(&noise(noises));
            noises += 1;
        }
    }
    // At each side of a commit…
    for place in ["before_commit:kill@1", "after_commit:kill@1", "before_commit:kill@2", "after_commit:kill@2"] {
        let daemon = company.daemon(&[("NURTURED_FAILPOINT", &format!("mailbox.{place}"))]);
        assert!(!daemon.ends().success(), "it was to die at {place}: {}", company.log());
    }
    let (before, ..) = company.heard().await;
    assert!(before > 0 && before < whole(WAITING), "in the middle: {before}");
    // …and wherever it is a while after it has begun, with mails that come meanwhile.
    for kill in 0..kills {
        let mut daemon = company.daemon(&[]);
        for number in [2 * kill, 2 * kill + 1] {
            dovecot.deliver(&company.bounce(WAITING + number));
        }
        dovecot.deliver(&noise(noises));
        noises += 1;
        tokio::time::sleep(Duration::from_millis(300 + 137 * u64::try_from(kill % 11).expect("few"))).await;
        daemon.kill();
    }
    let daemon = company.daemon(&[]);
    company.until("all is read", |(_, bounced, kept)| bounced == people && kept == whole(noises)).await;
    // What is read again would be by now, or with the next mail.
    dovecot.deliver(&noise(noises));
    company.until("the last is read", |(_, _, kept)| kept == whole(noises + 1)).await;
    daemon.signal("-TERM");
    assert!(daemon.ends().success());
    let heard = company.heard().await;
    println!("mailbox kills={} mails={} heard={heard:?}", kills + 4, people + noises + 1);
    assert_eq!(heard, (whole(people), people, whole(noises + 1)), "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_maildir_is_read_and_a_mail_moves_once_it_is_recorded() {
    let maildir = tempfile::tempdir().expect("a folder");
    for name in ["new", "cur", "tmp"] {
        std::fs::create_dir(maildir.path().join(name)).expect("made");
    }
    let inbox = format!(
        "\n[[inbox.mailbox]]\nname = \"bounces\"\nrole = \"bounces\"\nkind = \"maildir\"\npath = \"{}\"\n",
        maildir.path().display()
    );
    let company = Company::found(3, &inbox).await;
    let deliver = |name: &str, mail: &str| {
        std::fs::write(maildir.path().join("tmp").join(name), mail).expect("written");
        std::fs::rename(maildir.path().join("tmp").join(name), maildir.path().join("new").join(name)).expect("delivered");
    };
    let count = |folder: &str| std::fs::read_dir(maildir.path().join(folder)).expect("read").count();
    deliver("1.a.host", &company.bounce(0));
    deliver("2.b.host", "no mail at all");
    // It dies after the commit, before the mails have moved: they are read again.
    assert!(!company.daemon(&[("NURTURED_FAILPOINT", "mailbox.after_commit:kill@1")]).ends().success());
    assert_eq!((company.heard().await, count("new"), count("cur")), ((1, 1, 0), 2, 0));
    let daemon = company.daemon(&[]);
    for number in [1, 2] {
        deliver(&format!("{}.c.host", number + 2), &company.bounce(number));
        company.until("what came is read", |(_, bounced, _)| bounced == number + 1).await;
    }
    awaited("all have moved", || (count("cur") == 4).then_some(()));
    daemon.signal("-TERM");
    assert!(daemon.ends().success());
    assert_eq!((company.heard().await, count("new")), ((3, 3, 0), 0), "each once");
    let aside = std::fs::read_dir(company.directory.path().join("unreadable")).expect("made").count();
    assert_eq!(aside, 1, "what is no mail is set aside, once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_mails_that_wait_are_taken_in_a_minute_with_memory_flat() {
    const PEOPLE: usize = 50;
    let Some(dovecot) = Dovecot::start() else { return };
    let company = Company::found(PEOPLE, &dovecot.inbox("implicit")).await;
    let mails = many();
    // Each says the same again and again: of a thousand notices of one mailbox the first counts.
    for number in 0..mails {
        if number % 2 == 0 {
            dovecot.deliver(&company.bounce(number / 2 % PEOPLE).replace("<dsn-", &format!("<dsn-{number}-")));
        } else {
            dovecot.deliver(&noise(number));
        }
    }
    let daemon = company.daemon(&[]);
    daemon.says("READY=1");
    let (began, idle) = (SystemClock.steady(), most_memory(daemon.id()));
    let last = i64::try_from(mails / 2).expect("few");
    company.until("all are taken", |(_, bounced, noise)| bounced == PEOPLE && noise == last).await;
    let (took, most) = (SystemClock.steady() - began, most_memory(daemon.id()));
    println!("mailbox mails={mails} seconds={:.1} memory_idle_kib={idle} memory_most_kib={most}", took.as_secs_f64());
    assert!(most < idle + 64 * 1024, "memory grew from {idle} to {most} KiB");
    daemon.signal("-TERM");
    assert!(daemon.ends().success());
    if std::env::var_os("NURTURED_MAILS").is_some() {
        assert!(took < SignedDuration::from_mins(1), "it took {took:?}");
    }
}
