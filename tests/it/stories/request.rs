//! Requests as programs of any kind send them: with their own headers and bytes.

use super::name;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use nurtured::domain::address::Address;
use nurtured::domain::api_token::{ApiToken, OnBehalf, Right, hash};
use nurtured::domain::doorway::signal::Signal;
use nurtured::domain::plan::Plan;
use nurtured::store::doorway::signals;
use nurtured::store::people::prospects;
use nurtured::town::Town;
use nurtured::web::router::router;
use serde_json::Value;
use std::error::Error;
use std::net::SocketAddr;
use tower::ServiceExt;

type Fails = Box<dyn Error + Send + Sync>;

/// The secret of the token `shop` in these stories.
pub(crate) const SHOP: &str = "shop-0f1e2d3c4b5a69788796a5b4c3d2e1f0";
/// The secret of the token `crm`.
pub(crate) const CRM: &str = "crm-00112233445566778899aabbccddeeff";

/// An answer to a request.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}

/// Sends a request from an address.
pub(crate) async fn send(
    town: &Town,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Answer, Fails> {
    from(town, [192, 0, 2, 1], (method, path), headers, body).await
}

pub(crate) async fn from(
    town: &Town,
    ip: [u8; 4],
    (method, path): (Method, &str),
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Answer, Fails> {
    let public_url = town.node.ctx.plan().settings.public_url.clone();
    let mut request = Request::builder().method(method).uri(path.strip_prefix(&public_url).unwrap_or(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.extension(ConnectInfo(SocketAddr::from((ip, 40_000)))).body(Body::from(body.to_vec()))?;
    let response = router(town.node.site.clone()).oneshot(request).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = String::from_utf8_lossy(&to_bytes(response.into_body(), 4 << 20).await?).into_owned();
    Ok(Answer { status, headers, body })
}

/// Calls the API under a token, with an idempotency key if it is not empty.
pub(crate) async fn call(town: &Town, path: &str, secret: &str, key: &str, body: &str) -> Result<Answer, Fails> {
    let bearer = format!("Bearer {secret}");
    let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
    if !key.is_empty() {
        headers.push(("idempotency-key", key));
    }
    send(town, Method::POST, path, &headers, body.as_bytes()).await
}

/// Changes the plan in force.
pub(crate) fn replan(town: &Town, how: impl FnOnce(&mut Plan)) -> Result<(), Fails> {
    let mut plan = Plan::clone(&town.node.ctx.plan());
    how(&mut plan);
    Ok(town.node.ctx.replace_plan(plan)?)
}

/// Opens the API to `shop`, which may report forms and events, and to `crm`, which may log touches for marta and add prospects.
pub(crate) fn open_api(town: &Town) -> Result<(), Fails> {
    let token = |holder: &str, secret: &str, rights: &[Right], people: &[&str]| {
        let by = OnBehalf::Of(people.iter().map(|person| name(person)).collect());
        ApiToken::new(Some(name(holder)), rights.iter().copied().collect(), by, hash(secret))
    };
    replan(town, |plan| {
        plan.settings.http.tokens = vec![
            token("shop", SHOP, &[Right::Signals, Right::Forms, Right::Confirmed], &[]),
            token("crm", CRM, &[Right::Touches, Right::Prospects, Right::Forms, Right::Confirmed], &["marta"]),
        ];
    })
}

/// Every signal of a prospect, oldest first.
pub(crate) async fn signals_of(town: &Town, of: &Address) -> Result<Vec<Signal>, Fails> {
    let mut tx = town.node.ctx.store().read().await?;
    let ids: Vec<_> = prospects::by_address(&mut tx, &[of]).await?.into_values().collect();
    Ok(signals::of(&mut tx, &ids).await?.into_values().flatten().collect())
}
