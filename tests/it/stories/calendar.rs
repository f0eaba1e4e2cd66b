//! When group mail goes out, and when it does not: what is late, skip dates, windows, the cap over all campaigns.

use super::{Told, address, change, name, somebody, story};
use jiff::tz::TimeZone;
use nurtured::domain::address::Address;
use nurtured::domain::group::campaign::{Campaign, Late, Order, Otherwise};
use nurtured::domain::group::cap::Cap;
use nurtured::domain::group::schedule::Schedule;
use nurtured::domain::group::skip::{Dates, SkipDates};
use nurtured::domain::plan::Plan;
use nurtured::domain::span::Span;
use nurtured::domain::window::Window;
use nurtured::flow::context::Progress;
use nurtured::flow::doorway::admit::Arrival;
use nurtured::flow::group::delivery::deliver::{deliver, deliver_issue};
use nurtured::flow::group::publish::{publish, publish_test};
use nurtured::store::engine::backend::StoreError;
use nurtured::store::group::{deliveries, occurrences};
use nurtured::store::operations::counts;
use nurtured::town::Town;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const SERIES: &str = "line-downtime";

/// Somebody whom the series reaches and the production letter does not.
fn reader(text: &str) -> Arrival {
    let mut arrival = somebody(text);
    arrival.fields.remove(&name("country"));
    arrival
}

/// The latest occurrences of a campaign, the newest first: date, state, reason.
async fn past(town: &Town, campaign: &str) -> Result<Vec<(String, String, String)>, StoreError> {
    let latest = occurrences::latest(&mut town.node.ctx.store().read().await?, &name(campaign), 9).await?;
    Ok(latest.into_iter().map(|o| (o.nominal[..10].to_owned(), o.state, o.reason.unwrap_or_default())).collect())
}

fn dated(occurrences: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    occurrences.iter().map(|(date, state, why)| ((*date).to_owned(), (*state).to_owned(), (*why).to_owned())).collect()
}

story!(each_campaign_says_how_late_is_too_late, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[reader(ada.as_str())], "import").await?;
    change(&town, SERIES, |c| c.late = Late { send_within: Span::hours(1), otherwise: Otherwise::Skip })?;
    town.run_until_idle().await?;
    // Two hours late: within the usual six, and not within this campaign's one.
    town.clock.move_to("2026-02-03T10:30:00Z".parse()?);
    town.run_until_idle().await?;
    assert!(town.mails_to(&ada).is_empty());
    assert_eq!(past(&town, SERIES).await?, dated(&[("2026-02-03", "missed", "late")]));
    // However late, but still at most one back issue: March, not February and March; four weeks and more late.
    change(&town, SERIES, |c| c.late.otherwise = Otherwise::Send)?;
    town.clock.move_to("2026-05-04T12:00:00Z".parse()?);
    town.run_until_idle().await?;
    let subjects: Vec<String> = town.mails_to(&ada).into_iter().map(|m| m.subject).collect();
    assert_eq!(subjects, ["What one hour of a stopped line costs"]);
    let expected = [("2026-04-07", "filled", ""), ("2026-03-03", "missed", "older"), ("2026-02-03", "missed", "late")];
    assert_eq!(past(&town, SERIES).await?, dated(&expected));
    Ok(())
});

story!(nothing_fires_on_a_skip_date_and_that_is_written_down, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[reader(ada.as_str())], "import").await?;
    let skip = SkipDates::new(vec![Dates::parse("02-01..02-04")?]);
    let skipping = Schedule::parse("30 9 * * TUE#1", "Europe/Madrid")?.skipping(skip)?;
    change(&town, SERIES, |c| c.schedule = skipping)?;
    town.pass_to("2026-02-03T12:00:00Z").await?;
    assert!(town.mails_to(&ada).is_empty());
    assert_eq!(past(&town, SERIES).await?, dated(&[("2026-02-03", "missed", "skip date")]));
    // What was skipped is skipped, whatever the configuration says later.
    change(&town, SERIES, |c| c.schedule = Schedule::parse("30 9 * * TUE#1", "Europe/Madrid").expect("the same"))?;
    town.pass_to("2026-03-02T12:00:00Z").await?;
    assert!(town.mails_to(&ada).is_empty());
    town.pass_to("2026-03-03T12:00:00Z").await?;
    assert_eq!(town.newest_to(&ada)?.subject, "What one hour of a stopped line costs", "in March she gets what February had");
    Ok(())
});

/// A window of the series, in its zone.
fn window(days: &str, from: &str, to: &str) -> Window {
    let time = |text: &str| text.parse().expect("a time");
    let zone = TimeZone::get("Europe/Madrid").expect("a zone");
    Window { days: Window::parse_days(days).expect("days"), from: time(from), to: time(to), zone }
}

fn schedule(expression: &str) -> Schedule {
    Schedule::parse(expression, "Europe/Madrid").expect("a schedule")
}

story!(a_window_that_closes_in_the_middle_of_an_issue_leaves_the_rest_for_its_next_opening, |town| {
    let people: Vec<_> = (0..300).map(|n| reader(&format!("p{n}@albareda.example"))).collect();
    town.admit(&people, "import").await?;
    change(&town, SERIES, |c| {
        (c.schedule, c.window) = (schedule("58 17 3 2 *"), Some(window("mon-fri", "08:00", "18:00")));
    })?;
    town.pass_to("2026-02-03T16:57:00Z").await?;
    town.clock.move_to("2026-02-03T16:58:00Z".parse()?);
    let ctx = &town.node.ctx;
    while publish(ctx).await? == Progress::Done {}
    // While it is being sent it becomes six in the evening, well within every lease; which mails are still on their way then
    // is left to chance, but not that some are left.
    town.catcher.hold_at(town.catcher.count() + 5);
    let (sent, ()) = tokio::join!(deliver(ctx, &town.node.writer), async {
        town.catcher.wait_for(5).await;
        town.clock.move_to("2026-02-03T17:00:00Z".parse().expect("an instant"));
        town.catcher.go_on();
    });
    sent?;
    let left = town.catcher.count();
    assert!((5..300).contains(&left), "{left} of 300 had left when it closed");
    assert_eq!(town.run_until_idle().await?, Some("2026-02-04T07:00:00Z".parse()?), "the next thing that is due is its opening");
    town.pass_to("2026-02-04T06:59:59Z").await?;
    assert_eq!(town.catcher.count(), left, "nothing leaves in the night");
    town.pass_to("2026-02-04T07:00:00Z").await?;
    assert_eq!(town.catcher.count(), 300);
    assert!(people.iter().all(|p| town.mails_to(&p.address).len() == 1), "everybody, once");
    Ok(())
});

story!(a_night_runs_over_midnight_and_belongs_to_the_day_it_begins_on, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@albareda.example"));
    town.admit(&[reader(ada.as_str()), reader(bea.as_str())], "import").await?;
    change(&town, SERIES, |c| {
        (c.schedule, c.window) = (schedule("58 23 * * FRI#1"), Some(window("fri", "22:00", "06:00")));
    })?;
    town.run_until_idle().await?;
    // Two busy mailboxes at two minutes to midnight. Ada's is free when Friday's night has become Saturday.
    for who in [&ada, &bea] {
        town.catcher.refuse(who.as_str(), 450, "4.2.1 busy");
    }
    town.pass_to("2026-02-06T22:59:00Z").await?;
    town.catcher.relent(ada.as_str());
    town.pass_to("2026-02-06T23:10:00Z").await?;
    assert_eq!((town.mails_to(&ada).len(), town.mails_to(&bea).len()), (1, 0), "ten past midnight on Saturday");
    // Bea's is free at six, and the night is over: a retry waits too, for the night of the next Friday.
    town.pass_to("2026-02-07T05:00:00Z").await?;
    town.catcher.relent(bea.as_str());
    town.pass_to("2026-02-13T20:59:59Z").await?;
    assert!(town.mails_to(&bea).is_empty());
    town.pass_to("2026-02-13T21:00:00Z").await?;
    assert_eq!(town.mails_to(&bea).len(), 1);
    Ok(())
});

story!(a_window_goes_by_the_clock_on_the_wall_when_clocks_change, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[reader(ada.as_str())], "import").await?;
    change(&town, SERIES, |c| {
        (c.schedule, c.window) = (schedule("30 1 29 3 *"), Some(window("sun", "01:00", "03:30")));
    })?;
    town.run_until_idle().await?;
    // In the night of 29 March two o'clock becomes three: at 01:30Z the wall shows half past three, and it closes after an
    // hour and a half. The retry after that hour comes at 01:34Z at the earliest.
    town.catcher.refuse(ada.as_str(), 450, "4.2.1 busy");
    town.pass_to("2026-03-29T01:29:59Z").await?;
    town.catcher.relent(ada.as_str());
    town.pass_to("2026-03-29T03:00:00Z").await?;
    assert!(town.mails_to(&ada).is_empty(), "closed by the clock on the wall");
    // One o'clock in summer time.
    town.pass_to("2026-04-04T22:59:59Z").await?;
    assert!(town.mails_to(&ada).is_empty());
    town.pass_to("2026-04-04T23:00:00Z").await?;
    assert_eq!(town.mails_to(&ada).len(), 1);
    Ok(())
});

story!(a_test_copy_keeps_no_hours, |town| {
    let marta = address("marta@tecnofab.example");
    change(&town, SERIES, |c| c.window = Some(window("sat", "08:00", "18:00")))?;
    let (ctx, plan) = (&town.node.ctx, town.node.ctx.plan());
    let campaign = plan.campaign(&name(SERIES)).expect("the series");
    let issue = publish_test(ctx, campaign, &campaign.newsletters[0], &marta).await?;
    deliver_issue(ctx, &town.node.writer, issue).await?;
    assert_eq!(town.mails_to(&marta).len(), 1, "on a Monday");
    // Nor when the daemon gets to it first.
    town.clock.move_to("2026-01-12T08:00:01Z".parse()?);
    publish_test(ctx, campaign, &campaign.newsletters[0], &marta).await?;
    town.run_until_idle().await?;
    assert_eq!(town.mails_to(&marta).len(), 2);
    Ok(())
});

story!(a_window_of_another_day_in_a_new_configuration_counts_at_once, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[reader(ada.as_str())], "import").await?;
    change(&town, SERIES, |c| c.window = Some(window("sat", "08:00", "18:00")))?;
    town.pass_to("2026-02-03T12:00:00Z").await?;
    assert!(town.mails_to(&ada).is_empty(), "it fires on a Tuesday and waits for Saturday");
    change(&town, SERIES, |c| c.window = None)?;
    town.run_until_idle().await?;
    assert_eq!(town.mails_to(&ada).len(), 1);
    Ok(())
});

fn cap(town: &Town, mails: u32, within: Span) -> Told {
    let mut plan = Plan::clone(&town.node.ctx.plan());
    plan.settings.cap = Some(Cap { mails, within });
    Ok(town.node.ctx.replace_plan(plan)?)
}

/// A prospect's deliveries: newsletter, state, why.
async fn copies(town: &Town, who: &Address) -> Result<Vec<(String, String, String)>, Failure> {
    let prospect = town.prospect(who).await?.id;
    let all = deliveries::of_prospect(&mut town.node.ctx.store().read().await?, prospect).await?;
    Ok(all.into_iter().map(|d| (d.newsletter, d.state, d.reply.unwrap_or_default())).collect())
}

story!(one_mail_too_many_waits_or_is_left_out_and_comes_next_time, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@albareda.example"));
    // Ada is in both campaigns, Bea in one.
    town.admit(&[somebody(ada.as_str()), reader(bea.as_str())], "import").await?;
    change(&town, "production-letter", |c| (c.schedule, c.order, c.window) = (schedule("0 9 * * TUE#1"), Order::Series, None))?;
    cap(&town, 1, Span::hours(2))?;
    town.run_until_idle().await?;
    let subjects = |who: &Address| town.mails_to(who).into_iter().map(|m| m.subject).collect::<Vec<_>>();
    // Nine o'clock in Madrid, and half past nine: one mail in two hours, so the second waits until eleven.
    town.pass_to("2026-02-03T08:30:00Z").await?;
    assert_eq!((subjects(&ada).len(), subjects(&bea).len()), (1, 1), "Bea has had none today");
    let (newsletter, state, why) = copies(&town, &ada).await?.remove(1);
    let expected = ("what-a-stop-costs", "pending", "over the cap of 1 mail within 2 hours");
    assert_eq!((newsletter.as_str(), state.as_str(), why.as_str()), expected);
    town.pass_to("2026-02-03T09:59:59Z").await?;
    assert_eq!(subjects(&ada).len(), 1);
    town.pass_to("2026-02-03T10:00:00Z").await?;
    assert_eq!(subjects(&ada)[1..], ["What one hour of a stopped line costs"]);
    // One in a week: by then the second would be later than the campaign sends, and it is left out this time.
    cap(&town, 1, Span::days(7))?;
    town.pass_to("2026-04-06T12:00:00Z").await?;
    assert_eq!((subjects(&ada).len(), subjects(&bea).len()), (3, 2));
    let (newsletter, state, why) = copies(&town, &ada).await?.remove(3);
    assert_eq!(
        (newsletter.as_str(), state.as_str(), why.as_str()),
        ("short-stops", "skipped", "over the cap of 1 mail within 7 days")
    );
    // The production letter has nothing more to say in April; the series gives what was left out in March.
    town.pass_to("2026-04-07T12:00:00Z").await?;
    assert_eq!(subjects(&ada)[3..], ["The stops nobody writes down"]);
    Ok(())
});

story!(sixty_campaigns_due_in_one_second_all_finish, |town| {
    let people: Vec<_> = (0..12).map(|n| reader(&format!("p{n}@albareda.example"))).collect();
    town.admit(&people, "import").await?;
    let mut plan = Plan::clone(&town.node.ctx.plan());
    let mut series = plan.campaign(&name(SERIES)).expect("the series").clone();
    series.schedule = schedule("30 9 14 1 *");
    plan.campaigns = (0..60).map(|n| Campaign { name: name(&format!("campaign-{n}")), ..series.clone() }).collect();
    town.node.ctx.replace_plan(plan)?;
    town.pass_to("2026-01-14T08:30:00Z").await?;
    assert_eq!(town.catcher.count(), 60 * 12);
    for n in 0..60 {
        let campaign = format!("campaign-{n}");
        assert_eq!(past(&town, &campaign).await?, dated(&[("2026-01-14", "filled", "")]), "{campaign}");
        let counts = counts::of_campaign(&mut town.node.ctx.store().read().await?, &name(&campaign)).await?;
        assert_eq!((counts.sent, counts.open), (12, 0), "{campaign}");
    }
    assert!(people.iter().all(|person| town.mails_to(&person.address).len() == 60), "each gets each, once");
    Ok(())
});
