//! The ramp: how many offers a change of rules may make on a working day.

use super::plan::{Configured, applied, changed};
use super::{address, name, run_both, somebody, story};
use jiff::Timestamp;
use jiff::civil::date;
use nurtured::domain::address::Address;
use nurtured::domain::criterion::Criterion::{self, Authority, Budget, Need, Timeframe, Vision};
use nurtured::domain::doorway::signal::Touch;
use nurtured::flow::doorway::ramp;
use nurtured::flow::operations::sweep;
use nurtured::insight::desk;
use nurtured::store::individual::handoffs;
use nurtured::town::Town;

const RULES: &str = "qualification.toml";
const WEBINAR: &str = "{ form = \"webinar\", power = \"supports\" }";
const OFFICE_OPENS: [&str; 5] =
    ["2026-01-20T08:00:00Z", "2026-01-21T08:00:00Z", "2026-01-22T08:00:00Z", "2026-01-23T08:00:00Z", "2026-01-26T08:00:00Z"];

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn person(n: usize) -> Address {
    address(&format!("p{n}@albareda{n}.example"))
}

async fn proves(town: &Town, who: &Address, what: &[Criterion]) -> super::Told {
    town.log(who, "marta", Touch::Call, what, Some(date(2026, 6, 1)), "on the phone").await?;
    Ok(())
}

/// Twelve prospects who have four of five; of the fifth there is a webinar, which only supports it.
async fn twelve_near_misses(town: &Town) -> super::Told {
    applied(town, changed(&[])).await?;
    let people: Vec<_> = (0..12).map(|n| somebody(person(n).as_str())).collect();
    town.admit(&people, "import").await?;
    // What proves something is newer than the episode.
    town.clock.advance(jiff::SignedDuration::from_mins(1));
    for n in 0..12 {
        town.fill_in("webinar", &[("email", person(n).as_str())]).await?;
        proves(town, &person(n), &[Budget, Authority, Need, Timeframe]).await?;
    }
    town.run_until_idle().await?;
    Ok(())
}

/// Rules under which the webinar proves it, with a ramp or without.
fn lenient(most: Option<u32>) -> Configured {
    let ramp = most.map_or_else(String::new, |most| format!("max_new_offers = {most}\n"));
    changed(&[(RULES, WEBINAR, "{ form = \"webinar\", power = \"meets\" }"), (RULES, "max_new_offers = 20\n", &ramp)])
}

/// Who was offered, and when, oldest first.
async fn offered(town: &Town) -> Result<Vec<Timestamp>, Box<dyn std::error::Error + Send + Sync>> {
    let mut tx = town.node.ctx.store().read().await?;
    Ok(handoffs::all(&mut tx).await?.into_iter().map(|h| h.opened_at).collect())
}

story!(a_rule_change_cannot_flood_sales, |town| {
    // Monday, the nineteenth of January, noon in Madrid.
    town.pass_to("2026-01-19T11:00:00Z").await?;
    twelve_near_misses(&town).await?;
    assert!(offered(&town).await?.is_empty(), "four of five, all of them");
    let now = town.now();
    applied(&town, lenient(Some(3))).await?;
    town.run_until_idle().await?;
    assert_eq!(offered(&town).await?, [now; 3], "three today");
    for n in 0..3 {
        assert_eq!(town.handoffs_of(&person(n)).await?.len(), 1, "the first come first");
    }

    // Nobody is lost: each of the others has a date, and everybody who looks sees it.
    let dates: Vec<Timestamp> = OFFICE_OPENS.iter().map(|text| at(text)).collect();
    for n in 3..12 {
        let told = town.explain(&person(n), None).await?;
        assert!(told.ready, "{n}");
        assert_eq!(told.next.and_then(|next| next.at), Some(dates[n / 3 - 1]), "{n}");
    }
    {
        let mut tx = town.node.ctx.store().read().await?;
        let found = desk::near_misses(&town.node.ctx, &mut tx, 20).await?;
        let shown: Vec<_> = found.iter().filter_map(|n| n.offered_at).collect();
        assert_eq!(shown, (3..12).map(|n| dates[n / 3 - 1]).collect::<Vec<_>>());
    }
    assert_eq!(sweep::without_future(&town.node.ctx).await?, 0);

    // Who asks for a person, who proves something anew, and whom a signal makes ready, never waits.
    town.fill_in("call-me", &[("email", person(11).as_str())]).await?;
    proves(&town, &person(10), &[Need]).await?;
    let zoe = address("zoe@zoe.example");
    town.admit(&[somebody(zoe.as_str())], "import").await?;
    town.clock.advance(jiff::SignedDuration::from_mins(1));
    proves(&town, &zoe, &[Vision, Budget, Authority, Need, Timeframe]).await?;
    town.run_until_idle().await?;
    let later = town.now();
    assert_eq!(offered(&town).await?, [now, now, now, later, later, later], "these three, and no other");
    for who in [person(10), person(11), zoe] {
        assert_eq!(town.handoffs_of(&who).await?.len(), 1, "{who}");
    }

    // The rest on the days that follow, and not before the office opens.
    town.pass_to("2026-01-20T07:59:00Z").await?;
    assert_eq!(offered(&town).await?.len(), 6);
    town.pass_to("2026-01-26T12:00:00Z").await?;
    let when = offered(&town).await?;
    assert_eq!(when[6..], [dates[0], dates[0], dates[0], dates[1], dates[1], dates[1], dates[2]]);
    for n in 3..10 {
        assert_eq!(town.handoffs_of(&person(n)).await?.len(), 1, "{n}");
    }
    assert!(ramp::waiting(&mut town.node.ctx.store().read().await?, &town.node.ctx.plan(), town.now()).await?.is_empty());
    Ok(())
});

story!(whoever_waits_and_is_not_ready_any_more_takes_nobodys_turn, |town| {
    // A Friday afternoon.
    town.pass_to("2026-01-23T15:00:00Z").await?;
    twelve_near_misses(&town).await?;
    applied(&town, lenient(Some(2))).await?;
    town.run_until_idle().await?;
    assert_eq!(offered(&town).await?.len(), 2);
    // Two who wait say no; and the number is raised over the weekend.
    for n in [2, 4] {
        let detail = nurtured::domain::doorway::signal::Detail::Touch {
            touch: Touch::Call,
            proves: Vec::new(),
            contradicts: vec![Need],
            date: None,
            not_before: None,
            note: "no more stops".into(),
        };
        let logged =
            nurtured::flow::doorway::observe::Logged { address: person(n), by: name("marta"), occurred_at: town.now(), detail };
        nurtured::flow::doorway::observe::log(&town.node.ctx, logged).await?;
    }
    town.run_until_idle().await?;
    let ctx = &town.node.ctx;
    let waiting = ramp::waiting(&mut ctx.store().read().await?, &ctx.plan(), town.now()).await?;
    assert_eq!(waiting.len(), 8, "they left the doorway");
    town.pass_to("2026-01-24T15:00:00Z").await?;
    assert_eq!(offered(&town).await?.len(), 2, "nobody works on a Saturday");
    applied(&town, lenient(Some(5))).await?;
    town.pass_to("2026-01-26T08:00:00Z").await?;
    assert_eq!(offered(&town).await?.len(), 7);
    for n in [3, 5, 6, 7, 8] {
        assert_eq!(town.handoffs_of(&person(n)).await?.len(), 1, "{n}");
    }
    // Without a limit the rest comes at once; and back under the old rules nobody is ready any more.
    applied(&town, changed(&[])).await?;
    town.run_until_idle().await?;
    assert_eq!(offered(&town).await?.len(), 7);
    assert!(ramp::waiting(&mut ctx.store().read().await?, &ctx.plan(), town.now()).await?.is_empty());
    applied(&town, lenient(None)).await?;
    town.run_until_idle().await?;
    assert_eq!(offered(&town).await?.len(), 10);
    Ok(())
});

/// Two equal nodes come to the doorway at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_share_one_ramp() {
    let Some(store) = super::postgres("two_nodes_share_one_ramp").await else { return };
    let town = super::found(store.clone()).await;
    town.pass_to("2026-01-19T11:00:00Z").await.expect("passed");
    twelve_near_misses(&town).await.expect("twelve");
    applied(&town, lenient(Some(4))).await.expect("applied");
    let other = town.second_node(store).await.expect("a second node");
    run_both(&town, &other).await.expect("both nodes to settle");
    town.run_until_idle().await.expect("settled");
    assert_eq!(offered(&town).await.expect("counted").len(), 4);
}
