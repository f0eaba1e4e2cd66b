//! Simulation: the same steps over months in a moment. Nothing real is written to, nothing is sent, and equal seeds give
//! equal bytes.

use super::{BEGINS, Told, name};
use nurtured::cli::demo::people::arrivals;
use nurtured::config::behaviour::usual;
use nurtured::config::example::{FILES, load_embedded};
use nurtured::domain::behaviour::Behaviour;
use nurtured::domain::chance::Share;
use nurtured::domain::group::campaign::{Campaign, Late, Otherwise};
use nurtured::domain::group::cap::Cap;
use nurtured::domain::group::delivery::State;
use nurtured::domain::group::schedule::Schedule;
use nurtured::domain::plan::Plan;
use nurtured::domain::span::Span;
use nurtured::insight::simulate::people::{Participants, made_up};
use nurtured::insight::simulate::report::{CampaignReport, SimulationReport};
use nurtured::insight::simulate::run::{SimulationRequest, run};
use nurtured::mail::test_server::TestServer;
use nurtured::store::engine::scratch;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;

/// What a simulation is asked in these stories.
struct Question {
    plan: Plan,
    behaviour: Behaviour,
    people: usize,
    seed: u64,
    from: &'static str,
    until: &'static str,
}

impl Question {
    /// The example company for a year.
    fn example(people: usize) -> Self {
        let plan = load_embedded(&[]).expect("the example").plan;
        Self { behaviour: usual(&plan), plan, people, seed: 1, from: BEGINS, until: "2027-01-12T08:00:00Z" }
    }

    fn campaign(&mut self, campaign: &str) -> &mut Campaign {
        self.plan.campaigns.iter_mut().find(|c| c.name.as_str() == campaign).expect("the campaign is there")
    }

    fn ask(self) -> Pin<Box<dyn Future<Output = SimulationReport> + Send>> {
        Box::pin(self.simulated())
    }

    async fn simulated(self) -> SimulationReport {
        let directory = tempfile::tempdir().expect("a directory");
        let scratch = scratch::make(&directory.path().join("scratch.db")).await.expect("a database");
        let arrivals = if self.people == 0 { arrivals() } else { made_up(self.people, self.seed) };
        let asked = SimulationRequest {
            scratch: scratch.clone(),
            plan: self.plan,
            behaviour: self.behaviour,
            participants: Participants { arrivals, ..Participants::default() },
            prospects_from: "made up".to_owned(),
            seed: self.seed,
            from: self.from.parse().expect("an instant"),
            until: self.until.parse().expect("an instant"),
        };
        let report = run(asked).await.expect("a simulation");
        scratch.close().await;
        report
    }
}

fn of<'a>(report: &'a SimulationReport, campaign: &str) -> &'a CampaignReport {
    report.campaigns.iter().find(|c| c.campaign.as_str() == campaign).expect("the campaign is there")
}

/// People who do a great deal, so that everything happens among few.
fn busy(behaviour: &mut Behaviour) {
    let share = |text: &str| Share::parse(text).expect("a share");
    for habit in &mut behaviour.people {
        (habit.share, habit.answers, habit.further) = (Share::ALL, share("60%"), share("90%"));
        (habit.clicks, habit.replies, habit.unsubscribes) = (share("50%"), share("5%"), share("2%"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_seeds_give_equal_bytes_and_another_seed_others() -> Told {
    let told = |seed| {
        Box::pin(async move {
            let mut question = Question { seed, until: "2026-09-01T00:00:00Z", ..Question::example(150) };
            busy(&mut question.behaviour);
            // The same people under every seed.
            let report = question.ask().await;
            assert!(report.salespeople.iter().map(|s| s.offers).sum::<u64>() > 0, "nobody was offered: {report:?}");
            serde_json::to_string(&report)
        })
    };
    let (first, again, other) = (told(1).await?, told(1).await?, told(2).await?);
    assert_eq!(first, again);
    assert_ne!(first, other.replace("\"seed\":2", "\"seed\":1"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_calendar_shows_both_nights_on_which_clocks_change() -> Told {
    let report = Question::example(0).ask().await;
    let [madrid] = report.calendar.as_slice() else { panic!("one zone: {:?}", report.calendar) };
    let changes: Vec<(&str, &str)> = madrid.changes.iter().map(|c| (c.direction, c.local.as_str())).collect();
    assert_eq!(changes, [("forward", "Sun 2026-03-29 02:00"), ("back", "Sun 2026-10-25 03:00")]);
    // The same time on the wall before and after, an hour apart in the world.
    let at =
        |local: &str| madrid.dates.iter().find(|d| d.local.starts_with(local)).map(|d| (d.due_at.to_string(), d.offset.clone()));
    assert_eq!(at("Tue 2026-03-03 09:30"), Some(("2026-03-03T08:30:00Z".to_owned(), "+01:00".to_owned())));
    assert_eq!(at("Tue 2026-04-07 09:30"), Some(("2026-04-07T07:30:00Z".to_owned(), "+02:00".to_owned())));
    assert_eq!(at("Tue 2026-11-03 09:30"), Some(("2026-11-03T08:30:00Z".to_owned(), "+01:00".to_owned())));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_run_out_on_the_day_that_is_said() -> Told {
    let mut question = Question::example(0);
    question.behaviour.writes_on = false;
    let report = question.ask().await;
    let (series, edition) = (of(&report, "line-downtime"), of(&report, "production-letter"));
    // Six letters, the first in February: the sixth is July's, and nobody gets one in August.
    assert_eq!(series.letters_run_out_at.map(|at| at.to_string()).as_deref(), Some("2026-07-07T07:30:00Z"));
    let august = report.calendar[0].dates.iter().find(|d| d.local.starts_with("Tue 2026-08-04")).expect("a date");
    assert!(august.newsletters.is_empty() && august.mails == 0, "{august:?}");
    assert_eq!(edition.needs_letter_at.map(|at| at.to_string()).as_deref(), Some("2026-04-15T08:00:00Z"));
    assert_eq!((series.letters_made_up, edition.letters_made_up), (0, 0));

    // Marketing goes on: the dates are the same, and mails leave.
    let report = Question::example(0).ask().await;
    let (series, edition) = (of(&report, "line-downtime"), of(&report, "production-letter"));
    assert_eq!(series.letters_run_out_at.map(|at| at.to_string()).as_deref(), Some("2026-07-07T07:30:00Z"));
    assert_eq!(edition.needs_letter_at.map(|at| at.to_string()).as_deref(), Some("2026-04-15T08:00:00Z"));
    assert!(series.letters_made_up > 0 && edition.letters_made_up > 0);
    assert!(report.calendar[0].dates.iter().all(|d| d.mails > 0 || d.missed.is_some()), "{:?}", report.calendar);
    Ok(())
}

/// Two campaigns a day apart, and a cap of one mail a week.
fn crowded(late: Late) -> Question {
    let mut question = Question { until: "2026-06-01T00:00:00Z", ..Question::example(0) };
    question.plan.settings.cap = Some(Cap { mails: 1, within: Span::days(7) });
    let series = question.campaign("line-downtime");
    series.schedule = Schedule::parse("0 9 16 * *", "Europe/Madrid").expect("a schedule");
    series.late = late;
    question
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cap_defers_what_can_wait_and_skips_what_cannot() -> Told {
    let patient = crowded(Late { send_within: Span::days(10), otherwise: Otherwise::Skip }).ask().await;
    let series = of(&patient, "line-downtime");
    assert!(series.deferred_by_cap > 0, "{series:?}");
    assert!(series.deferred_otherwise.longest_minutes >= 6 * 24 * 60, "{series:?}");

    let hasty = crowded(Late::default()).ask().await;
    let series = of(&hasty, "line-downtime");
    assert_eq!(series.deferred_by_cap, 0);
    let skipped: i64 = series.not_sent.iter().filter(|n| n.state == State::Skipped).map(|n| n.mails).sum();
    assert!(skipped > 0 && series.not_sent.iter().any(|n| n.reason.contains("over the cap")), "{series:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_date_on_a_saturday_waits_for_the_window() -> Told {
    // 15 January 2028 is a Saturday.
    let question = Question { from: "2028-01-03T08:00:00Z", until: "2028-02-01T00:00:00Z", ..Question::example(0) };
    let report = question.ask().await;
    let letter = of(&report, "production-letter");
    assert!(letter.mails > 0 && letter.deferred_by_window.mails == letter.mails, "{letter:?}");
    // From ten on Saturday to eight on Monday.
    assert_eq!(letter.deferred_by_window.longest_minutes, 46 * 60);
    assert_eq!(report.load.busiest.first().map(|(day, _)| day.to_string()).as_deref(), Some("2028-01-17"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_without_a_future_after_two_busy_years() -> Told {
    let mut question = Question { until: "2028-01-12T08:00:00Z", ..Question::example(120) };
    busy(&mut question.behaviour);
    let report = question.ask().await;
    assert_eq!(report.without_future, 0);
    let all =
        |count: fn(&nurtured::insight::simulate::report::QuarterReport) -> u64| report.quarters.iter().map(count).sum::<u64>();
    assert!(all(|q| q.ready) > 0 && all(|q| q.won) > 0, "{:?}", report.quarters);
    assert_eq!(report.quarters.len(), 9, "{:?}", report.quarters);
    assert_eq!(all(|q| q.ready + q.requests), report.salespeople.iter().map(|s| s.offers).sum::<u64>());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_a_campaign_pause_makes_it_pause_here() -> Told {
    let mut question = Question::example(400);
    question.behaviour.refusals.gone = Share::parse("20%").expect("a share");
    let report = question.ask().await;
    let letter = of(&report, "production-letter");
    assert!(letter.paused.as_deref().is_some_and(|why| why.contains("mailboxes that do not exist")), "{letter:?}");
    assert!(report.calendar[0].dates.iter().any(|d| d.campaign == name("production-letter") && d.missed.is_some()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_mail_leaves_a_simulation() -> Told {
    let catcher = TestServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let environment = [
        ("NURTURED__SMTP__HOST".to_owned(), catcher.local_addr().ip().to_string()),
        ("NURTURED__SMTP__PORT".to_owned(), catcher.local_addr().port().to_string()),
        ("NURTURED__SMTP__SECURITY".to_owned(), "plaintext".to_owned()),
    ];
    let plan = nurtured::config::load_files(FILES, &environment).expect("valid").plan;
    let report = Question { plan, ..Question::example(0) }.ask().await;
    assert!(report.load.mails > 50, "{:?}", report.load);
    assert_eq!(catcher.count(), 0);
    Ok(())
}
