//! What each provider's reports say, by the tables of `tests/data/hooks`, and the proofs that they are the provider's.

use super::event::{Event, Unread, What};
use super::sns::{SnsMessage, SnsType};
use super::{brevo, mailgun, postmark, sendgrid, ses};
use crate::domain::group::provider_bounce::judged;
use crate::domain::group::refusal::{About, Mailbox};
use crate::domain::hook::{Provider, Topic, public_key};
use crate::inbox::hook::proof::mac;
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

const TOKEN: &str = "AQUAAAAAAAAAAQAAAAAAAQAAAAAAAAAAAAAA";

fn data(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hooks").join(file);
    std::fs::read_to_string(path).expect("the table")
}

fn read(provider: Provider, body: &Value) -> Result<Vec<Event>, Unread> {
    let text = body.to_string();
    match provider {
        Provider::Ses => ses::read(&text, "message"),
        Provider::SendGrid => sendgrid::read(text.as_bytes()),
        Provider::Postmark => postmark::read(text.as_bytes()),
        Provider::Mailgun => mailgun::read(text.as_bytes()),
        Provider::Brevo => brevo::read(text.as_bytes()),
    }
}

fn word(events: &[Event]) -> String {
    let [event] = events else {
        return if events.is_empty() { "nothing".to_owned() } else { format!("{} events", events.len()) };
    };
    match &event.what {
        What::Delivered => "delivered",
        What::Unsubscribed => "unsubscribed",
        What::Complaint { feedback } if feedback == "not-spam" => "no-objection",
        What::Complaint { .. } => "complaint",
        What::Failed(failed) => match judged(failed.class, failed.status.as_deref(), failed.code, &failed.words) {
            (About::Recipient(Mailbox::Gone), true) => "hard",
            (About::Recipient(Mailbox::NotNow), false) => "soft",
            (About::Us(_), false) => "block",
            (About::Unclear, false) => "unclear",
            _ => "hard and not gone",
        },
    }
    .to_owned()
}

/// Whether the report names our mail, by one of the three ways.
fn is_named(event: &Event) -> bool {
    let ids = event.mail.message_ids.iter().any(|id| id == &format!("{TOKEN}@news.tecnofab.example"));
    let path = event.mail.return_path.as_deref() == Some("bounces+path@news.tecnofab.example");
    ids || path || event.mail.token.as_deref() == Some(TOKEN)
}

#[test]
fn every_report_of_every_provider_says_what_it_documents() {
    let (mut wrong, mut table) = (Vec::new(), BTreeMap::<String, (u32, u32)>::new());
    for line in [data("events.jsonl"), data("held-back.jsonl")].iter().flat_map(|text| text.lines()) {
        let line = line
            .replace("${TOKEN}", TOKEN)
            .replace("${ID}", &format!("{TOKEN}@news.tecnofab.example"))
            .replace("${PATH}", "bounces+path@news.tecnofab.example");
        let case: Value = serde_json::from_str(&line).expect("a case");
        let (name, expected) = (case["provider"].as_str().expect("a provider"), case["expected"].as_str().expect("a truth"));
        let events = read(Provider::parse(name).expect("a provider"), &case["body"]).expect("readable");
        let counted = table.entry(name.to_owned()).or_default();
        counted.1 += 1;
        let found = word(&events);
        if found == expected && events.iter().all(|event| is_named(event) && event.at.is_some() && event.address.is_some()) {
            counted.0 += 1;
        } else {
            wrong.push(format!("{name}: {found}, not {expected} ({}): {events:?}", case["why"]));
        }
    }
    for (provider, (right, all)) in &table {
        println!("{provider} {right} right of {all}");
    }
    assert!(table.len() == 5 && wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_sendgrid_signed_itself_is_taken_and_nothing_else_is() {
    // The vector that SendGrid publishes with its libraries.
    let key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
    let signature = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=";
    let body = concat!(
        r#"[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","#,
        r#""sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","#,
        r#""smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]"#,
        "\r\n"
    );
    let point = public_key(key).expect("their key");
    let is_signed = |time: &str, signature: &str, body: &str| sendgrid::is_signed(&point, time, signature, body.as_bytes());
    assert!(is_signed("1600112502", signature, body));
    assert!(!is_signed("1600112503", signature, body));
    assert!(!is_signed("1600112502", signature, body.trim_end()));
    assert!(!is_signed("1600112502", signature, &body.replace("hello", "mallory")));
    assert!(!is_signed("1600112502", &signature.replace("MEUCI", "MEUCJ"), body));
    assert!(!is_signed("1600112502", "", body) && !is_signed("1600112502", "%", body));
    for wrong in ["", "MFkw", &key[4..], &key.replace("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQc", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQd")] {
        assert_eq!(public_key(wrong), None, "{wrong}");
    }
    assert_eq!(word(&sendgrid::read(body.as_bytes()).expect("a list")), "hard");
}

#[test]
fn an_sns_message_is_taken_under_its_signature_of_either_version_whole() {
    let topic = Topic::parse("arn:aws:sns:eu-west-1:123456789012:bounces").expect("a topic");
    let pem = data("sns.pem");
    let text = data("sns.jsonl");
    for line in text.lines() {
        let whole: Value = serde_json::from_str(line).expect("a message");
        let message: SnsMessage = serde_json::from_value(whole.clone()).expect("a message");
        assert!(message.is_of(&topic) && message.is_signed_by(pem.as_bytes()), "{line}");
        assert!(message.certificate_path(&topic).is_some());
        assert_eq!(message.subscribe_path(&topic).is_some(), message.kind() == Some(SnsType::Subscription));
        assert!(!message.is_signed_by(b"") && !message.is_signed_by(data("judged.tsv").as_bytes()));
        for key in
            ["Message", "MessageId", "Timestamp", "TopicArn", "Subject", "SubscribeURL", "Token", "SignatureVersion", "Signature"]
        {
            let mut forged = whole.clone();
            if forged.get(key).is_none() {
                // A part that was not signed cannot be added, but for those of the other type.
                if key != "Subject" || message.kind() != Some(SnsType::Notification) {
                    continue;
                }
                forged[key] = json!("added");
            }
            let other = match (key, forged[key].as_str()) {
                ("SignatureVersion", Some("1")) => "2".to_owned(),
                ("SignatureVersion", _) => "1".to_owned(),
                (_, text) => format!("{}x", text.unwrap_or_default()),
            };
            forged[key] = json!(other);
            let forged: SnsMessage = serde_json::from_value(forged).expect("a message");
            assert!(!forged.is_signed_by(pem.as_bytes()), "{key}: {line}");
        }
        let mut other = whole.clone();
        other["Type"] = json!("UnsubscribeConfirmation");
        assert!(!serde_json::from_value::<SnsMessage>(other).expect("a message").is_signed_by(pem.as_bytes()));
    }
}

#[test]
fn a_certificate_comes_from_the_host_of_the_topic_alone() {
    let topic = Topic::parse("arn:aws:sns:eu-west-1:123456789012:bounces").expect("a topic");
    let name = "SimpleNotificationService-010a507c1833636cd94bdb98bd93083a.pem";
    let whole: Value = serde_json::from_str(data("sns.jsonl").lines().nth(2).expect("a subscription")).expect("a message");
    let with = |key: &str, url: &str| {
        let mut message = whole.clone();
        message[key] = json!(url);
        serde_json::from_value::<SnsMessage>(message).expect("a message")
    };
    assert!(with("SigningCertURL", &format!("https://sns.eu-west-1.amazonaws.com/{name}")).certificate_path(&topic).is_some());
    for url in [
        format!("http://sns.eu-west-1.amazonaws.com/{name}"),
        format!("https://sns.us-east-1.amazonaws.com/{name}"),
        format!("https://sns.eu-west-1.amazonaws.com.evil.example/{name}"),
        format!("https://sns.eu-west-1.amazonaws.com:8443/{name}"),
        format!("https://sns.eu-west-1.amazonaws.com@evil.example/{name}"),
        format!("https://evil.example/sns.eu-west-1.amazonaws.com/{name}"),
        format!("https://me@sns.eu-west-1.amazonaws.com/{name}"),
        format!("https://sns.eu-west-1.amazonaws.com//evil.example/{name}"),
        format!("https://sns.eu-west-1.amazonaws.com/x/{name}"),
        format!("https://sns.eu-west-1.amazonaws.com/{name}?x"),
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-../x.pem".to_owned(),
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-a\r\nHost: b.pem".to_owned(),
        "https://s3.amazonaws.com/bucket/SimpleNotificationService-010a507c.pem".to_owned(),
        String::new(),
    ] {
        assert_eq!(with("SigningCertURL", &url).certificate_path(&topic), None, "{url}");
    }
    let arn = topic.as_str();
    let confirm = |query: &str| format!("https://sns.eu-west-1.amazonaws.com/?{query}");
    assert!(
        with("SubscribeURL", &confirm(&format!("Action=ConfirmSubscription&TopicArn={arn}&Token=1")))
            .subscribe_path(&topic)
            .is_some()
    );
    for url in [
        confirm(&format!("Action=Unsubscribe&TopicArn={arn}")),
        confirm("Action=ConfirmSubscription&Token=1"),
        confirm(&format!("Action=ConfirmSubscription&TopicArn={arn}other&Token=1")),
        format!("https://evil.example/?Action=ConfirmSubscription&TopicArn={arn}"),
        confirm(&format!("Action=ConfirmSubscription&TopicArn={arn}&Token=1 HTTP/1.1\r\nX: y")),
    ] {
        assert_eq!(with("SubscribeURL", &url).subscribe_path(&topic), None, "{url}");
    }
}

#[test]
fn a_mailgun_token_is_proven_within_its_window_by_the_key_alone() {
    let now: Timestamp = "2026-02-03T12:00:00Z".parse().expect("an instant");
    let body = |at: i64, key: &str, token: &str| {
        let signature = HEXLOWER.encode(&mac(key.as_bytes(), &[at.to_string().as_bytes(), token.as_bytes()]));
        json!({"signature": {"timestamp": at.to_string(), "token": token, "signature": signature}}).to_string()
    };
    let proven = |body: &str| mailgun::proven(b"the key", body.as_bytes(), now);
    let second = now.as_second();
    for (seconds, good) in
        [(0, true), (60, true), (299, true), (301, false), (-28_800, true), (-28_801, false), (-10_000_000, false)]
    {
        assert_eq!(proven(&body(second + seconds, "the key", "t")).is_some(), good, "{seconds}");
    }
    assert_eq!(proven(&body(second, "another key", "t")), None);
    assert_eq!(proven(&body(second, "the key", &"t".repeat(300))), None);
    for wrong in ["", "{}", "[]", "null", r#"{"signature":{"timestamp":1,"token":"t","signature":"00"}}"#, r#"{"signature":"x"}"#]
    {
        assert_eq!(proven(wrong), None, "{wrong}");
    }
    // The vector of Mailgun's documentation has a key of theirs; ours is the HMAC of RFC 4231, case 2.
    assert_eq!(
        HEXLOWER.encode(&mac(b"Jefe", &[b"what do ya want ", b"for nothing?"])),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}

#[test]
fn no_body_breaks_a_reader() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let many = format!("[{}]", vec!["{}"; 2_001].join(","));
    let shapes = ["", "{", "null", "7", "\"x\"", "[]", "{}", "[null,7,[],{}]", "\u{0}", deep.as_str(), many.as_str()];
    let odd = [
        json!({"notificationType": "Bounce"}),
        json!({"notificationType": "Bounce", "bounce": {"bouncedRecipients": "x"}, "mail": []}),
        json!({"notificationType": 7, "mail": {"headers": {"name": "Message-ID"}, "source": ["x"]}}),
        json!({"RecordType": "Bounce", "Type": [], "ID": {}, "Metadata": "x", "Details": 7}),
        json!({"event-data": {"event": "failed", "severity": "permanent", "id": "x", "delivery-status": "x", "message": 7}}),
        json!([{"event": "bounce", "sg_event_id": "x", "status": 5, "reason": {"a": 1}, "email": "not an address", "timestamp": 1e308}]),
        json!([{"event": "hard_bounce", "ts_epoch": -1e300, "email": null, "X-Mailin-custom": 7}]),
    ];
    let mut bodies: Vec<String> = shapes.iter().map(|text| (*text).to_owned()).collect();
    bodies.extend(odd.iter().map(ToString::to_string));
    for body in &bodies {
        let bytes = body.as_bytes();
        let counts =
            [sendgrid::read(bytes), brevo::read(bytes), postmark::read(bytes), mailgun::read(bytes), ses::read(body, "m")]
                .map(|read| read.map_or(0, |events| events.len()));
        assert!(counts.iter().all(|count| *count <= 2), "{counts:?}");
    }
    assert_eq!(sendgrid::read(many.as_bytes()), Err(Unread::TooMany));
    assert_eq!(brevo::read(many.as_bytes()), Err(Unread::TooMany));
}
