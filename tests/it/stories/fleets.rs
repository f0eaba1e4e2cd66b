//! Programs that come from ever other addresses, and those that come along with a person.

use super::request::{from, signals_of};
use super::{FIRST_ISSUE, Told, address, somebody, story};
use axum::http::Method;
use jiff::SignedDuration;
use nurtured::domain::doorway::ignored::{self, Why};
use nurtured::domain::doorway::machine::Machine;
use nurtured::flow::doorway::reclassify::reclassify;
use nurtured::town::{BROWSER, Town};

const ADA: &str = "ada@albareda.example";
const OLD: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";

/// Somebody has a mail; its visible links, and the one that no person sees.
async fn mailed(town: &Town) -> Result<(Vec<String>, String), Box<dyn std::error::Error + Send + Sync>> {
    town.admit(&[somebody(ADA)], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    town.clock.advance(SignedDuration::from_mins(5));
    let mail = town.newest_to(&address(ADA))?;
    let links = mail.links().into_iter().map(|(url, _)| url).filter(|url| url.contains("/c/")).collect();
    Ok((links, mail.trap().ok_or("a trap")?))
}

async fn follow(town: &Town, ip: [u8; 4], url: &str, headers: &[(&str, &str)]) -> Told {
    let led = from(town, ip, (Method::GET, url), headers, b"").await?;
    assert!(led.status.is_redirection() || led.status == 204);
    Ok(())
}

/// Why each click counts for nothing, in the order in which they came.
async fn why(town: &Town) -> Result<Vec<Option<Why>>, Box<dyn std::error::Error + Send + Sync>> {
    let mut signals = signals_of(town, &address(ADA)).await?;
    signals.retain(|signal| signal.detail.kind() == "click");
    signals.sort_by_key(|signal| (signal.occurred_at, signal.id));
    let found = ignored::machines(&signals.iter().collect::<Vec<_>>());
    Ok(signals.iter().map(|signal| found.get(&signal.id).copied()).collect())
}

story!(a_fleet_that_opens_a_mail_from_ever_other_addresses_is_a_machine, |town| {
    let (links, trap) = mailed(&town).await?;
    for (n, url) in [&links[0], &trap, &links[1]].into_iter().enumerate() {
        follow(&town, [203, 0, 113, u8::try_from(n)?], url, &[("user-agent", OLD)]).await?;
        town.clock.advance(SignedDuration::from_mins(40));
    }
    // She reads it between its visits, in two sittings.
    for (url, minutes) in [(&links[0], 1), (&links[1], 60)] {
        follow(&town, [198, 51, 100, 4], url, &[("user-agent", BROWSER)]).await?;
        town.clock.advance(SignedDuration::from_mins(minutes));
    }
    let (trap, withdrawn) = (Some(Why::Machine(Machine::Trap)), Some(Why::Withdrawn));
    assert_eq!(why(&town).await?, [withdrawn, trap, trap, None, None], "the first had counted by then");
    assert_eq!(reclassify(&town.node.ctx, true).await?.changes, [], "judged again, it is the same");
    Ok(())
});

story!(what_is_loaded_beforehand_and_then_asked_for_is_a_persons, |town| {
    let (links, _) = mailed(&town).await?;
    let home = [198, 51, 100, 4];
    follow(&town, home, &links[0], &[("user-agent", BROWSER), ("sec-purpose", "prefetch")]).await?;
    town.clock.advance(SignedDuration::from_secs(1));
    follow(&town, home, &links[0], &[("user-agent", BROWSER)]).await?;
    assert_eq!(why(&town).await?, [Some(Why::Machine(Machine::Prefetch)), None]);
    Ok(())
});

story!(whoever_checks_a_link_as_it_is_followed_takes_no_persons_place, |town| {
    let (links, _) = mailed(&town).await?;
    follow(&town, [203, 0, 113, 7], &links[0], &[("user-agent", OLD)]).await?;
    town.clock.advance(SignedDuration::from_secs(2));
    follow(&town, [198, 51, 100, 4], &links[0], &[("user-agent", BROWSER)]).await?;
    town.clock.advance(SignedDuration::from_secs(2));
    // The preview of a messenger to which she passes it on changes nothing of hers.
    follow(&town, [203, 0, 113, 8], &links[0], &[("user-agent", "WhatsApp/2.26.14.78 A")]).await?;
    assert_eq!(why(&town).await?, [Some(Why::Superseded), None, Some(Why::Machine(Machine::Agent))]);
    Ok(())
});
