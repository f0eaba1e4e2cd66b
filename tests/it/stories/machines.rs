//! Machines: what follows links without a person behind it, and what becomes of what it seemed to prove.

use super::adopt::Place;
use super::door::{asked, signals_of};
use super::evidence::{click, decision};
use super::request::from;
use super::{FIRST_ISSUE, Told, address, name, somebody, story};
use axum::http::Method;
use jiff::SignedDuration;
use jiff::civil::date;
use nurtured::config::example;
use nurtured::domain::criterion::Criterion::{self, Authority, Budget, Need, Timeframe, Vision};
use nurtured::domain::doorway::ignored::Why;
use nurtured::domain::doorway::machine::Machine;
use nurtured::domain::doorway::qualification::Verdict;
use nurtured::domain::doorway::signal::Touch;
use nurtured::domain::id::SignalId;
use nurtured::flow::doorway::judge::judge;
use nurtured::flow::doorway::observe::{self, observe};
use nurtured::flow::doorway::reclassify::reclassify;
use nurtured::flow::individual::withdraw;
use nurtured::flow::operations::merge;
use nurtured::store::doorway::hits::{self, Kept, NewHit};
use nurtured::town::{BROWSER, Town};

/// When the first newsletter leaves.
const DELIVERED: &str = "2026-02-03T08:30:00Z";
const PRICES: &str = "https://tecnofab.example/prices";

/// Why each click of a person counts for nothing, in the order in which they came.
async fn ignored(town: &Town, who: &str) -> Result<Vec<Option<Why>>, Box<dyn std::error::Error + Send + Sync>> {
    let who = address(who);
    let found = town.verdicts(&who).await?;
    let why = |id: SignalId| found.ignored().iter().find(|i| i.signal == id && i.criterion.is_none()).map(|i| i.why);
    let clicks = signals_of(town, who.as_str()).await?;
    Ok(clicks.into_iter().filter(|s| s.detail.kind() == "click").map(|s| why(s.id)).collect())
}

/// The link of this text in a person's newest mail.
fn link(town: &Town, who: &str, words: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    Ok(town.newest_to(&address(who))?.link(words).ok_or("the link")?)
}

story!(one_network_that_follows_the_mails_of_several_colleagues_is_a_machine, |town| {
    let colleagues = ["ada@albareda.example", "bea@albareda.example", "cid@albareda.example", "dora@fornells.example"];
    town.admit(&colleagues.map(somebody), "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    town.clock.advance(SignedDuration::from_mins(5));
    let gateway = [203, 0, 113, 7];
    for who in colleagues {
        // Each time as another browser, and at the pace of a person who is in a hurry.
        let agent = format!("{BROWSER} Edg/14{}.0.0.0", who.len() % 10);
        town.clock.advance(SignedDuration::from_secs(12));
        from(&town, gateway, (Method::GET, &link(&town, who, "Do the sum")?), &[("user-agent", &agent)], b"").await?;
    }
    // And one of them from home, later.
    town.clock.advance(SignedDuration::from_mins(20));
    let ada = link(&town, "ada@albareda.example", "How the plant near Lleida")?;
    from(&town, [198, 51, 100, 4], (Method::GET, &ada), &[("user-agent", BROWSER)], b"").await?;
    town.clock.advance(SignedDuration::from_mins(11));
    let crowd = Some(Why::Machine(Machine::Crowd));
    assert_eq!(ignored(&town, "ada@albareda.example").await?, [crowd, None]);
    assert_eq!(ignored(&town, "bea@albareda.example").await?, [crowd]);
    assert_eq!(ignored(&town, "cid@albareda.example").await?, [crowd]);
    assert_eq!(ignored(&town, "dora@fornells.example").await?, [None], "of another company");
    Ok(())
});

story!(whoever_follows_the_link_that_no_person_sees_is_a_machine, |town| {
    let ada = "ada@albareda.example";
    town.admit(&[somebody(ada)], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let mail = town.newest_to(&address(ada))?;
    let trap = mail.trap().ok_or("a trap")?;
    assert!(!mail.text.contains(&trap) && mail.links().iter().all(|(url, _)| *url != trap), "no person sees it");
    let token = trap.rsplit('/').next().ok_or("a token")?;
    let hidden = mail.html.split("<div").find(|part| part.contains(token)).ok_or("it stands in a part of its own")?;
    assert!(hidden.contains("aria-hidden=\"true\"") && hidden.contains("tabindex=\"-1\"") && hidden.contains("display: none"));
    // A sandbox that opens everything, slowly and as a browser.
    town.click(&address(ada), "Do the sum").await?;
    town.clock.advance(SignedDuration::from_secs(20));
    let led = town.ask(Method::GET, &trap, BROWSER, "").await?;
    assert_eq!((led.status.as_u16(), led.location), (204, None), "it leads nowhere");
    town.clock.advance(SignedDuration::from_secs(20));
    town.click(&address(ada), "How the plant near Lleida").await?;
    // She reads it herself, an hour later.
    town.clock.advance(SignedDuration::from_hours(1));
    from(&town, [198, 51, 100, 4], (Method::GET, &link(&town, ada, "Do the sum")?), &[("user-agent", BROWSER)], b"").await?;
    town.clock.advance(SignedDuration::from_mins(11));
    let trap = Some(Why::Machine(Machine::Trap));
    assert_eq!(ignored(&town, ada).await?, [trap, trap, trap, None]);
    Ok(())
});

story!(a_click_within_seconds_of_the_delivery_is_a_machines, |town| {
    let ada = "ada@albareda.example";
    town.admit(&[somebody(ada)], "import").await?;
    town.pass_to(DELIVERED).await?;
    let url = link(&town, ada, "Do the sum")?;
    let other = link(&town, ada, "How the plant near Lleida")?;
    let arrived = town.now();
    from(&town, [203, 0, 113, 7], (Method::GET, &url), &[("user-agent", BROWSER)], b"").await?;
    town.clock.advance(SignedDuration::from_secs(30));
    from(&town, [198, 51, 100, 4], (Method::GET, &other), &[("user-agent", BROWSER)], b"").await?;
    town.clock.move_to(arrived + SignedDuration::from_mins(20));
    assert_eq!(ignored(&town, ada).await?, [Some(Why::Machine(Machine::Soon)), None]);
    Ok(())
});

story!(what_a_browser_loads_beforehand_proves_nothing, |town| {
    let ada = "ada@albareda.example";
    town.admit(&[somebody(ada)], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let url = link(&town, ada, "Do the sum")?;
    for (n, purpose) in [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-moz", "prefetch")].iter().enumerate()
    {
        town.clock.advance(SignedDuration::from_mins(5));
        let ip = [198, 51, 100, u8::try_from(n)?];
        let led = from(&town, ip, (Method::GET, &url), &[("user-agent", BROWSER), *purpose], b"").await?;
        assert_eq!(led.status, 302);
    }
    town.clock.advance(SignedDuration::from_mins(20));
    assert_eq!(ignored(&town, ada).await?, [Some(Why::Machine(Machine::Prefetch)); 3]);
    Ok(())
});

story!(five_answers_by_one_script_through_one_link_do_not_make_ready, |town| {
    let links = asked(&town, "ada@albareda.example").await?;
    let ada = address("ada@albareda.example");
    // It presses its link as often as it takes, waits as a person would, and sends an answer to every question it is asked.
    for _ in 0..6 {
        let mut page = town.press(&links[0], BROWSER).await?;
        for _ in 0..3 {
            town.clock.advance(SignedDuration::from_mins(2));
            let all: String = Criterion::ALL.into_iter().flat_map(|c| ["&", c.word(), "=0"]).collect();
            let body = format!("visit={}&more=1{all}", page.visit());
            page = town.ask(Method::POST, &links[0], BROWSER, &body).await?;
        }
        town.clock.advance(SignedDuration::from_mins(30));
    }
    town.pass_to("2026-02-04T12:00:00Z").await?;
    let found = town.verdicts(&ada).await?;
    assert!(found.met() <= 3, "what its page asks, and no more: {:?}", found.findings());
    assert_eq!(town.handoffs_of(&ada).await?, []);
    Ok(())
});

/// Somebody who was handed off by two clicks and four things said, as an earlier version saw it: those clicks were a scanner's.
async fn handed_off(town: &Town, agent: &str) -> Result<Vec<SignalId>, Box<dyn std::error::Error + Send + Sync>> {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let at = |text: &str| text.parse::<jiff::Timestamp>();
    let clicks =
        [click(&ada, 1, at("2026-01-10T10:00:00Z")?, PRICES, None), click(&ada, 2, at("2026-01-11T10:00:00Z")?, PRICES, None)];
    let seen = observe(&town.node.ctx, &clicks).await?;
    let ids: Vec<_> = seen.iter().filter_map(|o| if let observe::Observed::New(id) = o { Some(*id) } else { None }).collect();
    let kept: Vec<NewHit<'_>> = ids
        .iter()
        .zip(&clicks)
        .map(|(id, click)| NewHit {
            signal: *id,
            agent: Some(agent),
            network: "n",
            company: Some("albareda.example"),
            at: click.occurred_at.as_millisecond(),
        })
        .collect();
    let mut tx = town.node.ctx.store().write().await?;
    hits::add(&mut tx, &kept).await?;
    tx.commit().await?;
    let mut plan = nurtured::domain::plan::Plan::clone(&town.node.ctx.plan());
    plan.qualifying.criteria[Need].enough = 1;
    town.node.ctx.replace_plan(plan)?;
    town.pass_to("2026-01-12T09:00:00Z").await?;
    town.log(&ada, "marta", Touch::Call, &[Vision, Budget, Authority, Timeframe], Some(date(2026, 6, 1)), "four").await?;
    town.pass_to("2026-01-12T10:00:00Z").await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1);
    Ok(ids)
}

/// How many letters told the holder of the handoff that evidence was withdrawn.
async fn letters(town: &Town) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
    let handoff = town.handoffs_of(&address("ada@albareda.example")).await?.remove(0);
    let plan = town.node.ctx.plan();
    let (_, to) = plan.roster.person(&handoff.salesperson).ok_or("a salesperson")?;
    Ok(town.mails_to(to).iter().filter(|mail| mail.subject.contains("evidence withdrawn")).count())
}

story!(hits_are_judged_again_and_whoever_rests_on_them_is_told_once, |town| {
    let ada = address("ada@albareda.example");
    let ids = handed_off(&town, &format!("{BROWSER} MailGateScanner/4.2")).await?;
    let ctx = &town.node.ctx;
    let shown = reclassify(ctx, true).await?;
    assert_eq!((shown.hits, shown.changes.len()), (2, 2));
    let resting = withdraw::would_lose(ctx, &shown.withdrawn()).await?;
    assert_eq!(resting.len(), 1, "{resting:?}");
    town.run_until_idle().await?;
    assert_eq!((town.verdicts(&ada).await?.met(), letters(&town).await?), (5, 0), "a dry run changes nothing");

    assert_eq!(reclassify(ctx, false).await?.changes, shown.changes);
    town.run_until_idle().await?;
    let found = town.verdicts(&ada).await?;
    assert_eq!((found.findings()[Need].verdict, found.met()), (Verdict::Unknown, 4));
    assert!(found.ignored().iter().all(|i| i.why == Why::Withdrawn), "{:?}", found.ignored());
    assert_eq!(letters(&town).await?, 1);
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1, "the lead stays where it is");
    // Again is nothing new, and what a colleague says stays.
    assert_eq!(reclassify(ctx, false).await?.changes, []);
    judge(ctx, &ids, false, &name("marta"), "she says it was her").await?;
    assert_eq!(reclassify(ctx, false).await?.changes, []);
    town.run_until_idle().await?;
    assert_eq!((town.verdicts(&ada).await?.met(), letters(&town).await?), (5, 1));
    Ok(())
});

story!(a_judgement_by_hand_tells_whoever_was_handed_off_by_it, |town| {
    let ids = handed_off(&town, BROWSER).await?;
    judge(&town.node.ctx, &ids[..1], true, &name("marta"), "their scanner").await?;
    town.run_until_idle().await?;
    assert_eq!(letters(&town).await?, 1);
    // What proves nothing of theirs is told to nobody.
    let other = decision(&address("ada@albareda.example"), Budget, true, (2026, 9, 1), "marta");
    nurtured::flow::doorway::judge::decide(&town.node.ctx, other).await?;
    town.run_until_idle().await?;
    assert_eq!(letters(&town).await?, 1);
    Ok(())
});

/// Chooses the answer of this text in a person's newest mail, from an address.
async fn answer_from(town: &Town, ip: [u8; 4], who: &str, say: &str) -> Told {
    let url = link(town, who, say)?;
    let page = from(town, ip, (Method::GET, &url), &[("user-agent", BROWSER)], b"").await?;
    let visit = page.body.split("name=\"visit\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).ok_or("a visit")?;
    let headers = [("user-agent", BROWSER), ("content-type", "application/x-www-form-urlencoded")];
    let noted = from(town, ip, (Method::POST, &url), &headers, format!("visit={visit}").as_bytes()).await?;
    assert_eq!(noted.status, 200, "{}", noted.body);
    Ok(())
}

story!(answers_that_a_crowd_voids_count_no_longer_and_whoever_rests_on_them_is_told, |town| {
    let colleagues = ["ada@albareda.example", "bea@albareda.example", "cid@albareda.example"];
    let ada = address(colleagues[0]);
    let mut plan = nurtured::domain::plan::Plan::clone(&town.node.ctx.plan());
    plan.qualifying.criteria[Need].enough = 1;
    town.node.ctx.replace_plan(plan)?;
    town.admit(&colleagues.map(somebody), "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    town.log(&ada, "marta", Touch::Call, &[Vision, Budget, Authority, Timeframe], Some(date(2026, 6, 1)), "four").await?;
    town.clock.advance(SignedDuration::from_mins(5));
    let gateway = [203, 0, 113, 7];
    answer_from(&town, gateway, colleagues[0], "More than 20 hours").await?;
    town.run_until_idle().await?;
    assert_eq!((town.verdicts(&ada).await?.met(), town.handoffs_of(&ada).await?.len()), (5, 1), "it counts at once");
    town.clock.advance(SignedDuration::from_secs(20));
    answer_from(&town, gateway, colleagues[1], "More than 20 hours").await?;
    town.run_until_idle().await?;
    assert_eq!(letters(&town).await?, 0);

    town.clock.advance(SignedDuration::from_secs(20));
    let url = link(&town, colleagues[2], "Do the sum")?;
    from(&town, gateway, (Method::GET, &url), &[("user-agent", BROWSER)], b"").await?;
    town.run_until_idle().await?;
    let found = town.verdicts(&ada).await?;
    assert_eq!((found.findings()[Need].verdict, found.met()), (Verdict::Unknown, 4));
    assert!(found.ignored().iter().any(|i| i.why == Why::Withdrawn), "{:?}", found.ignored());
    assert_eq!(letters(&town).await?, 1);
    town.clock.advance(SignedDuration::from_mins(11));
    let crowd = Some(Why::Machine(Machine::Crowd));
    assert_eq!(ignored(&town, colleagues[2]).await?, [crowd], "a click that never counted was no evidence");
    Ok(())
});

/// Every hit on record.
async fn hits_on_record(town: &Town) -> Result<Vec<Kept>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(hits::after(&mut town.node.ctx.store().read().await?, SignalId(0), 100).await?)
}

story!(of_whoever_is_not_tracked_an_answer_keeps_nothing_of_the_visitor, |town| {
    let (ada, bea) = ("ada@albareda.example", "bea@albareda.example");
    let mut untracked = somebody(ada);
    untracked.consents.clear();
    town.admit(&[untracked, somebody(bea)], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    town.clock.advance(SignedDuration::from_mins(5));
    for who in [ada, bea] {
        answer_from(&town, [198, 51, 100, 4], who, "More than 20 hours").await?;
    }
    let bea = town.prospect(&address(bea)).await?.id;
    let answers = hits_on_record(&town).await?;
    assert_eq!(answers.len(), 2, "both answered");
    let kept: Vec<_> = answers.iter().filter(|hit| hit.is_kept).map(|hit| hit.passed.prospect).collect();
    assert_eq!(kept, [bea]);
    Ok(())
});

story!(what_was_kept_of_the_hits_of_a_merged_row_goes_with_them, |town| {
    let (ada, home) = ("ada@albareda.example", "ada.vega@albareda.example");
    town.admit(&[somebody(ada), somebody(home)], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    town.clock.advance(SignedDuration::from_mins(5));
    for who in [ada, home] {
        let url = link(&town, who, "Do the sum")?;
        from(&town, [198, 51, 100, 4], (Method::GET, &url), &[("user-agent", BROWSER)], b"").await?;
    }
    let merged = merge::merge(&town.node.ctx, &address(ada), &address(home)).await?;
    let kept: Vec<_> =
        hits_on_record(&town).await?.into_iter().filter(|hit| hit.is_kept).map(|hit| hit.passed.prospect).collect();
    assert_eq!(kept, [merged.kept, merged.kept]);
    assert_eq!(reclassify(&town.node.ctx, true).await?.changes, []);
    Ok(())
});

/// The database is away while somebody follows a link: they are led on, and it is recorded once it is back, as of then, once.
async fn kept(place: Place, folder: &std::path::Path) -> Told {
    let journal = folder.join("stops.journal");
    let town = Town::found(place.open(&journal).await, example::FILES, "http://127.0.0.1:9", super::BEGINS).await?;
    let ada = "ada@albareda.example";
    town.admit(&[somebody(ada)], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    town.node.site.links.refresh(&town.node.ctx).await?;
    let url = link(&town, ada, "Do the sum")?;
    let other = link(&town, ada, "How the plant near Lleida")?;
    town.clock.advance(SignedDuration::from_mins(5));
    let followed_at = town.now();
    town.node.ctx.store().close().await;
    for _ in 0..3 {
        let led = from(&town, [198, 51, 100, 4], (Method::GET, &url), &[("user-agent", BROWSER)], b"").await?;
        assert_eq!(led.status, 302);
    }
    town.clock.advance(SignedDuration::from_mins(1));
    from(&town, [198, 51, 100, 4], (Method::GET, &other), &[("user-agent", BROWSER)], b"").await?;
    assert!(town.node.site.spooled.record(&town.node.ctx).await.is_err(), "it is still away");
    let spool = std::fs::read_to_string(folder.join("stops.journal.clicks.taken"))?;
    assert_eq!(spool.lines().filter(|line| !line.is_empty()).count(), 4);
    assert!(!spool.contains("albareda"), "no address lies there");

    // The service starts again.
    let back = Town::found(place.open(&journal).await, example::FILES, "http://127.0.0.1:9", super::BEGINS).await?;
    back.clock.move_to(town.now() + SignedDuration::from_hours(2));
    assert_eq!(back.node.site.spooled.record(&back.node.ctx).await?, 4);
    let clicks: Vec<_> = signals_of(&back, ada).await?.into_iter().filter(|s| s.detail.kind() == "click").collect();
    assert_eq!(
        clicks.iter().map(|s| s.occurred_at).collect::<Vec<_>>(),
        [followed_at, followed_at + SignedDuration::from_mins(1)]
    );
    assert!(clicks.iter().all(|s| s.machine.is_none()));
    assert_eq!(back.node.site.spooled.record(&back.node.ctx).await?, 0, "once");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_while_the_file_is_away_is_recorded_once_it_is_back() -> Told {
    let folder = tempfile::tempdir()?;
    kept(Place::File(folder.path().join("story.db")), folder.path()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_while_the_server_is_away_is_recorded_once_it_is_back() -> Told {
    let Some(url) = crate::postgres::database("spooled") else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    kept(Place::Server(url), folder.path()).await
}
