//! Who asks while owned, won, lost or forgotten is heard.

use super::enquiries::{asked, done, letters, owned, queue_url, rows, the_one, types};
use super::receive::{arrives, reply};
use super::{FIRST_ISSUE, address, name, somebody, story};
use axum::http::Method;
use nurtured::domain::doorway::entry::Cause;
use nurtured::domain::doorway::signal::{Detail, NewSignal, Touch};
use nurtured::domain::individual::handoff::State;
use nurtured::domain::plan::Plan;
use nurtured::domain::prospect::Standing;
use nurtured::flow::doorway::take::take;
use nurtured::flow::individual::follow_up::Action;
use nurtured::flow::individual::receive::{Received, receive};
use nurtured::flow::operations::{census, forget, sweep};
use nurtured::inbox::mail::bounce;
use nurtured::store::individual::enquiries;
use nurtured::store::people::prospects;
use nurtured::town::BROWSER;

story!(whoever_asks_while_owned_is_heard_by_their_salesperson, |town| {
    let ada = address("ada@albareda.example");
    let owner = owned(&town, &ada).await?;
    town.pass_to("2026-01-14T09:00:00Z").await?;
    let before = letters(&town, &owner).len();
    town.fill_in("demo", &[("email", ada.as_str()), ("message", "Can we see it on Friday?"), ("phone", "+34 600 100 200")])
        .await?;
    town.run_until_idle().await?;
    let (who, item) = the_one(&town).await?;
    let told = item.asked.clone().expect("what she asks");
    assert_eq!((&who, told.confirmed, told.state), (&owner, true, "already yours"));
    assert!(told.standing[0].starts_with("Already yours since 12 Jan 2026"), "{:?}", told.standing);
    let letter = letters(&town, &owner).pop().expect("a letter");
    assert_eq!(letters(&town, &owner).len(), before + 1, "one letter");
    assert!(letter.text.contains("> Can we see it on Friday?") && letter.text.contains("/h/"), "{}", letter.text);
    // It is no second lead and no second proof.
    let handoffs = town.handoffs_of(&ada).await?;
    assert_eq!((handoffs.len(), handoffs[0].state, town.verdicts(&ada).await?.met()), (1, State::Owned, 0));

    // A stranger who types her address reaches the same person, marked, and changes nothing.
    types(&town, ada.as_str(), "I am Ada, call the other number").await?;
    town.run_until_idle().await?;
    let found = asked(&town).await?;
    let (_, strange) = found.iter().find(|(_, item)| item.state == Some("not confirmed")).expect("the stranger's");
    let told = strange.asked.as_ref().expect("what they ask");
    assert_eq!((told.said_phone.as_deref(), told.known_phone.as_deref()), (Some("+44 20 1234"), Some("+34 600 100 200")));
    assert!(found.iter().all(|(who, _)| *who == owner), "{found:?}");
    assert_eq!(town.prospect(&ada).await?.phone.as_deref(), Some("+34 600 100 200"));
    // Who is in touch after they asked has answered them.
    town.log(&ada, owner.as_str(), Touch::Call, &[], None, "Friday at ten").await?;
    assert!(asked(&town).await?.is_empty());
    Ok(())
});

story!(a_customer_who_asks_again_is_heard, |town| {
    let ada = address("ada@albareda.example");
    let seller = owned(&town, &ada).await?;
    town.sell(&ada, Action::Won(Some(86_000))).await?;
    town.pass_to("2026-02-20T10:00:00Z").await?;
    town.fill_in("call-me", &[("email", ada.as_str()), ("message", "We build a third plant")]).await?;
    town.run_until_idle().await?;
    let (who, item) = the_one(&town).await?;
    let told = item.asked.expect("what she asks");
    assert_eq!((&who, told.state), (&seller, "closed before"));
    assert_eq!(told.standing, ["A customer: won on 12 Jan 2026 by you."]);
    assert!(letters(&town, &seller).last().expect("a letter").text.contains("We build a third plant"));
    assert_eq!((town.handoffs_of(&ada).await?.len(), town.prospect(&ada).await?.standing), (1, Standing::Closed));
    // Who sold it has left: it goes on to who is there.
    let mut plan = Plan::clone(&town.node.ctx.plan());
    plan.roster.salespeople.retain(|one| one.id != seller);
    plan.roster.routes.iter_mut().for_each(|route| route.to.retain(|id| *id != seller));
    plan.roster.routes.retain(|route| !route.to.is_empty());
    town.node.ctx.replace_plan(plan)?;
    sweep::review(&town.node.ctx).await?;
    assert_eq!(the_one(&town).await?.0, name("iria"));
    let census = census::take(town.node.ctx.store(), &town.node.ctx.plan(), town.now()).await?;
    assert!(census.holds() && census.enquiries == 1, "{census:?}");
    town.fill_in("demo", &[("email", ada.as_str()), ("message", "And a fourth")]).await?;
    town.run_until_idle().await?;
    assert!(asked(&town).await?.iter().all(|(who, _)| *who != seller));
    Ok(())
});

story!(a_lost_lead_who_asks_is_heard_by_who_lost_it, |town| {
    let ada = address("ada@albareda.example");
    let seller = owned(&town, &ada).await?;
    town.pass_to("2026-01-14T09:30:00Z").await?;
    town.sell(&ada, Action::Lost("went elsewhere".to_owned())).await?;
    // Another system tells a little late what she asked before.
    let fields = [("message".to_owned(), "One more thing".to_owned())].into();
    let detail = Detail::Form { form: name("call-me"), fields };
    let earlier = "2026-01-14T09:00:00Z".parse()?;
    take(&town.node.ctx, NewSignal::reported(None, "crm-1", ada.clone(), None, detail, earlier)).await?;
    town.run_until_idle().await?;
    let (who, item) = the_one(&town).await?;
    assert_eq!((&who, item.state), (&seller, Some("lost before")));
    assert_eq!(item.asked.as_ref().expect("what she asks").standing, ["Lost on 14 Jan 2026 by you."]);
    done(&town, &who, &item).await?;
    // What another system tells of last year asks nothing today.
    let fields = [("message".to_owned(), "Long ago".to_owned())].into();
    let detail = Detail::Form { form: name("call-me"), fields };
    take(&town.node.ctx, NewSignal::reported(None, "crm-2", ada.clone(), None, detail, "2025-01-14T09:00:00Z".parse()?)).await?;
    town.run_until_idle().await?;
    assert!(asked(&town).await?.is_empty());

    // A stranger who types her address.
    types(&town, ada.as_str(), "Is it still to be had?").await?;
    town.run_until_idle().await?;
    let (who, item) = the_one(&town).await?;
    assert_eq!((&who, item.state, town.handoffs_of(&ada).await?.len()), (&seller, Some("not confirmed"), 1));
    // When she confirms it she is offered again, to the same.
    town.pass_to("2026-01-14T10:00:00Z").await?;
    town.confirm(&ada).await?;
    town.run_until_idle().await?;
    let handoffs = town.handoffs_of(&ada).await?;
    assert_eq!((handoffs.len(), handoffs[0].cause, &handoffs[0].salesperson), (2, Cause::Request, &seller));
    assert!(asked(&town).await?.is_empty());
    Ok(())
});

story!(the_forgotten_who_ask_are_heard_and_not_stored, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "card").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let id = {
        let caught = town.catcher.caught().into_iter().find(|c| c.rcpt_to == [ada.to_string()]).expect("a newsletter");
        let text = String::from_utf8_lossy(&caught.data).into_owned();
        text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).expect("an id").to_owned()
    };
    forget::forget(&town.node.ctx, &ada).await?;
    let (before, mails) = (rows(&town).await?, town.mails_to(&ada).len());

    assert_eq!(town.type_in("call-me", &[("email", ada.as_str()), ("message", "It is me again")]).await?.status, 200);
    town.run_until_idle().await?;
    let (who, item) = the_one(&town).await?;
    let told = item.asked.clone().expect("what she asks");
    assert_eq!((told.address.as_ref(), told.confirmed), (Some(&ada), false));
    assert!(told.standing.iter().any(|words| words.contains("forgotten on 3 Feb 2026 at their own wish")), "{:?}", told.standing);
    let letter = letters(&town, &who).pop().expect("a letter");
    assert!(letter.text.contains("forgotten") && letter.text.contains("> It is me again"), "{}", letter.text);
    assert_eq!(rows(&town).await?, before, "no prospect, no signal, no handoff");
    let known = prospects::by_address(&mut town.node.ctx.store().read().await?, &[&ada]).await?;
    assert!(known.is_empty() && town.mails_to(&ada).len() == mails, "no mail goes to them");
    // A form that asks nothing is thanked and leaves nothing.
    assert_eq!(town.type_in("webinar", &[("email", ada.as_str())]).await?.status, 200);
    // What another system reports of them, and what they answer to an old newsletter.
    let detail = Detail::Form { form: name("demo"), fields: [("message".to_owned(), "Show me".to_owned())].into() };
    take(&town.node.ctx, NewSignal::reported(None, "crm-1", ada.clone(), None, detail, town.now())).await?;
    let answer = format!(
        "From: Ada <{ada}>\r\nTo: marta@tecnofab.example\r\nMessage-ID: <r@albareda.example>\r\nIn-Reply-To: {id}\r\n\
         Subject: Re: stops\r\n\r\nDid you forget me?\r\n"
    );
    let taken = receive(&town.node.ctx, &bounce::read(answer.as_bytes())?).await?;
    assert_eq!((taken.what, taken.new, taken.prospect), (Received::Reply, true, None));
    assert!(!receive(&town.node.ctx, &bounce::read(answer.as_bytes())?).await?.new, "the same mail twice");
    town.run_until_idle().await?;
    assert_eq!((asked(&town).await?.len(), rows(&town).await?), (3, before));

    // Settled, it is erased at once; the others after thirty days.
    done(&town, &who, &item).await?;
    let mut tx = town.node.ctx.store().read().await?;
    let kept = enquiries::load(&mut tx, item.enquiry.expect("its number")).await?.expect("the row stays");
    assert!(kept.said.is_empty() && kept.address.is_none(), "{kept:?}");
    drop(tx);
    assert_eq!(asked(&town).await?.len(), 2);
    let shown = town.ask(Method::GET, &queue_url(&town, &who), BROWSER, "").await?.body;
    assert!(!shown.contains("It is me again"), "{shown}");
    town.pass_to("2026-03-06T10:00:00Z").await?;
    assert!(asked(&town).await?.is_empty());
    let census = census::take(town.node.ctx.store(), &town.node.ctx.plan(), town.now()).await?;
    assert!(census.holds() && census.enquiries == 0, "{census:?}");
    Ok(())
});

story!(the_forgotten_who_write_anew_are_heard_if_they_ask_and_nothing_is_kept, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@albareda.example"));
    town.admit(&[somebody(ada.as_str()), somebody(bea.as_str())], "card").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let id = format!("<{}>", town.newest_to(&bea)?.message_id.trim_matches(['<', '>']));
    forget::forget(&town.node.ctx, &ada).await?;
    let before = rows(&town).await?;
    let lost = "<lost@x.example>";
    // What answers a colleague's mail asks for nobody: she may have had it from anybody.
    for (n, answers, text) in [(1, lost, "Ours stood still a week."), (2, id.as_str(), "Please call me")] {
        let mail = reply(ada.as_str(), "marta@tecnofab.example", &format!("{n}@x.example"), answers, "Hello", text);
        assert_eq!(arrives(&town, &mail).await?.what, Received::Nothing, "{text}");
    }
    let mail = reply(ada.as_str(), "marta@tecnofab.example", "3@x.example", lost, "Hello", "Please call me");
    let taken = arrives(&town, &mail).await?;
    assert_eq!((taken.what, taken.new, taken.prospect), (Received::Reply, true, None));
    assert!(!arrives(&town, &mail).await?.new, "the same mail twice");
    town.run_until_idle().await?;
    assert_eq!((asked(&town).await?.len(), rows(&town).await?), (1, before));
    let passed_on = |who: &str| town.mails_to(&address(who)).iter().any(|mail| mail.text.contains("stood still"));
    assert!(!passed_on("marta@tecnofab.example") && !passed_on("iria@tecnofab.example"));
    Ok(())
});
