//! The context of every step: the store, the clock, the plan in force, the signer, and the signal that wakes waiting
//! steps.

use crate::clock::{Clock, Watch};
use crate::domain::id::{OccurrenceId, ProspectId};
use crate::domain::plan::Plan;
use crate::mail::null_relay::NullRelay;
use crate::mail::relay::Relay;
use crate::mail::token::Signer;
use crate::store::engine::backend::{Store, StoreError};
use crate::store::people::signing_keys;
use jiff::{SignedDuration, Timestamp};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The context of every step. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Context(Arc<Parts>);

struct Parts {
    store: Store,
    clock: Arc<dyn Clock>,
    watch: Watch,
    signer: Signer,
    node: String,
    plan: RwLock<(Arc<Plan>, Relay)>,
    /// The null relay that takes all mails, whatever plan is in force.
    capture: Option<NullRelay>,
    told: Mutex<Option<String>>,
    wakes: watch::Sender<u64>,
    stop: CancellationToken,
    /// Whether a step failed while it held leases: no connection works on those ranges, and the leases still stand.
    left_behind: AtomicBool,
    pages: Mutex<Pages>,
}

/// How far this node is with an occurrence that it fills page by page.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    /// How many prospects a page reads, so that its transactions stay short.
    pub size: Option<i64>,
    /// How many are due an occurrence of which nothing is written yet, where a limit asks for it.
    pub count: Option<DueCount>,
}

/// How many prospects are due an occurrence, counted page by page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueCount {
    pub occurrence: OccurrenceId,
    /// The hash of the plan they were counted under.
    pub plan: String,
    /// Prospects up to this id are counted.
    pub up_to: ProspectId,
    pub due: i64,
    pub is_whole: bool,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The step did something, and there may be more to do.
    Done,
    /// There is nothing to do until a wake.
    Idle,
    /// There is nothing to do before this instant, unless a wake comes.
    NotBefore(Timestamp),
}

impl Progress {
    /// Idle until the instant, if there is one.
    pub fn until(instant: Option<Timestamp>) -> Self {
        instant.map_or(Self::Idle, Self::NotBefore)
    }
}

impl Context {
    /// Assembles a context: loads the signing keys, making the first one for a new database.
    ///
    /// # Errors
    /// The store's, or that the machine gives no randomness.
    pub async fn assemble(store: Store, clock: Arc<dyn Clock>, plan: Plan, node: String) -> Result<Self, FlowError> {
        Box::pin(Self::with(store, clock, plan, node, None)).await
    }

    /// Assembles a context whose mail never leaves this process: under any plan, the null relay captures it.
    pub async fn capturing(
        store: Store,
        clock: Arc<dyn Clock>,
        plan: Plan,
        node: String,
        capture: NullRelay,
    ) -> Result<Self, FlowError> {
        Box::pin(Self::with(store, clock, plan, node, Some(capture))).await
    }

    async fn with(
        store: Store,
        clock: Arc<dyn Clock>,
        plan: Plan,
        node: String,
        capture: Option<NullRelay>,
    ) -> Result<Self, FlowError> {
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh)
            .map_err(|_| FlowError::Unable("the machine gives no randomness for a signing key".to_owned()))?;
        let relay = relay(&plan, capture.as_ref())?;
        let mut tx = store.write().await?;
        let keys = signing_keys::load(&mut tx, fresh, clock.now()).await?;
        tx.commit().await?;
        let signer =
            Signer::new(&keys).ok_or_else(|| FlowError::Unable("the database holds no usable signing key".to_owned()))?;
        Ok(Self(Arc::new(Parts {
            store,
            watch: Watch::begin(&*clock),
            clock,
            signer,
            node,
            plan: RwLock::new((Arc::new(plan), relay)),
            capture,
            told: Mutex::default(),
            wakes: watch::Sender::new(0),
            stop: CancellationToken::new(),
            left_behind: AtomicBool::new(false),
            pages: Mutex::default(),
        })))
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub fn clock(&self) -> Arc<dyn Clock> {
        self.0.clock.clone()
    }

    /// How far the clock has jumped forward, if it has and the jump is not acknowledged yet.
    pub fn jumped(&self) -> Option<SignedDuration> {
        self.0.watch.jumped(&*self.0.clock)
    }

    /// Acknowledges a clock that jumped.
    pub fn clock_seen_to(&self) {
        self.0.watch.seen_to(&*self.0.clock);
    }

    /// Whether the reason why nothing is sent has changed since the last call, and so deserves a line in the log.
    pub fn is_news(&self, why: Option<&str>) -> bool {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        let news = told.as_deref() != why;
        if news {
            *told = why.map(str::to_owned);
        }
        news
    }

    pub fn signer(&self) -> &Signer {
        &self.0.signer
    }

    /// This node's name, as leases carry it.
    pub fn node(&self) -> &str {
        &self.0.node
    }

    pub fn plan(&self) -> Arc<Plan> {
        self.0.plan.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// The relay of the plan in force.
    pub fn relay(&self) -> Relay {
        self.0.plan.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Puts another plan in force.
    ///
    /// # Errors
    /// When its relay cannot be spoken to as configured; the old plan stays.
    pub fn replace_plan(&self, plan: Plan) -> Result<(), FlowError> {
        let relay = relay(&plan, self.0.capture.as_ref())?;
        *self.0.plan.write().unwrap_or_else(PoisonError::into_inner) = (Arc::new(plan), relay);
        self.wake();
        Ok(())
    }

    /// Asks every step to finish its current work and take no more.
    pub fn stop(&self) {
        self.0.stop.cancel();
    }

    pub fn is_stopping(&self) -> bool {
        self.0.stop.is_cancelled()
    }

    pub async fn stopping(&self) {
        self.0.stop.cancelled().await;
    }

    /// Records whether this node holds leases that no connection works on, because the store failed.
    pub fn leave_behind(&self, is_so: bool) {
        self.0.left_behind.store(is_so, Ordering::Relaxed);
    }

    pub fn has_left_behind(&self) -> bool {
        self.0.left_behind.load(Ordering::Relaxed)
    }

    /// How far this node is with the occurrence it fills.
    pub fn pages(&self) -> Pages {
        self.0.pages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps how far it is.
    pub fn keep_pages(&self, pages: Pages) {
        *self.0.pages.lock().unwrap_or_else(PoisonError::into_inner) = pages;
    }

    /// Wakes every waiting step.
    pub fn wake(&self) {
        self.0.wakes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The receiver by which a waiting step is woken.
    pub fn wakes(&self) -> watch::Receiver<u64> {
        self.0.wakes.subscribe()
    }
}

fn relay(plan: &Plan, capture: Option<&NullRelay>) -> Result<Relay, FlowError> {
    let smtp = plan.settings.smtp.clone();
    let relay = match capture {
        Some(capture) => Relay::capturing(smtp, capture.clone()),
        None => Relay::new(smtp),
    };
    relay.map_err(|e| FlowError::Unable(e.to_string()))
}

/// Why a step could not be done.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A store error shared by all callers that were in one transaction.
    #[error("{0}")]
    Shared(#[from] Arc<StoreError>),
    /// The request cannot be carried out in the current state.
    #[error("{0}")]
    Refused(String),
    /// There is no record of that name or address.
    #[error("find {0}")]
    Missing(String),
    /// Something outside this program failed.
    #[error("{0}")]
    Unable(String),
}

impl FlowError {
    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Shared(error) => error.is_transient(),
            Self::Refused(_) | Self::Missing(_) | Self::Unable(_) => false,
        }
    }
}
