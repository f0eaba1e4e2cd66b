//! What a column is imported as, and the word for it in a map file.

use crate::domain::id::Name;
use serde::Serialize;
use std::fmt;

/// What a column is imported as.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "target", content = "field")]
pub enum Target {
    /// The address: the one required column.
    Email,
    Name,
    /// The given name, used if there is no full name.
    FirstName,
    /// The family name, used if there is no full name.
    LastName,
    Phone,
    Company,
    /// The salesperson whose prospect they are, by id, name or address; the caller resolves it.
    Owner,
    /// Labels, separated by comma, semicolon or bar.
    Tags,
    /// Yes: must not be mailed.
    EmailOptOut,
    /// Anything but a no: must not be mailed. The date or the reason of an opt-out.
    EmailOptOutIfFilled,
    /// Words such as subscribed, bounced, unconfirmed.
    EmailStatus,
    /// A status of the mail or of the sale: the words decide. Also kept as a field.
    Status,
    /// Yes: must not be called.
    PhoneOptOut,
    /// No: must not be called.
    PhoneConsent,
    /// Yes: agreed to mail. No: must not be mailed.
    MailConsent,
    /// How they consented: "form quote 2024", "Legitimate interest".
    MailConsentSource,
    MailConsentDate,
    /// Whether they agreed to be tracked.
    TrackingConsent,
    TrackingConsentSource,
    TrackingConsentDate,
    /// The day on which the fields of the row were true.
    AsOf,
    Field(Name),
    /// What another system, named here, calls them: it stays when the address changes.
    ExternalId(String),
    Ignore,
    /// It looks like permission and is not understood: the list is not read.
    Unclear,
}

/// How the cells of a column of permission are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Yes is no mail.
    OptOut,
    /// Anything is no mail.
    OptOutIfFilled,
    /// No is no mail.
    Consent,
    MailStatus,
    Status,
}

impl Target {
    const WORDS: [(&'static str, Self); 22] = [
        ("email", Self::Email),
        ("name", Self::Name),
        ("first_name", Self::FirstName),
        ("last_name", Self::LastName),
        ("phone", Self::Phone),
        ("company", Self::Company),
        ("owner", Self::Owner),
        ("tags", Self::Tags),
        ("email_opt_out", Self::EmailOptOut),
        ("email_opt_out_if_filled", Self::EmailOptOutIfFilled),
        ("email_status", Self::EmailStatus),
        ("status", Self::Status),
        ("phone_opt_out", Self::PhoneOptOut),
        ("phone_consent", Self::PhoneConsent),
        ("mail_consent", Self::MailConsent),
        ("mail_consent_source", Self::MailConsentSource),
        ("mail_consent_date", Self::MailConsentDate),
        ("tracking_consent", Self::TrackingConsent),
        ("tracking_consent_source", Self::TrackingConsentSource),
        ("tracking_consent_date", Self::TrackingConsentDate),
        ("as_of", Self::AsOf),
        ("ignore", Self::Ignore),
    ];

    /// The target of its word.
    pub fn parse(word: &str) -> Option<Self> {
        if let Some(system) = word.strip_prefix("external_id:").map(str::trim).filter(|system| !system.is_empty()) {
            return Some(Self::ExternalId(system.to_lowercase()));
        }
        match word.strip_prefix("field:") {
            Some(name) => Name::parse(name.trim()).ok().map(Self::Field),
            None => Self::WORDS.into_iter().find(|(known, _)| *known == word).map(|(_, target)| target),
        }
    }

    /// All words, as an error lists them.
    pub fn words() -> String {
        Self::WORDS.map(|(word, _)| word).join(", ")
    }

    /// Whether it is a column of the permission to mail.
    pub const fn is_of_mail(&self) -> bool {
        matches!(
            self,
            Self::EmailOptOut
                | Self::EmailOptOutIfFilled
                | Self::EmailStatus
                | Self::Status
                | Self::MailConsent
                | Self::MailConsentSource
                | Self::MailConsentDate
                | Self::Unclear
        )
    }

    /// Whether its yes is a yes.
    pub const fn agrees(&self) -> bool {
        matches!(self, Self::MailConsent | Self::MailConsentDate | Self::PhoneConsent | Self::TrackingConsent)
    }

    /// Whether its yes is a no to mail.
    pub const fn refuses(&self) -> bool {
        matches!(self, Self::EmailOptOut | Self::EmailOptOutIfFilled)
    }

    /// Whether it says who somebody is, and nothing of permission.
    pub const fn is_of_person(&self) -> bool {
        matches!(
            self,
            Self::Email
                | Self::Name
                | Self::FirstName
                | Self::LastName
                | Self::Phone
                | Self::Company
                | Self::Owner
                | Self::Tags
                | Self::Field(_)
        )
    }

    /// What its cells answer, if it is a column of permission.
    pub const fn question(&self) -> Option<Question> {
        match self {
            Self::EmailOptOut | Self::PhoneOptOut => Some(Question::OptOut),
            Self::EmailOptOutIfFilled => Some(Question::OptOutIfFilled),
            Self::MailConsent | Self::TrackingConsent | Self::PhoneConsent => Some(Question::Consent),
            Self::EmailStatus => Some(Question::MailStatus),
            Self::Status => Some(Question::Status),
            _ => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "field:{name}"),
            Self::ExternalId(system) => write!(f, "external_id:{system}"),
            Self::Unclear => f.pad("not understood"),
            known => f.pad(Self::WORDS.iter().find(|(_, target)| target == known).map_or("ignore", |(word, _)| word)),
        }
    }
}
