//! Conversions between stored values and the types of `domain`: instants, ids, names, JSON.

use super::backend::{StoreError, Value};
use crate::domain::address::Address;
use crate::domain::id::{
    AccountId, DeliveryId, EnquiryId, EnquiryListId, FollowUpId, HandoffId, IssueId, LetterId, Name, OccurrenceId, PendingFormId,
    ProspectId, QualificationId, SignalId,
};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

macro_rules! id_values {
    ($($id:ident),+) => {$(
        impl From<$id> for Value {
            fn from(id: $id) -> Self {
                Self::Number(Some(id.0))
            }
        }
        impl From<Option<$id>> for Value {
            fn from(id: Option<$id>) -> Self {
                Self::Number(id.map(|id| id.0))
            }
        }
    )+};
}
id_values!(
    AccountId,
    DeliveryId,
    EnquiryId,
    EnquiryListId,
    FollowUpId,
    HandoffId,
    IssueId,
    LetterId,
    OccurrenceId,
    PendingFormId,
    ProspectId,
    QualificationId,
    SignalId
);

macro_rules! values {
    ($($from:ty => |$value:ident| $to:expr),+ $(,)?) => {$(
        impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $to
            }
        }
    )+};
}
values!(
    i64 => |n| Self::Number(Some(n)),
    Option<i64> => |n| Self::Number(n),
    &str => |text| Self::Text(Some(without_nul(text.to_owned()))),
    String => |text| Self::Text(Some(without_nul(text))),
    Option<String> => |text| Self::Text(text.map(without_nul)),
    Option<&str> => |text| Self::Text(text.map(|t| without_nul(t.to_owned()))),
    &Name => |name| Self::Text(Some(name.to_string())),
    Option<&Name> => |name| Self::Text(name.map(ToString::to_string)),
    &Address => |address| Self::Text(Some(address.to_string())),
    bool => |truth| Self::Truth(truth),
    Vec<u8> => |bytes| Self::Bytes(bytes),
    Timestamp => |at| Self::Number(Some(at.as_millisecond())),
    Option<Timestamp> => |at| Self::Number(at.map(Timestamp::as_millisecond)),
);

/// The instant of stored milliseconds.
pub(in crate::store) fn instant(milliseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(milliseconds).map_err(|e| StoreError::value("instant", e))
}

/// The instant of stored milliseconds, or none.
pub(in crate::store) fn instant_or_none(milliseconds: Option<i64>) -> Result<Option<Timestamp>, StoreError> {
    milliseconds.map(instant).transpose()
}

/// A stored name.
pub(in crate::store) fn name(text: &str) -> Result<Name, StoreError> {
    Name::parse(text).map_err(|e| StoreError::value("name", e))
}

/// Ids as one parameter, a JSON array of numbers: `(SELECT CAST(value AS BIGINT) FROM json_each($1))` gives them back.
pub(in crate::store) fn ids<'a, T: Copy + Into<Value> + Serialize + 'a>(
    of: impl IntoIterator<Item = &'a T>,
) -> Result<String, StoreError> {
    to_json(&of.into_iter().collect::<Vec<_>>())
}

/// Texts as one parameter: `(SELECT value ->> 'text' FROM json_each($1))` returns them. They are wrapped because the
/// engines have no common expression for a bare JSON string.
pub(in crate::store) fn texts<T: Serialize>(of: impl IntoIterator<Item = T>) -> Result<String, StoreError> {
    #[derive(Serialize)]
    struct Row<T> {
        text: T,
    }
    to_json(&of.into_iter().map(|text| Row { text }).collect::<Vec<_>>())
}

/// A stored address.
pub(in crate::store) fn address(text: &str) -> Result<Address, StoreError> {
    Address::parse(text).map_err(|e| StoreError::value("address", e))
}

/// A stored word of a closed set.
pub(in crate::store) fn word<T>(what: &'static str, text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
    parse(text).ok_or_else(|| StoreError::value(what, format!("{text:?} is none of its words")))
}

/// Stored JSON.
pub(in crate::store) fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::value(what, e))
}

/// PostgreSQL's text cannot hold U+0000, and a prospect or a relay may send one: it becomes a space.
fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', " ") } else { text }
}

/// A value as JSON text. PostgreSQL's JSON cannot hold U+0000 either, so it becomes a space.
pub(in crate::store) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    let text = serde_json::to_string(value).map_err(|e| StoreError::value("value to keep", e))?;
    Ok(if text.contains("\\u0000") { without_escaped_nul(&text) } else { text })
}

/// Escapes are read in pairs: a typed backslash followed by `u0000` is no U+0000.
fn without_escaped_nul(json: &str) -> String {
    let mut clean = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        clean.push_str(before);
        rest = if let Some(after) = escape.strip_prefix("\\u0000") {
            clean.push(' ');
            after
        } else {
            let (pair, after) = escape.split_at(2);
            clean.push_str(pair);
            after
        };
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_becomes_a_space_and_what_only_looks_like_one_stays() {
        for (text, kept) in [
            ("a\0b", "a b"),
            ("\\u0000", "\\u0000"),
            ("\\\0", "\\ "),
            ("\0\0 \u{1}\"\\", "   \u{1}\"\\"),
            ("été 🏭 \\\\u0000", "été 🏭 \\\\u0000"),
        ] {
            let json = to_json(text).expect("text is JSON");
            assert_eq!(from_json::<String>("text", &json).expect("it is read again"), kept, "{text:?}");
            assert!(matches!(Value::from(text), Value::Text(Some(bound)) if !bound.contains('\0')));
        }
    }
}
