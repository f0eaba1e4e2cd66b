//! Replay: one prospect's past under rules that need not be those of then. The prospect is assessed at every instant at which
//! the live path assesses (a signal of theirs or of a colleague was recorded or judged; time alone changed something; a wake
//! date came), with what was recorded by then, by the same fold.
//!
//! Replay does not guess what other rules would have caused: episodes begin and end as they did. Instants at which the known
//! signals cannot reach the doorway (`reach`) are skipped, because no decision is possible there.

use super::account::Colleague;
use super::assess::assess_among;
use super::entry::{Cause, Entry};
use super::qualification::Qualification;
use super::reach::Reach;
use super::rule::Qualifying;
use super::signal::{Detail, Judged, Signal};
use crate::domain::id::{ProspectId, SignalId};
use crate::domain::span::midnight;
use jiff::Timestamp;

/// What happened to a prospect, as far as a decision depends on it.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// Their signals, in any order; judgements on them are in `judgements`.
    pub signals: Vec<Signal>,
    /// Their colleagues, with what they stated.
    pub colleagues: Vec<Colleague>,
    /// Every judgement on any of these signals, in the order recorded.
    pub judgements: Vec<(SignalId, Judged)>,
    /// Their episodes, the oldest first.
    pub episodes: Vec<Episode>,
    /// When they were suppressed on every channel, and until when; `None`: still.
    pub suppressed: Vec<(Timestamp, Option<Timestamp>)>,
    /// Colleagues who turned out to be another prospect, and when: from then on only that one speaks.
    pub merged: Vec<(ProspectId, Timestamp)>,
}

/// The time from entering nurture to an outcome.
#[derive(Debug, Clone)]
pub struct Episode {
    /// Counts from 1.
    pub number: i64,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// When the latest handoff before this episode was opened.
    pub answered_at: Option<Timestamp>,
    /// The decisions on record in it, in order.
    pub recorded: Vec<Recorded>,
}

/// A decision on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    pub at: Timestamp,
    /// The newest signal known at the decision, among those recorded at the same instant.
    pub known_up_to: Option<SignalId>,
    /// When it was withdrawn without a handoff; after that they could enter the doorway again.
    pub withdrawn_at: Option<Timestamp>,
}

/// A decision under the replayed rules: the prospect would have entered the doorway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub episode: i64,
    pub cause: Cause,
    pub at: Timestamp,
    pub qualification: Qualification,
}

/// What the replayed rules say at the instant of a decision on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCheck {
    pub episode: i64,
    pub at: Timestamp,
    /// Why they would stand in the doorway then, if they would.
    pub cause: Option<Cause>,
    pub qualification: Qualification,
}

/// The result of replaying a past.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// When the prospect would have entered the doorway, and why.
    pub decisions: Vec<Decision>,
    /// What the rules say at each decision on record, in order.
    pub recorded_checks: Vec<RecordedCheck>,
    /// The verdicts at the end, if the last episode goes on without a decision; `None` also where four of five are
    /// out of reach.
    pub last: Option<Qualification>,
}

/// Replays a past as if these rules had come into force at `from`: on that day every prospect is assessed.
pub fn replay(rules: &Qualifying, past: Past, from: Timestamp, until: Timestamp) -> Replayed {
    let Past { signals, colleagues, judgements, episodes, suppressed, merged } = past;
    let mut known = KnownSoFar { merged, ..KnownSoFar::nothing(rules, signals, colleagues, judgements) };
    let instants = known.instants();
    let mut replayed = Replayed::default();
    for episode in &episodes {
        let ends_at = episode.ended_at.unwrap_or(Timestamp::MAX);
        let begins_at = episode.started_at.max(from);
        let walk = Walk { episode, until, ends_at, instants: &instants, suppressed: &suppressed };
        if (begins_at < ends_at || !episode.recorded.is_empty()) && begins_at <= until {
            walk.walk(&mut known, begins_at, &mut replayed);
        } else {
            // The episode was over before these rules came into force: only what is on record counts.
            replayed.recorded_checks.extend(episode.recorded.iter().map(|recorded| walk.check(&mut known, recorded)));
        }
    }
    replayed
}

/// The replay of one episode.
struct Walk<'a> {
    episode: &'a Episode,
    until: Timestamp,
    ends_at: Timestamp,
    instants: &'a [Timestamp],
    suppressed: &'a [(Timestamp, Option<Timestamp>)],
}

impl Walk<'_> {
    fn walk(&self, known: &mut KnownSoFar<'_>, begins_at: Timestamp, replayed: &mut Replayed) {
        let (early, due): (Vec<Recorded>, Vec<Recorded>) = self.episode.recorded.iter().partition(|r| r.at < begins_at);
        replayed.recorded_checks.extend(early.iter().map(|recorded| self.check(known, recorded)));
        let mut due = due.into_iter().peekable();
        // A prospect handed off before these rules came into force was no longer nurturing then.
        let handed_off = early.iter().any(|recorded| recorded.withdrawn_at.is_none());
        let (mut at, mut stands, mut again_after) = (begins_at, handed_off, Timestamp::MIN);
        loop {
            // At the instant of a decision on record, first assess with what was known at that decision.
            let limit = due.peek().filter(|recorded| recorded.at == at).and_then(|recorded| recorded.known_up_to);
            known.learn(at, limit);
            let found = known.reaches_the_doorway().then(|| known.assess(at));
            let free = !stands && at > again_after && !self.is_suppressed(at);
            if let Some(qualification) = found.as_ref().filter(|_| free)
                && let Some(cause) = self.entry().cause(qualification)
            {
                stands = true;
                let (episode, qualification) = (self.episode.number, qualification.clone());
                replayed.decisions.push(Decision { episode, cause, at, qualification });
            }
            while let Some(recorded) = due.next_if(|recorded| recorded.at == at) {
                replayed.recorded_checks.push(self.check(known, &recorded));
                // Once the record withdraws it, and only then, the same episode can reach a second decision.
                if let Some(withdrawn_at) = recorded.withdrawn_at.filter(|_| stands) {
                    (stands, again_after) = (false, withdrawn_at);
                }
            }
            if limit.is_some() && !stands {
                // Then assess with everything else recorded at that instant.
                continue;
            }
            if !self.is_suppressed(at) {
                known.wake_up(at);
            }
            let changes_at = found.and_then(|qualification| qualification.changes_at());
            // After a decision, only the decisions on record are left to assess.
            let soonest = [self.next_instant(at), changes_at, known.wakes_at].into_iter().flatten().filter(|_| !stands).min();
            let on_record = due.peek().map(|recorded| recorded.at);
            let next = [soonest, on_record].into_iter().flatten().min();
            // A decision that was made and ended at one instant was made all the same.
            match next.filter(|next| (*next < self.ends_at || on_record == Some(*next)) && *next <= self.until) {
                Some(next) => at = next,
                None => break,
            }
        }
        replayed.recorded_checks.extend(due.map(|recorded| self.check(known, &recorded)));
        if !stands && self.episode.ended_at.is_none() && !self.is_suppressed(self.until) {
            known.learn(self.until, None);
            replayed.last = (known.met_at_most() >= 4).then(|| known.assess(self.until));
        }
    }

    fn check(&self, known: &mut KnownSoFar<'_>, recorded: &Recorded) -> RecordedCheck {
        let at = recorded.at;
        known.learn(at, recorded.known_up_to);
        let qualification = known.assess(at);
        let cause = self.entry().cause(&qualification);
        RecordedCheck { episode: self.episode.number, at, cause, qualification }
    }

    fn entry(&self) -> Entry {
        Entry { episode_started_at: self.episode.started_at, handed_off_at: self.episode.answered_at }
    }

    fn next_instant(&self, at: Timestamp) -> Option<Timestamp> {
        self.instants.get(self.instants.partition_point(|instant| *instant <= at)).copied()
    }

    /// Whether the prospect was suppressed on every channel. One who was offered or owned at that time returned all the same.
    fn is_suppressed(&self, at: Timestamp) -> bool {
        let holds = |(since, until): &(Timestamp, Option<Timestamp>)| {
            *since >= self.episode.started_at && *since <= at && until.is_none_or(|until| at < until)
        };
        self.suppressed.iter().any(holds)
    }
}

/// What is known of the prospect and colleagues at an instant that only moves forward.
struct KnownSoFar<'a> {
    rules: &'a Qualifying,
    /// The prospect's signals, in the order recorded; the first `first` of them are known.
    signals: Vec<Signal>,
    first: usize,
    /// Colleagues, with those of their signals that are known.
    colleagues: Vec<Colleague>,
    /// Signals of colleagues not known yet, each with the colleague's place; the next one last.
    to_come: Vec<(usize, Signal)>,
    judgements: Vec<(SignalId, Judged)>,
    judged: usize,
    own: Reach,
    theirs: Reach,
    /// The date before which they asked not to be approached.
    wakes_at: Option<Timestamp>,
    merged: Vec<(ProspectId, Timestamp)>,
}

impl<'a> KnownSoFar<'a> {
    fn nothing(
        rules: &'a Qualifying,
        mut signals: Vec<Signal>,
        mut colleagues: Vec<Colleague>,
        judgements: Vec<(SignalId, Judged)>,
    ) -> Self {
        let order = |s: &Signal| (s.recorded_at, s.id);
        signals.sort_by_key(order);
        let stated = colleagues.iter_mut().enumerate();
        let mut to_come: Vec<(usize, Signal)> =
            stated.flat_map(|(i, c)| std::mem::take(&mut c.signals).into_iter().map(move |s| (i, s))).collect();
        to_come.sort_by_key(|(_, s)| std::cmp::Reverse(order(s)));
        for signal in signals.iter_mut().chain(to_come.iter_mut().map(|(_, s)| s)) {
            signal.judged = None;
        }
        let (own, theirs) = (Reach::default(), Reach::default());
        Self {
            rules,
            signals,
            first: 0,
            colleagues,
            to_come,
            judgements,
            judged: 0,
            own,
            theirs,
            wakes_at: None,
            merged: Vec::new(),
        }
    }

    /// Every instant at which a signal or judgement becomes known, in order.
    fn instants(&self) -> Vec<Timestamp> {
        let recorded = self.signals.iter().chain(self.to_come.iter().map(|(_, s)| s)).map(|s| s.recorded_at);
        let mut instants: Vec<Timestamp> = recorded.chain(self.judgements.iter().map(|(_, j)| j.recorded_at)).collect();
        instants.sort_unstable();
        instants.dedup();
        instants
    }

    /// Adds what was recorded up to an instant; of the signals recorded at that very instant, none after the limit.
    fn learn(&mut self, at: Timestamp, limit: Option<SignalId>) {
        let by_then = |s: &Signal| s.recorded_at < at || (s.recorded_at == at && limit.is_none_or(|limit| s.id <= limit));
        while let Some(signal) = self.signals.get(self.first).filter(|s| by_then(s)) {
            self.own |= self.reach_of(signal);
            self.wakes_at = match &signal.detail {
                Detail::Recycled { wake, .. } => wake.map(midnight),
                Detail::Touch { not_before: Some(day), .. } if midnight(*day) > signal.recorded_at => Some(midnight(*day)),
                _ => self.wakes_at,
            };
            self.first += 1;
        }
        while let Some((whose, signal)) = self.to_come.pop_if(|(_, s)| by_then(s)) {
            self.theirs |= self.reach_of(&signal).for_a_colleague();
            self.colleagues[whose].signals.push(signal);
        }
        while let Some((id, judged)) = self.judgements.get(self.judged).filter(|(_, j)| j.recorded_at <= at) {
            let theirs = self.colleagues.iter_mut().flat_map(|c| &mut c.signals);
            if let Some(signal) = self.signals[..self.first].iter_mut().chain(theirs).find(|s| s.id == *id) {
                signal.judged = Some(*judged);
            }
            self.judged += 1;
        }
    }

    /// The reach of a signal. A machine's proves nothing, unless it was ever judged to be a person's.
    fn reach_of(&self, signal: &Signal) -> Reach {
        let is_machine = signal.machine.is_some() && self.judgements.iter().all(|(id, _)| *id != signal.id);
        if is_machine { Reach::default() } else { self.rules.reach(signal) }
    }

    fn reaches_the_doorway(&self) -> bool {
        self.rules.reaches_the_doorway(self.own | self.theirs)
    }

    fn met_at_most(&self) -> usize {
        self.rules.met_at_most(self.own | self.theirs)
    }

    fn assess(&self, at: Timestamp) -> Qualification {
        let speaks = |c: &&Colleague| !self.merged.iter().any(|(id, since)| *id == c.prospect && *since <= at);
        let colleagues: Vec<&Colleague> = self.colleagues.iter().filter(speaks).collect();
        assess_among(self.rules, &self.signals[..self.first], &colleagues, at)
    }

    /// Clears the wake date once it has come.
    fn wake_up(&mut self, at: Timestamp) {
        self.wakes_at = self.wakes_at.filter(|wakes_at| *wakes_at > at);
    }
}
