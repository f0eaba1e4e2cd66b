//! Group mail is stopped by hand or by a clock that jumped, and goes on when it is resumed.

use super::{FIRST_ISSUE, address, somebody, story};
use jiff::SignedDuration;
use nurtured::flow::group::gate;
use nurtured::store::operations::counts;
use nurtured::town::BROWSER;

story!(a_stop_holds_what_falls_due_and_says_why, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let ctx = &town.node.ctx;
    assert!(gate::stop(ctx, "the prices are wrong").await?);
    town.pass_to(FIRST_ISSUE).await?;
    assert_eq!((town.catcher.count(), counts::summary(&mut ctx.store().read().await?).await?.issues), (0, 0));
    let ready = town.ask(axum::http::Method::GET, "/readyz", BROWSER, "").await?;
    assert_eq!((ready.status.as_u16(), ready.body.as_str()), (200, "ready\n"), "why is nobody's business out there");
    let ready = crate::stories::door::monitor(&town, "/readyz").await;
    assert!(ready.status == 200 && ready.body.contains("the prices are wrong") && ready.body.contains("nurtured resume"));
    // Still fresh when it goes on: it is sent.
    assert!(gate::resume(ctx).await?);
    town.run_until_idle().await?;
    assert_eq!(town.mails_to(&ada).len(), 1);
    // Stopped with an issue open: it waits, however long; what falls due meanwhile is judged by its lateness.
    gate::stop(ctx, "again").await?;
    town.pass_to("2026-03-04T09:30:00Z").await?;
    gate::resume(ctx).await?;
    town.pass_to("2026-03-05T09:30:00Z").await?;
    assert_eq!(town.mails_to(&ada).len(), 1, "a day late is too late");
    Ok(())
});

story!(a_clock_that_jumps_forward_fires_nothing, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to("2026-02-03T07:00:00Z").await?;
    let before = town.catcher.count();
    // Half past eight is the issue's time; a wrong time server says it is past that.
    town.clock.set(SignedDuration::from_mins(121));
    town.run_until_idle().await?;
    assert_eq!(town.catcher.count(), before);
    let why = gate::state(&town.node.ctx).await?.stopped.expect("it is stopped").reason;
    assert!(why.contains("jumped forward by 121 minutes"), "{why}");
    // Somebody looked: the clock is right now, the machine had been wrong before.
    gate::resume(&town.node.ctx).await?;
    town.run_until_idle().await?;
    assert_eq!(town.mails_to(&ada).len(), before + 1);
    Ok(())
});
