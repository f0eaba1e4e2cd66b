//! JSON as providers write it: numbers as texts, texts as numbers, keys left out. What has another shape is as if it were absent.

use crate::domain::address::Address;
use crate::domain::excerpt::excerpt;
use jiff::Timestamp;
use serde_json::Value;

/// How many characters of what was said are kept.
const WORDS: usize = 1_000;

/// A text or a number as text; nothing of anything else, nor of an empty text.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What was said, on one line.
pub fn words(value: &Value) -> String {
    excerpt(&text(value).unwrap_or_default(), WORDS)
}

pub fn address(value: &Value) -> Option<Address> {
    value.as_str().and_then(|text| Address::parse(text.trim().trim_start_matches('<').trim_end_matches('>')).ok())
}

pub fn code(value: &Value) -> Option<u16> {
    text(value)?.trim().parse().ok()
}

/// An instant: seconds or milliseconds since 1970, also with a fraction, or RFC 3339.
pub fn instant(value: &Value) -> Option<Timestamp> {
    let text = text(value)?;
    let Ok(number) = text.trim().parse::<f64>() else { return text.trim().parse().ok() };
    // In seconds, a number as large as this lies three thousand years ahead.
    let milliseconds = if number.abs() < 1e11 { number * 1_000.0 } else { number };
    if !milliseconds.is_finite() || milliseconds.abs() > 1e14 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "its bound is checked above")]
    Timestamp::from_millisecond(milliseconds as i64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn instants_are_read_as_each_provider_writes_them() {
        let at: Timestamp = "2018-08-12T21:17:17.153Z".parse().expect("an instant");
        for value in
            [json!(1_534_108_637.153), json!("1534108637.153"), json!(1_534_108_637_153_u64), json!("2018-08-12T21:17:17.153Z")]
        {
            assert_eq!(instant(&value), Some(at), "{value}");
        }
        assert!(instant(&json!("2016-04-27T16:28:50.3963933-04:00")).is_some());
        for value in
            [json!(""), json!(null), json!("yesterday"), json!(1e300), json!("NaN"), json!("inf"), json!(-1e300), json!([1])]
        {
            assert_eq!(instant(&value), None, "{value}");
        }
    }
}
