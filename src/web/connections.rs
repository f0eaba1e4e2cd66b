//! Connections: how many there are, and which one is closed when there would be too many.
//!
//! Each is a descriptor, and relay and database need some too. When there is no room for another connection, the oldest one on
//! which nothing is being worked on is closed: one that was opened and says nothing costs nobody else anything.

use crate::domain::network::{Household, Network, household};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How many descriptors are kept back: for the database (a dozen on SQLite, 17 on PostgreSQL), the log, the journal, systemd,
/// names looked up, the second listener and what it serves…
const KEPT_BACK: usize = 128;
/// …and for each connection to the relay, with what it takes to open it.
const FOR_THE_RELAY: usize = 2;
/// However few descriptors there are, so many connections are taken…
const FEWEST: usize = 16;
/// …and however many there are, no more: each may hold 16 KB of a header and as much of a form.
const MOST: usize = 4_096;
/// How many that were told to close may still be open.
const CLOSING: usize = 32;
/// One visitor has at most this share of all connections.
const SHARE: usize = 4;

/// How many connections the web server takes where a process may open so many files.
pub fn room(descriptors: Option<u64>, relay_connections: usize) -> usize {
    let descriptors = descriptors.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    descriptors.saturating_sub(KEPT_BACK + CLOSING + FOR_THE_RELAY * relay_connections).clamp(FEWEST, MOST)
}

/// How many requests of one connection are being worked on: their body is read, and they are not answered yet.
#[derive(Debug, Clone, Default)]
pub struct Doing(Arc<AtomicUsize>);

impl Doing {
    /// Works on a request until the result is dropped.
    #[must_use]
    pub fn work(&self) -> Working {
        self.0.fetch_add(1, Ordering::AcqRel);
        Working(self.0.clone())
    }

    fn is_idle(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }
}

/// A request that is being worked on.
#[derive(Debug)]
pub struct Working(Arc<AtomicUsize>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The open connections of one listener. Clones share them.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    /// The descriptors, also of those that were told to close and have not yet.
    places: Arc<Semaphore>,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// By the order in which they were opened.
    connections: BTreeMap<u64, Entry>,
    opened: u64,
}

#[derive(Debug, Clone)]
struct Entry {
    whose: Household,
    is_proxy: bool,
    doing: Doing,
    closing: Arc<Notify>,
}

/// An open connection; when it is dropped there is room for another one.
#[derive(Debug)]
pub struct Connection {
    pub doing: Doing,
    closing: Arc<Notify>,
    number: u64,
    of: Arc<Inner>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// Waits until it is to be closed for another one's sake.
    pub async fn closed(&self) {
        self.closing.notified().await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.of.open.lock().unwrap_or_else(PoisonError::into_inner).connections.remove(&self.number);
    }
}

impl Connections {
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Inner { most, places: Arc::new(Semaphore::new(most + CLOSING)), open: Mutex::default() }))
    }

    /// Waits until there is a descriptor for another connection. Whoever was told to close gives theirs back in a moment: to accept
    /// faster than they do would leave none for relay and database. `None` once none will come.
    pub async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.0.places.clone().acquire_owned().await.ok()
    }

    /// Takes a connection, closing another one where there is no room; `None` where each is being worked on.
    pub fn open(&self, peer: IpAddr, proxies: &[Network], place: OwnedSemaphorePermit) -> Option<Connection> {
        let (whose, is_proxy) = (household(peer), proxies.iter().any(|network| network.contains(peer)));
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = || open.connections.iter().filter(|(_, entry)| entry.whose == whose);
        let has_its_share = !is_proxy && own().count() >= (self.0.most / SHARE).max(1);
        if has_its_share {
            let oldest = own().find(|(_, entry)| entry.doing.is_idle()).map(|(number, _)| *number)?;
            open.close(oldest);
        } else if open.connections.len() >= self.0.most {
            let idle = |of_proxies: bool| {
                let mut entries = open.connections.iter();
                entries.find(|(_, entry)| entry.is_proxy == of_proxies && entry.doing.is_idle()).map(|(number, _)| *number)
            };
            // A proxy's connection carries many visitors, one after the other.
            let oldest = idle(false).or_else(|| idle(true))?;
            open.close(oldest);
        }
        let (doing, closing) = (Doing::default(), Arc::new(Notify::new()));
        open.opened += 1;
        let number = open.opened;
        open.connections.insert(number, Entry { whose, is_proxy, doing: doing.clone(), closing: closing.clone() });
        Some(Connection { doing, closing, number, of: self.0.clone(), _place: place })
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner).connections.len()
    }
}

impl Open {
    fn close(&mut self, number: u64) {
        if let Some(entry) = self.connections.remove(&number) {
            entry.closing.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u8) -> IpAddr {
        IpAddr::from([203, 0, 113, n])
    }

    fn free(connections: &Connections) -> OwnedSemaphorePermit {
        connections.0.places.clone().try_acquire_owned().expect("a descriptor is free")
    }

    #[tokio::test]
    async fn whoever_was_told_to_close_has_a_descriptor_until_they_did() {
        let connections = Connections::new(1);
        let open = || connections.open(peer(1), &[], free(&connections)).expect("room is made");
        let slow: Vec<Connection> = (0..=CLOSING).map(|_| open()).collect();
        assert_eq!(connections.count(), 1);
        assert!(connections.0.places.clone().try_acquire_owned().is_err(), "nobody is accepted before one of them is gone");
        drop(slow);
        assert!(connections.place().await.is_some());
    }

    /// Whether it was told to close.
    async fn is_closed(connection: &Connection) -> bool {
        tokio::select! {
            biased;
            () = connection.closed() => true,
            () = std::future::ready(()) => false,
        }
    }

    #[test]
    fn descriptors_are_kept_back_for_relay_and_database() {
        for (descriptors, relay, expected) in
            [(Some(1_024), 4, 856), (Some(16_384), 4, MOST), (None, 4, MOST), (Some(256), 64, FEWEST), (Some(0), 1, FEWEST)]
        {
            assert_eq!(room(descriptors, relay), expected, "{descriptors:?}");
        }
    }

    #[tokio::test]
    async fn the_oldest_that_says_nothing_is_closed_for_a_new_one() {
        let connections = Connections::new(4);
        let open = |n| connections.open(peer(n), &[], free(&connections));
        let (first, second) = (open(1).expect("room"), open(2).expect("room"));
        let (third, fourth) = (open(3).expect("room"), open(4).expect("room"));
        let work = first.doing.work();
        let fifth = open(5).expect("room is made");
        assert!(is_closed(&second).await && !is_closed(&first).await && !is_closed(&third).await);
        assert_eq!(connections.count(), 4);
        drop(second);
        assert_eq!(connections.count(), 4, "it had been counted out already");
        let works: Vec<Working> = [&third, &fourth, &fifth].iter().map(|c| c.doing.work()).collect();
        assert!(open(6).is_none(), "each is being worked on");
        drop((work, works));
        assert!(open(6).is_some() && is_closed(&first).await);
    }

    #[tokio::test]
    async fn one_visitor_does_not_get_them_all() {
        let connections = Connections::new(8);
        let proxies: Vec<Network> = vec!["127.0.0.1".parse().expect("a network")];
        let open = |peer: IpAddr| connections.open(peer, &proxies, free(&connections));
        let one = open(peer(1)).expect("room");
        let greedy: Vec<Connection> = (0..10).filter_map(|_| open(peer(2))).collect();
        assert_eq!((greedy.len(), connections.count()), (10, 3), "its own make room");
        assert!(!is_closed(&one).await && is_closed(&greedy[0]).await && !is_closed(&greedy[9]).await);
        let proxy: Vec<Connection> = (0..6).filter_map(|_| open(IpAddr::from([127, 0, 0, 1]))).collect();
        assert_eq!((proxy.len(), connections.count()), (6, 8), "a proxy has those of all its visitors");
        assert!(!is_closed(&proxy[0]).await && is_closed(&one).await);
    }
}
