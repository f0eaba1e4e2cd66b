//! Machines: hits that no person made. Every hit is kept, and classified with a named reason.
//!
//! What one request shows is classified when it arrives (`of_request`, `too_soon`); what takes several people's hits when the last
//! of them is written (`crowds`); what takes several of one person's is derived in the fold (`ignored`).

use super::agent;
use crate::domain::id::{ProspectId, SignalId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Why a hit is taken for a machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Machine {
    Head,
    /// The agent is not a browser's.
    Agent,
    NoAgent,
    /// Two or more distinct links of one delivery within three seconds: followed, or answered by.
    Burst,
    /// Contradictory answers of different visitors within a minute.
    Contradictory,
    /// A salesperson or colleague judged so.
    ByHand,
    /// A browser loaded it before anybody asked for it, and says so.
    Prefetch,
    /// It came within seconds of the relay's acceptance of the mail.
    Soon,
    /// It followed the link that no person sees, or whoever did made it too.
    Trap,
    /// One network followed the mails of several people of one company within a minute.
    Crowd,
    /// More was answered through one link in one breath than its page asks.
    Breath,
}

impl Machine {
    pub const ALL: [Self; 11] = [
        Self::Head,
        Self::Agent,
        Self::NoAgent,
        Self::Burst,
        Self::Contradictory,
        Self::ByHand,
        Self::Prefetch,
        Self::Soon,
        Self::Trap,
        Self::Crowd,
        Self::Breath,
    ];

    /// The word in SQL and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Agent => "agent",
            Self::NoAgent => "no_agent",
            Self::Burst => "burst",
            Self::Contradictory => "contradictory",
            Self::ByHand => "by_hand",
            Self::Prefetch => "prefetch",
            Self::Soon => "soon",
            Self::Trap => "trap",
            Self::Crowd => "crowd",
            Self::Breath => "breath",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.word() == word)
    }

    /// The reason, to end a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Head => "machine: a HEAD request",
            Self::Agent => "machine: the agent names itself a program",
            Self::NoAgent => "machine: no agent",
            Self::Burst => "machine: several links of one mail within three seconds",
            Self::Contradictory => "void: contradictory answers within a minute",
            Self::ByHand => "machine: judged so by hand",
            Self::Prefetch => "machine: loaded beforehand, as the request says",
            Self::Soon => "machine: within seconds of the mail's delivery",
            Self::Trap => "machine: the link that no person sees was followed",
            Self::Crowd => "machine: one network followed mails of several people of a company within a minute",
            Self::Breath => "void: more answers through one link in one breath than its page asks",
        }
    }

    /// Classifies a request by its `User-Agent` header.
    pub fn of_agent(agent: Option<&str>) -> Option<Self> {
        match agent.map(str::trim).filter(|agent| !agent.is_empty()) {
            None => Some(Self::NoAgent),
            Some(agent) => (!agent::is_of_a_person(agent)).then_some(Self::Agent),
        }
    }

    /// Classifies a request by what it shows itself.
    pub fn of_request(request: &Request<'_>) -> Option<Self> {
        let by_method = request.is_head.then_some(Self::Head);
        by_method.or_else(|| request.prefetches.then_some(Self::Prefetch)).or_else(|| Self::of_agent(request.agent))
    }

    /// Whether it is read from one request alone, so that another version of the rules may read it otherwise. What the request said
    /// beside its agent is not kept.
    pub const fn is_of_agent(self) -> bool {
        matches!(self, Self::Agent | Self::NoAgent)
    }
}

/// The target of the link that no person sees: each issue has one, and a program that follows every link follows it too.
pub const TRAP: &str = "trap:";

/// What one request shows of who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    pub is_head: bool,
    /// Whether a header says that nobody has asked for it yet.
    pub prefetches: bool,
    pub agent: Option<&'a str>,
}

/// The headers in which a browser says that it loads a page beforehand, in lower case: `Sec-Purpose` (Fetch standard), and those
/// of older browsers.
pub const PURPOSES: [&str; 4] = ["sec-purpose", "purpose", "x-purpose", "x-moz"];

/// Whether the value of such a header says so: `prefetch`, `prefetch;prerender`, `preview`.
pub fn is_prefetch(purpose: &str) -> bool {
    let first = purpose.split([';', ',']).next().unwrap_or_default().trim();
    ["prefetch", "prerender", "preview"].iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// Nobody has a mail, reads it and follows a link sooner after the relay took it; a scanner does before it is put in the mailbox.
pub const SOON: SignedDuration = SignedDuration::from_secs(10);
/// A relay that has a mail may take so long to say so (RFC 5321, 4.5.3.2.6), and pass it on meanwhile.
const ANSWER_OF_RELAY: SignedDuration = SignedDuration::from_mins(10);

/// Whether a hit came too soon after its mail was handed to the relay. One that came long before followed an earlier try, of which
/// the relay's answer was lost: nothing says how soon it came.
pub fn too_soon(handed_over_at: Timestamp, at: Timestamp) -> bool {
    let after = at.duration_since(handed_over_at);
    -ANSWER_OF_RELAY < after && after < SOON
}

/// How far the hits of a crowd lie apart at most.
pub const CROWD: SignedDuration = SignedDuration::from_secs(60);
/// How many people of one company make one.
const CROWD_OF: usize = 3;

/// A hit, as far as a crowd is read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    pub signal: SignalId,
    pub prospect: ProspectId,
    /// Where it came from, as a fingerprint.
    pub network: String,
    /// The company of the address the mail went to.
    pub company: String,
    pub at: Timestamp,
}

/// The hits of networks that followed the mails of three or more people of one company within a minute: a gateway before their
/// mailboxes did. People of one office have one network too; three of them do not act in one minute.
pub fn crowds(hits: &[Passed]) -> BTreeSet<SignalId> {
    let mut hits: Vec<&Passed> = hits.iter().collect();
    hits.sort_by_key(|hit| (&hit.network, &hit.company, hit.at, hit.signal));
    let mut found = BTreeSet::new();
    for of_one in hits.chunk_by(|a, b| (&a.network, &a.company) == (&b.network, &b.company)) {
        // How many hits of each person the window holds, and how far the hits were looked at: each enters and leaves once.
        let (mut people, mut first, mut told) = (BTreeMap::<ProspectId, usize>::new(), 0, 0);
        for (last, hit) in of_one.iter().enumerate() {
            *people.entry(hit.prospect).or_default() += 1;
            while hit.at.duration_since(of_one[first].at) > CROWD {
                let gone = of_one[first].prospect;
                if let Some(hits) = people.get_mut(&gone) {
                    *hits -= 1;
                    if *hits == 0 {
                        people.remove(&gone);
                    }
                }
                first += 1;
            }
            if people.len() >= CROWD_OF {
                found.extend(of_one[first.max(told)..=last].iter().map(|hit| hit.signal));
                told = last + 1;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::chance::Chance;

    #[test]
    fn no_agent_is_no_person() {
        assert_eq!(Machine::of_agent(None), Some(Machine::NoAgent));
        assert_eq!(Machine::of_agent(Some(" ")), Some(Machine::NoAgent));
    }

    #[test]
    fn what_is_loaded_beforehand_was_asked_for_by_nobody() {
        for said in ["prefetch", "prefetch;prerender", "Prefetch; anonymous-client-ip", "preview", "prerender"] {
            assert!(is_prefetch(said), "{said}");
        }
        for said in ["", "navigate", "instant", "the prefetch"] {
            assert!(!is_prefetch(said), "{said}");
        }
        let agent = Some("Mozilla/5.0 (X11; Linux x86_64; rv:152.0) Gecko/20100101 Firefox/152.0");
        let asked = Request { is_head: false, prefetches: false, agent };
        assert_eq!(Machine::of_request(&asked), None);
        assert_eq!(Machine::of_request(&Request { prefetches: true, ..asked }), Some(Machine::Prefetch));
        assert_eq!(Machine::of_request(&Request { is_head: true, ..asked }), Some(Machine::Head));
    }

    #[test]
    fn a_gateway_is_a_crowd_and_an_office_is_none() {
        let at = |seconds: i64| Timestamp::from_second(1_793_696_400 + seconds).expect("an instant");
        let hit = |signal: i64, prospect: i64, network: &str, seconds: i64| Passed {
            signal: SignalId(signal),
            prospect: ProspectId(prospect),
            network: network.to_owned(),
            company: if prospect < 10 { "albareda.example" } else { "other.example" }.to_owned(),
            at: at(seconds),
        };
        let found = |hits: &[Passed]| crowds(hits).into_iter().map(|id| id.0).collect::<Vec<_>>();
        assert_eq!(found(&[hit(1, 1, "a", 0), hit(2, 2, "a", 5), hit(3, 3, "a", 60)]), [1, 2, 3]);
        assert_eq!(found(&[hit(1, 1, "a", 0), hit(2, 2, "a", 5), hit(3, 3, "a", 61)]), [0; 0], "not within a minute");
        assert_eq!(found(&[hit(1, 1, "a", 0), hit(2, 2, "a", 5), hit(3, 3, "b", 6)]), [0; 0], "from elsewhere");
        assert_eq!(found(&[hit(1, 1, "a", 0), hit(2, 2, "a", 5), hit(3, 2, "a", 6)]), [0; 0], "one of them twice");
        assert_eq!(found(&[hit(1, 1, "a", 0), hit(2, 2, "a", 5), hit(3, 11, "a", 6)]), [0; 0], "of another company");
        let many = [hit(4, 4, "a", 200), hit(1, 1, "a", 0), hit(3, 3, "a", 90), hit(2, 2, "a", 50), hit(5, 1, "a", 100)];
        assert_eq!(found(&many), [2, 3, 5], "in whatever order they are given");
    }

    #[test]
    fn a_click_long_before_a_second_try_is_not_too_soon() {
        let handed_over = Timestamp::from_second(1_793_696_400).expect("an instant");
        for (after, expected) in [(-3_600, false), (-600, false), (-599, true), (-5, true), (0, true), (9, true), (10, false)] {
            assert_eq!(too_soon(handed_over, handed_over + SignedDuration::from_secs(after)), expected, "{after} seconds");
        }
    }

    /// As the rule says it, each window looked at whole.
    fn crowds_by_windows(hits: &[Passed]) -> BTreeSet<SignalId> {
        let mut found = BTreeSet::new();
        for last in hits {
            let is_in = |hit: &&Passed| {
                let before = last.at.duration_since(hit.at);
                (&hit.network, &hit.company) == (&last.network, &last.company) && !before.is_negative() && before <= CROWD
            };
            let window: Vec<&Passed> = hits.iter().filter(is_in).collect();
            if window.iter().map(|hit| hit.prospect).collect::<BTreeSet<_>>().len() >= CROWD_OF {
                found.extend(window.iter().map(|hit| hit.signal));
            }
        }
        found
    }

    #[test]
    fn a_window_that_slides_finds_what_each_window_finds_alone() {
        let begins = Timestamp::from_second(1_793_696_400).expect("an instant");
        let hit = |signal: i64, prospect: u64, company: u64, seconds: u64| Passed {
            signal: SignalId(signal),
            prospect: ProspectId(i64::try_from(prospect).expect("a number")),
            network: "n".to_owned(),
            company: company.to_string(),
            at: begins + SignedDuration::from_secs(i64::try_from(seconds).expect("seconds")),
        };
        let chance = Chance::seeded(4);
        let draw = |what: &str, round: u64, n: i64, below: u64| {
            chance.of(what).nth(round).nth(u64::try_from(n).expect("a number")).below(below)
        };
        let (mut some, mut all) = (0, 0);
        for round in 0..200 {
            let hits: Vec<Passed> = (0..20)
                .map(|n| hit(n, draw("who", round, n, 5), draw("company", round, n, 2), draw("when", round, n, 400)))
                .collect();
            let found = crowds(&hits);
            assert_eq!(found, crowds_by_windows(&hits), "{hits:?}");
            (some, all) = (some + found.len(), all + hits.len());
        }
        assert!(0 < some && some < all, "{some} of {all}");
        let many: Vec<Passed> = (0..2_000).map(|n| hit(n, u64::from(n > 900) + u64::from(n > 1_900), 1, 0)).collect();
        assert_eq!(crowds(&many).len(), 2_000, "one pressed it again and again");
    }
}
