//! Unconfirmed: what forms say that nobody has answered for, beside what is on record. A salesperson sees both.

use super::signal::{Detail, Signal};
use crate::domain::address::one_line;
use crate::domain::excerpt::excerpt;
use crate::domain::id::{Name, SignalId};
use crate::domain::prospect::{FieldType, Prospect};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many are shown: whoever fills in a form a thousand times fills no page.
const SHOWN: usize = 12;
/// How much of a value is shown, in characters.
const MOST_CHARACTERS: usize = 80;

/// One detail that a form states and nobody has confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unconfirmed {
    pub signal: SignalId,
    pub at: Timestamp,
    pub form: Name,
    /// "phone", or the name of a field.
    pub what: String,
    pub said: String,
    pub on_record: Option<String>,
    /// Whether the record has it from this form: it was blank.
    pub filled: bool,
}

impl Unconfirmed {
    /// Both values, in a sentence without its end.
    pub fn words(&self) -> String {
        let Self { form, what, said, .. } = self;
        match &self.on_record {
            _ if self.filled => format!("not confirmed: {what} {said} is on record from the form {form} alone"),
            Some(record) => format!("not confirmed: the form {form} says {what} {said}, on record {record}"),
            None => format!("not confirmed: the form {form} says {what} {said}, nothing on record"),
        }
    }
}

/// What unconfirmed forms say otherwise than the record, or say alone, the newest first. `declared` are the fields that a form
/// can set. What the prospect said in a confirmed form since is left out.
pub fn unconfirmed(signals: &[Signal], prospect: &Prospect, declared: &BTreeMap<Name, FieldType>) -> Vec<Unconfirmed> {
    let mut newest: Vec<&Signal> = signals.iter().collect();
    newest.sort_by_key(|signal| std::cmp::Reverse((signal.occurred_at, signal.id)));
    let (mut settled, mut found) = (BTreeSet::new(), Vec::new());
    for signal in newest {
        let (fields, is_confirmed) = match &signal.detail {
            Detail::Form { fields, .. } => (fields, true),
            Detail::UnconfirmedForm { fields, .. } => (fields, false),
            _ => continue,
        };
        for (what, said) in stated(fields, declared) {
            let key = (what.to_owned(), comparable(what, &said));
            if is_confirmed {
                settled.insert(key);
            } else if settled.insert(key) {
                found.extend(beside_the_record(signal, what, &said, prospect));
            }
        }
        if found.len() >= SHOWN {
            break;
        }
    }
    found.truncate(SHOWN);
    found
}

/// The details and declared fields that a form states, each with its value as the record would keep it.
fn stated<'a>(
    fields: &'a BTreeMap<String, String>,
    declared: &'a BTreeMap<Name, FieldType>,
) -> impl Iterator<Item = (&'a str, String)> {
    fields.iter().filter_map(|(key, value)| {
        let value = value.trim();
        let kept = match key.as_str() {
            "name" | "phone" | "company" => value.to_owned(),
            _ => declared.iter().find(|(name, _)| name.as_str() == key)?.1.canonical(value).ok()?,
        };
        (!kept.is_empty()).then_some((key.as_str(), kept))
    })
}

fn beside_the_record(signal: &Signal, what: &str, said: &str, prospect: &Prospect) -> Option<Unconfirmed> {
    let Detail::UnconfirmedForm { form, filled, .. } = &signal.detail else { return None };
    let on_record = match what {
        "name" => prospect.name.as_ref(),
        "phone" => prospect.phone.as_ref(),
        "company" => prospect.company.as_ref(),
        _ => prospect.fields.iter().find(|(name, _)| name.as_str() == what).map(|(_, value)| value),
    };
    let is_same = on_record.is_some_and(|record| comparable(what, record) == comparable(what, said));
    let filled = is_same && filled.contains(what);
    (filled || !is_same).then(|| Unconfirmed {
        signal: signal.id,
        at: signal.occurred_at,
        form: form.clone(),
        what: what.to_owned(),
        said: excerpt(&one_line(said), MOST_CHARACTERS),
        on_record: on_record.map(|record| excerpt(&one_line(record), MOST_CHARACTERS)),
        filled,
    })
}

/// A value as two writings of it are compared: a phone number by its digits, anything else without case and outer spaces.
fn comparable(what: &str, value: &str) -> String {
    if what == "phone" {
        return value.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    }
    value.trim().to_lowercase()
}
