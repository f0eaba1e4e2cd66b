//! What a provider's report of a failure means: the refusal's own words are judged as in a bounce by mail, and the provider's class
//! decides where they say nothing. What a provider calls temporary or its own is never hard.

use super::refusal::{About, Heard, Mailbox, Pauses, Phase, judge};
use super::refusal_codes::best_status;

/// What a provider calls a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The provider did not try: the address stands on its own list of dead ones.
    Listed,
    /// For good.
    Permanent,
    /// The mailbox takes nothing now.
    Soft,
    /// For now, and it may be anything, also a holiday notice that the provider took for a bounce.
    Passing,
    /// About us: content, reputation, size, policy, the provider's own limits.
    Block,
    /// The provider cannot tell.
    Unsaid,
}

/// Whom a failure is about, and whether the mailbox is gone for good.
pub fn judged(class: Class, status: Option<&str>, code: Option<u16>, words: &str) -> (About, bool) {
    const GONE: About = About::Recipient(Mailbox::Gone);
    const NOT_NOW: About = About::Recipient(Mailbox::NotNow);
    const US: About = About::Us(Pauses::Counted);
    // Providers have codes of their own beyond those of SMTP.
    let code = code.filter(|code| (400..600).contains(code));
    let about = judge(&Heard { phase: Phase::Bounce, code, field: status, words, domain: "" }).about;
    let said = best_status(status, words).0;
    let is_temporary = code.is_some_and(|code| code < 500) || said.as_ref().is_some_and(|status| status.starts_with('4'));
    let is_full = said.is_some_and(|status| status.ends_with(".2.2"));
    let about = match (class, about) {
        // RFC 5321, 4.2.1: what is temporary never becomes final, however long it lasted.
        (Class::Permanent | Class::Unsaid, GONE | About::Unclear) if is_temporary => About::Unclear,
        (Class::Listed, _) | (Class::Permanent, About::Unclear) => GONE,
        (Class::Passing | Class::Block, GONE) => About::Unclear,
        // What the other side would take later says nothing of the mailbox where the provider says that it is about us.
        (Class::Block, NOT_NOW) if is_temporary && !is_full => US,
        (Class::Soft, GONE | About::Unclear) | (Class::Block, NOT_NOW) => NOT_NOW,
        (Class::Block, _) => US,
        (Class::Permanent | Class::Unsaid | Class::Soft | Class::Passing, about) => about,
    };
    (about, about.is_gone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Class, status, code, what it is: hard, soft, block or unclear; then the words.
    #[test]
    fn words_decide_and_the_class_where_they_say_nothing_and_what_is_soft_is_never_hard() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hooks/judged.tsv");
        let text = std::fs::read_to_string(path).expect("the table");
        let (mut all, mut wrong) = (0, Vec::new());
        for line in text.lines().skip(1) {
            let [class, status, code, truth, words] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let class = match class {
                "listed" => Class::Listed,
                "permanent" => Class::Permanent,
                "soft" => Class::Soft,
                "passing" => Class::Passing,
                "block" => Class::Block,
                _ => Class::Unsaid,
            };
            let (about, hard) = judged(class, Some(status).filter(|s| !s.is_empty()), code.parse().ok(), words);
            let found = match about {
                About::Recipient(Mailbox::Gone) => "hard",
                About::Recipient(Mailbox::NotNow) => "soft",
                About::Us(_) => "block",
                About::Unclear => "unclear",
            };
            assert_eq!(hard, about.is_gone());
            assert!(!hard || !matches!(class, Class::Soft | Class::Passing | Class::Block), "{line}");
            all += 1;
            if found != truth {
                wrong.push(format!("{found}: {line}"));
            }
        }
        println!("provider_bounce {} right of {all}", all - wrong.len());
        assert!(all >= 40 && wrong.is_empty(), "{wrong:#?}");
    }
}
