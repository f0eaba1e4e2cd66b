//! Who is the same person: an address that changes, two rows of one person, people who were forgotten, owners that change.

use super::{FIRST_ISSUE, Told, address, name, somebody, story};
use jiff::SignedDuration;
use nurtured::domain::address::Address;
use nurtured::domain::criterion::{Criterion, Verdict};
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::doorway::external_id::ExternalId;
use nurtured::domain::doorway::signal::{Detail, NewSignal, Touch};
use nurtured::domain::individual::handoff::Rejection;
use nurtured::domain::prospect::Standing;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::flow::context::FlowError;
use nurtured::flow::doorway::observe::{Observed, observe};
use nurtured::flow::doorway::take::take;
use nurtured::flow::doorway::{apply, readdress};
use nurtured::flow::individual::follow_up::Action;
use nurtured::flow::operations::forget::forget;
use nurtured::flow::operations::{manual_stop, merge};
use nurtured::insight::backtest::compare::{DecisionChange, Reproduced};
use nurtured::insight::backtest::run::compare_all;
use nurtured::store::doorway::signals;
use nurtured::store::group::deliveries;
use nurtured::store::people::{external_ids, former_addresses, prospects, suppressions};
use nurtured::town::Town;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Somebody as a CRM exports them.
fn known_as(text: &str, called: &str, id: &str) -> Arrival {
    Arrival { external_id: ExternalId::parse("hubspot", id), name: Some(called.to_owned()), ..somebody(text) }
}

/// The reasons for which nothing is mailed there.
async fn stops(town: &Town, at: &Address) -> Result<Vec<StopReason>, FlowError> {
    let mut tx = town.node.ctx.store().read().await?;
    let all = suppressions::of(&mut tx, &[at]).await?.into_iter().filter(|s| s.channel == Channel::Email);
    Ok(all.map(|s| s.reason).collect())
}

async fn count(town: &Town) -> Result<usize, FlowError> {
    let mut tx = town.node.ctx.store().read().await?;
    Ok(prospects::page(&mut tx, nurtured::domain::id::ProspectId(0), 1_000).await?.len())
}

/// All five proofs from one meeting with a colleague who does not sell.
async fn met_in_person(town: &Town, who: &Address) -> Told {
    // A meeting proves something only after they came in.
    town.pass_until(town.now() + SignedDuration::from_hours(1)).await?;
    let date = Some("2026-09-01".parse()?);
    town.log(who, "marta", Touch::Meeting, &Criterion::ALL, date, "met").await?;
    town.run_until_idle().await?;
    Ok(())
}

story!(a_new_address_is_the_same_person, |town| {
    let (old, new, third) = (address("ada@albareda.example"), address("a.vega@newco.example"), address("ada.vega@third.example"));
    town.admit(&[known_as(old.as_str(), "Ada Vega", "7")], "import hubspot.csv").await?;
    town.pass_to(FIRST_ISSUE).await?;
    town.answer(&old, "More than 20 hours").await?;
    town.run_until_idle().await?;
    let before = town.prospect(&old).await?;
    assert_eq!(town.verdicts(&old).await?.findings()[Criterion::Need].verdict, Verdict::Met);

    // A list brings the same id under another address.
    let admitted = town.admit(&[known_as(new.as_str(), "Vega, Ada", "7")], "import hubspot.csv").await?;
    assert_eq!((admitted.added, admitted.identity.readdressed), (0, 1), "{admitted:?}");
    let after = town.prospect(&new).await?;
    assert_eq!((after.id, after.address.as_ref(), after.episode), (before.id, Some(&new), before.episode));
    assert!(after.account.is_some() && after.account != before.account, "the account is that of the new domain");
    town.run_until_idle().await?;
    assert_eq!(town.verdicts(&new).await?.findings()[Criterion::Need].verdict, Verdict::Met, "what they said stays theirs");
    assert_eq!(town.prospect(&old).await?.id, before.id, "and the old address leads to them");
    let mut tx = town.node.ctx.store().read().await?;
    let said = signals::of(&mut tx, &[before.id]).await?.remove(&before.id).expect("signals");
    assert!(
        said.iter()
            .any(|s| matches!(&s.detail, Detail::AddressChanged { from, to, .. } if from == old.as_str() && to == new.as_str())),
        "{said:?}"
    );
    drop(tx);

    // The old list once more takes nothing back, and makes nobody of the old address; not even beside the new one in one page.
    let stale = town.admit(&[known_as(old.as_str(), "Ada Vega", "7")], "import old.csv").await?;
    assert_eq!((stale.added, stale.identity.readdressed), (0, 0), "{stale:?}");
    let both = [known_as(old.as_str(), "Ada Vega", "7"), known_as(new.as_str(), "Ada Vega", "7")];
    let twice = town.admit(&both, "import both.csv").await?;
    assert_eq!((twice.added, twice.identity.repeated, count(&town).await?), (0, 1, 1), "{twice:?}");
    assert_eq!(town.prospect(&old).await?.address, Some(new.clone()));

    // An id is no proof: a successor took the record over, and a line number fits anybody.
    let successor = town.admit(&[known_as("bob.lin@newco.example", "Bob Lin", "7")], "import hubspot.csv").await?;
    assert_eq!((successor.added, successor.identity.doubtful), (1, 1), "{successor:?}");
    assert_eq!(town.prospect(&new).await?.address, Some(new.clone()), "Ada keeps hers");
    // And an id that stands twice in one page gives nobody another address.
    let page = [known_as("ada.v@x.example", "Ada Vega", "9"), known_as("ada.w@y.example", "Ada Vega", "9")];
    let page = town.admit(&page, "import ids.csv").await?;
    assert_eq!((page.added, page.identity.doubtful), (2, 1), "{page:?}");

    // By hand, and back again; mail goes where they are now, and links in old mails are theirs.
    let old_mail = town.newest_to(&old)?;
    readdress::change(&town.node.ctx, &new, &third).await?;
    let refused = readdress::change(&town.node.ctx, &new, &old).await;
    assert!(matches!(refused, Err(FlowError::Refused(_))), "not by an address they had: {refused:?}");
    let taken = readdress::change(&town.node.ctx, &third, &address("bob.lin@newco.example")).await;
    assert!(matches!(&taken, Err(FlowError::Refused(words)) if words.contains("merge")), "{taken:?}");
    town.pass_to("2026-03-03T09:30:00Z").await?;
    let sent = [&old, &new, &third].map(|at| town.mails_to(at).len());
    assert_eq!(sent, [2, 0, 1], "the letter of January and the first of the series, and then to the third address alone");
    let link = old_mail.link("More than 20 hours").expect("a link");
    town.ask(axum::http::Method::GET, &link, nurtured::town::BROWSER, "").await?;
    readdress::change(&town.node.ctx, &third, &new).await?;
    let mut tx = town.node.ctx.store().read().await?;
    assert_eq!(former_addresses::of(&mut tx, before.id).await?.len(), 2, "old and third; their own is no former one");
    Ok(())
});

story!(a_stop_follows_the_person_to_their_new_address, |town| {
    let (old, new, third) = (address("ada@albareda.example"), address("ada@newco.example"), address("ada@third.example"));
    town.admit(&[somebody(old.as_str())], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let id = town.prospect(&old).await?.id;
    assert_eq!(town.unsubscribe(&old).await?.status, 200);
    let moved = readdress::change(&town.node.ctx, &old, &new).await?;
    assert_eq!(moved.stops, 1);
    assert_eq!(town.prospect(&new).await?.mail_stop, Some(StopReason::Unsubscribed));
    assert_eq!(
        (stops(&town, &old).await?, stops(&town, &new).await?),
        (vec![StopReason::Unsubscribed], vec![StopReason::Unsubscribed])
    );
    town.pass_to("2026-03-04T09:30:00Z").await?;
    assert!(town.mails_to(&new).is_empty(), "nothing goes to who said no elsewhere");

    // They come back, and then say no about an address that was theirs: by a list, or by the operator's hand.
    manual_stop::lift(&town.node.ctx, &new, Channel::Email, "they asked").await?;
    assert_eq!(town.prospect(&new).await?.mail_stop, None);
    manual_stop::lift(&town.node.ctx, &old, Channel::Email, "they asked").await?;
    manual_stop::suppress(&town.node.ctx, &old, Channel::Email, "phoned").await?;
    assert_eq!(town.prospect(&new).await?.mail_stop, Some(StopReason::Manual));
    for at in [&old, &new] {
        manual_stop::lift(&town.node.ctx, at, Channel::Email, "they asked again").await?;
    }
    town.admit(&[Arrival { email_opt_out: true, ..somebody(old.as_str()) }], "import old.csv").await?;
    assert_eq!(town.prospect(&new).await?.mail_stop, Some(StopReason::OptedOut));
    for at in [&old, &new] {
        manual_stop::lift(&town.node.ctx, at, Channel::Email, "and again").await?;
    }

    // The mailbox they left is gone: that is the mailbox, and no word of theirs.
    let mut tx = town.node.ctx.store().read().await?;
    let copy = deliveries::of_prospect(&mut tx, id).await?.remove(0);
    let origin = deliveries::origin(&mut tx, copy.id).await?.expect("a delivery");
    drop(tx);
    let gone = NewSignal::refused(origin.mailed(), "550 no such user", town.now());
    assert!(matches!(observe(&town.node.ctx, &[gone]).await?[..], [Observed::New(_)]));
    assert_eq!((stops(&town, &old).await?, town.prospect(&new).await?.mail_stop), (vec![StopReason::Bounced], None));
    // Nor does it follow them further.
    assert_eq!(readdress::change(&town.node.ctx, &new, &third).await?.stops, 0);
    assert_eq!(town.prospect(&third).await?.mail_stop, None);
    // What had been stopped at an address before it was theirs holds for them.
    manual_stop::suppress(&town.node.ctx, &address("info@third.example"), Channel::Email, "a competitor").await?;
    readdress::change(&town.node.ctx, &third, &address("info@third.example")).await?;
    assert_eq!(town.prospect(&third).await?.mail_stop, Some(StopReason::Manual));
    Ok(())
});

story!(two_rows_become_one_person_with_all_they_did, |town| {
    let (ada, home, cid) = (address("ada@albareda.example"), address("ada@home.example"), address("cid@albareda.example"));
    let mut first = known_as(ada.as_str(), "Ada Vega", "7");
    first.fields.insert(name("employees"), "200".to_owned());
    let mut second = known_as(home.as_str(), "A. Vega", "8");
    second.phone = Some("+34 600".to_owned());
    second.fields.insert(name("employees"), "300".to_owned());
    second.fields.insert(name("lines"), "4".to_owned());
    second.tags.insert("fair".to_owned());
    town.admit(&[first, second, somebody(cid.as_str())], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    town.answer(&ada, "More than 20 hours").await?;
    town.answer(&home, "More than 20 hours").await?;
    town.pass_to("2026-03-03T09:30:00Z").await?;
    town.answer(&home, "Knowing minute by minute why a line stops").await?;
    town.run_until_idle().await?;
    let (kept, gone) = (town.prospect(&ada).await?.id, town.prospect(&home).await?.id);
    let (mail_at_home, before_merge) = (town.newest_to(&home)?, town.mails_to(&home).len());
    manual_stop::suppress(&town.node.ctx, &home, Channel::Phone, "never call").await?;

    let merged = merge::merge(&town.node.ctx, &ada, &home).await?;
    assert_eq!((merged.kept, merged.merged), (kept, gone));
    assert!(merged.moved.signals >= 3, "{merged:?}");
    town.run_until_idle().await?;
    let one = town.prospect(&home).await?;
    assert_eq!((one.id, one.address.as_ref(), count(&town).await?), (kept, Some(&ada), 2));
    assert_eq!((one.name.as_deref(), one.phone.as_deref()), (Some("Ada Vega"), Some("+34 600")));
    let field = |key: &str| one.fields.get(&name(key)).map(String::as_str);
    assert_eq!((field("industry"), field("lines"), field("employees")), (Some("food"), Some("4"), Some("200")));
    assert!(one.tags.contains("fair"));
    let verdicts = town.verdicts(&ada).await?;
    assert_eq!(
        (verdicts.findings()[Criterion::Need].verdict, verdicts.findings()[Criterion::Vision].verdict),
        (Verdict::Met, Verdict::Met),
        "what they said under either address"
    );
    let mut tx = town.node.ctx.store().read().await?;
    assert_eq!(external_ids::of(&mut tx, kept).await?.len(), 2);
    assert!(suppressions::of(&mut tx, &[&ada]).await?.iter().any(|s| s.channel == Channel::Phone), "any stop stops");
    drop(tx);

    // Links in the mails of the other row are theirs, and a list with the other address or id makes nobody new.
    let before = town.explain(&ada, None).await?.met;
    let unsubscribe = mail_at_home.unsubscribe.clone().expect("a way out");
    let admitted = town.admit(&[known_as(home.as_str(), "Ada Vega", "8")], "import").await?;
    assert_eq!((admitted.added, count(&town).await?), (0, 2));
    assert!(before >= 2);
    town.pass_to("2026-04-07T09:30:00Z").await?;
    assert_eq!(town.mails_to(&home).len(), before_merge, "nothing more goes to the other address");
    assert!(!town.mails_to(&ada).is_empty());
    town.ask(axum::http::Method::POST, &unsubscribe, nurtured::town::BROWSER, "List-Unsubscribe=One-Click").await?;
    assert_eq!(town.prospect(&ada).await?.mail_stop, Some(StopReason::Unsubscribed));

    // Whoever is forgotten is forgotten under both addresses, and in both rows.
    forget(&town.node.ctx, &home).await?;
    let mut tx = town.node.ctx.store().read().await?;
    assert!(prospects::by_address(&mut tx, &[&ada, &home]).await?.is_empty());
    for row in [kept, gone] {
        let said = signals::of(&mut tx, &[row]).await?.remove(&row).expect("signals");
        assert!(said.iter().all(|s| s.detail == Detail::Erased), "{said:?}");
        let row = prospects::one(&mut tx, row).await?;
        assert_eq!((row.address, row.name, row.phone), (None, None, None));
    }
    Ok(())
});

story!(a_merge_changes_no_decision_of_the_past, |town| {
    let (ada, home, bea) =
        (address("ada@albareda.example"), address("ada.vega@albareda.example"), address("bea@albareda.example"));
    apply::begin(&town.node.ctx).await?;
    town.admit(&[somebody(ada.as_str()), somebody(home.as_str()), somebody(bea.as_str())], "import").await?;
    // Sales know the second row: it is offered, and comes back.
    met_in_person(&town, &home).await?;
    let lead = town.handoffs_of(&home).await?.remove(0);
    let refused = merge::merge(&town.node.ctx, &ada, &ada).await;
    assert!(matches!(refused, Err(FlowError::Refused(_))), "{refused:?}");
    met_in_person(&town, &bea).await?;
    let both = merge::merge(&town.node.ctx, &bea, &home).await;
    assert!(matches!(&both, Err(FlowError::Refused(words)) if words.contains("open handoff")), "{both:?}");

    // The row with the open handoff is kept, under the address that was named first.
    let kept = town.prospect(&home).await?.id;
    let merged = merge::merge(&town.node.ctx, &ada, &home).await?;
    assert_eq!(merged.kept, kept);
    town.run_until_idle().await?;
    let one = town.prospect(&ada).await?;
    assert_eq!((one.id, one.address.as_ref(), one.standing), (kept, Some(&ada), Standing::Offered));
    let item = town.queue_of(&lead.salesperson).await?.into_iter().find(|item| item.handoff == Some(lead.id));
    assert!(item.is_some(), "it stays on their queue");
    town.sell(&ada, Action::Reject(Rejection::NotMine, String::new())).await?;
    town.run_until_idle().await?;
    town.pass_to("2026-03-10T09:30:00Z").await?;

    let nobody = Arc::new(|_, _| {});
    let plan = town.node.ctx.plan();
    let compared: Vec<_> =
        compare_all(&town.node.ctx, &plan, None, &(nobody as _)).await?.into_iter().flat_map(|c| c.compared).collect();
    assert!(compared.len() >= 2, "{compared:?}");
    for one in &compared {
        assert_eq!((one.change, one.reproduced), (DecisionChange::Same, Reproduced::Exactly), "{one:?}");
    }
    let census = nurtured::flow::operations::census::take(town.node.ctx.store(), &plan, town.now()).await?;
    assert!(census.holds(), "{census:?}");
    Ok(())
});

story!(whoever_was_forgotten_stays_forgotten, |town| {
    let (ada, new) = (address("ada@albareda.example"), address("ada@newco.example"));
    town.admit(&[known_as(ada.as_str(), "Ada Vega", "7")], "import").await?;
    readdress::change(&town.node.ctx, &ada, &new).await?;
    forget(&town.node.ctx, &new).await?;
    let people = count(&town).await?;

    // By list, under either address, or by the id under a third one.
    let third = address("ada.vega@third.example");
    for who in [&ada, &new, &third] {
        let admitted = town.admit(&[known_as(who.as_str(), "Ada Vega", "7")], "import again.csv").await?;
        assert_eq!((admitted.added, admitted.identity.forgotten), (0, 1), "{who}: {admitted:?}");
    }
    // By form, and by another system.
    town.type_in("quote", &[("email", new.as_str()), ("name", "Ada Vega"), ("phone", "+34 600")]).await?;
    let event = Detail::Event { event: name("trial-started"), fields: BTreeMap::new() };
    let taken = take(&town.node.ctx, NewSignal::reported(None, "k-1", ada.clone(), None, event, town.now())).await?;
    assert_eq!(taken, Observed::Pending, "the same answer as for a stranger");
    town.pass_to("2026-03-04T09:30:00Z").await?;
    assert_eq!((count(&town).await?, town.mails_to(&ada).len(), town.mails_to(&new).len()), (people, 0, 0));
    let mut tx = town.node.ctx.store().read().await?;
    assert!(prospects::by_address(&mut tx, &[&ada, &new, &third]).await?.is_empty());
    let hashes: Vec<String> = suppressions::all(&mut tx).await?.into_iter().map(|s| s.address).collect();
    assert!(hashes.len() == 4 && hashes.iter().all(|hash| hash.starts_with("hmac-sha256:")), "{hashes:?}");
    drop(tx);
    assert!(matches!(readdress::change(&town.node.ctx, &ada, &third).await, Err(FlowError::Missing(_))));
    town.admit(&[somebody("bea@albareda.example")], "import").await?;
    let onto = readdress::change(&town.node.ctx, &address("bea@albareda.example"), &ada).await;
    assert!(matches!(&onto, Err(FlowError::Refused(words)) if words.contains("forgotten")), "{onto:?}");
    Ok(())
});

story!(a_changed_owner_changes_the_owner, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@albareda.example"));
    let owned = |who: &Address, owner: &str| Arrival { owner: Some(owner.to_owned()), ..somebody(who.as_str()) };
    let first = town.admit(&[owned(&ada, "dana"), owned(&bea, "dana")], "import").await?;
    assert_eq!((first.owners_changed, first.owners_unknown.len()), (0, 0));
    let changed = town.admit(&[owned(&ada, "luc")], "import").await?;
    assert_eq!((changed.owners_changed, changed.changed), (1, 1));
    assert_eq!(town.prospect(&ada).await?.previous_salesperson, Some(name("luc")));
    let blank = town.admit(&[somebody(ada.as_str())], "import").await?;
    assert_eq!(
        (blank.owners_changed, town.prospect(&ada).await?.previous_salesperson),
        (0, Some(name("luc"))),
        "a blank is no owner"
    );
    // Nobody on the roster: named, counted, and nothing changes.
    let unknown = town.admit(&[owned(&ada, "Zoe Left"), owned(&bea, "Zoe Left")], "import").await?;
    assert_eq!(unknown.owners_unknown, BTreeMap::from([("Zoe Left".to_owned(), 2)]));
    assert_eq!(town.prospect(&ada).await?.previous_salesperson, Some(name("luc")));
    // While a salesperson has an open handoff, it is only reported.
    met_in_person(&town, &bea).await?;
    let lead = town.handoffs_of(&bea).await?.remove(0);
    let other = if lead.salesperson == name("luc") { "dana" } else { "luc" };
    let kept = town.admit(&[owned(&bea, other)], "import").await?;
    assert_eq!((kept.owners_kept, kept.owners_changed), (1, 0), "{kept:?}");
    assert_eq!(town.handoffs_of(&bea).await?[0].salesperson, lead.salesperson);
    assert_ne!(town.prospect(&bea).await?.previous_salesperson, Some(name(other)));
    Ok(())
});
