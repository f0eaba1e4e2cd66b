//! The columns of a list: what each header becomes.
//!
//! The user's map goes first, then the tables, then the declared fields. What speaks of permission and is not understood is
//! `Unclear`; any other column is kept as a field of its own name.

use super::external_ids;
use super::header_words::Known;
use super::headers;
use super::map_file::{MapFile, Named};
use super::target::Target;
use super::words::loose;
use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use serde::Serialize;
use std::collections::BTreeMap;

/// One column of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    pub header: String,
    pub target: Target,
    /// Whether an earlier column has the same target; the first cell that is not blank counts.
    pub shared: bool,
    /// The field that a column of permission is also kept as.
    #[serde(skip)]
    pub(super) keeps: Option<Name>,
    /// What the user's map says of its values.
    #[serde(skip)]
    pub(super) named: Named,
    /// Whether a clear no in it is heard though it is no column of permission: not where the user's map says what it is, nor
    /// where it speaks of another channel than mail.
    #[serde(skip)]
    pub(super) heard: bool,
    /// Whether it may be a status of the mail, or a part of an address.
    #[serde(skip)]
    pub(super) state: bool,
}

/// The columns of these headers.
pub fn columns(headers: &[String], map: &MapFile, declared: &BTreeMap<Name, FieldType>) -> Vec<Column> {
    let mut columns: Vec<Column> =
        headers.iter().enumerate().map(|(index, header)| column(header, index, map, declared)).collect();
    if !columns.iter().any(|column| column.target == Target::Email)
        && let Some(column) = columns.iter_mut().find(|c| c.heard && headers::is_email_if_none(&c.header))
    {
        (column.target, column.keeps) = (Target::Email, None);
    }
    for index in 1..columns.len() {
        let (before, rest) = columns.split_at_mut(index);
        let target = &rest[0].target;
        // Each column of permission counts.
        let single = *target != Target::Ignore && *target != Target::Tags && target.question().is_none();
        rest[0].shared = single && before.iter().any(|column| column.target == *target);
    }
    columns
}

fn column(header: &str, index: usize, map: &MapFile, declared: &BTreeMap<Name, FieldType>) -> Column {
    let of = |target| Column {
        header: header.to_owned(),
        target,
        shared: false,
        keeps: None,
        named: Named::default(),
        heard: true,
        state: false,
    };
    if let Some((target, named)) = map.target(header) {
        let keeps = (*target == Target::Status).then(|| own_name(header, index)).flatten();
        return Column { keeps, named: named.clone(), heard: false, ..of(target.clone()) };
    }
    if header.trim().is_empty() {
        return of(Target::Ignore);
    }
    let is_declared = Name::from_words(header).filter(|name| declared.contains_key(name));
    if is_declared.is_none()
        && let Some(system) = external_ids::system_of(&loose(header))
    {
        return of(Target::ExternalId(system.to_owned()));
    }
    let field = || is_declared.clone().or_else(|| own_name(header, index)).map_or(Target::Ignore, Target::Field);
    match headers::known(header) {
        Some(Known::As(Target::Field(usual))) => of(Target::Field(is_declared.clone().unwrap_or(usual))),
        Some(Known::As(Target::Unclear)) | None if is_declared.is_none() && unclear(header) => of(Target::Unclear),
        Some(Known::OtherChannel) => Column { heard: false, ..of(field()) },
        Some(Known::State) => Column { state: is_declared.is_none(), ..of(field()) },
        Some(Known::As(Target::Unclear) | Known::OwnField) | None => of(field()),
        Some(Known::As(target)) => {
            let keeps = if target == Target::Status {
                own_name(header, index)
            } else {
                is_declared.filter(|_| target.question().is_some())
            };
            Column { keeps, ..of(target) }
        }
    }
}

fn unclear(header: &str) -> bool {
    headers::known(header) == Some(Known::As(Target::Unclear)) || headers::speaks_of_permission(header)
}

/// A field of the header's own name; a header in another script may have no letters that a name can hold.
fn own_name(header: &str, index: usize) -> Option<Name> {
    Name::from_words(header).or_else(|| Name::parse(&format!("column_{}", index + 1)).ok())
}

#[cfg(test)]
mod tests {
    use super::super::map_file::MapError;
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
        let expected = ["first_name", "field:job_title", "field:language", "field:points", "email_opt_out_if_filled", "tags"];
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
    }

    #[test]
    fn a_column_that_speaks_of_permission_is_never_merely_kept() {
        for header in [
            "Opt wishes",
            "Subscriber group",
            "Consent level",
            "Bounce class",
            "Marketing permissions v2",
            "Lieferstatus",
            "Kundenwunsch Werbung",
            "GDPR basis",
            "Not unsubscribed",
            "Do not invite",
            "Sperre",
            "Abonnement",
            "Publicidad",
            "Privacy",
            "Статус рассылки",
        ] {
            let found = &targets_of(&[header], "", &[])[0];
            assert!(!found.starts_with("field:") && found != "ignore", "{header}: {found}");
        }
        for header in [
            "Points",
            "Notes",
            "Mailing City",
            "Telefono / email",
            "Optician",
            "Adoption date",
            "Post code",
            "Innovolumen",
            "Laptop touch",
        ] {
            let found = &targets_of(&[header], "", &[])[0];
            assert!(found.starts_with("field:"), "{header}: {found}");
        }
        // A field that the company declared is its own; a map says anything.
        assert_eq!(targets_of(&["Bounce class"], "", &["bounce_class"]), ["field:bounce_class"]);
        assert_eq!(targets_of(&["Bounce class"], "\"Bounce class\" = \"ignore\"", &[]), ["ignore"]);
    }

    #[test]
    fn a_subscriber_is_an_address_where_nothing_else_is() {
        assert_eq!(targets_of(&["Subscriber", "Name"], "", &[]), ["email", "name"]);
        assert_ne!(targets_of(&["Email", "Subscriber"], "", &[])[1], "email");
    }

    #[test]
    fn a_map_file_says_what_is_wrong_with_it() {
        let error = |text: &str| MapFile::parse(text).expect_err("refused").to_string();
        let unknown = error("\"Work\" = \"mial\"");
        assert!(unknown.contains("\"Work\"") && unknown.contains("tracking_consent"), "{unknown}");
        assert!(matches!(MapFile::parse("x"), Err(MapError::Toml(_))));
        assert!(error("Work = 1").contains("needs a target"));
        assert!(error("Work = { ok = [\"x\"] }").contains("needs a target"));
        assert!(error("Work = { target = \"phone\", ok = [\"x\"] }").contains("cannot be named"));
        assert!(error("Work = { target = \"email_status\", fine = [\"x\"] }").contains("\"fine\""));
        assert!(error("Work = { target = \"email_status\", ok = [\"x\"], stop = [\"X\"] }").contains("two lists"));
        assert!(error("Work = { target = \"email_status\", otherwise = \"yes\" }").contains("otherwise"));
        assert!(error("Work = \"email\"\n\"work\" = \"phone\"").contains("same header"));
        assert_eq!(MapFile::parse("Nobody = \"email\"").expect("map").unused(&[]), ["Nobody"]);
    }
}
