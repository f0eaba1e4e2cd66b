//! The tokens of a mail that came back: in the return path it was sent to, or in the Message-ID it answers.

use crate::domain::plan::Plan;
use crate::inbox::mail::bounce::{Incoming, Returned};
use crate::mail::token::{Kind, Signer, Token};

/// The token that says which delivery a mail is about. A bounce goes to the return path; an answer carries the Message-ID it answers.
pub fn genuine(signer: &Signer, plan: &Plan, mail: &Returned) -> Option<Token> {
    let path = read_path(signer, plan, &mail.recipients);
    match (&mail.kind, path) {
        (Incoming::Bounce(_), None) => None,
        _ => path.or_else(|| read_id(signer, plan, &mail.message_ids)),
    }
}

/// The token of a signed return path among these recipients.
fn read_path(signer: &Signer, plan: &Plan, recipients: &[String]) -> Option<Token> {
    let ours = &plan.settings.smtp.return_path;
    recipients.iter().find_map(|recipient| {
        let (local, domain) = recipient.rsplit_once('@')?;
        let (name, token) = local.rsplit_once('+')?;
        let is_ours = domain.eq_ignore_ascii_case(ours.domain()) && name.eq_ignore_ascii_case(ours.local());
        signer.read_return_path(token).filter(|_| is_ours)
    })
}

/// The token of a signed Message-ID among these ids.
fn read_id(signer: &Signer, plan: &Plan, ids: &[String]) -> Option<Token> {
    let ours = plan.settings.smtp.return_path.domain();
    ids.iter().find_map(|id| {
        let (token, domain) = id.rsplit_once('@')?;
        signer.read(Kind::MessageId, token, "").filter(|_| domain.eq_ignore_ascii_case(ours))
    })
}
