//! The prospect's own page: what they choose there holds, can be taken back, and tells nobody who they are.

use super::request::{replan, send};
use super::{FIRST_ISSUE, Told, address, change, name, somebody, story};
use axum::http::Method;
use nurtured::domain::address::Address;
use nurtured::domain::consent::{Consent, Purpose};
use nurtured::domain::language::Language;
use nurtured::domain::preferences::Preferences;
use nurtured::domain::suppression::StopReason;
use nurtured::flow::operations::{forget, merge};
use nurtured::store::people::{consents, preferences};
use nurtured::town::mailbox::Mail;
use nurtured::town::{Answered, BROWSER, SCANNER, Town};

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A town whose campaigns have topics and whose pages have two languages, after its first issue.
async fn first_issue(town: &Town, people: &[&Address]) -> Told {
    replan(town, |plan| plan.settings.organisation.languages = vec![Language::English, Language::Spanish])?;
    change(town, "line-downtime", |campaign| campaign.topic = Some(name("production")))?;
    change(town, "production-letter", |campaign| campaign.topic = Some(name("energy-costs")))?;
    let arrivals: Vec<_> = people.iter().map(|who| somebody(who.as_str())).collect();
    town.admit(&arrivals, "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    Ok(())
}

fn own_page(mail: &Mail) -> String {
    mail.link("Your preferences").expect("a link to their own page")
}

async fn post(town: &Town, url: &str, body: &str) -> Result<Answered, Failed> {
    Ok(town.ask(Method::POST, url, BROWSER, body).await?)
}

/// What the button that takes a change back sends.
fn undo(page: &str) -> String {
    let plain = page.replace("&quot;", "\"").replace("&#x2f;", "/");
    let field = |name: &str| {
        let rest = plain.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("{name}:\n{plain}"));
        rest.split("\">").next().expect("a value ends").to_owned()
    };
    let (before, sign) = (field("before"), field("sign"));
    serde_urlencoded::to_string([("action", "undo"), ("before", before.as_str()), ("sign", sign.as_str())]).expect("a form")
}

async fn wants(town: &Town, who: &Address) -> Result<Preferences, Failed> {
    let id = town.prospect(who).await?.id;
    Ok(preferences::of(&mut town.node.ctx.store().read().await?, id, town.now()).await?)
}

async fn said(town: &Town, who: &Address, purpose: Purpose) -> Result<Vec<Consent>, Failed> {
    let id = town.prospect(who).await?.id;
    let all = consents::of(&mut town.node.ctx.store().read().await?, id).await?;
    Ok(all.into_iter().filter(|consent| consent.purpose == purpose).collect())
}

const ALL_AS_IT_WAS: &str = "action=save&shown=production&topic=production&shown=energy-costs&topic=energy-costs&pause=none&until=&\
                             language=en&language_shown=en";

story!(the_page_of_a_mail_that_was_passed_on_names_nobody_and_looking_changes_nothing, |town| {
    let ada = address("ada@albareda.example");
    first_issue(&town, &[&ada]).await?;
    let mail = town.newest_to(&ada)?;
    let url = own_page(&mail);
    assert!(mail.text.contains(&url), "both parts of the mail have it:\n{}", mail.text);
    let before = (town.prospect(&ada).await?, wants(&town, &ada).await?);
    for agent in [BROWSER, SCANNER, ""] {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            town.ask(method, &url, agent, ALL_AS_IT_WAS).await?;
        }
    }
    let page = town.ask(Method::GET, &url, BROWSER, "").await?;
    assert_eq!(page.status, 200);
    for words in ["a…@albareda.example", "Tecnofab", "production", "energy costs", "Do not note it any more"] {
        assert!(page.body.contains(words), "{words}:\n{}", page.body);
    }
    for hidden in ["Person", ada.as_str(), "Albareda", "<script", "&lt;"] {
        assert!(!page.body.contains(hidden), "{hidden}:\n{}", page.body);
    }
    // Each field has its words, and each button a form of its own.
    let inputs = page.body.matches("<input ").count() - page.body.matches("type=\"hidden\"").count();
    assert_eq!(page.body.matches("<label").count(), inputs + page.body.matches("<select").count(), "{}", page.body);
    assert_eq!(page.body.matches("<form method=\"post\"").count(), page.body.matches("<button").count());
    town.pass_to("2026-02-03T12:00:00Z").await?;
    assert_eq!((town.prospect(&ada).await?, wants(&town, &ada).await?), before);
    Ok(())
});

story!(what_is_chosen_there_holds_is_dated_and_can_be_taken_back, |town| {
    let ada = address("ada@albareda.example");
    first_issue(&town, &[&ada]).await?;
    let url = own_page(&town.newest_to(&ada)?);
    let same = post(&town, &url, ALL_AS_IT_WAS).await?;
    assert!(same.body.contains("Nothing was changed") && !same.body.contains("Undo"), "{}", same.body);
    let body = "action=save&shown=production&shown=energy-costs&topic=energy-costs&less_often=yes&pause=3&until=&language=es&\
                language_shown=en&tracking=stop";
    let done = post(&town, &url, body).await?;
    for words in
        ["Tecnofab ha anotado", "No más boletines sobre production", "Ningún boletín hasta el 3 de mayo de 2026", "Español"]
    {
        assert!(done.body.contains(words), "{words}:\n{}", done.body);
    }
    let wanted = wants(&town, &ada).await?;
    assert!(wanted.less_often && wanted.refused_topics == [name("production")].into(), "{wanted:?}");
    assert_eq!((wanted.paused_until, wanted.language), ("2026-05-03".parse().ok(), Some(Language::Spanish)));
    assert!(!town.prospect(&ada).await?.tracking_consent);
    let refusal = said(&town, &ada, Purpose::Tracking).await?.pop().expect("a statement");
    assert_eq!((refusal.given, refusal.source.as_str(), refusal.given_at), (false, "their own page", Some(town.now())));
    assert_eq!(refusal.wording.as_deref(), Some("Do not note it any more"), "the text as it was shown");
    let page = town.ask(Method::GET, &url, BROWSER, "").await?.body;
    for shown in ["<html lang=\"es\">", "En pausa hasta el 3 de mayo de 2026", "Acepto que Tecnofab anote"] {
        assert!(page.contains(shown), "{shown}:\n{page}");
    }
    // What was chosen is taken back by one press, and no second one does more.
    for _ in 0..2 {
        let undone = post(&town, &url, &undo(&done.body)).await?;
        assert!(
            undone.body.contains("Todo está como antes") || undone.body.contains("It is as it was before"),
            "{}",
            undone.body
        );
        let now = wants(&town, &ada).await?;
        assert_eq!(now, Preferences { language: Some(Language::English), ..Preferences::default() });
        assert!(!town.prospect(&ada).await?.tracking_consent, "a consent is given by its own box alone");
    }
    // A day later it is too late, and what was signed for one page opens no other.
    town.pass_to("2026-02-04T10:00:00Z").await?;
    let late = post(&town, &url, &undo(&done.body)).await?;
    assert!(late.body.contains("This cannot be undone any more"), "{}", late.body);
    Ok(())
});

story!(a_consent_to_be_tracked_needs_its_own_box_and_is_kept_with_its_text, |town| {
    let ada = address("ada@albareda.example");
    first_issue(&town, &[&ada]).await?;
    let url = own_page(&town.newest_to(&ada)?);
    post(&town, &url, &format!("{ALL_AS_IT_WAS}&tracking=stop")).await?;
    let page = town.ask(Method::GET, &url, BROWSER, "").await?.body;
    let tag = page.split("value=\"agree\"").nth(1).and_then(|rest| rest.split('>').next()).expect("a box");
    assert!(!tag.contains("checked"), "it is not ticked beforehand:\n{page}");
    // Without the box nothing is agreed to, whatever else is saved, and the box of the other state says nothing.
    for body in [ALL_AS_IT_WAS.to_owned(), format!("{ALL_AS_IT_WAS}&tracking=stop"), format!("{ALL_AS_IT_WAS}&tracking=yes")] {
        post(&town, &url, &body).await?;
        assert!(!town.prospect(&ada).await?.tracking_consent, "{body}");
    }
    town.pass_to("2026-02-03T11:00:00Z").await?;
    let agreed = post(&town, &url, &format!("{ALL_AS_IT_WAS}&tracking=agree")).await?;
    assert!(agreed.body.contains("Which links you open may be noted"), "{}", agreed.body);
    assert!(town.prospect(&ada).await?.tracking_consent);
    let all = said(&town, &ada, Purpose::Tracking).await?;
    let last = all.last().expect("a statement");
    assert!(last.given && last.given_at == Some(town.now()) && last.source == "their own page", "{last:?}");
    let text = last.wording.clone().unwrap_or_default();
    assert!(text.starts_with("I agree that Tecnofab notes which links") && page.contains(&text), "{text}");
    assert_eq!(all.iter().map(|consent| consent.given).collect::<Vec<_>>(), [true, false, true], "what was said before stays");
    post(&town, &url, &undo(&agreed.body)).await?;
    assert!(!town.prospect(&ada).await?.tracking_consent, "and is taken back by one press");
    Ok(())
});

story!(who_unsubscribes_by_mistake_is_written_to_again, |town| {
    let ada = address("ada@albareda.example");
    first_issue(&town, &[&ada]).await?;
    let url = own_page(&town.newest_to(&ada)?);
    let before = town.mails_to(&ada).len();
    let stop_of = async || Ok::<_, Failed>(town.prospect(&ada).await?.mail_stop);
    // Pressed twice, as people do: either answer has the way back.
    post(&town, &url, "action=stop").await?;
    let stopped = post(&town, &url, "action=stop").await?;
    assert!(
        stopped.body.contains("no more newsletters from Tecnofab") && stopped.body.contains("keep writing to me"),
        "{}",
        stopped.body
    );
    assert_eq!(stop_of().await?, Some(StopReason::Unsubscribed));
    let way_back = undo(&stopped.body);
    let forged = way_back.replacen("stopped", "as+often", 1);
    assert!(post(&town, &url, &forged).await?.body.contains("cannot be undone"));
    assert_eq!(stop_of().await?, Some(StopReason::Unsubscribed));
    let kept = post(&town, &url, &way_back).await?;
    assert!(kept.body.contains("You go on getting newsletters from Tecnofab."), "{}", kept.body);
    assert_eq!(stop_of().await?, None);
    let word = said(&town, &ada, Purpose::Mail).await?.pop().expect("their new word");
    assert!(word.given && word.wording.as_deref() == Some("This was a mistake: keep writing to me"), "{word:?}");
    town.pass_to("2026-03-03T09:30:00Z").await?;
    let mails = town.mails_to(&ada).len();
    assert_eq!(mails, before + 1, "the next issue comes");
    // The old way back lifts no later stop, and nobody else's.
    post(&town, &url, "action=stop").await?;
    assert!(post(&town, &url, &way_back).await?.body.contains("cannot be undone"));
    assert_eq!(stop_of().await?, Some(StopReason::Unsubscribed));
    town.pass_to("2026-04-08T09:30:00Z").await?;
    assert_eq!(town.mails_to(&ada).len(), mails);
    Ok(())
});

story!(the_button_behind_the_other_link_has_the_same_way_back, |town| {
    let ada = address("ada@albareda.example");
    first_issue(&town, &[&ada]).await?;
    let mail = town.newest_to(&ada)?;
    let stopped = post(&town, mail.unsubscribe.as_deref().expect("a link"), "").await?;
    assert!(stopped.body.contains("You are unsubscribed") && stopped.body.contains("keep writing to me"), "{}", stopped.body);
    assert_eq!(town.prospect(&ada).await?.mail_stop, Some(StopReason::Unsubscribed));
    let kept = post(&town, &own_page(&mail), &undo(&stopped.body)).await?;
    assert!(kept.body.contains("You go on getting newsletters from Tecnofab."), "{}", kept.body);
    assert_eq!(town.prospect(&ada).await?.mail_stop, None);
    Ok(())
});

story!(a_new_address_is_written_to_once_it_has_answered_and_the_old_one_is_told, |town| {
    let (ada, new) = (address("ada@albareda.example"), address("ada.vega@newplace.example"));
    first_issue(&town, &[&ada]).await?;
    let url = own_page(&town.newest_to(&ada)?);
    for bad in ["nobody", "ada@localhost", "marta@tecnofab.example", ""] {
        let body = serde_urlencoded::to_string([("action", "address"), ("email", bad)])?;
        assert_eq!(post(&town, &url, &body).await?.status, 422, "{bad}");
    }
    let ask = format!("action=address&email={new}");
    let asked = post(&town, &url, &ask).await?;
    assert!(asked.status == 200 && asked.body.contains("We ask your new address"), "{}", asked.body);
    assert_eq!(post(&town, &url, &ask).await?.status, 200, "pressed twice, it asks once");
    town.run_until_idle().await?;
    let id = town.prospect(&ada).await?.id;
    let question = town.mails_to(&new);
    assert_eq!(question.len(), 1);
    assert!(question[0].text.contains("a…@albareda.example") && !question[0].text.contains(ada.as_str()), "{}", question[0].text);
    let link = question[0].link("See what was asked").expect("a link");
    let page = town.ask(Method::GET, &link, BROWSER, "").await?.body;
    assert!(page.contains("Shall we write to you here?") && page.contains("a…@albareda.example"), "{page}");
    town.ask(Method::POST, &link, SCANNER, "").await?;
    assert!(town.prospect(&new).await.is_err(), "neither a look nor a program's press answers");
    assert!(post(&town, &link, "").await?.body.contains("From now on Tecnofab writes to you at this address."));
    let moved = town.prospect(&new).await?;
    assert_eq!((moved.id, moved.address.as_ref()), (id, Some(&new)));
    town.run_until_idle().await?;
    let told = town.newest_to(&ada)?;
    assert!(told.subject.contains("another address") && !told.text.contains("newplace"), "{}\n{}", told.subject, told.text);
    town.pass_to("2026-03-03T09:30:00Z").await?;
    assert!(town.newest_to(&new)?.unsubscribe.is_some(), "the next issue goes there");
    // From the old address it is put right, and its links never show the new one.
    for own in [url.clone(), told.link("Your preferences").expect("their page")] {
        let shown = town.ask(Method::GET, &own, BROWSER, "").await?.body;
        assert!(shown.contains("a…@albareda.example") && !shown.contains("newplace"), "{shown}");
    }
    let back = post(&town, &told.link("Your preferences").expect("their page"), &format!("action=address&email={ada}")).await?;
    assert_eq!(back.status, 200);
    town.run_until_idle().await?;
    let link = town.newest_to(&ada)?.link("See what was asked").expect("a link");
    post(&town, &link, "").await?;
    assert_eq!(town.prospect(&ada).await?.address.as_ref(), Some(&ada));
    Ok(())
});

story!(nobody_has_strangers_pestered_or_takes_an_address_that_is_known, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@bea-foods.example"));
    first_issue(&town, &[&ada, &bea]).await?;
    let url = own_page(&town.newest_to(&ada)?);
    let before = town.mails_to(&bea).len();
    // An address that we know is asked as any other, and the page says the same of it; it stays whose it is.
    let mut said = Vec::new();
    for to in [bea.as_str(), "one@other.example", "two@other.example", "three@other.example"] {
        said.push(post(&town, &url, &format!("action=address&email={to}")).await?.body);
    }
    assert!(said.windows(2).all(|two| two[0] == two[1]), "{said:?}");
    town.run_until_idle().await?;
    let asked = ["one@other.example", "two@other.example", "three@other.example"];
    let asked: Vec<usize> = asked.iter().map(|to| town.mails_to(&address(to)).len()).collect();
    assert_eq!(asked, [1, 1, 0], "three addresses a day");
    let question = town.mails_to(&bea)[before..].first().and_then(|mail| mail.link("See what was asked")).expect("a question");
    assert_eq!(post(&town, &question, "").await?.status, 409);
    assert!(town.prospect(&ada).await?.id != town.prospect(&bea).await?.id);
    // Who is forgotten takes the questions along.
    let one = town.newest_to(&address("one@other.example"))?.link("See what was asked").expect("a link");
    forget::forget(&town.node.ctx, &ada).await?;
    assert_eq!(post(&town, &one, "").await?.status, 410);
    Ok(())
});

story!(a_link_that_leads_to_nobody_says_the_same_whatever_the_reason, |town| {
    let ada = address("ada@albareda.example");
    first_issue(&town, &[&ada]).await?;
    let mail = town.newest_to(&ada)?;
    let url = own_page(&mail);
    let token = url.rsplit('/').next().expect("a token");
    let mut forged = token.to_owned();
    forged.replace_range(8..9, if &token[8..9] == "A" { "B" } else { "A" });
    let other_kind = mail.unsubscribe.expect("a link").rsplit('/').next().expect("a token").to_owned();
    forget::forget(&town.node.ctx, &ada).await?;
    let mut bodies = std::collections::BTreeSet::new();
    for bad in [token, &forged, &other_kind, "x"] {
        for (method, body) in [(Method::GET, ""), (Method::POST, "action=save"), (Method::POST, "action=stop")] {
            let answered = town.ask(method, &format!("/p/{bad}"), BROWSER, body).await?;
            assert_eq!(answered.status, 404);
            bodies.insert(answered.body);
        }
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let said = bodies.pop_first().expect("one");
    assert!(said.contains("action=\"&#x2f;u\"") || said.contains("action=\"/u\""), "they can still stop an address: {said}");
    Ok(())
});

story!(an_old_link_acts_on_the_person_whom_two_rows_turned_out_to_be, |town| {
    let (ada, other) = (address("ada@albareda.example"), address("ada@old.example"));
    first_issue(&town, &[&ada, &other]).await?;
    let (one, two) = (own_page(&town.newest_to(&ada)?), own_page(&town.newest_to(&other)?));
    merge::merge(&town.node.ctx, &ada, &other).await?;
    for (url, topic) in [(&one, "production"), (&two, "energy-costs")] {
        assert_eq!(post(&town, url, &format!("action=save&shown={topic}&pause=none&until=")).await?.status, 200);
    }
    assert_eq!(wants(&town, &ada).await?.refused_topics, [name("production"), name("energy-costs")].into());
    assert!(post(&town, &two, "action=stop").await?.body.contains("keep writing to me"));
    assert_eq!(town.prospect(&ada).await?.mail_stop, Some(StopReason::Unsubscribed));
    Ok(())
});

story!(a_post_that_the_page_did_not_make_changes_nothing, |town| {
    let ada = address("ada@albareda.example");
    first_issue(&town, &[&ada]).await?;
    let url = own_page(&town.newest_to(&ada)?);
    let before = (town.prospect(&ada).await?, wants(&town, &ada).await?);
    for body in [
        "",
        "visit=x",
        "List-Unsubscribe=One-Click",
        "action=save&pause=day&until=",
        "action=save&pause=day&until=2026-02-03",
        "action=save&pause=day&until=2030-01-01",
        "action=save&pause=99&until=",
        "action=save&until=soon",
        "action=undo&before=%5B%5D&sign=x",
        "action=save&shown=no-such-topic&shown=%00&language=de&language_shown=en",
        "action=forget",
    ] {
        let answered = post(&town, &url, body).await?;
        assert!(answered.status == 200 || answered.status == 422, "{body}: {}", answered.status);
        assert_eq!((town.prospect(&ada).await?, wants(&town, &ada).await?), before, "{body}");
    }
    // A program that presses is shown the page; nor does a body of another kind say anything.
    let pressed = town.ask(Method::POST, &url, SCANNER, "action=save&less_often=yes").await?;
    assert!(pressed.body.contains("not sent by a browser"), "{}", pressed.body);
    let json = send(&town, Method::POST, &url, &[("user-agent", BROWSER), ("content-type", "application/json")], b"{}").await?;
    assert_eq!(json.status, 200);
    assert_eq!(wants(&town, &ada).await?, before.1);
    Ok(())
});
