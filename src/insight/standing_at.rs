//! The standing of a prospect at a past instant, derived from what was recorded by then.

use crate::domain::individual::handoff::Handoff;
use crate::domain::prospect::{Prospect, Standing};
use crate::domain::suppression::{Channel, StopReason};
use crate::flow::context::FlowError;
use crate::store::engine::backend::Tx;
use crate::store::individual::handoffs;
use crate::store::people::{prospects, suppressions};
use jiff::Timestamp;

/// The standing at an instant.
#[derive(Debug)]
pub struct StandingAt {
    pub standing: Standing,
    /// The reason for which group mail was suppressed, if it was.
    pub mail_stop: Option<StopReason>,
    /// The number of the episode.
    pub episode: i64,
    pub episode_started_at: Timestamp,
    pub handoff: Option<Handoff>,
}

impl StandingAt {
    pub fn now(prospect: &Prospect, all: Vec<Handoff>) -> Self {
        Self {
            standing: prospect.standing,
            mail_stop: prospect.mail_stop,
            episode: prospect.episode,
            episode_started_at: prospect.episode_started_at,
            handoff: all.into_iter().find(Handoff::is_open),
        }
    }

    /// Derives the standing at an instant.
    ///
    /// # Errors
    /// Those of the store; when the prospect was not known yet.
    pub async fn at(tx: &mut Tx, prospect: &Prospect, at: Timestamp) -> Result<Self, FlowError> {
        let admitted_at = prospects::admitted_at(tx, prospect.id).await?;
        if admitted_at > at {
            return Err(FlowError::Missing(format!("them at {at}: they came in at {admitted_at}")));
        }
        let all: Vec<Handoff> = handoffs::of_prospect(tx, prospect.id).await?.into_iter().filter(|h| h.opened_at <= at).collect();
        let had_ended = |h: &Handoff| h.closed_at.is_some_and(|closed_at| closed_at <= at);
        let ended: Vec<&Handoff> = all.iter().filter(|h| had_ended(h)).collect();
        let returned = ended.iter().filter(|h| h.outcome.is_some_and(crate::domain::individual::handoff::Outcome::returns));
        let returned: Vec<Timestamp> = returned.filter_map(|h| h.closed_at).collect();
        let stops = match &prospect.address {
            Some(address) => suppressions::in_force_at(tx, address, at).await?,
            None => Vec::new(),
        };
        let last_ended = ended.iter().max_by_key(|h| h.closed_at);
        let closed = last_ended.is_some_and(|h| h.outcome.is_some_and(|outcome| !outcome.returns()));
        let open = all.iter().find(|h| !had_ended(h));
        let standing = match open {
            Some(h) if h.accepted_at.is_some_and(|accepted_at| accepted_at <= at) => Standing::Owned,
            Some(_) => Standing::Offered,
            None if closed => Standing::Closed,
            None if stops.len() > 1 => Standing::Suppressed,
            None => Standing::Nurturing,
        };
        Ok(Self {
            standing,
            mail_stop: stops.into_iter().find(|(channel, _)| *channel == Channel::Email).map(|(_, reason)| reason),
            episode: 1 + i64::try_from(returned.len()).unwrap_or(0),
            episode_started_at: returned.into_iter().max().unwrap_or(admitted_at),
            handoff: open.cloned(),
        })
    }
}
