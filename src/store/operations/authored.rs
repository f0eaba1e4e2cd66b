//! Erasure of what a person wrote that is recorded of others: the signal's words, the letter that passed them on, the enquiry made of
//! them, and what a handoff cites of them with the letters that say it.

use super::erasures::{CITED, ENQUIRIES_OF_SIGNAL, Erased, FINDINGS, erase_enquiries, erase_letters};
use super::erasures::{letter_about, letters_like, scrub_citations, wordless};
use crate::domain::address::Address;
use crate::domain::doorway::qualification::Citation;
use crate::domain::doorway::signal::Detail;
use crate::domain::id::fingerprint;
use crate::store::doorway::assessment_queue;
use crate::store::doorway::signal_authors;
use crate::store::engine::backend::{StoreError, Tx, args};
use crate::store::engine::value::to_json;
use jiff::Timestamp;

const SIGNAL: &str = "UPDATE signals SET detail = $2 WHERE id = $1";
/// A handoff letter tells what was said of the prospect before it, the request foremost.
const HANDOFF_LETTERS: &str = erase_letters!(
    "kind = 'handoff' AND message <> $3 AND handoff_id IN (SELECT id FROM handoffs WHERE prospect_id = $1)
     AND not_before >= (SELECT s.recorded_at FROM signals s WHERE s.id = $4)"
);

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
    erased.letters += letters_like(tx, &strange, now).await?;
    for authored in signal_authors::by(tx, author).await? {
        erased.signals += tx.execute(SIGNAL, args![authored.signal, to_json(&Detail::Erased)?]).await?;
        if let Some((_, key)) = authored.once.split_once(":mail:") {
            let about = format!("{}%{key}@%", letter_about(authored.prospect));
            erased.letters += letters_like(tx, &about, now).await?;
        }
        let (enquiries, told) = erase_enquiries(tx, ENQUIRIES_OF_SIGNAL, authored.signal.into(), now).await?;
        erased.enquiries += enquiries;
        erased.letters += told;
        let since = args![authored.prospect, now, Vec::<u8>::new(), authored.signal];
        erased.letters += tx.execute(HANDOFF_LETTERS, since).await?;
        // Colleagues of the prospect may have been offered with it too. The prospect keeps their name.
        let is_it = |cite: &Citation| cite.signal == authored.signal;
        for which in [FINDINGS, CITED] {
            erased.letters += scrub_citations(tx, which, authored.prospect, &is_it, wordless, now).await?;
        }
        assessment_queue::enqueue(tx, [(authored.prospect, now)]).await?;
    }
    signal_authors::remove_by(tx, author).await?;
    Ok(erased)
}
