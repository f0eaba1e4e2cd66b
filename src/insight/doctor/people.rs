//! The law of conservation as a finding: no prospect without a future, none in two groups, and the sums agree.

use super::finding::Finding;
use crate::domain::census::{Census, Group};

/// Whether the law of conservation holds.
pub fn law(census: &Census) -> Finding {
    let (counted, prospects) = (census.counted(), census.prospects);
    if census.holds() {
        return Finding::well(
            "conservation",
            format!("each of {prospects} prospects is in one place, and has a next step or an end"),
        );
    }
    let [adrift, unattended, stranded] = [Group::Adrift, Group::Unattended, Group::Stranded].map(|group| census.of(group));
    let mut says = Vec::new();
    let mut fix = "this is a fault of the program: keep this output and report it";
    if counted != prospects {
        says.push(format!("{counted} are counted of {prospects}"));
    }
    if census.in_two > 0 {
        says.push(format!("of {} the tables say two things", census.in_two));
    }
    if census.unheard > 0 {
        says.push(format!("{} asked for a person and are on no salesperson's queue", census.unheard));
        fix = "run the daemon: it places every enquiry, and its review passes on what belonged to people who left";
    }
    if stranded > 0 {
        says.push(format!("{stranded} are called suppressed though a channel is open"));
    }
    if unattended > 0 {
        says.push(format!("{unattended} are offered or owned and on no salesperson's queue"));
        fix = "run the daemon: its review passes on what belonged to people who left; if they stay, report it";
    }
    if adrift > 0 {
        says.push(format!("{adrift} are nurtured and nothing comes next"));
        fix = "run the daemon: its review gives each a date within minutes; if they stay, report it";
    }
    Finding::wrong("conservation", says.join("; "), fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::doctor::finding::State;
    use jiff::Timestamp;

    #[test]
    fn every_way_to_break_the_law_is_named() {
        let mut census = Census::begin(Timestamp::UNIX_EPOCH);
        assert_eq!(law(&census).state, State::Well);
        census.prospects = 9;
        (census.in_two, census.unheard) = (1, 3);
        for group in [Group::Adrift, Group::Unattended, Group::Stranded] {
            census.add(group, 2);
        }
        let found = law(&census);
        assert_eq!(found.state, State::Wrong);
        for words in ["6 are counted of 9", "of 1 the tables", "3 asked", "2 are called", "2 are offered", "2 are nurtured"] {
            assert!(found.says.contains(words), "{words}: {}", found.says);
        }
        assert!(found.fix.is_some_and(|fix| fix.contains("daemon")));
    }
}
