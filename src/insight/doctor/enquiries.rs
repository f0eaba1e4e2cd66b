//! Enquiries as a finding: whether those who asked for a person, and can be no lead, are answered within the promise.

use super::finding::Finding;
use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::flow::context::FlowError;
use crate::store::engine::backend::Store;
use crate::store::individual::enquiries;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How many open enquiries are looked at; who is further behind has been told enough.
const MOST: i64 = 10_000;

/// How the open enquiries stand against the promise about requests.
pub async fn answered(store: &Store, plan: &Plan, now: Timestamp) -> Result<Finding, FlowError> {
    let waiting = enquiries::waiting(&mut store.read().await?, MOST).await?;
    Ok(finding(plan, &waiting, now))
}

fn finding(plan: &Plan, waiting: &[(Name, Timestamp)], now: Timestamp) -> Finding {
    let late = |who: &Name, at: Timestamp| plan.roster.hours(who).after_working(plan.roster.promise.request, at) < now;
    let mut behind: BTreeMap<&Name, (usize, Timestamp)> = BTreeMap::new();
    for (who, at) in waiting.iter().filter(|(who, at)| late(who, *at)) {
        behind.entry(who).or_insert((0, *at)).0 += 1;
    }
    if behind.is_empty() {
        let says = match waiting.len() {
            0 => "nobody waits who asked for a person".to_owned(),
            open => format!("{open} open, each within the promise of an answer"),
        };
        return Finding::well("enquiries", says);
    }
    let count: usize = behind.values().map(|(count, _)| count).sum();
    let whose: Vec<String> = behind.iter().map(|(who, (count, at))| format!("{who} {count}, the oldest of {at}")).collect();
    let says = format!("{count} asked for a person and are not answered within the promise: {}", whose.join("; "));
    let first = behind.keys().next().map_or("NAME", |who| who.as_str());
    Finding::notice(
        "enquiries",
        says,
        format!("`nurtured queue {first}` shows them, and whom to answer; their page settles them"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::example;
    use crate::insight::doctor::finding::State;

    #[test]
    fn an_enquiry_older_than_its_promise_shows() {
        let plan = example::load_embedded(&[]).expect("the example is valid").plan;
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let dana = Name::parse("dana").expect("a name");
        let now = at("2026-11-03T12:00:00Z");
        assert_eq!(finding(&plan, &[], now).state, State::Well);
        assert_eq!(finding(&plan, &[(dana.clone(), at("2026-11-03T11:30:00Z"))], now).state, State::Well);
        let late = finding(&plan, &[(dana.clone(), at("2026-11-03T09:00:00Z")), (dana, at("2026-11-03T11:30:00Z"))], now);
        assert_eq!(late.state, State::Notice);
        assert!(
            late.says.contains("1 asked") && late.says.contains("dana 1, the oldest of 2026-11-03T09:00:00Z"),
            "{}",
            late.says
        );
    }
}
