//! What nothing recognised is kept for thirty days and shown, taken again, swept and erased; what cannot be read is set aside.

use crate::cli::Desk;
use crate::stories::{address, somebody, story};
use nurtured::domain::id::Name;
use nurtured::domain::settings::{MailSource, Mailbox, MailboxRole};
use nurtured::flow::individual::mailbox;
use nurtured::flow::individual::receive::Received;
use nurtured::flow::individual::take_mail::{self, Again};
use nurtured::flow::operations::{forget::forget, sweep};
use nurtured::insight::doctor;
use nurtured::store::operations::{counts, mailboxes, set_aside, unrecognised};
use std::path::PathBuf;

fn raw(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn list(number: usize, about: &str) -> Vec<u8> {
    raw(&format!(
        "From: Someone <someone{number}@elsewhere.example>\nTo: bounces@news.tecnofab.example\nPrecedence: bulk\nMessage-ID: <{number}@elsewhere.example>\n\
         Subject: news {number}\n\nWe write about {about}.\n"
    ))
}

story!(what_nothing_recognises_is_kept_thirty_days_and_then_swept, |town| {
    let ctx = &town.node.ctx;
    for _ in 0..2 {
        let taken = take_mail::take(ctx, &take_mail::read(list(1, "pumps")).await, None).await?.expect("read");
        assert_eq!(taken.what, Received::Nothing);
    }
    let kept = unrecognised::list(&mut ctx.store().read().await?).await?;
    assert_eq!(kept.len(), 1, "the same mail twice is one");
    assert!(kept[0].sender.contains("someone1@elsewhere.example") && kept[0].subject == "news 1" && kept[0].is_whole, "{kept:?}");
    assert!(!kept[0].why.is_empty());
    assert_eq!(take_mail::again(ctx, &take_mail::read(list(1, "pumps")).await, Some(kept[0].id)).await?, Again::Unrecognised);
    town.pass_to("2026-02-10T08:00:00Z").await?;
    assert_eq!(unrecognised::count(&mut ctx.store().read().await?).await?, 1, "29 days later");
    town.pass_to("2026-02-12T08:00:00Z").await?;
    sweep::review(ctx).await?;
    assert_eq!(unrecognised::count(&mut ctx.store().read().await?).await?, 0, "31 days later");
    Ok(())
});

story!(who_is_forgotten_is_forgotten_in_what_is_kept_too, |town| {
    let ctx = &town.node.ctx;
    let (ada, ben) = (address("ada@albareda.example"), address("ben@albareda.example"));
    town.admit(&[somebody(ada.as_str())], "card").await?;
    let folder = tempfile::tempdir()?;
    let mut plan = nurtured::domain::plan::Plan::clone(&ctx.plan());
    plan.settings.stop_journal = folder.path().join("nurtured.stops");
    ctx.replace_plan(plan)?;
    for (number, about) in [(1, "ADA@albareda.example"), (2, "pumps"), (3, ben.as_str())] {
        take_mail::take(ctx, &take_mail::read(list(number, about)).await, None).await?;
    }
    for broken in ["no header: Ada@Albareda.example", "no header, and nobody"] {
        assert_eq!(take_mail::take(ctx, &take_mail::read(raw(broken)).await, None).await?, None, "set aside");
    }
    let journal = ctx.plan().settings.stop_journal.clone();
    assert_eq!(set_aside::count(&journal), 2);
    assert_eq!(forget(ctx, &ada).await?.erased.mails, 2);
    assert_eq!(set_aside::count(&journal), 1);
    // Of a person who is no prospect, too.
    assert_eq!(forget(ctx, &ben).await?.erased.mails, 1);
    assert_eq!(unrecognised::list(&mut ctx.store().read().await?).await?.len(), 1);
    // And nothing of them is kept anew.
    take_mail::take(ctx, &take_mail::read(list(4, ada.as_str())).await, None).await?;
    assert_eq!(unrecognised::list(&mut ctx.store().read().await?).await?.len(), 1);
    Ok(())
});

fn some_mailbox(role: MailboxRole, path: &str) -> Mailbox {
    let (name, path) = (Name::parse(role.word()).expect("a name"), PathBuf::from(path));
    Mailbox { name, role, source: MailSource::Maildir(path) }
}

story!(one_node_reads_a_mailbox_and_what_it_read_after_it_lost_it_is_not_recorded, |town| {
    let ctx = &town.node.ctx;
    let there = some_mailbox(MailboxRole::Replies, "/var/mail/one");
    let mut first = mailbox::claim(ctx, &there).await?.expect("it is free");
    assert_eq!((first.validity, first.last_uid), (None, 0));
    let mail = [take_mail::read(list(1, "pumps")).await];
    (first.validity, first.last_uid) = (Some(7), 12);
    assert!(mailbox::take_batch(ctx, &first, &mail).await?);
    let kept = unrecognised::list(&mut ctx.store().read().await?).await?;
    assert_eq!(kept[0].mailbox.as_deref(), Some("replies"));
    // Another node, of the same clock: it waits until the lease has lapsed.
    let mut tx = ctx.store().write().await?;
    let (now, later) = (ctx.now(), ctx.now() + mailbox::LEASE);
    let place = "another";
    assert_eq!(mailboxes::claim(&mut tx, &there.name, place, "two", now, later).await?, None);
    let second = mailboxes::claim(&mut tx, &there.name, place, "two", later, later + mailbox::LEASE).await?.expect("it lapsed");
    assert_eq!((second.validity, second.last_uid), (None, 0), "another place is read from its beginning");
    tx.commit().await?;
    let mail = [take_mail::read(list(2, "valves")).await];
    first.last_uid = 13;
    assert!(!mailbox::take_batch(ctx, &first, &mail).await?, "the fence has risen");
    assert!(!mailbox::renew(ctx, &first).await?);
    let mut tx = ctx.store().read().await?;
    assert_eq!(unrecognised::list(&mut tx).await?.len(), 1, "nothing of it was recorded");
    assert_eq!(counts::summary(&mut tx).await?.signals, 0);
    Ok(())
});

story!(a_mailbox_for_bounces_into_which_nothing_comes_is_a_finding_and_silence_elsewhere_is_none, |town| {
    let ctx = &town.node.ctx;
    let [bounces, replies] = [MailboxRole::Bounces, MailboxRole::Replies].map(|role| some_mailbox(role, "/var/mail/one"));
    let mut plan = nurtured::domain::plan::Plan::clone(&ctx.plan());
    plan.settings.mailboxes = vec![bounces.clone(), replies.clone()];
    ctx.replace_plan(plan)?;
    let claim = mailbox::claim(ctx, &bounces).await?.expect("it is free");
    mailbox::claim(ctx, &replies).await?.expect("it is free");
    let found = async || doctor::mailboxes::trouble(ctx.store(), &ctx.plan(), ctx.now()).await;
    assert!(found().await?.is_empty(), "nothing has gone out");
    let people: Vec<_> = (0..500).map(|n| somebody(&format!("p{n}@albareda.example"))).collect();
    town.admit(&people, "import").await?;
    town.pass_to(crate::stories::FIRST_ISSUE).await?;
    let silent = found().await?;
    let [one] = &silent[..] else { panic!("of the bounces alone: {silent:?}") };
    assert!(one.says.starts_with("bounces: about") && one.says.contains("nothing came back"), "{one:?}");
    assert!(one.fix.as_ref().is_some_and(|fix| fix.contains("bounces+test@news.tecnofab.example")), "{one:?}");
    assert!(mailbox::take_batch(ctx, &claim, &[take_mail::read(list(1, "pumps")).await]).await?);
    assert!(found().await?.is_empty(), "something came");
    Ok(())
});

story!(a_mail_that_is_recognised_when_it_is_taken_again_is_kept_no_more, |town| {
    let ctx = &town.node.ctx;
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "card").await?;
    town.pass_to(crate::stories::FIRST_ISSUE).await?;
    let path = town.catcher.caught().into_iter().find(|mail| mail.rcpt_to == [ada.to_string()]).expect("a newsletter").mail_from;
    let notice = format!(
        "From: MAILER-DAEMON@mx.albareda.example\nTo: {path}\nMessage-ID: <dsn@mx.albareda.example>\nSubject: Undelivered\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n\
         Reporting-MTA: dns; mx.albareda.example\n\nFinal-Recipient: rfc822; {ada}\nAction: failed\nStatus: 5.1.1\n\
         Diagnostic-Code: smtp; 550 5.1.1 no such user\n\n--b--\n"
    );
    let mail = take_mail::read(raw(&notice)).await;
    // As an older version left it, which knew no such notice.
    let mut tx = ctx.store().write().await?;
    let new = unrecognised::NewUnrecognised {
        mailbox: None,
        why: "It means nothing here.",
        sender: "",
        subject: "",
        addresses: std::slice::from_ref(&ada),
        raw: &mail.raw,
    };
    assert!(unrecognised::keep(&mut tx, &new, ctx.now()).await?);
    tx.commit().await?;
    let id = unrecognised::list(&mut ctx.store().read().await?).await?[0].id;
    assert_eq!(take_mail::again(ctx, &mail, Some(id)).await?, Again::Recognised);
    assert_eq!(town.prospect(&ada).await?.mail_stop, Some(nurtured::domain::suppression::StopReason::Bounced));
    assert_eq!(unrecognised::count(&mut ctx.store().read().await?).await?, 0);
    Ok(())
});

#[test]
fn a_mail_that_was_kept_is_listed_shown_and_taken_again() {
    let desk = Desk::new();
    let mail = String::from_utf8(list(1, "pumps \u{1b}[2J")).expect("text");
    let ingest = |text: &str| {
        let done = desk.pipe(&["inbox", "ingest"], text.as_bytes());
        assert_eq!(done.code, 0, "{done:?}");
    };
    assert_eq!(desk.run(&["inbox", "list"]).out.trim(), "Every mail was recognised.");
    ingest(&mail);
    ingest("no mail at all");
    let listed = desk.json(&["inbox", "list"]);
    let (number, file) =
        (listed["unrecognised"][0]["id"].to_string(), listed["unreadable"][0]["id"].as_str().expect("an id").to_owned());
    let shown = desk.run(&["inbox", "show", &number]);
    assert!(
        shown.out.contains("Subject: news 1") && shown.out.contains("about pumps") && !shown.out.contains('\u{1b}'),
        "{shown:?}"
    );
    assert!(desk.run(&["inbox", "show", &file]).out.contains("no mail at all"));
    for unknown in ["99", "../nurtured", "0123456789abcdef", ""] {
        assert_eq!(desk.run(&["inbox", "show", unknown]).code, 1, "{unknown}");
    }
    let again = desk.run(&["inbox", "retry"]);
    assert!(again.code == 0 && again.out.starts_with("0 of 2 mails"), "{again:?}");
    let text = desk.run(&["inbox", "list"]).out;
    assert!(text.contains("news 1") && text.contains("ingest") && text.contains("It could not be read"), "{text}");
}

#[test]
fn doctor_says_whether_each_mailbox_can_be_opened() {
    let desk = Desk::new();
    let config = desk.configuration();
    let service = config.join("nurtured.toml");
    let text = std::fs::read_to_string(&service).expect("read");
    let good = desk.path("good");
    for name in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(good.join(name)).expect("made");
    }
    let inboxes = format!(
        "\n[[inbox.mailbox]]\nname = \"good\"\nrole = \"replies\"\nkind = \"maildir\"\npath = \"{}\"\n\n\
         [[inbox.mailbox]]\nname = \"gone\"\nrole = \"bounces\"\nkind = \"maildir\"\n\
         path = \"gone\"\n\n[[inbox.mailbox]]\nname = \"deaf\"\nrole = \"complaints\"\nkind = \"imap\"\nhost = \"localhost\"\nport = 1\n\
         security = \"plaintext\"\nusername = \"bo\"\npassword = \"s3cret\"\n",
        good.display()
    );
    std::fs::write(&service, text + &inboxes).expect("written");
    let told = desk.under(&config, &["doctor"], b"").out;
    for words in
        ["good: 0 mails wait", "gone: the Maildir cannot be read", "deaf: the server is not reached", "-> correct `path`"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains("s3cret"));
}
