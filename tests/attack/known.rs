//! What is known of the prospects under attack, as the verbs show it, before and after.

use crate::company::TARGETS;
use crate::daemon::Daemon;
use crate::table::Row;
use futures_util::{StreamExt, TryStreamExt};
use serde_json::Value;
use std::collections::BTreeMap;

/// What `prospects show` says of one prospect.
pub(crate) type Known = BTreeMap<&'static str, Value>;

/// Beside each other: more verbs than processors only wait.
const BESIDE: usize = 2;

/// The details that may be filled where they are blank.
const FILLED: [&str; 3] = ["name", "phone", "company"];
/// What no stranger may touch.
const KEPT: [&str; 15] = [
    "name",
    "phone",
    "company",
    "address",
    "account",
    "standing",
    "episode",
    "wake_at",
    "mail_stop",
    "tracking_consent",
    "previous_salesperson",
    "fields",
    "tags",
    "consents",
    "handoffs",
];

/// What is known of the targets.
pub(crate) async fn known(daemon: &Daemon) -> anyhow::Result<Vec<Known>> {
    let shown = TARGETS.iter().map(|who| async move {
        let said = daemon.json(&["prospects", "show", who]).await?;
        anyhow::Ok(KEPT.into_iter().map(|key| (key, said[key].clone())).collect())
    });
    futures_util::stream::iter(shown).buffered(BESIDE).try_collect().await
}

/// The criteria that are met of each of these people, as `explain` says them.
pub(crate) async fn met(daemon: &Daemon, people: &[String]) -> anyhow::Result<Vec<Vec<String>>> {
    let explained = people.iter().map(|who| async move {
        let said = daemon.json(&["explain", who]).await?;
        let lines = said["criteria"].as_array().cloned().unwrap_or_default();
        anyhow::ensure!(lines.len() == 5, "explain has {} criteria", lines.len());
        let met = lines.iter().filter(|line| line["met"] == true);
        Ok(met.map(|line| line["criterion"].as_str().unwrap_or_default().to_owned()).collect())
    });
    futures_util::stream::iter(explained).buffered(BESIDE).try_collect().await
}

/// Compares; returns how many blanks were filled.
pub(crate) fn compare(before: &[Known], after: &[Known], row: &mut Row) -> usize {
    let mut filled = 0;
    for ((who, before), after) in TARGETS.iter().zip(before).zip(after) {
        for (key, was) in before {
            let is = &after[key];
            if was == is {
                continue;
            }
            if was.is_null() && FILLED.contains(key) {
                filled += 1;
            } else {
                row.through(format!("{who}: {key} was {was}, and is {is}"));
            }
        }
    }
    filled
}
