//! Breakers: a campaign that meets too much of what is said against us pauses, says why, and loses nobody for it.

use super::{name, somebody, story};
use nurtured::domain::address::Address;
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::doorway::signal::{About, Detail, NewSignal};
use nurtured::domain::id::ProspectId;
use nurtured::domain::plan::Plan;
use nurtured::flow::doorway::observe::observe;
use nurtured::flow::group::delivery::deliver::deliver_issue;
use nurtured::flow::group::publish::publish_test;
use nurtured::flow::operations::manual_stop;
use nurtured::store::group::{campaigns, deliveries};
use nurtured::town::Town;
use std::collections::BTreeSet;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

pub(super) const SERIES: &str = "line-downtime";
/// When the letter of January is out, and only the series is ahead.
const QUIET: &str = "2026-01-20T08:00:00Z";
/// Five minutes after the first newsletter of the series.
const AFTER: &str = "2026-02-03T08:35:00Z";

pub(super) fn people(count: usize) -> Vec<Arrival> {
    (0..count).map(|n| somebody(&format!("p{n}@albareda.example"))).collect()
}

/// How many newsletters went out: without the letters to our own people, who are told why a campaign paused.
pub(super) fn sent(town: &Town) -> usize {
    town.catcher.caught().iter().filter(|mail| !mail.rcpt_to[0].ends_with("@tecnofab.example")).count()
}

/// Why a campaign is paused.
pub(super) async fn why(town: &Town, campaign: &str) -> Option<String> {
    let mut tx = town.node.ctx.store().read().await.expect("a reader");
    let mut all = campaigns::all(&mut tx).await.expect("the campaigns");
    all.remove(&name(campaign)).expect("it is configured").paused
}

/// The newest delivery to an address: its id and its state.
async fn newest(town: &Town, who: &Address) -> (ProspectId, nurtured::store::group::deliveries::Delivery) {
    let id = town.prospect(who).await.expect("somebody").id;
    let mut tx = town.node.ctx.store().read().await.expect("a reader");
    (id, deliveries::of_prospect(&mut tx, id).await.expect("deliveries").pop().expect("one"))
}

/// Somebody of these says something about the newest mail they got.
pub(super) async fn say(town: &Town, who: &[Arrival], detail: Detail) {
    let mut news = Vec::new();
    for arrival in who {
        let (prospect, delivery) = newest(town, &arrival.address).await;
        news.push(NewSignal {
            about: About::Prospect(prospect),
            once: format!("{}:{}", detail.kind(), delivery.id),
            occurred_at: town.now(),
            delivery: Some(delivery.id),
            issue: None,
            by: None,
            machine: None,
            detail: detail.clone(),
        });
    }
    observe(&town.node.ctx, &news).await.expect("observed");
}

pub(super) fn bounce() -> Detail {
    Detail::Bounce { hard: true, status: Some("5.1.1".to_owned()), diagnostic: "no such user".to_owned() }
}

story!(four_bounces_in_a_hundred_are_borne_and_ten_are_not, |town| {
    let people = people(500);
    town.pass_to(QUIET).await?;
    let everybody = |from: usize, step: usize| people[from..].iter().step_by(step);
    everybody(24, 25).for_each(|p| town.catcher.refuse(p.address.as_str(), 550, "5.1.1 no such user"));
    town.admit(&people[..200], "import").await?;
    town.pass_to(AFTER).await?;
    assert_eq!(why(&town, SERIES).await, None, "four in a hundred");
    let had = sent(&town);
    // The next three hundred are from an old list.
    everybody(200, 10).for_each(|p| town.catcher.refuse(p.address.as_str(), 550, "5.1.1 no such user"));
    town.admit(&people[200..], "import").await?;
    town.pass_to("2026-03-03T09:00:00Z").await?;
    let reason = why(&town, SERIES).await.expect("ten in a hundred");
    assert!(reason.contains("over 5 %") && reason.contains("nurtured campaigns resume line-downtime"), "{reason}");
    assert!(sent(&town) < had + 192 + 200, "it stopped in their midst: {} of them", sent(&town) - had);
    // Nothing more goes out, and nobody is lost.
    let paused = sent(&town);
    town.pass_to("2026-03-03T12:00:00Z").await?;
    assert_eq!(sent(&town), paused);
    // Whoever resumes it begins a new count: two more are chance again.
    people[200..].iter().for_each(|p| town.catcher.relent(p.address.as_str()));
    for p in [&people[480], &people[490]] {
        town.catcher.refuse(p.address.as_str(), 550, "5.1.1 no such user");
    }
    assert!(manual_stop::resume(&town.node.ctx, &name(SERIES)).await?);
    town.pass_to("2026-03-03T13:00:00Z").await?;
    assert_eq!(why(&town, SERIES).await, None, "what was counted before is forgotten");
    let had: BTreeSet<String> = town.catcher.caught().into_iter().flat_map(|mail| mail.rcpt_to).collect();
    for p in people.iter().filter(|p| !had.contains(p.address.as_str())) {
        assert!(town.prospect(&p.address).await?.mail_stop.is_some(), "{} was lost", p.address);
    }
    Ok(())
});

story!(bounces_that_come_back_by_mail_count_and_count_once, |town| {
    let people = people(25);
    town.pass_to(QUIET).await?;
    town.admit(&people, "import").await?;
    town.pass_to(AFTER).await?;
    say(&town, &people[..2], bounce()).await;
    say(&town, &people[..2], bounce()).await;
    assert_eq!(why(&town, SERIES).await, None, "two, however often they are told");
    say(&town, &people[2..3], bounce()).await;
    let reason = why(&town, SERIES).await.expect("three of twenty-five");
    assert!(reason.starts_with("3 of the last 25 mails"), "{reason}");
    // Somebody has looked at that list and resumed: what still comes back of it is known.
    town.clock.advance(jiff::SignedDuration::from_hours(1));
    manual_stop::resume(&town.node.ctx, &name(SERIES)).await?;
    say(&town, &people[3..8], bounce()).await;
    assert_eq!(why(&town, SERIES).await, None, "a new count has begun");
    Ok(())
});

story!(three_complaints_in_a_hundred_pause_and_two_do_not, |town| {
    let people = people(100);
    town.pass_to(QUIET).await?;
    town.admit(&people, "import").await?;
    town.pass_to(AFTER).await?;
    let complaint = Detail::Complaint { feedback: "abuse".to_owned() };
    say(&town, &people[..2], complaint.clone()).await;
    assert_eq!(why(&town, SERIES).await, None);
    say(&town, &people[50..51], complaint.clone()).await;
    let reason = why(&town, SERIES).await.expect("three");
    assert!(reason.starts_with("3 of the last 100 recipients complained"), "{reason}");
    // Resumed: what they still say about the old mails is not about what was mended.
    town.clock.advance(jiff::SignedDuration::from_hours(1));
    manual_stop::resume(&town.node.ctx, &name(SERIES)).await?;
    say(&town, &people[60..70], complaint).await;
    assert_eq!(why(&town, SERIES).await, None);
    Ok(())
});

story!(a_test_copy_that_is_refused_because_of_us_pauses_nothing_and_ends, |town| {
    let people = people(20);
    town.pass_to(QUIET).await?;
    town.admit(&people, "import").await?;
    let ada = &people[7].address;
    town.catcher.refuse(ada.as_str(), 554, "5.7.1 your domain is not welcome here");
    let plan = town.node.ctx.plan();
    let campaign = plan.campaign(&name(SERIES)).expect("the series");
    let issue = publish_test(&town.node.ctx, campaign, &campaign.newsletters[0], ada).await?;
    deliver_issue(&town.node.ctx, &town.node.writer, issue).await?;
    let copy = deliveries::test_copy(&mut town.node.ctx.store().read().await?, issue).await?;
    assert_eq!((copy.state.as_str(), why(&town, SERIES).await), ("failed", None));
    // Of the issue itself it is one of twenty: it waits, and nothing pauses.
    town.pass_to(AFTER).await?;
    assert_eq!((why(&town, SERIES).await, newest(&town, ada).await.1.state.as_str()), (None, "pending"));
    assert_eq!(town.prospect(ada).await?.mail_stop, None);
    town.catcher.relent(ada.as_str());
    town.pass_until(town.now() + jiff::SignedDuration::from_hours(1)).await?;
    for p in &people {
        let mails = town.mails_to(&p.address).into_iter().filter(|m| m.subject.contains("stopped line"));
        assert_eq!(mails.count(), 1, "{}", p.address);
    }
    Ok(())
});

story!(a_relay_that_does_not_know_us_stops_all_sending, |town| {
    let people = people(3);
    town.pass_to(QUIET).await?;
    town.admit(&people, "import").await?;
    town.catcher.refuse(people[0].address.as_str(), 530, "5.7.0 authentication required");
    town.pass_to(AFTER).await?;
    for campaign in [SERIES, "production-letter"] {
        let reason = why(&town, campaign).await.expect("every campaign");
        assert!(reason.contains("does not accept our login") && reason.contains("530"), "{reason}");
    }
    assert_eq!(newest(&town, &people[0].address).await.1.state, "pending");
    Ok(())
});

/// A relay that hangs up at this line of a mail's conversation; a dot: when the whole message has arrived.
async fn rude_relay(hangs_up_at: &'static str) -> std::io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (read, mut write) = socket.into_split();
                let mut lines = BufReader::new(read).lines();
                write.write_all(b"220 come in\r\n").await.ok()?;
                let mut in_message = false;
                while let Ok(Some(line)) = lines.next_line().await {
                    if line.starts_with(hangs_up_at) && (!in_message || line == ".") {
                        return None;
                    }
                    let answer = match line.split(' ').next() {
                        _ if in_message => continue,
                        Some("DATA") => "354 go on\r\n",
                        _ => "250 ok\r\n",
                    };
                    in_message = answer.starts_with("354");
                    write.write_all(answer.as_bytes()).await.ok()?;
                }
                Some(())
            });
        }
    });
    Ok(port)
}

/// The same node with its relay elsewhere.
pub(super) fn relay_at(town: &Town, port: u16) -> Result<(), nurtured::flow::context::FlowError> {
    let mut plan = Plan::clone(&town.node.ctx.plan());
    plan.settings.smtp.port = port;
    town.node.ctx.replace_plan(plan)
}

story!(twenty_connections_that_break_in_a_row_pause, |town| {
    let people = people(60);
    town.pass_to(QUIET).await?;
    town.admit(&people, "import").await?;
    for (hangs_up_at, at) in [("RCPT", AFTER), (".", "2026-03-03T08:35:00Z")] {
        relay_at(&town, rude_relay(hangs_up_at).await?)?;
        town.pass_to(at).await?;
        let reason = why(&town, SERIES).await.expect("nobody was served");
        assert!(reason.starts_with("20 connections in a row broke"), "{reason}");
        // Mended and resumed, everybody gets theirs.
        relay_at(&town, town.catcher.local_addr().port())?;
        town.clock.advance(jiff::SignedDuration::from_hours(1));
        manual_stop::resume(&town.node.ctx, &name(SERIES)).await?;
        let before = sent(&town);
        town.pass_until(town.now() + jiff::SignedDuration::from_hours(1)).await?;
        assert_eq!((sent(&town) - before, why(&town, SERIES).await), (60, None));
    }
    Ok(())
});

story!(a_mail_accepted_between_breaks_ends_the_row, |town| {
    let people = people(12);
    town.pass_to(QUIET).await?;
    town.admit(&people, "import").await?;
    relay_at(&town, rude_relay("DATA").await?)?;
    town.pass_to("2026-02-03T08:31:00Z").await?;
    relay_at(&town, town.catcher.local_addr().port())?;
    town.pass_to("2026-02-03T08:45:00Z").await?;
    assert_eq!(town.mails_to(&people[0].address).len(), 1, "tried again, and accepted");
    relay_at(&town, rude_relay("DATA").await?)?;
    town.pass_to("2026-03-03T08:31:00Z").await?;
    assert_eq!(why(&town, SERIES).await, None, "twenty-four broke, twelve of them in a row");
    town.pass_to("2026-03-03T08:45:00Z").await?;
    assert!(why(&town, SERIES).await.expect("and twelve more").starts_with("20 connections"));
    Ok(())
});

story!(who_answers_for_a_campaign_is_told_why_it_paused, |town| {
    let people = people(25);
    town.pass_to(QUIET).await?;
    town.admit(&people, "import").await?;
    town.pass_to(AFTER).await?;
    let ours = ["marta@tecnofab.example", "iria@tecnofab.example"].map(crate::stories::address);
    assert!(ours.iter().all(|who| town.mails_to(who).is_empty()));
    manual_stop::pause(&town.node.ctx, &name("production-letter"), "a typo").await?;
    say(&town, &people[..5], bounce()).await;
    town.run_until_idle().await?;
    let again = town.second_node(town.node.ctx.store().clone()).await?;
    nurtured::flow::until_idle::run_until_idle(&again.ctx, &again.writer).await?;
    for who in &ours {
        let mails = town.mails_to(who);
        assert_eq!(mails.len(), 1, "told once, and nothing of what somebody paused by hand");
        assert_eq!(mails[0].subject, "line-downtime has paused");
        let text = mails[0].text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("of the last 25 mails went to mailboxes that do not exist"), "{text}");
        assert!(text.contains("nurtured campaigns resume line-downtime"), "{text}");
    }
    Ok(())
});
