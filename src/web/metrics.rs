//! `/metrics`: metrics for Prometheus. The census is taken beforehand, at most once a minute; a scrape counts nothing, and
//! reports the census' age.

use super::census_cache::{head, line};
use super::site::Site;
use crate::flow::group::gate;
use crate::flow::individual::resend;
use crate::store::doorway::pending_forms;
use crate::store::engine::backend::StoreError;
use crate::store::individual::letters::{self, OutboxState};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// Shows the metrics. Those the database cannot answer now are left out.
pub async fn show(State(site): State<Site>) -> Response {
    let mut text = site.census.text(site.ctx.now());
    if let Ok(sending) = gate::state(&site.ctx).await {
        for (name, help, held) in [
            ("nurtured_sending_stopped", "Whether group mail is stopped.", sending.stopped.is_some()),
            ("nurtured_sending_observing", "Whether nothing is sent until the database is adopted.", sending.observing.is_some()),
        ] {
            head(&mut text, name, help);
            line(&mut text, name, i64::from(held));
        }
    }
    if let Ok((waiting, held)) = forms(&site).await {
        for (name, help, count) in [
            ("nurtured_forms_waiting", "Forms whose address has not confirmed them; erased after thirty days.", waiting),
            ("nurtured_forms_not_asked", "Those of them whose address or domain was asked too often to be asked again.", held),
        ] {
            head(&mut text, name, help);
            line(&mut text, name, count);
        }
    }
    if let Ok(letters) = letters(&site).await {
        let waits = letters.waiting_since.map_or(0, |since| site.ctx.now().duration_since(since).as_secs().max(0));
        for (name, help, count) in [
            ("nurtured_letters_waiting", "Letters to our own people that are due and not sent.", letters.waiting),
            ("nurtured_letters_waiting_seconds", "For how long the oldest of them waits; alert above an hour.", waits),
            (
                "nurtured_letters_failed",
                "Letters to our own people that failed in thirty days; alert above none.",
                letters.failed,
            ),
        ] {
            head(&mut text, name, help);
            line(&mut text, name, count);
        }
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn letters(site: &Site) -> Result<OutboxState, StoreError> {
    let now = site.ctx.now();
    letters::standing(&mut site.ctx.store().read().await?, resend::since(now), now).await
}

async fn forms(site: &Site) -> Result<(i64, i64), StoreError> {
    pending_forms::waiting(&mut site.ctx.store().read().await?, site.ctx.now()).await
}
