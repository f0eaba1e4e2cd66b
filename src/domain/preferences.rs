//! Preferences: what a prospect chose about our newsletters on their own page. Group mail keeps it.

use super::id::Name;
use super::language::Language;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// What a prospect wants now. The default is what nobody chose: every topic, as often as it comes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Preferences {
    /// The topics (of campaigns) of which they want no newsletter. Unsubscribing from all is a suppression instead.
    pub refused_topics: BTreeSet<Name>,
    /// At most as many newsletters of all campaigns together as `sending.less_often` allows.
    pub less_often: bool,
    /// No newsletter before this day, by the clock of the campaign. A day that has come says nothing any more.
    pub paused_until: Option<Date>,
    /// The language in which they read; `None` leaves the field `language` as it is known otherwise.
    pub language: Option<Language>,
}

/// One choice, as it is kept with its day and source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    TopicRefused(Name),
    TopicWanted(Name),
    LessOften,
    AsOften,
    PausedUntil(Date),
    Resumed,
    Language(Option<Language>),
}

/// Why somebody wants no mail now, in what they chose themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwanted {
    Topic(Name),
    Paused(Date),
}

impl Preferences {
    /// The last day until which a pause may be asked for.
    pub fn longest_pause(today: Date) -> Date {
        today.checked_add(1.year()).unwrap_or(Date::MAX)
    }

    /// Whether this choice still stands.
    pub fn hold(&self, choice: &Choice) -> bool {
        match choice {
            Choice::TopicRefused(topic) => self.refused_topics.contains(topic),
            Choice::LessOften => self.less_often,
            Choice::PausedUntil(day) => self.paused_until == Some(*day),
            Choice::Language(language) => language.is_some() && self.language == *language,
            Choice::TopicWanted(_) | Choice::AsOften | Choice::Resumed => false,
        }
    }

    /// These preferences without a pause that is over on this day.
    #[must_use]
    pub fn as_of(mut self, today: Date) -> Self {
        self.paused_until = self.paused_until.filter(|until| *until > today);
        self
    }

    /// These preferences as they are kept: no pause is over, and none is longer than a year, whatever day is asked for.
    #[must_use]
    pub fn chosen_on(mut self, today: Date) -> Self {
        self = self.as_of(today);
        self.paused_until = self.paused_until.map(|until| until.min(Self::longest_pause(today)));
        self
    }

    /// What differs, as choices.
    pub fn changed_to(&self, new: &Self) -> Vec<Choice> {
        let refused = new.refused_topics.difference(&self.refused_topics).cloned().map(Choice::TopicRefused);
        let wanted = self.refused_topics.difference(&new.refused_topics).cloned().map(Choice::TopicWanted);
        let often = if new.less_often { Choice::LessOften } else { Choice::AsOften };
        let pause = new.paused_until.map_or(Choice::Resumed, Choice::PausedUntil);
        refused
            .chain(wanted)
            .chain((self.less_often != new.less_often).then_some(often))
            .chain((self.paused_until != new.paused_until).then_some(pause))
            .chain((self.language != new.language).then_some(Choice::Language(new.language)))
            .collect()
    }

    /// These preferences with one more choice.
    #[must_use]
    pub fn choosing(mut self, choice: Choice) -> Self {
        match choice {
            Choice::TopicRefused(topic) => drop(self.refused_topics.insert(topic)),
            Choice::TopicWanted(topic) => drop(self.refused_topics.remove(&topic)),
            Choice::LessOften => self.less_often = true,
            Choice::AsOften => self.less_often = false,
            Choice::PausedUntil(day) => self.paused_until = Some(day),
            Choice::Resumed => self.paused_until = None,
            Choice::Language(language) => self.language = language,
        }
        self
    }

    /// What two people who turn out to be one want: the stricter word of each, and of two languages the first's.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        Self {
            refused_topics: self.refused_topics.union(&other.refused_topics).cloned().collect(),
            less_often: self.less_often || other.less_often,
            paused_until: self.paused_until.max(other.paused_until),
            language: self.language.or(other.language),
        }
    }
}

/// The day it is now, in UTC: of somebody whose own clock we do not know.
pub fn today(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

impl Choice {
    /// The word in SQL, and what stands beside it.
    pub fn parts(&self) -> (&'static str, Option<String>) {
        match self {
            Self::TopicRefused(topic) => ("topic refused", Some(topic.to_string())),
            Self::TopicWanted(topic) => ("topic wanted", Some(topic.to_string())),
            Self::LessOften => ("less often", None),
            Self::AsOften => ("as often", None),
            Self::PausedUntil(day) => ("paused", Some(day.to_string())),
            Self::Resumed => ("resumed", None),
            Self::Language(language) => ("language", language.map(|language| language.code().to_owned())),
        }
    }

    pub fn parse(word: &str, value: Option<&str>) -> Option<Self> {
        let topic = || value.and_then(|value| Name::parse(value).ok());
        match word {
            "topic refused" => topic().map(Self::TopicRefused),
            "topic wanted" => topic().map(Self::TopicWanted),
            "less often" => Some(Self::LessOften),
            "as often" => Some(Self::AsOften),
            "paused" => value.and_then(|value| value.parse().ok()).map(Self::PausedUntil),
            "resumed" => Some(Self::Resumed),
            "language" => Some(Self::Language(value.and_then(Language::parse))),
            _ => None,
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TopicRefused(topic) => write!(f, "no newsletters about {topic}"),
            Self::TopicWanted(topic) => write!(f, "newsletters about {topic} again"),
            Self::LessOften => f.write_str("less often"),
            Self::AsOften => f.write_str("as often as they come"),
            Self::PausedUntil(day) => write!(f, "paused until {day}"),
            Self::Resumed => f.write_str("no pause any more"),
            Self::Language(Some(language)) => write!(f, "in the language {}", language.code()),
            Self::Language(None) => f.write_str("in the language we know"),
        }
    }
}

impl fmt::Display for Unwanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(topic) => write!(f, "they chose on their own page: no newsletters about {topic}"),
            Self::Paused(until) => write!(f, "paused until {until}, as they chose on their own page"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().expect("a day")
    }

    fn topics(names: &[&str]) -> BTreeSet<Name> {
        names.iter().map(|name| Name::parse(name).expect("a name")).collect()
    }

    #[test]
    fn every_difference_is_a_choice_and_is_read_as_it_was_kept() {
        let before = Preferences { refused_topics: topics(&["prices", "events"]), less_often: true, ..Preferences::default() };
        let after = Preferences {
            refused_topics: topics(&["events", "production"]),
            less_often: false,
            paused_until: Some(day("2027-03-01")),
            language: Some(Language::Spanish),
        };
        let there = before.changed_to(&after);
        let words: Vec<String> = there.iter().map(ToString::to_string).collect();
        let expected = [
            "no newsletters about production",
            "newsletters about prices again",
            "as often as they come",
            "paused until 2027-03-01",
            "in the language es",
        ];
        assert_eq!(words, expected);
        for choice in there.into_iter().chain(after.changed_to(&before)) {
            let (word, value) = choice.parts();
            assert_eq!(Choice::parse(word, value.as_deref()), Some(choice));
        }
        assert_eq!(after.changed_to(&after), []);
        assert_eq!(Choice::parse("paused", Some("soon")), None);
        let standing: Vec<bool> = before.changed_to(&after).iter().map(|choice| after.hold(choice)).collect();
        assert_eq!(standing, [true, false, false, true, true]);
    }

    #[test]
    fn a_pause_ends_on_its_day_and_within_a_year() {
        let until = |text: &str| Preferences { paused_until: Some(day(text)), ..Preferences::default() };
        let today = day("2027-02-28");
        assert_eq!(until("2027-03-01").as_of(today), until("2027-03-01"));
        assert_eq!(until("2027-02-28").as_of(today), Preferences::default());
        assert_eq!(until("9999-12-31").chosen_on(today), until("2028-02-28"));
        assert_eq!(until("2027-02-28").chosen_on(today), Preferences::default());
    }

    #[test]
    fn of_two_people_who_are_one_the_stricter_word_holds() {
        let one = Preferences { refused_topics: topics(&["prices"]), less_often: true, ..Preferences::default() };
        let two = Preferences {
            refused_topics: topics(&["events"]),
            paused_until: Some(day("2027-03-01")),
            language: Some(Language::Spanish),
            less_often: false,
        };
        let both = Preferences { refused_topics: topics(&["events", "prices"]), less_often: true, ..two.clone() };
        assert_eq!((one.joined(&two), two.joined(&one)), (both.clone(), both));
    }
}
