//! Whose word a mail is. A token shows that its author had a mail of ours before them, and not that they are whom it went to:
//! mails are passed on. So the author's address must be the prospect's too.

use crate::domain::doorway::sender::Sender;
use crate::domain::plan::Plan;
use crate::flow::doorway::trace::Traced;
use crate::inbox::mail::authentication::{self, Authenticity};
use crate::inbox::mail::bounce::Returned;
use crate::mail::token::{Signer, Token};
use crate::store::engine::backend::{StoreError, Tx};
use crate::store::operations::erasures::NOBODY;
use crate::store::people::former_addresses;

/// What our own servers found out about the author of a mail.
pub fn authenticity(plan: &Plan, mail: &Returned) -> Authenticity {
    authentication::judge(&mail.identity.way, &plan.settings.trusted_sources, mail.identity.author.as_ref())
}

/// Whose word a mail is; `answers` is the genuine token it carries, and the mail of ours that the token is of.
pub async fn of(
    tx: &mut Tx,
    signer: &Signer,
    plan: &Plan,
    mail: &Returned,
    answers: Option<(Token, &Traced)>,
) -> Result<Sender, StoreError> {
    if authenticity(plan, mail) == Authenticity::Failed {
        return Ok(Sender::Forged);
    }
    let (Some((token, sent)), Some(author)) = (answers, &mail.identity.author) else { return Ok(Sender::Unverified) };
    // Of a person who was forgotten, the token alone knows the address.
    if signer.is_for(token.recipient, author.as_str()) {
        return Ok(Sender::Prospect);
    }
    let (mut theirs, mut former) = (vec![sent.address.clone()], Vec::new());
    if let Some(prospect) = sent.mail.prospect
        && let Some(person) = former_addresses::person(tx, prospect).await?
    {
        former = former_addresses::of(tx, person.id).await?;
        theirs.push(person.address);
    }
    theirs.retain(|address| address.as_str() != NOBODY);
    Ok(Sender::answering(author, &theirs, &former))
}
