//! assess: the verdicts of prospects now, or as they were known at an instant, with the signals they are folded from and
//! the statements of their colleagues. Every step that judges a prospect calls this module, so that no two disagree.

use crate::domain::doorway::account::Colleague;
use crate::domain::doorway::assess::assess_among;
use crate::domain::doorway::qualification::Qualification;
use crate::domain::doorway::signal::Signal;
use crate::domain::id::{AccountId, ProspectId};
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::flow::context::FlowError;
use crate::store::doorway::signals;
use crate::store::engine::backend::{StoreError, Tx};
use crate::store::people::prospects;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The record of some prospects, loaded and ready to be folded.
#[derive(Debug, Default)]
pub struct KnownSignals {
    signals: BTreeMap<ProspectId, Vec<Signal>>,
    colleagues: BTreeMap<AccountId, Vec<Colleague>>,
}

impl KnownSignals {
    /// Loads the record as it was known at an instant.
    pub async fn load(tx: &mut Tx, plan: &Plan, of: &[Prospect], known_at: Timestamp) -> Result<Self, FlowError> {
        let whose: Vec<_> = of.iter().map(|prospect| (prospect.id, prospect.account)).collect();
        Ok(Self::of(tx, plan, &whose, known_at).await?)
    }

    /// Loads the record of prospects of whom only the id and the account are known.
    pub async fn of(
        tx: &mut Tx,
        plan: &Plan,
        of: &[(ProspectId, Option<AccountId>)],
        known_at: Timestamp,
    ) -> Result<Self, StoreError> {
        let ids: Vec<ProspectId> = of.iter().map(|(id, _)| *id).collect();
        let signals = signals::known_at(tx, &ids, known_at).await?;
        let asks = plan.qualifying.asks_the_account();
        let accounts: BTreeSet<AccountId> = of.iter().filter_map(|(_, account)| account.filter(|_| asks)).collect();
        let colleagues = signals::of_accounts(tx, &accounts.into_iter().collect::<Vec<_>>(), known_at).await?;
        Ok(Self { signals, colleagues })
    }

    /// One prospect's signals, in the order recorded.
    pub fn signals(&self, prospect: ProspectId) -> &[Signal] {
        self.signals.get(&prospect).map_or(&[], Vec::as_slice)
    }

    /// The five verdicts on one of the loaded prospects.
    pub fn assess(&self, plan: &Plan, prospect: &Prospect, now: Timestamp) -> Qualification {
        self.verdicts(plan, prospect.id, prospect.account, now)
    }

    /// The five verdicts by prospect id and account.
    pub fn verdicts(&self, plan: &Plan, prospect: ProspectId, account: Option<AccountId>, now: Timestamp) -> Qualification {
        let account = account.and_then(|account| self.colleagues.get(&account));
        let others: Vec<&Colleague> = account.into_iter().flatten().filter(|c| c.prospect != prospect).collect();
        assess_among(&plan.qualifying, self.signals(prospect), &others, now)
    }
}

/// The five verdicts of one prospect as they are now, with the signals they were folded from.
pub async fn assess(
    tx: &mut Tx,
    plan: &Plan,
    prospect: ProspectId,
    now: Timestamp,
) -> Result<(Qualification, Vec<Signal>), FlowError> {
    let prospect = prospects::one(tx, prospect).await?;
    let mut known = KnownSignals::load(tx, plan, std::slice::from_ref(&prospect), Timestamp::MAX).await?;
    let found = known.assess(plan, &prospect, now);
    Ok((found, known.signals.remove(&prospect.id).unwrap_or_default()))
}
