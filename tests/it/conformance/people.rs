//! Accounts, prospects, fields and tags.

use super::bench::{Bench, add, add_some, address, dequeue, minute, name};
use super::doorway::signal;
use nurtured::domain::audience::Test;
use nurtured::domain::doorway::sender::Sender;
use nurtured::domain::doorway::signal::Detail;
use nurtured::domain::id::ProspectId;
use nurtured::domain::prospect::Standing;
use nurtured::domain::suppression::StopReason;
use nurtured::store::doorway::{assessment_queue, signal_authors, signals};
use nurtured::store::operations::{erasures, merges};
use nurtured::store::people::absences;
use nurtured::store::people::accounts::{self, Company};
use nurtured::store::people::prospects::{self, Details, FieldChange, NewProspect};
use nurtured::store::people::signing_keys;

on_both_engines!(
    hostile_text_comes_back_as_it_went,
    an_address_is_added_once,
    details_given_are_set_and_absent_ones_stay,
    the_later_of_two_changes_to_a_field_counts,
    a_tag_is_kept_once,
    an_account_is_found_by_its_domain_and_keeps_its_name,
    an_account_is_whose_colleague_is_owned_then_offered_then_won_then_had,
    back_in_nurture_a_new_episode_begins,
    a_prospect_who_was_never_handed_off_cannot_return,
    pages_follow_each_other_without_the_erased,
    what_identifies_an_erased_prospect_is_gone,
    a_merge_keeps_the_absence_told_last_and_who_wrote_what,
    the_first_signing_key_stays,
);

/// What a CSV, a form or a mail may hold. NUL is the one thing that is not kept.
const HOSTILE: [(&str, &str); 8] = [
    ("O'Hara \"Bob\"); DROP TABLE prospects; --", "O'Hara \"Bob\"); DROP TABLE prospects; --"),
    ("Łódź 東京 Ünïcödé e\u{301}", "Łódź 東京 Ünïcödé e\u{301}"),
    ("👩\u{200d}🏭 \u{10ffff}", "👩\u{200d}🏭 \u{10ffff}"),
    ("a\0b", "a b"),
    ("typed \\u0000 by hand \\", "typed \\u0000 by hand \\"),
    ("{\"a\": [null, \"$1\"]}", "{\"a\": [null, \"$1\"]}"),
    ("line\r\nline\ttab\u{1}\u{7f}\u{2028}", "line\r\nline\ttab\u{1}\u{7f}\u{2028}"),
    ("100% _under_ $.path ?1 :name", "100% _under_ $.path ?1 :name"),
];

async fn hostile_text_comes_back_as_it_went(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    for (n, (text, kept)) in HOSTILE.into_iter().enumerate() {
        let written = format!("h{n}@a.example");
        // Through JSON …
        let details = Details { name: Some(text), phone: Some(text), company: Some(text), ..Details::default() };
        let id = prospects::add(&mut tx, &[NewProspect { address: &written, details, mail_stop: None }], minute(0)).await?;
        let id = id[&address(&written)];
        prospects::set_fields(&mut tx, &[FieldChange { prospect: id, name: "note", value: Some(text) }]).await?;
        prospects::add_tags(&mut tx, &[(id, text)]).await?;
        let found = prospects::one(&mut tx, id).await?;
        assert_eq!([&found.name, &found.phone, &found.company], [&Some(kept.to_owned()); 3]);
        assert_eq!(found.fields[&name("note")], kept);
        assert!(found.tags.contains(kept) && found.tags.len() == 1);
        // … and as a parameter.
        prospects::update(&mut tx, id, &Details { name: Some(&format!("{text}!")), ..Details::default() }).await?;
        assert_eq!(prospects::one(&mut tx, id).await?.name, Some(format!("{kept}!")));
    }
    Ok(tx.commit().await?)
}

async fn an_address_is_added_once(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    assert!(prospects::add(&mut tx, &[], minute(0)).await?.is_empty());
    let ids = add(&mut tx, &["ada@a.example", "ben@a.example"]).await?;
    assert!(ids[0] < ids[1], "rows are numbered in the order given");
    let new = |address, stop| NewProspect { address, details: Details::default(), mail_stop: stop };
    let again = [
        new("ada@a.example", Some(StopReason::Bounced)),
        new("cid@a.example", Some(StopReason::OptedOut)),
        new("cid@a.example", None),
    ];
    let added = prospects::add(&mut tx, &again, minute(5)).await?;
    assert_eq!(added.keys().collect::<Vec<_>>(), [&address("cid@a.example")]);
    let known = prospects::by_address(&mut tx, &[&address("ada@a.example"), &address("nobody@a.example")]).await?;
    assert_eq!(known.into_iter().collect::<Vec<_>>(), [(address("ada@a.example"), ids[0])]);
    tx.commit().await?;

    let ada = prospects::one(&mut bench.store.read().await?, ids[0]).await?;
    assert_eq!(
        (ada.id, ada.address, ada.standing, ada.episode),
        (ids[0], Some(address("ada@a.example")), Standing::Nurturing, 1)
    );
    assert_eq!((ada.episode_started_at, ada.mail_stop, ada.tracking_consent), (minute(0), None, false));
    assert_eq!((ada.wake_at, ada.review_after, ada.account, ada.previous_salesperson), (None, None, None, None));
    let cid = prospects::one(&mut bench.store.read().await?, added[&address("cid@a.example")]).await?;
    assert_eq!((cid.mail_stop, cid.episode_started_at), (Some(StopReason::OptedOut), minute(5)));
    assert!(prospects::one(&mut bench.store.read().await?, ProspectId(99)).await.is_err());
    Ok(())
}

async fn details_given_are_set_and_absent_ones_stay(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let account = accounts::find_or_add(&mut tx, &[Company { domain: "a.example", name: None }]).await?["a.example"];
    let id = add_some(&mut tx, 1).await?[0];
    let first = Details { name: Some("Ada"), phone: Some("+34 1"), account: Some(account), ..Details::default() };
    prospects::update(&mut tx, id, &first).await?;
    prospects::update(&mut tx, id, &Details { phone: Some("+34 2"), salesperson: Some("dana"), ..Details::default() }).await?;
    let found = prospects::one(&mut tx, id).await?;
    assert_eq!((found.name.as_deref(), found.phone.as_deref(), found.company), (Some("Ada"), Some("+34 2"), None));
    assert_eq!((found.account, found.previous_salesperson), (Some(account), Some(name("dana"))));
    Ok(())
}

async fn the_later_of_two_changes_to_a_field_counts(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    let change = |prospect, name, value| FieldChange { prospect, name, value };
    let changes = [
        change(ids[0], "industry", Some("food")),
        change(ids[0], "size", Some("12")),
        change(ids[0], "industry", Some("Packaging")),
        change(ids[1], "industry", Some("steel")),
        change(ids[1], "industry", None),
    ];
    prospects::set_fields(&mut tx, &changes).await?;
    let fields = |of: &nurtured::domain::prospect::Prospect| -> Vec<(String, String)> {
        of.fields.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
    };
    let found = prospects::load(&mut tx, &ids).await?;
    assert_eq!(fields(&found[0]), [("industry".to_owned(), "Packaging".to_owned()), ("size".to_owned(), "12".to_owned())]);
    assert_eq!(fields(&found[1]), []);
    prospects::set_fields(&mut tx, &[change(ids[0], "size", None), change(ids[0], "unknown", None)]).await?;
    prospects::set_fields(&mut tx, &[]).await?;
    let found = prospects::load(&mut tx, &ids).await?;
    assert_eq!(found[0].fields.keys().collect::<Vec<_>>(), [&name("industry")]);
    assert!(Test::In(vec!["packaging".into()]).passes(found[0].fields.get(&name("industry")).map(String::as_str)));
    Ok(())
}

async fn a_tag_is_kept_once(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    assert_eq!(prospects::add_tags(&mut tx, &[]).await?, 0);
    assert_eq!(prospects::add_tags(&mut tx, &[(ids[0], "fair"), (ids[0], "fair"), (ids[1], "fair")]).await?, 2);
    assert_eq!(prospects::add_tags(&mut tx, &[(ids[0], "fair"), (ids[0], "Fair")]).await?, 1);
    let found = prospects::load(&mut tx, &ids).await?;
    assert_eq!(found.iter().map(|p| p.tags.len()).collect::<Vec<_>>(), [2, 1]);
    Ok(())
}

async fn an_account_is_found_by_its_domain_and_keeps_its_name(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let company = |domain, name| Company { domain, name };
    assert!(accounts::find_or_add(&mut tx, &[]).await?.is_empty());
    let first = accounts::find_or_add(&mut tx, &[company("a.example", None), company("b.example", Some("B"))]).await?;
    let again = [company("a.example", Some("A")), company("a.example", None), company("c.example", None)];
    let again = accounts::find_or_add(&mut tx, &again).await?;
    assert_eq!(again.keys().collect::<Vec<_>>(), ["a.example", "c.example"]);
    assert_eq!(again["a.example"], first["a.example"]);
    Ok(())
}

async fn an_account_is_whose_colleague_is_owned_then_offered_then_won_then_had(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let account = accounts::find_or_add(&mut tx, &[Company { domain: "a.example", name: None }]).await?["a.example"];
    let addresses: Vec<String> = (0..6).map(|n| format!("p{n}@a.example")).collect();
    let details = Details { account: Some(account), ..Details::default() };
    let new: Vec<_> = addresses.iter().map(|address| NewProspect { address, details, mail_stop: None }).collect();
    let known = prospects::add(&mut tx, &new, minute(0)).await?;
    let ids: Vec<_> = addresses.iter().map(|text| known[&address(text)]).collect();
    assert_eq!(accounts::owner(&mut tx, ids[0]).await?, None);
    // Each next one goes before those before it; who asks is no colleague of their own.
    let had = [
        (Standing::Nurturing, "listed"),
        (Standing::Closed, "won"),
        (Standing::Offered, "offered"),
        (Standing::Offered, "newer"),
        (Standing::Owned, "owns"),
    ];
    for (id, (standing, who)) in ids[1..].iter().zip(had) {
        prospects::set_standing(&mut tx, *id, standing, Some(&name(who))).await?;
        assert_eq!(accounts::owner(&mut tx, ids[0]).await?, Some(name(who)));
    }
    assert_eq!(accounts::owner(&mut tx, ids[5]).await?, Some(name("newer")), "of the others");
    accounts::own(&mut tx, account, &name("dana")).await?;
    let owners = accounts::owners(&mut tx, &ids).await?;
    assert!(owners.len() == 6 && owners.values().all(|owners| owners.first() == Some(&name("dana"))), "{owners:?}");
    Ok(())
}

async fn back_in_nurture_a_new_episode_begins(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let id = add_some(&mut tx, 1).await?[0];
    nurtured::store::operations::counts::review(&mut tx, &[id], minute(900)).await?;
    assert_eq!(prospects::one(&mut tx, id).await?.review_after, Some(minute(900)));
    assert_eq!(prospects::lock(&mut tx, id).await?, Standing::Nurturing);
    prospects::set_standing(&mut tx, id, Standing::Offered, Some(&name("dana"))).await?;
    assert_eq!(prospects::lock(&mut tx, id).await?, Standing::Offered);
    prospects::set_standing(&mut tx, id, Standing::Owned, None).await?;
    let owned = prospects::one(&mut tx, id).await?;
    assert_eq!((owned.standing, owned.previous_salesperson, owned.review_after), (Standing::Owned, Some(name("dana")), None));
    prospects::return_to_nurture(&mut tx, id, Some(minute(500)), minute(60)).await?;
    let back = prospects::one(&mut tx, id).await?;
    assert_eq!((back.standing, back.episode, back.episode_started_at), (Standing::Nurturing, 2, minute(60)));
    assert_eq!((back.wake_at, back.previous_salesperson), (Some(minute(500)), Some(name("dana"))));
    prospects::set_wake(&mut tx, id, None).await?;
    assert_eq!(prospects::one(&mut tx, id).await?.wake_at, None);
    Ok(())
}

async fn a_prospect_who_was_never_handed_off_cannot_return(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let id = add_some(&mut tx, 1).await?[0];
    for standing in [Standing::Nurturing, Standing::Closed, Standing::Suppressed] {
        prospects::set_standing(&mut tx, id, standing, None).await?;
        assert!(prospects::return_to_nurture(&mut tx, id, None, minute(1)).await.is_err(), "{standing:?}");
    }
    assert_eq!(prospects::one(&mut tx, id).await?.episode, 1);
    assert!(prospects::lock(&mut tx, ProspectId(99)).await.is_err());
    Ok(())
}

async fn pages_follow_each_other_without_the_erased(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 5).await?;
    erasures::person(&mut tx, ids[1]).await?;
    assert_eq!(prospects::page(&mut tx, ProspectId(0), 2).await?, [ids[0], ids[2]]);
    assert_eq!(prospects::page(&mut tx, ids[2], 9).await?, [ids[3], ids[4]]);
    assert_eq!(prospects::page(&mut tx, ids[4], 9).await?, []);
    Ok(())
}

async fn what_identifies_an_erased_prospect_is_gone(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add_some(&mut tx, 2).await?;
    for id in &ids {
        let account = accounts::find_or_add(&mut tx, &[Company { domain: "a.example", name: None }]).await?["a.example"];
        let details =
            Details { name: Some("Ada"), phone: Some("1"), company: Some("A"), account: Some(account), ..Details::default() };
        prospects::update(&mut tx, *id, &details).await?;
        prospects::set_fields(&mut tx, &[FieldChange { prospect: *id, name: "industry", value: Some("food") }]).await?;
        prospects::add_tags(&mut tx, &[(*id, "fair")]).await?;
        assessment_queue::enqueue(&mut tx, [(*id, minute(1))]).await?;
    }
    erasures::person(&mut tx, ids[0]).await?;
    let found = prospects::load(&mut tx, &ids).await?;
    let (gone, other) = (&found[0], &found[1]);
    assert_eq!((&gone.address, &gone.name, &gone.phone, &gone.company, gone.account), (&None, &None, &None, &None, None));
    assert_eq!((gone.standing, gone.mail_stop), (Standing::Suppressed, Some(StopReason::Erased)));
    assert!(gone.fields.is_empty() && gone.tags.is_empty());
    assert_eq!((other.name.as_deref(), other.fields.len(), other.tags.len()), (Some("Ada"), 1, 1));
    assert_eq!(dequeue(&mut tx, 9, minute(9)).await?, [ids[1]]);
    // The address may come again, as somebody new.
    assert!(add(&mut tx, &["p0@a.example"]).await?[0] > ids[1]);
    Ok(())
}

async fn a_merge_keeps_the_absence_told_last_and_who_wrote_what(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add(&mut tx, &["ada@a.example", "ada@b.example", "ben@a.example", "ben@b.example"]).await?;
    // Of Ada the row that goes was told last, of Ben the row that stays.
    for (n, (until, told)) in [(10, 1), (90, 20), (90, 20), (10, 1)].into_iter().enumerate() {
        absences::put(&mut tx, ids[n], minute(until), minute(told)).await?;
    }
    let bo = address("bo@elsewhere.example");
    let (subject, text) = ("Re: stops".to_owned(), "Here is Bo.".to_owned());
    let said = signal(
        ids[1],
        "reply:mail:1",
        5,
        Detail::UnconfirmedReply { sender: Sender::SomebodyElse, from: bo.to_string(), subject, text },
    );
    let written = signals::append(&mut tx, &[(Some(ids[1]), &said)], minute(5)).await?;
    signal_authors::add(&mut tx, &bo, written["reply:mail:1"]).await?;
    merges::take_over(&mut tx, ids[1], ids[0], minute(30)).await?;
    merges::take_over(&mut tx, ids[3], ids[2], minute(30)).await?;
    for kept in [ids[0], ids[2]] {
        assert_eq!(absences::of(&mut tx, kept, minute(30)).await?, Some(minute(90)));
    }
    let of: Vec<ProspectId> = signal_authors::by(&mut tx, &bo).await?.into_iter().map(|authored| authored.prospect).collect();
    assert_eq!(of, [ids[1], ids[0]], "what Bo wrote of her, in both rows");
    Ok(())
}

async fn the_first_signing_key_stays(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let first = signing_keys::load(&mut tx, [7; 32], minute(0)).await?;
    tx.commit().await?;
    assert_eq!(first, [(1, vec![7; 32])]);
    let mut tx = bench.another().await?.write().await?;
    assert_eq!(signing_keys::load(&mut tx, [8; 32], minute(1)).await?, first);
    Ok(())
}
