//! The database is away: closed, broken, dropped or silent. Links lead on to where the issue said, and nowhere else; what
//! has to be recorded is not promised.

use super::{FIRST_ISSUE, Told, address, somebody, story};
use axum::Router;
use axum::http::{Method, StatusCode};
use nurtured::domain::id::IssueId;
use nurtured::mail::token::Kind;
use nurtured::store::engine::backend::Store;
use nurtured::store::operations::counts;
use nurtured::town::{BROWSER, Town};
use nurtured::web::router::router;
use nurtured::web::site::PATIENCE;
use std::collections::BTreeMap;
use std::io::{Seek, Write};
use std::time::Duration;

/// Every link of both mails and where it leads: one recipient is tracked, the other is nobody we know.
type Known = BTreeMap<String, Option<String>>;

/// Two newsletters on their way, and a node that has heard of the issue and of no click.
async fn mailed(town: &Town) -> Result<Known, Box<dyn std::error::Error + Send + Sync>> {
    let mut stranger = somebody("bea@albareda.example");
    stranger.consents.clear();
    town.admit(&[somebody("ada@albareda.example"), stranger], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let other = town.second_node(town.node.ctx.store().clone()).await?;
    let mut known = Known::new();
    for who in ["ada@albareda.example", "bea@albareda.example"] {
        for (url, _) in town.newest_to(&address(who))?.links() {
            if let Some(at) = url.find("/c/") {
                known.insert(url[at..].to_owned(), location(&router(other.site.clone()), &url[at..]).await);
            }
        }
    }
    assert!(known.len() >= 2 && known.values().all(Option::is_some), "{known:?}");
    // What the daemon does by itself as soon as an issue is there.
    town.node.site.links.refresh(&town.node.ctx).await?;
    Ok(known)
}

async fn location(router: &Router, path: &str) -> Option<String> {
    let (_, location) = visit(router, Method::GET, path).await;
    location
}

async fn visit(router: &Router, method: Method, path: &str) -> (StatusCode, Option<String>) {
    use tower::ServiceExt;
    let request = axum::http::Request::builder()
        .method(method)
        .uri(path)
        .header("user-agent", BROWSER)
        .extension(axum::extract::ConnectInfo(std::net::SocketAddr::from(([127, 0, 0, 1], 40_000))))
        .body(axum::body::Body::empty())
        .expect("a request");
    // What hangs is found out; how soon the answer comes is no matter here.
    let answered = tokio::time::timeout(Duration::from_mins(2), router.clone().oneshot(request)).await;
    let response = answered.expect("it does not hang").expect("an answer");
    let location = response.headers().get("location").and_then(|value| value.to_str().ok()).map(str::to_owned);
    (response.status(), location)
}

/// With the database away, every link leads where it did, and nothing else leads anywhere.
async fn links_lead_on(town: &Town, known: &Known) {
    let router = router(town.node.site.clone());
    for (path, target) in known {
        assert_eq!(visit(&router, Method::GET, path).await, (StatusCode::FOUND, target.clone()), "{path}");
    }
    let path = known.keys().next().expect("a link");
    assert_eq!(visit(&router, Method::HEAD, path).await.0, StatusCode::FOUND);
    for forged in [path.replace("/c/", "/c/A"), path[..path.len() - 1].to_owned(), "/c/https%3A%2F%2Frival.example".to_owned()] {
        assert_eq!(visit(&router, Method::GET, &forged).await.1, None, "{forged}");
    }
}

/// What must be recorded is not promised: the visitor is asked to try again.
async fn nothing_is_promised(town: &Town) {
    let unsubscribe = town.newest_to(&address("ada@albareda.example")).expect("a mail").unsubscribe.expect("a way out");
    let at = unsubscribe.find("/u/").expect("ours");
    let (status, _) = visit(&router(town.node.site.clone()), Method::POST, &unsubscribe[at..]).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

story!(links_lead_on_while_the_database_is_closed, |town| {
    let known = mailed(&town).await?;
    let stranger = town.second_node(town.node.ctx.store().clone()).await?;
    town.node.ctx.store().close().await;
    links_lead_on(&town, &known).await;
    nothing_is_promised(&town).await;
    // Who never heard of the issue says so, and makes nothing up.
    let path = known.keys().next().expect("a link");
    assert_eq!(visit(&router(stranger.site), Method::GET, path).await, (StatusCode::SERVICE_UNAVAILABLE, None));
    Ok(())
});

story!(a_link_somebody_followed_is_remembered, |town| {
    let known = mailed(&town).await?;
    let other = town.second_node(town.node.ctx.store().clone()).await?;
    let (path, target) = known.iter().next().expect("a link");
    let router = router(other.site.clone());
    assert_eq!(&location(&router, path).await, target);
    town.node.ctx.store().close().await;
    assert_eq!(&location(&router, path).await, target);
    Ok(())
});

story!(a_node_hears_of_issues_that_others_publish, |town| {
    let node = town.second_node(town.node.ctx.store().clone()).await?;
    let (ctx, links) = (node.ctx.clone(), node.site.links.clone());
    let keeping = tokio::spawn(async move { links.keep_current(&ctx).await });
    let known = mailed(&town).await?;
    let (path, target) = known.iter().next().expect("a link");
    let token = node.site.read(&[Kind::PairedClick, Kind::AnonymousClick], &path["/c/".len()..]).expect("ours");
    let issue = IssueId(token.issue().expect("a click names its issue"));
    let heard = tokio::time::timeout(Duration::from_mins(2), async {
        while node.site.links.of(issue, token.ordinal).is_none() {
            node.ctx.wake();
            tokio::task::yield_now().await;
        }
    });
    heard.await?;
    assert_eq!(&node.site.links.of(issue, token.ordinal), target);
    node.ctx.stop();
    keeping.await?;
    Ok(())
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_lead_on_while_the_file_is_broken() -> Told {
    let folder = tempfile::tempdir()?;
    let town = super::found(super::sqlite(folder.path()).await).await;
    let known = mailed(&town).await?;
    for name in ["story.db-wal", "story.db"] {
        let mut file = std::fs::OpenOptions::new().write(true).open(folder.path().join(name))?;
        let length = file.metadata()?.len();
        file.rewind()?;
        file.write_all(&vec![0xA5; usize::try_from(length)?])?;
    }
    // Nothing that was read before helps: a new process would see this.
    assert!(Store::open_sqlite(&folder.path().join("story.db")).await.is_err());
    links_lead_on(&town, &known).await;
    nothing_is_promised(&town).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_waits_a_second_for_a_busy_file_and_is_recorded_later() -> Told {
    let folder = tempfile::tempdir()?;
    let store = super::sqlite(folder.path()).await;
    let mut town = super::found(store.clone()).await;
    town.node.site.patience = PATIENCE;
    let known = mailed(&town).await?;
    let clicks = async || -> Result<i64, nurtured::store::engine::backend::StoreError> {
        Ok(counts::summary(&mut store.read().await?).await?.signals)
    };
    let before = clicks().await?;
    // Another program holds the file: nobody can write until it lets go.
    let other = Store::open_sqlite(&folder.path().join("story.db")).await?;
    let held = other.write().await?;
    town.clock.advance(jiff::SignedDuration::from_hours(48));
    let (path, target) = known.iter().next().expect("a link");
    assert_eq!(&location(&router(town.node.site.clone()), path).await, target);
    assert_eq!(clicks().await?, before);
    held.rollback().await?;
    // The next one is written in its turn: behind the first.
    let second = known.keys().nth(1).expect("another link");
    location(&router(town.node.site.clone()), second).await;
    // Each visitor was led on after a second at most, recorded or not.
    tokio::time::timeout(Duration::from_mins(2), async {
        while clicks().await? < before + 2 {
            tokio::task::yield_now().await;
        }
        Ok::<_, nurtured::store::engine::backend::StoreError>(())
    })
    .await??;
    assert_eq!(clicks().await?, before + 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_lead_on_while_postgres_is_silent() -> Told {
    let Some(url) = crate::postgres::database("silent") else { return Ok(()) };
    let mut town = super::found(Store::open_postgres(&secrecy::SecretString::from(url.as_str())).await?).await;
    town.node.site.patience = PATIENCE;
    let known = mailed(&town).await?;
    // A lock that nobody gets past: what a reader sees of a server that does not answer.
    let hold = url.clone();
    let held = std::thread::spawn(move || {
        crate::postgres::ask(&hold, "BEGIN; LOCK TABLE issues, deliveries IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)")
    });
    let locks = "SELECT COUNT(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'issues'::regclass";
    while crate::postgres::ask(&url, locks) != "1" {
        tokio::task::yield_now().await;
    }
    links_lead_on(&town, &known).await;
    crate::postgres::ask(
        &url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid() AND datname = current_database()",
    );
    assert!(held.join().is_err(), "its session was ended");
    // And once it answers again, clicks count again.
    let (path, target) = known.iter().next().expect("a link");
    town.clock.advance(jiff::SignedDuration::from_hours(48));
    assert_eq!(&location(&router(town.node.site.clone()), path).await, target);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_lead_on_while_postgres_is_gone() -> Told {
    let Some(url) = crate::postgres::database("gone") else { return Ok(()) };
    let town = super::found(Store::open_postgres(&secrecy::SecretString::from(url.as_str())).await?).await;
    let known = mailed(&town).await?;
    let (server, database) = url.rsplit_once('/').expect("a URL ends with the database");
    crate::postgres::ask(&format!("{server}/postgres"), &format!("DROP DATABASE {database} WITH (FORCE)"));
    links_lead_on(&town, &known).await;
    nothing_is_promised(&town).await;
    Ok(())
}
