//! Answers: given on a page that was shown, by a person, once; corrected by whoever gave them.

use super::door::{asked, recorded, signals_of};
use super::{Told, address, story};
use axum::http::Method;
use jiff::SignedDuration;
use nurtured::domain::criterion::Criterion::{Budget, Need};
use nurtured::domain::doorway::qualification::Verdict;
use nurtured::domain::doorway::signal::Detail;
use nurtured::town::{BROWSER, SCANNER};

story!(an_answer_counts_only_from_a_page_that_was_shown, |town| {
    let links = asked(&town, "ada@albareda.example").await?;
    let ada = address("ada@albareda.example");
    let before = recorded(&town).await?;
    let other = town.ask(Method::GET, &links[1], BROWSER, "").await?.visit().to_owned();
    let own = town.ask(Method::GET, &links[0], BROWSER, "").await?.visit().to_owned();
    let bad = format!("{}{}", if own.starts_with('A') { "B" } else { "A" }, &own[1..]);
    for visit in ["", "1", &bad, &other, &"9".repeat(5_000), "%00"] {
        let shown = town.ask(Method::POST, &links[0], BROWSER, &format!("visit={visit}")).await?;
        assert!(shown.status == 200 && shown.body.contains("once more") && !shown.visit().is_empty(), "{}", shown.body);
    }
    town.clock.advance(SignedDuration::from_hours(24));
    let shown = town.ask(Method::POST, &links[0], BROWSER, &format!("visit={own}")).await?;
    assert_eq!(recorded(&town).await?, before, "none of these is an answer");
    // The page that is shown again is as good as the first.
    let thanks = town.ask(Method::POST, &links[0], BROWSER, &format!("visit={}", shown.visit())).await?;
    assert!(thanks.body.contains("We noted: “More than 20 hours”"), "{}", thanks.body);
    // Twice is once.
    town.ask(Method::POST, &links[0], BROWSER, &format!("visit={}", shown.visit())).await?;
    assert_eq!(recorded(&town).await?, before + 1);
    assert_eq!(town.verdicts(&ada).await?.findings()[Need].verdict, Verdict::Met);
    Ok(())
});

story!(a_machine_that_posts_answers_proves_nothing, |town| {
    let links = asked(&town, "ada@albareda.example").await?;
    let ada = address("ada@albareda.example");
    let unknown = async |what: &str| -> Told {
        let found = town.verdicts(&ada).await?;
        assert_eq!(found.findings()[Need].verdict, Verdict::Unknown, "{what}");
        assert_eq!(found.newest_human_at(), None, "{what}");
        Ok(())
    };
    // One that says what it is, and one that says nothing.
    for agent in [SCANNER, ""] {
        town.press(&links[0], agent).await?;
        unknown(agent).await?;
        town.clock.advance(SignedDuration::from_mins(5));
    }
    // One that calls itself a browser, and presses every button there is.
    for link in &links {
        town.press(link, BROWSER).await?;
    }
    unknown("all answers at once").await?;
    town.clock.advance(SignedDuration::from_mins(5));
    // One that follows a link and presses a button in the same moment.
    town.click(&ada, "Do the sum").await?;
    town.clock.advance(SignedDuration::from_secs(2));
    town.press(&links[0], BROWSER).await?;
    unknown("a link and an answer at once").await?;
    let kept = signals_of(&town, ada.as_str()).await?;
    assert_eq!(kept.iter().filter(|s| matches!(s.detail, Detail::Answer { .. })).count(), 7, "all of it is kept");
    // A person comes later, and is heard; what a scanner says in between takes nothing away.
    town.clock.advance(SignedDuration::from_mins(5));
    town.press(&links[0], BROWSER).await?;
    town.clock.advance(SignedDuration::from_secs(1));
    town.press(&links[3], SCANNER).await?;
    assert_eq!(town.verdicts(&ada).await?.findings()[Need].verdict, Verdict::Met);
    Ok(())
});

story!(a_correction_within_the_minute_replaces_the_first_answer, |town| {
    let links = asked(&town, "ada@albareda.example").await?;
    let ada = address("ada@albareda.example");
    town.press(&links[0], BROWSER).await?;
    assert_eq!(town.verdicts(&ada).await?.findings()[Need].verdict, Verdict::Met);
    town.clock.advance(SignedDuration::from_secs(20));
    // An answer that proves nothing: the first one is gone all the same.
    town.press(&links[3], BROWSER).await?;
    assert_eq!(town.verdicts(&ada).await?.findings()[Need].verdict, Verdict::Unknown);
    town.clock.advance(SignedDuration::from_secs(20));
    town.press(&links[1], BROWSER).await?;
    let need = town.verdicts(&ada).await?.findings()[Need].clone();
    assert_eq!((need.verdict, need.cites.len()), (Verdict::Met, 1));
    assert!(need.cites[0].words.contains("5 to 20 hours"), "{:?}", need.cites);
    Ok(())
});

story!(contradictory_answers_of_different_visitors_stay_void, |town| {
    let links = asked(&town, "ada@albareda.example").await?;
    let ada = address("ada@albareda.example");
    let other = BROWSER.replace("Chrome/142", "Chrome/141");
    town.press(&links[0], BROWSER).await?;
    town.clock.advance(SignedDuration::from_secs(20));
    town.press(&links[2], &other).await?;
    assert_eq!(town.verdicts(&ada).await?.findings()[Need].verdict, Verdict::Unknown);
    assert_eq!(town.verdicts(&ada).await?.ignored().len(), 2);
    Ok(())
});

story!(what_the_page_asked_further_is_answered_once_and_nothing_else_is, |town| {
    let links = asked(&town, "ada@albareda.example").await?;
    let ada = address("ada@albareda.example");
    let first = town.ask(Method::GET, &links[0], BROWSER, "").await?.visit().to_owned();
    // The page that asked nothing further takes nothing further.
    let none = town.ask(Method::POST, &links[0], BROWSER, &format!("more=yes&visit={first}&budget=0&authority=0")).await?;
    assert!(none.body.contains("nothing more"), "{}", none.body);
    let thanks = town.ask(Method::POST, &links[0], BROWSER, &format!("visit={first}")).await?;
    let asks = |body: &str, what: &str| body.contains(&format!("name=\"{what}\""));
    assert!(asks(&thanks.body, "vision") && asks(&thanks.body, "budget") && !asks(&thanks.body, "authority"));
    let further = thanks.visit().to_owned();
    let body = |budget: u8| format!("more=yes&visit={further}&budget={budget}&authority=0&timeframe=0");
    let noted = town.ask(Method::POST, &links[0], BROWSER, &body(0)).await?;
    assert!(noted.body.contains("Yes, over 50,000 €") && !noted.body.contains("I do"), "{}", noted.body);
    // Another answer from the same page is not another answer.
    town.clock.advance(SignedDuration::from_mins(2));
    let again = town.ask(Method::POST, &links[0], BROWSER, &body(3)).await?;
    assert!(again.body.contains("noted already") && !again.body.contains("We noted"), "{}", again.body);
    let found = town.verdicts(&ada).await?;
    assert_eq!(found.findings()[Budget].verdict, Verdict::Met);
    assert_eq!(found.met(), 2, "only what was asked");
    // Nor does the further page confirm what the mail asked.
    let shown = town.ask(Method::POST, &links[0], BROWSER, &format!("visit={further}")).await?;
    assert!(shown.body.contains("once more"), "{}", shown.body);
    Ok(())
});

story!(whoever_presses_every_button_at_once_answers_nothing_further_either, |town| {
    let links = asked(&town, "ada@albareda.example").await?;
    let ada = address("ada@albareda.example");
    // Two answers at once, and then, as the page asks it, what else it would like to know.
    let thanks = town.press(&links[0], BROWSER).await?;
    town.press(&links[1], BROWSER).await?;
    town.clock.advance(SignedDuration::from_mins(5));
    let further = format!("more=yes&visit={}&vision=0&budget=0", thanks.visit());
    let noted = town.ask(Method::POST, &links[0], BROWSER, &further).await?;
    assert!(noted.body.contains("Yes, over 50,000 €"), "{}", noted.body);
    let found = town.verdicts(&ada).await?;
    assert_eq!((found.met(), found.findings()[Budget].verdict), (0, Verdict::Unknown));
    Ok(())
});
