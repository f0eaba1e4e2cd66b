//! What the world reports: clicks above all, some of them a machine's; answers, forms, logged touches, replies, and now
//! and then somebody who has had enough. Of any prospect, at any time, as the example's rules read it or do not.

use crate::dice::Dice;
use anyhow::{Context as _, Result};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::machine::Machine;
use nurtured::domain::doorway::signal::{About, Detail, NewSignal, Touch};
use nurtured::domain::id::{DeliveryId, IssueId, Name, ProspectId, fingerprint};
use nurtured::domain::plan::Plan;
use std::collections::BTreeMap;

/// Links of a newsletter: the first few are of a topic.
const LINKS: [&str; 6] = ["prices", "prices/2026", "calculator", "plants/pau", "", "news"];

/// The prospects it is about, and the rules that will read it.
pub(crate) struct World {
    first: ProspectId,
    prospects: u64,
    plan: std::sync::Arc<Plan>,
    marta: Name,
}

impl World {
    /// Of so many prospects from the first one on.
    pub(crate) fn of(first: ProspectId, prospects: u64, plan: std::sync::Arc<Plan>) -> Result<Self> {
        Ok(Self { first, prospects, plan, marta: Name::parse("marta")? })
    }

    /// The prospect of that number.
    pub(crate) fn prospect(&self, number: u64) -> Result<ProspectId> {
        Ok(ProspectId(self.first.0 + i64::try_from(number)?))
    }

    /// The signal of that number, which happens at this instant; the newsletter of the day is what it answers.
    pub(crate) fn signal(&self, number: u64, issue: u64, at: Timestamp) -> Result<NewSignal> {
        let mut dice = Dice::of(number);
        let whose = dice.below(self.prospects);
        let delivery = DeliveryId(i64::try_from(issue * self.prospects + whose)?);
        let (mut by, mut machine) = (None, None);
        let (once, detail) = match dice.below(100) {
            0..72 => {
                machine = (dice.below(12) == 0).then_some(Machine::Agent);
                let link = dice.below(LINKS.len() as u64);
                let target = format!("https://tecnofab.example/{}", LINKS[usize::try_from(link)?]);
                let day = at.to_zoned(TimeZone::UTC).date();
                let visitor = fingerprint(&[&number.to_string()]);
                (format!("click:{day}:{delivery}:{link}:{visitor}:GET"), Detail::Click { target })
            }
            72..84 => {
                let criterion = *dice.one(&Criterion::ALL);
                let answer = dice.one(&self.plan.qualifying.criteria[criterion].answers);
                let date = answer.due.as_ref().map(|due| due.0.after(at).to_zoned(TimeZone::UTC).date());
                let visit = at.as_millisecond();
                (
                    format!("answer:{delivery}:{number}:{visit}"),
                    Detail::Answer { criterion, id: answer.id.clone(), say: answer.say.clone(), date, posted: None },
                )
            }
            84..90 => (format!("form:{number}"), form(&mut dice, date(at, 60))?),
            90..94 => {
                by = Some(self.marta.clone());
                let touch = *dice.one(&[Touch::Call, Touch::Meeting, Touch::Fair]);
                let proves = vec![*dice.one(&Criterion::ALL)];
                let stated = proves.contains(&Criterion::Timeframe).then(|| date(at, 120));
                let note = "They told us how the second shift copes.".to_owned();
                let (contradicts, not_before) = (Vec::new(), None);
                (format!("touch:{number}"), Detail::Touch { touch, proves, contradicts, date: stated, not_before, note })
            }
            94..98 => {
                let text = if dice.below(9) == 0 { "Please call me" } else { "Thank you, not this year" };
                (format!("reply:mail:{number}"), Detail::Reply { subject: "Re: lines".to_owned(), text: text.to_owned() })
            }
            98 => (
                format!("auto_reply:mail:{number}"),
                Detail::AutoReply { subject: "Out of office".to_owned(), back_on: None, left: false },
            ),
            _ if dice.below(4) == 0 => {
                (format!("unsubscribe:{delivery}:{number}"), Detail::Unsubscribe { how: "one-click".to_owned() })
            }
            _ => (format!("bounce:mail:{number}"), soft_bounce()),
        };
        let about = About::Prospect(self.prospect(whose)?);
        let (delivery, issue) = (Some(delivery), Some(IssueId(i64::try_from(issue)?)));
        Ok(NewSignal { about, once, occurred_at: at, delivery, issue, by, machine, detail })
    }

    /// An answer that meets a criterion.
    pub(crate) fn proof(&self, of: ProspectId, criterion: Criterion, at: Timestamp) -> Result<NewSignal> {
        let answer = self.plan.qualifying.criteria[criterion].answers.first().context("the criterion is never asked")?;
        let date = answer.due.as_ref().map(|due| due.0.after(at).to_zoned(TimeZone::UTC).date());
        Ok(NewSignal {
            about: About::Prospect(of),
            once: format!("answer:{of}:{criterion}"),
            occurred_at: at,
            delivery: None,
            issue: None,
            by: None,
            machine: None,
            detail: Detail::Answer { criterion, id: answer.id.clone(), say: answer.say.clone(), date, posted: None },
        })
    }
}

fn date(at: Timestamp, days: i64) -> Date {
    nurtured::domain::span::Span::days(days).after(at).to_zoned(TimeZone::UTC).date()
}

fn form(dice: &mut Dice, start: Date) -> Result<Detail> {
    let budget = (dice.below(40) * 1_000).to_string();
    let said: (&str, Vec<(&str, String)>) = match dice.below(20) {
        0..8 => ("webinar", vec![]),
        8..15 => ("downtime-check", vec![("hours", "12".to_owned())]),
        15..19 => ("quote", vec![("budget", budget), ("start_by", start.to_string())]),
        _ => ("call-me", vec![("message", "Ring me in the afternoon".to_owned())]),
    };
    let fields: BTreeMap<String, String> = said.1.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(Detail::Form { form: Name::parse(said.0)?, fields })
}

fn soft_bounce() -> Detail {
    Detail::Bounce { hard: false, status: Some("4.2.2".to_owned()), diagnostic: "452 4.2.2 mailbox full".to_owned() }
}
