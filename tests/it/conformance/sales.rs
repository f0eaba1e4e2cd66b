//! Handoffs, follow-ups and letters: one prospect, one salesperson.

use super::bench::{Bench, add_some, address, minute, name, stand};
use super::doorway::{qualified, ready};
use nurtured::domain::doorway::entry::{Cause, Grounds};
use nurtured::domain::id::{HandoffId, Name, ProspectId, QualificationId};
use nurtured::domain::individual::event::HandoffEvent;
use nurtured::domain::individual::handoff::{Handoff, Opening, Outcome, Rejection, Stage, State};
use nurtured::domain::individual::letter::LetterKind;
use nurtured::domain::individual::routing::{Assignment, Load, Reason, assign};
use nurtured::domain::individual::salesperson::{Hours, Promise, Roster};
use nurtured::domain::prospect::{Prospect, Standing};
use nurtured::domain::span::Span;
use nurtured::store::doorway::{qualifications, reminders};
use nurtured::store::engine::backend::{StoreError, Tx};
use nurtured::store::individual::handoffs::ONE_OPEN;
use nurtured::store::individual::letters::{NewLetter, OutboxState};
use nurtured::store::individual::{follow_ups, handoffs, letters};
use nurtured::store::people::prospects;

on_both_engines!(
    a_prospect_has_one_open_handoff,
    a_handoff_is_stored_after_every_transition,
    a_handoff_cites_its_qualification_and_its_assignment,
    loads_count_what_is_open_and_when_it_came,
    events_are_told_in_order_and_decliners_remembered,
    the_offer_that_runs_out_first_is_reminded_once,
    an_item_of_a_queue_is_open_once_and_soonest_first,
    a_letter_is_written_once_and_sent_by_one_node,
    a_late_holder_of_a_letter_changes_nothing,
    a_letter_waits_fails_or_is_sent,
    a_letter_that_failed_is_counted_and_sent_again,
    what_waits_for_a_relay_waits_together,
);

/// Routes to a manager of that name.
fn assigned(to: &str) -> Assignment {
    let promise = Promise { answer: Span::hours(4), first_touch: Span::hours(24), request: Span::hours(1) };
    let (salespeople, colleagues, routes) = (Vec::new(), Vec::new(), Vec::new());
    let roster =
        Roster { manager: name(to), salespeople, colleagues, routes, promise, office: Hours::office(jiff::tz::TimeZone::UTC) };
    assign(&roster, &Prospect::unknown(ProspectId(0), minute(0)), None, &Load::default(), &[])
}

/// Offers a ready prospect to somebody at a minute; to be answered 60 minutes later.
pub(super) async fn offer(tx: &mut Tx, prospect: ProspectId, to: &str, at: i64) -> Result<HandoffId, StoreError> {
    let (qualification, opening) = opening(tx, prospect, to, at).await?;
    handoffs::open(tx, &opening, qualification).await
}

async fn opening(tx: &mut Tx, prospect: ProspectId, to: &str, at: i64) -> Result<(QualificationId, Opening), StoreError> {
    let ready = ready(tx, prospect, at).await?;
    stand(tx, prospect, Cause::Ready, ready.qualification(), false, "plan").await?;
    let (waiting, _) = qualifications::next(tx).await?.expect("it was just added");
    qualifications::settle(tx, waiting, Cause::Ready, ready.qualification(), "plan", minute(at)).await?;
    let opening = Opening {
        prospect,
        episode: 1,
        grounds: Grounds::Ready(ready),
        assignment: assigned(to),
        opened_at: minute(at),
        answer_until: minute(at + 60),
        touch_until: minute(at + 600),
    };
    Ok((waiting, opening))
}

async fn loaded(tx: &mut Tx, id: HandoffId) -> Result<Handoff, StoreError> {
    Ok(handoffs::load(tx, id).await?.expect("it was opened"))
}

async fn a_prospect_has_one_open_handoff(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    let first = offer(&mut tx, ids[0], "dana", 5).await?;
    let other = offer(&mut tx, ids[1], "dana", 5).await?;
    let (qualification, again) = opening(&mut tx, ids[0], "luc", 6).await?;
    tx.commit().await?;

    let mut tx = bench.another().await?.write().await?;
    let refusal = handoffs::open(&mut tx, &again, qualification).await.expect_err("one is open");
    assert!(refusal.violates(ONE_OPEN) && !refusal.is_transient(), "{refusal}");
    drop(tx);

    let mut tx = bench.store.write().await?;
    let lost = loaded(&mut tx, first).await?.accept(minute(7))?.close(Outcome::Lost, None, minute(8))?;
    handoffs::store(&mut tx, &lost).await?;
    let second = handoffs::open(&mut tx, &again, qualification).await?;
    let of: Vec<_> = handoffs::of_prospect(&mut tx, ids[0]).await?.into_iter().map(|h| (h.id, h.state)).collect();
    assert_eq!(of, [(second, State::Offered), (first, State::Closed)]);
    let of = |list: Vec<Handoff>| list.into_iter().map(|h| h.id).collect::<Vec<_>>();
    assert_eq!(of(handoffs::of_salesperson(&mut tx, &name("dana")).await?), [other]);
    assert_eq!(of(handoffs::of_salesperson(&mut tx, &name("luc")).await?), [second]);
    assert_eq!(of(handoffs::all(&mut tx).await?), [first, other, second]);
    assert!(handoffs::load(&mut tx, HandoffId(99)).await?.is_none());
    Ok(())
}

async fn a_handoff_is_stored_after_every_transition(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 5).await?;
    let id = offer(&mut tx, ids[0], "dana", 5).await?;
    let offered = loaded(&mut tx, id).await?;
    assert_eq!((offered.prospect, offered.cause, offered.state), (ids[0], Cause::Ready, State::Offered));
    assert_eq!((offered.opened_at, offered.answer_until, offered.touch_until), (minute(5), minute(65), minute(605)));
    assert_eq!((&offered.salesperson, offered.stage), (&name("dana"), Stage::Interested));
    let mut handoff = offered.reassign(&assigned("luc"))?;
    handoffs::store(&mut tx, &handoff).await?;
    assert_eq!(loaded(&mut tx, id).await?, handoff);
    handoff = handoff.touch(minute(9))?;
    for stage in Stage::ALL {
        handoff = handoff.move_to(stage)?;
        handoffs::store(&mut tx, &handoff).await?;
        assert_eq!(handoffs::lock(&mut tx, id).await?, Some(handoff.clone()));
    }
    let won = handoff.close(Outcome::Won, Some(48_000), minute(99))?;
    handoffs::store(&mut tx, &won).await?;
    assert_eq!(loaded(&mut tx, id).await?, won);
    let ends = [Outcome::Lost, Outcome::NotNow, Outcome::WrongPerson, Outcome::Disqualified];
    for (prospect, outcome) in ids[1..].iter().zip(ends) {
        let id = offer(&mut tx, *prospect, "dana", 5).await?;
        let closed = loaded(&mut tx, id).await?.accept(minute(6))?.close(outcome, None, minute(7))?;
        handoffs::store(&mut tx, &closed).await?;
        assert_eq!(loaded(&mut tx, id).await?, closed);
    }
    let unknown = Handoff { id: HandoffId(99), ..won };
    assert!(matches!(handoffs::store(&mut tx, &unknown).await, Err(StoreError::Rows { expected: 1, found: 0 })));
    Ok(())
}

async fn a_handoff_cites_its_qualification_and_its_assignment(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let id = add_some(&mut tx, 1).await?[0];
    let (qualification, opening) = opening(&mut tx, id, "iria", 5).await?;
    let handoff = handoffs::open(&mut tx, &opening, qualification).await?;
    let (cited, assignment) = handoffs::grounds(&mut tx, handoff).await?;
    assert_eq!((cited, &assignment, assignment.reason()), (qualification, &opening.assignment, &Reason::Manager));
    assert_eq!(qualifications::findings(&mut tx, cited).await?, *opening.grounds.qualification().findings());
    handoffs::reassign(&mut tx, handoff, &assigned("luc"), "plan").await?;
    assert_eq!(handoffs::grounds(&mut tx, handoff).await?.1, assigned("luc"));
    assert!(handoffs::grounds(&mut tx, HandoffId(99)).await.is_err());
    Ok(())
}

async fn loads_count_what_is_open_and_when_it_came(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 4).await?;
    assert!(handoffs::load_of_all(&mut tx).await?.open.is_empty());
    for (id, to, at) in [(ids[0], "dana", 5), (ids[1], "dana", 9), (ids[2], "luc", 7)] {
        offer(&mut tx, id, to, at).await?;
    }
    let closing = offer(&mut tx, ids[3], "luc", 8).await?;
    let closed = loaded(&mut tx, closing).await?.close(Outcome::NotNow, None, minute(9))?;
    handoffs::store(&mut tx, &closed).await?;
    let load = handoffs::load_of_all(&mut tx).await?;
    assert_eq!(load.open.into_iter().collect::<Vec<_>>(), [(name("dana"), 2), (name("luc"), 1)]);
    let latest: Vec<(Name, _)> = load.last_assigned_at.into_iter().collect();
    assert_eq!(latest, [(name("dana"), minute(9)), (name("luc"), minute(8))]);
    Ok(())
}

async fn events_are_told_in_order_and_decliners_remembered(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    let (id, other) = (offer(&mut tx, ids[0], "dana", 5).await?, offer(&mut tx, ids[1], "dana", 5).await?);
    for (by, what, note, at) in [
        (Some("dana"), HandoffEvent::Declined(Rejection::NotMine), "l'Été's \"own\"\0", 6),
        (Some("dana"), HandoffEvent::Declined(Rejection::NotMine), "", 7),
        (Some("luc"), HandoffEvent::Declined(Rejection::NotMine), "", 8),
        (None, HandoffEvent::Reminded, "", 9),
    ] {
        handoffs::add_event(&mut tx, id, by.map(name).as_ref(), &what, note, minute(at)).await?;
    }
    let events = handoffs::events(&mut tx, id).await?;
    assert_eq!(
        events.iter().map(|e| (e.by.as_str(), e.at)).collect::<Vec<_>>(),
        [("dana", minute(6)), ("dana", minute(7)), ("luc", minute(8)), ("nurtured", minute(9))]
    );
    assert_eq!((events[0].what.as_str(), events[0].note.as_str()), ("not mine", "l'Été's \"own\" "));
    let mut declined = handoffs::declined_by(&mut tx, id).await?;
    declined.sort();
    assert_eq!(declined, [name("dana"), name("luc")]);
    assert!(handoffs::declined_by(&mut tx, other).await?.is_empty() && handoffs::events(&mut tx, other).await?.is_empty());
    Ok(())
}

async fn the_offer_that_runs_out_first_is_reminded_once(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 3).await?;
    assert_eq!(handoffs::unreminded(&mut tx).await?, None);
    let late = offer(&mut tx, ids[0], "dana", 50).await?;
    let soon = offer(&mut tx, ids[1], "dana", 5).await?;
    let owned = offer(&mut tx, ids[2], "dana", 1).await?;
    let accepted = loaded(&mut tx, owned).await?.accept(minute(2))?;
    handoffs::store(&mut tx, &accepted).await?;
    assert_eq!(handoffs::unreminded(&mut tx).await?, Some((soon, minute(65))));
    handoffs::add_event(&mut tx, soon, None, &HandoffEvent::Reminded, "", minute(65)).await?;
    assert_eq!(handoffs::unreminded(&mut tx).await?, Some((late, minute(110))));
    // With a new deadline it is due a new reminder.
    let moved = Handoff { answer_until: minute(100), ..loaded(&mut tx, soon).await? };
    handoffs::store(&mut tx, &moved).await?;
    assert_eq!(handoffs::unreminded(&mut tx).await?, Some((soon, minute(100))));
    Ok(())
}

async fn an_item_of_a_queue_is_open_once_and_soonest_first(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    let (dana, luc) = (name("dana"), name("luc"));
    let handoff = offer(&mut tx, ids[0], "dana", 5).await?;
    follow_ups::add(&mut tx, ids[0], handoff, &dana, "Answer", minute(90)).await?;
    reminders::add(&mut tx, ids[1], &dana, "They asked to be approached", minute(30)).await?;
    reminders::add(&mut tx, ids[1], &luc, "The same", minute(30)).await?;
    let of = |list: Vec<nurtured::domain::individual::follow_up::FollowUp>| -> Vec<_> {
        list.into_iter().map(|f| (f.prospect, f.handoff, f.action, f.due_at)).collect()
    };
    let alone = (ids[1], None, "They asked to be approached".to_owned(), minute(30));
    let answer = (ids[0], Some(handoff), "Answer".to_owned(), minute(90));
    assert_eq!(of(follow_ups::of(&mut tx, &dana).await?), [alone.clone(), answer]);
    assert_eq!(
        follow_ups::of_handoff(&mut tx, handoff).await?.map(|f| (f.salesperson, f.due_at)),
        Some((dana.clone(), minute(90)))
    );
    // Done, and the next one.
    follow_ups::done(&mut tx, handoff, minute(50)).await?;
    assert_eq!(follow_ups::of_handoff(&mut tx, handoff).await?, None);
    follow_ups::add(&mut tx, ids[0], handoff, &dana, "Call", minute(20)).await?;
    let call = (ids[0], Some(handoff), "Call".to_owned(), minute(20));
    assert_eq!(of(follow_ups::of(&mut tx, &dana).await?), [call.clone(), alone]);
    reminders::done(&mut tx, &std::collections::BTreeSet::from([ids[1]]), minute(51)).await?;
    reminders::done(&mut tx, &std::collections::BTreeSet::from([ids[0]]), minute(51)).await?;
    assert_eq!(of(follow_ups::of(&mut tx, &dana).await?), [call]);
    assert!(follow_ups::of(&mut tx, &luc).await?.is_empty());
    let second = follow_ups::add(&mut tx, ids[0], handoff, &dana, "Another", minute(20)).await;
    assert!(second.is_err(), "a handoff has one open item");
    Ok(())
}

fn letter<'a>(recipient: &'a nurtured::domain::address::Address, id: &'a str, not_before: i64) -> NewLetter<'a> {
    let message = vec![0, 255, b'\r', b'\n', b'\''];
    NewLetter { kind: LetterKind::Handoff, handoff: None, recipient, message_id: id, message, not_before: minute(not_before) }
}

async fn a_letter_is_written_once_and_sent_by_one_node(bench: Bench) -> anyhow::Result<()> {
    let dana = address("dana@ours.example");
    let mut tx = bench.store.write().await?;
    letters::add(&mut tx, letter(&dana, "<1@ours>", 5)).await?;
    letters::add(&mut tx, NewLetter { kind: LetterKind::Changed, ..letter(&dana, "<1@ours>", 2) }).await?;
    assert_eq!(letters::next_due(&mut tx).await?, Some(minute(5)));
    assert!(letters::claim(&mut tx, "one", minute(4), minute(10)).await?.is_none());
    tx.commit().await?;
    let mut tx = bench.store.write().await?;
    let first = letters::claim(&mut tx, "one", minute(5), minute(10)).await?.expect("it is due");
    assert_eq!((first.kind, &first.recipient, first.tries), (LetterKind::Handoff, &dana, 0));
    assert_eq!(first.message, [0, 255, b'\r', b'\n', b'\'']);
    if bench.store.is_shared() {
        let mut other = bench.store.write().await?;
        assert!(letters::claim(&mut other, "two", minute(5), minute(10)).await?.is_none());
        other.commit().await?;
    }
    assert_eq!(letters::next_due(&mut tx).await?, Some(minute(10)));
    tx.commit().await?;
    let mut tx = bench.another().await?.write().await?;
    assert!(letters::claim(&mut tx, "two", minute(9), minute(20)).await?.is_none());
    let again = letters::claim(&mut tx, "two", minute(10), minute(20)).await?.expect("its lease lapsed");
    assert_eq!((again.id, again.tries, &again.message), (first.id, 1, &first.message));
    assert!(letters::sent(&mut tx, &again, minute(11)).await?);
    // The first node comes back late: what was sent stays sent.
    assert!(!letters::later(&mut tx, &first, minute(12), None, "timeout").await?);
    assert!(!letters::failed(&mut tx, &first, "gave up", minute(12)).await?);
    assert!(!letters::sent(&mut tx, &again, minute(12)).await?, "once");
    assert!(letters::claim(&mut tx, "one", minute(99), minute(100)).await?.is_none());
    assert_eq!(letters::next_due(&mut tx).await?, None);
    Ok(())
}

async fn a_late_holder_of_a_letter_changes_nothing(bench: Bench) -> anyhow::Result<()> {
    let dana = address("dana@ours.example");
    let mut tx = bench.store.write().await?;
    letters::add(&mut tx, letter(&dana, "<1@ours>", 5)).await?;
    let first = letters::claim(&mut tx, "one", minute(5), minute(10)).await?.expect("it is due");
    // Its lease lapses while the relay is silent; the second node, or the same one once more, takes it.
    let second = letters::claim(&mut tx, "one", minute(10), minute(20)).await?.expect("its lease lapsed");
    assert_eq!((first.fence, second.fence), (1, 2));
    // Whatever the first one comes back with, the letter stays in the second one's hands.
    assert!(!letters::later(&mut tx, &first, minute(11), None, "timeout").await?);
    assert!(!letters::failed(&mut tx, &first, "gave up", minute(11)).await?);
    assert!(!letters::sent(&mut tx, &first, minute(11)).await?);
    assert_eq!(letters::next_due(&mut tx).await?, Some(minute(20)));
    assert!(letters::claim(&mut tx, "three", minute(12), minute(30)).await?.is_none());
    assert!(letters::later(&mut tx, &second, minute(15), None, "busy").await?);
    // Given back, it is nobody's: a second answer of the same try finds nothing to change.
    let third = letters::claim(&mut tx, "two", minute(15), minute(30)).await?.expect("it was put off until now");
    assert_eq!((third.fence, third.tries), (3, 2));
    assert!(!letters::failed(&mut tx, &second, "no", minute(16)).await?);
    assert!(letters::sent(&mut tx, &third, minute(16)).await?);
    assert_eq!(letters::next_due(&mut tx).await?, None);
    Ok(())
}

async fn a_letter_waits_fails_or_is_sent(bench: Bench) -> anyhow::Result<()> {
    let (dana, luc) = (address("dana@ours.example"), address("luc@ours.example"));
    let mut tx = bench.store.write().await?;
    let id = add_some(&mut tx, 1).await?[0];
    assert_eq!(prospects::lock(&mut tx, id).await?, Standing::Nurturing);
    assert_eq!(qualified(&mut tx, id, 3, 1).await?.met(), 3);
    let handoff = offer(&mut tx, id, "dana", 2).await?;
    letters::add(&mut tx, NewLetter { handoff: Some(handoff), ..letter(&dana, "<1@ours>", 5) }).await?;
    letters::add(&mut tx, letter(&luc, "<2@ours>", 3)).await?;
    let first = letters::claim(&mut tx, "one", minute(9), minute(10)).await?.expect("two are due");
    assert_eq!(first.recipient, luc, "the one that waits longest comes first");
    letters::later(&mut tx, &first, minute(30), None, "451 \0 later").await?;
    let second = letters::claim(&mut tx, "one", minute(9), minute(10)).await?.expect("one is due");
    assert_eq!(second.recipient, dana);
    letters::failed(&mut tx, &second, "550 no such mailbox", minute(9)).await?;
    assert_eq!(letters::next_due(&mut tx).await?, Some(minute(30)));
    assert!(letters::claim(&mut tx, "one", minute(29), minute(40)).await?.is_none());
    let third = letters::claim(&mut tx, "one", minute(30), minute(40)).await?.expect("its time has come");
    assert_eq!((third.id, third.tries), (first.id, 1));
    Ok(())
}

async fn a_letter_that_failed_is_counted_and_sent_again(bench: Bench) -> anyhow::Result<()> {
    let (dana, eve) = (address("dana@ours.example"), address("eve@x.example"));
    let mut tx = bench.store.write().await?;
    letters::add(&mut tx, letter(&dana, "<1@ours>", 5)).await?;
    letters::add(&mut tx, NewLetter { kind: LetterKind::Confirmation, ..letter(&eve, "<2@ours>", 5) }).await?;
    let claimed = letters::claim(&mut tx, "one", minute(6), minute(10)).await?.expect("it is due");
    let standing = letters::standing(&mut tx, minute(0), minute(6)).await?;
    assert_eq!(standing, OutboxState { waiting: 1, waiting_since: Some(minute(5)), failed: 0 }, "a stranger's is no alarm");
    assert!(!letters::resend(&mut tx, claimed.id, minute(7)).await?, "it is on its way");
    letters::begin(&mut tx, &claimed, minute(6)).await?;
    assert!(letters::later(&mut tx, &claimed, minute(20), Some(minute(6)), "550 5.7.1").await?);
    let claimed = letters::claim(&mut tx, "one", minute(6), minute(10)).await?.expect("the other");
    assert!(letters::failed(&mut tx, &claimed, "550", minute(7)).await?);
    let again = letters::claim(&mut tx, "one", minute(20), minute(30)).await?.expect("it waited");
    assert_eq!((again.first_tried_at, again.refused_since, again.waits_since), (Some(minute(6)), Some(minute(6)), minute(5)));
    letters::begin(&mut tx, &again, minute(20)).await?;
    assert!(letters::failed(&mut tx, &again, "550 5.7.1", minute(21)).await?);
    let standing = letters::standing(&mut tx, minute(0), minute(22)).await?;
    assert_eq!(standing, OutboxState { waiting: 0, waiting_since: None, failed: 1 });
    assert_eq!(letters::standing(&mut tx, minute(21), minute(22)).await?.failed, 0, "long ago");
    assert_eq!(letters::unsent(&mut tx, minute(0)).await?.len(), 2);
    assert_eq!(letters::resend_failed(&mut tx, minute(0), minute(30)).await?, 1, "not the stranger's");
    let once_more = letters::claim(&mut tx, "one", minute(30), minute(40)).await?.expect("it goes again");
    assert_eq!((once_more.id, once_more.tries, once_more.refused_since), (again.id, 0, None));
    assert_eq!((once_more.first_tried_at, once_more.waits_since), (Some(minute(6)), minute(30)));
    assert_eq!(once_more.message, again.message);
    assert!(letters::sent(&mut tx, &once_more, minute(31)).await?);
    assert!(letters::resend(&mut tx, again.id, minute(32)).await?, "the relay lost it");
    assert!(!letters::resend(&mut tx, nurtured::domain::id::LetterId(99), minute(32)).await?);
    Ok(())
}

async fn what_waits_for_a_relay_waits_together(bench: Bench) -> anyhow::Result<()> {
    let dana = address("dana@ours.example");
    let mut tx = bench.store.write().await?;
    for (id, not_before) in [("<1@ours>", 1), ("<2@ours>", 2), ("<3@ours>", 50)] {
        letters::add(&mut tx, letter(&dana, id, not_before)).await?;
    }
    let first = letters::claim(&mut tx, "one", minute(5), minute(10)).await?.expect("it is due");
    assert_eq!(letters::all_later(&mut tx, minute(5), minute(9)).await?, 1, "the one that is due and nobody has");
    assert!(letters::later(&mut tx, &first, minute(9), None, "no login").await?);
    assert!(letters::claim(&mut tx, "one", minute(8), minute(10)).await?.is_none());
    let standing = letters::standing(&mut tx, minute(0), minute(8)).await?;
    assert_eq!(standing, OutboxState { waiting: 2, waiting_since: Some(minute(1)), failed: 0 });
    assert_eq!(letters::claim(&mut tx, "one", minute(9), minute(10)).await?.expect("both").id, first.id, "the same one asks");
    Ok(())
}
