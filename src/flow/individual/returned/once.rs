//! A mail is recorded once, whichever way it comes: piped, fetched from two mailboxes, sent on twice. What makes it the same is the mail
//! of ours it answers, its author and its words; and whether they are shown to be the author's: a forged copy that comes first takes
//! nothing from the genuine one.

use crate::domain::address::Address;
use crate::domain::id::fingerprint;
use crate::flow::doorway::trace::Traced;
use crate::inbox::mail::bounce::Returned;
use crate::store::doorway::{received_mails, signals};
use crate::store::engine::backend::{StoreError, Tx};
use jiff::Timestamp;

/// The key under which what a mail says is recorded, if it is not known yet. `is_shown`: whether it is shown to be its author's; `kind`
/// is that of its signal. The caller commits what it records with it, or nothing.
pub async fn first(
    tx: &mut Tx,
    mail: &Returned,
    (is_shown, sent): (bool, Option<&Traced>),
    kind: &str,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let identity = &mail.identity;
    let author = identity.author.as_ref().map_or(identity.named.as_str(), Address::as_str);
    // Without a token, the mails it names tell one thread from another.
    let answers = sent.map_or_else(|| mail.message_ids.join(" "), |sent| sent.mail.to_string());
    let of = |shown: bool| fingerprint(&["mail", if shown { "theirs" } else { "" }, &answers, author, &identity.body]);
    let same = of(is_shown);
    let known = received_mails::dates(tx, &same).await?;
    if known.iter().any(|dated_at| identity.is_of(*dated_at)) {
        return Ok(None);
    }
    let shown = if is_shown { Vec::new() } else { received_mails::dates(tx, &of(true)).await? };
    if shown.iter().any(|dated_at| identity.is_of(*dated_at)) {
        return Ok(None);
    }
    // What was recorded by its Message-ID, before mails were known by their words.
    if signals::is_recorded(tx, &format!("{kind}:mail:{}", fingerprint(&[&mail.id]))).await? {
        return Ok(None);
    }
    let number = i64::try_from(known.len()).unwrap_or(i64::MAX);
    let is_first = received_mails::add(tx, &same, number, identity.dated_at, now).await?;
    Ok(is_first.then(|| format!("{same}:{number}")))
}

/// Takes the note of a mail back that turned out to mean nothing.
pub async fn forget(tx: &mut Tx, key: &str) -> Result<(), StoreError> {
    let Some((fingerprint, number)) = key.rsplit_once(':').and_then(|(of, number)| Some((of, number.parse().ok()?))) else {
        return Ok(());
    };
    received_mails::remove(tx, fingerprint, number).await
}
