//! Pending form: typed about an address that has not answered for it yet, and how often that address may be asked. A prospect's wish
//! to be written to at another address waits for its answer in the same way.
//!
//! The bounds protect the owner of the address, whom anybody can name: the mail must not become a way of pestering them.

use crate::domain::address::{Address, registered};
use crate::domain::id::{Name, PendingFormId, ProspectId, fingerprint};
use crate::domain::span::Span;
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// How long it waits for an answer; then it is erased.
pub const KEPT: Span = Span::days(30);
/// How many mails one address gets within [`KEPT`].
pub const MAILS_TO_AN_ADDRESS: i64 = 3;
/// For how long an unanswered mail keeps the next one back, and the time in which those to one domain are counted.
pub const APART: Span = Span::days(1);

/// A form as it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingForm {
    pub id: PendingFormId,
    /// The key under which it is kept once.
    pub once: String,
    pub address: Address,
    pub form: Name,
    /// The fields of the form, without the address.
    pub fields: BTreeMap<String, String>,
    pub asked_at: Timestamp,
    pub expires_at: Timestamp,
    /// The prospect whom it names, if there is one.
    pub prospect: Option<ProspectId>,
    pub confirmed_at: Option<Timestamp>,
}

/// How the key of a wish to be written to at another address begins. No form's does: it begins with the kind of its signal.
const NEW_ADDRESS: &str = "new address:";

/// The key of a prospect's wish to be written to at this address: the same one on the same day is one.
pub fn new_address_once(of: ProspectId, address: &Address, on: Date) -> String {
    format!("{NEW_ADDRESS}{of}:{on}:{}", fingerprint(&[address.as_str()]))
}

impl PendingForm {
    /// Whether it is no form: a prospect asked on their own page to be written to at this address.
    pub fn is_new_address(&self) -> bool {
        self.once.starts_with(NEW_ADDRESS)
    }

    /// Sixteen bits of its contents, which its link names beside its id: in a database that was restored, an id may come again, and
    /// an old link must not confirm another form.
    pub fn mark(&self) -> u16 {
        let digits = fingerprint(&[&self.once]);
        digits.get(..4).and_then(|digits| u16::from_str_radix(digits, 16).ok()).unwrap_or_default()
    }
}

/// What becomes of the mail that asks the address. The words are SQL's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    Sent,
    /// Beyond the bounds: the form waits without a mail.
    Held,
    /// The address must not be mailed.
    Never,
}

impl Asking {
    /// The word in SQL.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Held => "held",
            Self::Never => "none",
        }
    }
}

/// The mails that asked before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AskedBefore {
    /// To this address within [`APART`], and not answered.
    pub unanswered: i64,
    /// To this address within [`KEPT`].
    pub to_address: i64,
    /// To addresses of its domain within [`APART`].
    pub to_domain: i64,
}

impl AskedBefore {
    /// Whether the address may be asked once more, where a domain gets at most this many mails a day.
    pub const fn may_ask(self, most_to_a_domain: u32) -> bool {
        self.unanswered == 0 && self.to_address < MAILS_TO_AN_ADDRESS && self.to_domain < most_to_a_domain as i64
    }
}

/// The domain that is counted: the part that its owner registered, so that subdomains without number are one.
pub fn counted_domain(address: &Address) -> &str {
    registered(address.domain()).unwrap_or_else(|| address.domain())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_asked_once_a_day_and_three_times_a_month() {
        let before = |unanswered, to_address, to_domain| AskedBefore { unanswered, to_address, to_domain }.may_ask(20);
        assert!(before(0, 0, 0) && before(0, 2, 19));
        assert!(!before(1, 1, 1), "one mail is unanswered");
        assert!(!before(0, 3, 3), "three in thirty days");
        assert!(!before(0, 0, 20), "twenty a day to one domain");
    }

    #[test]
    fn subdomains_are_counted_as_one_domain() {
        let domain = |text: &str| counted_domain(&Address::parse(text).expect("an address")).to_owned();
        for text in ["a@rival.example", "b@one.rival.example", "c@a.b.c.rival.example"] {
            assert_eq!(domain(text), "rival.example");
        }
        assert_eq!(domain("a@news.rival.co.uk"), "rival.co.uk");
        assert_eq!(domain("a@localhost"), "localhost");
    }
}
