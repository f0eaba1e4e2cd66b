//! Headers of exported lists, and the target of each column.
//!
//! Knows the contact and lead exports of `HubSpot`, Salesforce and Mautic by their English headers, spelt loosely; a
//! declared field's own name goes before these. An unknown column is kept as a field of its own name.

use super::external_ids;
use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use serde::Serialize;
use std::collections::BTreeMap;
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
    /// Whether they must not be mailed.
    EmailOptOut,
    /// Whether they must not be called.
    PhoneOptOut,
    /// Whether they agreed to mail.
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
}

impl Target {
    const WORDS: [(&'static str, Self); 18] = [
        ("email", Self::Email),
        ("name", Self::Name),
        ("first_name", Self::FirstName),
        ("last_name", Self::LastName),
        ("phone", Self::Phone),
        ("company", Self::Company),
        ("owner", Self::Owner),
        ("tags", Self::Tags),
        ("email_opt_out", Self::EmailOptOut),
        ("phone_opt_out", Self::PhoneOptOut),
        ("mail_consent", Self::MailConsent),
        ("mail_consent_source", Self::MailConsentSource),
        ("mail_consent_date", Self::MailConsentDate),
        ("tracking_consent", Self::TrackingConsent),
        ("tracking_consent_source", Self::TrackingConsentSource),
        ("tracking_consent_date", Self::TrackingConsentDate),
        ("as_of", Self::AsOf),
        ("ignore", Self::Ignore),
    ];

    fn parse(word: &str) -> Option<Self> {
        if let Some(system) = word.strip_prefix("external_id:").map(str::trim).filter(|system| !system.is_empty()) {
            return Some(Self::ExternalId(system.to_lowercase()));
        }
        match word.strip_prefix("field:") {
            Some(name) => Name::parse(name.trim()).ok().map(Self::Field),
            None => Self::WORDS.into_iter().find(|(known, _)| *known == word).map(|(_, target)| target),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "field:{name}"),
            Self::ExternalId(system) => write!(f, "external_id:{system}"),
            known => f.pad(Self::WORDS.iter().find(|(_, target)| target == known).map_or("ignore", |(word, _)| word)),
        }
    }
}

/// One column of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    pub header: String,
    pub target: Target,
    /// Whether an earlier column has the same target; the first cell that is not blank counts.
    pub shared: bool,
}

/// The user's own mapping of headers: a TOML table `"Header" = "target"`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MapFile {
    entries: BTreeMap<String, (String, Target)>,
}

impl MapFile {
    /// Reads the text of a map file.
    ///
    /// # Errors
    /// Names the header whose target is unknown, and lists the targets.
    pub fn parse(text: &str) -> Result<Self, MapError> {
        let table: BTreeMap<String, String> = toml::from_str(text).map_err(|error| MapError::Toml(error.to_string()))?;
        let mut entries = BTreeMap::new();
        for (header, word) in table {
            let Some(target) = Target::parse(word.trim()) else { return Err(MapError::Target { header, word }) };
            entries.insert(loose(&header), (header, target));
        }
        Ok(Self { entries })
    }

    /// Headers of the map that are not in the file: probably misspelt.
    pub fn unused(&self, columns: &[Column]) -> Vec<String> {
        let present: Vec<String> = columns.iter().map(|column| loose(&column.header)).collect();
        self.entries.iter().filter(|(key, _)| !present.contains(key)).map(|(_, (header, _))| header.clone()).collect()
    }
}

/// Why a map file cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MapError {
    #[error("the map file is not TOML of the form \"Header\" = \"target\": {0}")]
    Toml(String),
    #[error("{header:?} is mapped to {word:?}, which is no target; write one of: {}, field:NAME, external_id:SYSTEM", targets())]
    Target { header: String, word: String },
}

fn targets() -> String {
    Target::WORDS.map(|(word, _)| word).join(", ")
}

/// The target of each header.
pub fn columns(headers: &[String], map: &MapFile, declared: &BTreeMap<Name, FieldType>) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for (index, header) in headers.iter().enumerate() {
        let target = target(header, index, map, declared);
        let shared = target != Target::Ignore && columns.iter().any(|column| column.target == target);
        columns.push(Column { header: header.clone(), target, shared });
    }
    columns
}

fn target(header: &str, index: usize, map: &MapFile, declared: &BTreeMap<Name, FieldType>) -> Target {
    let key = loose(header);
    if let Some((_, target)) = map.entries.get(&key) {
        return target.clone();
    }
    if let Some((_, target)) = KNOWN.iter().find(|(known, _)| *known == key) {
        return target.clone();
    }
    if header.trim().is_empty() {
        return Target::Ignore;
    }
    let own = Name::from_words(header);
    if let Some(name) = own.as_ref().filter(|name| declared.contains_key(*name)) {
        return Target::Field(name.clone());
    }
    if let Some(system) = external_ids::system_of(&key) {
        return Target::ExternalId(system.to_owned());
    }
    let usual = FIELDS.iter().find(|(known, _)| *known == key).and_then(|(_, field)| Name::parse(field).ok());
    // A header in another script may have no letters that a name can hold.
    let name = usual.or(own).or_else(|| Name::parse(&format!("column_{}", index + 1)).ok());
    name.map_or(Target::Ignore, Target::Field)
}

/// A header without its spelling: lower case, letters and digits only.
fn loose(header: &str) -> String {
    header.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The headers of `HubSpot`, Salesforce and Mautic in their contact and lead exports, then nurtured's own.
const KNOWN: [(&str, Target); 76] = [
    ("email", Target::Email),
    ("emailaddress", Target::Email),
    ("emailaddress1", Target::Email),
    ("mail", Target::Email),
    ("workemail", Target::Email),
    ("contactemail", Target::Email),
    ("primaryemail", Target::Email),
    ("correo", Target::Email),
    ("correoelectrónico", Target::Email),
    ("name", Target::Name),
    ("fullname", Target::Name),
    ("contactname", Target::Name),
    ("leadname", Target::Name),
    ("firstname", Target::FirstName),
    ("givenname", Target::FirstName),
    ("lastname", Target::LastName),
    ("surname", Target::LastName),
    ("familyname", Target::LastName),
    ("phone", Target::Phone),
    ("phonenumber", Target::Phone),
    ("businessphone", Target::Phone),
    ("workphone", Target::Phone),
    ("telephone", Target::Phone),
    ("mobile", Target::Phone),
    ("mobilephone", Target::Phone),
    ("mobilephonenumber", Target::Phone),
    ("homephone", Target::Phone),
    ("otherphone", Target::Phone),
    ("company", Target::Company),
    ("companyname", Target::Company),
    ("associatedcompany", Target::Company),
    ("primaryassociatedcompany", Target::Company),
    ("companyaccount", Target::Company),
    ("account", Target::Company),
    ("accountname", Target::Company),
    ("organization", Target::Company),
    ("organisation", Target::Company),
    ("primarycompany", Target::Company),
    ("owner", Target::Owner),
    ("contactowner", Target::Owner),
    ("hubspotowner", Target::Owner),
    ("leadowner", Target::Owner),
    ("accountowner", Target::Owner),
    ("ownername", Target::Owner),
    ("ownerfullname", Target::Owner),
    ("salesperson", Target::Owner),
    ("tags", Target::Tags),
    ("tag", Target::Tags),
    ("labels", Target::Tags),
    ("segments", Target::Tags),
    ("unsubscribedfromallemail", Target::EmailOptOut),
    ("optedoutofallemail", Target::EmailOptOut),
    ("emailoptout", Target::EmailOptOut),
    ("hasoptedoutofemail", Target::EmailOptOut),
    ("unsubscribed", Target::EmailOptOut),
    ("donotemail", Target::EmailOptOut),
    ("dnc", Target::EmailOptOut),
    ("donotcontact", Target::EmailOptOut),
    ("emaildnc", Target::EmailOptOut),
    ("donotcall", Target::PhoneOptOut),
    ("phoneoptout", Target::PhoneOptOut),
    ("mailconsent", Target::MailConsent),
    ("marketingconsent", Target::MailConsent),
    ("emailconsent", Target::MailConsent),
    ("emailoptin", Target::MailConsent),
    ("mailconsentsource", Target::MailConsentSource),
    ("legalbasisforprocessingcontactsdata", Target::MailConsentSource),
    ("legalbasis", Target::MailConsentSource),
    ("mailconsentdate", Target::MailConsentDate),
    ("consentdate", Target::MailConsentDate),
    ("optindate", Target::MailConsentDate),
    ("trackingconsent", Target::TrackingConsent),
    ("trackingconsentsource", Target::TrackingConsentSource),
    ("trackingconsentdate", Target::TrackingConsentDate),
    ("asof", Target::AsOf),
    // Our own export names the standing; an import cannot change it.
    ("standing", Target::Ignore),
];

/// Fields that the three programs spell differently, under one name.
const FIELDS: [(&str, &str); 21] = [
    ("jobtitle", "job_title"),
    ("title", "job_title"),
    ("position", "job_title"),
    ("country", "country"),
    ("countryregion", "country"),
    ("mailingcountry", "country"),
    ("industry", "industry"),
    ("numberofemployees", "employees"),
    ("noofemployees", "employees"),
    ("employees", "employees"),
    ("preferredlocale", "language"),
    ("preferredlanguage", "language"),
    ("language", "language"),
    ("locale", "language"),
    ("leadsource", "lead_source"),
    ("originalsource", "lead_source"),
    ("lifecyclestage", "lifecycle_stage"),
    ("leadstatus", "lead_status"),
    ("city", "city"),
    ("mailingcity", "city"),
    ("website", "website"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn targets_of(headers: &[&str], map: &str, declared: &[&str]) -> Vec<String> {
        let headers: Vec<String> = headers.iter().map(|h| (*h).to_owned()).collect();
        let declared = declared.iter().map(|name| (Name::parse(name).expect("name"), FieldType::Text)).collect();
        columns(&headers, &MapFile::parse(map).expect("map"), &declared).iter().map(|c| c.target.to_string()).collect()
    }

    #[test]
    fn three_exports_are_known() {
        let hubspot = [
            "Record ID",
            "First Name",
            "Last Name",
            "Email",
            "Phone Number",
            "Mobile Phone Number",
            "Company Name",
            "Contact owner",
            "Job Title",
            "Unsubscribed from all email",
            "Country/Region",
            "Number of Employees",
            "Legal basis for processing contact's data",
        ];
        let expected = [
            "external_id:hubspot",
            "first_name",
            "last_name",
            "email",
            "phone",
            "phone",
            "company",
            "owner",
            "field:job_title",
            "email_opt_out",
            "field:country",
            "field:employees",
            "mail_consent_source",
        ];
        assert_eq!(targets_of(&hubspot, "", &[]), expected);
        let salesforce =
            ["Full Name", "Title", "Company / Account", "HasOptedOutOfEmail", "Do Not Call", "Lead Owner", "Lead Source"];
        let expected = ["name", "field:job_title", "company", "email_opt_out", "phone_opt_out", "owner", "field:lead_source"];
        assert_eq!(targets_of(&salesforce, "", &[]), expected);
        let mautic = ["firstname", "position", "preferred_locale", "points", "dnc", "tags"];
        let expected = ["first_name", "field:job_title", "field:language", "field:points", "email_opt_out", "tags"];
        assert_eq!(targets_of(&mautic, "", &[]), expected);
    }

    #[test]
    fn the_map_and_declared_fields_go_first() {
        assert_eq!(
            targets_of(&["E-mail", "Ti_tle", "", "日本", "Title"], "", &["title"]),
            ["email", "field:job_title", "ignore", "field:column_4", "field:title"]
        );
        let map = "\"e mail\" = \"ignore\"\n\"Work\" = \"email\"\n\"Code\" = \"field:erp.code\"";
        assert_eq!(targets_of(&["E-Mail", "work", "code"], map, &[]), ["ignore", "email", "field:erp.code"]);
        let error = MapFile::parse("\"Work\" = \"mial\"").expect_err("unknown").to_string();
        assert!(error.contains("\"Work\"") && error.contains("tracking_consent"), "{error}");
        assert!(matches!(MapFile::parse("x"), Err(MapError::Toml(_))));
        assert_eq!(MapFile::parse("Nobody = \"email\"").expect("map").unused(&[]), ["Nobody"]);
    }
}
