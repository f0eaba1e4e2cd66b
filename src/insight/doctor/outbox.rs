//! The outbox as a finding: whether letters to our own people leave. One that waits too long, or failed, is an alarm, because
//! somebody who asked for a person may stand in it.

use super::finding::Finding;
use crate::domain::individual::letter::is_late;
use crate::flow::context::FlowError;
use crate::flow::individual::resend;
use crate::store::engine::backend::Store;
use crate::store::individual::letters::{self, OutboxState};
use jiff::Timestamp;

/// How the letters to our own people stand.
pub async fn outbox(store: &Store, now: Timestamp) -> Result<Finding, FlowError> {
    let standing = letters::standing(&mut store.read().await?, resend::since(now), now).await?;
    Ok(finding(standing, now))
}

fn finding(standing: OutboxState, now: Timestamp) -> Finding {
    const NAME: &str = "outbox";
    let fix = "`nurtured letters list` says why; once that is mended, `nurtured letters resend --failed`";
    let waiting = match standing.waiting_since {
        Some(since) => format!("{} to our own people wait, the oldest since {since}", standing.waiting),
        None => "no letter to our own people waits".to_owned(),
    };
    if standing.failed > 0 {
        return Finding::wrong(
            NAME,
            format!("{} letters to our own people failed in thirty days; {waiting}", standing.failed),
            fix,
        );
    }
    match standing.waiting_since {
        Some(since) if is_late(since, now) => Finding::wrong(NAME, waiting, "`nurtured letters list` says why"),
        _ => Finding::well(NAME, waiting),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::doctor::finding::State;

    #[test]
    fn a_letter_that_waits_an_hour_or_failed_is_an_alarm() {
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let now = at("2026-11-03T12:00:00Z");
        let state = |waiting_since, failed| finding(OutboxState { waiting: 1, waiting_since, failed }, now).state;
        assert_eq!(state(None, 0), State::Well);
        assert_eq!(state(Some(at("2026-11-03T11:00:01Z")), 0), State::Well);
        assert_eq!(state(Some(at("2026-11-03T11:00:00Z")), 0), State::Wrong);
        assert_eq!(state(None, 1), State::Wrong);
    }
}
