//! The scenario: the daemon dies at every failpoint that it passes, one after the other, in the course of one campaign that it
//! opens, fills and sends itself, while signals come in and prospects are handed off. Then it finishes, and the checker
//! looks at what is left. Strangers ask to be called meanwhile, and some confirm it. No death is by chance: each start asks for one place, and must end there.

use crate::caller::Caller;
use crate::checker::{Remains, Verdict, check};
use crate::database::Database;
use crate::node::{Node, Post};
use crate::relay::Relay;
use crate::scenario::{CONNECTIONS, IN_DOUBT};
use crate::wait;
use anyhow::{Context as _, ensure};
use jiff::{SignedDuration, Timestamp};
use nurtured::clock::{Clock, SystemClock};
use nurtured::flow::group::page;
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

/// Where it dies, in this order, so that each place is still to come when its turn has come; and at which hit.
const PLACES: [(&str, u64); 26] = [
    ("publish.opened", 1),
    ("publish.before_page", 1),
    ("publish.after_page", 1),
    ("deliver.claimed", 1),
    ("mark.before_commit", 2),
    ("mark.after_commit", 5),
    ("relay.after_sender", 3),
    ("relay.before_message", 7),
    ("relay.after_dot", 9),
    ("result.before_commit", 3),
    ("result.after_commit", 6),
    ("stop.before_commit", 1),
    ("deliver.before_release", 1),
    ("deliver.after_release", 1),
    ("signal.before_commit", 2),
    ("signal.after_commit", 2),
    ("qualify.before_commit", 1),
    ("qualify.after_commit", 1),
    ("hand_off.before_commit", 1),
    ("hand_off.after_commit", 1),
    ("letter.claimed", 1),
    ("letter.sent", 1),
    ("letter.recorded", 1),
    ("enquire.before_commit", 1),
    ("enquire.after_commit", 1),
    ("confirm.before_commit", 1),
];

/// Places that no daemon passes while it sends: verbs die there in `tests/it/cli/second_thoughts.rs` and `tests/it/hand.rs`, and a daemon
/// that reads a mailbox in `tests/it/mailboxes/fetched.rs`.
const OF_VERBS: [&str; 10] = [
    "cancel.before_commit",
    "cancel.after_commit",
    "cancel.range",
    "correct.before_commit",
    "correct.after_commit",
    "rename.before_commit",
    "ingest.kept",
    "restore.aside",
    "mailbox.before_commit",
    "mailbox.after_commit",
];

/// What it came to.
pub(crate) struct Outcome {
    pub(crate) places: usize,
    pub(crate) bound: usize,
    pub(crate) verdict: Verdict,
}

/// Plays it in an empty directory, on an empty database.
pub(crate) async fn play(directory: &Path, database: &Database, people: usize) -> anyhow::Result<Outcome> {
    let named = named_in_the_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))?;
    let tried: BTreeSet<String> = PLACES.iter().map(|(name, _)| *name).chain(OF_VERBS).map(str::to_owned).collect();
    ensure!(named == tried, "the sources name {named:?}, and the scenario knows {tried:?}");

    let relay = Relay::start(&directory.join("journal"), None, 1)?;
    // Due a while ago, and seen by nobody yet: the daemon opens it.
    let due = SystemClock.now() - SignedDuration::from_mins(10);
    let due = Timestamp::from_second(due.as_second() / 60 * 60)?;
    let plan = database.prepare(directory, relay.addresses[0], people, due).await?;
    let mut post = Post::new(directory, &database.url(), relay.addresses[0])?;
    let mut caller = Caller::new(relay.clone(), people);
    let pages = people.div_ceil(usize::try_from(page::PAGE)?);
    for (name, hit) in PLACES {
        // Who is handed off before their page is filled gets no delivery: nobody calls until the last one is.
        let hit = if name == "publish.after_page" { pages as u64 } else { hit };
        post.failpoint = Some(format!("{name}:kill@{hit}"));
        let calls = if name.starts_with("publish.") { 0 } else { 2 };
        let died = die(&post, database, &mut caller, calls).await;
        wait::explained(died, &post).with_context(|| format!("at {name}"))?;
    }
    post.failpoint = None;
    let runs = || post.log().matches("nurtured runs").count();
    let until_now = runs();
    let mut nodes = [post.start()?];
    // Each daemon before it may have died before it had confirmed anything.
    caller.confirm_again(post.listen()).await?;
    let idle = wait::until_idle(database, &relay, &mut nodes).await;
    wait::explained(idle, &post)?;
    // Where those before it had done everything, that was so before it ran.
    wait::until("it runs", || Ok(runs() > until_now)).await?;
    let [node] = nodes;
    // What it holds after its work, beside what one holds that found nothing to do.
    let after = node.held()?;
    let status = node.stop().await?;
    ensure!(status.success(), "a daemon that was told to stop did not end well: {status}");
    let until_now = runs();
    let fresh = post.start()?;
    let mut before = fresh.held()?;
    wait::until("it runs", || {
        before = fresh.held()?;
        Ok(runs() > until_now)
    })
    .await?;
    let status = fresh.stop().await?;
    ensure!(status.success(), "a daemon that was told to stop did not end well: {status}");

    let finished = database.let_time_pass(&plan).await?;
    let bound = PLACES.len() * CONNECTIONS * IN_DOUBT;
    let remains = Remains {
        acknowledged: caller.acknowledged,
        thanked: caller.thanked,
        heard: database.heard().await?,
        held: Some((before, after)),
        bound,
        in_flight: CONNECTIONS * IN_DOUBT,
        finished,
        ..database.remains(&relay, &post, people).await?
    };
    ensure!(!remains.handoffs.is_empty(), "nobody was handed off: the scenario proves nothing about handoffs");
    ensure!(remains.acknowledged.len() > 10, "only {:?} was acknowledged", remains.acknowledged);
    ensure!(!remains.thanked.is_empty(), "no request was thanked: the scenario proves nothing about them");
    ensure!(
        remains.heard.iter().any(|heard| heard.confirmed),
        "nobody confirmed: the scenario proves nothing about confirmations"
    );
    Ok(Outcome { places: PLACES.len(), bound, verdict: check(&remains) })
}

/// Starts a daemon, calls upon it so often, and waits until it is dead.
async fn die(post: &Post, database: &Database, caller: &mut Caller, calls: usize) -> anyhow::Result<()> {
    let mut node: Node = post.start()?;
    let status = tokio::select! {
        ended = wait::until_ended(&mut node) => ended?,
        () = call(caller, post, calls) => unreachable!("it calls, and then waits without end"),
    };
    ensure!(status.signal().is_some(), "it ended with {status}, and not where it should");
    database.bury(&node.name()).await
}

/// Calls so often; then whatever was caused takes its course.
async fn call(caller: &mut Caller, post: &Post, times: usize) {
    for _ in 0..times {
        caller.round(&[post.listen()]).await;
        caller.ask(post.listen()).await;
    }
    if times > 0 {
        caller.confirm(post.listen()).await;
    }
    std::future::pending::<()>().await;
}

/// Every failpoint that the sources name.
fn named_in_the_sources(folder: &Path) -> std::io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_dir() {
            names.append(&mut named_in_the_sources(&path)?);
        } else {
            let text = std::fs::read_to_string(&path)?;
            let named = text.split("failpoint!(\"").skip(1).filter_map(|rest| rest.split('"').next());
            names.extend(named.map(str::to_owned));
        }
    }
    Ok(names)
}
