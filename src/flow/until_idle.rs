//! All steps by name, and a runner that takes them in turn until none has work left at this instant.
//!
//! Tests, the demo and simulation drive a node with `run_until_idle`; the daemon runs the same steps in loops.

use super::context::{Context, FlowError, Progress};
use super::doorway::qualify;
use super::group::delivery::attempt_writer::AttemptWriter;
use super::group::delivery::deliver;
use super::group::{gate, publish};
use super::individual::{ask_to_confirm, correspond, enquire, hand_off, pause_notice, withdraw};
use super::operations::sweep;
use jiff::Timestamp;

/// A step, in the order of the diagram in ARCHITECTURE.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Due occurrences become issues and deliveries.
    Publish,
    /// Deliveries go to the relay.
    Deliver,
    Qualify,
    /// Prospects in the doorway are offered to a salesperson.
    HandOff,
    /// Requests that no handoff can answer reach a person.
    Enquire,
    /// Addresses are asked to confirm what was filled in about them.
    AskToConfirm,
    /// Salespeople are reminded of offers they have not answered.
    Remind,
    /// Letters report the campaigns that a breaker paused.
    Notify,
    /// Whoever was handed a prospect by what a machine did is told.
    Withdraw,
    Correspond,
}

impl Step {
    pub const ALL: [Self; 10] = [
        Self::Publish,
        Self::Deliver,
        Self::Qualify,
        Self::HandOff,
        Self::Enquire,
        Self::AskToConfirm,
        Self::Remind,
        Self::Notify,
        Self::Withdraw,
        Self::Correspond,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Deliver => "deliver",
            Self::Qualify => "qualify",
            Self::HandOff => "hand_off",
            Self::Enquire => "enquire",
            Self::AskToConfirm => "ask_to_confirm",
            Self::Remind => "remind",
            Self::Notify => "notify",
            Self::Withdraw => "withdraw",
            Self::Correspond => "correspond",
        }
    }

    /// Takes the step once.
    pub async fn take(self, ctx: &Context, writer: &AttemptWriter) -> Result<Progress, FlowError> {
        gate::check(ctx).await?;
        match self {
            Self::Publish => publish::publish(ctx).await,
            Self::Deliver => deliver::deliver(ctx, writer).await,
            Self::Qualify => qualify::qualify(ctx).await,
            Self::HandOff => hand_off::hand_off(ctx).await,
            Self::Enquire => enquire::enquire(ctx).await,
            Self::AskToConfirm => ask_to_confirm::ask_to_confirm(ctx).await,
            Self::Remind => sweep::remind(ctx).await,
            Self::Notify => pause_notice::notify(ctx).await,
            Self::Withdraw => withdraw::tell(ctx).await,
            Self::Correspond => correspond::correspond(ctx).await,
        }
    }
}

/// Takes every step until nothing is due now; returns the next instant at which something will be.
pub async fn run_until_idle(ctx: &Context, writer: &AttemptWriter) -> Result<Option<Timestamp>, FlowError> {
    loop {
        let (mut next, mut done) = (None, false);
        for step in Step::ALL {
            match step.take(ctx, writer).await? {
                Progress::Done => done = true,
                Progress::Idle => {}
                Progress::NotBefore(at) => next = Some(next.map_or(at, |soonest: Timestamp| soonest.min(at))),
            }
        }
        if !done {
            return Ok(next);
        }
    }
}
