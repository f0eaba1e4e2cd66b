//! Audiences: groups defined by conditions. The same conditions route a handoff.
//!
//! `store` evaluates them over all prospects in one statement; `Condition::holds` is the same rule for one
//! prospect, and the conformance suite holds the two together.

use super::criterion::{Criterion, Verdict};
use super::id::Name;
use super::prospect::{Prospect, comparable};
use serde::Serialize;
use std::fmt;

/// A group: every `all` holds, at least one `any` holds (if there are some), and no `none` does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Audience {
    pub all: Vec<Condition>,
    /// At least one of these holds; an empty list asks for nothing.
    pub any: Vec<Condition>,
    pub none: Vec<Condition>,
}

impl Audience {
    /// Whether the prospect fits the conditions. Standing and suppression are checked by the store.
    pub fn fits(&self, prospect: &Prospect) -> bool {
        self.fits_where(|condition| condition.holds(prospect))
    }

    /// Why a prospect does not fit, in the words of the condition that says so; `None` if they fit. Nothing of the prospect's own is
    /// in them.
    pub fn why_not(&self, prospect: &Prospect) -> Option<String> {
        if let Some(none) = self.none.iter().find(|condition| condition.holds(prospect)) {
            return Some(format!("{none} is excluded"));
        }
        if let Some(all) = self.all.iter().find(|condition| !condition.holds(prospect)) {
            return Some(format!("{all} does not hold"));
        }
        let any = !self.any.is_empty() && !self.any.iter().any(|condition| condition.holds(prospect));
        any.then(|| "nothing of `any` holds".to_owned())
    }

    /// Whether a prospect fits of whom these conditions hold.
    pub fn fits_where(&self, holds: impl Fn(&Condition) -> bool) -> bool {
        self.all.iter().all(&holds) && (self.any.is_empty() || self.any.iter().any(&holds)) && !self.none.iter().any(&holds)
    }
}

/// One fact about a prospect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Field {
        name: Name,
        test: Test,
    },
    Tag(String),
    /// The address's domain is one of these, or below one of them.
    Domain(Vec<String>),
    /// The verdict on a criterion is one of these.
    Verdict {
        criterion: Criterion,
        is: Vec<Verdict>,
    },
}

/// A test of one field. Text is compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// Equals one of these, lower case.
    In(Vec<String>),
    /// At least this: a number, or a date as days since 1970.
    AtLeast(i64),
    /// At most this.
    AtMost(i64),
    /// The field has a value (`true`), or has none (`false`).
    Known(bool),
}

impl Test {
    /// Whether a value (or its absence) passes.
    pub fn passes(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::Known(known), value) => value.is_some() == *known,
            (_, None) => false,
            (Self::In(values), Some(value)) => values.contains(&value.to_lowercase()),
            (Self::AtLeast(least), Some(value)) => comparable(value).is_some_and(|v| v >= *least),
            (Self::AtMost(most), Some(value)) => comparable(value).is_some_and(|v| v <= *most),
        }
    }
}

impl Condition {
    pub fn holds(&self, prospect: &Prospect) -> bool {
        match self {
            Self::Field { name, test } => test.passes(prospect.fields.get(name).map(String::as_str)),
            Self::Tag(tag) => prospect.tags.contains(tag),
            Self::Verdict { criterion, is } => is.contains(&prospect.verdicts.get(criterion).copied().unwrap_or_default()),
            Self::Domain(domains) => {
                prospect.address.as_ref().is_some_and(|address| domains.iter().any(|d| is_under(address.domain(), d)))
            }
        }
    }
}

/// The condition as reasons name it: what it asks, not what it expects.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field { name, .. } => write!(f, "the condition on the field {name}"),
            Self::Tag(tag) => write!(f, "the tag {tag:?}"),
            Self::Domain(_) => f.write_str("the condition on the domain"),
            Self::Verdict { criterion, .. } => write!(f, "the condition on the verdict on {}", criterion.word()),
        }
    }
}

fn is_under(domain: &str, parent: &str) -> bool {
    domain == parent || domain.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::ProspectId;
    use jiff::Timestamp;

    #[test]
    fn a_domain_covers_what_lies_below_it_and_nothing_beside() {
        assert!(is_under("mail.rival.example", "rival.example"));
        assert!(!is_under("notrival.example", "rival.example"));
    }

    #[test]
    fn whoever_does_not_fit_is_told_by_which_condition() {
        let tag = |text: &str| Condition::Tag(text.to_owned());
        let prospect = |tags: &[&str]| Prospect {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..Prospect::unknown(ProspectId(1), Timestamp::UNIX_EPOCH)
        };
        let audience = Audience { all: vec![tag("a")], any: vec![tag("b"), tag("c")], none: vec![tag("d")] };
        for (tags, why) in [
            (&["a", "b"][..], None),
            (&["a", "c", "e"], None),
            (&["a", "b", "d"], Some("the tag \"d\" is excluded")),
            (&["b"], Some("the tag \"a\" does not hold")),
            (&["a"], Some("nothing of `any` holds")),
        ] {
            assert_eq!(audience.why_not(&prospect(tags)).as_deref(), why, "{tags:?}");
            assert_eq!(audience.fits(&prospect(tags)), why.is_none(), "{tags:?}");
        }
    }

    #[test]
    fn an_absent_field_passes_only_the_test_for_absence() {
        for test in [Test::In(vec![String::new()]), Test::AtLeast(0), Test::AtMost(0), Test::Known(true)] {
            assert!(!test.passes(None), "{test:?}");
        }
        assert!(Test::Known(false).passes(None));
        assert!(Test::In(vec!["food".into()]).passes(Some("Food")));
    }
}
