//! A fresh database on one engine, and what most tests put into it.

use jiff::Timestamp;
use nurtured::domain::address::Address;
use nurtured::domain::audience::Audience;
use nurtured::domain::doorway::entry::Cause;
use nurtured::domain::doorway::qualification::Qualification;
use nurtured::domain::group::issue::Content;
use nurtured::domain::group::schedule::Firing;
use nurtured::domain::id::{DeliveryId, IssueId, Name, OccurrenceId, ProspectId};
use nurtured::domain::settings::Tracking;
use nurtured::store::doorway::qualifications::{self, Candidate};
use nurtured::store::doorway::{assessment_queue, signals};
use nurtured::store::engine::backend::{Store, StoreError, Tx};
use nurtured::store::group::audiences::{self, AudienceQuery};
use nurtured::store::group::issues::{self, NewIssue};
use nurtured::store::group::leases::{self, Lease};
use nurtured::store::group::{campaigns, deliveries, occurrences};
use nurtured::store::people::prospects::{self, Details, NewProspect};
use secrecy::SecretString;
use std::collections::BTreeSet;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A fresh database, gone with the test.
pub(super) struct Bench {
    /// The first node's view of it.
    pub(super) store: Store,
    place: Place,
}

enum Place {
    File(TempDir),
    Server(String),
}

impl Bench {
    pub(super) async fn sqlite() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = Store::open_sqlite(&folder.path().join("nurtured.db")).await?;
        Ok(Self { store, place: Place::File(folder) })
    }

    /// `None` where PostgreSQL is not on the machine.
    pub(super) async fn postgres(name: &str) -> anyhow::Result<Option<Self>> {
        // The tables are made once; every test gets a copy of them.
        static TABLES: OnceCell<Option<String>> = OnceCell::const_new();
        let made = TABLES.get_or_try_init(async || {
            let Some(url) = crate::postgres::database("tables") else { return Ok(None) };
            Store::open_postgres(&SecretString::from(url.as_str())).await?.close().await;
            Ok::<_, StoreError>(Some(url))
        });
        let Some(url) = made.await?.as_ref().map(|tables| crate::postgres::copy(tables, name)) else { return Ok(None) };
        let store = Store::open_postgres(&SecretString::from(url.as_str())).await?;
        Ok(Some(Self { store, place: Place::Server(url) }))
    }

    /// The same database as another process sees it.
    pub(super) async fn another(&self) -> Result<Store, StoreError> {
        match &self.place {
            Place::File(folder) => Store::open_sqlite(&folder.path().join("nurtured.db")).await,
            Place::Server(url) => Store::open_postgres(&SecretString::from(url.as_str())).await,
        }
    }

    /// Changes rows behind the store's back.
    pub(super) async fn damage(&self, statement: &str) -> anyhow::Result<()> {
        match &self.place {
            Place::File(folder) => {
                let url = format!("sqlite:{}", folder.path().join("nurtured.db").display());
                let outside = sqlx::SqlitePool::connect(&url).await?;
                sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&outside).await?;
                outside.close().await;
            }
            Place::Server(url) => drop(crate::postgres::ask(url, statement)),
        }
        Ok(())
    }

    /// Where the server has it; nothing on SQLite.
    pub(super) fn url(&self) -> Option<&str> {
        match &self.place {
            Place::File(_) => None,
            Place::Server(url) => Some(url),
        }
    }
}

/// So many minutes after a Monday morning in March 2026.
pub(super) fn minute(minutes: i64) -> Timestamp {
    Timestamp::from_millisecond(1_772_438_400_000 + minutes * 60_000).expect("a day of 2026")
}

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name of the test is one")
}

pub(super) fn address(text: &str) -> Address {
    Address::parse(text).expect("an address of the test is one")
}

/// Adds prospects of whom only the address is known; returns them in that order.
pub(super) async fn add(tx: &mut Tx, addresses: &[&str]) -> Result<Vec<ProspectId>, StoreError> {
    let new: Vec<_> =
        addresses.iter().map(|address| NewProspect { address, details: Details::default(), mail_stop: None }).collect();
    let added = prospects::add(tx, &new, minute(0)).await?;
    Ok(addresses.iter().map(|a| added[&address(a)]).collect())
}

/// Prospect `0` is `p0@a.example` and so on.
pub(super) async fn add_some(tx: &mut Tx, count: usize) -> Result<Vec<ProspectId>, StoreError> {
    let addresses: Vec<String> = (0..count).map(|n| format!("p{n}@a.example")).collect();
    add(tx, &addresses.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// Everybody, in a campaign called `letters`.
pub(super) struct Everybody {
    pub(super) campaign: Name,
    pub(super) audience: Audience,
    pub(super) newsletters: Vec<Name>,
}

impl Everybody {
    pub(super) fn due(newsletters: &[&str]) -> Self {
        let newsletters = newsletters.iter().map(|n| name(n)).collect();
        Self { campaign: name("letters"), audience: Audience::default(), newsletters }
    }

    /// Asks about prospects with ids after the first and up to the last.
    pub(super) async fn fill(
        &self,
        tx: &mut Tx,
        occurrence: OccurrenceId,
        after: ProspectId,
        up_to: ProspectId,
    ) -> Result<u64, StoreError> {
        let newsletters: Vec<&Name> = self.newsletters.iter().collect();
        let question = self.question(&newsletters, after, up_to);
        let due = audiences::due(tx, &question).await?;
        audiences::fill(tx, occurrence, &question, &due).await
    }

    pub(super) async fn newsletters_due(&self, tx: &mut Tx) -> Result<Vec<Name>, StoreError> {
        let newsletters: Vec<&Name> = self.newsletters.iter().collect();
        let due = audiences::due(tx, &self.question(&newsletters, ProspectId(0), EVERY)).await?;
        let newsletters: BTreeSet<&Name> = due.into_iter().map(|due| due.newsletter).collect();
        Ok(newsletters.into_iter().cloned().collect())
    }

    pub(super) fn question<'a>(&'a self, newsletters: &'a [&'a Name], after: ProspectId, up_to: ProspectId) -> AudienceQuery<'a> {
        AudienceQuery {
            campaign: &self.campaign,
            audience: &self.audience,
            newsletters,
            tracking: Tracking::Consented,
            after,
            up_to,
        }
    }

    /// Opens an occurrence with an issue of each newsletter anybody is due.
    pub(super) async fn open(&self, tx: &mut Tx, nominal: &str, now: Timestamp) -> Result<OccurrenceId, StoreError> {
        campaigns::put(tx, [&self.campaign].into_iter().map(|c| (c, "0 9 * * * in UTC".to_owned())), minute(0)).await?;
        let occurrence = open(tx, &self.campaign, nominal, now).await?;
        for newsletter in self.newsletters_due(tx).await? {
            issue(tx, occurrence, &self.campaign, &newsletter, false).await?;
        }
        Ok(occurrence)
    }

    /// Opens an occurrence with an issue of each newsletter anybody is due, writes a delivery for everybody, and covers
    /// them with leases: what `publish` does, in one transaction.
    pub(super) async fn publish(&self, store: &Store, nominal: &str, now: Timestamp) -> Result<OccurrenceId, StoreError> {
        let mut tx = store.write().await?;
        let occurrence = self.open(&mut tx, nominal, now).await?;
        self.fill(&mut tx, occurrence, ProspectId(0), EVERY).await?;
        leases::cover(&mut tx, occurrence, ProspectId(0), EVERY, now).await?;
        occurrences::filled(&mut tx, occurrence, now).await?;
        tx.commit().await?;
        Ok(occurrence)
    }
}

/// Beyond every prospect of a test.
pub(super) const EVERY: ProspectId = ProspectId(1_000_000);

/// Opens an occurrence to be filled; no other may be filling.
pub(super) async fn open(tx: &mut Tx, campaign: &Name, nominal: &str, now: Timestamp) -> Result<OccurrenceId, StoreError> {
    let firing = Firing { due_at: now, nominal: nominal.to_owned() };
    assert!(occurrences::open(tx, campaign, &firing, None, "plan").await?, "{nominal} is opened already");
    Ok(occurrences::next_filling(tx).await?.expect("it was just opened").id)
}

pub(super) async fn issue(
    tx: &mut Tx,
    occurrence: OccurrenceId,
    campaign: &Name,
    newsletter: &Name,
    test: bool,
) -> Result<IssueId, StoreError> {
    let content = Content { links: vec!["https://a.example/prices".to_owned()], questions: Vec::new() };
    let subject = format!("About {newsletter}");
    let issue = NewIssue {
        occurrence,
        campaign,
        newsletter,
        subject: &subject,
        content: &content,
        message: "{}".to_owned(),
        test,
        plan_hash: "plan",
    };
    issues::add(tx, &issue).await?;
    issues::id(tx, occurrence, newsletter).await
}

/// Claims the next range for `node`, ten minutes long, with its unfinished deliveries.
pub(super) async fn claim(store: &Store, node: &str, now: Timestamp) -> Result<Option<(Lease, Vec<DeliveryId>)>, StoreError> {
    let mut tx = store.write().await?;
    let until = now + jiff::SignedDuration::from_mins(10);
    let Some(lease) = leases::claim(&mut tx, node, now, until).await? else { return Ok(None) };
    let open = deliveries::open_in(&mut tx, lease.issue, lease.first, lease.last).await?;
    tx.commit().await?;
    Ok(Some((lease, open.into_iter().map(|row| row.id).collect())))
}

/// The states of deliveries, in that order.
pub(super) async fn states(store: &Store, of: &[DeliveryId]) -> Result<Vec<String>, StoreError> {
    let mut tx = store.read().await?;
    let mut found = Vec::new();
    for id in of {
        found.push(deliveries::state(&mut tx, *id).await?.expect("a delivery has one state"));
    }
    Ok(found)
}

/// Lets a prospect stand in the doorway in the first episode; whether they did not yet.
pub(super) async fn stand(
    tx: &mut Tx,
    prospect: ProspectId,
    cause: Cause,
    found: &Qualification,
    by_rules: bool,
    plan_hash: &str,
) -> Result<bool, StoreError> {
    let standee = Candidate { prospect, episode: 1, cause, found: found.clone(), by_rules };
    let known_up_to = signals::newest(tx).await?;
    Ok(!qualifications::add(tx, &[standee], known_up_to, plan_hash).await?.is_empty())
}

/// Reads what is due and takes it, at the same moment.
pub(super) async fn dequeue(tx: &mut Tx, most: i64, now: Timestamp) -> Result<Vec<ProspectId>, StoreError> {
    let due = assessment_queue::due(tx, most, now).await?;
    Ok(assessment_queue::take(tx, &due, now).await?.unwrap_or_default())
}
