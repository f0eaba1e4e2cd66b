//! No is no, also outside lists: in a form, through the API, by one click.

use super::request::{CRM, SHOP, call, open_api};
use super::unconfirmed::{questions, type_in, waiting};
use super::{FIRST_ISSUE, Told, address, somebody, story};
use axum::http::Method;
use nurtured::domain::address::Address;
use nurtured::domain::prospect::Standing;
use nurtured::domain::suppression::StopReason;
use nurtured::town::{BROWSER, Town};

async fn stop_of(town: &Town, who: &Address) -> Result<Option<StopReason>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(town.prospect(who).await?.mail_stop)
}

/// Passes half a year; whoever said no gets no newsletter.
async fn gets_no_newsletter(town: &Town, all: &[Address]) -> Told {
    town.pass_to("2026-07-15T09:00:00Z").await?;
    for who in all {
        assert!(town.mails_to(who).iter().all(|mail| mail.unsubscribe.is_none()), "{who}");
    }
    Ok(())
}

story!(a_no_in_a_form_is_a_no_in_whatever_field_and_language, |town| {
    let fields = [
        ("newsletter", "no"),
        ("unsubscribe", "on"),
        ("marketing_consent", "0"),
        ("keine_werbung", "ja"),
        ("acepta_publicidad", "no"),
        ("desabonnement", "oui"),
    ];
    let mut all = Vec::new();
    for (n, field) in fields.into_iter().enumerate() {
        let who = address(&format!("p{n}@plant{n}.example"));
        // Some were known before, and others come with their no.
        if n % 2 == 0 {
            town.admit(&[somebody(who.as_str())], "import").await?;
        }
        assert_eq!(town.fill_in("quote", &[("email", who.as_str()), ("lines", "4"), field]).await?.status, 200);
        assert_eq!(stop_of(&town, &who).await?, Some(StopReason::OptedOut), "{field:?}");
        assert_eq!(town.prospect(&who).await?.standing, Standing::Nurturing, "they may still be called: {field:?}");
        all.push(who);
    }
    gets_no_newsletter(&town, &all).await
});

story!(a_box_that_is_not_ticked_is_a_no_where_the_form_says_so, |town| {
    let (ada, bea, cy) = (address("ada@albareda.example"), address("bea@bea-foods.example"), address("cy@cy-foods.example"));
    // A hidden field before the box says what it is when it is not ticked; a form without one says nothing.
    for (who, boxes) in [(&ada, &["0", "1"][..]), (&bea, &["0"]), (&cy, &[])] {
        let fields: Vec<_> =
            [("email", who.as_str()), ("lines", "4")].into_iter().chain(boxes.iter().map(|b| ("newsletter", *b))).collect();
        town.fill_in("quote", &fields).await?;
    }
    assert_eq!((stop_of(&town, &ada).await?, stop_of(&town, &cy).await?), (None, None));
    assert_eq!(stop_of(&town, &bea).await?, Some(StopReason::OptedOut));
    Ok(())
});

story!(a_no_that_a_stranger_types_stops_nobody_until_it_is_confirmed, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    type_in(&town, "quote", &ada, &[("unsubscribe", "yes"), ("lines", "9")]).await?;
    assert_eq!(stop_of(&town, &ada).await?, None, "anybody may have typed it");
    let url = questions(&town, &ada)[0].link("confirm it").expect("a link");
    let page = town.ask(Method::GET, &url, BROWSER, "").await?.body;
    assert!(page.contains("No more newsletters from Tecnofab.") && !page.contains("email_opt_out"), "{page}");
    assert_eq!(town.ask(Method::POST, &url, BROWSER, "").await?.status, 200);
    town.run_until_idle().await?;
    assert_eq!((stop_of(&town, &ada).await?, waiting(&town).await?.0), (Some(StopReason::OptedOut), 0));
    gets_no_newsletter(&town, &[ada]).await
});

story!(a_no_through_the_api_is_a_no, |town| {
    open_api(&town)?;
    let all: Vec<Address> = (0..4).map(|n| address(&format!("p{n}@plant{n}.example"))).collect();
    let page = format!(
        r#"[{{"email":"{}","email_opt_out":true}},{{"email":"{}","consents":[{{"purpose":"mail","given":false}}]}}]"#,
        all[0], all[1]
    );
    assert_eq!(call(&town, "/v1/prospects", CRM, "page", &page).await?.status, 200);
    for (who, field) in [(&all[2], r#""newsletter":"no""#), (&all[3], r#""Unsubscribe from all":"true""#)] {
        let body = format!(r#"{{"email":"{who}","form":"quote","fields":{{"lines":"4",{field}}}}}"#);
        assert_eq!(call(&town, "/v1/signals", SHOP, who.as_str(), &body).await?.status, 201);
    }
    for who in &all {
        assert_eq!(stop_of(&town, who).await?, Some(StopReason::OptedOut), "{who}");
    }
    gets_no_newsletter(&town, &all).await
});

story!(a_later_yes_takes_no_no_back, |town| {
    open_api(&town)?;
    let ada = address("ada@albareda.example");
    for (key, said) in [("first", "no"), ("second", "yes")] {
        let body = format!(r#"{{"email":"{ada}","form":"quote","fields":{{"lines":"4","newsletter":"{said}"}}}}"#);
        assert_eq!(call(&town, "/v1/signals", SHOP, key, &body).await?.status, 201);
        assert_eq!(stop_of(&town, &ada).await?, Some(StopReason::OptedOut), "{said}");
    }
    Ok(())
});

story!(one_click_is_a_no, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let before = town.mails_to(&ada).len();
    assert_eq!(town.unsubscribe(&ada).await?.status, 200);
    assert_eq!(stop_of(&town, &ada).await?, Some(StopReason::Unsubscribed));
    town.pass_to("2026-07-15T09:00:00Z").await?;
    assert_eq!(town.mails_to(&ada).len(), before);
    Ok(())
});
