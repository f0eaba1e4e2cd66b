//! Erasure: what identifies a person leaves every table, and what counts stays. The statements stand together here
//! because together they are the promise; each table's own file never edits what it once appended.

use crate::domain::address::Address;
use crate::domain::criterion::PerCriterion;
use crate::domain::doorway::qualification::{Citation, Finding};
use crate::domain::doorway::signal::Detail;
use crate::domain::id::{EnquiryId, EnquiryListId, ProspectId, QualificationId};
use crate::domain::suppression::{Channel, StopReason};
use crate::store::engine::backend::{InRow, StoreError, Tx, Value, args};
use crate::store::engine::value::{address, from_json, texts, to_json};
use crate::store::people::suppressions::{self, Stop};
use crate::store::people::{erasure_keys, external_ids, former_addresses, preferences};
use jiff::Timestamp;

/// What stands in a delivery's row instead of an erased address; RFC 2606 reserves its domain.
pub const NOBODY: &str = "erased@invalid.invalid";

/// How much was erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Erased {
    /// Signals whose words are gone.
    pub signals: u64,
    /// Deliveries whose address is gone.
    pub deliveries: u64,
    /// Letters about them whose bytes are gone.
    pub letters: u64,
    /// Enquiries whose words are gone.
    pub enquiries: u64,
    /// Forms that their address had not confirmed.
    pub forms: u64,
    /// Mails that nothing recognised, or that could not be read.
    pub mails: u64,
}

impl std::ops::AddAssign for Erased {
    fn add_assign(&mut self, more: Self) {
        self.signals += more.signals;
        self.deliveries += more.deliveries;
        self.letters += more.letters;
        self.enquiries += more.enquiries;
        self.forms += more.forms;
        self.mails += more.mails;
    }
}

const ADDRESS: &str = "SELECT address FROM prospects WHERE id = $1";
const MERGED: &str = "SELECT prospect_id FROM merged_prospects WHERE into_id = $1 ORDER BY prospect_id";
const HASH: &str = "
    UPDATE suppressions SET address = $2, source = 'erased'
    WHERE address = $1 AND (lifted_at IS NOT NULL OR NOT EXISTS (SELECT 1 FROM suppressions o
        WHERE o.address = $2 AND o.channel = suppressions.channel AND o.lifted_at IS NULL))";
/// An address that was erased, listed again and stopped again: the stop in force is the one under the hash.
const FOLD: &str = "UPDATE suppressions SET address = $2, source = 'erased', lifted_at = $3 WHERE address = $1";
const SIGNALS: &str = "UPDATE signals SET detail = $2 WHERE prospect_id = $1";
/// The keys that other systems chose for what they reported may hold anything.
const CHOSEN_KEYS: &str = "
    DELETE FROM api_keys WHERE EXISTS (
        SELECT 1 FROM signals s WHERE s.prospect_id = $1
          AND s.once = CASE WHEN api_keys.token = '' THEN 'api:' ELSE 'token:' || api_keys.token || ':' END || api_keys.idempotency_key)";
const CHOSEN_ONCE: &str =
    "UPDATE signals SET once = 'erased:' || id WHERE prospect_id = $1 AND (once LIKE 'api:%' OR once LIKE 'token:%')";
const DELIVERIES: &str = "UPDATE deliveries SET address = $2 WHERE prospect_id = $1";
/// Relays repeat the address in what they say.
const ATTEMPTS: &str = "
    UPDATE attempts SET reply = 'erased'
    WHERE reply IS NOT NULL AND delivery_id IN (SELECT id FROM deliveries WHERE prospect_id = $1)";
const REFUSALS: &str =
    "UPDATE refusals SET alike = 'erased' WHERE delivery_id IN (SELECT id FROM deliveries WHERE prospect_id = $1)";
const EVENTS: &str = "UPDATE handoff_events SET note = '' WHERE handoff_id IN (SELECT id FROM handoffs WHERE prospect_id = $1)";
const FOLLOW_UPS: &str = "UPDATE follow_ups SET action = 'erased', done_at = COALESCE(done_at, $2) WHERE prospect_id = $1";
/// Letters go to our own people; what they say of the prospect is in their bytes. One still waiting does not leave.
macro_rules! erase_letters {
    ($which:literal) => {
        concat!(
            "UPDATE letters SET message = $3, reply = 'erased', owner = NULL, leased_until = NULL,
                    failed_at = CASE WHEN sent_at IS NULL THEN COALESCE(failed_at, $2) ELSE failed_at END
             WHERE ",
            $which
        )
    };
}
pub(super) use erase_letters;
const LETTERS: &str = erase_letters!("handoff_id IN (SELECT id FROM handoffs WHERE prospect_id = $1) OR message_id LIKE $4");
const CITING_LETTERS: &str = erase_letters!("handoff_id IN (SELECT id FROM handoffs WHERE qualification_id = $1)");
/// The row stays, so that counts still reconcile; one still open has ended.
macro_rules! erase_enquiries {
    ($which:literal) => {
        concat!(
            "UPDATE enquiries SET said = '{}', address = NULL, once = 'erased:' || id, expires_at = NULL,
                    settled_at = COALESCE(settled_at, $2), settled_how = COALESCE(settled_how, 'expired')
             WHERE once <> 'erased:' || id AND ",
            $which,
            " RETURNING id, told_at"
        )
    };
}
const ENQUIRIES: &str = erase_enquiries!("prospect_id = $1");
const ENQUIRIES_FROM: &str = erase_enquiries!("address = $1");
const ENQUIRY: &str = erase_enquiries!("id = $1");
const EXPIRED_ENQUIRIES: &str =
    erase_enquiries!("id IN (SELECT e.id FROM enquiries e WHERE e.expires_at <= $1 ORDER BY e.expires_at, e.id LIMIT 500)");
pub(super) const ENQUIRIES_OF_SIGNAL: &str = erase_enquiries!("signal_id = $1");
const FORGOTTEN_OF_LIST: &str = erase_enquiries!("list_id = $1 AND cause = 'forgotten' AND prospect_id IS NULL");
const LETTERS_LIKE: &str = erase_letters!("message_id LIKE $1");
/// What goes to people themselves names them as its recipient too.
macro_rules! erase_mails {
    ($which:literal) => {
        concat!(
            "UPDATE letters SET message = $2, recipient = $3, reply = NULL, owner = NULL, leased_until = NULL,
                    failed_at = CASE WHEN sent_at IS NULL THEN COALESCE(failed_at, $4) ELSE failed_at END
             WHERE ",
            $which
        )
    };
}
/// The mails that asked an address go with its form, which names them.
const ASKING: &str = erase_mails!("message_id IN (SELECT value ->> 'text' FROM json_each($1))");
const STOPPED: &str = erase_mails!("message_id LIKE $1");
const FORMS_OF: &str = "DELETE FROM pending_forms WHERE address = $1 RETURNING message_id";
const FORMS_OF_PROSPECT: &str = "DELETE FROM pending_forms WHERE prospect_id = $1 RETURNING message_id";
const HAVE_EXPIRED: &str = "SELECT COUNT(*) FROM (SELECT e.id FROM pending_forms e WHERE e.expires_at <= $1 LIMIT 1) expired";
const EXPIRED_FORMS: &str = "
    DELETE FROM pending_forms
    WHERE id IN (SELECT e.id FROM pending_forms e WHERE e.expires_at <= $1 ORDER BY e.id LIMIT 1000)
    RETURNING message_id";
pub(super) const FINDINGS: &str = "SELECT id, findings FROM qualifications WHERE prospect_id = $1";
/// What colleagues were offered with may cite them, also those who were colleagues once. A finding names whom it cites as
/// `"of":{"prospect":7,…`.
pub(super) const CITED: &str = "
    SELECT q.id, q.findings FROM qualifications q
    WHERE q.prospect_id <> $1 AND q.findings LIKE '%\"of\":{\"prospect\":' || CAST($1 AS TEXT) || ',%'";
const RESET_FINDINGS: &str = "UPDATE qualifications SET findings = $2 WHERE id = $1";
const JUDGEMENTS: &str = "UPDATE reclassifications SET note = '' WHERE prospect_id = $1";
const SET_FINDINGS: &str = "UPDATE qualifications SET findings = $2, settled_at = COALESCE(settled_at, $3) WHERE id = $1";
const KNOWN_BY: &str = "SELECT name, phone FROM prospects WHERE id = $1";
/// A company of which nobody else is known says who they were.
const LEFT_ALONE: &str =
    "DELETE FROM accounts WHERE domain = $1 AND NOT EXISTS (SELECT 1 FROM prospects p WHERE p.account_id = accounts.id)";
/// The row stays, so that counts still reconcile.
const PERSON: &str = "
    UPDATE prospects SET address = NULL, name = NULL, phone = NULL, company = NULL, account_id = NULL, standing = 'suppressed',
           wake_at = NULL, review_after = NULL, mail_stop = 'erased', tracking_consent = FALSE
    WHERE id = $1";
const OF_PERSON: [&str; 9] = [
    "DELETE FROM hits WHERE signal_id IN (SELECT s.id FROM signals s WHERE s.prospect_id = $1)",
    "DELETE FROM verdicts WHERE prospect_id = $1",
    "DELETE FROM prospect_fields WHERE prospect_id = $1",
    "DELETE FROM prospect_tags WHERE prospect_id = $1",
    "DELETE FROM consents WHERE prospect_id = $1",
    "DELETE FROM assessment_queue WHERE prospect_id = $1",
    "DELETE FROM former_addresses WHERE prospect_id = $1",
    "DELETE FROM absences WHERE prospect_id = $1",
    "DELETE FROM preference_changes WHERE prospect_id = $1",
];

/// The beginning of the Message-ID of letters about a prospect that belong to no handoff.
pub fn letter_about(prospect: ProspectId) -> String {
    format!("<reply-{prospect}-")
}

/// The beginning of the Message-ID of the letter that tells of an enquiry.
pub fn letter_of_enquiry(enquiry: EnquiryId) -> String {
    format!("<enquiry-{enquiry}-")
}

/// The beginning of the Message-ID of the mail that confirms to a prospect that newsletters have stopped.
pub fn letter_of_wish(prospect: ProspectId) -> String {
    format!("<stopped-{prospect}-")
}

/// Erases the words of an enquiry, who asked, and the letter about it.
pub async fn enquiry(tx: &mut Tx, id: EnquiryId, now: Timestamp) -> Result<(), StoreError> {
    erase_enquiries(tx, ENQUIRY, id.into(), now).await.map(drop)
}

/// Erases the enquiries of an address that no prospect has.
pub async fn enquiries_from(tx: &mut Tx, address: &Address, now: Timestamp) -> Result<Erased, StoreError> {
    let (enquiries, letters) = erase_enquiries(tx, ENQUIRIES_FROM, address.into(), now).await?;
    Ok(Erased { letters, enquiries, ..Erased::default() })
}

/// Erases letters to our own people whose Message-ID is like this. Returns how many.
pub(super) async fn letters_like(tx: &mut Tx, message_id: &str, now: Timestamp) -> Result<u64, StoreError> {
    tx.execute(LETTERS_LIKE, args![message_id, now, Vec::<u8>::new()]).await
}

/// Erases enquiries whose time has run out, a page of them. Returns how many.
pub async fn expired_enquiries(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    Ok(erase_enquiries(tx, EXPIRED_ENQUIRIES, now.into(), now).await?.0)
}

/// Erases what forgotten people asked that stands on a list.
pub async fn forgotten_of_list(tx: &mut Tx, list: EnquiryListId, now: Timestamp) -> Result<(), StoreError> {
    erase_enquiries(tx, FORGOTTEN_OF_LIST, list.into(), now).await.map(drop)
}

/// How many enquiries, and how many letters.
pub async fn erase_enquiries(tx: &mut Tx, which: &'static str, of: Value, now: Timestamp) -> Result<(u64, u64), StoreError> {
    let rows: Vec<(i64, Option<i64>)> = tx.rows(which, &[of, now.into()]).await?;
    let mut letters = 0;
    // Of one that stands on a list there is no letter.
    for (id, _) in rows.iter().filter(|(_, told_at)| told_at.is_some()) {
        let about = format!("{}%", letter_of_enquiry(EnquiryId(*id)));
        letters += letters_like(tx, &about, now).await?;
    }
    Ok((rows.len() as u64, letters))
}

/// Stops an address on every channel under its hash; suppressions it had keep their reason, under the hash too.
pub async fn stop(tx: &mut Tx, address: &Address, now: Timestamp) -> Result<(), StoreError> {
    let hash = erasure_keys::load_or_make(tx, now).await?.of(address);
    tx.execute(HASH, args![address, hash.clone()]).await?;
    tx.execute(FOLD, args![address, hash.clone(), now]).await?;
    tx.notes().erase(address.to_string(), hash.clone());
    let stop = |channel| Stop { address: hash.clone(), channel, reason: StopReason::Erased, source: "erased".to_owned() };
    suppressions::add(tx, &[stop(Channel::Email), stop(Channel::Phone)], now).await.map(drop)
}

/// Every address of a prospect, former ones too.
pub async fn addresses(tx: &mut Tx, prospect: ProspectId) -> Result<Vec<Address>, StoreError> {
    let own: Option<(Option<String>,)> = tx.row(ADDRESS, args![prospect]).await?;
    let own = own.and_then(|(text,)| text).map(|text| address(&text).in_row("prospects", prospect)).transpose()?;
    Ok(own.into_iter().chain(former_addresses::of(tx, prospect).await?).collect())
}

/// The rows that were merged into a prospect's.
pub async fn merged_into(tx: &mut Tx, prospect: ProspectId) -> Result<Vec<ProspectId>, StoreError> {
    let rows: Vec<(i64,)> = tx.rows(MERGED, args![prospect]).await?;
    Ok(rows.into_iter().map(|(id,)| ProspectId(id)).collect())
}

/// Erases what the record says of a prospect: words, addresses and letters. Rows, kinds and instants stay.
pub async fn scrub(tx: &mut Tx, prospect: ProspectId, now: Timestamp) -> Result<Erased, StoreError> {
    let signals = tx.execute(SIGNALS, args![prospect, to_json(&Detail::Erased)?]).await?;
    tx.execute(CHOSEN_KEYS, args![prospect]).await?;
    tx.execute(CHOSEN_ONCE, args![prospect]).await?;
    let deliveries = tx.execute(DELIVERIES, args![prospect, NOBODY]).await?;
    tx.execute(ATTEMPTS, args![prospect]).await?;
    tx.execute(REFUSALS, args![prospect]).await?;
    tx.execute(EVENTS, args![prospect]).await?;
    tx.execute(FOLLOW_UPS, args![prospect, now]).await?;
    let letters = tx.execute(LETTERS, args![prospect, now, Vec::<u8>::new(), format!("{}%", letter_about(prospect))]).await?;
    tx.execute(STOPPED, args![format!("{}%", letter_of_wish(prospect)), Vec::<u8>::new(), NOBODY, now]).await?;
    for (id, findings) in tx.rows::<(i64, String)>(FINDINGS, args![prospect]).await? {
        let findings: PerCriterion<Finding> = from_json("findings", &findings).in_row("qualifications", id)?;
        let bare = PerCriterion::build(|criterion| without_words(findings[criterion].clone()));
        tx.execute_one(SET_FINDINGS, args![QualificationId(id), to_json(&bare)?, now]).await?;
    }
    tx.execute(JUDGEMENTS, args![prospect]).await?;
    let (enquiries, told) = erase_enquiries(tx, ENQUIRIES, prospect.into(), now).await?;
    let is_theirs = |c: &Citation| c.of.as_ref().is_some_and(|of| of.prospect == prospect);
    let letters = letters + told + scrub_citations(tx, CITED, prospect, &is_theirs, bare, now).await?;
    // Also the addresses to which they asked to be written.
    let forms = erase_forms(tx, FORMS_OF_PROSPECT, prospect.into(), now).await?;
    Ok(Erased { signals, deliveries, letters, enquiries, forms, mails: 0 })
}

/// Erases the forms about an address that it has not answered for, and the mails that asked it. Returns how many forms.
pub async fn pending_forms(tx: &mut Tx, address: &Address, now: Timestamp) -> Result<u64, StoreError> {
    erase_forms(tx, FORMS_OF, address.into(), now).await
}

/// The forms go first, and say which mails go with them: another node may write one until then.
async fn erase_forms(tx: &mut Tx, which: &'static str, of: Value, now: Timestamp) -> Result<u64, StoreError> {
    let rows: Vec<(Option<String>,)> = tx.rows(which, &[of]).await?;
    let mails = texts(rows.iter().filter_map(|(message_id,)| message_id.as_deref()))?;
    tx.execute(ASKING, args![mails, Vec::<u8>::new(), NOBODY, now]).await?;
    Ok(rows.len() as u64)
}

/// What a prospect may be found by in words that others wrote, and in pages of the file: addresses, telephone, the name if it is more
/// than one word, and long ids elsewhere. "Maria" and "10042" are said of others too.
pub async fn known_by(tx: &mut Tx, prospect: ProspectId) -> Result<Vec<String>, StoreError> {
    let own: Option<(Option<String>, Option<String>)> = tx.row(KNOWN_BY, args![prospect]).await?;
    let (name, phone) = own.unwrap_or_default();
    let addresses = addresses(tx, prospect).await?.into_iter().map(|address| address.to_string());
    let elsewhere = external_ids::of(tx, prospect).await?.into_iter().map(|id| id.id).filter(|id| id.chars().count() >= 8);
    let name = name.filter(|name| name.split_whitespace().nth(1).is_some());
    // A colleague writes a number without the spaces, or without the country. A short one is an extension.
    let digits: String = phone.iter().flat_map(|phone| phone.chars()).filter(char::is_ascii_digit).collect();
    let national = digits.get(digits.len().saturating_sub(9)..).filter(|digits| digits.len() > 6).map(str::to_owned);
    let phone = phone.filter(|_| national.is_some());
    let all = addresses.chain([name, phone, national].into_iter().flatten()).chain(elsewhere);
    // What is shorter is found everywhere, and means nobody.
    Ok(all.filter(|word| word.chars().count() >= 5 && !"erased".contains(&word.to_lowercase())).collect())
}

/// Whether the time of any form is over.
pub async fn have_expired(tx: &mut Tx, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.number(HAVE_EXPIRED, args![now]).await? > 0)
}

/// Erases a page of the forms whose time is over, and the mails that asked for them. Returns how many.
pub async fn expired_forms(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    erase_forms(tx, EXPIRED_FORMS, now.into(), now).await
}

/// Erases what identifies a person: details, fields, tags, consents, and what was derived about them. What other systems call
/// them is kept as hashes.
pub async fn person(tx: &mut Tx, prospect: ProspectId) -> Result<(), StoreError> {
    tx.execute_one(PERSON, args![prospect]).await?;
    let hashes = erasure_keys::load(tx).await?;
    external_ids::hide(tx, prospect, &hashes).await?;
    for part in OF_PERSON {
        tx.execute(part, args![prospect]).await?;
    }
    preferences::clear(tx, prospect).await
}

/// Removes the companies of these addresses, of an erased person, to which nobody else belongs.
pub async fn companies(tx: &mut Tx, addresses: &[Address]) -> Result<(), StoreError> {
    for domain in addresses.iter().filter_map(Address::company_domain) {
        tx.execute(LEFT_ALONE, args![domain]).await?;
    }
    Ok(())
}

/// Erases these citations in what this statement finds for a prospect, and the letters that said so.
pub(super) async fn scrub_citations(
    tx: &mut Tx,
    which: &'static str,
    prospect: ProspectId,
    is_meant: &(dyn Fn(&Citation) -> bool + Sync),
    erase: fn(&mut Citation),
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut letters = 0;
    for (id, findings) in tx.rows::<(i64, String)>(which, args![prospect]).await? {
        let findings: PerCriterion<Finding> = from_json("findings", &findings).in_row("qualifications", id)?;
        if !findings.iter().any(|(_, f)| f.cites.iter().any(is_meant)) {
            continue;
        }
        let bare = PerCriterion::build(|criterion| {
            let mut finding = findings[criterion].clone();
            finding.cites.iter_mut().filter(|c| is_meant(c)).for_each(erase);
            finding
        });
        tx.execute_one(RESET_FINDINGS, args![QualificationId(id), to_json(&bare)?]).await?;
        letters += tx.execute(CITING_LETTERS, args![QualificationId(id), now, Vec::<u8>::new()]).await?;
    }
    Ok(letters)
}

/// The verdict and what it cites, without what was said.
fn without_words(mut finding: Finding) -> Finding {
    finding.cites.iter_mut().for_each(bare);
    finding
}

pub(super) fn wordless(citation: &mut Citation) {
    citation.words = Detail::Erased.words();
}

fn bare(citation: &mut Citation) {
    wordless(citation);
    if let Some(of) = &mut citation.of {
        of.name = Detail::Erased.words();
    }
}
