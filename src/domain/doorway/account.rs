//! The account: what colleagues of a prospect prove. Any person of a company can tell what it has, who decides there and by
//! when; what a person sees or needs, only that person can tell.
//!
//! Only statements count, never clicks, fields or dates to come back: those belong to one person.

use super::evidence::{Effect, Evidence, Origin};
use super::ignored::machines;
use super::rule::{Qualifying, Reads, Rule};
use super::signal::{Detail, Posted, Signal};
use crate::domain::criterion::Criterion;
use crate::domain::id::ProspectId;
use crate::domain::question::Power;
use jiff::Timestamp;

/// Another prospect of the same account, with the signals that may be evidence about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colleague {
    pub prospect: ProspectId,
    pub name: String,
    /// Their statements, in any order; other signals are ignored.
    pub signals: Vec<Signal>,
}

impl Qualifying {
    /// Whether a signal that says this can change what colleagues have proved: it is about a criterion
    /// whose rules count the account. An answer without power can too, because it may contradict one given a moment before.
    pub fn concerns_colleagues(&self, detail: &Detail) -> bool {
        let of_account = |criterion: &Criterion| self.criteria[*criterion].of_account;
        match detail {
            // Another answer of the same mail in the same moment shows that a machine gave both.
            Detail::Answer { posted: Some(Posted { link: Some(_), .. }), .. } => self.asks_the_account(),
            Detail::Answer { criterion, .. } => of_account(criterion),
            Detail::Form { form, .. } => {
                let reads = |rule: &Rule| matches!(&rule.reads, Reads::Form { form: read, .. } if read == form);
                self.criteria.iter().any(|(_, rules)| rules.of_account && rules.rules.iter().any(reads))
            }
            Detail::Touch { proves, contradicts, .. } => proves.iter().chain(contradicts).any(of_account),
            Detail::Recycled { lapses, contradicts, .. } => lapses.iter().chain(contradicts).any(of_account),
            _ => false,
        }
    }

    /// What a colleague's signals say about the account at `now`: statements that still stand for the colleague, about
    /// criteria whose rules count the account.
    pub fn read_colleague(&self, colleague: &Colleague, now: Timestamp) -> Vec<Evidence> {
        let mut signals: Vec<&Signal> = colleague.signals.iter().filter(|s| s.occurred_at <= now).collect();
        signals.sort_by_key(|s| (s.occurred_at, s.id));
        let by_machines = machines(&signals);
        let read: Vec<Evidence> = signals
            .iter()
            .filter(|s| !by_machines.contains_key(&s.id) && !matches!(s.detail, Detail::Override { .. }))
            .flat_map(|s| self.read(s))
            .collect();
        let lapsed = |e: &Evidence| {
            let later = |l: &&Evidence| l.effect == Effect::Lapses && l.criterion == e.criterion && l.said_at >= e.said_at;
            read.iter().any(|l| later(&l) && l.signal != e.signal)
        };
        let speaks = |e: &&Evidence| match e.effect {
            Effect::Power(Power::Meets) => true,
            // A colleague who does not decide says nothing about whether another does.
            Effect::Power(Power::Contradicts) => e.criterion != Criterion::Authority,
            Effect::Power(Power::Supports) | Effect::Lapses => false,
        };
        // A salesperson's decision, and a "not before" date, are about one person.
        let counts = |e: &&Evidence| self.criteria[e.criterion].of_account && e.origin >= Origin::Declared && !e.comes_due;
        let stands = read.iter().filter(counts).filter(speaks).filter(|e| !lapsed(e));
        stands.map(|e| Evidence { of: Some(colleague.prospect), ..e.clone() }).collect()
    }
}
