//! The flood: every form at once from many senders; meanwhile prospects unsubscribe, evenly over its length, and are timed.

use crate::company::Reader;
use crate::forms::{Flood, Post};
use crate::table::Row;
use crate::visitor::Visitor;
use jiff::SignedDuration;
use nurtured::clock::{Clock, SystemClock};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What came of it.
pub(crate) struct Flooded {
    pub(crate) rows: BTreeMap<Flood, Row>,
    /// The words of each request that was taken, and how often.
    pub(crate) requests: BTreeMap<String, usize>,
    pub(crate) posts: usize,
    /// How many bytes the forms held.
    pub(crate) bytes: usize,
    pub(crate) seconds: i64,
    /// How long each unsubscribe took, the shortest first.
    pub(crate) took: Vec<SignedDuration>,
    /// What was answered to those who unsubscribed.
    pub(crate) unsubscribes: Row,
}

/// Sends every form, with so many on their way at once.
pub(crate) async fn flood(door: SocketAddr, posts: Vec<Post>, senders: usize, leaving: &[Reader]) -> Flooded {
    let began = SystemClock.steady();
    let (posts, next, count) = (Arc::new(posts), Arc::new(AtomicUsize::new(0)), watch::Sender::new(0));
    let mut sending = JoinSet::new();
    for _ in 0..senders {
        let (posts, next, count) = (posts.clone(), next.clone(), count.clone());
        sending.spawn(async move {
            let mut answered = Vec::new();
            while let Some(post) = posts.get(next.fetch_add(1, Ordering::Relaxed)) {
                let answer = post.visitor.post(door, &post.path, &post.body).await;
                count.send_modify(|sent| *sent += 1);
                answered.push((post.flood, answer.status, post.words.clone()));
            }
            answered
        });
    }
    let (took, unsubscribes) = unsubscribe(door, leaving, count.subscribe(), posts.len()).await;
    let mut rows = BTreeMap::from([
        (Flood::AboutKnown, Row::of("forms about known prospects: overwritten")),
        (Flood::AboutUnknown, Row::of("forms about strangers: group mail")),
        (Flood::Request, Row::of("floods of requests: lost or doubled")),
    ]);
    let mut requests = BTreeMap::new();
    for (flood, status, words) in sending.join_all().await.into_iter().flatten() {
        rows.get_mut(&flood).expect("each has its row").answered(status);
        if let Some(words) = words.filter(|_| status == 200) {
            *requests.entry(words).or_default() += 1;
        }
    }
    let (bytes, posts) = (posts.iter().map(|post| post.body.len()).sum(), posts.len());
    let seconds = SystemClock.steady().saturating_sub(began).as_secs();
    Flooded { rows, requests, posts, bytes, seconds, took, unsubscribes }
}

/// Unsubscribes one after the other, as the flood goes on.
async fn unsubscribe(
    door: SocketAddr,
    leaving: &[Reader],
    mut sent: watch::Receiver<usize>,
    posts: usize,
) -> (Vec<SignedDuration>, Row) {
    let (mut took, mut row) = (Vec::new(), Row::of("unsubscribes under the flood: not in force"));
    let program = Visitor::behind_the_proxy(Ipv4Addr::new(198, 51, 100, 7)).called("");
    for (place, reader) in leaving.iter().enumerate() {
        let due = place * posts / leaving.len();
        // The senders hold the other end for as long as they send.
        let _ = sent.wait_for(|sent| *sent >= due).await;
        let began = SystemClock.steady();
        let answer = program.post(door, &reader.unsubscribe, "List-Unsubscribe=One-Click").await;
        took.push(SystemClock.steady().saturating_sub(began));
        row.answered(answer.status);
        row.holds(answer.status == 200, || format!("an unsubscribe was answered with {}", answer.status));
    }
    took.sort_unstable();
    (took, row)
}
