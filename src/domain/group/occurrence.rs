//! Occurrences: of the due times of a schedule since it was last checked, which one fires, and why the others do not.

use super::campaign::Campaign;
use super::schedule::Firing;
use jiff::Timestamp;

/// Why an occurrence does not fire. It is recorded all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// Its local date is one the schedule skips.
    SkipDate,
    /// A later one is due too: at most one late issue is sent.
    Older,
    /// Later than the campaign sends (`late`).
    Late,
    Paused,
}

impl Missed {
    /// The word in SQL, logs and lists.
    pub const fn word(self) -> &'static str {
        match self {
            Self::SkipDate => "skip date",
            Self::Older => "older",
            Self::Late => "late",
            Self::Paused => "paused",
        }
    }
}

/// The firings after `since` and not after `now`, in order, each with the reason why it does not fire; at most one fires.
/// At most `most` are returned: when there are more, none of these fires, and the next call starts at the last of them.
pub fn due(campaign: &Campaign, since: Timestamp, paused: bool, now: Timestamp, most: usize) -> Vec<(Firing, Option<Missed>)> {
    let schedule = &campaign.schedule;
    let mut due: Vec<Firing> = std::iter::successors(schedule.named_after(since), |f| schedule.named_after(f.due_at))
        .take_while(|firing| firing.due_at <= now)
        .take(most.saturating_add(1))
        .collect();
    let more = due.len() > most;
    due.truncate(most);
    let newest = due.iter().rposition(|firing| !schedule.skips(firing)).filter(|_| !more);
    let judged = due.into_iter().enumerate().map(|(i, firing)| {
        let missed = match firing {
            _ if schedule.skips(&firing) => Some(Missed::SkipDate),
            _ if newest != Some(i) => Some(Missed::Older),
            _ if campaign.late.misses(firing.due_at, now) => Some(Missed::Late),
            _ if paused => Some(Missed::Paused),
            _ => None,
        };
        (firing, missed)
    });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::Address;
    use crate::domain::audience::Audience;
    use crate::domain::group::campaign::{Late, Order, Otherwise, Sender};
    use crate::domain::group::schedule::Schedule;
    use crate::domain::group::skip::{Dates, SkipDates};
    use crate::domain::id::Name;
    use crate::domain::span::Span;

    fn daily(skip: &[&str], late: Late) -> Campaign {
        let name = || Name::parse("letter").expect("a name");
        let skip = SkipDates::new(skip.iter().map(|text| Dates::parse(text).expect("dates")).collect());
        Campaign {
            name: name(),
            from: Sender { name: "Marta".to_owned(), address: Address::parse("letter@x.example").expect("an address") },
            reply_to: name(),
            schedule: Schedule::parse("0 9 * * *", "UTC").expect("a schedule").skipping(skip).expect("it fires"),
            late,
            window: None,
            order: Order::Series,
            audience: Audience::default(),
            newsletters: Vec::new(),
            guards: crate::domain::group::guard::Guards::default(),
            renamed_from: None,
            topic: None,
        }
    }

    fn told(campaign: &Campaign, since: &str, paused: bool, now: &str, most: usize) -> Vec<(String, &'static str)> {
        let at = |text: &str| text.parse().expect("an instant");
        let due = due(campaign, at(since), paused, at(now), most);
        due.into_iter().map(|(firing, missed)| (firing.nominal[..10].to_owned(), missed.map_or("fires", Missed::word))).collect()
    }

    fn days(told: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
        told.iter().map(|(day, word)| (format!("2026-11-{day}"), *word)).collect()
    }

    #[test]
    fn the_newest_fires_while_it_is_fresh() {
        let usual = daily(&[], Late::default());
        let since = "2026-11-02T09:00:00Z";
        assert_eq!(told(&usual, since, false, "2026-11-03T08:59:59Z", 9), []);
        assert_eq!(
            told(&usual, since, false, "2026-11-05T15:00:00Z", 9),
            days(&[("03", "older"), ("04", "older"), ("05", "fires")])
        );
        assert_eq!(told(&usual, since, false, "2026-11-03T15:00:01Z", 9), days(&[("03", "late")]));
        assert_eq!(told(&usual, since, true, "2026-11-03T09:00:00Z", 9), days(&[("03", "paused")]));
    }

    #[test]
    fn each_campaign_says_how_late_is_late() {
        let hour = daily(&[], Late { send_within: Span::hours(1), otherwise: Otherwise::Skip });
        assert_eq!(told(&hour, "2026-11-02T09:00:00Z", false, "2026-11-03T10:00:01Z", 9), days(&[("03", "late")]));
        let always = daily(&[], Late { send_within: Span::hours(1), otherwise: Otherwise::Send });
        let since = "2026-11-02T09:00:00Z";
        assert_eq!(told(&always, since, false, "2026-11-05T08:00:00Z", 9), days(&[("03", "older"), ("04", "fires")]));
    }

    #[test]
    fn a_skip_date_is_named_and_leaves_the_one_before_it_the_newest() {
        let skipping = daily(&["11-04..11-05"], Late { send_within: Span::days(3), otherwise: Otherwise::Skip });
        let since = "2026-11-02T09:00:00Z";
        let expected = [("03", "fires"), ("04", "skip date"), ("05", "skip date")];
        assert_eq!(told(&skipping, since, false, "2026-11-05T10:00:00Z", 9), days(&expected));
    }

    #[test]
    fn of_many_only_the_last_of_all_fires() {
        let always = daily(&[], Late { send_within: Span::hours(1), otherwise: Otherwise::Send });
        let since = "2026-11-02T09:00:00Z";
        assert_eq!(told(&always, since, false, "2026-11-06T10:00:00Z", 2), days(&[("03", "older"), ("04", "older")]));
        let rest = told(&always, "2026-11-04T09:00:00Z", false, "2026-11-06T10:00:00Z", 2);
        assert_eq!(rest, days(&[("05", "older"), ("06", "fires")]));
    }
}
