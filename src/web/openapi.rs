//! `GET /v1/openapi.json`: the API described in `OpenAPI` 3.1, for programs and for whoever writes one. It is generated from the tables
//! below, which tests hold against what is read; docs/openapi.json is the same.

use super::rooms::MOST_BYTES;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::signal::Touch;
use crate::inbox::json::MOST;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

pub const PATH: &str = "/v1/openapi.json";

/// A key of an object: its schema, whether it must be there, and what it is.
type Key = (&'static str, fn() -> Value, bool, &'static str);

/// The body of `POST /v1/signals`.
pub const SIGNAL: [Key; 10] = [
    ("email", address, true, "The address of a prospect."),
    ("occurred_at", instant, false, "When it happened; the time of the call, if absent. At most five minutes ahead."),
    ("event", name, false, "The name of an event. Exactly one of `event`, `form` and `touch` is given."),
    ("form", name, false, "The name of a form that was filled in elsewhere."),
    ("touch", touch, false, "How one of your people was in touch; `by` says who."),
    ("fields", texts, false, "The fields of the event or form."),
    ("by", name, false, "Who logged it: an id of salespeople.toml."),
    ("proves", criteria, false, "What a touch proves; a rule of qualification.toml must read it."),
    ("date", day, false, "The day a prospect named, for the timeframe."),
    ("note", text, false, "What was said."),
];

/// A prospect in the body of `POST /v1/prospects`.
pub const PROSPECT: [Key; 10] = [
    ("email", address, true, "Their address: who they are."),
    ("name", detail, false, ""),
    ("phone", detail, false, ""),
    ("company", detail, false, ""),
    ("owner", detail, false, "The salesperson whose prospect it is."),
    ("fields", values, false, "Fields declared under [fields] in nurtured.toml."),
    ("tags", tags, false, ""),
    ("email_opt_out", truth, false, "A no to mails; it is never taken back here."),
    ("phone_opt_out", truth, false, "A no to calls."),
    ("consents", consents, false, ""),
];

/// The statuses of refusals, each with its description.
const REFUSALS: [(u16, &str); 12] = [
    (400, "The call lacks a key, or holds one that cannot be read."),
    (401, "No genuine token or signature."),
    (403, "The token lacks the right, or speaks for somebody else."),
    (404, "No prospect has this address."),
    (405, "The route takes another method."),
    (408, "The body took too long."),
    (409, "Another body came under this key before."),
    (411, "The body has no length."),
    (413, "The body is too large."),
    (422, "The content is refused; `where` names its place."),
    (429, "Too many wrong tokens; Retry-After says when to come back."),
    (503, "It could not be recorded; send it again with the same key."),
];

/// Answers with the document.
pub async fn show() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text_of(&document())).into_response()
}

/// The document as it is served and committed.
pub fn text_of(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

pub fn document() -> Value {
    let signal = object(&SIGNAL, json!({ "oneOf": [required("event"), required("form"), required("touch")] }));
    let as_of = json!({ "type": ["string", "null"], "format": "date", "description": "The day on which the fields were true." });
    let mut prospect = object(&PROSPECT, json!({}));
    let mut single = prospect.clone();
    single["properties"]["as_of"] = as_of.clone();
    prospect["description"] = json!("A prospect of a page. What is absent or null says nothing.");
    let list = json!({ "type": "array", "maxItems": MOST, "items": { "$ref": "#/components/schemas/Prospect" } });
    let page = json!({ "type": "object", "additionalProperties": false, "required": ["prospects"],
        "properties": { "as_of": as_of, "prospects": list } });
    let row = json!({ "type": "object", "required": ["row", "status"], "properties": {
        "row": { "type": "integer", "description": "Its place on the page, from 0." },
        "status": { "enum": ["added", "known", "refused"] },
        "prospect": { "type": "integer" }, "where": { "type": "string" }, "error": { "type": "string" }, "note": { "type": "string" } } });
    let rows = json!({ "type": "object", "required": ["added", "changed", "unchanged", "refused", "rows"], "properties": {
        "added": { "type": "integer" }, "changed": { "type": "integer" }, "unchanged": { "type": "integer" },
        "refused": { "type": "integer" }, "rows": { "type": "array", "items": row } } });
    let problem = json!({ "type": "object", "description": "RFC 9457.", "required": ["type", "title", "status", "detail"], "properties": {
        "type": { "type": "string", "const": "about:blank" }, "title": { "type": "string" }, "status": { "type": "integer" },
        "detail": { "type": "string" }, "where": { "type": "string", "description": "The key of the body that it is about." } } });
    let recorded = json!({ "type": "object", "required": ["status"], "properties": {
        "status": { "enum": ["new", "again", "pending"] }, "signal": { "type": "integer" } } });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "nurtured",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "What other systems report.",
            "description": format!("A body has at most {MOST_BYTES} bytes. Every refusal is application/problem+json (RFC 9457)."),
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "security": [{ "bearer": [] }, { "signature": [] }],
        "paths": {
            "/v1/signals": { "post": {
                "operationId": "reportSignal",
                "summary": "Report an event, a form filled in elsewhere, or a touch",
                "description": "The rights are `signals`, `forms` and `touches`. What happened more than a day ago asks for nobody.",
                "parameters": [idempotency_key("The same call under the same key counts once. \
                    A call that is not signed needs it; a signed one has its webhook-id instead.")],
                "requestBody": body(&json!({ "$ref": "#/components/schemas/Signal" })),
                "responses": answers(&[
                    (200, "It was recorded before.", "Recorded"),
                    (201, "It is recorded now.", "Recorded"),
                    (202, "It waits until its address has confirmed it.", "Recorded"),
                ]),
            } },
            "/v1/prospects": { "post": {
                "operationId": "admitProspects",
                "summary": "Add and change prospects, one or a page of them",
                "description": "The right is `prospects`. Each prospect is answered for itself.",
                "parameters": [idempotency_key("The same call under the same key counts once; a signed call has its webhook-id instead.")],
                "requestBody": body(&json!({ "oneOf": [
                    { "$ref": "#/components/schemas/SingleProspect" }, { "$ref": "#/components/schemas/Page" }, list ] })),
                "responses": answers(&[
                    (200, "Each of them is answered for itself.", "Rows"),
                    (201, "A single prospect is added.", "Rows"),
                ]),
            } },
            PATH: { "get": {
                "operationId": "describe",
                "summary": "This document",
                "security": [],
                "responses": { "200": { "description": "OpenAPI 3.1.", "content": { "application/json": { "schema": { "type": "object" } } } } },
            } },
        },
        "components": {
            "schemas": {
                "Signal": signal, "Prospect": prospect, "SingleProspect": single, "Page": page, "Rows": rows, "Recorded": recorded,
                "Problem": problem,
            },
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "The secret of a [[http.token]]." },
                "signature": { "type": "apiKey", "in": "header", "name": "webhook-signature", "description":
                    "Standard Webhooks: `v1,` and the Base64 of the HMAC-SHA-256 of `webhook-id.webhook-timestamp.body` under a signing_key \
                     of the token, within five minutes. The webhook-id is the idempotency key." },
            },
        },
    })
}

fn object(keys: &[Key], more: Value) -> Value {
    let mut properties = Map::new();
    for (key, schema, _, words) in keys {
        let mut schema = schema();
        if !words.is_empty() {
            schema["description"] = json!(words);
        }
        properties.insert((*key).to_owned(), schema);
    }
    let required: Vec<&str> = keys.iter().filter(|(.., is_required, _)| *is_required).map(|(key, ..)| *key).collect();
    let mut schema = json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties });
    if let (Value::Object(schema), Value::Object(more)) = (&mut schema, more) {
        schema.extend(more);
    }
    schema
}

fn required(key: &str) -> Value {
    json!({ "required": [key] })
}

fn body(schema: &Value) -> Value {
    json!({ "required": true, "content": { "application/json": { "schema": schema } } })
}

fn idempotency_key(words: &str) -> Value {
    json!({ "name": "Idempotency-Key", "in": "header", "required": false, "description": words,
        "schema": { "type": "string", "minLength": 1, "maxLength": 200 } })
}

fn answers(good: &[(u16, &str, &str)]) -> Value {
    let mut answers = Map::new();
    for (status, words, schema) in good {
        let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
        answers
            .insert(status.to_string(), json!({ "description": words, "content": { "application/json": { "schema": schema } } }));
    }
    for (status, words) in REFUSALS {
        let schema = json!({ "$ref": "#/components/schemas/Problem" });
        answers.insert(
            status.to_string(),
            json!({ "description": words, "content": { "application/problem+json": { "schema": schema } } }),
        );
    }
    Value::Object(answers)
}

fn address() -> Value {
    json!({ "type": "string", "format": "email", "maxLength": 254 })
}

fn instant() -> Value {
    json!({ "type": ["string", "null"], "format": "date-time" })
}

fn day() -> Value {
    json!({ "type": ["string", "null"], "format": "date" })
}

fn name() -> Value {
    json!({ "type": ["string", "null"], "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$" })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn detail() -> Value {
    json!({ "type": ["string", "null"], "maxLength": 300 })
}

fn truth() -> Value {
    json!({ "type": ["boolean", "null"] })
}

fn texts() -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "string" } })
}

fn values() -> Value {
    json!({ "type": ["object", "null"], "additionalProperties": { "type": ["string", "number", "boolean", "null"] } })
}

fn tags() -> Value {
    json!({ "type": ["array", "null"], "maxItems": 50, "items": { "type": "string", "minLength": 1, "maxLength": 300 } })
}

fn consents() -> Value {
    let consent = json!({ "type": "object", "additionalProperties": false, "required": ["purpose", "given"], "properties": {
        "purpose": { "enum": ["mail", "tracking"] }, "given": { "type": "boolean" }, "source": { "type": ["string", "null"] },
        "given_at": { "type": ["string", "null"], "description": "An instant or a day." },
        "wording": { "type": ["string", "null"], "description": "The text that was agreed to or declined." } } });
    json!({ "type": ["array", "null"], "maxItems": 50, "items": consent })
}

fn touch() -> Value {
    let mut words: Vec<Value> = Touch::WORDS.iter().map(|(word, _)| json!(word)).collect();
    words.push(Value::Null);
    json!({ "enum": words })
}

fn criteria() -> Value {
    json!({ "type": "array", "items": { "enum": Criterion::ALL.map(Criterion::word) } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::doorway::reported::Reported;
    use crate::inbox::json as prospects;
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    #[test]
    fn the_document_that_is_committed_is_the_one_that_is_served() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
        let served = text_of(&document());
        if std::env::var_os("NURTURED_WRITE_OPENAPI").is_some() {
            std::fs::write(&path, &served).expect("written");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == served, "write it anew: NURTURED_WRITE_OPENAPI=1 cargo test --lib openapi");
    }

    /// The words between backticks or behind "known here:" of an error that lists all keys.
    fn listed(error: &str) -> BTreeSet<String> {
        match error.split_once("known here: ") {
            Some((_, list)) => list.split(", ").map(str::to_owned).collect(),
            None => error.split('`').skip(3).step_by(2).map(str::to_owned).collect(),
        }
    }

    fn keys(table: &[Key]) -> BTreeSet<String> {
        table.iter().map(|(key, ..)| (*key).to_owned()).collect()
    }

    #[test]
    fn every_key_that_is_read_is_described_and_no_other() {
        let error = serde_json::from_str::<Reported>(r#"{"nothing": 1}"#).expect_err("an unknown key").to_string();
        assert_eq!(listed(&error), keys(&SIGNAL), "{error}");
        let page = prospects::read(br#"{"email":"a@x.example","nothing":1}"#, &BTreeMap::new(), "").expect("a page");
        let error = page.rows[0].clone().expect_err("an unknown key").error;
        assert_eq!(listed(&error), keys(&PROSPECT), "{error}");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(all) => {
                    found.extend(all.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    all.values().for_each(|value| references(value, found));
                }
                Value::Array(all) => all.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let (document, mut found) = (document(), Vec::new());
        references(&document, &mut found);
        assert!(found.len() > 20);
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }
}
