//! `ask_to_confirm`: an address that a form names is asked whether it was filled in there; one to which a prospect asked to be written,
//! whether newsletters are to go there.
//!
//! The mail holds nothing that a visitor typed: with it, anybody could have us carry their words to anybody. It is
//! bounded for each address and each domain (`domain::doorway::pending_form`); what exceeds the bounds waits without a mail.

use super::new_address;
use crate::domain::address::Address;
use crate::domain::doorway::pending_form::{Asking, PendingForm};
use crate::domain::group::campaign::Sender;
use crate::domain::id::PendingFormId;
use crate::domain::individual::letter::LetterKind;
use crate::domain::plan::Plan;
use crate::domain::suppression::Channel;
use crate::flow::context::{Context, FlowError, Progress};
use crate::mail::letter::{self as mime, Headers};
use crate::mail::token::{Kind, Signer, Token};
use crate::store::doorway::pending_forms;
use crate::store::engine::backend::Tx;
use crate::store::individual::letters::{self, NewLetter};
use crate::store::people::suppressions;
use crate::text::confirmation::{self, AskToConfirm};
use crate::text::letter::Letter;
use crate::text::template::TextError;
use jiff::Timestamp;

/// How many forms one transaction decides.
const PAGE: i64 = 50;

/// Decides of the next forms whether their addresses are asked, and writes the mails.
pub async fn ask_to_confirm(ctx: &Context) -> Result<Progress, FlowError> {
    let mut read = ctx.store().read().await?;
    let is_due = pending_forms::is_due(&mut read).await?;
    drop(read);
    if !is_due {
        return Ok(Progress::Idle);
    }
    let (plan, now) = (ctx.plan(), ctx.now());
    let mut tx = ctx.store().write().await?;
    for form in pending_forms::due(&mut tx, PAGE).await? {
        let asking = asking(&mut tx, &plan, &form, now).await?;
        let message_id = message_id(&plan, form.id);
        if asking == Asking::Sent {
            post(ctx, &mut tx, &plan, &form, &message_id, now).await?;
        }
        let sent = (asking == Asking::Sent).then_some(message_id.as_str());
        pending_forms::decide(&mut tx, form.id, asking, sent, now).await?;
    }
    tx.commit().await?;
    ctx.wake();
    Ok(Progress::Done)
}

async fn asking(tx: &mut Tx, plan: &Plan, form: &PendingForm, now: Timestamp) -> Result<Asking, FlowError> {
    let stops = suppressions::of(tx, &[&form.address]).await?;
    if plan.is_own(&form.address) || !form.address.is_public() || stops.iter().any(|stop| stop.channel == Channel::Email) {
        return Ok(Asking::Never);
    }
    let before = pending_forms::asked_before(tx, &form.address, now).await?;
    let most = plan.settings.confirmations_per_domain;
    Ok(if before.may_ask(most) { Asking::Sent } else { Asking::Held })
}

async fn post(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    form: &PendingForm,
    message_id: &str,
    now: Timestamp,
) -> Result<(), FlowError> {
    let organisation = &plan.settings.organisation;
    let url = url(ctx.signer(), plan, form);
    let letter = if form.is_new_address() { new_address::question(plan, form, url) } else { question(plan, form, url) };
    let letter = letter.map_err(|e| FlowError::Unable(format!("write to an address: {e}")))?;
    let from = Sender { name: organisation.name.clone(), address: plan.settings.smtp.return_path.clone() };
    let (kind, to) = (LetterKind::Confirmation, ("", &form.address));
    let headers = Headers { kind, from: &from, to, reply_to: None, message_id, in_reply_to: None, date: now };
    let message =
        mime::message(&letter, &headers).map_err(|e| FlowError::Unable(format!("make a mail that asks an address: {e}")))?;
    let recipient: &Address = &form.address;
    letters::add(tx, NewLetter { kind, handoff: None, recipient, message_id, message, not_before: now }).await?;
    Ok(())
}

/// The mail that asks whether a form was filled in there.
fn question(plan: &Plan, form: &PendingForm, url: String) -> Result<Letter, TextError> {
    let organisation = &plan.settings.organisation;
    confirmation::ask(&AskToConfirm {
        organisation: organisation.name.clone(),
        postal_address: organisation.postal_address.lines().map(|line| line.trim().to_owned()).collect(),
        form: form.form.to_string(),
        page: plan.forms.get(&form.form).and_then(|settings| settings.page.clone()),
        asked_at: form.asked_at,
        expires_at: form.expires_at,
        url,
        zone: plan.roster.office.zone().clone(),
        language: organisation.language(),
    })
}

/// The link that confirms a form.
fn url(signer: &Signer, plan: &Plan, form: &PendingForm) -> String {
    let recipient = signer.recipient(None, form.address.as_str());
    let token = signer.text(Token { kind: Kind::Confirmation, id: form.id.0, ordinal: form.mark(), recipient }, "");
    format!("{}/k/{token}", plan.settings.public_url)
}

fn message_id(plan: &Plan, id: PendingFormId) -> String {
    format!("<confirmation-{id}@{}>", plan.settings.smtp.return_path.domain())
}
