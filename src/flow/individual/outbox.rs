//! The outbox: a letter to a colleague is written in the transaction that caused it. `correspond` sends it.

use crate::domain::group::campaign::Sender;
use crate::domain::id::{HandoffId, Name};
use crate::domain::individual::letter::LetterKind;
use crate::domain::plan::Plan;
use crate::flow::context::FlowError;
use crate::mail::letter::{self as mime, Headers};
use crate::store::engine::backend::Tx;
use crate::store::individual::letters::{self, NewLetter};
use crate::text::letter::Letter;
use jiff::Timestamp;

/// The headers and kind of a letter.
#[derive(Debug)]
pub struct Envelope<'a> {
    pub kind: LetterKind,
    pub handoff: Option<HandoffId>,
    pub to: &'a Name,
    /// The address an answer goes to; the sender's, if absent.
    pub reply_to: Option<&'a Sender>,
    /// Its Message-ID, which makes it one letter however often it is written.
    pub message_id: &'a str,
    /// The Message-ID it threads under.
    pub thread: Option<&'a str>,
    pub not_before: Timestamp,
}

/// Writes a letter into the outbox.
///
/// # Errors
/// The store's; when the reader left the roster; when the letter does not fit a mail.
pub async fn post(tx: &mut Tx, plan: &Plan, letter: &Letter, envelope: &Envelope<'_>, now: Timestamp) -> Result<(), FlowError> {
    let to = envelope.to;
    let (name, recipient) = plan.roster.person(to).ok_or_else(|| FlowError::Missing(format!("{to} in salespeople.toml")))?;
    let settings = &plan.settings;
    let from = Sender { name: format!("{} nurtured", settings.organisation.name), address: settings.smtp.return_path.clone() };
    let Envelope { kind, handoff, reply_to, message_id, thread, not_before, .. } = *envelope;
    let headers = Headers { kind, from: &from, to: (name, recipient), reply_to, message_id, in_reply_to: thread, date: now };
    let message = mime::message(letter, &headers).map_err(|e| FlowError::Unable(format!("make a letter to {to}: {e}")))?;
    letters::add(tx, NewLetter { kind, handoff, recipient, message_id, message, not_before }).await?;
    Ok(())
}
