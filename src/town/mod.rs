//! A town: a complete service on a manual clock, with people who read their mail, and scanners that read it first. The
//! demo and the story tests run on it.
//!
//! Nothing is mocked: it uses a real database, real SMTP to a test server on loopback, the real router, and the daemon's
//! steps.

pub mod mailbox;

use crate::clock::{Clock, ManualClock};
use crate::config;
use crate::daemon::assemble::{self, Node};
use crate::domain::address::Address;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::arrival::Arrival;
use crate::domain::doorway::machine::SOON;
use crate::domain::doorway::qualification::Qualification;
use crate::domain::doorway::signal::{Detail, Touch};
use crate::domain::id::{Name, ProspectId};
use crate::domain::individual::handoff::Handoff;
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::flow::context::{FlowError, Progress};
use crate::flow::doorway::admit::{self, Admitted};
use crate::flow::doorway::assess;
use crate::flow::doorway::observe::{Logged, log};
use crate::flow::individual::ask_to_confirm::ask_to_confirm;
use crate::flow::individual::correspond::correspond;
use crate::flow::individual::follow_up::{Action, act};
use crate::flow::individual::queue;
use crate::flow::operations::sweep;
use crate::flow::until_idle::run_until_idle;
use crate::insight::explain::{Explanation, explain};
use crate::mail::test_server::TestServer;
use crate::store::engine::backend::Store;
use crate::store::individual::handoffs;
use crate::store::people::prospects;
use crate::town::mailbox::Mail;
use crate::web::limits::Limits;
use crate::web::router::router;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode, header};
use jiff::Timestamp;
use jiff::civil::Date;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tower::ServiceExt;

/// A person's user agent.
pub const BROWSER: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
/// A mail scanner's user agent.
pub const SCANNER: &str = "Mozilla/5.0 (compatible; MailScanner/5.1; +https://scanner.example/bot)";

/// A complete service with its test server and clock.
pub struct Town {
    pub node: Node,
    pub clock: Arc<ManualClock>,
    pub catcher: TestServer,
    router: Router,
    /// How many mails there were when somebody last followed a link, and the instant since when they are there.
    arrived: Mutex<(usize, Timestamp)>,
}

/// The service's HTTP answer.
#[derive(Debug, Clone)]
pub struct Answered {
    pub status: StatusCode,
    /// The URL a redirect leads to.
    pub location: Option<String>,
    pub body: String,
}

impl Answered {
    /// What the page's form sends back to show that it was looked at; empty where it has none.
    pub fn visit(&self) -> &str {
        let field = self.body.split("name=\"visit\" value=\"").nth(1).unwrap_or_default();
        field.split('"').next().unwrap_or_default()
    }
}

impl Town {
    /// Sets up a service on an empty store, configured by these files, with its links under `public_url`.
    ///
    /// # Errors
    /// When the files have a problem, or the loopback port cannot be opened.
    pub async fn found(store: Store, files: &[(&str, &str)], public_url: &str, at: &str) -> Result<Self, FlowError> {
        let unable = |e: &dyn std::fmt::Display| FlowError::Unable(format!("found the town: {e}"));
        let catcher = TestServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.map_err(|e| unable(&e))?;
        let environment = [
            ("NURTURED__PUBLIC_URL", public_url.to_owned()),
            ("NURTURED__SMTP__HOST", catcher.local_addr().ip().to_string()),
            ("NURTURED__SMTP__PORT", catcher.local_addr().port().to_string()),
            ("NURTURED__SMTP__SECURITY", "plaintext".to_owned()),
        ];
        let environment: Vec<(String, String)> = environment.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        let plan = config::load_files(files, &environment).map_err(|e| unable(&e))?.plan;
        let at: Timestamp = at.parse().map_err(|e: jiff::Error| unable(&e))?;
        let clock = Arc::new(ManualClock::at(at));
        let node = patient(assemble::assemble(store, clock.clone(), plan).await?);
        let router = router(node.site.clone());
        Ok(Self { node, clock, catcher, router, arrived: Mutex::new((0, at)) })
    }

    /// A second node on the same store, clock and relay, with the same configuration.
    pub async fn second_node(&self, store: Store) -> Result<Node, FlowError> {
        let plan = Plan::clone(&self.node.ctx.plan());
        Ok(patient(assemble::assemble(store, self.clock.clone(), plan).await?))
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs every step until none is due; returns the instant at which the next one is.
    pub async fn run_until_idle(&self) -> Result<Option<Timestamp>, FlowError> {
        run_until_idle(&self.node.ctx, &self.node.writer).await
    }

    /// Moves the clock to `at`, stopping at every instant at which a step is due.
    pub async fn pass_until(&self, at: Timestamp) -> Result<(), FlowError> {
        while let Some(next) = self.run_until_idle().await?.filter(|next| *next < at) {
            self.clock.move_to(next);
        }
        self.clock.move_to(at);
        self.run_until_idle().await?;
        if let Some(census) = sweep::review(&self.node.ctx).await? {
            self.node.site.census.keep(census);
        }
        Ok(())
    }

    /// Moves the clock to an instant written out, such as `2026-02-03T10:00:00Z`.
    ///
    /// # Errors
    /// The first failing step's; a text that is not an instant.
    pub async fn pass_to(&self, at: &str) -> Result<(), FlowError> {
        let at: Timestamp = at.parse().map_err(|e| FlowError::Unable(format!("read {at:?}: {e}")))?;
        self.pass_until(at).await
    }

    pub async fn admit(&self, arrivals: &[Arrival], source: &str) -> Result<Admitted, FlowError> {
        let (plan, now) = (self.node.ctx.plan(), self.now());
        let mut tx = self.node.ctx.store().write().await?;
        let admitted = admit::admit(&mut tx, &plan, arrivals, source, None, now).await?;
        tx.commit().await?;
        self.node.ctx.wake();
        Ok(admitted)
    }

    /// The mails sent to an address, oldest first.
    pub fn mails_to(&self, address: &Address) -> Vec<Mail> {
        self.catcher.caught().iter().filter_map(Mail::read).filter(|mail| mail.is_to(address)).collect()
    }

    /// The newest mail to an address.
    ///
    /// # Errors
    /// When there is no mail to it.
    pub fn newest_to(&self, address: &Address) -> Result<Mail, FlowError> {
        self.mails_to(address).pop().ok_or_else(|| FlowError::Missing(format!("a mail to {address}")))
    }

    /// A person needs a while to read what has just come: no time passes if nothing has.
    fn let_it_be_read(&self) {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        let count = self.catcher.count();
        if count != arrived.0 {
            *arrived = (count, self.now());
        }
        if self.now().duration_since(arrived.1) < SOON {
            self.clock.move_to(arrived.1 + SOON);
        }
    }

    /// Sends an HTTP request to the service. What a person asks for, they ask after they have read their mail.
    ///
    /// # Errors
    /// When the request cannot be made.
    pub async fn ask(&self, method: Method, url: &str, agent: &str, body: &str) -> Result<Answered, FlowError> {
        let unable = |e: &dyn std::fmt::Display| FlowError::Unable(format!("ask for a page: {e}"));
        let public_url = self.node.ctx.plan().settings.public_url.clone();
        let path = url.strip_prefix(&public_url).unwrap_or(url);
        if agent == BROWSER && (path.starts_with("/c/") || path.starts_with("/a/")) {
            self.let_it_be_read();
        }
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::USER_AGENT, agent)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .extension(ConnectInfo(SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000))))
            .body(Body::from(body.to_owned()))
            .map_err(|e| unable(&e))?;
        let response = self.router.clone().oneshot(request).await.map_err(|e| unable(&e))?;
        let status = response.status();
        let location = response.headers().get(header::LOCATION).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let body = to_bytes(response.into_body(), 4 << 20).await.map_err(|e| unable(&e))?;
        Ok(Answered { status, location, body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// A person opens the link with this text in their newest mail.
    ///
    /// # Errors
    /// When there is no such link.
    pub async fn click(&self, address: &Address, words: &str) -> Result<Answered, FlowError> {
        let url = self.link(address, words)?;
        self.ask(Method::GET, &url, BROWSER, "").await
    }

    /// A person chooses an answer in their newest mail and confirms it on the page.
    ///
    /// # Errors
    /// When the mail does not offer it.
    pub async fn answer(&self, address: &Address, say: &str) -> Result<Answered, FlowError> {
        let url = self.link(address, say)?;
        self.press(&url, BROWSER).await
    }

    /// A visitor opens a page and presses its button.
    ///
    /// # Errors
    /// When the request cannot be made.
    pub async fn press(&self, url: &str, agent: &str) -> Result<Answered, FlowError> {
        let page = self.ask(Method::GET, url, agent, "").await?;
        self.ask(Method::POST, url, agent, &format!("visit={}", page.visit())).await
    }

    /// A person unsubscribes with their mail program's button.
    ///
    /// # Errors
    /// When they have no newsletter.
    pub async fn unsubscribe(&self, address: &Address) -> Result<Answered, FlowError> {
        let letters = self.mails_to(address).into_iter().rev().find_map(|mail| mail.unsubscribe);
        let url = letters.ok_or_else(|| FlowError::Missing(format!("a newsletter to {address}")))?;
        self.ask(Method::POST, &url, "", "List-Unsubscribe=One-Click").await
    }

    /// A person fills in a web form, and confirms it by the link in the mail that asks for it.
    ///
    /// # Errors
    /// When there is no mail, or it has no link.
    pub async fn fill_in(&self, form: &str, fields: &[(&str, &str)]) -> Result<Answered, FlowError> {
        let typed = self.type_in(form, fields).await?;
        let address = fields.iter().find(|(key, _)| *key == "email").and_then(|(_, text)| Address::parse(text).ok());
        let Some(address) = address.filter(|_| typed.status.is_success()) else { return Ok(typed) };
        while [ask_to_confirm(&self.node.ctx).await?, correspond(&self.node.ctx).await?].contains(&Progress::Done) {}
        self.confirm(&address).await
    }

    /// A person confirms what was filled in about their address, by the link in their newest mail.
    ///
    /// # Errors
    /// When that mail has no such link.
    pub async fn confirm(&self, address: &Address) -> Result<Answered, FlowError> {
        let url = self.link(address, "confirm it")?;
        self.ask(Method::GET, &url, BROWSER, "").await?;
        self.ask(Method::POST, &url, BROWSER, "").await
    }

    /// A visitor fills in a web form with some address: theirs, or another's.
    ///
    /// # Errors
    /// When the request cannot be made.
    pub async fn type_in(&self, form: &str, fields: &[(&str, &str)]) -> Result<Answered, FlowError> {
        let body = serde_urlencoded::to_string(fields).map_err(|e| FlowError::Unable(e.to_string()))?;
        self.ask(Method::POST, &format!("/f/{form}"), BROWSER, &body).await
    }

    pub async fn log(
        &self,
        address: &Address,
        by: &str,
        touch: Touch,
        proves: &[Criterion],
        date: Option<Date>,
        note: &str,
    ) -> Result<(), FlowError> {
        let by = Name::parse(by).map_err(|e| FlowError::Refused(e.to_string()))?;
        let detail = Detail::Touch {
            touch,
            proves: proves.to_vec(),
            contradicts: Vec::new(),
            date,
            not_before: None,
            note: note.to_owned(),
        };
        log(&self.node.ctx, Logged { address: address.clone(), by, occurred_at: self.now(), detail }).await.map(drop)
    }

    /// A prospect as stored now.
    ///
    /// # Errors
    /// When no prospect has the address.
    pub async fn prospect(&self, address: &Address) -> Result<Prospect, FlowError> {
        let mut tx = self.node.ctx.store().read().await?;
        let id = self.id(address).await?;
        Ok(prospects::one(&mut tx, id).await?)
    }

    /// The five verdicts on a prospect.
    ///
    /// # Errors
    /// When no prospect has the address.
    pub async fn verdicts(&self, address: &Address) -> Result<Qualification, FlowError> {
        let id = self.id(address).await?;
        let mut tx = self.node.ctx.store().read().await?;
        Ok(assess::assess(&mut tx, &self.node.ctx.plan(), id, self.now()).await?.0)
    }

    /// Everything concluded about a prospect, now or as known at an instant.
    ///
    /// # Errors
    /// When no prospect has the address now, or had it at that instant.
    pub async fn explain(&self, address: &Address, at: Option<Timestamp>) -> Result<Explanation, FlowError> {
        let id = self.id(address).await?;
        let mut tx = self.node.ctx.store().read().await?;
        explain(&self.node.ctx, &mut tx, id, at).await
    }

    /// A prospect's handoffs, newest first.
    ///
    /// # Errors
    /// When no prospect has the address.
    pub async fn handoffs_of(&self, address: &Address) -> Result<Vec<Handoff>, FlowError> {
        let id = self.id(address).await?;
        let mut tx = self.node.ctx.store().read().await?;
        Ok(handoffs::of_prospect(&mut tx, id).await?)
    }

    pub async fn queue_of(&self, salesperson: &Name) -> Result<Vec<queue::Item>, FlowError> {
        let mut tx = self.node.ctx.store().read().await?;
        queue::of(&self.node.ctx, &mut tx, salesperson, self.now()).await
    }

    /// The salesperson who has a prospect's open handoff takes an action on it.
    ///
    /// # Errors
    /// When there is no handoff, or its state does not allow the action.
    pub async fn sell(&self, address: &Address, action: Action) -> Result<Handoff, FlowError> {
        let handoff = self
            .handoffs_of(address)
            .await?
            .into_iter()
            .next()
            .ok_or_else(|| FlowError::Missing(format!("a handoff of {address}")))?;
        act(&self.node.ctx, handoff.id, &handoff.salesperson, action).await
    }

    async fn id(&self, address: &Address) -> Result<ProspectId, FlowError> {
        let mut tx = self.node.ctx.store().read().await?;
        let known = prospects::by_address(&mut tx, &[address]).await?;
        known.get(address).copied().ok_or_else(|| FlowError::Missing(format!("a prospect with the address {address}")))
    }

    fn link(&self, address: &Address, words: &str) -> Result<String, FlowError> {
        let mail = self.newest_to(address)?;
        mail.link(words).ok_or_else(|| FlowError::Missing(format!("the link {words:?} in {:?}", mail.subject)))
    }
}

/// Makes visitors wait until they are answered, even on a busy machine, and takes however much they send at one instant: a story
/// asserts the outcome of each click.
fn patient(mut node: Node) -> Node {
    node.site.patience = Duration::from_mins(5);
    node.site.limits = Limits::open();
    node
}
