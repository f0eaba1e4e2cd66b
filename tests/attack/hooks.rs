//! Reports of mail providers: forged, of somebody else's, damaged under the right password. None changes anything, and none is answered
//! with a fault of ours.

use crate::company::Reader;
use crate::database::Database;
use crate::table::Row;
use crate::visitor::Visitor;
use data_encoding::BASE64;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

const LOGIN: &str = "nurtured:hook-4b5a69788796a5b4c3d2e1f00f1e2d3c";
const TOKEN: &str = "hook-5c4b3a29181716151413121110fedcba";

/// What the configuration says of them.
pub(crate) const CONFIGURATION: &str = r#"
[[hook]]
provider = "ses"
topic = "arn:aws:sns:eu-west-1:123456789012:bounces"
[[hook]]
provider = "sendgrid"
public_key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEV1GQTNiXRmnLXeLanJX0aS5dawpxgZv58zS0BA3FcKcyZ2o2SKY3YV6cDD8JAplqswXkMGwc+gPH4w9vMMc0bg=="
[[hook]]
provider = "postmark"
user = "nurtured"
password = "hook-4b5a69788796a5b4c3d2e1f00f1e2d3c"
[[hook]]
provider = "mailgun"
signing_key = "key-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
[[hook]]
provider = "brevo"
token = "hook-5c4b3a29181716151413121110fedcba"
"#;

/// A report of each provider, as it writes them, about a mail to this address.
fn reports(address: &str, message_id: &str, return_path: &str) -> BTreeMap<String, String> {
    let report = |line: &str| {
        let line = line.replace("ada@albareda.example", address).replace("${ID}", message_id).replace("${PATH}", return_path);
        let case: Value = serde_json::from_str(&line).expect("a case");
        (case["provider"].as_str().expect("a provider").to_owned(), case["body"].to_string())
    };
    include_str!("../data/hooks/events.jsonl").lines().map(report).collect()
}

/// Headers that prove nothing.
fn proofs() -> Vec<String> {
    let login = |text: &str| format!("Authorization: Basic {}", BASE64.encode(text.as_bytes()));
    let signed = |signature: &str| {
        format!("X-Twilio-Email-Event-Webhook-Signature: {signature}\r\nX-Twilio-Email-Event-Webhook-Timestamp: 1770111104")
    };
    vec![
        "X-Nothing: 1".to_owned(),
        login("nurtured:"),
        login(&LOGIN[..LOGIN.len() - 1]),
        login(&format!("{LOGIN}0")),
        format!("Authorization: Basic {LOGIN}"),
        format!("Authorization: Bearer {}", &TOKEN[1..]),
        "Authorization: Basic ====".to_owned(),
        format!("Authorization: Bearer {}", "a".repeat(6_000)),
        signed("MEUCIQDnotasignature"),
        signed(&BASE64.encode(&[0x30, 6, 2, 1, 1, 2, 1, 1])),
        signed(&BASE64.encode(&[0xff; 72])),
    ]
}

/// What is no report, or half of one.
fn damaged(report: &str) -> Vec<Vec<u8>> {
    let bytes = report.as_bytes();
    let cut = (0..8).map(|part| bytes[..bytes.len() * part / 8].to_vec());
    let odd = [
        "[".repeat(50_000),
        format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000)),
        "null".to_owned(),
        "[[],{},1,null]".to_owned(),
        "{\"RecordType\":{\"a\":[]},\"event\":[1],\"email\":7,\"message-id\":{}}".to_owned(),
        report.replace("\":", "\":null,\"x\":"),
        report.replace('"', "\\\""),
        format!("{{\"RecordType\":\"Bounce\",\"Email\":\"{}\"}}", "a".repeat(100_000)),
    ];
    let flipped = (0..bytes.len()).step_by(41).map(|at| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 0x80;
        bytes
    });
    cut.chain(odd.into_iter().map(String::into_bytes)).chain(flipped).collect()
}

/// Calls of `/hooks/…`.
pub(crate) async fn forged(door: SocketAddr, reader: &Reader, database: &Database) -> anyhow::Result<Row> {
    let mut row = Row::of("reports of mail providers, forged or damaged");
    let before = database.state().await?;
    let about_her = reports(&reader.address, &reader.message_id, &reader.return_path);
    let about_nobody = reports("nobody@nowhere.example", "0@nowhere.example", "bounces+0@nowhere.example");
    let (mut made, mut calls) = (0_u32, Vec::new());
    for (provider, report) in &about_her {
        let report = report.as_bytes();
        calls.extend(proofs().into_iter().map(|proof| (provider.as_str(), proof, report.to_vec(), false)));
    }
    let login = format!("Authorization: Basic {}", BASE64.encode(LOGIN.as_bytes()));
    for (provider, proof) in [("postmark", login), ("brevo", format!("Authorization: Bearer {TOKEN}"))] {
        // Whoever has the password, or a program of theirs that is broken.
        let damaged = damaged(&about_nobody[provider]).into_iter();
        calls.extend(damaged.map(|body| (provider, proof.clone(), body, true)));
        // At another provider's door, and at none.
        let others = about_her.iter().filter(|(other, _)| *other != provider);
        calls.extend(others.map(|(other, report)| (other.as_str(), proof.clone(), report.clone().into_bytes(), false)));
        let nowhere = ["", "POSTMARK", "postmark/..", "mandrill", "%00", "ses%2f"];
        calls.extend(nowhere.map(|path| (path, proof.clone(), about_her[provider].clone().into_bytes(), false)));
    }
    for (provider, proof, body, is_proven) in calls {
        made += 1;
        // Each from an address of its own: they are not held back as whoever guesses is.
        let [_, _, third, fourth] = made.to_be_bytes();
        let visitor = Visitor::behind_the_proxy(Ipv4Addr::new(198, 18, third, fourth)).with(&proof);
        let answer = visitor.report(door, &format!("/hooks/{provider}"), &body).await;
        row.answered(answer.status);
        let is_refused = (400..500).contains(&answer.status);
        row.holds(is_refused || is_proven && answer.status == 200, || {
            format!("/hooks/{provider} answered {} to {proof:.60}: {:.200}", answer.status, String::from_utf8_lossy(&body))
        });
    }
    // The door is open: what is whole and proven is taken, and names no mail of ours.
    let (visitor, proof) = (Visitor::behind_the_proxy(Ipv4Addr::new(198, 19, 0, 1)), format!("Authorization: Bearer {TOKEN}"));
    let taken = visitor.with(&proof).report(door, "/hooks/brevo", about_nobody["brevo"].as_bytes()).await;
    row.holds(taken.status == 200, || format!("a proven report was answered with {}", taken.status));
    let after = database.state().await?;
    row.holds(before == after, || format!("there was {before:?}, and is {after:?}"));
    Ok(row)
}
