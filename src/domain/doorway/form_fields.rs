//! Which fields of a form are kept. What visitors add of their own is neither shown nor read by any rule, so it is not stored.

use super::arrival::EMAIL_OPT_OUT;
use super::enquiry::{MESSAGE, PHONE};
use super::rule::{Qualifying, Reads};
use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use std::collections::BTreeMap;

/// Fields that salespeople are shown, whether a rule reads them or not.
const SHOWN: [&str; 14] = [
    "name",
    "first_name",
    "last_name",
    "phone",
    "company",
    "job_title",
    "country",
    "city",
    "website",
    "language",
    "subject",
    "message",
    "comments",
    "question",
];

/// Keeps the fields of a form that are declared, shown, or read by a rule about this form.
pub fn keep(rules: &Qualifying, declared: &BTreeMap<Name, FieldType>, form: &Name, fields: &mut BTreeMap<String, String>) {
    let is_read = |field: &str| {
        let reads =
            |reads: &Reads| matches!(reads, Reads::Form { form: of, test: Some((name, ..)) } if of == form && name == field);
        rules.criteria.iter().any(|(_, criterion)| criterion.rules.iter().any(|rule| reads(&rule.reads)))
    };
    let is_declared = |field: &str| Name::parse(field).is_ok_and(|name| declared.contains_key(&name));
    let is_told = |field: &str| [&SHOWN[..], &MESSAGE, &PHONE].iter().any(|told| told.contains(&field));
    fields.retain(|field, _| is_told(field) || is_declared(field) || is_read(field));
}

/// Keeps what a form says to mail, in whatever field and words it stood: only a no is kept.
pub fn keep_no(fields: &mut BTreeMap<String, String>, is_no: bool) {
    fields.remove(EMAIL_OPT_OUT);
    if is_no {
        fields.insert(EMAIL_OPT_OUT.to_owned(), "yes".to_owned());
    }
}
