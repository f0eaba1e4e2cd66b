//! Through the doorway, or not.

use super::{FIRST_ISSUE, address, five_proofs, four_proofs, name, run_both, somebody, story};
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::entry::Cause;
use nurtured::domain::doorway::qualification::Verdict;
use nurtured::domain::doorway::signal::Touch;
use nurtured::domain::individual::handoff::State;
use nurtured::domain::prospect::Standing;
use nurtured::flow::individual::follow_up::Action;
use nurtured::town::Town;

story!(a_click_alone_hands_off_nobody, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    town.click(&ada, "Do the sum").await?;
    town.pass_to("2026-02-03T12:00:00Z").await?;
    assert!(town.handoffs_of(&ada).await?.is_empty());
    assert_eq!(town.prospect(&ada).await?.standing, Standing::Nurturing);
    assert_eq!(
        town.verdicts(&ada).await?.findings()[Criterion::Vision].verdict,
        Verdict::Weak,
        "one click on one day is some support"
    );
    Ok(())
});

story!(four_of_five_keeps_nurturing, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    four_proofs(&town, &ada).await?;
    let found = town.verdicts(&ada).await?;
    assert_eq!((found.met(), found.missing()), (4, vec![Criterion::Timeframe]));
    assert!(town.handoffs_of(&ada).await?.is_empty());
    let before = town.mails_to(&ada).len();
    town.pass_to("2026-06-02T09:30:00Z").await?;
    assert_eq!(town.mails_to(&ada).len(), before + 1, "the next newsletter comes");
    Ok(())
});

story!(the_fifth_proof_lands_on_the_queue_and_in_the_mailbox, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    five_proofs(&town, &ada).await?;
    let handoff = town.handoffs_of(&ada).await?.remove(0);
    assert_eq!((handoff.cause, handoff.state), (Cause::Ready, State::Offered));
    assert_eq!(town.prospect(&ada).await?.standing, Standing::Offered);
    let queue = town.queue_of(&handoff.salesperson).await?;
    assert_eq!(queue.len(), 1);
    assert_eq!(queue[0].due_at, handoff.answer_until);
    let plan = town.node.ctx.plan();
    let letter = town.newest_to(&plan.roster.salesperson(&handoff.salesperson).expect("on the roster").address)?;
    for words in
        ["Within half a year", "Yes, over 50,000 €", "More than 20 hours", "I do, together with others", "ada@albareda.example"]
    {
        assert!(letter.text.contains(words), "{words} in\n{}", letter.text);
    }
    assert!(letter.subject.contains("ready") && letter.subject.contains("Albareda"), "{}", letter.subject);
    let mails = town.mails_to(&ada).len();
    town.pass_to("2026-10-06T12:00:00Z").await?;
    assert_eq!(town.mails_to(&ada).len(), mails, "group mail has stopped");
    Ok(())
});

story!(an_answer_in_a_newsletter_proves_the_budget, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to("2026-05-05T09:30:00Z").await?;
    // The first three newsletters went unanswered; the fourth asks about money.
    town.answer(&ada, "Yes, less than that").await?;
    let budget = town.verdicts(&ada).await?.findings()[Criterion::Budget].clone();
    assert_eq!(budget.verdict, Verdict::Met);
    assert_eq!(budget.until.map(|t| t.to_string()).as_deref(), Some("2027-01-01T00:00:00Z"), "with the fiscal year");
    assert_eq!(budget.cites.len(), 1);
    assert!(budget.cites[0].words.contains("Yes, less than that"));
    town.answer(&ada, "No").await?;
    assert_eq!(
        town.verdicts(&ada).await?.findings()[Criterion::Budget].verdict,
        Verdict::Unknown,
        "two links of one mail in one moment: void"
    );
    town.clock.advance(jiff::SignedDuration::from_mins(5));
    town.answer(&ada, "No").await?;
    assert_eq!(
        town.verdicts(&ada).await?.findings()[Criterion::Budget].verdict,
        Verdict::Contradicted,
        "a later answer beats an earlier"
    );
    Ok(())
});

story!(asking_for_a_person_is_not_being_ready, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let fields = [("email", ada.as_str()), ("message", "please ring me")];
    assert_eq!(town.fill_in("call-me", &fields).await?.status, 200);
    town.run_until_idle().await?;
    let handoff = town.handoffs_of(&ada).await?.remove(0);
    assert_eq!(handoff.cause, Cause::Request);
    assert!(town.verdicts(&ada).await?.into_ready(jiff::Timestamp::MIN).is_none());
    let plan = town.node.ctx.plan();
    let letter = town.newest_to(&plan.roster.salesperson(&handoff.salesperson).expect("on the roster").address)?;
    assert!(letter.subject.contains("asked for you, 0 of 5 known"), "{}", letter.subject);
    assert!(!letter.subject.contains("ready") && !letter.text.contains("is ready"));
    // The same form again while it is open changes nothing.
    town.pass_to("2026-01-13T09:00:00Z").await?;
    town.fill_in("call-me", &fields).await?;
    town.run_until_idle().await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1);
    Ok(())
});

story!(not_now_until_october_comes_back_in_october, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    five_proofs(&town, &ada).await?;
    let first = town.sell(&ada, Action::Accept).await?;
    let wake = jiff::civil::date(2026, 10, 1);
    town.sell(&ada, Action::Recycle { reason: "bad timing".into(), wake: Some(wake), note: "call in October".into() }).await?;
    let ada_now = town.prospect(&ada).await?;
    assert_eq!((ada_now.standing, ada_now.episode), (Standing::Nurturing, 2));
    assert_eq!(town.verdicts(&ada).await?.findings()[Criterion::Timeframe].verdict, Verdict::Weak);
    town.pass_to("2026-09-30T23:00:00Z").await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1, "not before October");
    town.pass_to("2026-10-01T08:00:00Z").await?;
    let all = town.handoffs_of(&ada).await?;
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].cause, &all[0].salesperson), (Cause::Ready, &first.salesperson), "the same salesperson comes first");
    Ok(())
});

story!(whoever_wakes_without_being_ready_is_looked_at_that_day, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    five_proofs(&town, &ada).await?;
    let handoff = town.sell(&ada, Action::Accept).await?;
    let wake = jiff::civil::date(2026, 12, 1);
    town.sell(&ada, Action::Recycle { reason: "bad timing".into(), wake: Some(wake), note: String::new() }).await?;
    // By December the authority (180 days) and the need (270 days) have run out.
    town.pass_to("2026-12-01T08:00:00Z").await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1);
    let queue = town.queue_of(&handoff.salesperson).await?;
    assert!(
        queue[0].handoff.is_none() && queue[0].action.contains("2026-12-01") && queue[0].action.contains("authority"),
        "{queue:?}"
    );
    Ok(())
});

story!(the_same_facts_do_not_bounce_straight_back, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    five_proofs(&town, &ada).await?;
    town.sell(
        &ada,
        Action::Reject(nurtured::domain::individual::handoff::Rejection::NotReady(Criterion::Need), "no stops".into()),
    )
    .await?;
    town.pass_to("2026-07-20T08:00:00Z").await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1);
    // A colleague hears of it anew: something new, and all five again.
    town.log(&ada, "marta", Touch::Call, &[Criterion::Need], None, "the new line stops hourly").await?;
    town.run_until_idle().await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 2);
    Ok(())
});

/// Two equal nodes on one database qualify and hand off the same prospect at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_make_one_handoff() {
    let Some(store) = super::postgres("two_nodes_make_one_handoff").await else { return };
    let town: Town = super::found(store.clone()).await;
    let other = town.second_node(store).await.expect("a second node");
    let people: Vec<_> = (0..20).map(|n| format!("person{n}@albareda{n}.example")).collect();
    town.admit(&people.iter().map(|p| somebody(p)).collect::<Vec<_>>(), "import").await.expect("admitted");
    for person in &people {
        town.fill_in("call-me", &[("email", person)]).await.expect("filled in");
    }
    run_both(&town, &other).await.expect("both nodes to settle");
    town.run_until_idle().await.expect("settled");
    let mut letters = 0;
    for id in ["dana", "luc"] {
        let mails = town.mails_to(&address(&format!("{id}@tecnofab.example"))).into_iter();
        letters += mails.filter(|mail| mail.subject.contains("asked for you")).count();
        assert!(!town.queue_of(&name(id)).await.expect("a queue").is_empty(), "{id} got their share");
    }
    for person in &people {
        assert_eq!(town.handoffs_of(&address(person)).await.expect("handoffs").len(), 1, "{person}");
    }
    assert_eq!(letters, people.len());
}
