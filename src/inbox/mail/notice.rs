//! Notices of mail systems: whether a mail is one, and what it says of each recipient.
//!
//! A report made for machines is believed first; where its fields say nothing, the text for people does. What nobody's words tell is
//! asked of the returned copy: our mail had gone to the address that stands in its `To`.

use super::address;
use super::automatic;
use super::bounds::{LARGEST_NOTICE, RECIPIENTS};
use super::mime_body;
use super::phrases::{self, Kind, flat};
use super::prose_bounce::{self, Notice};
use super::report::{self, End, Failure};
use crate::domain::address::{Address, registered};
use crate::domain::group::refusal_codes::reply_code;
use mail_parser::{Message, MessageParser, MimeHeaders};
use std::cell::LazyCell;

/// A mail, or of a notice as much as is read.
pub fn cut(raw: &[u8]) -> &[u8] {
    if raw.len() <= LARGEST_NOTICE {
        return raw;
    }
    let is_notice =
        MessageParser::default().parse_headers(&raw[..LARGEST_NOTICE]).is_some_and(|head| is_report(&head) || is_daemon(&head));
    if is_notice { &raw[..LARGEST_NOTICE] } else { raw }
}

/// What a notice says of each recipient; empty when it names nobody, `None` when the mail is no notice.
pub fn read(message: &Message) -> Option<Vec<Failure>> {
    let reported = report::failures(message).filter(|_| speaks_for_itself(message));
    let notice = Notice::of(&mime_body::words(message));
    match reported {
        Some(failures) if !failures.is_empty() => {
            // All that are undecided ask for the same.
            let told = LazyCell::new(|| (told(message, &notice), all_said(&notice)));
            Some(failures.into_iter().map(|one| explained(one, &notice, &told)).collect())
        }
        Some(_) => Some(told(message, &notice)),
        None => is_notice(message, &notice).then(|| told(message, &notice)),
    }
}

/// Whether a report in a mail is the mail's own: a person may forward one that came to them.
fn speaks_for_itself(message: &Message) -> bool {
    let kinds = ["message/delivery-status", "message/global-delivery-status"];
    let is_own = kinds.iter().any(|kind| !mime_body::parts_of(message, kind, 0).is_empty());
    is_own || is_report(message) || is_daemon(message) || is_nobody(message) || goes_to_path(message)
}

/// What a text tells of each recipient, and its words.
type Told = (Vec<Failure>, String);

fn all_said(notice: &Notice) -> String {
    let lines: Vec<&str> = notice.said.lines().collect();
    prose_bounce::joined(&lines)
}

/// A failure whose fields say nothing, with what the text says of it.
fn explained(failure: Failure, notice: &Notice, told: &LazyCell<Told, impl FnOnce() -> Told>) -> Failure {
    if failure.is_decided || !failure.given_up {
        return failure;
    }
    let (told, all) = &**told;
    let told = told.iter().find(|one| one.address == failure.address).cloned();
    let words = format!("{all} {}", notice.answers(Some(&failure.address)));
    let read = |words: &str| Failure::read(failure.address.clone(), failure.status.as_deref(), words, End::Failed, "");
    told.filter(|one| one.is_decided).or_else(|| Some(read(&words)).filter(|one| one.is_decided)).unwrap_or(failure)
}

/// What the text of a notice tells of each recipient.
fn told(message: &Message, notice: &Notice) -> Vec<Failure> {
    let (own, host) = (own(message), from_host(message));
    let all = all_said(notice);
    let mut found = prose_bounce::recipients(&notice.said, &own, host.as_deref());
    // Exim names them in a header of their own.
    let marked = marked(message);
    if !marked.is_empty() {
        found.retain(|(address, _)| marked.contains(address));
        let unsaid: Vec<Address> = marked.into_iter().filter(|one| found.iter().all(|(known, _)| known != one)).collect();
        found.extend(unsaid.into_iter().map(|address| (address, all.clone())));
    }
    if found.is_empty() {
        found = prose_bounce::recipients(&notice.session, &own, host.as_deref());
    }
    if found.is_empty() {
        let one = prose_bounce::only_stranger(&notice.said, &own);
        let all_of = |addresses: Vec<Address>| addresses.into_iter().map(|address| (address, all.clone())).collect();
        found = one.map_or_else(|| all_of(of_copy(message, notice, &own)), |one| all_of(vec![one]));
    }
    let end = end(&format!("{}\n{all}", mime_body::subject(message)));
    let read = |address: &Address, words: &str| Failure::read(address.clone(), None, words, end, "");
    let is_single = found.len() == 1;
    let mut failures: Vec<Failure> = Vec::new();
    let mut before = None;
    for (address, words) in found.iter().take(RECIPIENTS) {
        // Of a list all have the same words.
        let failure = match (before == Some(words), failures.last()) {
            (true, Some(last)) => Failure { address: address.clone(), ..last.clone() },
            _ => read(address, words),
        };
        failures.push(failure);
        before = Some(words);
    }
    let is_told_apart = failures.iter().any(|one| one.is_decided);
    let mut again_of: Option<(String, Failure)> = None;
    for one in failures.iter_mut().filter(|one| !one.is_decided) {
        let answers = notice.answers(if is_single { None } else { Some(&one.address) });
        let more = if is_told_apart && !is_single { answers } else { format!("{all} {answers}") };
        let known = again_of.take().filter(|(words, _)| *words == more).map(|(_, again)| again);
        let again = known.unwrap_or_else(|| read(&one.address, &more));
        if again.is_decided {
            *one = Failure { address: one.address.clone(), ..again.clone() };
        }
        again_of = Some((more, again));
    }
    failures
}

fn end(text: &str) -> End {
    let text = flat(text);
    if phrases::says(Kind::Delayed, &text) {
        End::Delayed
    } else if phrases::says(Kind::Delivered, &text) && !phrases::says(Kind::Undelivered, &text) {
        End::Arrived
    } else {
        End::Failed
    }
}

/// Whether a mail without a report is a notice all the same. A person who writes about a failed delivery is none, nor an automatic
/// answer that mentions one.
fn is_notice(message: &Message, notice: &Notice) -> bool {
    let subject = flat(&mime_body::subject(message));
    let (named, titled) = (is_named_daemon(message), phrases::says(Kind::Titles, &subject));
    let told = phrases::says_undelivered(&notice.said) || named && prose_bounce::says_delayed(&notice.said);
    let is_report = is_report(message);
    if !marked(message).is_empty() {
        return true;
    }
    if automatic::is_marked(message) && !named && !titled && !is_report {
        return false;
    }
    let own = own(message);
    // Blocks are read in any language.
    let shown = || prose_bounce::has_block(&notice.said, &own) || has_answer(notice);
    if named {
        return titled || told || shown();
    }
    if has_null_path(message) {
        return titled || told && names_somebody(notice, &own) || shown() && names_somebody(notice, &own);
    }
    let is_machine = is_nobody(message) || goes_to_path(message);
    // A person forwards or answers; a mail system does neither.
    let is_person = !is_machine && ANSWERS.iter().any(|mark| subject.starts_with(mark));
    let is_told = told && (titled || is_report) && !is_person;
    (is_told || is_machine && has_answer(notice)) && names_somebody(notice, &own)
}

/// How the subject of an answer or of a forwarded mail begins, in the languages of mail programs.
const ANSWERS: [&str; 16] =
    ["re:", "fw:", "fwd:", "aw:", "wg:", "rv:", "tr:", "rif:", "r:", "i:", "enc:", "res:", "sv:", "vs:", "vl:", "odp:"];

fn names_somebody(notice: &Notice, own: &[Address]) -> bool {
    !prose_bounce::recipients(&notice.said, own, None).is_empty()
        || !prose_bounce::recipients(&notice.session, own, None).is_empty()
}

/// Whether it shows what a mail server answered: a line that begins with a reply code, or a conversation.
fn has_answer(notice: &Notice) -> bool {
    let is_answer = |line: &str| {
        phrases::has_code(line.trim_start_matches(['<', '[', ' ', '\t', '(', '#', '"'])) && reply_code(line).is_some()
    };
    !notice.answers(None).is_empty() || notice.said.lines().any(is_answer)
}

pub fn is_report(message: &Message) -> bool {
    message.content_type().is_some_and(|kind| {
        kind.ctype().eq_ignore_ascii_case("multipart") && kind.subtype().is_some_and(|s| s.eq_ignore_ascii_case("report"))
    })
}

/// Whether a mail system speaks: by its sender, or by the empty return path that RFC 5321 asks of it.
pub fn is_daemon(message: &Message) -> bool {
    is_named_daemon(message) || has_null_path(message)
}

fn is_named_daemon(message: &Message) -> bool {
    let sender = mime_body::sender(message).to_lowercase();
    DAEMONS.iter().any(|name| sender.contains(name))
}

fn has_null_path(message: &Message) -> bool {
    let empty = |name| mime_body::header(message, name).is_some_and(|path| path.trim() == "<>" || path.trim().ends_with(" <>"));
    empty("Return-Path") || empty("From")
}

/// Whether nobody writes from there.
fn is_nobody(message: &Message) -> bool {
    let sender = mime_body::sender(message).to_lowercase();
    ["no-reply", "noreply", "no_reply", "donotreply", "do-not-reply", "bounce", "daemon", "notification", "mailer", "system@"]
        .iter()
        .any(|name| sender.contains(name))
}

/// Whether it came to a return path, where no person writes to.
fn goes_to_path(message: &Message) -> bool {
    let to = mime_body::header(message, "To").unwrap_or_default();
    let path = |to: &str| {
        to.rsplit_once('@').is_some_and(|(local, _)| local.contains('+') || local.to_lowercase().starts_with("bounce"))
    };
    address::written(&to).any(path)
}

/// The recipients that a header of Exim's names.
fn marked(message: &Message) -> Vec<Address> {
    let named = mime_body::header(message, "X-Failed-Recipients");
    named.iter().flat_map(|value| address::find(value)).map(|found| found.address).take(RECIPIENTS).collect()
}

/// The addresses of the notice itself: never the ones it reports.
fn own(message: &Message) -> Vec<Address> {
    let names = ["To", "From", "Sender", "Reply-To", "Errors-To", "Delivered-To"];
    let values = names.iter().filter_map(|name| mime_body::header(message, name));
    values.flat_map(|value| address::find(&value)).map(|found| found.address).take(RECIPIENTS).collect()
}

fn from_host(message: &Message) -> Option<String> {
    let from = mime_body::header(message, "From").and_then(|from| address::first(&from))?;
    registered(from.domain()).map(str::to_owned)
}

/// To whom the returned copy says it had gone; nobody where it went to many.
fn of_copy(message: &Message, notice: &Notice, own: &[Address]) -> Vec<Address> {
    let inner = message.parts.iter().find_map(|part| part.message()).and_then(|inner| mime_body::header(inner, "To"));
    let heads = mime_body::parts_of(message, "text/rfc822-headers", 0).into_iter().chain([notice.copy.clone()]);
    let to = |head: String| {
        head.lines().find(|line| line.get(..3).is_some_and(|name| name.eq_ignore_ascii_case("to:"))).map(str::to_owned)
    };
    let values: Vec<String> = inner.into_iter().chain(heads.filter_map(to)).take(1).collect();
    let found: Vec<Address> = values.iter().flat_map(|value| address::find(value)).map(|found| found.address).collect();
    if found.len() == 1 && !own.contains(&found[0]) { found } else { Vec::new() }
}

const DAEMONS: [&str; 16] = [
    "mailer-daemon",
    "mailer daemon",
    "mailerdaemon",
    "mail-daemon",
    "maildaemon",
    "mdaemon@",
    "postmaster",
    "post_master",
    "post-master",
    "mail delivery",
    "mail.delivery.system",
    "delivery subsystem",
    "mail administrator",
    "system administrator",
    "microsoftexchange",
    "mail system",
];
