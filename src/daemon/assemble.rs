//! Assembles a node from a plan: the only module that knows configuration, store and mail at once.

use crate::clock::{Clock, SystemClock};
use crate::domain::plan::Plan;
use crate::domain::settings::DatabaseUrl;
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::{mailbox_gone, observe, take};
use crate::flow::group::delivery::attempt_writer::AttemptWriter;
use crate::store::engine::backend::{Store, StoreError};
use crate::store::engine::journal::Journal;
use crate::store::group::{campaigns, leases};
use crate::web::census_cache::CensusCache;
use crate::web::limits::Limits;
use crate::web::link_cache::LinkCache;
use crate::web::rooms::Rooms;
use crate::web::site::{PATIENCE, Site};
use std::sync::Arc;

/// A node of the service, assembled, without running loops.
#[derive(Clone)]
pub struct Node {
    pub ctx: Context,
    pub writer: AttemptWriter,
    pub site: Site,
}

/// Opens the database a plan names, with the stop journal beside it.
pub async fn open_store(plan: &Plan) -> Result<Store, StoreError> {
    let store = match &plan.settings.database {
        DatabaseUrl::Sqlite(path) => Store::open_sqlite(path).await?,
        DatabaseUrl::Postgres(url) => Store::open_postgres(url).await?,
    };
    Ok(store.journalled(Journal::new(plan.settings.stop_journal.clone(), Arc::new(SystemClock))))
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
        signals: observe::signal_writer(&ctx),
        forms: take::forms(&ctx),
        limits: Limits::default(),
        rooms: Rooms::default(),
        links: LinkCache::default(),
        census: CensusCache::default(),
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
    tx.commit().await?;
    Ok(freed)
}

/// The name of a process of this machine, as leases carry it.
pub fn node_name(process: u32) -> String {
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let hostname = hostname.trim();
    format!("{}-{process}", if hostname.is_empty() { "node" } else { hostname })
}
