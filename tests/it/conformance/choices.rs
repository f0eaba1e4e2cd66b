//! Suppressions and consents: what they asked for, and that it is remembered.

use super::bench::{Bench, add, address, minute};
use nurtured::domain::consent::{Consent, Purpose};
use nurtured::domain::id::ProspectId;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::store::engine::backend::{StoreError, Tx};
use nurtured::store::people::consents;
use nurtured::store::people::suppressions::{self, Stop};
use nurtured::store::people::{erasure_keys, prospects, signing_keys};

on_both_engines!(
    a_suppression_is_in_force_once_and_stops_the_prospect,
    a_lifted_suppression_may_come_again,
    lifting_one_stop_leaves_another,
    a_phone_suppression_stops_no_mail,
    an_erased_address_is_known_by_its_hash_only,
    the_key_of_erasures_is_that_of_an_older_backup,
    the_same_consent_again_changes_nothing,
    tracking_follows_the_latest_statement,
);

fn stop(to: &str, channel: Channel, reason: StopReason) -> Stop {
    Stop { address: to.to_owned(), channel, reason, source: format!("{}, as told", reason.word()) }
}

async fn mail_stop(tx: &mut Tx, id: ProspectId) -> Result<Option<StopReason>, StoreError> {
    Ok(prospects::one(tx, id).await?.mail_stop)
}

async fn a_suppression_is_in_force_once_and_stops_the_prospect(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add(&mut tx, &["ada@a.example", "ben@a.example"]).await?;
    assert_eq!(suppressions::add(&mut tx, &[], minute(1)).await?, 0);
    let ada = stop("ada@a.example", Channel::Email, StopReason::Unsubscribed);
    let stranger = stop("zoe@b.example", Channel::Email, StopReason::Manual);
    assert_eq!(suppressions::add(&mut tx, &[ada.clone(), ada.clone(), stranger], minute(1)).await?, 2);
    // Again, for another reason, later: nothing of it.
    assert_eq!(
        suppressions::add(&mut tx, &[ada, stop("ada@a.example", Channel::Email, StopReason::Bounced)], minute(2)).await?,
        0
    );
    let all = suppressions::all(&mut tx).await?;
    let shown: Vec<_> = all.iter().map(|s| (s.address.as_str(), s.channel, s.reason, s.source.as_str())).collect();
    assert_eq!(
        shown,
        [
            ("ada@a.example", Channel::Email, StopReason::Unsubscribed, "unsubscribed, as told"),
            ("zoe@b.example", Channel::Email, StopReason::Manual, "manual, as told")
        ]
    );
    assert_eq!(all[0].since, minute(1));
    let of = suppressions::of(&mut tx, &[&address("ada@a.example"), &address("ben@a.example")]).await?;
    assert_eq!(of.iter().map(|s| s.address.as_str()).collect::<Vec<_>>(), ["ada@a.example"]);
    assert_eq!(mail_stop(&mut tx, ids[0]).await?, Some(StopReason::Unsubscribed));
    assert_eq!(mail_stop(&mut tx, ids[1]).await?, None);
    Ok(())
}

async fn a_lifted_suppression_may_come_again(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add(&mut tx, &["ada@a.example", "ben@a.example"]).await?;
    let both =
        [stop("ada@a.example", Channel::Email, StopReason::Bounced), stop("ben@a.example", Channel::Email, StopReason::Bounced)];
    suppressions::add(&mut tx, &both, minute(1)).await?;
    let ada = address("ada@a.example");
    assert!(suppressions::lift(&mut tx, &ada, Channel::Email, minute(2)).await?);
    assert!(!suppressions::lift(&mut tx, &ada, Channel::Email, minute(3)).await?);
    assert!(suppressions::of(&mut tx, &[&ada]).await?.is_empty());
    assert_eq!(mail_stop(&mut tx, ids[0]).await?, None);
    assert_eq!(mail_stop(&mut tx, ids[1]).await?, Some(StopReason::Bounced));
    assert_eq!(suppressions::add(&mut tx, &[stop("ada@a.example", Channel::Email, StopReason::Complained)], minute(4)).await?, 1);
    assert_eq!(mail_stop(&mut tx, ids[0]).await?, Some(StopReason::Complained));
    Ok(())
}

async fn lifting_one_stop_leaves_another(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ada = address("ada@a.example");
    let hash = erasure_keys::load_or_make(&mut tx, minute(1)).await?.of(&ada);
    suppressions::add(&mut tx, &[stop(&hash, Channel::Email, StopReason::Erased)], minute(1)).await?;
    // Imported again after erasure by a version that did so: it wrote the stop it found.
    let new = prospects::NewProspect {
        address: ada.as_str(),
        details: prospects::Details::default(),
        mail_stop: Some(StopReason::Erased),
    };
    let id = prospects::add(&mut tx, &[new], minute(2)).await?[&ada];
    assert!(!suppressions::lift(&mut tx, &ada, Channel::Email, minute(3)).await?);
    assert_eq!(mail_stop(&mut tx, id).await?, Some(StopReason::Erased));
    suppressions::add(&mut tx, &[stop("ada@a.example", Channel::Email, StopReason::Manual)], minute(4)).await?;
    assert!(suppressions::lift(&mut tx, &ada, Channel::Email, minute(5)).await?);
    assert_eq!(mail_stop(&mut tx, id).await?, Some(StopReason::Erased));
    Ok(())
}

async fn a_phone_suppression_stops_no_mail(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let id = add(&mut tx, &["ada@a.example"]).await?[0];
    let ada = address("ada@a.example");
    assert_eq!(suppressions::add(&mut tx, &[stop("ada@a.example", Channel::Phone, StopReason::OptedOut)], minute(1)).await?, 1);
    assert_eq!(mail_stop(&mut tx, id).await?, None);
    assert_eq!(suppressions::add(&mut tx, &[stop("ada@a.example", Channel::Email, StopReason::Bounced)], minute(2)).await?, 1);
    assert_eq!(suppressions::of(&mut tx, &[&ada]).await?.len(), 2);
    assert!(suppressions::lift(&mut tx, &ada, Channel::Phone, minute(3)).await?);
    assert_eq!(mail_stop(&mut tx, id).await?, Some(StopReason::Bounced));
    Ok(())
}

async fn an_erased_address_is_known_by_its_hash_only(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let (ada, ben) = (address("ada@a.example"), address("ben@a.example"));
    // By versions without a key: the hash stays, and is known.
    let bare = erasure_keys::unkeyed(&ben);
    assert!(bare.starts_with("sha256:") && bare.len() == 71 && !bare.contains("ben"));
    suppressions::add(&mut tx, &[stop(&bare, Channel::Email, StopReason::Erased)], minute(1)).await?;
    let known = |found: Vec<suppressions::Suppression>| found.into_iter().map(|s| (s.address, s.reason)).collect::<Vec<_>>();
    let bens = (bare.clone(), StopReason::Erased);
    assert_eq!(known(suppressions::of(&mut tx, &[&ada, &ben]).await?), std::slice::from_ref(&bens), "no key is needed for it");
    // Under the key of this database, which is made once.
    let hashes = erasure_keys::load_or_make(&mut tx, minute(2)).await?;
    let hash = hashes.of(&ada);
    assert!(hash.starts_with("hmac-sha256:") && hash.len() == 76 && !hash.contains("ada"));
    assert_eq!(erasure_keys::load_or_make(&mut tx, minute(3)).await?.of(&ada), hash);
    suppressions::add(&mut tx, &[stop(&hash, Channel::Email, StopReason::Erased)], minute(2)).await?;
    assert_eq!(known(suppressions::of(&mut tx, &[&ada, &ben]).await?).len(), 2);
    assert_eq!(known(suppressions::of(&mut tx, &[&ben]).await?), [bens]);
    Ok(())
}

async fn the_key_of_erasures_is_that_of_an_older_backup(bench: Bench) -> anyhow::Result<()> {
    // A backup from before the key knows the first signing key, and makes the same one of it, whatever keys came later.
    let ada = address("ada@a.example");
    let mut tx = bench.store.write().await?;
    signing_keys::load(&mut tx, [7; 32], minute(1)).await?;
    let hash = erasure_keys::load_or_make(&mut tx, minute(1)).await?.of(&ada);
    tx.rollback().await?;
    let mut tx = bench.store.write().await?;
    signing_keys::load(&mut tx, [7; 32], minute(2)).await?;
    assert_eq!(erasure_keys::load(&mut tx).await?.of(&ada), erasure_keys::unkeyed(&ada), "no key before it is needed");
    assert_eq!(erasure_keys::load_or_make(&mut tx, minute(3)).await?.of(&ada), hash);
    Ok(())
}

fn said(purpose: Purpose, given: bool, source: &str, at: Option<i64>) -> Consent {
    Consent { given_at: at.map(minute), ..Consent::undated(purpose, given, source) }
}

async fn the_same_consent_again_changes_nothing(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let id = add(&mut tx, &["ada@a.example"]).await?[0];
    assert_eq!(consents::add(&mut tx, &[], minute(1)).await?, 0);
    let list = [
        (id, said(Purpose::Mail, true, "fair 2025", Some(-900))),
        (id, said(Purpose::Mail, true, "fair 2025", Some(-900))),
        (id, said(Purpose::Tracking, true, "import a.csv", None)),
        (id, said(Purpose::Tracking, false, "page", Some(2))),
    ];
    assert_eq!(consents::add(&mut tx, &list, minute(3)).await?, 3);
    assert_eq!(consents::add(&mut tx, &list, minute(4)).await?, 0);
    // The same source says the opposite, and the first thing again.
    assert_eq!(consents::add(&mut tx, &[(id, said(Purpose::Tracking, false, "import a.csv", None))], minute(5)).await?, 1);
    assert_eq!(consents::add(&mut tx, &[(id, said(Purpose::Tracking, true, "import a.csv", None))], minute(6)).await?, 1);
    assert_eq!(
        consents::of(&mut tx, id).await?,
        [
            said(Purpose::Mail, true, "fair 2025", Some(-900)),
            said(Purpose::Tracking, true, "import a.csv", None),
            said(Purpose::Tracking, false, "page", Some(2)),
            said(Purpose::Tracking, false, "import a.csv", None),
            said(Purpose::Tracking, true, "import a.csv", None),
        ]
    );
    Ok(())
}

async fn tracking_follows_the_latest_statement(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let ids = add(&mut tx, &["ada@a.example", "ben@a.example"]).await?;
    for (given, source, at, recorded, tracked) in [
        (true, "form", None, 10, true),
        (false, "page", Some(20), 20, false),
        // An old list that is imported late does not undo what was said since.
        (true, "list of 2025", Some(-900), 30, false),
        (true, "form again", Some(40), 40, true),
    ] {
        consents::add(&mut tx, &[(ids[0], said(Purpose::Tracking, given, source, at))], minute(recorded)).await?;
        assert_eq!(prospects::one(&mut tx, ids[0]).await?.tracking_consent, tracked, "{source}");
    }
    consents::add(&mut tx, &[(ids[1], said(Purpose::Mail, true, "form", None))], minute(50)).await?;
    assert!(!prospects::one(&mut tx, ids[1]).await?.tracking_consent);
    Ok(())
}
