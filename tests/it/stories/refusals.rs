//! Refusals: whom each is about, and what becomes of the mails. A relay that dislikes us uses up nobody; a mailbox that is gone
//! stops; what failed is sent again by its reason.

use super::breakers::{SERIES, people, relay_at, why};
use super::moody_relay::{At, MoodyRelay};
use super::{Told, address, change, name, run_both, somebody, story};
use jiff::SignedDuration;
use nurtured::domain::group::guard::Canary;
use nurtured::domain::span::Span;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::flow::group::cancel::cancel;
use nurtured::flow::group::retry::{self, Meant};
use nurtured::flow::operations::manual_stop;
use nurtured::store::group::deliveries;
use nurtured::store::operations::counts;
use nurtured::town::Town;
use std::collections::BTreeSet;

/// When only the series is ahead.
const QUIET: &str = "2026-01-20T08:00:00Z";
/// A minute after the first newsletter of the series, before anything is tried again.
const AFTER: &str = "2026-02-03T08:31:00Z";

/// Sent, failed, open, and stopped.
async fn counted(town: &Town) -> [i64; 4] {
    let mut tx = town.node.ctx.store().read().await.expect("a reader");
    let of = counts::of_campaign(&mut tx, &name(SERIES)).await.expect("counted");
    let suppressed = counts::summary(&mut tx).await.expect("counted").suppressed;
    [of.sent, of.failed, of.open, suppressed]
}

/// So many people are to get the first newsletter of the series through this relay.
async fn through(town: &Town, count: usize, relay: &MoodyRelay) -> Told {
    town.pass_to(QUIET).await?;
    town.admit(&people(count), "import").await?;
    relay_at(town, relay.port)?;
    Ok(())
}

/// The relay is mended, the campaign resumed, and days pass.
async fn mended(town: &Town, relay: &MoodyRelay) -> Told {
    relay.mend();
    town.clock.advance(SignedDuration::from_mins(1));
    manual_stop::resume(&town.node.ctx, &name(SERIES)).await?;
    town.pass_until(town.now() + SignedDuration::from_hours(24 * 3)).await?;
    Ok(())
}

fn once(accepted: &[usize]) -> bool {
    accepted.iter().collect::<BTreeSet<_>>().len() == accepted.len()
}

/// Whom a relay's refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    /// It pauses at the first.
    AtOnce,
    /// It pauses at a few.
    Ours,
    /// It pauses once many were refused alike.
    Alike,
    /// It stops.
    Gone,
}

/// An odd relay's answer, and whom it is about at each phase.
const ODD: [(&str, [(At, Truth); 4]); 10] = [
    ("550 5.1.8 <bounces@news.example>: Sender address rejected: Domain not found", all(Truth::Ours)),
    ("554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org", all(Truth::Ours)),
    ("550 5.3.4 Message size exceeds fixed limit", all(Truth::Ours)),
    ("501 5.5.4 Syntax error in parameters", all(Truth::AtOnce)),
    ("503 5.5.1 Error: nested MAIL command", all(Truth::AtOnce)),
    ("552 Requested action aborted", all(Truth::Ours)),
    ("554 Transaction failed", all(Truth::Ours)),
    ("550 Administrative prohibition", all(Truth::Alike)),
    ("552 5.2.2 Mailbox full", all(Truth::Alike)),
    ("550 5.7.1 No such user here", all(Truth::Gone)),
];

/// The same at every phase but MAIL, which is never about the recipient.
const fn all(truth: Truth) -> [(At, Truth); 4] {
    [(At::Mail, Truth::AtOnce), (At::Rcpt, truth), (At::Data, truth), (At::Dot, truth)]
}

/// Ten odd relays, each refusing everybody at each phase: what became of so many deliveries, and of the same once it is mended.
async fn odd_relays(count: usize) -> Told {
    for (answer, truths) in ODD {
        for (phase, truth) in truths {
            let file = tempfile::tempdir()?;
            let town = super::found(super::sqlite(file.path()).await).await;
            let relay = MoodyRelay::start(move |at, _| (at == phase).then(|| answer.to_owned())).await?;
            through(&town, count, &relay).await?;
            town.pass_to(AFTER).await?;
            let case = format!("{phase:?}: {answer}");
            let reason = why(&town, SERIES).await.unwrap_or_else(|| panic!("{case}: it goes on"));
            let everybody = i64::try_from(count)?;
            let [sent, failed, open, stopped] = counted(&town).await;
            println!("{case}: sent {sent}, failed {failed}, open {open}, stopped {stopped}; {reason}");
            let says = match truth {
                Truth::AtOnce => "refuses us as the sender",
                Truth::Ours => "in a row were refused for what we are",
                Truth::Alike => "in a row were refused in the same words",
                Truth::Gone => "mailboxes that do not exist",
            };
            assert!(reason.contains(says), "{case}: {reason}");
            if truth == Truth::Gone {
                assert!(
                    (3..20).contains(&failed) && stopped == failed && open == everybody - failed,
                    "{case}: {failed} {stopped}"
                );
            } else {
                assert_eq!([sent, failed, open, stopped], [0, 0, everybody, 0], "{case}");
            }
            mended(&town, &relay).await?;
            let accepted = relay.accepted();
            assert!(once(&accepted), "{case}: twice");
            assert_eq!(counted(&town).await, [everybody - stopped, failed, 0, stopped], "{case}, mended");
            assert_eq!(i64::try_from(accepted.len())?, everybody - stopped, "{case}, mended");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_odd_relays_use_up_nobody_whatever_the_phase() {
    let deliveries = std::env::var("NURTURED_DELIVERIES").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    odd_relays(deliveries).await.expect("told");
}

story!(a_refusal_about_us_leaves_its_mail_open_and_five_alike_in_a_row_pause, |town| {
    let relay = MoodyRelay::start(|at, who| {
        let is_refused = at == At::Rcpt && matches!(who, Some(10..14));
        is_refused.then(|| format!("554 5.7.1 mx{}.example: your domain is not welcome", who.unwrap_or_default()))
    })
    .await?;
    through(&town, 240, &relay).await?;
    town.pass_to(AFTER).await?;
    assert_eq!((why(&town, SERIES).await, counted(&town).await), (None, [236, 0, 4, 0]), "four in a row");
    relay.mend();
    town.pass_until(town.now() + SignedDuration::from_hours(1)).await?;
    assert_eq!(counted(&town).await, [240, 0, 0, 0], "tried again by itself");
    // The next issue: everybody.
    relay.mood(|at, who| (at == At::Dot && who.is_some()).then(|| "550 5.7.26 unauthenticated mail is not taken".to_owned()));
    town.pass_to("2026-03-03T08:31:00Z").await?;
    let reason = why(&town, SERIES).await.expect("they are in a row");
    assert!(reason.contains("mails in a row were refused for what we are") && reason.contains("5.7.26"), "{reason}");
    let [sent, failed, open, stopped] = counted(&town).await;
    assert_eq!((failed, stopped, sent + open), (0, 0, 480), "nobody was lost");
    mended(&town, &relay).await?;
    assert_eq!(counted(&town).await, [480, 0, 0, 0]);
    assert_eq!(relay.accepted().len(), 480);
    Ok(())
});

story!(refusals_about_us_of_over_five_in_a_hundred_pause_though_others_are_accepted, |town| {
    // One person's server says each time something else.
    let relay = MoodyRelay::start(|at, who| {
        let words = ["spam", "our policy", "no SPF", "blocked", "bad reputation"];
        let number = who.filter(|number| at == At::Rcpt && number % 12 == 5)?;
        Some(format!("550 5.7.1 refused: {}", words[number / 12 % words.len()]))
    })
    .await?;
    through(&town, 240, &relay).await?;
    town.pass_to(AFTER).await?;
    let reason = why(&town, SERIES).await.expect("one in twelve");
    assert!(reason.contains("of the last") && reason.contains("over 5 %"), "{reason}");
    let [sent, failed, open, stopped] = counted(&town).await;
    assert!(sent > 40 && sent < 120, "it paused in their midst: {sent}");
    assert_eq!((failed, stopped, sent + open), (0, 0, 240));
    Ok(())
});

story!(twenty_refused_alike_in_a_row_pause_and_are_open_again, |town| {
    // A queue id, a host and a time of its own each: alike all the same.
    let relay = MoodyRelay::start(|at, who| {
        let number = who.filter(|number| at == At::Dot && *number >= 40)?;
        Some(format!("550 Not accepted by mx{}.example (queue {}xAb{number}, 12:00:{:02})", number % 7, number * 17, number % 60))
    })
    .await?;
    through(&town, 200, &relay).await?;
    let other = town.second_node(town.node.ctx.store().clone()).await?;
    town.pass_to("2026-02-03T08:29:00Z").await?;
    town.clock.move_to("2026-02-03T08:30:00Z".parse()?);
    run_both(&town, &other).await?;
    let reason = why(&town, SERIES).await.expect("everybody from the fortieth on");
    assert!(reason.contains("mails in a row were refused in the same words"), "{reason}");
    assert!(!reason.contains("@albareda"), "{reason}");
    let [sent, failed, open, stopped] = counted(&town).await;
    assert_eq!((failed, stopped, sent + open), (0, 0, 200), "those refused are open again");
    mended(&town, &relay).await?;
    let accepted = relay.accepted();
    assert_eq!((accepted.len(), once(&accepted)), (200, true));
    Ok(())
});

story!(a_newsletter_that_was_refused_in_two_issues_is_opened_once, |town| {
    let relay = MoodyRelay::start(|at, who| (at == At::Rcpt && who.is_some()).then(|| "550 computer says no".to_owned())).await?;
    through(&town, 12, &relay).await?;
    town.pass_to(AFTER).await?;
    assert_eq!((why(&town, SERIES).await, counted(&town).await), (None, [0, 12, 0, 0]), "twelve are not twenty");
    // A month later they are offered it once more, and are twenty-four.
    town.pass_to("2026-03-03T08:31:00Z").await?;
    let reason = why(&town, SERIES).await.expect("over twenty in a row");
    assert!(reason.contains("in the same words"), "{reason}");
    assert_eq!(counted(&town).await, [0, 12, 12, 0], "those of the second issue are open, and of the first none");
    mended(&town, &relay).await?;
    let accepted = relay.accepted();
    assert_eq!((accepted.len(), once(&accepted)), (12, true), "{accepted:?}");
    Ok(())
});

story!(what_failed_of_a_cancelled_issue_is_not_sent_again, |town| {
    let relay = MoodyRelay::start(|at, who| match who.filter(|_| at == At::Rcpt)? {
        3 => Some("550 computer says no".to_owned()),
        4 => Some("450 4.2.0 come back later".to_owned()),
        _ => None,
    })
    .await?;
    through(&town, 10, &relay).await?;
    town.pass_to(AFTER).await?;
    let (ctx, series) = (&town.node.ctx, name(SERIES));
    assert_eq!(cancel(ctx, &series, None, ("the price is wrong", None)).await?.mails, 1);
    relay.mend();
    let before = counted(&town).await;
    let found = retry::reasons(ctx, &series, Meant::All).await?;
    assert_eq!(found.iter().map(|of| (of.failed, of.not_again)).collect::<Vec<_>>(), [(1, 1)]);
    let retried = retry::retry(ctx, &series, Meant::All).await?;
    assert_eq!((retried.opened, retried.not_again), (0, 1));
    town.run_until_idle().await?;
    assert_eq!((counted(&town).await, relay.accepted().len()), (before, 8));
    Ok(())
});

story!(people_whose_mailboxes_seemed_gone_twenty_times_alike_in_a_row_are_open_again, |town| {
    let relay = MoodyRelay::start(|_, _| None).await?;
    through(&town, 700, &relay).await?;
    // After five hundred mails the directory behind the relay breaks.
    relay.mood(|at, who| (at == At::Rcpt && who >= Some(600)).then(|| "550 5.1.1 User unknown".to_owned()));
    town.pass_to(AFTER).await?;
    assert!(why(&town, SERIES).await.is_some());
    let [sent, failed, open, stopped] = counted(&town).await;
    assert_eq!((failed, stopped, sent + open), (0, 0, 700), "{:?}", why(&town, SERIES).await);
    mended(&town, &relay).await?;
    assert_eq!(relay.accepted().len(), 700);
    Ok(())
});

story!(what_failed_is_sent_again_by_its_reason_and_never_to_whom_stopped, |town| {
    let relay = MoodyRelay::start(|at, who| {
        let number = who.filter(|_| at == At::Rcpt)?;
        match number % 10 {
            3 => Some(format!("550 computer {number} says no")),
            7 => Some("550 out of office hours".to_owned()),
            _ => None,
        }
    })
    .await?;
    through(&town, 50, &relay).await?;
    town.pass_to(AFTER).await?;
    assert_eq!((why(&town, SERIES).await, counted(&town).await), (None, [40, 10, 0, 0]));
    let (ctx, series) = (&town.node.ctx, name(SERIES));
    manual_stop::suppress(ctx, &address("p13@albareda.example"), Channel::Email, "asked on the phone").await?;
    relay.mend();
    let found = retry::reasons(ctx, &series, Meant::All).await?;
    let listed: Vec<(i64, i64)> = found.iter().map(|of| (of.failed, of.not_again)).collect();
    assert_eq!((listed.iter().map(|of| of.0).sum::<i64>(), listed.len()), (10, 2), "{found:?}");
    assert!(found.iter().all(|of| !of.reason.contains('@')), "{found:?}");
    let retried = retry::retry(ctx, &series, Meant::Words("says NO")).await?;
    assert_eq!((retried.opened, retried.not_again), (4, 1));
    assert_eq!(retry::retry(ctx, &series, Meant::Words("says no")).await?.opened, 0, "open already");
    town.run_until_idle().await?;
    assert_eq!(counted(&town).await, [44, 6, 0, 1]);
    assert_eq!(retry::retry(ctx, &series, Meant::All).await?.opened, 5);
    town.run_until_idle().await?;
    let accepted = relay.accepted();
    assert!(once(&accepted) && accepted.len() == 49 && !accepted.contains(&13), "{accepted:?}");
    // Sent again, it counts as had: the next issue brings everybody the second newsletter, and p13 nothing.
    let ada = town.prospect(&address("p3@albareda.example")).await?.id;
    town.pass_to("2026-03-03T09:00:00Z").await?;
    let had = deliveries::of_prospect(&mut ctx.store().read().await?, ada).await?;
    let had: Vec<(&str, &str)> = had.iter().map(|of| (of.newsletter.as_str(), of.state.as_str())).collect();
    assert!(had.len() == 2 && had[0].0 != had[1].0 && had.iter().all(|of| of.1 == "accepted"), "{had:?}");
    // Refused in two issues, a newsletter is sent again once.
    relay.mood(|at, who| (at == At::Rcpt && who == Some(8)).then(|| "550 computer says no".to_owned()));
    town.pass_to("2026-04-07T09:00:00Z").await?;
    town.pass_to("2026-05-05T09:00:00Z").await?;
    relay.mend();
    let retried = retry::retry(ctx, &series, Meant::Words("computer says no")).await?;
    assert_eq!((retried.opened, retried.not_again), (1, 1));
    Ok(())
});

story!(a_mailbox_that_takes_nothing_in_three_issues_in_a_row_is_stopped_and_a_closed_one_at_once, |town| {
    let relay = MoodyRelay::start(|at, who| match who.filter(|_| at == At::Rcpt)? {
        1 => Some("552 5.2.2 the mailbox is full".to_owned()),
        2 => Some("550 5.2.1 this person receives mail at a rate that we do not take".to_owned()),
        3 => Some("550 5.2.1 this account has been disabled".to_owned()),
        _ => None,
    })
    .await?;
    through(&town, 100, &relay).await?;
    let stop = async |number: usize| -> Result<Option<StopReason>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(town.prospect(&address(&format!("p{number}@albareda.example"))).await?.mail_stop)
    };
    let gone = Some(StopReason::Bounced);
    town.pass_to("2026-02-10T08:00:00Z").await?;
    assert_eq!([stop(1).await?, stop(2).await?, stop(3).await?, stop(4).await?], [None, None, gone, None]);
    town.pass_to("2026-03-10T08:00:00Z").await?;
    assert_eq!([stop(1).await?, stop(2).await?], [None, None], "twice");
    // The third time the one is there again, and the other is not.
    relay.mood(|at, who| (at == At::Rcpt && who == Some(1)).then(|| "552 5.2.2 the mailbox is full".to_owned()));
    town.pass_to("2026-04-14T08:00:00Z").await?;
    assert_eq!([stop(1).await?, stop(2).await?], [gone, None], "{:?}", why(&town, SERIES).await);
    Ok(())
});

story!(canaries_that_cannot_be_tried_are_replaced, |town| {
    use nurtured::flow::context::Progress;
    use nurtured::flow::group::publish::publish;
    let relay =
        MoodyRelay::start(|at, who| (at == At::Rcpt && who < Some(2) && who.is_some()).then(|| "550 5.1.1 nobody".to_owned()))
            .await?;
    through(&town, 60, &relay).await?;
    change(&town, SERIES, |series| series.guards.canary = Some(Canary { first: 10, hold: Span::minutes(20) }))?;
    town.pass_to("2026-02-03T08:29:00Z").await?;
    town.clock.move_to("2026-02-03T08:30:00Z".parse()?);
    while publish(&town.node.ctx).await? == Progress::Done {}
    // Two are refused, and one stops between the writing and the sending.
    manual_stop::suppress(&town.node.ctx, &address("p2@albareda.example"), Channel::Email, "asked").await?;
    town.run_until_idle().await?;
    let mut tried = relay.accepted();
    tried.sort_unstable();
    assert_eq!(tried, (3..13).collect::<Vec<_>>(), "ten were tried, three of them in the place of others");
    town.pass_to("2026-02-03T08:49:00Z").await?;
    assert_eq!(relay.accepted().len(), 10, "held");
    town.pass_to("2026-02-03T08:51:00Z").await?;
    let accepted = relay.accepted();
    assert_eq!((accepted.len(), once(&accepted)), (57, true));
    Ok(())
});

story!(a_bounce_is_judged_as_an_answer_is, |town| {
    use nurtured::flow::individual::receive::receive;
    use nurtured::inbox::mail::bounce;
    let ada = address("ada@albareda.example");
    let bounced = async |issue: usize, said: &str| -> Told {
        let mails: Vec<_> = town.catcher.caught().into_iter().filter(|c| c.rcpt_to == [ada.to_string()]).collect();
        let raw = format!(
            "From: MAILER-DAEMON@mx.albareda.example\nTo: {}\nMessage-ID: <dsn-{issue}@mx.albareda.example>\nSubject: Undelivered\n\
             MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\
             Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.albareda.example\n\n\
             Final-Recipient: rfc822; {ada}\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; {said}\n\n--b--\n",
            mails[issue].mail_from
        );
        receive(&town.node.ctx, &bounce::read(raw.replace('\n', "\r\n").as_bytes())?).await?;
        Ok(())
    };
    town.pass_to(QUIET).await?;
    town.admit(&[somebody(ada.as_str())], "card").await?;
    let said = [
        "550 5.7.1 your mail looks like spam",
        "552 5.2.2 full",
        "550 who knows",
        "552 5.2.2 full",
        "552 5.2.2 full",
        "552 5.2.2 full",
    ];
    let mut at = town.now();
    for (issue, said) in said.iter().enumerate() {
        while town.catcher.caught().iter().filter(|c| c.rcpt_to == [ada.to_string()]).count() <= issue {
            at += SignedDuration::from_hours(24);
            town.pass_until(at).await?;
        }
        assert_eq!(town.prospect(&ada).await?.mail_stop, None, "before issue {issue}");
        bounced(issue, said).await?;
    }
    assert_eq!(town.prospect(&ada).await?.mail_stop, Some(StopReason::Bounced), "three full ones in a row");
    Ok(())
});
