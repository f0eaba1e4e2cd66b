//! Values that cannot be read are named by table and row; a statement about one row fails when there is no such row.

use super::bench::{Bench, Everybody, add_some, address, minute, name};
use super::sales::offer;
use jiff::Timestamp;
use nurtured::domain::group::schedule::Firing;
use nurtured::domain::id::{AccountId, DeliveryId, HandoffId, IssueId, OccurrenceId, ProspectId, QualificationId};
use nurtured::domain::individual::event::HandoffEvent;
use nurtured::domain::pace::Bucket;
use nurtured::domain::prospect::Standing;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::store::doorway::qualifications;
use nurtured::store::engine::backend::StoreError;
use nurtured::store::group::{buckets, campaigns, deliveries, issues, occurrences, pause_notices};
use nurtured::store::individual::letters::{self, NewLetter};
use nurtured::store::individual::{follow_ups, handoffs};
use nurtured::store::operations::{configurations, erasures};
use nurtured::store::people::accounts::{self, Company};
use nurtured::store::people::prospects::{self, Details};
use nurtured::store::people::suppressions::{self, Stop};
use std::collections::BTreeMap;

on_both_engines!(a_value_that_cannot_be_read_names_its_table_and_row, a_statement_about_one_row_fails_where_there_is_none);

/// What an error says, if it is about a value.
fn said<T>(result: Result<T, StoreError>) -> String {
    match result {
        Err(error @ StoreError::Value { .. }) => error.to_string(),
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("it was read"),
    }
}

async fn a_value_that_cannot_be_read_names_its_table_and_row(bench: Bench) -> anyhow::Result<()> {
    let letters_campaign = Everybody::due(&["one"]);
    let mut tx = bench.store.write().await?;
    let who = add_some(&mut tx, 1).await?[0];
    tx.commit().await?;
    letters_campaign.publish(&bench.store, "first", minute(5)).await?;
    let mut tx = bench.store.write().await?;
    let firing = Firing { nominal: "second".to_owned(), due_at: minute(6) };
    occurrences::open(&mut tx, &name("letters"), &firing, None, "plan").await?;
    pause_notices::add(&mut tx, &name("letters"), "too many bounces", minute(6)).await?;
    let full = BTreeMap::from([("pool".to_owned(), Bucket { tokens: 1, filled_at: minute(6) })]);
    buckets::lock(&mut tx, &full).await?;
    let handoff = offer(&mut tx, who, "dana", 5).await?;
    handoffs::add_event(&mut tx, handoff, Some(&name("dana")), &HandoffEvent::Accepted, "", minute(6)).await?;
    follow_ups::add(&mut tx, who, handoff, &name("dana"), "call", minute(9)).await?;
    let recipient = address("dana@ours.example");
    let (message_id, message) = ("<1@ours>", b"bytes".to_vec());
    let letter = NewLetter { kind: "handoff", handoff: None, recipient: &recipient, message_id, message, not_before: minute(5) };
    letters::add(&mut tx, letter).await?;
    let company = Company { domain: "a.example", name: None };
    let account = accounts::find_or_add(&mut tx, &[company]).await?["a.example"];
    let gone = address("gone@a.example");
    let stop =
        Stop { address: gone.to_string(), channel: Channel::Email, reason: StopReason::Manual, source: "a test".to_owned() };
    suppressions::add(&mut tx, &[stop], minute(6)).await?;
    configurations::put(&mut tx, "plan", &BTreeMap::new(), minute(6)).await?;
    tx.commit().await?;

    // Milliseconds that are no instant, texts that are no name, no address, no JSON.
    let never = i64::MAX;
    for damage in [
        format!("UPDATE prospects SET episode_started_at = {never}, account_id = {account}"),
        "UPDATE accounts SET salesperson = 'No Name'".to_owned(),
        format!("UPDATE suppressions SET suppressed_at = {never}"),
        format!("UPDATE campaigns SET seen_until = {never}"),
        format!("UPDATE occurrences SET due_at = {never}"),
        "UPDATE issues SET content = 'no JSON'".to_owned(),
        "UPDATE deliveries SET address = 'secret, and no address'".to_owned(),
        format!("UPDATE pause_notices SET at = {never}"),
        format!("UPDATE buckets SET filled_at = {never}"),
        "UPDATE handoffs SET salesperson = 'No Name', assignment = 'no JSON'".to_owned(),
        format!("UPDATE handoff_events SET at = {never}"),
        format!("UPDATE follow_ups SET due_at = {never}"),
        "UPDATE letters SET recipient = 'secret, and no address'".to_owned(),
        "UPDATE configurations SET files = 'no JSON'".to_owned(),
    ] {
        bench.damage(&damage).await?;
    }

    let mut tx = bench.store.write().await?;
    let found = [
        ("instant (row 1 of prospects)", said(prospects::one(&mut tx, who).await)),
        ("name (row 1 of accounts of prospects)", said(accounts::owner(&mut tx, who).await)),
        ("instant (row 1 of suppressions)", said(suppressions::of(&mut tx, &[&gone]).await)),
        ("instant (row letters of campaigns)", said(campaigns::all(&mut tx).await)),
        ("instant (row 2 of occurrences)", said(occurrences::next_filling(&mut tx).await)),
        ("issue content (row 1 of issues)", said(issues::content(&mut tx, IssueId(1)).await)),
        ("address (row 1 of deliveries)", said(deliveries::origin(&mut tx, DeliveryId(1)).await)),
        ("address (row 1 of deliveries)", said(deliveries::open_in(&mut tx, IssueId(1), DeliveryId(1), DeliveryId(1)).await)),
        ("instant (row 1 of pause_notices)", said(pause_notices::take(&mut tx, minute(7)).await)),
        ("instant (row pool of buckets)", said(buckets::lock(&mut tx, &full).await)),
        ("name (row 1 of handoffs)", said(handoffs::load(&mut tx, handoff).await)),
        ("assignment (row 1 of handoffs)", said(handoffs::grounds(&mut tx, handoff).await)),
        ("instant (row 1 of handoff_events)", said(handoffs::events(&mut tx, handoff).await)),
        ("instant (row 1 of follow_ups)", said(follow_ups::of_prospect(&mut tx, who).await)),
        ("address (row 1 of letters)", said(letters::claim(&mut tx, "node", minute(7), minute(8)).await)),
        ("files of a configuration (row 1 of configurations)", said(configurations::newest(&mut tx).await)),
    ];
    for (expected, found) in found {
        assert!(found.starts_with(&format!("read a stored {expected}: ")), "{found}, not {expected}");
        assert!(!found.contains("secret"), "what may be an address is repeated: {found}");
    }
    Ok(())
}

async fn a_statement_about_one_row_fails_where_there_is_none(bench: Bench) -> anyhow::Result<()> {
    let mut tx = bench.store.write().await?;
    let (occurrence, nobody) = (OccurrenceId(99), ProspectId(99));
    let details = Details { name: Some("Ada"), ..Details::default() };
    let results = [
        ("advance", occurrences::advance(&mut tx, occurrence, nobody).await),
        ("filled", occurrences::filled(&mut tx, occurrence, minute(1)).await),
        ("withdraw", qualifications::withdraw(&mut tx, QualificationId(99), minute(1)).await),
        ("findings", qualifications::findings(&mut tx, QualificationId(99)).await.map(drop)),
        ("grounds", handoffs::grounds(&mut tx, HandoffId(99)).await.map(drop)),
        ("test copy", deliveries::test_copy(&mut tx, IssueId(99)).await.map(drop)),
        ("issue", buckets::of_issue(&mut tx, IssueId(99)).await.map(drop)),
        ("own", accounts::own(&mut tx, AccountId(99), &name("dana")).await),
        ("update", prospects::update(&mut tx, nobody, &details).await),
        ("lock", prospects::lock(&mut tx, nobody).await.map(drop)),
        ("set_standing", prospects::set_standing(&mut tx, nobody, Standing::Closed, None).await),
        ("return_to_nurture", prospects::return_to_nurture(&mut tx, nobody, None, minute(1)).await),
        ("set_wake", prospects::set_wake(&mut tx, nobody, None::<Timestamp>).await),
        ("erase", erasures::person(&mut tx, nobody).await),
    ];
    for (what, result) in results {
        assert!(matches!(result, Err(StoreError::Rows { expected: 1, found: 0 })), "{what}: {result:?}");
    }
    Ok(())
}
