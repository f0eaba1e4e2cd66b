//! What a web form must pass before it is a signal: limits, the stamp of a page that carries ours, an address that can be
//! somebody's; and what of it is kept.
//!
//! A stamp is a hidden field that `GET /f/NAME/stamp` gives. Only a form that carries one is held to a least time and to the
//! honeypot: any other page may well have a field of that name.

use super::error::WebError;
use super::limits::Whose;
use super::site::Site;
use super::visit::{LEAST, Stamp};
use super::visitor::Visitor;
use crate::domain::address::Address;
use crate::domain::doorway::form_fields;
use crate::domain::id::Name;
use crate::text::message::Message;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;

/// The hidden field that carries the stamp.
pub const STAMP: &str = "stamp";
/// The field that people do not see, and programs fill in.
pub const HONEYPOT: &str = "homepage_url";

/// Gives the stamp for a form that is shown now. Any page may ask for one.
pub async fn stamp(State(site): State<Site>, Path(name): Path<String>) -> Result<Response, WebError> {
    let name = Name::parse(&name).map_err(|_| WebError::UnknownLink)?;
    let stamp = Stamp::sign(site.ctx.signer(), &name, site.ctx.now());
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], stamp).into_response())
}

/// Refuses a visitor who sends too many forms, and a form that is sent too often, before it is parsed.
pub async fn limit(
    State(site): State<Site>,
    Path(name): Path<String>,
    visitor: Visitor,
    request: Request,
    next: Next,
) -> Response {
    let plan = site.ctx.plan();
    let limits = &plan.settings.http.door.limits;
    let now = site.ctx.clock().steady();
    let taken = site.limits.take(Whose::Visitor(visitor.household), limits.visitor, now).and_then(|()| {
        let name = Name::parse(&name).ok();
        name.map_or(Ok(()), |name| site.limits.take(Whose::Form(&name), limits.form, now))
    });
    match taken {
        Ok(()) => next.run(request).await,
        Err(wait) => WebError::TooMany(wait).into_response(),
    }
}

/// Checks a form that was read, and takes from its fields what is not kept.
///
/// # Errors
/// What the visitor can do about it.
pub fn check(site: &Site, form: &Name, address: &Address, fields: &mut BTreeMap<String, String>) -> Result<(), WebError> {
    let (plan, now) = (site.ctx.plan(), site.ctx.now());
    if let Some(stamp) = fields.remove(STAMP) {
        let trap = fields.remove(HONEYPOT).unwrap_or_default();
        match Stamp::read(site.ctx.signer(), form, &stamp, now) {
            Stamp::Forged => {
                return Err(told(Message::FormStampForged));
            }
            Stamp::Shown(at) if now.duration_since(at) < LEAST => {
                let wait = std::time::Duration::from_secs(LEAST.as_secs().unsigned_abs());
                return Err(WebError::TooMany(wait));
            }
            Stamp::Shown(_) | Stamp::Old => {}
        }
        if !trap.trim().is_empty() {
            return Err(told(Message::FormTrapped));
        }
    }
    if !address.is_public() || plan.is_own(address) {
        return Err(told(Message::FormAddressRefused));
    }
    let limit = plan.settings.http.door.limits.address;
    site.limits.take(Whose::Address(address), limit, site.ctx.clock().steady()).map_err(WebError::TooMany)?;
    form_fields::keep(&plan.qualifying, &plan.settings.fields, form, fields);
    Ok(())
}

fn told(message: Message) -> WebError {
    WebError::Told(StatusCode::UNPROCESSABLE_ENTITY, message)
}
