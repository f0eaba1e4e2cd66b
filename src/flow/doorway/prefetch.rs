//! ahead: on SQLite, where one writes and many read, what is on record about prospects is read before the only writer is asked
//! for, so that nobody waits for our reading. It is used only where it is still true.

use super::assess::KnownSignals;
use crate::domain::doorway::qualification::Qualification;
use crate::domain::doorway::signal::Signal;
use crate::domain::id::{AccountId, ProspectId, SignalId};
use crate::domain::plan::Plan;
use crate::store::doorway::assessment_inputs::{self, AssessmentInput};
use crate::store::doorway::{assessments, signals};
use crate::store::engine::backend::{Store, StoreError, Tx};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is known of prospects before the transaction that concludes from it.
#[derive(Debug, Default)]
pub struct Prefetched {
    looks: Vec<i64>,
    due: Vec<ProspectId>,
    newest: Option<SignalId>,
    /// Those who can be looked at by `record`, and where they work.
    whose: BTreeMap<ProspectId, Option<AccountId>>,
    record: KnownSignals,
    /// Of whom it was looked at already.
    found: BTreeMap<ProspectId, Qualification>,
}

impl Prefetched {
    /// Looks at those of whom signals left something due, at most so many. Nobody on PostgreSQL, whose transactions read and
    /// write beside each other.
    pub async fn of_due(store: &Store, plan: &Plan, most: i64, now: Timestamp) -> Result<Self, StoreError> {
        let mut ahead = Self::default();
        if !store.is_shared() {
            let mut tx = store.read().await?;
            (ahead.looks, ahead.due) = assessments::left(&mut tx, most, now).await?;
            let due = ahead.due.clone();
            ahead.read(&mut tx, plan, &due).await?;
            let found = |(id, account): (&ProspectId, &_)| (*id, ahead.record.verdicts(plan, *id, *account, now));
            ahead.found = ahead.whose.iter().map(found).collect();
        }
        Ok(ahead)
    }

    /// Reads what is on record about prospects of whom signals are about to be written. The same holds of PostgreSQL.
    pub async fn of_signals(store: &Store, plan: &Plan, whom: &[ProspectId]) -> Result<Self, StoreError> {
        let mut ahead = Self::default();
        if !store.is_shared() {
            ahead.read(&mut store.read().await?, plan, whom).await?;
        }
        Ok(ahead)
    }

    async fn read(&mut self, tx: &mut Tx, plan: &Plan, whom: &[ProspectId]) -> Result<(), StoreError> {
        if whom.is_empty() {
            return Ok(());
        }
        self.newest = Some(signals::newest(tx).await?);
        let whose = assessment_inputs::accounts_of(tx, whom).await?;
        self.record = KnownSignals::of(tx, plan, &whose, Timestamp::MAX).await?;
        self.whose = whose.into_iter().collect();
        Ok(())
    }

    /// Forgets those of whom a signal came since, now that nobody else can write. What colleagues said since, and what was
    /// judged, has left something to be looked at besides, which this transaction does not take.
    pub async fn check(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        if let Some(newest) = self.newest {
            for prospect in signals::whose_since(tx, newest).await? {
                self.whose.remove(&prospect);
            }
        }
        Ok(())
    }

    /// Takes what was due off the queue; where somebody else took any of it, nothing that was read is used. `None` when there
    /// was nothing.
    pub async fn claim(&mut self, tx: &mut Tx) -> Result<Option<Vec<ProspectId>>, StoreError> {
        if self.looks.is_empty() {
            return Ok(None);
        }
        if assessments::take(tx, &self.looks).await? < self.looks.len() as u64 {
            self.whose.clear();
        }
        self.check(tx).await?;
        Ok(Some(std::mem::take(&mut self.due)))
    }

    /// Whether what was read of this prospect is still true.
    pub fn knows(&self, prospect: ProspectId) -> bool {
        self.whose.contains_key(&prospect)
    }

    /// Adds what the transaction itself has written of one of them. Colleagues do not hear of it, and are looked at later.
    pub fn append(&mut self, signal: Signal) {
        self.record.append(signal);
    }

    /// The verdicts on this prospect, if what was read is still true. Never of somebody who would come to stand in the doorway:
    /// who is ready is decided by what the transaction itself reads.
    pub fn of(&mut self, subject: &AssessmentInput, plan: &Plan, now: Timestamp) -> Option<Qualification> {
        let account = self.whose.remove(&subject.prospect).filter(|account| *account == subject.account)?;
        let found = self.found.remove(&subject.prospect);
        let found = found.unwrap_or_else(|| self.record.verdicts(plan, subject.prospect, account, now));
        let may_stay = subject.is_waiting || subject.entry().cause(&found).is_none();
        may_stay.then_some(found)
    }
}
