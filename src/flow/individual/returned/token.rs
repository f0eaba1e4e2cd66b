//! The tokens of a mail that came back: in the return path or the reply address it was sent to, or in the Message-ID it answers.

use crate::domain::address::Address;
use crate::domain::plan::Plan;
use crate::inbox::mail::bounce::{Incoming, Returned};
use crate::mail::token::{Kind, Signer, Token};

/// The token that says which delivery a mail is about. A bounce goes to the return path; an answer carries the Message-ID it answers, or,
/// where a relay gave our mail another one, goes to the reply address.
pub fn genuine(signer: &Signer, plan: &Plan, mail: &Returned) -> Option<Token> {
    let smtp = &plan.settings.smtp;
    let path = read_address(signer, (Kind::ReturnPath, &smtp.return_path), &mail.recipients);
    let answered = || read_address(signer, (Kind::ReplyAddress, smtp.reply_address.as_ref()?), &mail.recipients);
    match (&mail.kind, path) {
        (Incoming::Bounce(_), None) => None,
        _ => path.or_else(|| read_id(signer, plan, &mail.message_ids)).or_else(answered),
    }
}

/// The token of a signed address of ours among these recipients.
fn read_address(signer: &Signer, (kind, ours): (Kind, &Address), recipients: &[String]) -> Option<Token> {
    recipients.iter().find_map(|recipient| {
        let (local, domain) = recipient.rsplit_once('@')?;
        let (name, token) = local.rsplit_once('+')?;
        let is_ours = domain.eq_ignore_ascii_case(ours.domain()) && name.eq_ignore_ascii_case(ours.local());
        is_ours.then(|| signer.read_in_address(kind, token)).flatten()
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
