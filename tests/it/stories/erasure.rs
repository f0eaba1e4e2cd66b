//! Whoever asks to be forgotten is found nowhere: not in a table, and not in the bytes of the file.

use super::breakers::why;
use super::evidence::decision;
use super::receive::{arrives, reply};
use super::request::{CRM, SHOP, call, open_api, signals_of};
use super::{FIRST_ISSUE, Told, address, found, name, somebody, sqlite, story};
use nurtured::domain::address::Address;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::doorway::external_id::ExternalId;
use nurtured::domain::doorway::signal::{Detail, NewSignal, Touch};
use nurtured::domain::suppression::Channel;
use nurtured::flow::doorway::judge::{decide, judge};
use nurtured::flow::doorway::observe::observe;
use nurtured::flow::doorway::readdress;
use nurtured::flow::group::cancel::cancel;
use nurtured::flow::individual::follow_up::Action;
use nurtured::flow::operations::forget::{Forgotten, forget};
use nurtured::flow::operations::manual_stop;
use nurtured::mail::token::{Kind, Token};
use nurtured::store::engine::backend::Store;
use nurtured::store::engine::journal::Journal;
use nurtured::store::group::deliveries;
use nurtured::store::operations::overwriting::{self, Left};
use nurtured::store::people::prospects;
use nurtured::town::Town;
use std::path::Path;
use std::sync::Arc;

/// What nothing else in these stories says: parts of the addresses, names, numbers and words of the person.
pub(super) const PLANTED: [&str; 8] =
    ["zenobia", "quixwood", "600777333", "600 777 333", "xylophonic", "zq-4711", "zenobia-works", "vexillary"];
const FIRST: &str = "zenobia@zenobia-works.example";
pub(super) const THEN: &str = "zenobia.quixwood@other-place.example";

/// Leaves words of hers in every place that keeps any, then forgets her.
async fn lived_and_forgotten(town: &Town) -> Result<Forgotten, Box<dyn std::error::Error + Send + Sync>> {
    lived(town).await?;
    let forgotten = forget(&town.node.ctx, &address(THEN)).await?;
    assert!(forgotten.erased.signals > 5 && forgotten.known_by.len() >= 4, "{forgotten:?}");
    town.run_until_idle().await?;
    Ok(forgotten)
}

/// Leaves words of hers in every place that keeps any.
pub(super) async fn lived(town: &Town) -> Told {
    open_api(town)?;
    let (first, then) = (address(FIRST), address(THEN));
    // Rows of others before and after, so that pages are divided.
    let others = |from: usize| (from..from + 150).map(|n| somebody(&format!("person{n}@plant{n}.example"))).collect::<Vec<_>>();
    town.admit(&others(0), "import").await?;
    let mut her = Arrival {
        name: Some("Zenobia Quixwood".to_owned()),
        phone: Some("+34 600 777 333".to_owned()),
        company: Some("Zenobia Works".to_owned()),
        external_id: ExternalId::parse("hubspot", "zq-4711-zq-4711"),
        ..somebody(first.as_str())
    };
    her.tags.insert("xylophonic".to_owned());
    town.admit(std::slice::from_ref(&her), "import list.csv").await?;
    // A stranger types her address into a form, before she confirms one and asks for a person.
    town.type_in("call-me", &[("email", FIRST), ("message", "xylophonic, says a stranger"), ("phone", "+34 600777333")]).await?;
    town.run_until_idle().await?;
    // A relay repeats her address, and refuses us for what we are: the campaign pauses with its words.
    town.catcher.refuse(FIRST, 550, &format!("5.7.1 <{FIRST}> is none of ours"));
    // The mail of somebody else waits when a colleague cancels it, and says on whose word.
    town.catcher.refuse("person9@plant9.example", 450, "4.2.0 come back later");
    town.pass_to(FIRST_ISSUE).await?;
    town.catcher.relent(FIRST);
    town.catcher.relent("person9@plant9.example");
    let cancelled =
        cancel(&town.node.ctx, &name("line-downtime"), None, ("Zenobia Quixwood says it is wrong", Some("marta"))).await?;
    assert!(cancelled.mails >= 1, "{cancelled:?}");
    manual_stop::resume(&town.node.ctx, &name("line-downtime")).await?;
    // A colleague pauses it again, and says why in their own words.
    manual_stop::pause(&town.node.ctx, &name("line-downtime"), &format!("{FIRST} complained by telephone 600777333")).await?;
    town.run_until_idle().await?;
    let report = format!(
        r#"{{"email":"{FIRST}","form":"quote","fields":{{"message":"xylophonic","budget":"20000","name":"Zenobia Quixwood"}}}}"#
    );
    assert_eq!(call(town, "/v1/signals", SHOP, FIRST, &report).await?.status, 201, "a key that is an address");
    let note =
        format!(r#"{{"email":"{FIRST}","touch":"call","by":"marta","proves":["authority"],"note":"vexillary, says Zenobia"}}"#);
    assert_eq!(call(town, "/v1/signals", CRM, "note-zenobia", &note).await?.status, 201);
    town.log(&first, "marta", Touch::Meeting, &Criterion::ALL, Some("2026-09-01".parse()?), "xylophonic plant").await?;
    decide(&town.node.ctx, decision(&first, Criterion::Budget, true, (2026, 12, 1), "marta")).await?;
    let all = signals_of(town, &first).await?;
    judge(&town.node.ctx, &[all[0].id], true, &name("marta"), "vexillary click of Zenobia's").await?;
    let prospect = town.prospect(&first).await?.id;
    let bounce =
        Detail::Bounce { hard: false, status: Some("4.2.2".into()), diagnostic: format!("<{FIRST}>: vexillary mailbox full") };
    observe(&town.node.ctx, &[NewSignal::by_mail("<zenobia-1@mail>", None, Some(prospect), bounce, town.now())]).await?;
    town.run_until_idle().await?;
    // She is a lead: letters, notes, and what a colleague is told with her words.
    if town.handoffs_of(&first).await?.iter().any(nurtured::domain::individual::handoff::Handoff::is_open) {
        let note = "vexillary: rang Zenobia".to_owned();
        town.sell(&first, Action::Touch { touch: Touch::Call, proves: vec![], date: None, note }).await?;
    }
    wants_no_more(town, &first).await?;
    readdress::change(&town.node.ctx, &first, &then).await?;
    manual_stop::suppress(&town.node.ctx, &first, Channel::Email, "Zenobia said so").await?;
    town.admit(&others(150), "import").await?;
    town.run_until_idle().await?;
    let mut tx = town.node.ctx.store().write().await?;
    prospects::set_wake(&mut tx, prospect, None).await?;
    tx.commit().await?;
    Ok(())
}

/// She answers the newsletter that a relay refused: no more of them, which is confirmed to her.
async fn wants_no_more(town: &Town, her: &Address) -> Told {
    let prospect = town.prospect(her).await?.id;
    let delivery = deliveries::of_prospect(&mut town.node.ctx.store().read().await?, prospect).await?[0].id;
    let signer = town.node.ctx.signer();
    let recipient = signer.recipient(Some(prospect), her.as_str());
    let token = signer.text(Token { kind: Kind::MessageId, id: delivery.0, ordinal: 0, recipient }, "");
    let answers = format!("<{token}@{}>", town.node.ctx.plan().settings.smtp.return_path.domain());
    let text = "Please take me off your list. Zenobia Quixwood";
    arrives(town, &reply(her.as_str(), "marta@tecnofab.example", "wish@zenobia-works.example", &answers, "Re: stops", text))
        .await?;
    town.run_until_idle().await?;
    let confirmed = town.mails_to(her).iter().any(|mail| mail.text.contains("no more newsletters"));
    assert!(confirmed, "a mail to her that is no newsletter");
    Ok(())
}

story!(what_is_said_of_others_too_is_not_searched_for, |town| {
    let her = Arrival {
        name: Some("Maria".to_owned()),
        external_id: ExternalId::parse("crm", "10042"),
        ..somebody("maria@plant.example")
    };
    town.admit(std::slice::from_ref(&her), "import").await?;
    let reason = "order 10042 of Maria Vidal's line is late; maria@plant.example asked";
    manual_stop::pause(&town.node.ctx, &name("line-downtime"), reason).await?;
    let forgotten = forget(&town.node.ctx, &her.address).await?;
    assert_eq!(forgotten.known_by, [her.address.to_string()]);
    let left = why(&town, "line-downtime").await;
    assert_eq!(left.as_deref(), Some("order 10042 of Maria Vidal's line is late; erased asked"));
    Ok(())
});

/// The planted words that stand in these bytes, in capitals or not.
pub(super) fn found_in(bytes: &[u8]) -> Vec<&'static str> {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    PLANTED.into_iter().filter(|word| text.contains(word)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_forgotten_is_in_no_byte_of_the_file() -> Told {
    let folder = tempfile::tempdir()?;
    let clock = Arc::new(nurtured::clock::SystemClock);
    let store = sqlite(folder.path()).await.journalled(Journal::new(folder.path().join("stops"), clock));
    let town = found(store.clone()).await;
    let forgotten = lived_and_forgotten(&town).await?;
    drop(town);
    let left = overwriting::clean(&store, forgotten.known_by).await?;
    assert_ne!(left, Left::Something);
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.path())? {
        let path = entry?.path();
        let bytes = std::fs::read(&path)?;
        assert_eq!(found_in(&bytes), [""; 0], "in {}", path.display());
        seen += bytes.len();
    }
    assert!(seen > 100_000, "the database and the journal were read");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_forgotten_is_in_no_table() -> Told {
    let Some(url) = crate::postgres::database("forgotten_everywhere") else { return Ok(()) };
    let store = Store::open_postgres(&secrecy::SecretString::from(url.as_str())).await?;
    let town = found(store).await;
    lived_and_forgotten(&town).await?;
    let all = "SELECT string_agg(query_to_xml(format('SELECT * FROM %I', table_name), true, true, '')::text, '')
               FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'";
    let dump = crate::postgres::ask(&url, all);
    assert!(dump.len() > 50_000 && dump.contains("person7@plant7.example"), "{} bytes", dump.len());
    assert_eq!(found_in(dump.as_bytes()), [""; 0]);
    Ok(())
}

/// A file that is made without it, as versions before did, shows that the search finds what there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_version_left_in_the_file_is_found_and_the_file_rebuilt() -> Told {
    let folder = tempfile::tempdir()?;
    let store = sqlite(folder.path()).await;
    let town = found(store.clone()).await;
    let her = address(FIRST);
    town.admit(&[somebody(her.as_str())], "import").await?;
    let path = folder.path().join("story.db");
    leave_behind(&path).await?;
    let forgotten = forget(&town.node.ctx, &her).await?;
    drop(town);
    assert_eq!(overwriting::clean(&store, forgotten.known_by).await?, Left::NothingSinceRebuilt);
    assert_eq!(found_in(&std::fs::read(&path)?), [""; 0]);
    Ok(())
}

/// Writes her address into a page and removes the row as a connection does that overwrites nothing.
async fn leave_behind(path: &Path) -> Told {
    let url = format!("sqlite:{}", path.display());
    let outside = sqlx::SqlitePool::connect(&url).await?;
    for statement in [
        "PRAGMA secure_delete = OFF".to_owned(),
        "CREATE TABLE scratch (said TEXT)".to_owned(),
        format!("INSERT INTO scratch VALUES ('{FIRST} was here')"),
        "DELETE FROM scratch".to_owned(),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&outside).await?;
    }
    outside.close().await;
    Ok(())
}
