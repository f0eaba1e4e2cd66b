//! `/metrics`: metrics for Prometheus. The census is taken beforehand, at most once a minute; a scrape counts nothing, and
//! reports the census' age.

use super::census_cache::{head, line};
use super::site::Site;
use crate::flow::group::gate;
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
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
