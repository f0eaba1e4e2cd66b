//! The pages, requested as a browser does: a complete service behind the handlers, and prospects with hostile input.

use crate::clock::ManualClock;
use crate::config::example;
use crate::domain::address::Address;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::signal::{Confirmation, Detail, NewSignal, Touch};
use crate::domain::id::{HandoffId, Name};
use crate::flow::context::{Context, Progress};
use crate::flow::doorway::observe::{self, Logged};
use crate::flow::doorway::spooled::Spooled;
use crate::flow::doorway::take::{self, take};
use crate::flow::doorway::{hit, qualify};
use crate::flow::individual::{dossier, hand_off};
use crate::store::engine::backend::Store;
use crate::store::individual::handoffs;
use crate::store::people::prospects;
use crate::web::census_cache::CensusCache;
use crate::web::error::WebError;
use crate::web::limits::Limits;
use crate::web::link_cache::LinkCache;
use crate::web::rooms::Rooms;
use crate::web::site::Site;
use crate::web::sns_client::SnsClient;
use crate::web::{handoff, page, queue};
use axum::body::{Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use minijinja::context;
use std::collections::BTreeMap;
use std::sync::Arc;

const HOSTILE: &str = "<script>alert(1)</script>\"' onload=x style=y {{ d }}\u{202e}";

struct TestNode {
    site: Site,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

impl TestNode {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open_sqlite(&folder.path().join("house.db")).await.expect("a store");
        let clock = Arc::new(ManualClock::at("2026-11-03T09:12:00Z".parse().expect("an instant")));
        let plan = example::load_embedded(&[]).expect("the example is valid").plan;
        let ctx = Context::assemble(store, clock.clone(), plan, "test".to_owned()).await.expect("a context");
        let (clicks, posts, spooled) = (hit::clicks(&ctx), hit::posts(&ctx), Spooled::of(&ctx));
        let (links, census) = (LinkCache::default(), CensusCache::default());
        let (forms, limits, rooms) = (take::forms(&ctx), Limits::default(), Rooms::default());
        let patience = std::time::Duration::from_mins(5);
        let sns = SnsClient::default();
        let site = Site { ctx, clicks, posts, spooled, forms, limits, rooms, links, census, sns, patience };
        Self { site, clock, _folder: folder }
    }

    /// A visitor fills in a form of the website.
    async fn form(&self, form: &str, address: &str, fields: &[(&str, &str)]) {
        let fields = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>();
        let address = Address::parse(address).expect("an address");
        let form = NewSignal::form(&name(form), address, fields, Confirmation::Confirmed, self.site.ctx.now());
        take(&self.site.ctx, form).await.expect("a form");
        self.run_until_idle().await;
    }

    /// A minute later Marta calls a prospect, and all five are proven.
    async fn call(&self, address: &str, note: &str) {
        self.clock.advance(SignedDuration::from_mins(1));
        let detail = Detail::Touch {
            touch: Touch::Call,
            proves: Criterion::ALL.to_vec(),
            contradicts: Vec::new(),
            date: "2027-02-01".parse().ok(),
            not_before: None,
            note: note.to_owned(),
        };
        let address = Address::parse(address).expect("an address");
        let logged = Logged { address, by: name("marta"), occurred_at: self.site.ctx.now(), detail };
        observe::log(&self.site.ctx, logged).await.expect("a call");
        self.run_until_idle().await;
    }

    async fn run_until_idle(&self) {
        let ctx = &self.site.ctx;
        while [qualify::qualify(ctx).await.expect("qualifies"), hand_off::hand_off(ctx).await.expect("hands off")]
            .contains(&Progress::Done)
        {}
    }

    /// The link of a handoff's page, as mailed to the salesperson who has it now.
    async fn link(&self, id: i64) -> String {
        let mut tx = self.site.ctx.store().read().await.expect("a transaction");
        let handoff = handoffs::load(&mut tx, HandoffId(id)).await.expect("loads").expect("a handoff");
        let prospect = prospects::one(&mut tx, handoff.prospect).await.expect("loads");
        let plan = self.site.ctx.plan();
        let url = dossier::page_url(self.site.ctx.signer(), &plan, handoff.id, &prospect, &handoff.salesperson);
        url.rsplit('/').next().expect("a token").to_owned()
    }

    async fn page(&self, token: &str) -> (StatusCode, String) {
        read(handoff::show(State(self.site.clone()), Path(token.to_owned())).await).await
    }

    async fn post(&self, token: &str, fields: &str) -> (StatusCode, String) {
        let body = Bytes::from(fields.to_owned());
        read(handoff::answer(State(self.site.clone()), Path(token.to_owned()), body).await).await
    }

    async fn queue(&self, of: &str) -> String {
        let (ctx, plan) = (&self.site.ctx, self.site.ctx.plan());
        let url = dossier::queue_url(ctx.signer(), &plan, &name(of), ctx.now());
        let token = url.rsplit('/').next().expect("a token").to_owned();
        read(queue::show(State(self.site.clone()), Path(token)).await).await.1
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// A response's text; if it is a page, the rules of all pages are checked.
async fn read(answer: impl IntoResponse) -> (StatusCode, String) {
    let response = answer.into_response();
    let status = response.status();
    let text = String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.expect("a body").to_vec()).expect("text");
    if !text.is_empty() {
        inspect(&text);
    }
    (status, text)
}

/// Checks the rules of every page: no script and no inline style, no markup from a prospect's input, forms that POST to the page's
/// own address, or to the one at which anybody stops an address that they type.
fn inspect(html: &str) {
    for needed in ["name=\"viewport\"", "name=\"robots\" content=\"noindex\"", "<html lang=\"en\">", "<main", "<h1"] {
        assert!(html.contains(needed), "{needed} is missing:\n{html}");
    }
    for tag in html.split('<').skip(1).map(|rest| rest.split_once('>').expect("a tag ends").0) {
        // Values stand between quotation marks: without them only attribute names are left.
        let bare: String = tag.split('"').step_by(2).collect();
        let element = bare.split_whitespace().next().unwrap_or_default();
        assert!(!["script", "style", "iframe", "object", "base"].contains(&element), "<{tag}>");
        for attribute in bare.split_whitespace().skip(1).map(|word| word.trim_end_matches('=')) {
            assert!(attribute != "style" && !attribute.starts_with("on"), "<{tag}>");
        }
        let posts = ["form method=\"post\"", "form method=\"post\" action=\"/u\""];
        assert!(element != "form" || posts.contains(&tag), "<{tag}>");
        assert!(!tag.contains("href=\"javascript:") && !tag.contains('\u{202e}'), "<{tag}>");
    }
    let controls = html.matches("<input").count() + html.matches("<textarea").count();
    let hidden = html.matches("type=\"hidden\"").count();
    assert!(html.matches("<label").count() >= controls - hidden, "a field has no label");
}

#[tokio::test]
async fn a_handoff_is_worked_from_its_page_until_it_is_won() {
    let node = TestNode::new().await;
    let ada = [
        ("name", "Ada Bosch"),
        ("phone", "+34 600 100 200"),
        ("company", "Albareda Foods"),
        ("industry", "food"),
        ("employees", "600"),
    ];
    node.form("downtime-check", "ada@albareda.example", &ada).await;
    node.call("ada@albareda.example", "Two lines stand still every night").await;
    let link = node.link(1).await;

    let (_, offered) = node.page(&link).await;
    for words in
        ["Ada Bosch", "Why now", "The five", "href=\"tel:+34600100200\"", "value=\"accept\"", "Decline it", "Marta Vidal"]
    {
        assert!(offered.contains(words), "{words}:\n{offered}");
    }
    assert!(!offered.contains("Asked for you") && !offered.contains("value=\"won\""));

    assert_eq!(node.post(&link, "action=accept").await.0, StatusCode::SEE_OTHER);
    assert_eq!(node.post(&link, "action=accept").await.0, StatusCode::SEE_OTHER, "pressed twice");
    let (_, owned) = node.page(&link).await;
    let order = ["Make the first contact", "Log a touch", "Stage: interested", "Put off", "Return to nurture", "Won", "Lost"];
    let places: Vec<_> = order.iter().map(|words| owned.find(words).unwrap_or_else(|| panic!("{words}:\n{owned}"))).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(owned.contains("accepted") && owned.contains("Dana Ortega, today, 10:13"), "{owned}");
    assert!(owned.contains("back on 1 Jan 2027"), "a reason says when they would come back:\n{owned}");

    assert_eq!(node.post(&link, "action=touch&touch=call&note=She+was+glad").await.0, StatusCode::SEE_OTHER);
    assert_eq!(node.post(&link, "action=stage&stage=evaluating").await.0, StatusCode::SEE_OTHER);
    node.clock.advance(SignedDuration::from_hours(24 * 30));
    let (_, late) = node.page(&link).await;
    assert!(late.contains("Stage: evaluating") && late.contains("overdue since Tue 10 Nov, 09:00"), "{late}");

    let (status, asked) = node.post(&link, "action=won&value=48.000+%E2%82%AC").await;
    assert_eq!(status, StatusCode::OK);
    assert!(asked.contains("Is it won?") && asked.contains("name=\"confirm\" value=\"yes\""), "{asked}");
    assert!(asked.contains("name=\"value\" value=\"48.000 €\"") && asked.contains("No, go back"), "{asked}");
    assert!(node.page(&link).await.1.contains("Log a touch"), "asking back changes nothing");

    assert_eq!(node.post(&link, "action=won&value=48.000+%E2%82%AC&confirm=yes").await.0, StatusCode::SEE_OTHER);
    let (_, closed) = node.page(&link).await;
    assert!(closed.contains("Won, worth 48000") && !closed.contains("<form"), "{closed}");
    assert!(node.queue("dana").await.contains("Nothing waits for you"));
}

#[tokio::test]
async fn a_request_is_headed_so_and_never_called_ready() {
    let node = TestNode::new().await;
    node.form("call-me", "pol@riba.example", &[("message", "Please call me")]).await;
    let link = node.link(1).await;
    let (_, shown) = node.page(&link).await;
    let queue = [node.queue("dana").await, node.queue("luc").await].concat();
    for html in [&shown, &queue] {
        assert!(html.contains("Asked for you, 0 of 5 known"), "{html}");
    }
    assert!(shown.contains("What is known") && shown.contains("Phone not known"), "{shown}");
    let words = shown.replace("value=\"not ready\"", "").replace("lready", "");
    assert!(!words.contains("eady"), "{words}");
}

#[tokio::test]
async fn what_is_refused_is_said_and_what_was_written_stays() {
    let node = TestNode::new().await;
    node.form("call-me", "pol@riba.example", &[]).await;
    let link = node.link(1).await;
    node.post(&link, "action=accept").await;
    for (fields, status, words) in [
        ("action=touch&touch=call&proves=timeframe&note=kept", StatusCode::CONFLICT, "Proving the timeframe needs its date"),
        ("action=touch&note=kept", StatusCode::UNPROCESSABLE_ENTITY, "Say how you were in touch."),
        ("action=snooze&until=2026-11-01&note=kept", StatusCode::CONFLICT, "2026-11-01 is not in the future"),
        ("action=recycle&reason=bored&note=kept&confirm=yes", StatusCode::CONFLICT, "is no reason in qualification.toml"),
    ] {
        let (found, html) = node.post(&link, fields).await;
        assert_eq!(found, status, "{fields}");
        assert!(html.contains("Nothing was changed.") && html.contains(words), "{fields}:\n{html}");
        assert!(html.contains("kept"), "{fields}: what was written is gone:\n{html}");
    }
    let (_, again) = node.post(&link, "action=touch&touch=call&proves=timeframe&note=kept").await;
    assert!(again.contains("value=\"call\" required checked") && again.contains("value=\"timeframe\" checked"), "{again}");
}

#[tokio::test]
async fn a_lead_passed_on_is_called_so_to_whoever_had_it() {
    let node = TestNode::new().await;
    node.form("call-me", "pol@riba.example", &[("name", "Pol Riba")]).await;
    let link = node.link(1).await;
    assert!(node.post(&link, "action=reject&because=not+mine").await.1.contains("Not yours?"));
    assert_eq!(node.post(&link, "action=reject&because=not+mine&confirm=yes").await.0, StatusCode::OK);
    for (status, html) in [node.page(&link).await, node.post(&link, "action=accept").await] {
        assert_eq!(status, StatusCode::GONE);
        assert!(html.contains("It is no longer yours") && !html.contains("Pol Riba"), "{html}");
    }
    assert_eq!(node.page("made-up").await.0, StatusCode::NOT_FOUND);
    let theirs = node.link(1).await;
    assert!(node.page(&theirs).await.1.contains("value=\"accept\""), "whoever has it now can take it");
}

#[tokio::test]
async fn a_queue_says_what_is_urgent_first() {
    let node = TestNode::new().await;
    let food =
        |who: &'static str, phone: &'static str| [("name", who), ("phone", phone), ("industry", "food"), ("employees", "600")];
    for (at, who, phone) in [
        ("ines@one.example", "Ines Owned", "600 111 222"),
        ("olaf@two.example", "Olaf Offered", "ask at the gate"),
        ("late@three.example", "Lea Late", ""),
    ] {
        node.form("downtime-check", at, &food(who, phone)).await;
        node.call(at, "yes to all").await;
    }
    for (id, fields) in [(1, "action=snooze&until=2026-12-24"), (3, "action=touch&touch=call")] {
        let link = node.link(id).await;
        node.post(&link, "action=accept").await;
        node.post(&link, fields).await;
    }
    node.clock.advance(SignedDuration::from_hours(24 * 9));
    node.form("call-me", "rosa@four.example", &food("Rosa Request", "+34 1")).await;
    let html = node.queue("dana").await;
    let order = [
        "They asked for you",
        "Asked for you, 0 of 5 known",
        "Rosa Request",
        "Offered to you",
        "Olaf Offered",
        "Due now",
        "Lea Late",
        "overdue since",
        "Coming up",
        "Ines Owned",
        "Thu 24 Dec",
    ];
    let mut from = 0;
    for words in order {
        from += html[from..].find(words).unwrap_or_else(|| panic!("{words} is not where it belongs:\n{html}"));
    }
    assert!(html.contains("href=\"tel:600111222\"") && html.contains("Phone: ask at the gate"), "{html}");
    assert_eq!(html.matches("&#x2f;h&#x2f;").count(), 4, "every card leads to its page:\n{html}");
}

#[tokio::test]
async fn nothing_a_prospect_writes_becomes_markup() {
    let node = TestNode::new().await;
    let fields = [("name", HOSTILE), ("phone", HOSTILE), ("company", HOSTILE), ("industry", HOSTILE), ("message", HOSTILE)];
    node.form("call-me", "x@hostile.example", &fields).await;
    let link = node.link(1).await;
    node.page(&link).await;
    let written = serde_urlencoded::to_string([("action", "lost"), ("note", HOSTILE), ("reason", HOSTILE), ("until", HOSTILE)]);
    let written = written.expect("a form");
    node.post(&link, &written).await;
    node.post(&link, "action=accept").await;
    node.post(&link, &written).await;
    let touch = serde_urlencoded::to_string([("action", "touch"), ("touch", "call"), ("note", HOSTILE)]).expect("a form");
    assert_eq!(node.post(&link, &touch).await.0, StatusCode::SEE_OTHER);
    assert_eq!(node.post(&link, &touch.replace("call", "%22%3E")).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (_, html) = node.page(&link).await;
    assert!(html.contains("&lt;script&gt;alert(1)"), "{html}");
    node.queue("dana").await;
    node.queue("luc").await;
    let zone = TimeZone::UTC;
    let further = context! { criterion => HOSTILE, question => HOSTILE, answers => [HOSTILE] };
    for (template, values) in [
        ("page-message.html", context! { title => HOSTILE, words => HOSTILE }),
        (
            "page-answered.html",
            context! { organisation => HOSTILE, said => HOSTILE, visit => HOSTILE, was_more => false, further => [further] },
        ),
        ("page-answer.html", context! { organisation => HOSTILE, question => HOSTILE, answer => HOSTILE, visit => HOSTILE }),
        ("page-unsubscribe.html", context! { organisation => HOSTILE }),
        ("page-unsubscribe-typed.html", context! { organisation => HOSTILE, again => true, field => "email" }),
        ("page-preferences-lost.html", context! { organisation => HOSTILE }),
        ("page-readdress.html", context! { organisation => HOSTILE, address => HOSTILE }),
    ] {
        let (status, html) = read(page::show(StatusCode::OK, template, &zone, values)).await;
        assert_eq!((status, html.contains("&lt;script&gt;")), (StatusCode::OK, true), "{template}");
    }
}

#[tokio::test]
async fn recipients_pages_have_one_button() {
    let zone = TimeZone::UTC;
    let (question, said) = ("Is money set aside for reducing stops?", "Yes, over 50,000 €");
    let answer = context! { organisation => "Tecnofab", question, answer => said, visit => "1793696400000" };
    let typed = context! { organisation => "Tecnofab", again => false, field => "email" };
    for (template, values) in [
        ("page-answer.html", answer),
        ("page-unsubscribe.html", context! { organisation => "Tecnofab" }),
        ("page-unsubscribe-typed.html", typed),
    ] {
        let (_, html) = read(page::show(StatusCode::OK, template, &zone, values)).await;
        assert_eq!((html.matches("<form").count(), html.matches("<button").count()), (1, 1), "{html}");
    }
    inspect(&read(WebError::UnknownLink).await.1);
}

#[test]
fn an_error_is_told_as_a_sentence() {
    for (words, told) in [("a handoff is closed", "A handoff is closed."), ("éste?", "Éste?"), ("", ".")] {
        assert_eq!(page::sentence(words), told);
    }
}

#[tokio::test]
async fn a_page_tells_the_time_of_its_reader() {
    let node = TestNode::new().await;
    node.form("call-me", "pol@riba.example", &[]).await;
    let (_, html) = node.page(&node.link(1).await).await;
    assert!(html.contains("Answer by <strong>today, 11:12</strong>"), "a request is answered within the hour:\n{html}");
}
