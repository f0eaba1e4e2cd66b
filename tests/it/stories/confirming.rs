//! One link answers for all that waits, and for nothing that is not ticked.

use super::request::signals_of;
use super::request::{replan, send};
use super::unconfirmed::{questions, type_in, waiting};
use super::{Told, address, story};
use axum::http::Method;
use nurtured::domain::address::Address;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::qualification::Verdict;
use nurtured::domain::doorway::signal::{Detail, Signal};
use nurtured::domain::language::Language;
use nurtured::town::{BROWSER, SCANNER, Town};

/// The boxes of a page: what each sends, and whether it is ticked.
fn boxes(page: &str) -> Vec<(String, bool)> {
    let found = page.split("name=\"form\" value=\"").skip(1).map(|rest| rest.split_once('"').expect("a value ends"));
    found.map(|(value, rest)| (value.to_owned(), rest.split('>').next().is_some_and(|tag| tag.contains("checked")))).collect()
}

fn ticked<'a>(values: impl IntoIterator<Item = &'a String>) -> String {
    values.into_iter().fold("boxes=1".to_owned(), |body, value| format!("{body}&form={value}"))
}

fn link(town: &Town, who: &Address) -> String {
    questions(town, who)[0].link("confirm it").expect("a link")
}

async fn forms(town: &Town, who: &Address) -> Result<Vec<Signal>, Box<dyn std::error::Error + Send + Sync>> {
    let signals = signals_of(town, who).await?.into_iter();
    Ok(signals.filter(|signal| matches!(signal.detail, Detail::Form { .. })).collect())
}

/// A form about the quote, and one that asks to be called.
async fn twice(town: &Town, who: &Address) -> Told {
    type_in(town, "quote", who, &[("lines", "4"), ("budget", "60000")]).await?;
    type_in(town, "call-me", who, &[("message", "<b>ring</b> me")]).await?;
    assert_eq!(questions(town, who).len(), 1, "one mail a day");
    assert_eq!(waiting(town).await?, (2, 1));
    Ok(())
}

story!(whoever_typed_twice_answers_once, |town| {
    let who = address("ada@albareda.example");
    twice(&town, &who).await?;
    town.pass_to("2026-01-14T10:00:00Z").await?;
    let url = link(&town, &who);
    let page = town.ask(Method::GET, &url, BROWSER, "").await?.body;
    for shown in ["quote", "call-me", "12 January 2026", "60000", "&lt;b&gt;ring"] {
        assert!(page.contains(shown), "{shown} is missing in {page}");
    }
    let boxes = boxes(&page);
    assert_eq!(boxes.iter().map(|(_, ticked)| *ticked).collect::<Vec<_>>(), [true, false], "only the form that the link names");
    let answered = town.ask(Method::POST, &url, BROWSER, &ticked(boxes.iter().map(|(value, _)| value))).await?;
    assert_eq!(answered.status, 200);
    let now = town.now();
    town.run_until_idle().await?;
    let confirmed = forms(&town, &who).await?;
    assert!(confirmed.len() == 2 && confirmed.iter().all(|form| form.occurred_at == now), "{confirmed:?}");
    assert_eq!(waiting(&town).await?, (0, 0));
    assert_eq!(town.verdicts(&who).await?.findings()[Criterion::Budget].since, Some(now), "each as of the answer");
    assert_eq!(town.handoffs_of(&who).await?.len(), 1, "and the one that asks is heard, once");
    // Pressed again, it says thanks and changes nothing.
    assert_eq!(town.ask(Method::POST, &url, BROWSER, &ticked(boxes.iter().map(|(value, _)| value))).await?.status, 200);
    assert_eq!(forms(&town, &who).await?.len(), 2);
    Ok(())
});

story!(what_is_not_ticked_stays_unconfirmed, |town| {
    let who = address("ada@albareda.example");
    twice(&town, &who).await?;
    let url = link(&town, &who);
    let boxes = boxes(&town.ask(Method::GET, &url, BROWSER, "").await?.body);
    // As a browser sends the page when somebody only presses its button: what was ticked beforehand.
    let own = ticked(boxes.iter().filter(|(_, ticked)| *ticked).map(|(value, _)| value));
    assert_eq!(town.ask(Method::POST, &url, SCANNER, &own).await?.status, 200);
    assert_eq!(waiting(&town).await?.0, 2, "a program that presses it confirms nothing");
    assert_eq!(town.ask(Method::POST, &url, BROWSER, &own).await?.status, 200);
    town.run_until_idle().await?;
    assert_eq!((waiting(&town).await?.0, forms(&town, &who).await?.len()), (1, 1));
    assert!(town.verdicts(&who).await?.request().is_none(), "the stranger's request is nobody's word");
    // The link is used: whoever has it later answers for nothing more.
    let rest = ticked(boxes.iter().map(|(value, _)| value));
    assert!(town.ask(Method::POST, &url, BROWSER, &rest).await?.body.contains("Thank you"));
    assert_eq!(waiting(&town).await?.0, 1);
    Ok(())
});

story!(a_page_on_which_nothing_is_ticked_confirms_nothing, |town| {
    let (ada, eve) = (address("ada@albareda.example"), address("eve@unknown.example"));
    twice(&town, &ada).await?;
    type_in(&town, "call-me", &eve, &[("message", "eve")]).await?;
    type_in(&town, "quote", &eve, &[("message", "eve again")]).await?;
    let (url, theirs) = (link(&town, &ada), link(&town, &eve));
    let of_eve = boxes(&town.ask(Method::GET, &theirs, BROWSER, "").await?.body);
    let of_ada = boxes(&town.ask(Method::GET, &url, BROWSER, "").await?.body);
    let id = of_ada[1].0.split('-').next().expect("an id").to_owned();
    let forged = [format!("{id}-0000"), id, "1".to_owned(), String::new()];
    // Nothing, what another address would have to tick, and what is no form of hers.
    for body in [ticked([]), ticked(of_eve.iter().map(|(value, _)| value)), ticked(&forged)] {
        let answered = town.ask(Method::POST, &url, BROWSER, &body).await?;
        assert!(answered.status == 200 && answered.body.contains("Was it you?"), "{body}: {}", answered.body);
        assert_eq!(waiting(&town).await?.0, 4, "{body}");
    }
    assert!(town.prospect(&ada).await.is_err() && town.prospect(&eve).await.is_err());
    Ok(())
});

story!(several_forms_are_asked_about_in_the_readers_language, |town| {
    replan(&town, |plan| plan.settings.organisation.languages = vec![Language::English, Language::Spanish])?;
    let who = address("ada@albareda.example");
    twice(&town, &who).await?;
    let headers = [("user-agent", BROWSER), ("accept-language", "es")];
    let page = send(&town, Method::GET, &link(&town, &who), &headers, b"").await?.body;
    for words in
        ["Marque, por favor, los que rellenó usted", "El 12 de enero de 2026, en el formulario «quote»", "los marcados son míos"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(town.prospect(&who).await.is_err());
    Ok(())
});

story!(of_many_forms_the_own_one_is_always_shown, |town| {
    let who = address("ada@albareda.example");
    for n in 0..30 {
        type_in(&town, "webinar", &who, &[("message", &format!("number {n}."))]).await?;
    }
    let url = link(&town, &who);
    let page = town.ask(Method::GET, &url, BROWSER, "").await?.body;
    let shown = boxes(&page);
    assert!(page.contains("number 0.") && page.contains("number 29.") && !page.contains("number 5."), "{page}");
    assert_eq!((shown.len(), shown[0].1), (21, true));
    assert_eq!(town.ask(Method::POST, &url, BROWSER, &ticked(shown.iter().map(|(value, _)| value))).await?.status, 200);
    town.run_until_idle().await?;
    assert_eq!((forms(&town, &who).await?.len(), waiting(&town).await?.0), (21, 9), "what was not shown is not answered for");
    assert_eq!(town.verdicts(&who).await?.findings()[Criterion::Budget].verdict, Verdict::Unknown);
    Ok(())
});
