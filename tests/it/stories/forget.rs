//! Prospects who ask to be forgotten, and prospects who ask not to be approached before a date.

use super::{address, five_proofs, name, somebody, story};
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::signal::{Detail, Touch};
use nurtured::domain::individual::handoff::Outcome;
use nurtured::domain::prospect::Standing;
use nurtured::flow::context::FlowError;
use nurtured::flow::doorway::observe::{Logged, log};
use nurtured::flow::operations::forget::forget;
use nurtured::insight::explain::explain;
use nurtured::store::doorway::{qualifications, signals};
use nurtured::store::group::deliveries;
use nurtured::store::individual::handoffs;
use nurtured::store::operations::{counts, erasures};
use nurtured::store::people::prospects;

story!(who_is_forgotten_stays_so_and_the_counts_reconcile, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "card").await?;
    five_proofs(&town, &ada).await?;
    let prospect = town.prospect(&ada).await?.id;
    let handoff = town.handoffs_of(&ada).await?.remove(0);
    let mut tx = town.node.ctx.store().read().await?;
    let before = counts::summary(&mut tx).await?;
    drop(tx);
    let mails = town.catcher.count();

    let forgotten = forget(&town.node.ctx, &ada).await?;
    assert_eq!(forgotten.handoff, Some(handoff.id));
    assert!(forgotten.erased.deliveries >= 5 && forgotten.erased.letters >= 1, "{forgotten:?}");
    assert!(matches!(forget(&town.node.ctx, &ada).await, Err(FlowError::Missing(_))), "they are nobody now");

    let mut tx = town.node.ctx.store().read().await?;
    let after = counts::summary(&mut tx).await?;
    assert_eq!((after.signals, after.deliveries, after.accepted), (before.signals, before.deliveries, before.accepted));
    let row = prospects::one(&mut tx, prospect).await?;
    assert_eq!((row.address, row.name, row.standing), (None, None, Standing::Suppressed));
    let said = signals::of(&mut tx, &[prospect]).await?.remove(&prospect).expect("signals");
    assert!(said.iter().all(|s| s.detail == Detail::Erased) && said.len() as u64 == forgotten.erased.signals);
    let copies = deliveries::of_prospect(&mut tx, prospect).await?;
    let origin = deliveries::origin(&mut tx, copies[0].id).await?.expect("a delivery");
    assert_eq!(origin.address.as_str(), erasures::NOBODY);
    let closed = handoffs::load(&mut tx, handoff.id).await?.expect("a handoff");
    assert_eq!(closed.outcome, Some(Outcome::Disqualified));
    assert_eq!(handoffs::events(&mut tx, handoff.id).await?.last().expect("an event").what, "erased");
    let (grounds, _) = handoffs::grounds(&mut tx, handoff.id).await?;
    let findings = qualifications::findings(&mut tx, grounds).await?;
    assert!(findings.iter().flat_map(|(_, f)| &f.cites).all(|c| c.words == "erased"), "{findings:?}");
    assert!(explain(&town.node.ctx, &mut tx, prospect, None).await?.next.is_some_and(|next| next.at.is_none()));
    drop(tx);
    assert!(town.queue_of(&handoff.salesperson).await?.is_empty());

    // A list brings the address back: nothing of them is stored, and they get nothing.
    let again = town.admit(&[somebody(ada.as_str())], "an old list").await?;
    assert_eq!((again.added, again.identity.forgotten), (0, 1));
    town.pass_to("2026-12-01T12:00:00Z").await?;
    assert_eq!(town.catcher.count(), mails, "nothing left, to them or about them");
    assert!(town.prospect(&ada).await.is_err());
    Ok(())
});

story!(not_before_wakes_who_is_not_ready, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "card").await?;
    let touch = |proves: Vec<Criterion>, not_before: Option<&str>, date: Option<&str>| Detail::Touch {
        touch: Touch::Call,
        proves,
        contradicts: vec![],
        date: date.map(|d| d.parse().expect("a date")),
        not_before: not_before.map(|d| d.parse().expect("a date")),
        note: String::new(),
    };
    let logged = |detail| Logged { address: ada.clone(), by: name("dana"), occurred_at: town.now(), detail };
    log(&town.node.ctx, logged(touch(vec![], Some("2026-05-01"), None))).await?;
    town.run_until_idle().await?;
    let wakes = town.prospect(&ada).await?.wake_at.expect("a wake date");
    assert_eq!(wakes.to_string(), "2026-05-01T00:00:00Z");
    // Something later about the timeframe does not put the date off.
    town.pass_to("2026-01-13T08:00:00Z").await?;
    log(&town.node.ctx, logged(touch(vec![Criterion::Timeframe], None, Some("2026-06-01")))).await?;
    town.pass_to("2026-05-01T08:00:00Z").await?;
    assert_eq!(town.prospect(&ada).await?.wake_at, None);
    let queue = town.queue_of(&name("iria")).await?;
    assert!(queue.iter().any(|item| item.action.contains("2026-05-01")), "{queue:?}");
    Ok(())
});
