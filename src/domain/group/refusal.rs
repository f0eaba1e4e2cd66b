//! Whom a refusal for good is about: this recipient, us, or nobody can tell.
//!
//! One rule reads the answer to a command, the answer to a message and a bounce alike. The most specific word wins: the
//! enhanced status of the answer (RFC 3463) over its reply code, what the remote host said over the status of a report. Words
//! that name the recipient as unknown, gone or disabled win over every status that is about us.

use super::refusal_words::{self as table, Text};
use serde::{Serialize, Serializer};

/// What a refusal answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, until 354.
    Data,
    /// The message, up to its dot.
    Message,
    /// It came back by mail, after the relay had accepted the message.
    Bounce,
}

/// Whom it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    Recipient(Mailbox),
    Us(Pauses),
    /// Counts as the recipient's until many are refused alike.
    Unclear,
}

/// What a refusal says of the recipient's mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mailbox {
    /// It does not exist, or never will take mail again.
    Gone,
    /// It is full, or takes nothing for a time.
    NotNow,
}

/// When a refusal about us pauses the campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pauses {
    AtOnce,
    /// Once there are several.
    Counted,
}

impl About {
    /// Every value, with its word in SQL.
    const WORDS: [(Self, &'static str); 5] = [
        (Self::Recipient(Mailbox::Gone), "gone"),
        (Self::Recipient(Mailbox::NotNow), "not_now"),
        (Self::Us(Pauses::AtOnce), "us_at_once"),
        (Self::Us(Pauses::Counted), "us"),
        (Self::Unclear, "unclear"),
    ];

    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(about, _)| *about == self).map_or("unclear", |(_, word)| *word)
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(about, _)| *about)
    }

    /// Whether the address can never be reached again.
    pub fn is_gone(self) -> bool {
        self == Self::Recipient(Mailbox::Gone)
    }

    pub const fn is_us(self) -> bool {
        matches!(self, Self::Us(_))
    }
}

impl Serialize for About {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// What led to a judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// The sender was refused, whatever the words.
    MailFrom,
    Status(String),
    Code(u16),
    /// The words name our domain and no other address.
    OurName,
    /// These words, as they stand in the table.
    Words(&'static str),
    /// Nothing that is known.
    Nothing,
}

/// A refusal for good, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub about: About,
    pub ground: Ground,
    /// What was said.
    pub words: String,
}

impl Refusal {
    /// A refusal by the relay, in answer to this phase of a mail from our domain.
    pub fn read(phase: Phase, code: u16, words: String, domain: &str) -> Self {
        let (about, ground) = judge(&Heard { phase, code: Some(code), field: None, words: &words, domain });
        Self { about, ground, words }
    }

    /// A mail that this relay cannot be given as it is: every other of the campaign would fare alike.
    pub fn ours(words: &str) -> Self {
        Self { about: About::Us(Pauses::AtOnce), ground: Ground::Nothing, words: words.to_owned() }
    }
}

/// What is known of a refusal.
#[derive(Debug, Clone, Copy)]
pub struct Heard<'a> {
    pub phase: Phase,
    /// The code of the reply; `None` for that in the words.
    pub code: Option<u16>,
    /// The status field of a report.
    pub field: Option<&'a str>,
    /// What was said.
    pub words: &'a str,
    /// The domain of our return path, where the recipient's is another: words that name it alone are about us.
    pub domain: &'a str,
}

/// Judges whom a refusal is about.
pub fn judge(heard: &Heard<'_>) -> (About, Ground) {
    let Heard { phase, code, field, words, domain } = *heard;
    if phase == Phase::Sender {
        return (About::Us(Pauses::AtOnce), Ground::MailFrom);
    }
    let text = Text::new(words);
    let (status, is_said) = best_status(field, words);
    let code = code.or_else(|| reply_code(words));
    let by_status = |about| (about, Ground::Status(status.clone().unwrap_or_default()));
    if is_temporary(status.as_deref(), code) {
        // Given up at last, and never final (RFC 5321 §4.2.1).
        return match text.says(table::FULL) {
            Some(phrase) => (NOT_NOW, Ground::Words(phrase)),
            None => by_status(About::Unclear),
        };
    }
    let detail = status.as_deref().and_then(|status| status.split_once('.')).map_or("", |(_, detail)| detail);
    let us = match code {
        Some(501 | 503) if phase != Phase::Bounce => About::Us(Pauses::AtOnce),
        _ => COUNTED,
    };
    if let Some(phrase) = text.says(table::SENDER) {
        return (us, Ground::Words(phrase));
    }
    if table::names_only(words, domain) {
        return (us, Ground::OurName);
    }
    match detail {
        "1.7" | "1.8" | "1.9" => return by_status(us),
        "2.2" | "2.3" => return by_status(NOT_NOW),
        _ => {}
    }
    if let Some(phrase) = text.says(table::FOR_A_TIME) {
        return (NOT_NOW, Ground::Words(phrase));
    }
    if text.says(table::PERHAPS).is_none()
        && let Some(phrase) = text.says(table::GONE)
    {
        return (GONE, Ground::Words(phrase));
    }
    if is_said && let Some(about) = of_status(detail, phase, &text, us) {
        return by_status(about);
    }
    for (phrases, about) in [(table::OUR_LIMITS, us), (table::FULL, NOT_NOW), (table::OURS, us), (table::GONE_IF_NOT_OURS, GONE)]
    {
        if let Some(phrase) = text.says(phrases) {
            return (about, Ground::Words(phrase));
        }
    }
    if let Some(about) = of_status(detail, phase, &text, us) {
        return by_status(about);
    }
    code.and_then(|code| Some((of_code(code, us)?, Ground::Code(code)))).unwrap_or((About::Unclear, Ground::Nothing))
}

const GONE: About = About::Recipient(Mailbox::Gone);
const NOT_NOW: About = About::Recipient(Mailbox::NotNow);
const COUNTED: About = About::Us(Pauses::Counted);

/// What subject and detail of a status decide; `None` where they leave it to the words.
fn of_status(detail: &str, phase: Phase, text: &Text, us: About) -> Option<About> {
    let (subject, _) = detail.split_once('.')?;
    match (subject, detail) {
        (_, "1.1" | "1.2" | "1.3" | "1.6" | "1.10") => Some(GONE),
        // A mailbox that does not take mail: for how long, RFC 3463 leaves open.
        (_, "2.1") => Some(NOT_NOW),
        (_, "4.1") if matches!(phase, Phase::Recipient | Phase::Bounce) && text.says("recipient").is_some() => Some(GONE),
        (_, "4.4") if phase == Phase::Recipient => Some(GONE),
        (_, "3.0" | "5.0" | "4.0" | "6.0" | "7.0") if text.says(table::GONE_IF_NOT_OURS).is_some() => None,
        ("3" | "4" | "5" | "6" | "7", _) => Some(us),
        _ => None,
    }
}

/// What the reply code alone decides (RFC 5321 §4.2.3, RFC 7504).
const fn of_code(code: u16, us: About) -> Option<About> {
    match code {
        556 => Some(GONE),
        500..=504 | 530..=538 | 552..=555 | 570..=579 => Some(us),
        _ => None,
    }
}

/// Whether the other side would have taken it later.
fn is_temporary(status: Option<&str>, code: Option<u16>) -> bool {
    match code {
        Some(code) => (400..500).contains(&code),
        None => status.is_some_and(|status| status.starts_with('4')),
    }
}

/// The status that says most, and whether it stands in the words themselves. "5.0.0" says nothing.
pub fn best_status(field: Option<&str>, words: &str) -> (Option<String>, bool) {
    let said: Vec<String> = statuses(words).collect();
    let says_something = |status: &&String| !is_vague(status);
    if let Some(status) = said.iter().find(says_something) {
        return (Some(status.clone()), true);
    }
    let stated = field.and_then(|field| statuses(field).next());
    if let Some(status) = stated.filter(|status| !is_vague(status)) {
        return (Some(status), false);
    }
    let said = said.into_iter().next();
    let is_said = said.is_some();
    (said.or_else(|| field.and_then(|field| statuses(field).next())), is_said)
}

/// Whether a status leaves open what happened: of a mail system, or of an address, nothing more is said.
fn is_vague(status: &str) -> bool {
    matches!(status.split('.').collect::<Vec<_>>()[..], [_, "0", _] | [_, "1" | "2", "0"])
}

/// The enhanced statuses of a text, in their order: "5.1.1", not the beginning of an IP address.
fn statuses(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.')).map(|word| word.trim_matches('.')).filter_map(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        let [class, subject, detail] = parts[..] else { return None };
        // Subjects go to 7 (RFC 3463 §3); "Exim 4.94.2" is no status.
        let is_subject = subject.len() == 1 && subject < "8";
        (["4", "5"].contains(&class) && is_subject && (1..=3).contains(&detail.len())).then(|| word.to_owned())
    })
}

/// The first reply code of a text: three digits that begin a word, of a negative answer.
fn reply_code(text: &str) -> Option<u16> {
    let words = text.split(|c: char| c.is_whitespace() || "'\"(<".contains(c));
    let first =
        |word: &str| word.split(['-', ':', ')']).next().and_then(|code| (code.len() == 3).then(|| code.parse().ok()).flatten());
    words.filter_map(first).find(|code| (400..600).contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// A text with its truth: phase, truth, program, status field, reply.
    fn wrong(file: &str) -> (usize, Vec<String>) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/refusals").join(file);
        let text = std::fs::read_to_string(path).expect("the texts");
        let (mut all, mut wrong) = (0, Vec::new());
        for line in text.lines().skip(1) {
            let [phase, truth, program, field, reply] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let phase = match phase {
                "MAIL" => Phase::Sender,
                "RCPT" => Phase::Recipient,
                "DATA" => Phase::Data,
                "dot" => Phase::Message,
                _ => Phase::Bounce,
            };
            let code = reply.get(..3).and_then(|code| code.parse().ok()).filter(|_| phase != Phase::Bounce);
            let field = Some(field).filter(|field| !field.is_empty());
            let (about, ground) = judge(&Heard { phase, code, field, words: reply, domain: "news.example" });
            let found = match about {
                About::Recipient(Mailbox::Gone) => "gone",
                About::Recipient(Mailbox::NotNow) => "later",
                About::Us(Pauses::AtOnce) => "at-once",
                About::Us(Pauses::Counted) => "us",
                About::Unclear => "unclear",
            };
            all += 1;
            if found != truth {
                wrong.push(format!("{program}: {found}, not {truth}, for {ground:?}: {reply}"));
            }
        }
        (all, wrong)
    }

    #[test]
    fn a_refusal_is_about_whom_its_words_and_codes_name() {
        for file in ["rule.tsv", "held-back.tsv"] {
            let (all, wrong) = wrong(file);
            assert!(all >= 60 && wrong.is_empty(), "{} of {all} of {file}: {wrong:#?}", wrong.len());
        }
    }

    #[test]
    fn mail_from_is_never_about_the_recipient_and_words_win_over_what_says_little() {
        let of = |phase, code, words: &str| Refusal::read(phase, code, words.to_owned(), "").about;
        assert_eq!(of(Phase::Sender, 550, "5.1.1 user unknown"), About::Us(Pauses::AtOnce));
        for status in ["5.0.0", "5.3.0", "5.4.1", "5.4.4", "5.5.0", "5.7.1"] {
            for phase in [Phase::Recipient, Phase::Data, Phase::Message, Phase::Bounce] {
                assert_eq!(of(phase, 550, &format!("{status} user unknown")), GONE, "{status} {phase:?}");
            }
        }
        for status in ["5.1.7", "5.1.8", "5.3.4", "5.4.6", "5.5.4", "5.6.0", "5.7.1", "5.7.26"] {
            assert_eq!(of(Phase::Recipient, 550, &format!("{status} something else")), COUNTED, "{status}");
        }
        for code in [501, 503] {
            assert_eq!(of(Phase::Recipient, code, "what"), About::Us(Pauses::AtOnce), "{code}");
            assert_eq!(of(Phase::Recipient, code, "5.1.1 user unknown"), GONE, "{code}");
        }
        for code in [552, 553, 554] {
            assert_eq!(of(Phase::Message, code, "no"), COUNTED, "{code}");
        }
        assert_eq!(of(Phase::Recipient, 550, "5.4.4 unable to route"), GONE);
        assert_eq!(of(Phase::Message, 550, "5.4.4 unable to route"), COUNTED);
        assert_eq!(of(Phase::Recipient, 550, "5.2.1 this account was disabled"), GONE);
        assert_eq!(of(Phase::Recipient, 550, "5.2.1 not taking mail"), NOT_NOW);
        assert_eq!(of(Phase::Recipient, 550, "computer says no"), About::Unclear);
        let ours = "5.1.1 the domain news.example does not exist";
        assert_eq!(Refusal::read(Phase::Recipient, 550, ours.to_owned(), "news.example").about, COUNTED);
    }

    #[test]
    fn the_remote_host_is_nearer_to_the_truth_than_the_field_and_a_4xx_is_never_final() {
        let bounce = |field, words: &str| judge(&Heard { phase: Phase::Bounce, code: None, field, words, domain: "" }).0;
        assert_eq!(bounce(Some("5.1.1"), "550 5.7.1 192.0.2.7 is on our block list"), COUNTED);
        assert_eq!(bounce(Some("5.1.1"), "552 5.2.2 no room left"), NOT_NOW);
        assert_eq!(bounce(Some("5.1.1"), "550 what you like"), GONE);
        assert_eq!(bounce(Some("5.1.1"), "550 blocked by our policy"), COUNTED);
        assert_eq!(bounce(Some("5.0.0"), "550 User unknown"), GONE);
        assert_eq!(bounce(Some("4.4.7"), "delivery time expired"), About::Unclear);
        assert_eq!(bounce(None, "450 4.1.1 user unknown"), About::Unclear);
        assert_eq!(bounce(Some("4.2.2"), "mailbox full"), NOT_NOW);
        assert_eq!(best_status(Some("5.0.0"), "host [192.168.1.100] said: 550").0.as_deref(), Some("5.0.0"));
    }

    #[test]
    fn every_judgement_has_its_word() {
        for (about, word) in About::WORDS {
            assert_eq!((about.word(), About::parse(word)), (word, Some(about)));
        }
    }
}
