//! `POST /hooks/{ses,sendgrid,postmark,mailgun,brevo}`: a mail provider reports what became of our mails. A call that is not proven to be
//! the provider's says nothing; of one that is, each report is recorded once. Nothing of a report is logged.

use super::error::ApiError;
use super::limits::Whose;
use super::login::WRONG;
use super::site::Site;
use super::visitor::Visitor;
use crate::domain::hook::{Hook, Proof, Provider, Topic};
use crate::flow::doorway::provider_event::{Counted, Taken, record};
use crate::inbox::hook::event::{Event, Unread};
use crate::inbox::hook::proof::is_authorised;
use crate::inbox::hook::sns::{SnsMessage, SnsType};
use crate::inbox::hook::{brevo, mailgun, postmark, sendgrid, ses};
use crate::store::doorway::api_keys::ApiKey;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

/// Takes a call.
pub async fn take(
    State(site): State<Site>,
    Path(provider): Path<String>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let closed = || ApiError::new(StatusCode::NOT_FOUND, "no [[hook]] of this provider is configured");
    let provider = Provider::parse(&provider).ok_or_else(closed)?;
    let plan = site.ctx.plan();
    let hooks: Vec<&Hook> = plan.settings.hooks.iter().filter(|hook| hook.provider == provider).collect();
    if hooks.is_empty() {
        return Err(closed());
    }
    // Where a call may come from is looked at first: nothing is parsed or fetched for anybody else.
    let Some(call) = hooks.iter().filter(|hook| visitor.is_from(&hook.from)).find_map(|hook| prove(&site, hook, &headers, &body))
    else {
        return Err(unproven(&site, &visitor));
    };
    let (proof, events) = match call {
        Call::Proven(proof, events) => (proof, events),
        Call::Sns(message, topic) => match sns(&site, &visitor, &message, topic).await? {
            Some(events) => (None, Ok(events)),
            None => return Ok(Json(Counted::default()).into_response()),
        },
    };
    let events = events.map_err(|unread| ApiError::new(StatusCode::BAD_REQUEST, unread.to_string()))?;
    match record(&site.ctx, provider, proof.as_ref(), &events).await? {
        Taken::Counted(counted) => Ok(Json(counted).into_response()),
        Taken::Replayed => {
            Err(ApiError::new(StatusCode::NOT_ACCEPTABLE, "another body came under this token before; nothing was recorded"))
        }
    }
}

/// A call as far as it is proven.
enum Call<'a> {
    /// It is the provider's; with what its proof may be used for once.
    Proven(Option<ApiKey>, Result<Vec<Event>, Unread>),
    /// It is about a topic of ours; the certificate has still to be looked at.
    Sns(Box<SnsMessage>, &'a Topic),
}

fn prove<'a>(site: &Site, hook: &'a Hook, headers: &HeaderMap, body: &[u8]) -> Option<Call<'a>> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match &hook.proof {
        Proof::Topic(topic) => {
            let message: SnsMessage = serde_json::from_slice(body).ok()?;
            message.is_of(topic).then(|| Call::Sns(Box::new(message), topic))
        }
        Proof::PublicKey(key) => {
            let (signature, timestamp) = (header(sendgrid::SIGNATURE)?, header(sendgrid::TIMESTAMP)?);
            sendgrid::is_signed(key, timestamp, signature, body).then(|| Call::Proven(None, sendgrid::read(body)))
        }
        Proof::Signing(key) => {
            let token = mailgun::proven(key.expose_secret().as_bytes(), body, site.ctx.now())?;
            // No name of a token of the API holds a colon.
            let hash = HEXLOWER.encode(&Sha256::digest(body));
            Some(Call::Proven(Some(ApiKey { token: "hook:mailgun".to_owned(), key: token, body: hash }), mailgun::read(body)))
        }
        Proof::Secret(hash) => is_authorised(header(header::AUTHORIZATION.as_str()), hash).then(|| {
            Call::Proven(None, if hook.provider == Provider::Postmark { postmark::read(body) } else { brevo::read(body) })
        }),
    }
}

/// The reports in a message of SNS, once its signature is verified; none where it only confirms a subscription.
async fn sns(site: &Site, visitor: &Visitor, message: &SnsMessage, topic: &Topic) -> Result<Option<Vec<Event>>, ApiError> {
    let Some((kind, path)) = message.kind().zip(message.certificate_path(topic)) else { return Err(unproven(site, visitor)) };
    let pem = if let Some(pem) = site.sns.known(topic, path) {
        pem
    } else {
        // What is fetched for strangers is bounded as their wrong tokens are.
        site.limits.take(Whose::Logins(visitor.household), WRONG, site.ctx.clock().steady()).map_err(ApiError::too_many)?;
        site.sns.fetch(topic, path).await.map_err(|_| unreachable_now())?
    };
    if !message.is_signed_by(&pem) {
        return Err(unproven(site, visitor));
    }
    match kind {
        SnsType::Notification => {
            let unread = |unread: Unread| ApiError::new(StatusCode::BAD_REQUEST, unread.to_string());
            ses::read(&message.message, &message.id).map(Some).map_err(unread)
        }
        SnsType::Subscription => {
            let path = message.subscribe_path(topic).ok_or_else(|| unproven(site, visitor))?;
            site.sns.confirm(topic, path).await.map_err(|_| unreachable_now())?;
            tracing::info!("the subscription to the topic of [[hook]] is confirmed");
            Ok(None)
        }
        SnsType::Unsubscription => Ok(None),
    }
}

fn unreachable_now() -> ApiError {
    tracing::warn!("Amazon SNS is out of reach: a report waits until it is sent again");
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the certificate could not be fetched; send it again")
}

/// A call without a proof: counted as a wrong token is, and answered alike whatever is wrong with it.
fn unproven(site: &Site, visitor: &Visitor) -> ApiError {
    match site.limits.take(Whose::Logins(visitor.household), WRONG, site.ctx.clock().steady()) {
        Ok(()) => ApiError::new(StatusCode::UNAUTHORIZED, "this call is not proven to be the provider's"),
        Err(wait) => ApiError::too_many(wait),
    }
}
