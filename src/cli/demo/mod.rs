//! `nurtured demo`: the whole story without configuration and without anything outside the binary. Embedded SQLite, real
//! SMTP over loopback to a test server, a virtual clock that covers months in seconds; then the pages to look at.

pub mod people;
pub mod story;
pub mod gallery;

use super::exit::Exit;
use super::output;
use crate::config::example;
use crate::flow::operations::sweep;
use crate::store::engine::backend::Store;
use crate::store::operations::counts;
use crate::town::Town;
use clap::Args;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;

/// The whole story in one minute
#[derive(Debug, Args)]
pub struct Demo {
    /// Exit at the end instead of serving the pages
    #[arg(long)]
    once: bool,
    /// Keep the demonstration's database in this directory instead of a temporary one
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Tells the story, then serves its pages.
///
/// # Errors
/// 1 when the story fails; 69 when loopback is not available.
pub async fn demo(verb: &Demo, json: bool) -> Result<(), Exit> {
    let directory = match &verb.keep {
        Some(directory) => directory.clone(),
        None => std::env::temp_dir().join(format!("nurtured-demo-{}", std::process::id())),
    };
    let result = tell(verb, json, &directory).await;
    if verb.keep.is_none() {
        // A temporary directory left behind does no harm.
        drop(std::fs::remove_dir_all(&directory));
    }
    result
}

async fn tell(verb: &Demo, json: bool, directory: &Path) -> Result<(), Exit> {
    std::fs::create_dir_all(directory).map_err(|e| Exit::No(format!("could not make {}: {e}", directory.display())))?;
    let database = directory.join("demo.db");
    if database.exists() {
        return Err(Exit::No(format!("{} is there already; name another directory", database.display())));
    }
    let listener =
        TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.map_err(|e| Exit::Unavailable(e.to_string()))?;
    let address = listener.local_addr()?;
    let store = Store::open_sqlite(&database).await?;
    let town = Town::found(store, example::FILES, &format!("http://{address}"), story::BEGINS).await?;
    let narrator = story::Narrator::new(json);
    story::tell(&town, &narrator).await?;

    let mut tx = town.node.ctx.store().read().await?;
    let summary = counts::summary(&mut tx).await?;
    drop(tx);
    let told =
        story::DemoResult { summary, without_future: sweep::without_future(&town.node.ctx).await?, mails: town.catcher.count() };
    if json {
        output::json(&told)?;
    } else {
        story::sum_up(&told, &narrator)?;
    }
    if told.without_future != 0 {
        return Err(Exit::No(format!("{} prospects are without a future; there must be none", told.without_future)));
    }
    if !verb.once {
        gallery::serve(&town, listener, address, &narrator).await?;
    }
    town.node.ctx.store().close().await;
    Ok(())
}
