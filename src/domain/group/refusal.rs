//! Whom a refusal for good is about: this recipient, us, or nobody can tell.
//!
//! One rule reads the answer to a command, the answer to a message and a bounce alike. The most specific word wins: the
//! enhanced status of the answer (RFC 3463) over its reply code, what the remote host said over the status of a report. Words
//! that name the recipient as unknown, gone or disabled win over every status that is about us.

use super::bounce_class::Class;
use super::refusal_codes::{Command, best_status, command, reply_code};
use super::refusal_words::{Table, Text, names_only};
use serde::{Serialize, Serializer};
use std::fmt;

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

/// In a few words: `“user unknown”`, `5.1.1`.
impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MailFrom => f.write_str("the sender was refused"),
            Self::Status(status) if status.is_empty() => f.write_str("no status"),
            Self::Status(status) => f.write_str(status),
            Self::Code(code) => write!(f, "{code}"),
            Self::OurName => f.write_str("our name"),
            Self::Words(phrase) => write!(f, "“{}”", phrase.trim_end_matches('*')),
            Self::Nothing => f.write_str("nothing that is known"),
        }
    }
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
        let Judgement { about, ground, .. } = judge(&Heard { phase, code: Some(code), field: None, words: &words, domain });
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

/// A judgement: whom it is about, the class of a bounce, and what led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub about: About,
    pub class: Class,
    pub ground: Ground,
}

/// Judges whom a refusal is about.
pub fn judge(heard: &Heard<'_>) -> Judgement {
    let Heard { phase, code, field, words, domain } = *heard;
    let (status, is_said) = best_status(field, words);
    let code = code.or_else(|| reply_code(words));
    let judged = |(about, class): (About, Class), ground| Judgement { about, class, ground };
    let by_status = |meaning| judged(meaning, Ground::Status(status.clone().unwrap_or_default()));
    if phase == Phase::Sender {
        return judged((About::Us(Pauses::AtOnce), Class::Block), Ground::MailFrom);
    }
    let text = Text::new(words);
    let said_by = |tables: &[(Table, Meaning)]| {
        tables.iter().find_map(|(table, meaning)| Some(judged(*meaning, Ground::Words(text.says(*table)?))))
    };
    let (subject, detail) = parts(status.as_deref());
    if is_temporary(status.as_deref(), is_said, code) {
        // Given up at last, and never final (RFC 5321 §4.2.1). The reporting host's own trouble says nothing of the mailbox.
        let local = if subject == "3" || detail == "4.3" { OPEN } else { NOT_NOW };
        let tables = [(Table::Full, NOT_NOW), (Table::ForATime, local), (Table::Rate, local), (Table::SurelyOurs, BLOCK)];
        return said_by(&tables).unwrap_or_else(|| by_status(local));
    }
    let us = match code {
        Some(501 | 503) if phase != Phase::Bounce => (About::Us(Pauses::AtOnce), Class::Block),
        _ => BLOCK,
    };
    if phase == Phase::Bounce && command(words) == Some(Command::BeforeRecipient) {
        return said_by(&[(Table::Rate, TOO_FAST), (Table::Size, (us.0, Class::Soft))])
            .unwrap_or_else(|| judged(us, Ground::MailFrom));
    }
    if let Some(judgement) = said_by(&[(Table::Sender, us)]) {
        // Of a group that does not admit the sender, the sender is named too.
        return said_by(&[(Table::Group, NOT_NOW)]).unwrap_or(judgement);
    }
    if names_only(words, domain) {
        return judged(us, Ground::OurName);
    }
    match detail {
        "1.7" | "1.8" | "1.9" => return by_status(us),
        "2.2" | "2.3" => return by_status(NOT_NOW),
        _ => {}
    }
    let is_certain = text.says(Table::Perhaps).is_none();
    let is_for_now = [Table::ForATime, Table::Full].into_iter().any(|table| text.says(table).is_some());
    // The status and the words agree, whatever the gateway calls itself.
    if is_said
        && is_certain
        && !is_for_now
        && matches!(detail, "1.1" | "1.2" | "1.6" | "1.10")
        && let Some(judgement) = said_by(&[(Table::Gone, GONE)])
    {
        return judgement;
    }
    if let Some(judgement) = said_by(&[(Table::SurelyOurs, us), (Table::ForATime, NOT_NOW)]) {
        return judgement;
    }
    if is_certain && let Some(judgement) = said_by(&[(Table::Full, NOT_NOW), (Table::Gone, GONE)]) {
        return judgement;
    }
    if let Some(judgement) = said_by(&[(Table::Group, NOT_NOW), (Table::Size, (us.0, Class::Soft))]) {
        return judgement;
    }
    let by_detail = of_status((subject, detail), phase, &text, us).map(by_status);
    if is_said && let Some(judgement) = by_detail {
        return judgement;
    }
    let tables = [(Table::Rate, TOO_FAST), (Table::Full, NOT_NOW), (Table::Network, OPEN), (Table::Ours, us)];
    let by_words = said_by(&tables).or_else(|| said_by(&[(Table::GoneIfNotOurs, GONE)]).filter(|_| is_certain));
    let by_code = || code.and_then(|code| Some(judged(of_code(code, phase, us)?, Ground::Code(code))));
    by_words.or(by_detail).or_else(by_code).unwrap_or(judged(OPEN, Ground::Nothing))
}

type Meaning = (About, Class);

const GONE: Meaning = (About::Recipient(Mailbox::Gone), Class::Hard);
const NOT_NOW: Meaning = (About::Recipient(Mailbox::NotNow), Class::Soft);
const BLOCK: Meaning = (About::Us(Pauses::Counted), Class::Block);
/// Our pace, which counts against the campaign and says nothing of the mailbox.
const TOO_FAST: Meaning = (About::Us(Pauses::Counted), Class::Soft);
const OPEN: Meaning = (About::Unclear, Class::Soft);

/// Subject and detail of a status: "1" and "1.1" of "5.1.1".
fn parts(status: Option<&str>) -> (&str, &str) {
    let detail = status.and_then(|status| status.split_once('.')).map_or("", |(_, detail)| detail);
    (detail.split_once('.').map_or("", |(subject, _)| subject), detail)
}

/// What subject and detail of a status decide; `None` where they leave it to the words.
fn of_status((subject, detail): (&str, &str), phase: Phase, text: &Text, us: Meaning) -> Option<Meaning> {
    let is_bounce = phase == Phase::Bounce;
    match (subject, detail) {
        (_, "1.1" | "1.2" | "1.3" | "1.6" | "1.10") if text.says(Table::Perhaps).is_some() => Some(NOT_NOW),
        (_, "1.1" | "1.2" | "1.3" | "1.6" | "1.10") => Some(GONE),
        // A mailbox that does not take mail: for how long, RFC 3463 leaves open.
        (_, "2.1") => Some(NOT_NOW),
        (_, "2.4") => Some(OPEN),
        (_, "4.1") if matches!(phase, Phase::Recipient | Phase::Bounce) && text.has("recipient") => Some(GONE),
        (_, "4.4") if phase == Phase::Recipient => Some(GONE),
        (_, "3.0" | "5.0" | "4.0" | "6.0" | "7.0") if text.says(Table::GoneIfNotOurs).is_some() => None,
        // Too large; or a loop, by RFC 3463 and by Exchange.
        (_, "3.4" | "4.6" | "4.14") => Some((us.0, Class::Soft)),
        // A system or a network that failed on the way (RFC 3463 §3.4, §3.5): what came back says no more.
        ("3" | "4", _) if is_bounce => Some(OPEN),
        (_, "5.3") => Some((us.0, Class::Soft)),
        // A group that does not admit the sender, by Exchange's own details.
        (_, "7.2" | "7.124" | "7.129" | "7.133" | "7.134" | "7.135" | "7.136") => Some(NOT_NOW),
        ("3" | "4" | "5" | "6" | "7", _) => Some(us),
        _ => None,
    }
}

/// What the reply code alone decides (RFC 5321 §4.2.3, RFC 7504).
const fn of_code(code: u16, phase: Phase, us: Meaning) -> Option<Meaning> {
    match code {
        556 => Some(GONE),
        552 if matches!(phase, Phase::Bounce) => Some(NOT_NOW),
        500..=504 | 530..=538 | 552..=555 | 570..=579 => Some(us),
        _ => None,
    }
}

/// Whether the other side would have taken it later: by the code it said, or the status; by the field only where nothing was said.
fn is_temporary(status: Option<&str>, is_said: bool, code: Option<u16>) -> bool {
    let by_status = status.is_some_and(|status| status.starts_with('4'));
    match code {
        Some(code) => (400..500).contains(&code) || is_said && by_status,
        None => by_status,
    }
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
            let Judgement { about, ground, .. } = judge(&Heard { phase, code, field, words: reply, domain: "news.example" });
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
                assert_eq!(of(phase, 550, &format!("{status} user unknown")), GONE.0, "{status} {phase:?}");
            }
        }
        for status in ["5.1.7", "5.1.8", "5.3.4", "5.4.6", "5.5.4", "5.6.0", "5.7.1", "5.7.26"] {
            assert_eq!(of(Phase::Recipient, 550, &format!("{status} something else")), BLOCK.0, "{status}");
        }
        for code in [501, 503] {
            assert_eq!(of(Phase::Recipient, code, "what"), About::Us(Pauses::AtOnce), "{code}");
            assert_eq!(of(Phase::Recipient, code, "5.1.1 user unknown"), GONE.0, "{code}");
        }
        for code in [552, 553, 554] {
            assert_eq!(of(Phase::Message, code, "no"), BLOCK.0, "{code}");
        }
        assert_eq!(of(Phase::Recipient, 550, "5.4.4 unable to route"), GONE.0);
        assert_eq!(of(Phase::Message, 550, "5.4.4 unable to route"), BLOCK.0);
        assert_eq!(of(Phase::Recipient, 550, "5.2.1 this account was disabled"), GONE.0);
        assert_eq!(of(Phase::Recipient, 550, "5.2.1 not taking mail"), NOT_NOW.0);
        assert_eq!(of(Phase::Recipient, 550, "computer says no"), About::Unclear);
        let ours = "5.1.1 the domain news.example does not exist";
        assert_eq!(Refusal::read(Phase::Recipient, 550, ours.to_owned(), "news.example").about, BLOCK.0);
    }

    #[test]
    fn the_remote_host_is_nearer_to_the_truth_than_the_field_and_a_4xx_is_never_final() {
        let bounce = |field, words: &str| judge(&Heard { phase: Phase::Bounce, code: None, field, words, domain: "" }).about;
        assert_eq!(bounce(Some("5.1.1"), "550 5.7.1 192.0.2.7 is on our block list"), BLOCK.0);
        assert_eq!(bounce(Some("5.1.1"), "552 5.2.2 no room left"), NOT_NOW.0);
        assert_eq!(bounce(Some("5.1.1"), "550 what you like"), GONE.0);
        assert_eq!(bounce(Some("5.1.1"), "550 blocked by our policy"), BLOCK.0);
        assert_eq!(bounce(Some("5.0.0"), "550 User unknown"), GONE.0);
        assert_eq!(bounce(Some("4.4.7"), "delivery time expired"), NOT_NOW.0);
        assert_eq!(bounce(None, "450 4.1.1 user unknown"), NOT_NOW.0);
        assert_eq!(bounce(Some("4.2.2"), "mailbox full"), NOT_NOW.0);
        assert_eq!(bounce(Some("4.4.3"), "name server failure"), About::Unclear);
    }

    #[test]
    fn every_judgement_has_its_word() {
        for (about, word) in About::WORDS {
            assert_eq!((about.word(), About::parse(word)), (word, Some(about)));
        }
    }
}
