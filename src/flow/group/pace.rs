//! Pace: of a claimed range only as many mails go to the connections as the token buckets of the relay, of the campaign
//! and of the receiving domains hold; the others wait in the database. Tokens taken are durable before any mail is sent,
//! so neither a restart nor a second node causes another burst.
//!
//! Without a configured pace, no statement runs. Letters and test copies never wait, but they take their tokens from the
//! relay's bucket and their domain's, so group mail waits for them.

use crate::domain::address::Address;
use crate::domain::id::{DeliveryId, IssueId, Name};
use crate::domain::pace::{Bucket, PerMinute};
use crate::domain::plan::Plan;
use crate::domain::span::Span;
use crate::flow::context::{Context, FlowError};
use crate::store::engine::backend::Tx;
use crate::store::group::buckets;
use crate::store::group::deliveries::Open;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The relay's bucket.
const RELAY: &str = "relay";
/// How long deliveries for a slow domain wait at most before they are claimed again.
const LOOK_AGAIN: Span = Span::minutes(15);
/// The connections stay open for a wait up to this long…
const LINGER: SignedDuration = SignedDuration::from_secs(2);
/// …but one step of the daemon ends after this long, so that the watchdog sees it alive.
const STEP: SignedDuration = SignedDuration::from_mins(5);

/// The paces during one pass over the ranges that are due.
pub struct Pace {
    began_at: Timestamp,
    forgot: bool,
    /// How many mails wait for each domain in the ranges already passed: they are served before later ones.
    ahead: BTreeMap<String, i64>,
    next_at: Option<Timestamp>,
}

/// The deliveries of a range that may go now.
pub struct Allowed {
    pub rows: Vec<Open>,
    /// All others, and until when.
    pub held: Option<Throttled>,
}

/// Deliveries of a range that wait for a bucket.
pub struct Throttled {
    pub until: Timestamp,
    pub deliveries: BTreeSet<DeliveryId>,
}

/// Whether there is no pace to keep at all.
pub fn is_free(plan: &Plan) -> bool {
    plan.settings.smtp.paces.is_free() && plan.campaigns.iter().all(|c| c.guards.per_minute.is_none())
}

/// The buckets a range's mails are taken from, each with its pace.
struct Buckets {
    paces: BTreeMap<String, PerMinute>,
    levels: BTreeMap<String, Bucket>,
}

impl Pace {
    pub const fn new(now: Timestamp) -> Self {
        Self { began_at: now, forgot: false, ahead: BTreeMap::new(), next_at: None }
    }

    /// Takes what the buckets hold for these rows of an issue; commits with the claim of their range.
    pub async fn admit(
        &mut self,
        tx: &mut Tx,
        plan: &Plan,
        issue: IssueId,
        rows: Vec<Open>,
        now: Timestamp,
    ) -> Result<Allowed, FlowError> {
        if rows.is_empty() {
            return Ok(Allowed { rows, held: None });
        }
        if !self.forgot {
            self.forgot = true;
            buckets::forget(tx, now).await?;
        }
        let (campaign, test) = buckets::of_issue(tx, issue).await?;
        let paces = paces(plan, Some(&campaign).filter(|_| !test), rows.iter().map(|row| row.address.domain()));
        if paces.is_empty() {
            return Ok(Allowed { rows, held: None });
        }
        let mut buckets = Buckets::lock(tx, paces, now).await?;
        let (mut admitted, mut held) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            if buckets.take(&names(&campaign, row.address.domain()), test) {
                admitted.push(row);
            } else {
                held.push(row);
            }
        }
        buckets::put(tx, &buckets.levels).await?;
        let held = if held.is_empty() { None } else { Some(self.hold(tx, &buckets, &campaign, &held).await?) };
        Ok(Allowed { rows: admitted, held })
    }

    /// Until when the others wait. If the relay's or the campaign's bucket is empty, none of their ranges is claimed
    /// before it holds tokens again.
    async fn hold(&mut self, tx: &mut Tx, buckets: &Buckets, campaign: &Name, rows: &[Open]) -> Result<Throttled, FlowError> {
        let waiting = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let of_campaign = campaign_bucket(campaign);
        let relay = buckets.until(RELAY, waiting, 0);
        let own = buckets.until(&of_campaign, waiting, 0);
        if let Some(until) = relay {
            buckets::postpone(tx, None, until).await?;
        }
        if let Some(until) = own {
            buckets::postpone(tx, Some(campaign), until).await?;
        }
        let until = match relay.max(own) {
            Some(until) => until,
            None => self.behind(buckets, rows),
        };
        self.next_at = Some(self.next_at.map_or(until, |next| next.min(until)));
        Ok(Throttled { until, deliveries: rows.iter().map(|row| row.id).collect() })
    }

    /// Slow domains: a delivery that waits for one in this range comes after those of earlier ranges. So a long list is
    /// not read anew, range after range, for every mail that may go.
    fn behind(&mut self, buckets: &Buckets, rows: &[Open]) -> Timestamp {
        let mut waiting: BTreeMap<&str, i64> = BTreeMap::new();
        for row in rows {
            *waiting.entry(row.address.domain()).or_default() += 1;
        }
        let mut soonest = None;
        for (domain, count) in waiting {
            let bucket = domain_bucket(domain);
            let ahead = self.ahead.entry(bucket.clone()).or_default();
            let until = buckets.until(&bucket, count, *ahead);
            *ahead = ahead.saturating_add(count);
            soonest = [soonest, until].into_iter().flatten().min();
        }
        let latest = LOOK_AGAIN.after(buckets.now());
        soonest.map_or(latest, |until: Timestamp| until.min(latest))
    }

    /// Waits for the next tokens while the connections stay open, if they come soon; returns whether to claim again. On a
    /// manual clock it never waits.
    pub async fn wait(&mut self, ctx: &Context) -> bool {
        let now = ctx.now();
        let Some(next) = self.next_at.take().filter(|_| now.duration_since(self.began_at) < STEP) else { return false };
        let wait = next.duration_since(now);
        if wait > LINGER || !ctx.clock().goes_by_itself() {
            return false;
        }
        // A later range may be due before an earlier one now, so the queue ahead of each is counted anew.
        self.ahead.clear();
        tokio::select! {
            () = tokio::time::sleep(wait.try_into().unwrap_or_default()) => true,
            () = ctx.stopping() => false,
        }
    }
}

impl Buckets {
    async fn lock(tx: &mut Tx, paces: BTreeMap<String, PerMinute>, now: Timestamp) -> Result<Self, FlowError> {
        let fresh = paces.iter().map(|(name, pace)| (name.clone(), Bucket::full(*pace, now))).collect();
        let mut levels = buckets::lock(tx, &fresh).await?;
        for (name, bucket) in &mut levels {
            if let Some(pace) = paces.get(name) {
                bucket.fill(*pace, now);
            }
        }
        Ok(Self { paces, levels })
    }

    /// Takes one token from each of these buckets that has a pace; from none, if one is empty, unless the mail goes ahead.
    fn take(&mut self, names: &[String], goes_ahead: bool) -> bool {
        let may = names.iter().filter_map(|name| self.levels.get(name)).all(Bucket::holds_one);
        if may || goes_ahead {
            for name in names {
                self.levels.entry(name.clone()).and_modify(Bucket::take);
            }
        }
        may || goes_ahead
    }

    /// When an empty bucket has tokens for those waiting; `None` for a bucket that is not empty or does not exist.
    fn until(&self, name: &str, waiting: i64, ahead: i64) -> Option<Timestamp> {
        let bucket = self.levels.get(name).filter(|bucket| !bucket.holds_one())?;
        Some(bucket.worth_it_at(*self.paces.get(name)?, waiting, ahead))
    }

    fn now(&self) -> Timestamp {
        self.levels.values().map(|bucket| bucket.filled_at).max().unwrap_or(Timestamp::MIN)
    }
}

/// Takes a letter's tokens from the relay's bucket and its domain's, even if they are empty: letters do not wait.
pub async fn letter(tx: &mut Tx, plan: &Plan, to: &Address, now: Timestamp) -> Result<(), FlowError> {
    let paces = paces(plan, None, std::iter::once(to.domain()));
    if !paces.is_empty() {
        let mut buckets = Buckets::lock(tx, paces, now).await?;
        buckets.take(&[RELAY.to_owned(), domain_bucket(to.domain())], true);
        buckets::put(tx, &buckets.levels).await?;
    }
    Ok(())
}

/// The paces that apply to a campaign's mails to these domains, by the names of their buckets.
fn paces<'a>(plan: &Plan, campaign: Option<&Name>, domains: impl Iterator<Item = &'a str>) -> BTreeMap<String, PerMinute> {
    let paces = &plan.settings.smtp.paces;
    let own = campaign.and_then(|name| Some((campaign_bucket(name), plan.campaign(name)?.guards.per_minute?)));
    let relay = paces.relay.map(|pace| (RELAY.to_owned(), pace));
    let of_domain = |domain: &str| Some((domain_bucket(domain), paces.of(domain)?));
    domains.collect::<BTreeSet<_>>().into_iter().filter_map(of_domain).chain(own).chain(relay).collect()
}

fn names(campaign: &Name, domain: &str) -> [String; 3] {
    [RELAY.to_owned(), campaign_bucket(campaign), domain_bucket(domain)]
}

fn campaign_bucket(campaign: &Name) -> String {
    format!("campaign/{campaign}")
}

fn domain_bucket(domain: &str) -> String {
    format!("domain/{domain}")
}
