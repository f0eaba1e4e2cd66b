//! Who knocks on the web: people, machines, and those who forge.

use super::door::recorded;
use super::doubts::questions;
use super::receive::arrives;
use super::request::from;
use super::wishes::answer;
use super::{FIRST_ISSUE, address, name, somebody, story};
use axum::http::Method;
use nurtured::domain::address::Address;
use nurtured::domain::consent::{Consent, Purpose};
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::qualification::Verdict;
use nurtured::domain::id::IssueId;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::flow::doorway::readdress;
use nurtured::mail::token::Kind;
use nurtured::store::doorway::pending_forms;
use nurtured::store::individual::{follow_ups, handoffs};
use nurtured::store::operations::counts;
use nurtured::store::people::suppressions::Stop;
use nurtured::store::people::{consents, prospects, suppressions};
use nurtured::town::{BROWSER, SCANNER, Town};
use nurtured::web::click::UNTRACKED_CLICKS;
use nurtured::web::limits::{Limits, Whose};

/// Everything a GET may not change, as one text.
async fn consequences(town: &Town, of: &[&Address]) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let mut tx = town.node.ctx.store().read().await?;
    let ids: Vec<_> = prospects::by_address(&mut tx, of).await?.into_values().collect();
    let mut seen = vec![format!("{:?}", prospects::load(&mut tx, &ids).await?)];
    for id in ids {
        seen.push(format!("{:?}", consents::of(&mut tx, id).await?));
    }
    seen.push(format!("{:?}\n{:?}", suppressions::all(&mut tx).await?, handoffs::all(&mut tx).await?));
    for person in ["dana", "luc", "iria"] {
        seen.push(format!("{:?}", follow_ups::of(&mut tx, &name(person)).await?));
    }
    for handoff in handoffs::all(&mut tx).await? {
        seen.push(format!("{:?}", handoffs::events(&mut tx, handoff.id).await?));
    }
    seen.push(format!("{:?}", pending_forms::waiting(&mut tx, town.now()).await?));
    Ok(seen.join("\n"))
}

story!(a_get_changes_nothing, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@bea-foods.example"));
    town.admit(&[somebody(ada.as_str()), somebody(bea.as_str())], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    town.fill_in("call-me", &[("email", bea.as_str())]).await?;
    town.run_until_idle().await?;
    let mail = town.newest_to(&ada)?;
    let mut urls: Vec<String> =
        mail.links().into_iter().map(|(url, _)| url).filter(|u| u.starts_with("http://127.0.0.1:9/")).collect();
    urls.extend(mail.unsubscribe.clone());
    let caught = town.catcher.caught().into_iter().find(|mail| mail.rcpt_to == [ada.to_string()]).expect("a newsletter");
    arrives(&town, &answer(ada.as_str(), 1, &caught, "Thanks for the call, it was useful.")).await?;
    town.type_in("webinar", &[("email", ada.as_str())]).await?;
    town.run_until_idle().await?;
    urls.extend(questions(&town));
    urls.extend(town.newest_to(&ada)?.link("confirm it"));
    let handoff = town.handoffs_of(&bea).await?.remove(0);
    urls.extend(town.queue_of(&handoff.salesperson).await?.into_iter().filter_map(|i| i.page_url));
    let plan = town.node.ctx.plan();
    urls.push(nurtured::flow::individual::dossier::queue_url(town.node.ctx.signer(), &plan, &handoff.salesperson, town.now()));
    urls.extend(
        ["/f/call-me", "/v1/signals", "/v1/prospects", "/healthz", "/readyz", "/look.css", "/", "/nowhere"].map(str::to_owned),
    );
    assert!(
        urls.iter().any(|u| u.contains("/c/"))
            && urls.iter().any(|u| u.contains("/a/"))
            && urls.iter().any(|u| u.contains("/u/"))
            && urls.iter().any(|u| u.contains("/p/"))
            && urls.iter().any(|u| u.contains("/k/"))
            && urls.iter().any(|u| u.contains("/d/"))
    );

    // What time alone brings (the reminder of an unanswered request) comes first.
    town.pass_to("2026-02-03T12:00:00Z").await?;
    let before = consequences(&town, &[&ada, &bea]).await?;
    let verdicts = town.verdicts(&ada).await?.findings().clone();
    for url in &urls {
        for _ in 0..3 {
            town.ask(Method::HEAD, url, BROWSER, "").await?;
        }
    }
    town.pass_to("2026-02-03T13:00:00Z").await?;
    assert_eq!(town.verdicts(&ada).await?.findings(), &verdicts, "no HEAD counts");
    for url in &urls {
        for _ in 0..3 {
            assert!(!town.ask(Method::GET, url, BROWSER, "").await?.status.is_server_error(), "{url}");
        }
    }
    town.run_until_idle().await?;
    assert_eq!(consequences(&town, &[&ada, &bea]).await?, before);
    Ok(())
});

story!(two_visits_to_a_link_are_one_click, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let signals = async || -> Result<i64, nurtured::store::engine::backend::StoreError> {
        Ok(counts::summary(&mut town.node.ctx.store().read().await?).await?.signals)
    };
    let before = signals().await?;
    for _ in 0..2 {
        let answered = town.click(&ada, "Do the sum").await?;
        assert_eq!((answered.status.as_u16(), answered.location.as_deref()), (302, Some("https://tecnofab.example/calculator")));
    }
    assert_eq!(signals().await?, before + 1);
    Ok(())
});

story!(a_scanner_that_opens_everything_proves_nothing, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    // One that names itself, and one that hides behind a browser's name but opens two links at once.
    for agent in [SCANNER, BROWSER] {
        for words in ["Do the sum", "How the plant near Lleida"] {
            let url = town.newest_to(&ada)?.link(words).expect("the link");
            town.ask(Method::GET, &url, agent, "").await?;
        }
    }
    town.pass_to("2026-02-03T12:00:00Z").await?;
    let found = town.verdicts(&ada).await?;
    assert_eq!(found.findings()[Criterion::Vision].verdict, Verdict::Unknown);
    assert_eq!(found.newest_human_at(), None);
    assert_eq!(found.ignored().len(), 4, "kept, and named: {:?}", found.ignored());
    Ok(())
});

story!(who_is_not_tracked_is_not_identified, |town| {
    let ada = address("ada@albareda.example");
    let mut untracked = somebody(ada.as_str());
    untracked.consents.clear();
    town.admit(&[untracked], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    assert_eq!(town.click(&ada, "Do the sum").await?.status, 302);
    town.pass_to("2026-02-03T12:00:00Z").await?;
    let id = town.prospect(&ada).await?.id;
    let mut tx = town.node.ctx.store().read().await?;
    let signals = nurtured::store::doorway::signals::of(&mut tx, &[id]).await?;
    assert!(signals[&id].iter().all(|s| s.detail.kind() != "click"));
    assert_eq!(counts::of_campaign(&mut tx, &name("line-downtime")).await?.clicked, 1, "totals survive");
    // An answer is an act, and needs no consent to tracking.
    drop(tx);
    town.answer(&ada, "More than 20 hours").await?;
    assert_eq!(town.verdicts(&ada).await?.met(), 1);
    Ok(())
});

story!(consent_withdrawn_records_nothing, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let mut withdrawn = nurtured::domain::doorway::arrival::Arrival::of(ada.clone());
    withdrawn.consents.push(Consent::undated(Purpose::Tracking, false, "asked by phone"));
    town.admit(&[withdrawn], "import").await?;
    let before = counts::summary(&mut town.node.ctx.store().read().await?).await?.signals;
    assert_eq!(town.click(&ada, "Do the sum").await?.status, 302, "the link still works");
    assert_eq!(counts::summary(&mut town.node.ctx.store().read().await?).await?.signals, before);
    Ok(())
});

story!(a_forged_or_broken_token_leads_nowhere, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let mail = town.newest_to(&ada)?;
    let click = mail.link("Do the sum").expect("a link");
    let token = click.rsplit('/').next().expect("a token").to_owned();
    let before = consequences(&town, &[&ada]).await?;
    let mut forged = token.clone();
    forged.replace_range(5..6, if &token[5..6] == "A" { "B" } else { "A" });
    for path in ["c", "a", "u", "p", "h", "q"] {
        for bad in [forged.as_str(), "", "x", &"A".repeat(36), &"A".repeat(4_000), "..%2f..%2fetc", "%00", &format!("{token}A")] {
            for method in [Method::GET, Method::HEAD, Method::POST] {
                let answered = town.ask(method.clone(), &format!("/{path}/{bad}"), BROWSER, "action=accept").await?;
                let (status, is_field) = (answered.status, path == "u" && method != Method::POST);
                assert!(status.is_client_error() || is_field, "{method} /{path}/{bad}: {status}");
                // Whoever wants no more mail is never told that their link is unknown: they can type their address.
                let typed = answered.body.contains("type=\"email\"") || bad.len() > 400 || method == Method::HEAD;
                assert!(path != "u" || typed, "{method} /u/{bad}: {}", answered.body);
            }
        }
        if path != "c" {
            // A genuine token of another kind.
            let method = if path == "q" { Method::GET } else { Method::POST };
            assert_eq!(town.ask(method, &format!("/{path}/{token}"), BROWSER, "").await?.status, 404, "/{path}");
        }
    }
    assert_eq!(consequences(&town, &[&ada]).await?, before);
    Ok(())
});

story!(a_form_admits_a_stranger_and_refuses_nonsense, |town| {
    let before = town.node.ctx.now();
    for (form, body, status) in [
        ("call-me", "name=Ada", 422),
        ("call-me", "email=not-an-address", 422),
        ("no-such-form", "email=a@b.example", 404),
        ("Call%20Me", "email=a@b.example", 404),
        ("call-me", &"x=1&".repeat(100), 413),
    ] {
        assert_eq!(town.ask(Method::POST, &format!("/f/{form}"), BROWSER, body).await?.status.as_u16(), status, "{form} {body}");
    }
    assert!(town.handoffs_of(&address("a@b.example")).await.is_err(), "nobody came in");
    let ok = town
        .fill_in(
            "quote",
            &[("email", "ada@albareda.example"), ("budget", "60.000 €"), ("start_by", "2026-06-01"), ("lines", "4")],
        )
        .await?;
    assert_eq!(ok.status, 200);
    town.run_until_idle().await?;
    let ada = address("ada@albareda.example");
    let found = town.verdicts(&ada).await?;
    assert_eq!(found.findings()[Criterion::Budget].verdict, Verdict::Met);
    assert_eq!(found.findings()[Criterion::Timeframe].verdict, Verdict::Met);
    assert_eq!(town.prospect(&ada).await?.fields.get(&name("lines")).map(String::as_str), Some("4"));
    assert_eq!(town.now(), before);
    Ok(())
});

story!(unsubscribing_is_one_post_and_holds, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    for _ in 0..2 {
        assert_eq!(town.unsubscribe(&ada).await?.status, 200);
    }
    assert_eq!(town.prospect(&ada).await?.mail_stop, Some(StopReason::Unsubscribed));
    let mails = town.mails_to(&ada).len();
    let mut again = somebody(ada.as_str());
    again.consents.push(Consent::undated(Purpose::Mail, true, "card"));
    town.admit(&[again], "import").await?;
    town.pass_to("2026-05-05T10:00:00Z").await?;
    assert_eq!(town.mails_to(&ada).len(), mails, "an import never lifts it");
    assert_eq!(nurtured::flow::operations::sweep::without_future(&town.node.ctx).await?, 0, "somebody will look at her");
    Ok(())
});

story!(what_an_issues_untracked_mails_can_make_us_record_is_bounded, |town| {
    let mut town = town;
    let ada = address("ada@albareda.example");
    let mut untracked = somebody(ada.as_str());
    untracked.consents.clear();
    town.admit(&[untracked], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let url = town.newest_to(&ada)?.link("Do the sum").expect("a link");
    let token = url.rsplit('/').next().and_then(|token| town.node.site.read(&[Kind::AnonymousClick], token));
    let issue = IssueId(token.and_then(|token| token.issue()).expect("the link names its issue alone"));
    let limits = Limits::default();
    town.node.site.limits = limits.clone();
    let now = town.node.ctx.clock().steady();
    let taken = (3..UNTRACKED_CLICKS.most).filter(|_| limits.take(Whose::Issue(issue), UNTRACKED_CLICKS, now).is_ok());
    assert_eq!(taken.count(), 19_997, "as if so many had been followed");
    let before = recorded(&town).await?;
    // Ever new visitors follow one link: each is led on.
    for n in 0..6 {
        let followed = from(&town, [203, 0, 113, n], (Method::GET, &url), &[("user-agent", BROWSER)], b"").await?;
        assert_eq!(followed.status, 302);
    }
    assert_eq!(recorded(&town).await? - before, 3);
    Ok(())
});

story!(whoever_types_an_address_stops_newsletters_to_it_whosever_it_is, |town| {
    // One of the company's own domain, one whose mailbox was gone before they moved, and one nobody knows.
    let (own, old, new) = (address("ada@tecnofab.example"), address("bea@old.example"), address("bea@new.example"));
    town.admit(&[somebody(own.as_str()), somebody(old.as_str())], "import").await?;
    let gone = Stop { address: old.to_string(), channel: Channel::Email, reason: StopReason::Bounced, source: "550".to_owned() };
    let mut tx = town.node.ctx.store().write().await?;
    suppressions::add(&mut tx, &[gone], town.now()).await?;
    tx.commit().await?;
    readdress::change(&town.node.ctx, &old, &new).await?;
    for typed in ["ada@tecnofab.example", "%E2%80%8Bbea%40old.example", "nobody@elsewhere.example"] {
        let answer = town.ask(Method::POST, "/u", BROWSER, &format!("email={typed}")).await?;
        assert_eq!(answer.status, 200, "{typed}: {}", answer.body);
    }
    let mut tx = town.node.ctx.store().read().await?;
    for stopped in [&own, &new, &address("nobody@elsewhere.example")] {
        let stops = suppressions::of(&mut tx, &[stopped]).await?;
        assert!(stops.iter().any(|stop| stop.reason == StopReason::Unsubscribed), "{stopped}: {stops:?}");
    }
    Ok(())
});
