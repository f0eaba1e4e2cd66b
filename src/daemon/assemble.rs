//! Assembles a node from a plan: the only module that knows configuration, store and mail at once.

use crate::clock::{Clock, SystemClock};
use crate::domain::plan::Plan;
use crate::domain::settings::DatabaseUrl;
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::spooled::Spooled;
use crate::flow::doorway::{hit, mailbox_gone, take};
use crate::flow::group::delivery::attempt_writer::AttemptWriter;
use crate::store::engine::backend::{Store, StoreError};
use crate::store::engine::file_lock::FileLock;
use crate::store::engine::journal::Journal;
use crate::store::engine::log_check::{self, Generation};
use crate::store::group::{campaigns, leases};
use crate::store::operations::{generation, health, mailboxes};
use crate::web::census_cache::CensusCache;
use crate::web::limits::Limits;
use crate::web::link_cache::LinkCache;
use crate::web::rooms::Rooms;
use crate::web::site::{PATIENCE, Site};
use crate::web::sns_client::SnsClient;
use jiff::Timestamp;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A node of the service, assembled, without running loops.
#[derive(Clone)]
pub struct Node {
    pub ctx: Context,
    pub writer: AttemptWriter,
    pub site: Site,
}

/// Opens the database a plan names, with the stop journal beside it; makes it if there is none, and brings its tables up to date.
pub async fn open_store(plan: &Plan) -> Result<Store, StoreError> {
    open_database(&plan.settings.database, &plan.settings.stop_journal).await
}

/// As [`open_store`], of a configuration of which no more is known.
pub async fn open_database(database: &DatabaseUrl, stop_journal: &Path) -> Result<Store, StoreError> {
    let store = match database {
        DatabaseUrl::Sqlite(path) => Store::open_sqlite(path).await?,
        DatabaseUrl::Postgres(url) => Store::open_postgres(url).await?,
    };
    Ok(store.journalled(Journal::new(stop_journal.to_owned(), Arc::new(SystemClock))))
}

/// Opens a database that is there and has the tables of this program, perhaps beside a daemon; nothing is made or migrated.
///
/// # Errors
/// When there is none, or its tables are another program's; when the log beside it is another file's.
pub async fn attach(database: &DatabaseUrl, stop_journal: &Path) -> Result<Store, StoreError> {
    let store = match database {
        DatabaseUrl::Sqlite(path) => {
            log_check::check_unless_held(path)?;
            Store::attach_sqlite(path).await?
        }
        DatabaseUrl::Postgres(url) => Store::attach_postgres(url).await?,
    };
    Ok(store.journalled(Journal::new(stop_journal.to_owned(), Arc::new(SystemClock))))
}

/// The time limit of the quick check: a start waits no longer for a large file.
const QUICK: Duration = Duration::from_secs(30);

/// Opens the database for the one daemon of its file; on PostgreSQL nodes share it. After an unclean end the file is checked quickly.
/// The lock is to be kept as long as the store is open.
///
/// # Errors
/// When another process has the file; when the log beside it is another file's, or the file is damaged; those of the store.
pub async fn open_alone(plan: &Plan, now: Timestamp) -> Result<(Store, Option<FileLock>), StoreError> {
    let DatabaseUrl::Sqlite(path) = &plan.settings.database else { return Ok((open_store(plan).await?, None)) };
    let lock = FileLock::take(path, now)?;
    if log_check::check(path)? {
        tracing::warn!(
            "the database was not closed, by a run that was killed or a verb that still works on it: it is checked quickly"
        );
        // Before anything is written: a damaged file is kept as it is.
        let complaints = health::quick_complaints_within(QUICK, path).await?;
        if complaints.is_none() {
            tracing::warn!("the quick check takes too long, and was given up; `nurtured db verify` reads every page");
        }
        if let Some(complaint) = complaints.into_iter().flatten().next() {
            return Err(StoreError::Damaged { database: path.clone(), complaint });
        }
    }
    let store = open_store(plan).await?;
    generation::begin(&store, fresh_generation()?).await?;
    Ok((store, Some(lock)))
}

/// A generation that no other run has, but by a chance of one in four thousand million.
///
/// # Errors
/// When the machine gives no randomness.
pub fn fresh_generation() -> Result<Generation, StoreError> {
    let mut fresh = [0; 4];
    getrandom::fill(&mut fresh).map_err(|_| StoreError::File("get randomness from this machine".to_owned()))?;
    Ok(Generation::from_be_bytes(fresh).max(1))
}

/// Assembles a node around a store. Campaigns seen for the first time begin here: no occurrence before now is due. No other
/// part of the plan is put in force: a verb that reads changed files does not apply them.
///
/// # Errors
/// Those of the store; when the relay cannot be spoken to as configured.
pub async fn assemble(store: Store, clock: Arc<dyn Clock>, plan: Plan) -> Result<Node, FlowError> {
    let node = node_name(std::process::id());
    let mut tx = store.write().await?;
    campaigns::add(&mut tx, plan.schedules(), clock.now()).await?;
    tx.commit().await?;
    let ctx = Context::assemble(store.clone(), clock.clone(), plan, node).await?;
    let writer = AttemptWriter::open(&ctx, mailbox_gone::record);
    let site = Site {
        ctx: ctx.clone(),
        clicks: hit::clicks(&ctx),
        posts: hit::posts(&ctx),
        spooled: Spooled::of(&ctx),
        forms: take::forms(&ctx),
        limits: Limits::default(),
        rooms: Rooms::default(),
        links: LinkCache::default(),
        census: CensusCache::default(),
        sns: SnsClient::default(),
        patience: PATIENCE,
    };
    Ok(Node { ctx, writer, site })
}

/// Expires the leases of an earlier process where there can be no second node (SQLite): that process is dead. Without
/// this, a crash costs the five minutes until its leases lapse. Returns the number of leases.
///
/// Only the daemon may call it: a verb of the command line runs beside the daemon.
pub async fn take_over(store: &Store) -> Result<u64, StoreError> {
    if store.is_shared() {
        return Ok(0);
    }
    let mut tx = store.write().await?;
    let freed = leases::expire_all(&mut tx).await?;
    mailboxes::release_all(&mut tx).await?;
    tx.commit().await?;
    Ok(freed)
}

/// The name of a process of this machine, as leases carry it.
pub fn node_name(process: u32) -> String {
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let hostname = hostname.trim();
    format!("{}-{process}", if hostname.is_empty() { "node" } else { hostname })
}
