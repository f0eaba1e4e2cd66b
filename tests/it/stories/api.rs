//! Other systems report: each under its own token, once for each of its keys.

use super::evidence::click;
use super::request::{CRM, SHOP, call, from, open_api, send, signals_of};
use super::{address, name, somebody, story};
use axum::http::Method;
use nurtured::domain::doorway::signal::{Detail, NewSignal, Touch};
use nurtured::domain::span::Span;
use nurtured::domain::suppression::StopReason;
use nurtured::flow::doorway::api::{ApiKey, Called, report_page};
use nurtured::flow::doorway::observe::Observed;
use nurtured::flow::operations::forget::forget;
use nurtured::store::doorway::api_keys;
use nurtured::store::operations::counts;
use nurtured::web::limits::Limits;

const SIGNALS: &str = "/v1/signals";
const PROSPECTS: &str = "/v1/prospects";

story!(a_key_belongs_to_its_token, |town| {
    open_api(&town)?;
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let body = r#"{"email":"ada@albareda.example","form":"webinar"}"#;
    for (secret, status, word) in [(SHOP, 201, "new"), (SHOP, 200, "again"), (CRM, 201, "new"), (CRM, 200, "again")] {
        let answer = call(&town, SIGNALS, secret, "order-1", body).await?;
        assert_eq!((answer.status.as_u16(), answer.json()["status"].as_str()), (status, Some(word)), "{}", answer.body);
    }
    let forms = signals_of(&town, &ada).await?.into_iter().filter(|signal| matches!(signal.detail, Detail::Form { .. }));
    assert_eq!(forms.count(), 2, "one for each token");
    Ok(())
});

story!(the_same_key_with_another_body_is_refused, |town| {
    open_api(&town)?;
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let body = |event: &str| format!(r#"{{"email":"ada@albareda.example","event":"{event}"}}"#);
    assert_eq!(call(&town, SIGNALS, SHOP, "k", &body("trial")).await?.status, 201);
    let other = call(&town, SIGNALS, SHOP, "k", &body("visit")).await?;
    assert_eq!(other.status, 409);
    assert!(other.json()["detail"].as_str().expect("words").contains("another body"), "{}", other.body);
    assert_eq!(call(&town, SIGNALS, SHOP, "k", &body("trial")).await?.status, 200, "the first stays what it was");

    let page = r#"[{"email":"bea@bea-foods.example"}]"#;
    let first = call(&town, PROSPECTS, CRM, "p", page).await?;
    assert_eq!((first.status.as_u16(), first.json()["rows"][0]["status"].as_str()), (200, Some("added")));
    assert_eq!(call(&town, PROSPECTS, CRM, "p", page).await?.json(), first.json(), "the same answer, not \"known\"");
    assert_eq!(call(&town, PROSPECTS, CRM, "p", r#"[{"email":"eve@bea-foods.example"}]"#).await?.status, 409);
    assert!(town.prospect(&address("eve@bea-foods.example")).await.is_err());

    // An address that is not known yet gives its key back.
    let unknown = body("trial").replace("ada@", "new@");
    assert_eq!(call(&town, SIGNALS, SHOP, "late", &unknown).await?.status, 404);
    assert_eq!(call(&town, SIGNALS, SHOP, "late", &body("demo")).await?.status, 201);
    Ok(())
});

story!(a_key_is_forgotten_after_thirty_days_and_its_signal_stays_one, |town| {
    open_api(&town)?;
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let body = r#"{"email":"ada@albareda.example","event":"trial"}"#;
    assert_eq!(call(&town, SIGNALS, SHOP, "k", body).await?.status, 201);
    town.clock.move_to(Span::days(31).after(town.now()));
    let key = api_keys::ApiKey { token: "shop".to_owned(), key: "k".to_owned(), body: "another".to_owned() };
    let mut tx = town.node.ctx.store().write().await?;
    assert_eq!(api_keys::claim(&mut tx, &key, town.now()).await?, api_keys::Claimed::New);
    tx.rollback().await?;
    assert_eq!(call(&town, SIGNALS, SHOP, "k", body).await?.json()["status"], "again");
    Ok(())
});

story!(an_old_form_asks_for_nobody_today, |town| {
    open_api(&town)?;
    let (old, new) = (address("old@albareda.example"), address("new@bea-foods.example"));
    town.admit(&[somebody(old.as_str()), somebody(new.as_str())], "import").await?;
    for (who, days, key) in [(&old, 2, "a"), (&new, 0, "b")] {
        let at = Span::days(days).before(town.now());
        let body = format!(r#"{{"email":"{who}","form":"call-me","occurred_at":"{at}"}}"#);
        assert_eq!(call(&town, SIGNALS, SHOP, key, &body).await?.status, 201);
    }
    town.run_until_idle().await?;
    assert!(town.handoffs_of(&old).await?.is_empty(), "what was asked the day before yesterday is history");
    assert_eq!(town.handoffs_of(&new).await?.len(), 1);
    let future = r#"{"email":"old@albareda.example","form":"call-me","occurred_at":"2026-01-13T08:00:00Z"}"#;
    let refused = call(&town, SIGNALS, SHOP, "c", future).await?;
    assert_eq!((refused.status.as_u16(), refused.json()["where"].as_str()), (422, Some("occurred_at")));
    Ok(())
});

story!(a_token_does_only_what_it_may, |town| {
    open_api(&town)?;
    town.admit(&[somebody("ada@albareda.example")], "import").await?;
    let touch = |by: &str| format!(r#"{{"email":"ada@albareda.example","touch":"call","by":"{by}","note":"hello"}}"#);
    for (secret, path, body, status, words) in [
        (SHOP, SIGNALS, touch("marta"), 403, "marta"),
        (SHOP, SIGNALS, touch("marta").replace(r#""by":"marta","#, ""), 403, "\"touches\""),
        (CRM, SIGNALS, touch("dana"), 403, "on behalf of dana"),
        (CRM, SIGNALS, touch("nobody"), 422, "not on the roster"),
        (CRM, SIGNALS, touch("marta"), 201, "new"),
        (CRM, SIGNALS, r#"{"email":"ada@albareda.example","event":"trial"}"#.to_owned(), 403, "\"signals\""),
        (SHOP, PROSPECTS, r#"{"email":"bea@bea-foods.example"}"#.to_owned(), 403, "\"prospects\""),
    ] {
        let answer = call(&town, path, secret, &body, &body).await?;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.body);
        assert!(answer.json().to_string().replace('\\', "").contains(words), "{words}: {}", answer.body);
    }
    assert!(town.prospect(&address("bea@bea-foods.example")).await.is_err());
    Ok(())
});

story!(a_form_through_the_api_passes_the_doors_checks, |town| {
    open_api(&town)?;
    for email in [
        "dana@tecnofab.example",
        "somebody.else@tecnofab.example",
        "bounces@news.tecnofab.example",
        "root@localhost",
        "a@printer.local",
        "a@10.0x7f",
    ] {
        let refused = call(&town, SIGNALS, SHOP, email, &format!(r#"{{"email":"{email}","form":"quote"}}"#)).await?;
        assert_eq!((refused.status.as_u16(), refused.json()["where"].as_str()), (422, Some("email")), "{email}");
    }
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let body = r#"{"email":"ada@albareda.example","form":"quote","fields":{"name[]":" Ada\u0000\u202e","lines":"4",
        "message":"one\r\ntwo","utm_source":"somewhere","__proto__":"x"}}"#;
    assert_eq!(call(&town, SIGNALS, SHOP, "k", body).await?.status, 201);
    let kept = signals_of(&town, &ada).await?.into_iter().find_map(|signal| match signal.detail {
        Detail::Form { fields, .. } => Some(fields),
        _ => None,
    });
    let expected =
        [("lines", "4"), ("message", "one\ntwo"), ("name", "Ada")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(kept, Some(expected.into()));
    Ok(())
});

story!(a_wrong_token_is_limited, |town| {
    let mut town = town;
    town.node.site.limits = Limits::default();
    let guess = r#"{"email":"ada@albareda.example","event":"trial"}"#;
    assert_eq!(call(&town, SIGNALS, SHOP, "k", guess).await?.status, 403, "without a token the API is closed");
    open_api(&town)?;
    town.admit(&[somebody("ada@albareda.example")], "import").await?;
    let nothing = send(&town, Method::POST, SIGNALS, &[("idempotency-key", "k")], guess.as_bytes()).await?;
    assert_eq!((nothing.status.as_u16(), nothing.header("www-authenticate")), (401, Some("Bearer")));
    for number in 0..14 {
        let wrong = call(&town, SIGNALS, &format!("wrong-{number}"), "k", guess).await?;
        assert_eq!(wrong.status.as_u16(), if number < 10 { 401 } else { 429 }, "guess {number}");
        assert_eq!(wrong.header("retry-after").is_some(), number >= 10);
        assert!(!wrong.body.contains("wrong-"), "{}", wrong.body);
    }
    assert_eq!(call(&town, SIGNALS, SHOP, "k", guess).await?.status, 201, "nobody locks a genuine token out");
    let elsewhere = [("authorization", "Bearer wrong"), ("idempotency-key", "k")];
    assert_eq!(from(&town, [192, 0, 2, 2], (Method::POST, SIGNALS), &elsewhere, guess.as_bytes()).await?.status, 401);
    town.clock.move_to(Span::minutes(11).after(town.now()));
    assert_eq!(call(&town, SIGNALS, "wrong", "k", guess).await?.status, 401, "after ten minutes it is forgotten");
    Ok(())
});

story!(a_page_of_prospects_is_answered_one_by_one, |town| {
    open_api(&town)?;
    town.admit(&[somebody("ada@albareda.example")], "import").await?;
    let page = r#"{ "as_of": "2026-01-10", "prospects": [
        { "email": "ada@albareda.example", "phone": "+34 600", "fields": { "employees": 600 } },
        { "email": "bea@bea-foods.example", "name": "Bea", "owner": "nobody", "tags": ["fair-2026"] },
        { "email": "not an address" },
        { "email": "eve@bea-foods.example", "fields": { "size": 3 } },
        { "email": "Bea@bea-foods.example", "email_opt_out": true } ] }"#;
    let answer = call(&town, PROSPECTS, CRM, "", page).await?;
    let told = answer.json();
    assert_eq!(answer.status, 200);
    let rows: Vec<_> =
        told["rows"].as_array().expect("rows").iter().map(|row| row["status"].as_str().unwrap_or_default()).collect();
    assert_eq!(rows, ["known", "added", "refused", "refused", "known"], "{told}");
    assert_eq!((told["added"].as_u64(), told["changed"].as_u64(), told["refused"].as_u64()), (Some(1), Some(1), Some(2)));
    assert_eq!(told["rows"][2]["where"], "prospects[2].email");
    assert_eq!(told["rows"][3]["where"], "prospects[3].fields.size");
    assert!(told["rows"][1]["note"].as_str().expect("a note").contains("owner") && !told.to_string().contains("not an address"));
    let ada = town.prospect(&address("ada@albareda.example")).await?;
    assert_eq!(ada.fields.get(&name("employees")).map(String::as_str), Some("600"));
    let bea = town.prospect(&address("bea@bea-foods.example")).await?;
    assert_eq!((bea.name.as_deref(), bea.mail_stop), (Some("Bea"), Some(StopReason::OptedOut)));

    let one = call(&town, PROSPECTS, CRM, "", r#"{"email":"gil@riba.example"}"#).await?;
    assert_eq!(one.status, 201);
    for (body, place) in [(r#"{"email":"gil"}"#, "email"), ("{", "line 1, column 1"), (r#"{"prospects":7}"#, "prospects")] {
        let refused = call(&town, PROSPECTS, CRM, "", body).await?;
        assert_eq!((refused.status.as_u16(), refused.json()["where"].as_str()), (422, Some(place)), "{}", refused.body);
    }
    let large = format!("[{}]", vec![r#"{"email":"gil@riba.example"}"#; 1_001].join(","));
    assert_eq!(call(&town, PROSPECTS, CRM, "", &large).await?.status, 422);
    assert_eq!(call(&town, PROSPECTS, CRM, "", &" ".repeat(3 << 20)).await?.status, 413);
    Ok(())
});

story!(a_list_of_touches_keeps_nothing_of_a_person_who_was_forgotten, |town| {
    let ctx = &town.node.ctx;
    let (ada, bea) = (address("ada@albareda.example"), address("bea@bea-foods.example"));
    town.admit(&[somebody(ada.as_str()), somebody(bea.as_str())], "import").await?;
    forget(ctx, &ada).await?;
    let before = counts::summary(&mut ctx.store().read().await?).await?.signals;
    let page: Vec<(ApiKey, NewSignal)> = [&ada, &bea]
        .into_iter()
        .map(|who| {
            let note = "we met at the fair".to_owned();
            let (proves, contradicts) = (Vec::new(), Vec::new());
            let detail = Detail::Touch { touch: Touch::Fair, proves, contradicts, date: None, not_before: None, note };
            let key = ApiKey { token: "import:".to_owned(), key: who.to_string(), body: who.to_string() };
            (key, NewSignal { by: Some(name("marta")), detail, ..click(who, 1, town.now(), "", None) })
        })
        .collect();
    let called = report_page(ctx, &page, false).await?;
    assert_eq!(called[0], Called::Done(Observed::Pending), "as a call of the API is answered");
    assert!(matches!(called[1], Called::Done(Observed::New(_))), "{called:?}");
    assert_eq!(counts::summary(&mut ctx.store().read().await?).await?.signals, before + 1);
    assert!(town.prospect(&ada).await.is_err());
    Ok(())
});
