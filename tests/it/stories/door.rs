//! The public door: who may knock how often, what of a form is kept, and what outsiders are told.

use super::{FIRST_ISSUE, Told, address, name, somebody, story};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use jiff::SignedDuration;
use nurtured::domain::api_token::{self, ApiToken, OnBehalf, Right};
use nurtured::domain::doorway::signal::{Confirmation, Detail, NewSignal, Signal};
use nurtured::domain::group::delivery::Mailed;
use nurtured::domain::id::{DeliveryId, IssueId};
use nurtured::domain::plan::Plan;
use nurtured::domain::settings::Http;
use nurtured::domain::suppression::StopReason;
use nurtured::flow::doorway::observe::{self, Observed};
use nurtured::flow::doorway::take;
use nurtured::store::doorway::{pending_forms, signals};
use nurtured::store::operations::counts;
use nurtured::town::{Answered, BROWSER, Town};
use nurtured::web::inside::inside;
use nurtured::web::limits::Limits;
use nurtured::web::router::router;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use tower::ServiceExt;

/// A request as it stands on the wire.
struct Knock<'a> {
    method: Method,
    path: &'a str,
    from: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: String,
}

impl<'a> Knock<'a> {
    fn post(path: &'a str, from: &'a str, body: &str) -> Self {
        Self { method: Method::POST, path, from, headers: &[], body: body.to_owned() }
    }

    fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, from: "203.0.113.9:4000", headers: &[], body: String::new() }
    }
}

async fn knock(router: &Router, knock: Knock<'_>) -> (Answered, HeaderMap) {
    let peer: SocketAddr = knock.from.parse().expect("an address");
    let mut request = Request::builder().method(knock.method).uri(knock.path);
    for (name, value) in [("user-agent", BROWSER), ("content-type", "application/x-www-form-urlencoded")] {
        request = request.header(name, value);
    }
    for (name, value) in knock.headers {
        request = request.header(*name, *value);
    }
    let request = request.extension(ConnectInfo(peer)).body(Body::from(knock.body)).expect("a request");
    let response = router.clone().oneshot(request).await.expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), 4 << 20).await.expect("a body");
    (Answered { status, location: None, body: String::from_utf8_lossy(&body).into_owned() }, headers)
}

/// What our own monitoring is told at its own listener.
pub(crate) async fn monitor(town: &Town, path: &str) -> Answered {
    knock(&inside(town.node.site.clone()), Knock::get(path)).await.0
}

/// The town's router with its limits in force.
fn limited(town: &mut Town) -> Router {
    town.node.site.limits = Limits::default();
    router(town.node.site.clone())
}

/// Changes `[http]` of the plan in force.
fn configure(town: &Town, how: impl FnOnce(&mut Http)) -> Told {
    let mut plan = Plan::clone(&town.node.ctx.plan());
    how(&mut plan.settings.http);
    Ok(town.node.ctx.replace_plan(plan)?)
}

pub(crate) async fn recorded(town: &Town) -> Result<i64, Box<dyn std::error::Error + Send + Sync>> {
    Ok(counts::summary(&mut town.node.ctx.store().read().await?).await?.signals)
}

pub(crate) async fn signals_of(town: &Town, who: &str) -> Result<Vec<Signal>, Box<dyn std::error::Error + Send + Sync>> {
    let id = town.prospect(&address(who)).await?.id;
    let mut found = signals::of(&mut town.node.ctx.store().read().await?, &[id]).await?;
    Ok(found.remove(&id).unwrap_or_default())
}

/// Somebody with the first newsletter, which asks how long the worst line stood still; the links of its answers.
pub(crate) async fn asked(town: &Town, who: &str) -> Result<Vec<String>, Box<dyn std::error::Error + Send + Sync>> {
    town.admit(&[somebody(who)], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let mail = town.newest_to(&address(who))?;
    let says = ["More than 20 hours", "5 to 20 hours", "Less than 5 hours", "We do not measure it"];
    Ok(says.map(|say| mail.link(say).expect("a link")).to_vec())
}

story!(one_visitor_cannot_flood_a_form_and_is_told_when_to_come_back, |town| {
    let mut town = town;
    configure(&town, |http| {
        http.door.limits.visitor = "3 per hour".parse().expect("a limit");
        http.door.trusted_proxies = vec!["127.0.0.1".parse().expect("a network")];
    })?;
    let router = limited(&mut town);
    let send = async |n: u32, from: &str, headers: &[(&str, &str)]| {
        let body = format!("email=p{n}@albareda.example");
        knock(&router, Knock { headers, ..Knock::post("/f/quote", from, &body) }).await
    };
    for n in 0..3 {
        assert_eq!(send(n, "203.0.113.9:1", &[]).await.0.status, StatusCode::OK);
    }
    // Whatever it says of itself: it is no proxy of ours.
    for headers in [&[][..], &[("x-forwarded-for", "198.51.100.1")], &[("forwarded", "for=198.51.100.1")]] {
        let (answered, head) = send(9, "203.0.113.9:2", headers).await;
        assert_eq!(answered.status, StatusCode::TOO_MANY_REQUESTS, "{headers:?}");
        assert!(answered.body.contains("in 20 minutes") && head["retry-after"] == "1200", "{}", answered.body);
    }
    assert_eq!(pending_forms::waiting(&mut town.node.ctx.store().read().await?, town.now()).await?.0, 3, "nothing came of it");
    // Others are others: at another address, or behind our proxy. Of IPv6 a whole /64 is one.
    assert_eq!(send(4, "203.0.113.10:1", &[]).await.0.status, StatusCode::OK);
    for n in 0..4 {
        let told = format!("198.51.100.{n}");
        assert_eq!(send(10 + n, "127.0.0.1:1", &[("x-forwarded-for", &told)]).await.0.status, StatusCode::OK);
        let (answered, _) = send(20 + n, &format!("[2001:db8::{n}]:1"), &[]).await;
        assert_eq!(answered.status == StatusCode::OK, n < 3, "{n}");
    }
    town.clock.advance(SignedDuration::from_mins(20));
    assert_eq!(send(9, "203.0.113.9:3", &[]).await.0.status, StatusCode::OK);
    Ok(())
});

story!(a_flood_from_everywhere_stops_at_the_form_and_at_the_address, |town| {
    let mut town = town;
    configure(&town, |http| {
        http.door.limits.form = "5 per minute".parse().expect("a limit");
        http.door.limits.address = "2 per hour".parse().expect("a limit");
    })?;
    let router = limited(&mut town);
    let send = async |n: u8, form: &str, who: &str| {
        let body = format!("email={who}&message=number+{n}");
        knock(&router, Knock::post(form, &format!("203.0.113.{n}:1"), &body)).await.0.status.as_u16()
    };
    // However it is written, it is one form, and one address.
    let statuses = [
        send(1, "/f/quote", "ada@albareda.example").await,
        send(2, "/f/quote", "ADA@Albareda.example").await,
        send(3, "/f/downtime-check", "ada@albareda.example").await,
        send(4, "/f/quote", "bea@albareda.example").await,
        send(5, "/f/quot%65", "cleo@albareda.example").await,
        send(6, "/f/%71uote", "dora@albareda.example").await,
        send(7, "/f/quote", "eva@albareda.example").await,
        send(8, "/f/downtime-check", "fina@albareda.example").await,
    ];
    assert_eq!(statuses, [200, 200, 429, 200, 200, 200, 429, 200]);
    // Who unsubscribes is never told to wait.
    let links = asked(&town, "gala@albareda.example").await?;
    assert_eq!(links.len(), 4);
    for _ in 0..50 {
        assert_eq!(town.unsubscribe(&address("gala@albareda.example")).await?.status, StatusCode::OK);
    }
    Ok(())
});

story!(what_one_mail_can_make_us_record_is_bounded, |town| {
    let mut town = town;
    let links = asked(&town, "ada@albareda.example").await?;
    let click = town.newest_to(&address("ada@albareda.example"))?.link("Do the sum").expect("a link");
    let router = limited(&mut town);
    let before = recorded(&town).await?;
    let path = |url: &str| url.trim_start_matches("http://127.0.0.1:9").to_owned();
    // Ever new visitors follow one link: each is led on.
    for n in 0..330_u32 {
        let (path, from) = (path(&click), format!("203.0.{}.{}:1", n / 250, n % 250));
        let answered = knock(&router, Knock { from: &from, ..Knock::get(&path) }).await.0;
        assert_eq!(answered.status, StatusCode::FOUND);
    }
    assert_eq!(recorded(&town).await? - before, 300);
    town.clock.advance(SignedDuration::from_hours(2));
    let path = path(&links[0]);
    let mut statuses = Vec::new();
    for _ in 0..32 {
        let visit = knock(&router, Knock::get(&path)).await.0;
        let body = format!("visit={}", visit.visit());
        statuses.push(knock(&router, Knock::post(&path, "203.0.113.9:1", &body)).await.0.status.as_u16());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 30);
    assert_eq!(recorded(&town).await? - before, 330);
    Ok(())
});

story!(addresses_of_our_own_and_of_nobody_are_refused, |town| {
    let before = recorded(&town).await?;
    for email in [
        "dana@tecnofab.example",
        "marta@tecnofab.example",
        "somebody.else@tecnofab.example",
        "letter@news.tecnofab.example",
        "bounces@news.tecnofab.example",
        "root@localhost",
        "a@localhost.localdomain",
        "a@127.0.0.1",
        "a@[127.0.0.1]",
        "a@2130706433",
        "a@10.0x7f",
        "a@printer.local",
    ] {
        let answered = town.fill_in("call-me", &[("email", email)]).await?;
        assert_eq!(answered.status, StatusCode::UNPROCESSABLE_ENTITY, "{email}");
        assert!(answered.body.contains("Please go back"), "{}", answered.body);
    }
    assert_eq!(recorded(&town).await?, before);
    assert_eq!(town.fill_in("call-me", &[("email", "a@nottecnofab.example")]).await?.status, StatusCode::OK);
    Ok(())
});

story!(of_a_form_only_what_is_shown_declared_or_read_is_kept, |town| {
    let ada = "ada@albareda.example";
    let fields = [
        ("email", ada),
        ("name", "Ada"),
        ("phone", "+34 1"),
        ("company", "Albareda"),
        ("message", "Hello"),
        ("lines", "4"),
        ("budget", "60000"),
        ("start_by", "2026-06-01"),
        ("utm_source", "somewhere"),
        ("__proto__", "x"),
        ("g-recaptcha-response", "03AGdBq25"),
        ("password", "hunter2"),
    ];
    town.fill_in("quote", &fields).await?;
    // The same fields, in a form of which no rule reads them.
    town.fill_in("webinar", &fields).await?;
    let forms = signals_of(&town, ada).await?.into_iter().filter_map(|signal| match signal.detail {
        Detail::Form { form, fields } => Some((form.to_string(), fields.into_keys().collect::<Vec<_>>().join(" "))),
        _ => None,
    });
    let expected = [
        ("quote".to_owned(), "budget company lines message name phone start_by".to_owned()),
        ("webinar".to_owned(), "company lines message name phone".to_owned()),
    ];
    assert_eq!(forms.collect::<Vec<_>>(), expected);
    Ok(())
});

story!(a_stamped_form_is_not_sent_within_a_second_nor_by_who_fills_in_everything, |town| {
    let stamp = town.ask(Method::GET, "/f/quote/stamp", BROWSER, "").await?.body;
    let send = async |extra: &[(&str, &str)]| -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
        let fields = [&[("email", "ada@albareda.example")], extra].concat();
        Ok(town.fill_in("quote", &fields).await?.status.as_u16())
    };
    assert_eq!(send(&[("stamp", &stamp)]).await?, 429, "nobody is that fast");
    town.clock.advance(SignedDuration::from_secs(2));
    let other = town.ask(Method::GET, "/f/call-me/stamp", BROWSER, "").await?.body;
    town.clock.advance(SignedDuration::from_secs(2));
    assert_eq!(send(&[("stamp", &other)]).await?, 422, "another form's");
    assert_eq!(send(&[("stamp", "")]).await?, 422, "made up");
    assert_eq!(send(&[("stamp", &stamp), ("homepage_url", "http://buy.example")]).await?, 422, "a program");
    assert_eq!(pending_forms::waiting(&mut town.node.ctx.store().read().await?, town.now()).await?.0, 0, "nothing came of them");
    assert_eq!(send(&[("stamp", &stamp), ("homepage_url", "")]).await?, 200);
    // A page of one's own without a stamp may have a field of that name, and be as fast as it likes.
    assert_eq!(send(&[("homepage_url", "https://albareda.example"), ("message", "again")]).await?, 200);
    // A page left open for weeks is heard all the same.
    town.clock.advance(SignedDuration::from_hours(24 * 20));
    assert_eq!(send(&[("stamp", &stamp), ("message", "at last")]).await?, 200);
    let kept = signals_of(&town, "ada@albareda.example").await?;
    let kept: Vec<_> =
        kept.iter().filter_map(|s| if let Detail::Form { fields, .. } = &s.detail { Some(fields) } else { None }).collect();
    assert!(kept.len() == 3 && kept.iter().all(|fields| !fields.contains_key("stamp") && !fields.contains_key("homepage_url")));
    Ok(())
});

story!(a_form_of_more_than_16_kb_is_refused_in_words, |town| {
    let sent =
        async |message: usize| town.fill_in("quote", &[("email", "ada@albareda.example"), ("note", &"x".repeat(message))]).await;
    let refused = sent(17 << 10).await?;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(refused.body.contains("16 KB"), "{}", refused.body);
    assert_eq!(pending_forms::waiting(&mut town.node.ctx.store().read().await?, town.now()).await?.0, 0);
    assert_eq!(sent(3_000).await?.status, StatusCode::OK);
    // Whoever unsubscribes may say as much as they like.
    asked(&town, "bea@albareda.example").await?;
    let url = town.newest_to(&address("bea@albareda.example"))?.unsubscribe.expect("a way out");
    assert_eq!(town.ask(Method::POST, &url, BROWSER, &"x".repeat(100_000)).await?.status, StatusCode::OK);
    Ok(())
});

story!(monitoring_is_told_inside_and_nobody_else, |town| {
    let mut town = town;
    nurtured::flow::group::gate::stop(&town.node.ctx, "the prices are wrong").await?;
    let outside = limited(&mut town);
    let bearer: &[(&str, &str)] = &[("authorization", "Bearer 0123456789abcdef0123456789abcdef")];
    for headers in [&[][..], bearer] {
        assert_eq!(knock(&outside, Knock { headers, ..Knock::get("/metrics") }).await.0.status, StatusCode::UNAUTHORIZED);
        assert_eq!(knock(&outside, Knock { headers, ..Knock::get("/readyz") }).await.0.body, "ready\n");
    }
    assert!(monitor(&town, "/readyz").await.body.contains("the prices are wrong"));
    assert!(monitor(&town, "/metrics").await.body.contains("nurtured_sending_stopped 1"));
    assert_eq!(monitor(&town, "/q/x").await.status, StatusCode::NOT_FOUND, "nothing else is there");
    let secret = api_token::hash("0123456789abcdef0123456789abcdef");
    let token = |right| ApiToken::new(None, [right].into(), OnBehalf::Anybody, secret);
    configure(&town, |http| http.tokens = vec![token(Right::Prospects)])?;
    assert_eq!(knock(&outside, Knock { headers: bearer, ..Knock::get("/metrics") }).await.0.status, StatusCode::UNAUTHORIZED);
    configure(&town, |http| http.tokens = vec![token(Right::Metrics)])?;
    assert!(
        knock(&outside, Knock { headers: bearer, ..Knock::get("/metrics") }).await.0.body.contains("nurtured_sending_stopped 1")
    );
    assert!(knock(&outside, Knock { headers: bearer, ..Knock::get("/readyz") }).await.0.body.contains("the prices are wrong"));
    let wrong: &[(&str, &str)] = &[("authorization", "Bearer 0123456789abcdef0123456789abcdee")];
    assert_eq!(knock(&outside, Knock { headers: wrong, ..Knock::get("/metrics") }).await.0.status, StatusCode::UNAUTHORIZED);
    // A wrong token counts wherever it is shown.
    for _ in 0..9 {
        assert_eq!(knock(&outside, Knock { headers: wrong, ..Knock::get("/readyz") }).await.0.body, "ready\n");
    }
    let guess = Knock { headers: wrong, ..Knock::post("/v1/signals", "203.0.113.9:1", "{}") };
    assert_eq!(knock(&outside, guess).await.0.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(knock(&outside, Knock { headers: bearer, ..Knock::get("/metrics") }).await.0.status, StatusCode::OK);
    town.node.ctx.store().close().await;
    let (away, _) = knock(&outside, Knock::get("/readyz")).await;
    assert_eq!((away.status, away.body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"));
    Ok(())
});

story!(every_answer_tells_the_browser_what_it_may_not_do, |town| {
    let outside = router(town.node.site.clone());
    let paths = ["/", "/f/quote", "/a/x", "/look.css", "/healthz", "/metrics", "/v1/signals", "/f/%ff"];
    for path in paths {
        let (_, headers) = knock(&outside, Knock::get(path)).await;
        assert_eq!(headers["x-robots-tag"], "noindex, nofollow, noarchive", "{path}");
        assert!(headers["permissions-policy"].to_str()?.contains("camera=()"), "{path}");
        for name in ["content-security-policy", "referrer-policy", "x-content-type-options", "cache-control"] {
            assert!(headers.contains_key(name), "{path}: {name}");
        }
        assert!(!headers.contains_key("strict-transport-security"), "{path}: it is not served by https");
    }
    let mut plan = Plan::clone(&town.node.ctx.plan());
    "https://news.tecnofab.example".clone_into(&mut plan.settings.public_url);
    town.node.ctx.replace_plan(plan)?;
    for path in paths {
        let (_, headers) = knock(&outside, Knock::get(path)).await;
        assert_eq!(headers["strict-transport-security"], "max-age=31536000", "{path}");
    }
    Ok(())
});

/// However many forms wait to be written, they are one writer's, and an unsubscribe goes before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsubscribe_goes_before_a_hundred_forms_that_wait() -> Told {
    const FORMS: usize = 100;
    let folder = tempfile::tempdir()?;
    let store = super::sqlite(folder.path()).await;
    let town = super::found(store.clone()).await;
    town.admit(&[somebody("gala@albareda.example")], "import").await?;
    let gala = town.prospect(&address("gala@albareda.example")).await?.id;
    let (ctx, now) = (town.node.ctx.clone(), town.now());
    let (forms, written) = (take::forms(&ctx), AtomicUsize::new(0));
    let form = async |n: usize| {
        let who = address(&format!("p{n}@albareda.example"));
        let signal = NewSignal::form(&name("quote"), who, BTreeMap::new(), Confirmation::Unconfirmed, now);
        let observed = take::take_with_others(&ctx, &forms, signal).await;
        written.fetch_add(1, Ordering::SeqCst);
        observed
    };
    let unsubscribe = async {
        let mailed = Mailed { prospect: Some(gala), delivery: DeliveryId(1), issue: Some(IssueId(1)) };
        let observed = observe::observe_first(&ctx, &[NewSignal::unsubscribe(mailed, "page", now)]).await;
        (observed, written.load(Ordering::SeqCst))
    };
    let held = store.write().await?;
    // Each is asked once while nobody can write: all of them wait now, the unsubscribe last.
    let mut waiting: Vec<_> = (0..FORMS).map(|n| Box::pin(form(n))).collect();
    for one in &mut waiting {
        assert!(futures_util::future::poll_immediate(one).await.is_none());
    }
    let mut unsubscribe = Box::pin(unsubscribe);
    assert!(futures_util::future::poll_immediate(&mut unsubscribe).await.is_none());
    held.rollback().await?;
    let (all, (unsubscribed, before)) = tokio::join!(futures_util::future::join_all(waiting), unsubscribe);
    assert!(matches!(unsubscribed?[..], [Observed::New(_)]));
    assert!(before <= 2 * FORMS / 25, "{before} forms were written before it");
    for observed in all {
        assert_eq!(observed?, Observed::Pending);
    }
    assert_eq!(town.prospect(&address("gala@albareda.example")).await?.mail_stop, Some(StopReason::Unsubscribed));
    Ok(())
}
