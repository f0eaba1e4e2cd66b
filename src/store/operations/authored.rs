//! Erasure of what a person wrote that is recorded of others: the signal's words, the letter that passed them on, and what a handoff
//! cites of them.

use super::erasures::{Erased, letter_about};
use crate::domain::address::Address;
use crate::domain::criterion::PerCriterion;
use crate::domain::doorway::qualification::Finding;
use crate::domain::doorway::signal::Detail;
use crate::domain::id::{QualificationId, fingerprint};
use crate::store::doorway::assessment_queue;
use crate::store::doorway::signal_authors::{self, Authored};
use crate::store::engine::backend::{InRow, StoreError, Tx, args};
use crate::store::engine::value::{from_json, to_json};
use jiff::Timestamp;

const SIGNAL: &str = "UPDATE signals SET detail = $2 WHERE id = $1";
/// One still waiting does not leave.
const LETTERS: &str = "
    UPDATE letters SET message = $3, reply = 'erased', owner = NULL, leased_until = NULL,
           failed_at = CASE WHEN sent_at IS NULL THEN COALESCE(failed_at, $2) ELSE failed_at END
    WHERE message_id LIKE $1";
const FINDINGS: &str = "SELECT id, findings FROM qualifications WHERE prospect_id = $1";
const SET_FINDINGS: &str = "UPDATE qualifications SET findings = $2 WHERE id = $1";

/// The beginning of the Message-ID of a letter that passes on what a stranger wrote on a day: by the day they are counted, by
/// the author erased.
pub fn letter_of_stranger(day: &str, author: &str) -> String {
    format!("{}{}-", letters_of_strangers(day), fingerprint(&[author]))
}

/// The beginning of the Message-IDs of all of a day.
pub fn letters_of_strangers(day: &str) -> String {
    format!("<stranger-{day}-")
}

/// Erases what somebody wrote that is recorded of others, or of nobody.
pub async fn by(tx: &mut Tx, author: &Address, now: Timestamp) -> Result<Erased, StoreError> {
    let mut erased = Erased::default();
    // Any day: ten characters.
    let strange = format!("{}%", letter_of_stranger("____-__-__", author.as_str()));
    erased.letters += tx.execute(LETTERS, args![strange, now, Vec::<u8>::new()]).await?;
    for authored in signal_authors::by(tx, author).await? {
        erased.signals += tx.execute(SIGNAL, args![authored.signal, to_json(&Detail::Erased)?]).await?;
        if let Some((_, key)) = authored.once.split_once(":mail:") {
            let about = format!("{}%{key}@%", letter_about(authored.prospect));
            erased.letters += tx.execute(LETTERS, args![about, now, Vec::<u8>::new()]).await?;
        }
        uncite(tx, &authored).await?;
        assessment_queue::enqueue(tx, [(authored.prospect, now)]).await?;
    }
    signal_authors::remove_by(tx, author).await?;
    Ok(erased)
}

/// Takes the words out of what cites the signal.
async fn uncite(tx: &mut Tx, authored: &Authored) -> Result<(), StoreError> {
    for (id, findings) in tx.rows::<(i64, String)>(FINDINGS, args![authored.prospect]).await? {
        let findings: PerCriterion<Finding> = from_json("findings", &findings).in_row("qualifications", id)?;
        if !findings.iter().any(|(_, finding)| finding.cites.iter().any(|cite| cite.signal == authored.signal)) {
            continue;
        }
        let bare = PerCriterion::build(|criterion| {
            let mut finding = findings[criterion].clone();
            let theirs = finding.cites.iter_mut().filter(|cite| cite.signal == authored.signal);
            theirs.for_each(|cite| cite.words = Detail::Erased.words());
            finding
        });
        tx.execute_one(SET_FINDINGS, args![QualificationId(id), to_json(&bare)?]).await?;
    }
    Ok(())
}
