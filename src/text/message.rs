//! Messages to a visitor: a title and a text of the catalogue, with what they name.

use super::words::{Argument, say};
use crate::domain::language::Language;

/// What a page says to a visitor, apart from the page of a question and of an unsubscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    Thanks {
        organisation: String,
    },
    NothingMore,
    AlreadyNoted,
    Unsubscribed {
        organisation: String,
    },
    TestCopyAnswer,
    TestCopyUnsubscribe,
    TestCopyPreferences,
    /// Newsletters go to another address from now on.
    Readdressed {
        organisation: String,
    },
    /// Somebody else had that address.
    ReaddressTaken {
        organisation: String,
    },
    UnknownLink,
    /// The record of the mail was lost with a database that was restored.
    LostMail {
        organisation: String,
    },
    NoSuchForm {
        organisation: String,
    },
    FormNotReadable {
        organisation: String,
    },
    FormTooLarge,
    FormWithoutAddress,
    FormStampForged,
    FormTrapped,
    FormAddressRefused,
    Confirmed,
    /// What was filled in waited for its confirmation too long.
    FormExpired,
    LongLink,
    OtherHost,
    /// A request that does not say its length.
    Unmeasured,
    TooLarge,
    TooSlow,
    Broken,
    /// Too many requests, or too much of something: it can be tried again after so many minutes.
    TooMany {
        minutes: u32,
    },
    Unavailable,
}

impl Message {
    /// Its key in the catalogue; the title is the attribute `title`.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Thanks { .. } => "thanks",
            Self::NothingMore => "nothing-more",
            Self::AlreadyNoted => "already-noted",
            Self::Unsubscribed { .. } => "unsubscribed",
            Self::TestCopyAnswer => "test-copy-answer",
            Self::TestCopyUnsubscribe => "test-copy-unsubscribe",
            Self::TestCopyPreferences => "test-copy-preferences",
            Self::Readdressed { .. } => "readdressed",
            Self::ReaddressTaken { .. } => "readdress-taken",
            Self::UnknownLink => "unknown-link",
            Self::LostMail { .. } => "lost-mail",
            Self::NoSuchForm { .. } => "no-such-form",
            Self::FormNotReadable { .. } => "form-not-readable",
            Self::FormTooLarge => "form-too-large",
            Self::FormWithoutAddress => "form-without-address",
            Self::FormStampForged => "form-stamp-forged",
            Self::FormTrapped => "form-trapped",
            Self::FormAddressRefused => "form-address-refused",
            Self::Confirmed => "confirmed",
            Self::FormExpired => "form-expired",
            Self::LongLink => "long-link",
            Self::OtherHost => "other-host",
            Self::Unmeasured => "unmeasured",
            Self::TooLarge => "too-large",
            Self::TooSlow => "too-slow",
            Self::Broken => "broken",
            Self::TooMany { .. } => "too-many",
            Self::Unavailable => "unavailable",
        }
    }

    /// The values that title and text may name.
    pub fn arguments(&self) -> Vec<(&'static str, Argument)> {
        match self {
            Self::Thanks { organisation }
            | Self::Unsubscribed { organisation }
            | Self::LostMail { organisation }
            | Self::Readdressed { organisation }
            | Self::ReaddressTaken { organisation }
            | Self::NoSuchForm { organisation }
            | Self::FormNotReadable { organisation } => vec![("organisation", organisation.as_str().into())],
            Self::TooMany { minutes } => vec![("minutes", i64::from(*minutes).into())],
            _ => Vec::new(),
        }
    }

    pub fn title(&self, language: Language) -> String {
        say(language, &format!("{}.title", self.key()), &self.arguments())
    }

    pub fn words(&self, language: Language) -> String {
        say(language, self.key(), &self.arguments())
    }

    /// One of each, for tests.
    #[cfg(test)]
    pub fn samples() -> Vec<Self> {
        let organisation = || "Tecnofab".to_owned();
        vec![
            Self::Thanks { organisation: organisation() },
            Self::NothingMore,
            Self::AlreadyNoted,
            Self::Unsubscribed { organisation: organisation() },
            Self::TestCopyAnswer,
            Self::TestCopyUnsubscribe,
            Self::TestCopyPreferences,
            Self::Readdressed { organisation: organisation() },
            Self::ReaddressTaken { organisation: organisation() },
            Self::UnknownLink,
            Self::LostMail { organisation: organisation() },
            Self::NoSuchForm { organisation: organisation() },
            Self::FormNotReadable { organisation: organisation() },
            Self::FormTooLarge,
            Self::FormWithoutAddress,
            Self::FormStampForged,
            Self::FormTrapped,
            Self::FormAddressRefused,
            Self::Confirmed,
            Self::FormExpired,
            Self::LongLink,
            Self::OtherHost,
            Self::Unmeasured,
            Self::TooLarge,
            Self::TooSlow,
            Self::Broken,
            Self::TooMany { minutes: 2 },
            Self::Unavailable,
        ]
    }
}
