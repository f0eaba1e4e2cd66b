//! When group mail goes out, and when it does not: what is late, skip dates, windows, the cap over all campaigns.

use super::{address, change, name, somebody, story};
use nurtured::cli::demo::town::Town;
use nurtured::domain::campaign::{Late, Otherwise};
use nurtured::domain::schedule::Schedule;
use nurtured::domain::skip::{Dates, SkipDates};
use nurtured::domain::span::Span;
use nurtured::flow::admit::Arrival;
use nurtured::store::backend::StoreError;
use nurtured::store::occurrences;

const SERIES: &str = "line-downtime";

/// Somebody whom the series reaches and the production letter does not.
fn reader(text: &str) -> Arrival {
    let mut arrival = somebody(text);
    arrival.fields.remove(&name("country"));
    arrival
}

/// The latest occurrences of a campaign, the newest first: date, state, reason.
async fn past(town: &Town, campaign: &str) -> Result<Vec<(String, String, String)>, StoreError> {
    let latest = occurrences::latest(&mut town.house.ctx.store().read().await?, &name(campaign), 9).await?;
    Ok(latest.into_iter().map(|o| (o.nominal[..10].to_owned(), o.state, o.reason.unwrap_or_default())).collect())
}

fn dated(occurrences: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    occurrences.iter().map(|(date, state, why)| ((*date).to_owned(), (*state).to_owned(), (*why).to_owned())).collect()
}

story!(each_campaign_says_how_late_is_too_late, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[reader(ada.as_str())], "import").await?;
    change(&town, SERIES, |c| c.late = Late { send_within: Span::hours(1), otherwise: Otherwise::Skip })?;
    town.settle().await?;
    // Two hours late: within the usual six, and not within this campaign's one.
    town.clock.move_to("2026-02-03T10:30:00Z".parse()?);
    town.settle().await?;
    assert!(town.mails_to(&ada).is_empty());
    assert_eq!(past(&town, SERIES).await?, dated(&[("2026-02-03", "missed", "late")]));
    // However late, but still at most one back issue: March, not February and March; four weeks and more late.
    change(&town, SERIES, |c| c.late.otherwise = Otherwise::Send)?;
    town.clock.move_to("2026-05-04T12:00:00Z".parse()?);
    town.settle().await?;
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
