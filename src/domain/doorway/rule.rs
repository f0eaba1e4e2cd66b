//! Rules: what `qualification.toml` says about proof. `evidence` applies them to signals.

use super::asked::{Asked, for_a_person};
use super::doubt::Doubt;
use super::signal::{Detail, Touch};
use crate::domain::audience::Test;
use crate::domain::criterion::{Criterion, PerCriterion};
use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use crate::domain::question::{self, Answer, Power};
use crate::domain::span::{FiscalYear, Span};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;

/// The contents of `qualification.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Qualifying {
    /// Who agreed to it, for marketing and for sales.
    pub agreed_by: Vec<Name>,
    /// A stated date further away is not a timeframe yet.
    pub horizon: Span,
    /// When the fiscal year turns.
    pub fiscal_year: FiscalYear,
    /// What counts as asking for a person.
    pub requests: Vec<RequestRule>,
    /// Topics of links, by address.
    pub topics: Vec<Topic>,
    pub criteria: PerCriterion<CriterionRules>,
    /// Why a salesperson may return a lead, and what follows.
    pub recycle: Vec<RecycleReason>,
    /// The ids of salespeople, whose touches alone make no prospect ready: salespeople do not generate their own leads.
    pub salespeople: Vec<Name>,
}

/// What proves one criterion.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CriterionRules {
    /// The question, as a newsletter and the answer page print it.
    pub question: String,
    /// Its answers; empty when it is never asked.
    pub answers: Vec<Answer>,
    /// What the salesperson may open with; may hold `{said}` and `{date}`.
    pub opener: Option<String>,
    /// What the salesperson should ask about the criterion.
    pub ask: Option<String>,
    /// When a proof stops counting.
    pub until: Until,
    /// Whether a colleague of the same account can prove it; only for Budget, Authority and Timeframe.
    pub of_account: bool,
    /// How many supporting rules must be reached to meet it; only for Vision and Need.
    pub enough: usize,
    pub rules: Vec<Rule>,
}

impl CriterionRules {
    /// The answer that was given under this id, in these words.
    pub fn answer(&self, id: Option<&Name>, say: &str) -> Option<&Answer> {
        question::given(&self.answers, id, say)
    }
}

/// When a proof stops counting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// It counts until another statement says otherwise.
    #[default]
    Never,
    After(Span),
    /// At the end of the fiscal year in which it was said.
    FiscalYearEnd,
    /// This long after the date that was stated.
    StatedDate(Span),
    /// On this day, whenever it was said.
    Date(Date),
}

/// One rule: which signals it reads, and with what power.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    pub reads: Reads,
    pub power: Power,
}

/// What a rule reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reads {
    /// A form, whose field (if one is named) passes a test.
    Form {
        form: Name,
        /// A field of the form, the type it is read as, and the test it must pass.
        test: Option<(String, FieldType, Test)>,
    },
    /// A logged touch of one of these kinds that names the criterion.
    Touch(Vec<Touch>),
    /// Human clicks on links of a topic, on so many distinct days within a window.
    Click {
        topic: Name,
        /// On how many distinct days (UTC).
        days: u32,
        within: Span,
    },
    /// A prospect field with its present value.
    Field { name: Name, test: Test },
    /// Something another system reported.
    Event(Name),
}

/// What counts as asking for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestRule {
    Form(Name),
    /// A human reply with a sentence that asks for a person by this word (lower case).
    ReplySays(String),
    Event(Name),
}

/// A topic: links whose address fits one of the patterns (`*` stands for anything).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Topic {
    pub name: Name,
    pub urls: Vec<String>,
}

/// A reason for returning a lead to nurture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecycleReason {
    /// As the salesperson picks it: "no budget".
    pub reason: String,
    pub lapses: Vec<Criterion>,
    /// The criteria that turned out to be false.
    pub contradicts: Vec<Criterion>,
    /// When to come back by default.
    pub wake: Option<Wake>,
}

/// A default wake date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wake {
    After(Span),
    /// When the next fiscal year starts.
    NextFiscalYear,
}

impl Wake {
    /// The wake date at `now`.
    pub fn date(self, fiscal_year: FiscalYear, now: Timestamp) -> Date {
        let at = match self {
            Self::After(span) => span.after(now),
            Self::NextFiscalYear => fiscal_year.next_start(now),
        };
        at.to_zoned(TimeZone::UTC).date()
    }
}

impl RequestRule {
    /// Whether a signal that says this asks for a person.
    pub fn reads(&self, detail: &Detail) -> bool {
        match (self, detail) {
            (Self::Form(name), Detail::Form { form, .. }) => name == form,
            (Self::Event(name), Detail::Event { event, .. }) => name == event,
            (Self::ReplySays(word), Detail::Reply { text, .. } | Detail::ColleagueReply { text, .. }) => {
                for_a_person(word, text) == Asked::Yes
            }
            (Self::ReplySays(word), Detail::ReplyRead { doubt: Doubt::Request, yes: true, text, .. }) => {
                for_a_person(word, text) != Asked::No
            }
            _ => false,
        }
    }

    /// The word of this rule that a reply holds without clearly asking for a person.
    fn doubts(&self, detail: &Detail) -> Option<&str> {
        match (self, detail) {
            (Self::ReplySays(word), Detail::Reply { text, .. } | Detail::ColleagueReply { text, .. })
                if for_a_person(word, text) == Asked::Doubtful =>
            {
                Some(word)
            }
            _ => None,
        }
    }
}

impl Topic {
    /// Whether a link belongs to this topic.
    pub fn covers(&self, target: &str) -> bool {
        self.urls.iter().any(|pattern| fits(pattern, target))
    }
}

/// Whether `text` fits a pattern in which `*` stands for any run of characters.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl Qualifying {
    /// Whether any criterion can be proved by a colleague of the same account.
    pub fn asks_the_account(&self) -> bool {
        self.criteria.iter().any(|(_, rules)| rules.of_account)
    }

    /// Whether any rule reads a click on this link.
    pub fn reads_click(&self, target: &str) -> bool {
        let is_read = |topic: &Topic| {
            let reads = |rule: &Rule| matches!(&rule.reads, Reads::Click { topic: read, .. } if *read == topic.name);
            self.criteria.iter().any(|(_, rules)| rules.rules.iter().any(reads))
        };
        self.topics.iter().any(|topic| topic.covers(target) && is_read(topic))
    }

    /// Whether a rule reads it as asking for a person. None reads a form that is not confirmed.
    pub fn asks(&self, detail: &Detail) -> bool {
        self.requests.iter().any(|rule| rule.reads(detail))
    }

    /// The word that leaves it open whether a reply asks for a person: whoever reads it decides.
    pub fn doubts(&self, detail: &Detail) -> Option<&str> {
        if self.asks(detail) { None } else { self.requests.iter().find_map(|rule| rule.doubts(detail)) }
    }

    /// Whether filling in this form asks for a person.
    pub fn asks_by_form(&self, form: &Name) -> bool {
        self.requests.iter().any(|rule| matches!(rule, RequestRule::Form(name) if name == form))
    }

    /// Whether any rule reads a form of this name.
    pub fn reads_form(&self, name: &Name) -> bool {
        let reads = |rule: &Rule| matches!(&rule.reads, Reads::Form { form, .. } if form == name);
        self.asks_by_form(name) || self.criteria.iter().any(|(_, rules)| rules.rules.iter().any(reads))
    }

    /// Whether a touch of this kind can be evidence of the criterion.
    pub fn reads_touch(&self, criterion: Criterion, touch: Touch) -> bool {
        self.criteria[criterion].rules.iter().any(|r| matches!(&r.reads, Reads::Touch(kinds) if kinds.contains(&touch)))
    }

    pub fn recycle_reason(&self, reason: &str) -> Option<&RecycleReason> {
        self.recycle.iter().find(|r| r.reason.eq_ignore_ascii_case(reason.trim()))
    }
}

impl Rule {
    /// Whether the rule reads this form: `None` if it does not, else the date the form states, if any.
    pub fn reads_form(&self, form: &Name, fields: &BTreeMap<String, String>) -> Option<Option<Date>> {
        let Reads::Form { form: expected, test } = &self.reads else {
            return None;
        };
        if expected != form {
            return None;
        }
        let Some((name, kind, test)) = test else {
            return Some(None);
        };
        // A repeated field, such as boxes that were ticked, has a line for each of its values. One that passes is enough.
        let said = fields.get(name).filter(|said| !said.trim().is_empty());
        let values = said.into_iter().flat_map(|said| std::iter::once(said.as_str()).chain(said.lines()));
        let values: Vec<String> = values.filter(|v| !v.trim().is_empty()).filter_map(|v| kind.canonical(v).ok()).collect();
        if values.is_empty() {
            return test.passes(None).then_some(None);
        }
        let value = values.iter().find(|value| test.passes(Some(value)))?;
        Some((*kind == FieldType::Date).then(|| value.parse().ok()).flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, expected) in [
            ("https://x.example/prices*", "https://x.example/prices?a=1", true),
            ("https://x.example/prices*", "https://x.example/price", false),
            ("*/prices/*.pdf", "https://x.example/prices/2026.pdf", true),
            ("https://x.example/", "https://x.example/more", false),
            ("*", "", true),
            ("a*b*b", "ab", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn one_value_of_a_repeated_field_is_enough() {
        let form = Name::parse("quote").expect("a name");
        let is = |text: &str| Test::In(vec![text.to_owned()]);
        for (said, kind, test, expected) in [
            ("stops\nenergy, quality", FieldType::Text, is("stops"), Some(None)),
            ("stops\nenergy, quality", FieldType::Text, is("energy, quality"), Some(None)),
            ("stops\nenergy, quality", FieldType::Text, is("energy"), None),
            ("no\n60,000", FieldType::Number, Test::AtLeast(50_000), Some(None)),
            ("soon\n2026-03-01", FieldType::Date, Test::Known(true), Some("2026-03-01".parse().ok())),
            (" \n", FieldType::Text, Test::Known(false), Some(None)),
            ("soon", FieldType::Date, Test::Known(true), None),
            ("Yes, less than that", FieldType::Text, is("yes"), None),
        ] {
            let fields = BTreeMap::from([("f".to_owned(), said.to_owned())]);
            let reads = Reads::Form { form: form.clone(), test: Some(("f".to_owned(), kind, test)) };
            let rule = Rule { reads, power: Power::Meets };
            assert_eq!(rule.reads_form(&form, &fields), expected, "{said:?}");
        }
    }

    #[test]
    fn a_request_is_a_whole_word() {
        let reply = |text: &str| Detail::Reply { subject: String::new(), text: text.to_owned() };
        let rule = RequestRule::ReplySays("call".into());
        assert!(rule.reads(&reply("Please CALL me.")));
        assert!(!rule.reads(&reply("I recall nothing")));
        assert!(!rule.reads(&reply("Do not call me.")));
    }
}
