//! Prospects as another system sends them: one, or a page of them, as JSON. A bad prospect costs itself alone.
//!
//! As in a list, what is absent or null says nothing and can never overwrite. An error names its place and never repeats a value.

use crate::domain::address::{Address, one_line};
use crate::domain::consent::{Consent, Purpose};
use crate::domain::doorway::arrival::Arrival;
use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use crate::domain::span::midnight;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// How many prospects a page may have.
pub const MOST: usize = 1_000;

/// How many characters a name, a phone number, a company or a tag may have.
const MOST_OF_DETAIL: usize = 300;
/// How many characters the text of a consent may have.
const MOST_OF_WORDING: usize = 2_000;
/// How many characters a field may have.
const MOST_OF_FIELD: usize = 4_000;
/// How many tags, and how many consents, a prospect may come with.
const MOST_OF_LIST: usize = 50;

/// A problem: at which key, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Such as `prospects[3].fields.employees`; empty for the body as a whole.
    pub place: String,
    pub error: String,
}

/// What was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Whether it is one prospect, without a page around it.
    pub is_single: bool,
    /// The day on which the fields were true, if it says so.
    pub as_of: Option<Date>,
    pub rows: Vec<Result<Arrival, Refused>>,
}

type Object = Map<String, Value>;

/// Reads a prospect, a list of them, or `{"prospects": [...], "as_of": "2026-01-31"}`. `source` is said of consents without one.
///
/// # Errors
/// When the body as a whole cannot be read.
pub fn read(body: &[u8], declared: &BTreeMap<Name, FieldType>, source: &str) -> Result<Page, Refused> {
    let whole = |error: &str| Refused { place: String::new(), error: error.to_owned() };
    let value: Value = serde_json::from_slice(body).map_err(|error| Refused {
        place: format!("line {}, column {}", error.line(), error.column()),
        error: format!("the body is no JSON: {error}"),
    })?;
    let (is_single, as_of, values) = match value {
        Value::Array(values) => (false, None, values),
        Value::Object(mut page) if page.contains_key("prospects") => {
            let as_of = as_of(&mut page)?;
            let Some(Value::Array(values)) = page.remove("prospects") else {
                return Err(Refused { place: "prospects".to_owned(), error: "this is no list".to_owned() });
            };
            if let Some(key) = page.keys().next() {
                let error = "there is no such key; known here: prospects, as_of".to_owned();
                return Err(Refused { place: one_line(key), error });
            }
            (false, as_of, values)
        }
        Value::Object(mut one) => (true, as_of(&mut one)?, vec![Value::Object(one)]),
        _ => return Err(whole("a prospect is an object such as {\"email\": \"…\"}, and several of them are a list")),
    };
    if values.len() > MOST {
        return Err(whole("a page has at most 1,000 prospects; send the others in further calls"));
    }
    let place = |row: usize| if is_single { String::new() } else { format!("prospects[{row}]") };
    let rows = values.into_iter().enumerate().map(|(row, value)| prospect(value, declared, source, &place(row))).collect();
    Ok(Page { is_single, as_of, rows })
}

fn as_of(object: &mut Object) -> Result<Option<Date>, Refused> {
    let refused = || Refused { place: "as_of".to_owned(), error: "this is no day; write \"YYYY-MM-DD\"".to_owned() };
    match object.remove("as_of") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => text.parse().map(Some).map_err(|_| refused()),
        Some(_) => Err(refused()),
    }
}

fn prospect(value: Value, declared: &BTreeMap<Name, FieldType>, source: &str, at: &str) -> Result<Arrival, Refused> {
    let Value::Object(object) = value else {
        return Err(Refused { place: at.to_owned(), error: "this is no object".to_owned() });
    };
    let mut keys = Keys { object, at };
    let address = keys.text("email", 254)?.ok_or_else(|| keys.refused("email", "a prospect needs a mail address"))?;
    let address = Address::parse(&address).map_err(|error| keys.refused("email", &error.to_string()))?;
    let mut arrival = Arrival {
        name: keys.text("name", MOST_OF_DETAIL)?,
        phone: keys.text("phone", MOST_OF_DETAIL)?,
        company: keys.text("company", MOST_OF_DETAIL)?,
        owner: keys.text("owner", MOST_OF_DETAIL)?,
        email_opt_out: keys.truth("email_opt_out")?,
        phone_opt_out: keys.truth("phone_opt_out")?,
        fields: keys.fields(declared)?,
        tags: keys.tags()?,
        consents: keys.consents(source)?,
        ..Arrival::of(address)
    };
    // A no to mails is a no, also where it stands among the consents.
    arrival.email_opt_out |= arrival.consents.iter().any(|consent| consent.purpose == Purpose::Mail && !consent.given);
    match keys.object.keys().next() {
        None => Ok(arrival),
        Some(key) => {
            let known = "email, name, phone, company, owner, fields, tags, email_opt_out, phone_opt_out, consents";
            Err(keys.refused(&one_line(key), &format!("there is no such key; known here: {known}")))
        }
    }
}

/// The keys of one object; those that were read are gone from it.
struct Keys<'a> {
    object: Object,
    at: &'a str,
}

impl Keys<'_> {
    fn refused(&self, key: &str, error: &str) -> Refused {
        let dot = if self.at.is_empty() { "" } else { "." };
        Refused { place: format!("{}{dot}{key}", self.at), error: error.to_owned() }
    }

    /// A text on one line; a blank one says nothing.
    fn text(&mut self, key: &str, most: usize) -> Result<Option<String>, Refused> {
        let text = match self.object.remove(key) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => one_line(&text).trim().to_owned(),
            Some(_) => return Err(self.refused(key, "this is no text")),
        };
        if text.chars().count() > most {
            return Err(self.refused(key, &format!("this is longer than {most} characters")));
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn truth(&mut self, key: &str) -> Result<bool, Refused> {
        match self.object.remove(key) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(truth)) => Ok(truth),
            // "no" and 0 are guessed by nobody: an opt-out that is misread is a mail to somebody who said no.
            Some(_) => Err(self.refused(key, "this is neither true nor false")),
        }
    }

    fn fields(&mut self, declared: &BTreeMap<Name, FieldType>) -> Result<BTreeMap<Name, String>, Refused> {
        let values = match self.object.remove("fields") {
            None | Some(Value::Null) => return Ok(BTreeMap::new()),
            Some(Value::Object(values)) => values,
            Some(_) => return Err(self.refused("fields", "this is no object of fields and their values")),
        };
        let mut fields = BTreeMap::new();
        for (key, value) in values {
            let place = format!("fields.{}", one_line(&key));
            let known = Name::parse(&key).ok().and_then(|name| declared.get_key_value(&name));
            let Some((name, kind)) = known else {
                let names: Vec<&str> = declared.keys().map(Name::as_str).collect();
                let error =
                    format!("no such field is declared under [fields] in nurtured.toml; declared are {}", names.join(", "));
                return Err(self.refused(&place, &error));
            };
            let text = match value {
                Value::Null => continue,
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(truth) => truth.to_string(),
                Value::Array(_) | Value::Object(_) => {
                    return Err(self.refused(&place, "a field has one value: a text, a number, true or false"));
                }
            };
            let text = one_line(&text);
            if text.chars().count() > MOST_OF_FIELD {
                return Err(self.refused(&place, "this is longer than 4,000 characters"));
            }
            if !text.trim().is_empty() {
                fields.insert(name.clone(), kind.canonical(&text).map_err(|error| self.refused(&place, error))?);
            }
        }
        Ok(fields)
    }

    fn list(&mut self, key: &str) -> Result<Vec<Value>, Refused> {
        match self.object.remove(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(values)) if values.len() <= MOST_OF_LIST => Ok(values),
            Some(Value::Array(_)) => Err(self.refused(key, "this list has more than 50 items")),
            Some(_) => Err(self.refused(key, "this is no list")),
        }
    }

    fn tags(&mut self) -> Result<BTreeSet<String>, Refused> {
        let mut tags = BTreeSet::new();
        for (place, value) in self.list("tags")?.into_iter().enumerate() {
            let tag = value.as_str().map(|text| one_line(text).trim().to_owned());
            let tag = tag.filter(|tag| !tag.is_empty() && tag.chars().count() <= MOST_OF_DETAIL);
            tags.insert(tag.ok_or_else(|| self.refused(&format!("tags[{place}]"), "a tag is a text of 1 to 300 characters"))?);
        }
        Ok(tags)
    }

    fn consents(&mut self, source: &str) -> Result<Vec<Consent>, Refused> {
        let mut consents = Vec::new();
        for (place, value) in self.list("consents")?.into_iter().enumerate() {
            let at = self.refused(&format!("consents[{place}]"), "").place;
            let Value::Object(object) = value else {
                return Err(Refused { place: at, error: "this is no object".to_owned() });
            };
            let mut keys = Keys { object, at: &at };
            let purpose = keys.text("purpose", MOST_OF_DETAIL)?.as_deref().and_then(Purpose::parse);
            let purpose = purpose.ok_or_else(|| keys.refused("purpose", "write \"mail\" or \"tracking\""))?;
            let Some(Value::Bool(given)) = keys.object.remove("given") else {
                return Err(keys.refused("given", "write true for a yes, false for a no"));
            };
            let source = keys.text("source", MOST_OF_DETAIL)?.unwrap_or_else(|| source.to_owned());
            let given_at = match keys.text("given_at", MOST_OF_DETAIL)? {
                Some(text) => Some(
                    instant(&text)
                        .ok_or_else(|| keys.refused("given_at", "write an instant such as \"2026-01-31T09:00:00Z\", or a day"))?,
                ),
                None => None,
            };
            let wording = keys.text("wording", MOST_OF_WORDING)?;
            if let Some(key) = keys.object.keys().next() {
                let known = "purpose, given, source, given_at, wording";
                return Err(keys.refused(&one_line(key), &format!("there is no such key; known here: {known}")));
            }
            consents.push(Consent { purpose, given, source, given_at, wording });
        }
        Ok(consents)
    }
}

fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| text.parse().ok().map(midnight))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> BTreeMap<Name, FieldType> {
        let field = |name: &str, kind| (Name::parse(name).expect("a name"), kind);
        [field("industry", FieldType::Text), field("lines", FieldType::Number), field("agrees", FieldType::Boolean)].into()
    }

    fn page(body: &str) -> Page {
        read(body.as_bytes(), &declared(), "api shop").expect("a page")
    }

    #[test]
    fn a_prospect_a_list_and_a_page_are_read() {
        let whole = r#"{ "email": "Ada@x.co", "name": " Ada\nVega ", "phone": null, "company": "X", "owner": "dana",
            "fields": { "industry": "food", "lines": 4, "agrees": true }, "tags": ["fair-2026"], "email_opt_out": false,
            "consents": [{ "purpose": "tracking", "given": true, "given_at": "2026-01-31" }], "as_of": "2026-01-31" }"#;
        let one = page(whole);
        assert!(one.is_single && one.as_of == "2026-01-31".parse().ok());
        let ada = one.rows[0].clone().expect("a prospect");
        assert_eq!((ada.address.as_str(), ada.name.as_deref(), ada.phone), ("ada@x.co", Some("Ada Vega"), None));
        let fields: Vec<_> = ada.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(fields, ["agrees=true", "industry=food", "lines=4"]);
        assert_eq!(ada.consents[0].source, "api shop");
        for body in [r#"[{"email":"a@x.co"},{"email":"b@x.co"}]"#, r#"{"prospects":[{"email":"a@x.co"},{"email":"b@x.co"}]}"#] {
            assert_eq!((page(body).rows.len(), page(body).is_single), (2, false));
        }
    }

    #[test]
    fn a_no_among_the_consents_is_a_no() {
        let no = page(r#"{"email":"a@x.co","consents":[{"purpose":"mail","given":false}]}"#).rows[0].clone().expect("a prospect");
        assert!(no.email_opt_out);
    }

    #[test]
    fn an_error_says_what_and_where() {
        for (prospect, place) in [
            ("{}", "email"),
            (r#"{"email":"nobody"}"#, "email"),
            (r#"{"email":7}"#, "email"),
            (r#"{"email":"a@x.co","emial":"b@x.co"}"#, "emial"),
            (r#"{"email":"a@x.co","name":["Ada"]}"#, "name"),
            (r#"{"email":"a@x.co","fields":{"lines":"many"}}"#, "fields.lines"),
            (r#"{"email":"a@x.co","fields":{"size":1}}"#, "fields.size"),
            (r#"{"email":"a@x.co","fields":{"lines":[1]}}"#, "fields.lines"),
            (r#"{"email":"a@x.co","email_opt_out":"no"}"#, "email_opt_out"),
            (r#"{"email":"a@x.co","tags":["a",""]}"#, "tags[1]"),
            (r#"{"email":"a@x.co","consents":[{"purpose":"mail","given":"yes"}]}"#, "consents[0].given"),
            (r#"{"email":"a@x.co","consents":[{"purpose":"mail","given":true,"at":1}]}"#, "consents[0].at"),
        ] {
            let refused = page(prospect).rows[0].clone().expect_err(prospect);
            assert_eq!(refused.place, place, "{prospect}");
            assert!(!refused.error.contains("nobody") && !refused.error.contains("many"), "{}", refused.error);
            let second = page(&format!(r#"[{{"email":"z@x.co"}},{prospect}]"#));
            assert!(second.rows[0].is_ok(), "a bad prospect costs itself alone");
            assert_eq!(second.rows[1].clone().expect_err(prospect).place, format!("prospects[1].{place}"));
        }
        let many = format!("[{}]", vec!["{}"; MOST + 1].join(","));
        for (body, place) in [
            ("", "line 1, column 0"),
            ("{\n\"email\"", "line 2, column 7"),
            ("7", ""),
            (r#"{"prospects":{}}"#, "prospects"),
            (r#"{"prospects":[],"dry":true}"#, "dry"),
            (r#"{"prospects":[],"as_of":"today"}"#, "as_of"),
            (&many, ""),
        ] {
            assert_eq!(read(body.as_bytes(), &declared(), "").expect_err(body).place, place, "{body}");
        }
    }
}
