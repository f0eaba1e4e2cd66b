//! Enquiries: recorded once, placed by one node, listed, settled, handed down and erased.

use super::bench::{Bench, add, address, minute, name};
use nurtured::domain::doorway::enquiry::{KEPT, NewEnquiry, Settled, WhyNoHandoff};
use nurtured::domain::id::{EnquiryId, ProspectId};
use nurtured::domain::individual::letter::LetterKind;
use nurtured::store::doorway::enquiries as recorded;
use nurtured::store::engine::backend::Tx;
use nurtured::store::individual::enquiries;
use nurtured::store::individual::letters::{self, NewLetter};
use nurtured::store::operations::erasures;
use std::collections::BTreeMap;

on_both_engines!(
    the_same_words_within_a_day_are_one_enquiry,
    an_hour_counts_what_was_placed_one_by_one,
    a_list_is_settled_with_what_stands_on_it,
    only_its_salesperson_settles_an_enquiry,
    a_touch_answers_what_was_asked_before_it,
    what_an_address_confirms_is_the_same_enquiry,
    an_enquiry_is_erased_with_its_letter,
    what_is_on_nobodys_queue_is_counted,
);

/// What a stranger asks, at a minute.
fn stranger(who: &str, words: &str, at: i64) -> NewEnquiry {
    NewEnquiry {
        once: format!("{who}:{words}:{at}"),
        prospect: None,
        signal: None,
        address: Some(address(who)),
        cause: WhyNoHandoff::Unconfirmed,
        form: name("call-me"),
        said: [("message".to_owned(), words.to_owned())].into(),
        asked_at: minute(at),
        expires_at: Some(KEPT.after(minute(at))),
    }
}

/// What a prospect asks.
fn known(prospect: ProspectId, cause: WhyNoHandoff, words: &str, at: i64) -> NewEnquiry {
    NewEnquiry {
        once: format!("{prospect}:{words}:{at}"),
        prospect: Some(prospect),
        address: None,
        cause,
        expires_at: None,
        ..stranger("x@a.example", words, at)
    }
}

/// Records an enquiry and puts it on dana's queue.
async fn placed(tx: &mut Tx, new: &NewEnquiry, at: i64) -> anyhow::Result<EnquiryId> {
    assert!(recorded::add(tx, new).await?);
    let found = enquiries::unplaced(tx).await?.expect("it waits");
    enquiries::place(tx, found.id, &name("dana"), minute(at)).await?;
    Ok(found.id)
}

async fn the_same_words_within_a_day_are_one_enquiry(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add(&mut tx, &["ada@a.example"]).await?;
    let day = 24 * 60;
    assert!(recorded::add(&mut tx, &stranger("eva@e.example", "Call", 0)).await?);
    assert!(!recorded::add(&mut tx, &stranger("eva@e.example", "Call", 0)).await?, "the same once");
    assert!(!recorded::add(&mut tx, &stranger("eva@e.example", "Call", day - 1)).await?, "within a day, over midnight or not");
    assert!(recorded::add(&mut tx, &stranger("eva@e.example", "Call me", 1)).await?, "other words");
    assert!(recorded::add(&mut tx, &stranger("ben@e.example", "Call", 1)).await?, "another person");
    assert!(recorded::add(&mut tx, &stranger("eva@e.example", "Call", day)).await?, "a day later");
    assert!(recorded::add(&mut tx, &known(ids[0], WhyNoHandoff::Owned, "Call", 2)).await?);
    assert!(!recorded::add(&mut tx, &known(ids[0], WhyNoHandoff::Won, "Call", 9)).await?);
    assert_eq!(enquiries::counts(&mut tx, &[], minute(0)).await?.0, 5);
    // Hostile words come back as they went.
    let words = "O'Hara \"); DROP TABLE enquiries; -- \u{202e} {\"a\": null} 100% _ \\u0000 \u{1f469}";
    let new = stranger("odd@e.example", words, 3);
    assert!(recorded::add(&mut tx, &new).await? && !recorded::add(&mut tx, &new).await?);
    let mut seen = false;
    while let Some(found) = enquiries::unplaced(&mut tx).await? {
        seen |= found.message() == Some(words);
        enquiries::place(&mut tx, found.id, &name("dana"), minute(4)).await?;
    }
    assert!(seen);
    Ok(tx.commit().await?)
}

async fn an_hour_counts_what_was_placed_one_by_one(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    enquiries::place_alone(&mut tx).await?;
    let ids = add(&mut tx, &["ada@a.example"]).await?;
    assert_eq!(enquiries::next_due(&mut tx).await?, None);
    placed(&mut tx, &stranger("a@e.example", "1", 1), 10).await?;
    placed(&mut tx, &stranger("b@e.example", "2", 2), 70).await?;
    placed(&mut tx, &known(ids[0], WhyNoHandoff::Owned, "3", 3), 71).await?;
    let of = |cause| (cause, minute(60));
    for (cause, since) in [of(WhyNoHandoff::Unconfirmed), of(WhyNoHandoff::Forgotten), of(WhyNoHandoff::Won)] {
        assert_eq!(enquiries::placed_since(&mut tx, since, cause).await?, 1, "{cause}");
    }
    assert_eq!(enquiries::placed_since(&mut tx, minute(0), WhyNoHandoff::Unconfirmed).await?, 2);
    assert_eq!(enquiries::loads(&mut tx, minute(60)).await?[&name("dana")], 2);
    // Who got the one before of the same person.
    recorded::add(&mut tx, &stranger("a@e.example", "again", 75)).await?;
    let again = enquiries::unplaced(&mut tx).await?.expect("it waits");
    assert_eq!(enquiries::earlier(&mut tx, &again).await?, Some(name("dana")));
    assert_eq!(enquiries::next_due(&mut tx).await?, Some(minute(75)));
    Ok(tx.commit().await?)
}

async fn a_list_is_settled_with_what_stands_on_it(bench: Bench) -> anyhow::Result<()> {
    let (iria, dana) = (name("iria"), name("dana"));
    let mut tx = bench.store.write().await?;
    let ids = add(&mut tx, &["ada@a.example"]).await?;
    for n in 0..4 {
        recorded::add(&mut tx, &stranger(&format!("s{n}@e.example"), "Call", n)).await?;
    }
    // One who said nothing but their address is no erased one.
    recorded::add(&mut tx, &NewEnquiry { said: BTreeMap::new(), ..stranger("s4@e.example", "", 4) }).await?;
    recorded::add(&mut tx, &known(ids[0], WhyNoHandoff::Owned, "Mine", 5)).await?;
    let hour = (minute(0), minute(60));
    assert_eq!(enquiries::put_on_list(&mut tx, hour, &iria, WhyNoHandoff::Unconfirmed, minute(6)).await?, 5);
    recorded::add(&mut tx, &stranger("s5@e.example", "Call", 7)).await?;
    assert_eq!(enquiries::put_on_list(&mut tx, hour, &iria, WhyNoHandoff::Forgotten, minute(8)).await?, 1);
    assert!(
        enquiries::unplaced(&mut tx).await?.is_some_and(|left| left.cause == WhyNoHandoff::Owned),
        "the lead's is no stranger's"
    );
    let list = enquiries::lists_of(&mut tx, &iria).await?.remove(0);
    assert_eq!((list.count, list.begins_at, list.ends_at), (6, minute(0), minute(60)));
    assert!(enquiries::lists_of(&mut tx, &dana).await?.is_empty());
    assert_eq!(enquiries::placed_since(&mut tx, minute(0), WhyNoHandoff::Unconfirmed).await?, 0, "they count for no one");
    // A page at a time, each once.
    let first = enquiries::of_list(&mut tx, list.id, EnquiryId(0), 4).await?;
    let second = enquiries::of_list(&mut tx, list.id, first[3].id, 4).await?;
    assert_eq!((first.len(), second.len()), (4, 2));
    // Told once, when its hour is over.
    assert_eq!(enquiries::untold(&mut tx).await?.map(|untold| untold.id), Some(list.id));
    enquiries::told(&mut tx, list.id, minute(60)).await?;
    assert!(enquiries::told(&mut tx, list.id, minute(60)).await.is_err());
    assert_eq!(enquiries::untold(&mut tx).await?, None);

    assert!(!enquiries::settle_list(&mut tx, list.id, &dana, minute(61)).await?, "it is not hers");
    assert!(enquiries::settle_list(&mut tx, list.id, &iria, minute(61)).await?);
    assert!(!enquiries::settle_list(&mut tx, list.id, &iria, minute(62)).await?, "once");
    let one = enquiries::load(&mut tx, first[0].id).await?.expect("a row");
    assert_eq!((one.settled, enquiries::lists_of(&mut tx, &iria).await?.len()), (Some(Settled::Listed), 0));
    assert_eq!(enquiries::lists_done_since(&mut tx, &iria, minute(60)).await?.len(), 1);
    assert!(enquiries::reopen_list(&mut tx, list.id, &iria).await?);
    assert_eq!(enquiries::load(&mut tx, first[0].id).await?.expect("a row").settled, None);
    assert_eq!(enquiries::untold(&mut tx).await?, None, "no second letter");
    Ok(tx.commit().await?)
}

async fn only_its_salesperson_settles_an_enquiry(bench: Bench) -> anyhow::Result<()> {
    let (dana, luc, iria) = (name("dana"), name("luc"), name("iria"));
    let mut tx = bench.store.write().await?;
    let id = placed(&mut tx, &stranger("a@e.example", "1", 1), 2).await?;
    assert!(!enquiries::settle(&mut tx, id, &luc, minute(3)).await?);
    assert!(!enquiries::reopen(&mut tx, id, &dana).await?, "it is open");
    assert!(enquiries::settle(&mut tx, id, &dana, minute(3)).await?);
    assert!(!enquiries::settle(&mut tx, id, &dana, minute(4)).await?, "once");
    assert_eq!(enquiries::done_since(&mut tx, &dana, minute(2)).await?.len(), 1);
    assert!(enquiries::done_since(&mut tx, &dana, minute(3)).await?.is_empty());
    assert!(!enquiries::reopen(&mut tx, id, &luc).await?);
    assert!(enquiries::reopen(&mut tx, id, &dana).await?);
    assert_eq!(enquiries::of(&mut tx, &dana).await?.len(), 1);
    // Whoever left has nothing on their queue any more.
    assert!(!enquiries::are_of_others(&mut tx, &[&dana]).await? && enquiries::are_of_others(&mut tx, &[&luc]).await?);
    recorded::add(&mut tx, &stranger("b@e.example", "2", 5)).await?;
    enquiries::put_on_list(&mut tx, (minute(0), minute(60)), &dana, WhyNoHandoff::Unconfirmed, minute(6)).await?;
    assert_eq!(enquiries::inherit(&mut tx, &[&luc], &iria).await?, 3, "an item, a list, and what stands on it");
    assert_eq!((enquiries::of(&mut tx, &iria).await?.len(), enquiries::lists_of(&mut tx, &iria).await?.len()), (1, 1));
    Ok(tx.commit().await?)
}

async fn a_touch_answers_what_was_asked_before_it(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add(&mut tx, &["ada@a.example", "ben@a.example"]).await?;
    let early = placed(&mut tx, &known(ids[0], WhyNoHandoff::Owned, "early", 1), 1).await?;
    let late = placed(&mut tx, &known(ids[0], WhyNoHandoff::Owned, "late", 9), 9).await?;
    let other = placed(&mut tx, &known(ids[1], WhyNoHandoff::Won, "other", 1), 1).await?;
    recorded::touched(&mut tx, &[(ids[0], minute(5))], minute(10)).await?;
    for (id, settled) in [(early, Some(Settled::Done)), (late, None), (other, None)] {
        assert_eq!(enquiries::load(&mut tx, id).await?.expect("a row").settled, settled);
    }
    Ok(tx.commit().await?)
}

async fn what_an_address_confirms_is_the_same_enquiry(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add(&mut tx, &["ada@a.example"]).await?;
    let id = placed(&mut tx, &stranger("ada@a.example", "Call", 1), 2).await?;
    let other = placed(&mut tx, &stranger("ada@a.example", "Something else", 1), 2).await?;
    let confirmed = known(ids[0], WhyNoHandoff::Owned, "Call", 50);
    assert!(recorded::vouch(&mut tx, &confirmed, Some("ada@a.example")).await?);
    assert!(!recorded::vouch(&mut tx, &confirmed, Some("ada@a.example")).await?, "it is hers already");
    let found = enquiries::load(&mut tx, id).await?.expect("a row");
    assert_eq!((found.cause, found.prospect, found.address, found.settled), (WhyNoHandoff::Owned, Some(ids[0]), None, None));
    let said = &confirmed.said;
    let who = (ids[0], Some("ada@a.example"));
    let heard = enquiries::confirm(&mut tx, who, &name("call-me"), said, minute(51)).await?;
    assert_eq!(heard, Some(name("dana")));
    assert_eq!(enquiries::load(&mut tx, id).await?.expect("a row").settled, Some(Settled::Confirmed));
    assert_eq!(enquiries::load(&mut tx, other).await?.expect("a row").settled, None, "that was another text");
    assert_eq!(enquiries::confirm(&mut tx, who, &name("demo"), said, minute(52)).await?, None);
    Ok(tx.commit().await?)
}

async fn an_enquiry_is_erased_with_its_letter(bench: Bench) -> anyhow::Result<()> {
    let dana = address("dana@ours.example");
    let mut tx = bench.store.write().await?;
    let ids = add(&mut tx, &["ada@a.example"]).await?;
    let one = placed(&mut tx, &known(ids[0], WhyNoHandoff::Owned, "Call", 1), 1).await?;
    let two = placed(&mut tx, &stranger("eva@e.example", "Call", 1), 1).await?;
    let three = placed(&mut tx, &stranger("ben@e.example", "Call", 2), 2).await?;
    for id in [one, two, three] {
        let message_id = format!("{}dana@ours.example>", erasures::letter_of_enquiry(id));
        let (kind, handoff, recipient, message) = (LetterKind::Enquiry, None, &dana, b"secret".to_vec());
        let new = NewLetter { kind, handoff, recipient, message_id: &message_id, message, not_before: minute(1) };
        letters::add(&mut tx, new).await?;
    }
    assert_eq!(erasures::scrub(&mut tx, ids[0], minute(3)).await?.enquiries, 1);
    let erased = erasures::enquiries_from(&mut tx, &address("eva@e.example"), minute(3)).await?;
    assert_eq!((erased.enquiries, erased.letters), (1, 1));
    for id in [one, two] {
        let found = enquiries::load(&mut tx, id).await?.expect("the row stays");
        assert!(found.said.is_empty() && found.address.is_none() && found.settled == Some(Settled::Expired), "{found:?}");
    }
    // The third one's letter alone still leaves; its time comes by itself.
    let left = letters::claim(&mut tx, "node", minute(9), minute(20)).await?.expect("a letter");
    assert_eq!(left.message, b"secret");
    assert!(letters::claim(&mut tx, "node", minute(9), minute(20)).await?.is_none());
    assert_eq!(enquiries::next_due(&mut tx).await?, Some(KEPT.after(minute(2))));
    assert_eq!(erasures::expired_enquiries(&mut tx, minute(9)).await?, 0);
    assert_eq!(erasures::expired_enquiries(&mut tx, KEPT.after(minute(2))).await?, 1);
    assert!(enquiries::load(&mut tx, three).await?.expect("the row stays").said.is_empty());
    // What was asked once can be asked again.
    assert!(recorded::add(&mut tx, &stranger("ben@e.example", "Call", 2)).await?);
    Ok(tx.commit().await?)
}

async fn what_is_on_nobodys_queue_is_counted(bench: Bench) -> anyhow::Result<()> {
    let (dana, luc) = (name("dana"), name("luc"));
    let mut tx = bench.store.write().await?;
    placed(&mut tx, &stranger("a@e.example", "1", 1), 1).await?;
    assert_eq!(enquiries::counts(&mut tx, &[&dana, &luc], minute(0)).await?, (1, 0));
    assert_eq!(enquiries::counts(&mut tx, &[&luc], minute(0)).await?, (1, 1), "dana is not ours");
    recorded::add(&mut tx, &stranger("b@e.example", "2", 10)).await?;
    assert_eq!(enquiries::counts(&mut tx, &[&dana], minute(9)).await?, (2, 0), "it is on its way");
    assert_eq!(enquiries::counts(&mut tx, &[&dana], minute(10)).await?, (2, 1), "and late");
    assert_eq!(enquiries::waiting(&mut tx, 5).await?, [(dana, minute(1))]);
    Ok(tx.commit().await?)
}
