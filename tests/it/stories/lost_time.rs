//! After a restore, whose link is it: a backup, an issue to three hundred, one unsubscribe, the backup again, `adopt`. The lost
//! issue is filled again without the one who stopped, so that everybody after them would get the next one's number; and every
//! kind of link of the lost time is pressed. On both engines.

use super::adopt::{Place, adopt};
use super::receive::{arrives, bounce, reply};
use super::{FIRST_ISSUE, Told, address, found, somebody};
use axum::http::Method;
use jiff::SignedDuration;
use nurtured::config::example;
use nurtured::daemon::identity_guard::{self, LastCheck, OpenedBy};
use nurtured::domain::address::Address;
use nurtured::domain::doorway::signal::{Detail, Signal};
use nurtured::domain::id::{DeliveryId, HandoffId, Name};
use nurtured::domain::prospect::Prospect;
use nurtured::domain::suppression::StopReason;
use nurtured::flow::doorway::readdress;
use nurtured::flow::group::gate;
use nurtured::flow::individual::dossier;
use nurtured::mail::token::{Kind, Token};
use nurtured::store::doorway::signals;
use nurtured::store::engine::journal;
use nurtured::store::group::deliveries;
use nurtured::town::mailbox::Mail;
use nurtured::town::{BROWSER, Town};
use std::path::Path;

const PEOPLE: usize = 300;
/// The day before the first newsletter of the series.
const BACKED_UP: &str = "2026-02-02T09:00:00Z";

/// What a story may fail with.
type Fails = Box<dyn std::error::Error + Send + Sync>;

fn person(n: usize) -> Address {
    address(&format!("p{n:03}@albareda.example"))
}

/// What is on record about somebody, but for how they came here.
async fn said(town: &Town, who: &Address) -> Result<Vec<Signal>, Fails> {
    let id = town.prospect(who).await?.id;
    let all = signals::of(&mut town.node.ctx.store().read().await?, &[id]).await?.remove(&id).unwrap_or_default();
    Ok(all.into_iter().filter(|s| !matches!(s.detail, Detail::Fields { .. })).collect())
}

async fn stopped(town: &Town, who: &Address) -> Result<Option<StopReason>, Fails> {
    Ok(town.prospect(who).await?.mail_stop)
}

/// The number of the newest delivery to somebody.
async fn delivery(town: &Town, who: &Address) -> Result<DeliveryId, Fails> {
    let id = town.prospect(who).await?.id;
    let all = deliveries::of_prospect(&mut town.node.ctx.store().read().await?, id).await?;
    Ok(all.last().expect("a delivery").id)
}

fn page_of(town: &Town, handoff: HandoffId, of: &Prospect, salesperson: &Name) -> String {
    dossier::page_url(town.node.ctx.signer(), &town.node.ctx.plan(), handoff, of, salesperson)
}

/// A company with three hundred prospects and a backup, its lost time, and the backup in its place again, adopted.
struct Restored {
    lost: Town,
    back: Town,
    /// The link of an offer of the lost time, about the 110th.
    offer: String,
    /// The link that confirms what somebody unknown typed in the lost time.
    confirmation: String,
    /// The newest delivery of the lost time.
    last: DeliveryId,
}

async fn restored(place: Place, journal: &Path) -> Result<Restored, Fails> {
    let town = found(place.open(journal).await).await;
    identity_guard::check(town.node.ctx.store(), &*town.clock, OpenedBy::Daemon).await?;
    let mut people: Vec<_> = (0..PEOPLE).map(|n| somebody(person(n).as_str())).collect();
    people[250].consents.clear();
    town.admit(&people, "import").await?;
    town.pass_to(BACKED_UP).await?;
    town.node.ctx.store().close().await;
    let backup = place.copy();

    let store = place.open(journal).await;
    identity_guard::check(&store, &*town.clock, OpenedBy::Daemon).await?;
    let lost = Town::found(store, example::FILES, "http://127.0.0.1:9", BACKED_UP).await?;
    lost.pass_to(FIRST_ISSUE).await?;
    assert_eq!(lost.unsubscribe(&person(100)).await?.status, 200);
    lost.fill_in("call-me", &[("email", person(110).as_str()), ("message", "please ring me")]).await?;
    lost.run_until_idle().await?;
    let handoff = lost.handoffs_of(&person(110)).await?.remove(0);
    let offer = page_of(&lost, handoff.id, &lost.prospect(&person(110)).await?, &handoff.salesperson);
    assert_eq!(lost.ask(Method::GET, &offer, BROWSER, "").await?.status, 200);
    lost.type_in("call-me", &[("email", "eve@unknown.example"), ("name", "Eve")]).await?;
    lost.run_until_idle().await?;
    let confirmation = lost.newest_to(&address("eve@unknown.example"))?.link("confirm it").expect("a link");
    let last = delivery(&lost, &person(PEOPLE - 1)).await?;
    identity_guard::update_marker(lost.node.ctx.store(), &*lost.clock).await?;
    lost.node.ctx.store().close().await;

    let place = place.restore(backup);
    let now = lost.now().to_string();
    let back = Town::found(place.open(journal).await, example::FILES, "http://127.0.0.1:9", &now).await?;
    identity_guard::check(back.node.ctx.store(), &*back.clock, OpenedBy::Daemon).await?;
    let adopted = adopt(&back, journal, false).await?;
    assert_eq!((adopted.stopped, adopted.held), (1, PEOPLE as u64 - 2), "one stopped, one is worked with: {adopted:?}");
    Ok(Restored { lost, back, offer, confirmation, last })
}

impl Restored {
    /// The newsletter of the lost time.
    fn mail(&self, n: usize) -> Result<Mail, Fails> {
        let newsletters = self.lost.mails_to(&person(n)).into_iter().rev().find(|mail| mail.unsubscribe.is_some());
        newsletters.ok_or_else(|| format!("no newsletter to {n}").into())
    }

    /// A token of the lost time as it would be if numbers had not gone on: it names one person's delivery of now, and is another
    /// one's.
    async fn shifted(&self, kind: Kind, whose: usize, number_of: usize) -> Result<String, Fails> {
        let (signer, whose) = (self.back.node.ctx.signer(), self.back.prospect(&person(whose)).await?);
        let recipient = signer.recipient(Some(whose.id), whose.address.as_ref().map_or("", Address::as_str));
        let id = delivery(&self.back, &person(number_of)).await?.0;
        Ok(match kind {
            Kind::ReturnPath => signer.return_path(id, recipient),
            _ => signer.text(Token { kind, id, ordinal: 0, recipient }, ""),
        })
    }
}

async fn told(place: Place, folder: &Path) -> Told {
    let journal = folder.join("stops");
    let town = restored(place, &journal).await?;
    let back = &town.back;
    let (return_path, domain) = {
        let ours = back.node.ctx.plan().settings.smtp.return_path.clone();
        (ours.local().to_owned(), ours.domain().to_owned())
    };
    let press = async |url: &str| back.ask(Method::POST, url, "", "List-Unsubscribe=One-Click").await;
    let gone = |who: &Address, path: &str| bounce(path, who.as_str(), "failed", "5.1.1");

    // Numbers go on beyond the lost ones.
    assert!(delivery(back, &person(0)).await? > town.last, "no number is given again");

    // One-click: the right person stops, though their delivery is gone.
    let url = town.mail(200)?.unsubscribe.expect("every newsletter has one");
    assert_eq!(back.ask(Method::GET, &url, BROWSER, "").await?.status, 200);
    assert_eq!(press(&url).await?.status, 200);
    let shifted = format!("/u/{}", town.shifted(Kind::Unsubscribe, 202, 203).await?);
    assert_eq!(press(&shifted).await?.status, 200);
    for (n, stop) in
        [(199, None), (200, Some(StopReason::Unsubscribed)), (201, None), (202, Some(StopReason::Unsubscribed)), (203, None)]
    {
        assert_eq!(stopped(back, &person(n)).await?, stop, "one-click: {n}");
    }
    let signal = said(back, &person(200)).await?.remove(0);
    assert_eq!((signal.delivery, signal.issue), (None, None), "theirs, without the issue: {signal:?}");

    // A bounce stops the right person, and nobody whose address is another one by now.
    assert!(arrives(back, &gone(&person(150), &town.mail(150)?.return_path)).await?.new);
    let path = format!("{return_path}+{}@{domain}", town.shifted(Kind::ReturnPath, 152, 153).await?);
    assert!(arrives(back, &gone(&person(152), &path).replace("dsn-", "dsn-shifted-")).await?.new);
    for (n, stop) in [(149, None), (150, Some(StopReason::Bounced)), (151, None), (152, Some(StopReason::Bounced)), (153, None)] {
        assert_eq!(stopped(back, &person(n)).await?, stop, "bounce: {n}");
    }
    let moved = address("somewhere.else@albareda.example");
    readdress::change(&back.node.ctx, &person(180), &moved).await?;
    let taken = arrives(back, &gone(&person(180), &town.mail(180)?.return_path).replace("dsn-", "dsn-moved-")).await?;
    assert!(!taken.new && stopped(back, &moved).await?.is_none(), "the mailbox that is gone is not theirs any more: {taken:?}");
    assert_eq!(press(&town.mail(180)?.unsubscribe.expect("one")).await?.status, 200);
    assert_eq!(stopped(back, &moved).await?, Some(StopReason::Unsubscribed), "who says no says it for every address");

    // A click and an answer lead to a page that says why, and are nobody's.
    let untracked = town.mail(250)?.link("Do the sum");
    for url in [town.mail(120)?.link("Do the sum"), town.mail(120)?.link("More than 20 hours"), untracked] {
        let url = url.expect("the newsletter has it");
        for method in [Method::GET, Method::POST] {
            let answered = back.ask(method.clone(), &url, BROWSER, "visit=x").await?;
            let (status, is_click) = (answered.status.as_u16(), url.contains("/c/") && method == Method::POST);
            assert!(is_click || (status == 410 && answered.body.contains("no longer know this mail")), "{url}: {status}");
        }
    }
    let shifted = town.shifted(Kind::Answer, 120, 121).await?;
    assert_eq!(back.ask(Method::GET, &format!("/a/{shifted}"), BROWSER, "").await?.status, 410);
    for n in 119..=122 {
        assert!(said(back, &person(n)).await?.is_empty(), "{n}");
    }

    // What comes by mail is theirs, without the issue.
    let id = format!("<{}>", town.mail(140)?.message_id);
    let answer =
        reply("\"At home\" <someone@home.example>", "marta@tecnofab.example", "r@home.example", &id, "Re: stops", "Call me.");
    let taken = arrives(back, &answer).await?;
    assert_eq!(taken.prospect, Some(back.prospect(&person(140)).await?.id), "{taken:?}");
    let signal = said(back, &person(140)).await?.remove(0);
    assert_eq!((signal.delivery, signal.issue), (None, None), "{signal:?}");
    let shifted = format!("<{}@{domain}>", town.shifted(Kind::MessageId, 142, 143).await?);
    let taken = arrives(back, &answer.replace(&id, &shifted).replace("<r@", "<s@")).await?;
    assert_eq!(taken.prospect, Some(back.prospect(&person(142)).await?.id), "{taken:?}");
    assert!(said(back, &person(141)).await?.is_empty() && said(back, &person(143)).await?.is_empty());

    forms_and_offers(&town).await?;
    typed(&town, &journal).await
}

/// A form's link speaks for its own address alone; what was typed in the lost time is confirmed by nobody; an offer of the lost time
/// opens no other one's page.
async fn forms_and_offers(town: &Restored) -> Told {
    let back = &town.back;
    let token = town.shifted(Kind::Form, 160, 161).await?;
    for (n, is_theirs) in [(160, true), (161, false)] {
        back.type_in("webinar", &[("email", person(n).as_str()), ("t", token.as_str())]).await?;
        let counts = said(back, &person(n)).await?.iter().any(|s| matches!(s.detail, Detail::Form { .. }));
        assert_eq!(counts, is_theirs, "{n}");
    }

    // Mallory's form would get the number that Eve's had, and her link would confirm it.
    back.type_in("call-me", &[("email", "mallory@unknown.example"), ("name", "Mallory")]).await?;
    back.run_until_idle().await?;
    for method in [Method::GET, Method::POST] {
        let answered = back.ask(method, &town.confirmation, BROWSER, "").await?;
        assert!(answered.status == 410 && !answered.body.contains("Mallory"), "{}", answered.status);
    }
    assert!(back.prospect(&address("mallory@unknown.example")).await.is_err(), "nobody confirmed it");

    // Somebody else asks for a person now, and is offered to somebody.
    back.fill_in("call-me", &[("email", person(111).as_str()), ("message", "and me")]).await?;
    back.run_until_idle().await?;
    let handoff = back.handoffs_of(&person(111)).await?.remove(0);
    let (own, other) = (back.prospect(&person(111)).await?, back.prospect(&person(110)).await?);
    let real = page_of(back, handoff.id, &own, &handoff.salesperson);
    assert!(back.ask(Method::GET, &real, BROWSER, "").await?.body.contains("Person p111"));
    for url in [&town.offer, &page_of(back, handoff.id, &other, &handoff.salesperson)] {
        for (method, body) in [(Method::GET, ""), (Method::POST, "action=accept")] {
            let answered = back.ask(method, url, BROWSER, body).await?;
            assert!(answered.status == 410 && !answered.body.contains("p111"), "{}: {}", answered.status, answered.body);
        }
    }
    assert!(back.handoffs_of(&person(111)).await?.remove(0).accepted_at.is_none());
    Ok(())
}

/// A link that does not tell whose it is leads to a field, and what is typed there stops at once, is journalled, and says the same of
/// whoever is known and whoever is not.
async fn typed(town: &Restored, journal: &Path) -> Told {
    let back = &town.back;
    let cut = town.mail(170)?.unsubscribe.expect("one");
    let cut = &cut[..cut.len() - 1];
    for (method, status) in [(Method::GET, 200), (Method::POST, 404)] {
        let answered = back.ask(method, cut, BROWSER, "List-Unsubscribe=One-Click").await?;
        assert_eq!(answered.status, status, "a program is told that nothing was stopped");
        assert!(answered.body.contains("action=\"/u\"") && answered.body.contains("type=\"email\""), "{}", answered.body);
    }
    assert_eq!(back.ask(Method::POST, "/u", BROWSER, "email=nobody").await?.status, 422);
    let type_in = async |who: &Address| {
        let body = format!("email={}", who.as_str().replace('@', "%40"));
        back.ask(Method::POST, "/u", BROWSER, &body).await
    };
    let stranger = address("list@elsewhere.example");
    let (known, unknown) = (type_in(&person(170)).await?, type_in(&stranger).await?);
    assert_eq!((known.status.as_u16(), &known.body), (200, &unknown.body), "it tells nothing of an address");
    assert_eq!(stopped(back, &person(170)).await?, Some(StopReason::Unsubscribed));
    assert!(matches!(said(back, &person(170)).await?[..], [Signal { detail: Detail::Unsubscribe { .. }, .. }]));
    // Again, in another minute: nothing more is kept.
    back.clock.advance(SignedDuration::from_mins(2));
    assert_eq!(type_in(&person(170)).await?.status, 200);
    assert_eq!(said(back, &person(170)).await?.len(), 1);
    back.admit(&[somebody(stranger.as_str())], "import").await?;
    assert_eq!(stopped(back, &stranger).await?, Some(StopReason::Unsubscribed), "a later list does not mail them");
    let last = journal::read(journal)?.last();
    for who in [&person(170), &stranger, &person(200)] {
        assert!(last.iter().any(|entry| entry.address == who.as_str() && !entry.what.lets_go()), "{who} is journalled");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_no_link_of_the_lost_time_stands_for_anybody_else_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    told(Place::File(folder.path().join("story.db")), folder.path()).await.expect("the story to come true");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_no_link_of_the_lost_time_stands_for_anybody_else_on_postgres() {
    let Some(url) = crate::postgres::database("lost_time") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    told(Place::Server(url), folder.path()).await.expect("the story to come true");
}

/// A daemon that runs on while a backup is put in its database's place: as on PostgreSQL, or with a file restored in place.
async fn beside_a_daemon(place: Place, folder: &Path) -> Told {
    let journal = folder.join("stops");
    let town = found(place.open(&journal).await).await;
    identity_guard::check(town.node.ctx.store(), &*town.clock, OpenedBy::Daemon).await?;
    town.admit(&[somebody(person(1).as_str())], "import").await?;
    town.node.ctx.store().close().await;
    let backup = place.copy();
    let older = place.copy_as("older");

    let mut daemon = LastCheck::default();
    let lost = found(place.open(&journal).await).await;
    lost.admit(&(2..40).map(|n| somebody(person(n).as_str())).collect::<Vec<_>>(), "import").await?;
    lost.pass_to(FIRST_ISSUE).await?;
    identity_guard::recheck(lost.node.ctx.store(), &*lost.clock, &mut daemon).await?;
    lost.node.ctx.store().close().await;

    let (place, now) = (place.restore(backup), lost.now().to_string());
    let back = Town::found(place.open(&journal).await, example::FILES, "http://127.0.0.1:9", &now).await?;
    let store = back.node.ctx.store();
    identity_guard::recheck(store, &*back.clock, &mut daemon).await?;
    let why = gate::state(&back.node.ctx).await?.observing.expect("it is seen").reason;
    assert!(why.contains("while the daemon ran"), "{why}");
    adopt(&back, &journal, false).await?;
    for n in 0..4 {
        identity_guard::recheck(store, &*back.clock, &mut daemon).await?;
        assert_eq!(gate::state(&back.node.ctx).await?.observing, None, "undone at the {n}th look");
        back.type_in("webinar", &[("email", person(1).as_str())]).await?;
    }
    store.close().await;

    // A copy that is older than the adoption is another database again, whatever its numbers say.
    let older = older.open(&journal).await;
    identity_guard::recheck(&older, &*back.clock, &mut daemon).await?;
    let back = Town::found(older, example::FILES, "http://127.0.0.1:9", &now).await?;
    assert!(gate::state(&back.node.ctx).await?.observing.is_some(), "it went back once more");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adoption_holds_beside_a_daemon_that_remembers_the_lost_history_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    beside_a_daemon(Place::File(folder.path().join("story.db")), folder.path()).await.expect("the story to come true");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adoption_holds_beside_a_daemon_that_remembers_the_lost_history_on_postgres() {
    let Some(url) = crate::postgres::database("held") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    beside_a_daemon(Place::Server(url), folder.path()).await.expect("the story to come true");
}
