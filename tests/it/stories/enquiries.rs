//! Requests of strangers: each reaches a person, however many there are, and nothing else comes of it.

use super::{FIRST_ISSUE, Told, address, name, somebody, story};
use axum::http::Method;
use nurtured::domain::address::Address;
use nurtured::domain::doorway::entry::Cause;
use nurtured::domain::doorway::signal::{Confirmation, NewSignal};

use nurtured::domain::id::Name;
use nurtured::domain::prospect::Standing;
use nurtured::flow::doorway::observe::Observed;
use nurtured::flow::doorway::take::take;
use nurtured::flow::individual::dossier;
use nurtured::flow::individual::follow_up::Action;
use nurtured::flow::individual::queue::{Item, Kind};
use nurtured::flow::operations::forget;
use nurtured::store::individual::enquiries;
use nurtured::store::operations::counts;
use nurtured::town::mailbox::Mail;
use nurtured::town::{BROWSER, Town};

pub(super) type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

pub(super) const OURS: [&str; 3] = ["dana", "luc", "iria"];

/// The enquiries, and the lists of enquiries, on everybody's queue, each with whose it is.
pub(super) async fn asked(town: &Town) -> Fallible<Vec<(Name, Item)>> {
    let mut found = Vec::new();
    for who in OURS.map(name) {
        let items = town.queue_of(&who).await?.into_iter();
        found.extend(items.filter(|item| matches!(item.kind, Kind::Enquiry | Kind::EnquiryList)).map(|item| (who.clone(), item)));
    }
    Ok(found)
}

/// The one enquiry there is.
pub(super) async fn the_one(town: &Town) -> Fallible<(Name, Item)> {
    let mut found = asked(town).await?;
    assert_eq!(found.len(), 1, "{found:#?}");
    Ok(found.remove(0))
}

pub(super) fn mailbox(town: &Town, who: &Name) -> Address {
    town.node.ctx.plan().roster.person(who).expect("on the roster").1.clone()
}

/// The letters about enquiries that a person of ours got.
pub(super) fn letters(town: &Town, who: &Name) -> Vec<Mail> {
    let letters = town.mails_to(&mailbox(town, who)).into_iter();
    letters.filter(|mail| mail.subject.contains("asks for a person") || mail.subject.contains("more asked")).collect()
}

pub(super) fn queue_url(town: &Town, who: &Name) -> String {
    dossier::queue_url(town.node.ctx.signer(), &town.node.ctx.plan(), who, town.now())
}

pub(super) async fn press(town: &Town, who: &Name, body: &str) -> Told {
    let pressed = town.ask(Method::POST, &queue_url(town, who), BROWSER, body).await?;
    assert_eq!(pressed.status, 303, "{}", pressed.body);
    Ok(())
}

pub(super) async fn done(town: &Town, who: &Name, item: &Item) -> Told {
    let body = match (item.enquiry, item.list) {
        (Some(id), _) => format!("action=done&enquiry={id}"),
        (None, Some(id)) => format!("action=done&list={id}"),
        (None, None) => panic!("an enquiry or a list: {item:?}"),
    };
    press(town, who, &body).await
}

/// How many prospects, signals and handoffs there are.
pub(super) async fn rows(town: &Town) -> Fallible<(i64, i64, i64)> {
    let summary = counts::summary(&mut town.node.ctx.store().read().await?).await?;
    Ok((summary.prospects, summary.signals, summary.handoffs))
}

/// A stranger fills in the form about any address, and nobody confirms it.
async fn types_in(town: &Town, said: &[(&str, &str)]) -> Told {
    assert_eq!(town.type_in("call-me", said).await?.status, 200);
    Ok(())
}

/// A stranger asks about any address.
pub(super) async fn types(town: &Town, who: &str, message: &str) -> Told {
    let fields = [("message", message), ("phone", "+44 20 1234")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let signal = NewSignal::form(&name("call-me"), address(who), fields, Confirmation::Unconfirmed, town.now());
    assert_eq!(take(&town.node.ctx, signal).await?, Observed::Pending);
    Ok(())
}

/// Ada asks, confirms it, and is owned by the salesperson who is returned.
pub(super) async fn owned(town: &Town, who: &Address) -> Fallible<Name> {
    town.fill_in("call-me", &[("email", who.as_str()), ("name", "Ada Bosch"), ("phone", "+34 600 100 200")]).await?;
    town.run_until_idle().await?;
    Ok(town.sell(who, Action::Accept).await?.salesperson)
}

story!(a_stranger_who_asks_reaches_a_person_within_the_hour, |town| {
    // A Saturday night: a request does not wait for hours.
    town.pass_to("2026-01-17T22:10:00Z").await?;
    let hostile = "Eva <script>alert(1)</script>\r\nBcc: all@x.example";
    let said = [
        ("email", "eva@unknown.example"),
        ("name", hostile),
        ("phone", "+44 20 7946 0000"),
        ("message", "Call me\nabout line 3"),
    ];
    types_in(&town, &said).await?;
    town.run_until_idle().await?;
    let (who, item) = the_one(&town).await?;
    let asked_for = item.asked.clone().expect("what they ask");
    assert_eq!((item.state, item.handoff, item.prospect), (Some("not confirmed"), None, None));
    assert_eq!((asked_for.said_phone.as_deref(), asked_for.known_phone), (Some("+44 20 7946 0000"), None));
    let letter = letters(&town, &who).pop().expect("a letter");
    assert!(letter.subject.contains("not confirmed") && !letter.subject.contains('\n'), "{}", letter.subject);
    for words in ["Not confirmed", "+44 20 7946 0000", "> Call me\n> about line 3", "/q/"] {
        assert!(letter.text.replace('\r', "").contains(words), "{words}: {}", letter.text);
    }
    assert!(!letter.html.contains("<script>"), "{}", letter.html);
    let page = town.ask(Method::GET, &queue_url(&town, &who), BROWSER, "").await?.body;
    assert!(page.contains("Not confirmed") && page.contains("+44 20 7946 0000") && !page.contains("<script>"), "{page}");
    assert_eq!(rows(&town).await?, (0, 0, 0), "no prospect, no signal, no handoff");

    // The same words again within the day are the same enquiry; others go to the same person.
    town.pass_to("2026-01-18T09:00:00Z").await?;
    types_in(&town, &said).await?;
    town.run_until_idle().await?;
    assert_eq!((asked(&town).await?.len(), letters(&town, &who).len()), (1, 1));
    types(&town, "eva@unknown.example", "Please do call").await?;
    town.run_until_idle().await?;
    let again = asked(&town).await?;
    assert!(again.len() == 2 && again.iter().all(|(one, _)| *one == who), "{again:?}");
    // Other strangers are shared out.
    for n in 0..3 {
        types(&town, &format!("s{n}@unknown.example"), "Call").await?;
    }
    town.run_until_idle().await?;
    for who in ["dana", "luc"] {
        assert!(asked(&town).await?.iter().any(|(one, _)| one.as_str() == who), "{who}");
    }
    done(&town, &who, &item).await?;
    assert!(asked(&town).await?.iter().all(|(_, left)| left.enquiry != item.enquiry));
    // Pressed by mistake, it comes back.
    press(&town, &who, &format!("action=again&enquiry={}", item.enquiry.expect("its number"))).await?;
    assert!(asked(&town).await?.iter().any(|(_, left)| left.enquiry == item.enquiry));
    // What a stranger typed is erased after thirty days, answered or not.
    town.pass_to("2026-03-01T09:00:00Z").await?;
    assert!(asked(&town).await?.is_empty());
    let mut tx = town.node.ctx.store().read().await?;
    let kept = enquiries::load(&mut tx, item.enquiry.expect("its number")).await?.expect("the row stays");
    assert!(kept.said.is_empty() && kept.address.is_none(), "{kept:?}");
    Ok(())
});

story!(a_flood_of_requests_is_one_item_for_the_manager_and_nothing_is_lost, |town| {
    let iria = name("iria");
    town.pass_to("2026-01-13T09:05:00Z").await?;
    let who: Vec<String> = (0..57).map(|n| format!("flood{n}@f{n}.example")).collect();
    for one in &who {
        types(&town, one, &format!("This is {one}")).await?;
    }
    town.run_until_idle().await?;
    let found = asked(&town).await?;
    let (lists, single): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, item)| item.kind == Kind::EnquiryList);
    assert_eq!((single.len(), lists.len(), lists[0].0.clone()), (20, 1, iria.clone()));
    let list = &lists[0].1;
    assert!(list.name.starts_with("37 more asked between 10:00 and 11:00"), "{}", list.name);
    let told = |town: &Town| OURS.map(name).iter().map(|one| letters(town, one).len()).sum::<usize>();
    assert_eq!(told(&town), 20, "the list has no letter yet");
    // The bound is the manager's and nobody's `at_most`: nobody was offered anything.
    assert_eq!(rows(&town).await?.2, 0);

    // Whoever asks before the hour is over joins its list.
    types(&town, "late@late.example", "This is late@late.example").await?;
    town.pass_to("2026-01-13T10:00:00Z").await?;
    let about = letters(&town, &iria).into_iter().filter(|mail| mail.subject.contains("38 more asked")).count();
    assert_eq!((told(&town), about), (21, 1), "one letter for the hour");
    // Nothing is lost: each is on a queue, or on the page of the list, with address, words and phone.
    let url = lists[0].1.page_url.clone().expect("a page");
    let page = town.ask(Method::GET, &url, BROWSER, "").await?.body;
    for one in who.iter().map(String::as_str).chain(["late@late.example"]) {
        let is_single = single.iter().any(|(_, item)| item.asked.as_ref().is_some_and(|a| a.message.join("").contains(one)));
        let is_listed = page.contains(&format!("mailto:{one}")) && page.contains(&format!("This is {one}"));
        assert!(is_single != is_listed, "{one} is on one of them");
    }
    assert_eq!(page.matches("+44 20 1234").count(), 38);
    // The next hour begins anew.
    types(&town, "next@next.example", "Next").await?;
    town.run_until_idle().await?;
    assert_eq!(asked(&town).await?.len(), 22);
    let found = asked(&town).await?;
    let (_, list) = found.iter().find(|(_, item)| item.kind == Kind::EnquiryList).expect("the list");
    done(&town, &iria, list).await?;
    assert!(asked(&town).await?.iter().all(|(_, item)| item.kind == Kind::Enquiry));
    assert_eq!(town.ask(Method::GET, &url, BROWSER, "").await?.status, 200, "it can still be looked at");
    Ok(())
});

story!(a_flood_of_strangers_takes_no_customers_place, |town| {
    let ada = address("ada@albareda.example");
    let dana = owned(&town, &ada).await?;
    town.pass_to("2026-01-13T09:05:00Z").await?;
    for n in 0..25 {
        types(&town, &format!("flood{n}@f{n}.example"), "Call").await?;
    }
    town.fill_in("demo", &[("email", ada.as_str()), ("message", "A demo for two plants")]).await?;
    town.run_until_idle().await?;
    let hers = asked(&town).await?.into_iter().find(|(_, item)| item.state == Some("already yours")).expect("hers");
    assert_eq!((hers.0, hers.1.kind), (dana, Kind::Enquiry));
    Ok(())
});

story!(a_confirmed_request_is_not_two_items, |town| {
    let eva = address("eva@unknown.example");
    types(&town, eva.as_str(), "Call me").await?;
    town.run_until_idle().await?;
    let (heard, _) = the_one(&town).await?;
    // Others come in between, so that it would be another one's turn.
    types(&town, "one@other.example", "Call").await?;
    town.run_until_idle().await?;
    town.pass_to("2026-01-12T09:00:00Z").await?;
    town.confirm(&eva).await?;
    town.run_until_idle().await?;
    let handoff = town.handoffs_of(&eva).await?.remove(0);
    assert_eq!((handoff.cause, &handoff.salesperson), (Cause::Request, &heard), "whoever heard of it has the offer");
    let queue = town.queue_of(&heard).await?;
    let hers: Vec<_> = queue.iter().filter(|item| item.name.contains("eva@")).collect();
    assert_eq!((hers.len(), hers[0].kind), (1, Kind::Handoff), "{queue:?}");

    // Of a lead who confirms it, the enquiry stays the one item, and is hers now.
    town.sell(&eva, Action::Accept).await?;
    town.pass_to("2026-01-13T09:00:00Z").await?;
    types(&town, eva.as_str(), "Call me once more").await?;
    town.run_until_idle().await?;
    let before = letters(&town, &heard).len();
    town.confirm(&eva).await?;
    town.run_until_idle().await?;
    let hers: Vec<_> = asked(&town).await?.into_iter().filter(|(_, item)| item.name.contains("eva@")).collect();
    assert_eq!((hers.len(), hers[0].1.state), (1, Some("already yours")), "{hers:?}");
    assert_eq!(letters(&town, &heard).len(), before, "and no second letter");
    Ok(())
});

story!(an_enquiry_stops_no_group_mail_and_proves_nothing, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "card").await?;
    types(&town, ada.as_str(), "Call me").await?;
    town.pass_to(FIRST_ISSUE).await?;
    assert!(town.mails_to(&ada).iter().any(|mail| mail.unsubscribe.is_some()), "the newsletter came");
    let prospect = town.prospect(&ada).await?;
    assert_eq!((prospect.standing, town.verdicts(&ada).await?.met()), (Standing::Nurturing, 0));
    assert!(town.handoffs_of(&ada).await?.is_empty());
    let forgotten = forget::forget(&town.node.ctx, &ada).await?;
    assert_eq!(forgotten.erased.enquiries, 1);
    assert!(asked(&town).await?.is_empty(), "an erasure takes it along");
    Ok(())
});

story!(a_get_settles_nothing, |town| {
    town.pass_to("2026-01-13T09:05:00Z").await?;
    for n in 0..23 {
        types(&town, &format!("flood{n}@f{n}.example"), "Call").await?;
    }
    town.run_until_idle().await?;
    let before = asked(&town).await?;
    assert_eq!(before.len(), 21);
    for (who, item) in &before {
        let url = queue_url(&town, who);
        let (id, list) = (item.enquiry.map_or(0, |id| id.0), item.list.map_or(0, |id| id.0));
        for query in ["", &format!("?action=done&enquiry={id}"), &format!("?action=done&list={list}"), &format!("/{list}")] {
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                town.ask(method, &format!("{url}{query}"), BROWSER, &format!("action=done&enquiry={id}")).await?;
            }
        }
        // Neither does another one's link, a broken link, or a form that says nothing.
        let other = queue_url(&town, &name(OURS.iter().find(|other| **other != who.as_str()).expect("another")));
        let broken = format!("{}{}", &url[..url.len() - 1], if url.ends_with('A') { 'B' } else { 'A' });
        for (url, body) in [
            (other.as_str(), format!("action=done&enquiry={id}")),
            (other.as_str(), format!("action=done&list={list}")),
            (broken.as_str(), format!("action=done&enquiry={id}")),
            (url.as_str(), format!("enquiry={id}")),
            (url.as_str(), format!("action=done&enquiry={id}&list={list}")),
            (url.as_str(), "action=done&enquiry=99999999".to_owned()),
            (url.as_str(), String::new()),
        ] {
            town.ask(Method::POST, url, BROWSER, &body).await?;
        }
    }
    assert_eq!(asked(&town).await?.len(), before.len());
    for (who, item) in &before {
        done(&town, who, item).await?;
        done(&town, who, item).await?;
    }
    assert!(asked(&town).await?.is_empty());
    Ok(())
});
