//! One round: every side once, in turn, into a fresh relay each time; a rate counts only if the relay's count is right.

use crate::company::Company;
use crate::cores::{Cores, Group};
use crate::daemon::Place;
use crate::database::Database;
use crate::figures::{figure, rate};
use crate::issue::{self, Run, Setting};
use crate::postfix::{self, Postfix};
use crate::{plain, sink};
use anyhow::{Result, ensure};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// How many sessions both sides have to smtp-sink and to the fast relay.
pub(crate) const SESSIONS: u64 = 16;
/// How many connections there are to the relay that takes its time, and how long it takes.
pub(crate) const SLOW_CONNECTIONS: u64 = 10;
pub(crate) const SLOW: Duration = Duration::from_millis(20);

/// Who receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    /// Postfix's smtp-sink.
    Postfix,
    /// Our own, as fast as it gets.
    Fast,
    /// Our own, which answers after [`SLOW`].
    Slow,
    /// The same, which remembers every recipient: what went to somebody twice and to nobody else instead is found.
    SlowRemembering,
}

/// A fresh relay of any kind.
enum Relay {
    Postfix(postfix::Sink),
    Own(sink::Sink),
}

impl Relay {
    const fn address(&self) -> SocketAddr {
        match self {
            Self::Postfix(sink) => sink.address(),
            Self::Own(sink) => sink.address(),
        }
    }

    fn messages(&self) -> Result<u64> {
        match self {
            Self::Postfix(sink) => sink.messages(),
            Self::Own(sink) => Ok(sink.messages()),
        }
    }

    /// Fails unless it has accepted exactly so many.
    fn counts(&self, messages: u64, who: &str) -> Result<()> {
        let counted = self.messages()?;
        ensure!(counted == messages, "{who}: the relay counts {counted} messages, not {messages}");
        if let Self::Own(sink) = self
            && let Some(recipients) = sink.recipients()
        {
            ensure!(recipients as u64 == messages, "{who}: {messages} messages went to {recipients} recipients");
        }
        Ok(())
    }
}

/// What every run of a round stands on.
pub(crate) struct Ground<'a> {
    /// Whose letter it is.
    pub company: &'a Company,
    /// Postfix's programs, where they are.
    pub postfix: Option<&'a Postfix>,
    /// Where files may be put.
    pub directory: &'a Path,
    /// Whether senders can be put in groups.
    pub groups: bool,
}

/// What smtp-source did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// Messages a second.
    pub rate: f64,
    /// Processor seconds a message, if they were counted.
    pub processor: Option<f64>,
}

impl Ground<'_> {
    fn relay(&self, to: To) -> Result<Relay> {
        Ok(match (to, self.postfix) {
            (To::Postfix, Some(postfix)) => Relay::Postfix(postfix.sink(self.directory)?),
            (To::Postfix, None) => anyhow::bail!("{}", postfix::MISSING),
            (To::Fast, _) => Relay::Own(sink::Sink::start(Duration::ZERO)?),
            (To::Slow, _) => Relay::Own(sink::Sink::start(SLOW)?),
            (To::SlowRemembering, _) => Relay::Own(sink::Sink::remembering(SLOW)?),
        })
    }

    /// How many bytes of text smtp-source must be asked for, so that its messages are as long as our letter.
    pub(crate) fn text_length(&self, postfix: &Postfix) -> Result<u64> {
        let sink = sink::Sink::start(Duration::ZERO)?;
        let letter = self.company.letter.len() as u64;
        postfix.send(sink.address(), 1, letter, 1, None)?;
        let sent = sink.mean_length().unwrap_or_default();
        ensure!(sent > letter, "smtp-source sent {sent} bytes when asked for {letter} and its headers");
        Ok(letter - (sent - letter))
    }

    /// A group for a sender that can keep so many cores busy.
    fn group(&self, cores: Cores, busy: usize) -> Result<Option<Group>> {
        self.groups.then(|| Group::make(cores, busy)).transpose()
    }

    /// smtp-source sends.
    pub(crate) fn limit(&self, to: To, messages: u64, length: u64, cores: Cores) -> Result<Option<Limit>> {
        let Some(postfix) = self.postfix else { return Ok(None) };
        let relay = self.relay(to)?;
        let group = self.group(cores, 1)?;
        let time = postfix.send(relay.address(), messages, length, SESSIONS, group.as_ref())?;
        let processor = group.map(|group| group.processor_seconds()).transpose()?.map(|all| all / figure(messages));
        relay.counts(messages, "smtp-source")?;
        self.same_length(&relay, "smtp-source")?;
        Ok(Some(Limit { rate: rate(messages, time), processor }))
    }

    /// lettre's own `send` sends; returns messages a second.
    pub(crate) async fn plain(&self, to: To, messages: u64) -> Result<f64> {
        let relay = self.relay(to)?;
        let time = plain::send(relay.address(), messages, &self.company.letter, SLOW_CONNECTIONS).await?;
        relay.counts(messages, "lettre's own send")?;
        self.same_length(&relay, "lettre's own send")?;
        Ok(rate(messages, time))
    }

    /// Our daemon sends one issue to so many prospects, all there are in this database.
    pub(crate) async fn ours(&self, to: To, database: &Database, prospects: u64) -> Result<Run> {
        self.nodes(1, to, database, prospects).await
    }

    /// The same by so many daemons, each with connections of its own.
    pub(crate) async fn nodes(&self, nodes: usize, to: To, database: &Database, prospects: u64) -> Result<Run> {
        self.run(nodes, to, database, prospects, Cores::Whole).await
    }

    /// One daemon and its database, on such cores.
    pub(crate) async fn ours_on(&self, cores: Cores, to: To, database: &Database, prospects: u64) -> Result<Run> {
        self.run(1, to, database, prospects, cores).await
    }

    async fn run(&self, nodes: usize, to: To, database: &Database, prospects: u64, cores: Cores) -> Result<Run> {
        let relay = self.relay(to)?;
        let directory = tempfile::tempdir_in(self.directory)?;
        let copy = database.copy(directory.path()).await?;
        let place = Place {
            directory: directory.path(),
            database: &copy.url,
            relay: relay.address(),
            connections: if matches!(to, To::Slow | To::SlowRemembering) { SLOW_CONNECTIONS } else { SESSIONS },
            // The default; into a relay that takes mail faster than a disk takes commits, more.
            max_in_doubt: if to == To::Fast { 32 } else { 4 },
        };
        let group = self.group(cores, std::thread::available_parallelism()?.get())?;
        group.as_ref().map_or(Ok(()), |group| database.join(group))?;
        let setting = Setting { place, nodes, store: &copy.store, prospects, group: group.as_ref() };
        let run = issue::send(self.company, &setting, || relay.messages()).await?;
        relay.counts(prospects, "nurtured")?;
        self.same_length(&relay, "nurtured")?;
        database.drop_copy(copy).await;
        Ok(run)
    }

    /// Fails when one side's messages are shorter or longer than the letter by more than a hundredth.
    fn same_length(&self, relay: &Relay, who: &str) -> Result<()> {
        let letter = self.company.letter.len() as u64;
        if let Relay::Own(sink) = relay {
            let length = sink.mean_length().unwrap_or_default();
            ensure!(length.abs_diff(letter) * 100 <= letter, "{who}: a message has {length} bytes, our letter {letter}");
        }
        Ok(())
    }
}
