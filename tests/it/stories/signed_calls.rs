//! Calls of the API that their sender signed (Standard Webhooks), and what a refusal says (RFC 9457).

use super::request::{Answer, SHOP, call, open_api, replan, send, signals_of};
use super::{address, name, somebody, story};
use axum::http::Method;
use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use nurtured::domain::api_token::{ApiToken, OnBehalf, Right};
use nurtured::domain::doorway::signal::Detail;
use nurtured::domain::signing_key::SigningKey;
use nurtured::domain::span::Span;
use nurtured::town::Town;
use sha2::Sha256;

type Fails = Box<dyn std::error::Error + Send + Sync>;

const NEW: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const FORMER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const BODY: &str = r#"{"email":"ada@albareda.example","event":"trial"}"#;

fn signature(key: &str, id: &str, at: i64, body: &str) -> String {
    let secret = BASE64.decode(key.trim_start_matches("whsec_").as_bytes()).expect("a key");
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).expect("a key");
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()))
}

/// The shop signs its calls, under a new key and, while it changes them, the former one.
async fn open(town: &Town) -> Result<(), Fails> {
    open_api(town)?;
    replan(town, |plan| {
        let keys = [NEW, FORMER].map(|key| SigningKey::parse(key).expect("a key")).into();
        let may = [Right::Signals, Right::Prospects].into();
        plan.settings.http.tokens.push(ApiToken::signing(Some(name("signer")), may, OnBehalf::Of(Vec::new()), None, keys));
    })?;
    town.admit(&[somebody("ada@albareda.example")], "import").await?;
    Ok(())
}

async fn signed(town: &Town, path: &str, id: &str, at: i64, signatures: &str, body: &str) -> Result<Answer, Fails> {
    let at = at.to_string();
    let headers = [("webhook-id", id), ("webhook-timestamp", at.as_str()), ("webhook-signature", signatures)];
    send(town, Method::POST, path, &headers, body.as_bytes()).await
}

async fn events(town: &Town) -> Result<usize, Fails> {
    let all = signals_of(town, &address("ada@albareda.example")).await?;
    Ok(all.iter().filter(|signal| matches!(signal.detail, Detail::Event { .. })).count())
}

story!(a_signed_call_counts_once_within_five_minutes_under_either_key, |town| {
    open(&town).await?;
    let now = town.now().as_second();
    for (n, key, others) in [(1, NEW, ""), (2, FORMER, ""), (3, FORMER, "v1,AAAA v1a,x ")] {
        let id = format!("msg_{n}");
        let signatures = format!("{others}{}", signature(key, &id, now, BODY));
        let first = signed(&town, "/v1/signals", &id, now, &signatures, BODY).await?;
        assert_eq!(first.status, 201, "{}", first.body);
        let again = signed(&town, "/v1/signals", &id, now, &signatures, BODY).await?;
        assert_eq!((again.status.as_u16(), again.json()["status"].as_str()), (200, Some("again")), "a replay counts for nothing");
    }
    assert_eq!(events(&town).await?, 3);
    // Sent again later, it is signed anew under its id.
    town.clock.move_to(Span::hours(2).after(town.now()));
    let later = town.now().as_second();
    let old = signed(&town, "/v1/signals", "msg_1", now, &signature(NEW, "msg_1", now, BODY), BODY).await?;
    assert_eq!(old.status, 401);
    let anew = signed(&town, "/v1/signals", "msg_1", later, &signature(NEW, "msg_1", later, BODY), BODY).await?;
    assert_eq!(anew.json()["status"], "again");
    let other = BODY.replace("trial", "visit");
    let changed = signed(&town, "/v1/signals", "msg_1", later, &signature(NEW, "msg_1", later, &other), &other).await?;
    assert_eq!(changed.status, 409);
    // A page of prospects that is replayed gets the same answer.
    let page = r#"[{"email":"bea@bea-foods.example"}]"#;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let answer = signed(&town, "/v1/prospects", "msg_p", later, &signature(NEW, "msg_p", later, page), page).await?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answers.push(answer.json());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(events(&town).await?, 3);
    Ok(())
});

story!(a_call_that_was_changed_or_kept_is_not_taken_for_the_signers, |town| {
    open(&town).await?;
    let now = town.now().as_second();
    let genuine = signature(NEW, "msg_1", now, BODY);
    let wrong = signature("whsec_ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ", "msg_1", now, BODY);
    let calls = [
        ("msg_2", now, genuine.clone(), BODY.to_owned()),
        ("msg_1", now + 1, genuine.clone(), BODY.to_owned()),
        ("msg_1", now, genuine.clone(), BODY.replace("trial", "visit")),
        ("msg_1", now, wrong, BODY.to_owned()),
        ("msg_1", now, String::new(), BODY.to_owned()),
        ("", now, signature(NEW, "", now, BODY), BODY.to_owned()),
        ("msg_1", now - 301, signature(NEW, "msg_1", now - 301, BODY), BODY.to_owned()),
        ("msg_1", now + 301, signature(NEW, "msg_1", now + 301, BODY), BODY.to_owned()),
    ];
    for (id, at, signatures, body) in calls {
        let answer = signed(&town, "/v1/signals", id, at, &signatures, &body).await?;
        assert_eq!(answer.status, 401, "{id} {at} {signatures}: {}", answer.body);
        assert!(!answer.body.contains("whsec") && !answer.body.contains(&genuine));
    }
    // Another idempotency key beside it is not signed, and would let it count again.
    let at = now.to_string();
    let headers = [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", at.as_str()),
        ("webhook-signature", genuine.as_str()),
        ("idempotency-key", "another"),
    ];
    assert_eq!(send(&town, Method::POST, "/v1/signals", &headers, BODY.as_bytes()).await?.status, 400);
    // A wrong signature is not made good by a genuine token, nor does a key give a right.
    let bearer = format!("Bearer {SHOP}");
    let both = [
        ("authorization", bearer.as_str()),
        ("webhook-id", "m"),
        ("webhook-timestamp", at.as_str()),
        ("webhook-signature", "v1,AA=="),
    ];
    assert_eq!(send(&town, Method::POST, "/v1/signals", &both, BODY.as_bytes()).await?.status, 401);
    let form = r#"{"email":"ada@albareda.example","form":"quote"}"#;
    let lacks = signed(&town, "/v1/signals", "msg_f", now, &signature(NEW, "msg_f", now, form), form).await?;
    assert_eq!(lacks.status, 403, "{}", lacks.body);
    assert_eq!(events(&town).await?, 0);
    Ok(())
});

story!(every_refusal_of_the_api_is_a_problem, |town| {
    open_api(&town)?;
    town.admit(&[somebody("ada@albareda.example")], "import").await?;
    let signals = "/v1/signals";
    let unknown = BODY.replace("ada@", "nobody@");
    let large = " ".repeat((1 << 20) + 1);
    assert_eq!(call(&town, signals, SHOP, "taken", BODY).await?.status, 201);
    let refusals = [
        (400, call(&town, signals, SHOP, "", BODY).await?),
        (401, call(&town, signals, "wrong", "k", BODY).await?),
        (401, send(&town, Method::POST, signals, &[], b"").await?),
        (403, call(&town, "/v1/prospects", SHOP, "k", "{}").await?),
        (404, call(&town, signals, SHOP, "k", &unknown).await?),
        (404, call(&town, "/v1/nothing", SHOP, "k", BODY).await?),
        (404, send(&town, Method::POST, "/hooks/ses", &[], b"{}").await?),
        (405, send(&town, Method::GET, signals, &[], b"").await?),
        (405, send(&town, Method::DELETE, "/v1/prospects", &[], b"").await?),
        (409, call(&town, signals, SHOP, "taken", &BODY.replace("trial", "visit")).await?),
        (413, call(&town, signals, SHOP, "k", &large).await?),
        (422, call(&town, signals, SHOP, "k", "{").await?),
        (422, call(&town, signals, SHOP, "k", r#"{"email":"ada@albareda.example"}"#).await?),
    ];
    for (status, answer) in refusals {
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{status}: {}", answer.body);
        let problem = answer.json();
        assert_eq!((problem["status"].as_u64(), problem["type"].as_str()), (Some(status.into()), Some("about:blank")));
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
    }
    let document = send(&town, Method::GET, "/v1/openapi.json", &[], b"").await?;
    assert_eq!((document.status.as_u16(), document.json()["openapi"].as_str()), (200, Some("3.1.0")));
    Ok(())
});
