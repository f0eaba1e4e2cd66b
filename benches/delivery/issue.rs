//! One issue to all prospects, by one or several daemons on the same database, until the last delivery is durably accepted.

use crate::company::Company;
use crate::cores::Group;
use crate::daemon::{Daemon, PATIENCE, Place, Seen, Sign, wait_for};
use crate::stopwatch::Stopwatch;
use crate::usage::{most_memory, processor_seconds};
use anyhow::{Context, Result, ensure};
use nurtured::store::engine::backend::Store;
use nurtured::store::group::leases;
use nurtured::store::operations::counts;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How often the relay's count, and at the end the store, are polled: a run may seem longer by this much.
const LOOK: Duration = Duration::from_millis(5);

/// A run's figures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// From the opening of the due occurrence to the last durable `accepted`.
    pub time: Duration,
    /// Processor seconds of all daemons in that time.
    pub processor: f64,
    /// The same with those of its database, in so far as they were counted.
    pub with_database: Option<f64>,
    /// The peak memory of one daemon, in megabytes, its start included.
    pub memory: f64,
}

/// The parameters of a run.
pub(crate) struct Setting<'a> {
    /// The surroundings of the daemons.
    pub place: Place<'a>,
    /// How many daemons there are.
    pub nodes: usize,
    /// The open database.
    pub store: &'a Store,
    /// Where its processes are counted, and held to a share.
    pub group: Option<&'a Group>,
    /// How many recipients the issue has.
    pub prospects: u64,
}

/// Sends one issue to all prospects, and takes the time. `received` returns how many messages the relay has accepted so far.
pub(crate) async fn send(company: &Company, setting: &Setting<'_>, received: impl Fn() -> Result<u64>) -> Result<Run> {
    company.write(setting.place.directory)?;
    company.make_due(setting.store).await?;
    let (signs, seen) = channel();
    let mut daemons = Vec::new();
    for _ in 0..setting.nodes {
        let daemon = Daemon::start(&setting.place, signs.clone())?;
        setting.group.map_or(Ok(()), |group| group.take_in(daemon.id()))?;
        daemons.push(daemon);
    }
    drop(signs);
    let outcome = follow(&mut daemons, &seen, setting, received).await;
    let said = || daemons.iter().map(Daemon::said).collect::<Vec<_>>().join("\n\n");
    let run = outcome.with_context(|| format!("the daemon said:\n{}", said()))?;
    daemons.iter_mut().try_for_each(Daemon::stop)?;
    let mut read = setting.store.read().await?;
    let accepted = counts::summary(&mut read).await?.accepted;
    ensure!(u64::try_from(accepted) == Ok(setting.prospects), "{accepted} are accepted, not {}", setting.prospects);
    Ok(run)
}

async fn follow(
    daemons: &mut [Daemon],
    seen: &Receiver<Seen>,
    setting: &Setting<'_>,
    received: impl Fn() -> Result<u64>,
) -> Result<Run> {
    let watch = wait_for(Sign::Opened, seen)?;
    let counted = || setting.group.map(Group::processor_seconds).transpose();
    let (before, all_before) = (processor(daemons)?, counted()?);
    let mut look = tokio::time::interval(LOOK);
    let (mut sent, mut moved) = (0, Stopwatch::start());
    while sent < setting.prospects {
        look.tick().await;
        let now = received()?;
        if now != sent {
            (sent, moved) = (now, Stopwatch::start());
        }
        daemons.iter_mut().try_for_each(Daemon::runs).with_context(|| format!("after {sent} messages"))?;
        ensure!(moved.read() < PATIENCE, "nothing moves after {sent} messages");
    }
    // The relay has them all. A lease is finished when every result in its range is recorded.
    loop {
        let mut read = setting.store.read().await?;
        if leases::next_due(&mut read).await?.is_none() {
            break;
        }
        drop(read);
        ensure!(moved.read() < PATIENCE, "the relay has all messages, the store does not say so");
        look.tick().await;
    }
    let time = watch.read();
    let processor = processor(daemons)? - before;
    let with_database = counted()?.zip(all_before).map(|(after, before)| after - before);
    let memory = daemons.iter().map(|daemon| most_memory(daemon.id())).collect::<Result<Vec<_>>>()?;
    ensure!(received()? == setting.prospects, "the relay counts {}, not {}", received()?, setting.prospects);
    Ok(Run { time, processor, with_database, memory: memory.into_iter().fold(0.0, f64::max) })
}

fn processor(daemons: &[Daemon]) -> Result<f64> {
    daemons.iter().map(|daemon| processor_seconds(daemon.id())).sum()
}
