//! Whoever types an address into a form speaks for nobody, until that address answers.

use super::request::signals_of;
use super::{FIRST_ISSUE, Told, address, change, name, somebody, story};
use axum::http::Method;
use nurtured::domain::address::Address;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::doorway::ignored::Why;
use nurtured::domain::doorway::qualification::Verdict;
use nurtured::domain::doorway::signal::{Detail, Signal, Touch};
use nurtured::domain::doorway::unconfirmed::Unconfirmed;
use nurtured::domain::plan::Plan;
use nurtured::domain::prospect::Standing;
use nurtured::domain::settings::FormSettings;
use nurtured::domain::suppression::Channel;
use nurtured::flow::operations::{forget, manual_stop};
use nurtured::mail::token::{Kind, Recipient, Token};
use nurtured::store::doorway::pending_forms;
use nurtured::store::operations::counts;
use nurtured::store::people::prospects;
use nurtured::town::mailbox::Mail;
use nurtured::town::{BROWSER, SCANNER, Town};

/// What a stranger says of somebody: all five, in two forms, and to be called.
const QUOTE: [(&str, &str); 6] = [
    ("name", "Mallory"),
    ("phone", "+44 20 7946 0000"),
    ("company", "Rival"),
    ("budget", "900000"),
    ("start_by", "2026-03-01"),
    ("lines", "40"),
];

pub(super) async fn type_in(town: &Town, form: &str, who: &Address, fields: &[(&str, &str)]) -> Told {
    let mut all = vec![("email", who.as_str())];
    all.extend(fields);
    let answered = town.type_in(form, &all).await?;
    assert_eq!(answered.status, 200, "{}", answered.body);
    town.run_until_idle().await?;
    Ok(())
}

/// How many forms wait, and of how many no mail was sent because there were too many.
pub(super) async fn waiting(town: &Town) -> Result<(i64, i64), Box<dyn std::error::Error + Send + Sync>> {
    Ok(pending_forms::waiting(&mut town.node.ctx.store().read().await?, town.now()).await?)
}

pub(super) fn questions(town: &Town, who: &Address) -> Vec<Mail> {
    town.mails_to(who).into_iter().filter(|mail| mail.link("confirm it").is_some()).collect()
}

fn ada() -> Arrival {
    Arrival { phone: Some("+34 600 100 200".to_owned()), ..somebody("ada@albareda.example") }
}

story!(a_strangers_form_changes_nothing_that_is_known, |town| {
    let ada = ada();
    town.admit(&[Arrival { fields: [(name("lines"), "4".to_owned())].into(), ..ada.clone() }], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let who = &ada.address;
    let (before, verdicts) = (town.prospect(who).await?, town.verdicts(who).await?);
    for form in ["quote", "downtime-check", "webinar", "call-me"] {
        type_in(&town, form, who, &QUOTE).await?;
    }
    assert_eq!(town.prospect(who).await?, before, "name, phone, company, fields, verdicts, standing");
    let after = town.verdicts(who).await?;
    assert_eq!((after.findings(), after.met()), (verdicts.findings(), 0));
    assert!(after.request().is_none() && after.newest_human_at().is_none());
    assert!(town.handoffs_of(who).await?.is_empty());
    // And it is kept, named, and shown.
    let kept = signals_of(&town, who).await?;
    assert_eq!(kept.iter().filter(|s| s.detail.is_unconfirmed()).count(), 4);
    let explained = town.explain(who, None).await?;
    assert_eq!(explained.ignored.iter().filter(|i| i.why == Why::Unconfirmed).count(), 4);
    let words: Vec<String> = explained.unconfirmed.iter().map(Unconfirmed::words).collect();
    let phone = "not confirmed: the form call-me says phone +44 20 7946 0000, on record +34 600 100 200";
    assert!(words.iter().any(|said| said == phone), "{words:?}");
    assert!(words.iter().any(|said| said.ends_with("says lines 40, on record 4")), "{words:?}");
    Ok(())
});

story!(a_strangers_form_fills_blanks_and_shows_what_differs, |town| {
    let who = address("ada@albareda.example");
    town.admit(&[Arrival { name: Some("Ada Roca".to_owned()), ..Arrival::of(who.clone()) }], "import").await?;
    type_in(&town, "quote", &who, &QUOTE).await?;
    let ada = town.prospect(&who).await?;
    assert_eq!(ada.name.as_deref(), Some("Ada Roca"));
    assert_eq!(ada.phone.as_deref(), Some("+44 20 7946 0000"), "it was blank");
    assert!(ada.fields.is_empty(), "a field chooses audiences and salespeople: it waits");
    // A second stranger overwrites nothing, and no import is overwritten.
    type_in(&town, "quote", &who, &[("phone", "+1 555 0100")]).await?;
    assert_eq!(town.prospect(&who).await?.phone.as_deref(), Some("+44 20 7946 0000"));
    // The salesperson who gets her sees all of it.
    town.log(&who, "marta", Touch::Call, &Criterion::ALL, Some(jiff::civil::date(2026, 6, 1)), "all five").await?;
    // By the next day nobody has answered the mail about the strangers' form, and hers is asked about.
    town.pass_to("2026-01-13T08:01:00Z").await?;
    town.fill_in("call-me", &[("email", who.as_str())]).await?;
    town.run_until_idle().await?;
    let handoff = town.handoffs_of(&who).await?.remove(0);
    let plan = town.node.ctx.plan();
    let letter = town.newest_to(plan.roster.person(&handoff.salesperson).expect("on the roster").1)?;
    let item = town.queue_of(&handoff.salesperson).await?.remove(0);
    let page = town.ask(Method::GET, &item.page_url.expect("a page"), BROWSER, "").await?.body;
    for shown in [&letter.text, &letter.html, &page] {
        for said in [
            "phone +44 20 7946 0000 is on record from the form quote alone",
            "the form quote says phone +1 555 0100, on record +44 20 7946 0000",
            "the form quote says name Mallory, on record Ada Roca",
            "the form quote says lines 40, nothing on record",
        ] {
            assert!(shown.contains(said), "{said} is missing in {shown}");
        }
    }
    Ok(())
});

story!(ten_strangers_prove_nothing, |town| {
    let (ada, bea) = (ada(), somebody("bea@albareda.example"));
    town.admit(&[ada.clone(), bea.clone()], "import").await?;
    for n in 0..10 {
        let message = format!("stranger {n}");
        for form in ["quote", "downtime-check", "webinar", "call-me"] {
            let fields: Vec<_> = QUOTE.into_iter().chain([("message", message.as_str())]).collect();
            type_in(&town, form, &ada.address, &fields).await?;
        }
        town.clock.advance(jiff::SignedDuration::from_hours(3));
    }
    // Neither for her nor for her colleague.
    for who in [&ada.address, &bea.address] {
        let found = town.verdicts(who).await?;
        assert!(found.findings().iter().all(|(_, f)| f.verdict == Verdict::Unknown), "{:?}", found.findings());
        assert!(town.handoffs_of(who).await?.is_empty() && town.prospect(who).await?.standing == Standing::Nurturing);
    }
    assert_eq!(signals_of(&town, &ada.address).await?.iter().filter(|s| s.detail.is_unconfirmed()).count(), 40, "all are kept");
    Ok(())
});

story!(a_sender_at_a_mailbox_provider_keeps_nobody_else_there_out, |town| {
    let (ours, theirs) = (address("tecnofab@gmail.com"), address("eve@gmail.com"));
    change(&town, "line-downtime", |campaign| campaign.from.address = ours.clone())?;
    type_in(&town, "call-me", &theirs, &[]).await?;
    assert_eq!(questions(&town, &theirs).len(), 1);
    assert_eq!(town.type_in("call-me", &[("email", ours.as_str())]).await?.status, 422);
    Ok(())
});

story!(an_unknown_address_gets_one_mail_and_no_newsletter, |town| {
    let who = address("eve@unknown.example");
    for n in 0..3 {
        type_in(&town, "call-me", &who, &[("message", &format!("<b>BUY</b> at http://rival.example {n}"))]).await?;
    }
    let mails = questions(&town, &who);
    assert_eq!((mails.len(), town.mails_to(&who).len()), (1, 1), "one mail, however often it is typed");
    assert_eq!(waiting(&town).await?, (3, 2), "what exceeds it waits without a mail");
    let raw = town.catcher.caught().into_iter().find(|mail| mail.rcpt_to.contains(&who.to_string())).expect("the mail");
    let raw = String::from_utf8_lossy(&raw.data).into_owned();
    assert!(raw.contains("Auto-Submitted: auto-generated\r\n"), "{raw}");
    let organisation = town.node.ctx.plan().settings.organisation.clone();
    for shown in [&mails[0].text, &mails[0].html] {
        assert!(shown.contains(&organisation.name) && shown.contains("call-me"), "who asks, and why: {shown}");
        assert!(organisation.postal_address.lines().all(|line| shown.contains(line.trim())), "{shown}");
        assert!(!shown.contains("BUY") && !shown.contains("rival"), "nothing that a stranger typed: {shown}");
    }
    assert!(mails[0].unsubscribe.is_none(), "it is no newsletter");
    // No prospect, and no group mail, in half a year.
    assert!(town.prospect(&who).await.is_err());
    town.pass_to("2026-07-15T09:00:00Z").await?;
    assert_eq!(town.mails_to(&who).len(), 1);
    assert_eq!(counts::summary(&mut town.node.ctx.store().read().await?).await?.prospects, 0);
    Ok(())
});

story!(whoever_confirms_is_heard_as_of_then, |town| {
    let who = address("ada@albareda.example");
    let fields = [("name", "Ada Roca"), ("phone", "+34 1"), ("budget", "60000"), ("start_by", "2026-06-01"), ("lines", "4")];
    type_in(&town, "quote", &who, &fields).await?;
    town.pass_to("2026-01-20T10:00:00Z").await?;
    assert_eq!(town.confirm(&who).await?.status, 200);
    town.run_until_idle().await?;
    let ada = town.prospect(&who).await?;
    assert_eq!((ada.name.as_deref(), ada.phone.as_deref()), (Some("Ada Roca"), Some("+34 1")));
    assert_eq!(ada.fields.get(&name("lines")).map(String::as_str), Some("4"));
    let found = town.verdicts(&who).await?;
    assert_eq!(found.findings()[Criterion::Budget].verdict, Verdict::Met);
    assert_eq!(found.findings()[Criterion::Budget].since, Some(town.now()), "as of the answer, not of the form");
    assert_eq!(waiting(&town).await?, (0, 0));
    // A known prospect's too: what they confirm goes before what was on record.
    type_in(&town, "quote", &who, &[("phone", "+34 2")]).await?;
    assert_eq!(town.prospect(&who).await?.phone.as_deref(), Some("+34 1"));
    assert_eq!(town.confirm(&who).await?.status, 200);
    assert_eq!(town.prospect(&who).await?.phone.as_deref(), Some("+34 2"));
    assert!(town.explain(&who, None).await?.unconfirmed.is_empty(), "nothing is left to be confirmed");
    // And whoever types the address the next time is a stranger again.
    type_in(&town, "quote", &who, &[("phone", "+44 3")]).await?;
    assert_eq!(town.prospect(&who).await?.phone.as_deref(), Some("+34 2"));
    Ok(())
});

story!(a_confirmation_counts_once, |town| {
    let who = address("ada@albareda.example");
    type_in(&town, "call-me", &who, &[("message", "<script>ring me</script>")]).await?;
    let url = questions(&town, &who)[0].link("confirm it").expect("a link");
    // Scanners open it, and some press its button: nothing is confirmed.
    for (method, agent) in [(Method::GET, SCANNER), (Method::HEAD, BROWSER), (Method::POST, SCANNER), (Method::POST, "")] {
        assert!(!town.ask(method, &url, agent, "").await?.status.is_server_error());
    }
    let shown = town.ask(Method::GET, &url, BROWSER, "").await?;
    assert!(shown.body.contains("&lt;script&gt;ring me") && !shown.body.contains("<script"), "{}", shown.body);
    assert!(town.prospect(&who).await.is_err() && waiting(&town).await? == (1, 0), "nobody pressed it yet");
    for _ in 0..3 {
        assert_eq!(town.ask(Method::POST, &url, BROWSER, "").await?.status, 200);
        town.run_until_idle().await?;
    }
    let asked = |s: &&Signal| matches!(s.detail, Detail::Form { .. });
    assert_eq!(signals_of(&town, &who).await?.iter().filter(asked).count(), 1);
    assert_eq!(town.handoffs_of(&who).await?.len(), 1);
    // A token of another kind, of a form that never was, and of another form that once had this id confirm nothing.
    let signer = town.node.ctx.signer();
    for (kind, id) in [(Kind::Unsubscribe, 1), (Kind::Form, 1), (Kind::Confirmation, 999), (Kind::Confirmation, 1)] {
        let token = signer.text(Token { kind, id, ordinal: 0, recipient: Recipient::ANYBODY }, "");
        let answered = town.ask(Method::POST, &format!("/k/{token}"), BROWSER, "").await?;
        assert!(answered.status.is_client_error(), "{kind:?}: {}", answered.status);
    }
    Ok(())
});

story!(what_nobody_confirms_is_erased_after_thirty_days, |town| {
    let who = address("eve@unknown.example");
    type_in(&town, "call-me", &who, &[("name", "Eve")]).await?;
    let url = questions(&town, &who)[0].link("confirm it").expect("a link");
    town.pass_to("2026-02-11T07:00:00Z").await?;
    assert_eq!(waiting(&town).await?, (1, 0), "on the thirtieth day it is there");
    town.pass_to("2026-02-11T09:00:00Z").await?;
    assert_eq!(waiting(&town).await?, (0, 0));
    assert!(
        pending_forms::one(&mut town.node.ctx.store().read().await?, nurtured::domain::id::PendingFormId(1)).await?.is_none()
    );
    assert_eq!(town.ask(Method::POST, &url, BROWSER, "").await?.status, 410);
    assert!(town.prospect(&who).await.is_err());
    // The next one is another form: an old link never confirms it.
    type_in(&town, "call-me", &who, &[("name", "Mallory")]).await?;
    assert_eq!(town.ask(Method::POST, &url, BROWSER, "").await?.status, 410);
    assert_eq!(questions(&town, &who).len(), 2);
    Ok(())
});

story!(who_is_forgotten_leaves_no_form_behind, |town| {
    let ada = ada();
    town.admit(std::slice::from_ref(&ada), "import").await?;
    type_in(&town, "call-me", &ada.address, &QUOTE).await?;
    assert_eq!(waiting(&town).await?, (1, 0));
    forget::forget(&town.node.ctx, &ada.address).await?;
    assert_eq!(waiting(&town).await?, (0, 0));
    // Nor does a form store anything of them anew.
    type_in(&town, "webinar", &ada.address, &QUOTE).await?;
    assert_eq!(waiting(&town).await?, (0, 0));
    assert_eq!(questions(&town, &ada.address).len(), 1, "and nothing asks them again");
    Ok(())
});

story!(whoever_asked_us_to_stop_is_not_asked_to_confirm, |town| {
    let ada = ada();
    town.admit(std::slice::from_ref(&ada), "import").await?;
    manual_stop::suppress(&town.node.ctx, &ada.address, Channel::Email, "asked us").await?;
    type_in(&town, "call-me", &ada.address, &[("message", "hello")]).await?;
    assert!(questions(&town, &ada.address).is_empty());
    assert_eq!(waiting(&town).await?, (1, 0), "it waits, and is not counted as too many");
    // Our own are not taken at all.
    for ours in ["dana@tecnofab.example", "anybody@news.tecnofab.example"] {
        let refused = town.type_in("call-me", &[("email", ours), ("message", "hello")]).await?;
        assert_eq!(refused.status, 422, "{ours}");
        assert!(questions(&town, &address(ours)).is_empty(), "{ours}");
    }
    assert_eq!(waiting(&town).await?, (1, 0));
    Ok(())
});

story!(the_mails_to_one_domain_are_bounded, |town| {
    for n in 0..25 {
        type_in(&town, "webinar", &address(&format!("p{n}@s{n}.rival.example")), &[]).await?;
    }
    let sent = town.catcher.count();
    assert_eq!(sent, 20, "twenty a day, however many subdomains");
    assert_eq!(waiting(&town).await?, (25, 5));
    // Another domain is not kept waiting; and the next day there is room again.
    let other = address("a@fornells.example");
    type_in(&town, "call-me", &other, &[]).await?;
    assert_eq!(questions(&town, &other).len(), 1);
    town.pass_to("2026-01-13T08:00:01Z").await?;
    type_in(&town, "webinar", &address("p1@s1.rival.example"), &[]).await?;
    assert_eq!(questions(&town, &address("p1@s1.rival.example")).len(), 2);
    // Three in thirty days to one address.
    for day in 14..20 {
        town.pass_to(&format!("2026-01-{day}T09:00:00Z")).await?;
        type_in(&town, "webinar", &other, &[("message", &day.to_string())]).await?;
    }
    assert_eq!(questions(&town, &other).len(), 3);
    Ok(())
});

story!(a_form_through_a_signed_link_is_confirmed, |town| {
    let (ada, bea) = (ada(), somebody("bea@bea-foods.example"));
    with_form(&town, "quote", FormSettings { trusted: false, page: Some("https://tecnofab.example/quote".to_owned()) })?;
    change(&town, "line-downtime", |campaign| {
        for newsletter in &mut campaign.newsletters {
            newsletter.markdown.push_str("\n\n[Ask for a quote](https://tecnofab.example/quote)\n");
        }
    })?;
    // Whoever is not tracked gets the link too: to fill in a form is an act.
    town.admit(&[Arrival { consents: Vec::new(), ..ada.clone() }, bea.clone()], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let led = town.click(&ada.address, "Ask for a quote").await?;
    let page = led.location.expect("the page of the website");
    let token = page.strip_prefix("https://tecnofab.example/quote?t=").expect("the token").to_owned();
    let before = signals_of(&town, &ada.address).await?;
    // Forged, or of somebody else's mail, or with somebody else's address: nothing is confirmed by it.
    let of_bea =
        town.click(&bea.address, "Ask for a quote").await?.location.expect("a page").rsplit('=').next().map(str::to_owned);
    let unsubscribe = town.mails_to(&ada.address)[0].unsubscribe.clone().expect("a link").rsplit('/').next().map(str::to_owned);
    for token in [None, Some("A".repeat(28)), Some("x".to_owned()), of_bea, unsubscribe].into_iter().flatten() {
        type_in(&town, "quote", &ada.address, &[("budget", "60000"), ("t", &token)]).await?;
    }
    assert!(signals_of(&town, &ada.address).await?.iter().all(|s| s.detail.is_unconfirmed() || before.contains(s)));
    assert_eq!(town.verdicts(&ada.address).await?.met(), 0);
    // Hers, with her address.
    type_in(&town, "quote", &ada.address, &[("budget", "60000"), ("phone", "+34 9"), ("t", &token)]).await?;
    assert_eq!(town.verdicts(&ada.address).await?.findings()[Criterion::Budget].verdict, Verdict::Met);
    assert_eq!(town.prospect(&ada.address).await?.phone.as_deref(), Some("+34 9"));
    let said = signals_of(&town, &ada.address).await?;
    let of_form = said.iter().filter_map(|s| if let Detail::Form { fields, .. } = &s.detail { Some(fields) } else { None });
    assert!(of_form.clone().count() == 1 && of_form.into_iter().all(|fields| !fields.contains_key("t")), "no token is kept");
    // Without a token, or with a broken one, the link leads to the page alone.
    for url in ["/f/quote", "/f/quote?t=broken", "/f/quote?t=A&t=B"] {
        let led = town.ask(Method::GET, url, BROWSER, "").await?;
        assert_eq!((led.status.as_u16(), led.location.as_deref()), (303, Some("https://tecnofab.example/quote")), "{url}");
    }
    assert_eq!(town.ask(Method::GET, "/f/call-me", BROWSER, "").await?.status, 404, "no page is known of it");
    Ok(())
});

story!(a_trusted_form_is_believed_as_it_comes, |town| {
    with_form(&town, "quote", FormSettings { trusted: true, page: None })?;
    let who = address("ada@albareda.example");
    type_in(&town, "quote", &who, &QUOTE).await?;
    assert_eq!(town.prospect(&who).await?.name.as_deref(), Some("Mallory"));
    assert_eq!(town.verdicts(&who).await?.findings()[Criterion::Budget].verdict, Verdict::Met);
    assert!(town.mails_to(&who).is_empty() && waiting(&town).await? == (0, 0));
    Ok(())
});

story!(the_same_form_twice_waits_once, |town| {
    let (ada, stranger) = (ada(), address("eve@unknown.example"));
    town.admit(std::slice::from_ref(&ada), "import").await?;
    for who in [&ada.address, &stranger] {
        for _ in 0..3 {
            type_in(&town, "call-me", who, &[("message", "ring me")]).await?;
        }
    }
    assert_eq!(waiting(&town).await?, (2, 0));
    assert_eq!(signals_of(&town, &ada.address).await?.iter().filter(|s| s.detail.is_unconfirmed()).count(), 1);
    let mut tx = town.node.ctx.store().read().await?;
    assert_eq!(prospects::by_address(&mut tx, &[&stranger]).await?.len(), 0);
    Ok(())
});

/// Puts a plan in force with settings of one form.
fn with_form(town: &Town, form: &str, settings: FormSettings) -> Told {
    let mut plan = Plan::clone(&town.node.ctx.plan());
    plan.forms.insert(name(form), settings);
    Ok(town.node.ctx.replace_plan(plan)?)
}
