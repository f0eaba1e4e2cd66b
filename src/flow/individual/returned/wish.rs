//! wish: somebody who gets our newsletters asks for no more of them, in their own words or by the address of List-Unsubscribe.
//!
//! Only the words of whom the mail is known to be from stop anything: it answers a mail of ours, by a token we signed, from the
//! address that mail went to or the prospect has now. Anybody else's are passed on as a reply. That it was heard is confirmed to them
//! once, in their language; a mail to the address of List-Unsubscribe is a program's, and is confirmed by nothing.

use super::arrival::Arrival;
use super::pass_on::Words;
use crate::domain::address::Address;
use crate::domain::doorway::sender::Sender as Whose;
use crate::domain::doorway::signal::{Detail, NewSignal};
use crate::domain::group::campaign::Sender;
use crate::domain::id::{Name, ProspectId, fingerprint};
use crate::domain::individual::letter::LetterKind;
use crate::domain::language::Language;
use crate::domain::plan::Plan;
use crate::domain::prospect::Prospect;
use crate::domain::suppression::{Channel, StopReason};
use crate::flow::context::{Context, FlowError};
use crate::flow::doorway::observe::{self, Observed};
use crate::flow::doorway::trace::{Traced, trace};
use crate::flow::individual::dossier;
use crate::inbox::mail::bounce::Returned;
use crate::inbox::mail::ours::Ours;
use crate::inbox::mail::own_words::own_words;
use crate::inbox::mail::wish;
use crate::mail::letter::{self as mime, Headers};
use crate::mail::prepared::Prepared;
use crate::mail::token::Kind;
use crate::store::engine::backend::Tx;
use crate::store::group::issues::{self, Issue};
use crate::store::individual::letters::{self, NewLetter};
use crate::store::operations::erasures;
use crate::store::people::prospects;
use crate::store::people::suppressions;
use crate::text::stopped::{self, Stopped};
use crate::text::token::WIDTH;
use jiff::Timestamp;

/// The field of a prospect that holds their language.
const FIELD: &str = "language";

/// What a mail to the address of List-Unsubscribe did.
pub struct ByMail {
    pub prospect: Option<ProspectId>,
    pub new: bool,
}

/// Unsubscribes whoever's token stands in the subject of a mail to our return path, as a program or a person sends it that follows
/// the `mailto:` of List-Unsubscribe (RFC 2369, 3.2). Like the link, it needs no more than the token.
pub async fn by_mail(
    ctx: &Context,
    tx: &mut Tx,
    plan: &Plan,
    mail: &Returned,
    now: Timestamp,
) -> Result<Option<ByMail>, FlowError> {
    let ours = plan.settings.smtp.return_path.as_str();
    if !mail.recipients.iter().any(|recipient| recipient.eq_ignore_ascii_case(ours)) {
        return Ok(None);
    }
    let mut words = mail.subject.split_whitespace().filter(|word| word.len() == WIDTH);
    let Some(token) = words.find_map(|word| ctx.signer().read(Kind::Unsubscribe, word, "")) else { return Ok(None) };
    let Some(sent) = trace(tx, ctx.signer(), token).await?.filter(|sent| sent.mail.prospect.is_some()) else { return Ok(None) };
    let signal = NewSignal::unsubscribe(sent.mail, "mail to the address of List-Unsubscribe", now);
    let observed = observe::write(tx, plan, &[signal], now).await?;
    Ok(Some(ByMail { prospect: sent.mail.prospect, new: matches!(observed.first(), Some(Observed::New(_))) }))
}

/// The issue that a mail answers, if it is on record.
pub async fn answered(tx: &mut Tx, sent: Option<&Traced>) -> Result<Option<Issue>, FlowError> {
    match sent.and_then(|sent| sent.mail.issue) {
        Some(issue) => Ok(issues::load(tx, issue).await?),
        None => Ok(None),
    }
}

/// What they wrote themselves, without our issue, which we know.
pub fn words(mail: &Returned, issue: Option<&Issue>) -> String {
    own_words(&mail.authored.text, issue.and_then(ours).as_ref())
}

fn ours(issue: &Issue) -> Option<Ours> {
    let nobody = Address::parse("nobody@example.com").ok()?;
    let mut raw = Vec::new();
    Prepared::from_json(&issue.message).ok()?.fill(&nobody, "Thu, 01 Jan 1970 00:00:00 +0000", |_| [b'A'; WIDTH], &mut raw);
    Ours::of_mail(&raw)
}

/// That they asked for no more newsletters.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Whether it is confirmed to them.
    pub confirmed: bool,
}

/// Stops newsletters if they ask for it, and confirms it to them unless none was sent to them anyway.
pub async fn heed(
    tx: &mut Tx,
    plan: &Plan,
    arrival: &Arrival<'_>,
    (prospect, words): (&Prospect, Words<'_>),
    reader: &Name,
) -> Result<Option<Asked>, FlowError> {
    let Some((subject, text, sent)) = own(arrival, (prospect, words)) else { return Ok(None) };
    let Some(language) = wish::to_stop(subject.as_deref(), &text) else { return Ok(None) };
    let detail = Detail::Unsubscribe { how: "in their own words".to_owned() };
    let signal = NewSignal::by_mail(&arrival.key, Some(sent.mail), Some(prospect.id), detail, arrival.now);
    Ok(Some(stop(tx, plan, signal, (prospect, words.from), Language::parse(language), reader).await?))
}

/// Records that a prospect asked for no more newsletters, and confirms it to the address they wrote from.
pub async fn stop(
    tx: &mut Tx,
    plan: &Plan,
    signal: NewSignal,
    (prospect, from): (&Prospect, &Address),
    language: Option<Language>,
    reader: &Name,
) -> Result<Asked, FlowError> {
    let (before, now) = (has_stopped(tx, (prospect, from)).await?, signal.occurred_at);
    let key = fingerprint(&[&signal.once]);
    let observed = observe::write(tx, plan, &[signal], now).await?;
    let mut asked = Asked { confirmed: false };
    if !before && matches!(observed.first(), Some(Observed::New(_))) {
        let known = prospects::field(tx, prospect.id, FIELD).await?.as_deref().and_then(Language::parse);
        let language = known.or(language).unwrap_or_else(|| plan.settings.organisation.language());
        let message_id = format!("{}{key}@{}>", erasures::letter_of_wish(prospect.id), plan.settings.smtp.return_path.domain());
        confirm(tx, plan, (from, reader), language, &message_id, now).await?;
        asked.confirmed = true;
    }
    Ok(asked)
}

/// Whether it is open if they ask for no more newsletters: whoever reads the mail decides. Never of those who get none.
pub async fn is_open(tx: &mut Tx, arrival: &Arrival<'_>, (prospect, words): (&Prospect, Words<'_>)) -> Result<bool, FlowError> {
    let Some((subject, text, _)) = own(arrival, (prospect, words)) else { return Ok(false) };
    Ok(wish::is_doubtful(subject.as_deref(), &text) && !has_stopped(tx, (prospect, words.from)).await?)
}

async fn has_stopped(tx: &mut Tx, (prospect, from): (&Prospect, &Address)) -> Result<bool, FlowError> {
    let addresses: Vec<&Address> = [Some(from), prospect.address.as_ref()].into_iter().flatten().collect();
    let stops = suppressions::of(tx, &addresses).await?;
    Ok(stops.iter().any(|stop| stop.channel == Channel::Email && stop.reason != StopReason::Bounced))
}

/// Their own subject and text, and the mail of ours they answer; `None` unless it is the prospect who wrote.
fn own<'a>(arrival: &'a Arrival<'_>, (prospect, words): (&Prospect, Words<'_>)) -> Option<(Option<String>, String, &'a Traced)> {
    let sent = arrival.sent.as_ref().filter(|_| arrival.whose == Whose::Prospect)?;
    let subject = own_subject(words.subject, words.issue.map(|issue| issue.subject.as_str()));
    // "Remove ada@albareda.example from your list": their own address is themselves; another is somebody else.
    let own: Vec<&Address> = [Some(words.from), prospect.address.as_ref(), Some(&sent.address)].into_iter().flatten().collect();
    Some((subject.map(|subject| as_me(subject, &own)), as_me(words.text, &own), sent))
}

/// The text with "me" for each of these addresses, in capitals too.
fn as_me(text: &str, own: &[&Address]) -> String {
    own.iter().fold(text.to_owned(), |text, address| {
        let (small, address) = (text.to_ascii_lowercase(), address.as_str().to_ascii_lowercase());
        let (mut said, mut from) = (String::with_capacity(text.len()), 0);
        for (at, _) in small.match_indices(&address) {
            said.push_str(&text[from..at]);
            said.push_str("me");
            from = at + address.len();
        }
        said + &text[from..]
    })
}

/// Writes the mail that confirms it; an answer to it reaches a person.
async fn confirm(
    tx: &mut Tx,
    plan: &Plan,
    (to, reader): (&Address, &Name),
    language: Language,
    message_id: &str,
    now: Timestamp,
) -> Result<(), FlowError> {
    let unable = |e: &dyn std::fmt::Display| FlowError::Unable(format!("confirm that newsletters have stopped: {e}"));
    let organisation = &plan.settings.organisation;
    let letter = stopped::stopped(&Stopped {
        organisation: organisation.name.clone(),
        postal_address: organisation.postal_address.lines().map(|line| line.trim().to_owned()).collect(),
        zone: dossier::zone_of(plan, reader),
        language,
    })
    .map_err(|e| unable(&e))?;
    let return_path = &plan.settings.smtp.return_path;
    let from = Sender { name: organisation.name.clone(), address: return_path.clone() };
    let person = plan.roster.person(reader);
    let reply_to = person.map(|(name, address)| Sender { name: name.to_owned(), address: address.clone() });
    let kind = LetterKind::Confirmation;
    let headers =
        Headers { kind, from: &from, to: ("", to), reply_to: reply_to.as_ref(), message_id, in_reply_to: None, date: now };
    let message = mime::message(&letter, &headers).map_err(|e| unable(&e))?;
    letters::add(tx, NewLetter { kind, handoff: None, recipient: to, message_id, message, not_before: now }).await?;
    Ok(())
}

/// The subject without the marks of an answer, where it is theirs and not that of our mail.
fn own_subject<'a>(subject: &'a str, ours: Option<&str>) -> Option<&'a str> {
    let bare = without_marks(subject);
    let is_theirs = match ours {
        Some(ours) => !bare.eq_ignore_ascii_case(without_marks(ours)),
        None => bare.len() == subject.trim().len(),
    };
    (is_theirs && !bare.is_empty()).then_some(bare)
}

/// Without `Re:`, `AW:`, `RES:`, `Re[2]:`, in whatever language.
fn without_marks(subject: &str) -> &str {
    let mut rest = subject.trim();
    while let Some((mark, behind)) = rest.split_once([':', '：']) {
        let letters = mark.trim_end_matches(|c: char| c.is_ascii_digit() || "[]() ".contains(c));
        if !(1..=5).contains(&letters.chars().count()) || !letters.chars().all(char::is_alphabetic) {
            break;
        }
        rest = behind.trim();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn their_own_addresses_are_themselves_however_they_are_written() {
        let parse = |text: &str| Address::parse(text).expect("an address");
        let (ada, was) = (parse("ada.bosch@albareda.example"), parse("ada@albareda.example"));
        let me = |text: &str| as_me(text, &[&ada, &was]);
        assert_eq!(me("¡Ñ! Remove Ada.Bosch@Albareda.example, ADA@albareda.example too."), "¡Ñ! Remove me, me too.");
        assert_eq!(me("Remove bo@albareda.example."), "Remove bo@albareda.example.");
    }

    #[test]
    fn only_a_subject_of_their_own_speaks() {
        let ours = Some("What the night shift knows");
        assert_eq!(own_subject("Unsubscribe", ours), Some("Unsubscribe"));
        assert_eq!(own_subject("RE: Unsubscribe", ours), Some("Unsubscribe"));
        assert_eq!(own_subject("Re[2]: AW: What the night shift knows", ours), None);
        assert_eq!(own_subject("Re: How to unsubscribe", None), None);
        assert_eq!(own_subject("Baja", None), Some("Baja"));
    }
}
