//! Amazon SNS: the envelope in which SES reports come, and its signature, versions 1 (SHA-1) and 2 (SHA-256).
//!
//! Source: "Verifying the signatures of Amazon SNS messages". Which certificate signs, the message says itself, so its URL is taken
//! only where it lies on the host that speaks for the configured topic; that host's TLS certificate then vouches for it.

use crate::domain::hook::Topic;
use data_encoding::BASE64;
use ring::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;
use std::fmt::Write;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::server::ParsedCertificate;

/// A message as it comes.
#[derive(Debug, Clone, Deserialize)]
pub struct SnsMessage {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "MessageId")]
    pub id: String,
    #[serde(rename = "TopicArn")]
    topic: String,
    #[serde(rename = "Subject", default)]
    subject: Option<String>,
    #[serde(rename = "Message")]
    pub message: String,
    #[serde(rename = "Timestamp")]
    timestamp: String,
    #[serde(rename = "Token", default)]
    token: Option<String>,
    #[serde(rename = "SubscribeURL", default)]
    subscribe_url: Option<String>,
    #[serde(rename = "SignatureVersion")]
    version: String,
    #[serde(rename = "Signature")]
    signature: String,
    #[serde(rename = "SigningCertURL", alias = "SigningCertUrl")]
    certificate_url: String,
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnsType {
    Notification,
    /// A subscription waits to be confirmed.
    Subscription,
    /// The subscription was ended; to confirm it here would begin it again.
    Unsubscription,
}

impl SnsMessage {
    pub fn kind(&self) -> Option<SnsType> {
        match self.kind.as_str() {
            "Notification" => Some(SnsType::Notification),
            "SubscriptionConfirmation" => Some(SnsType::Subscription),
            "UnsubscribeConfirmation" => Some(SnsType::Unsubscription),
            _ => None,
        }
    }

    pub fn is_of(&self, topic: &Topic) -> bool {
        self.topic == topic.as_str()
    }

    /// The path of the certificate, if it lies where those of the topic do: `/SimpleNotificationService-` and hexadecimal digits.
    pub fn certificate_path(&self, topic: &Topic) -> Option<&str> {
        let path = below(&self.certificate_url, topic)?;
        let name = path.strip_prefix("/SimpleNotificationService-")?.strip_suffix(".pem")?;
        ((8..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_hexdigit())).then_some(path)
    }

    /// The path that confirms the subscription, if it lies on the topic's host and names the topic.
    pub fn subscribe_path(&self, topic: &Topic) -> Option<&str> {
        let path = below(self.subscribe_url.as_deref()?, topic)?;
        let query = path.strip_prefix("/?")?;
        let is_plain = path.len() <= 2_000 && path.bytes().all(|b| b.is_ascii_graphic());
        let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let is_confirmation = pairs.clone().any(|pair| pair == ("Action", "ConfirmSubscription"));
        let names_topic = pairs.any(|(key, value)| key == "TopicArn" && value.replace("%3A", ":") == topic.as_str());
        (is_plain && is_confirmation && names_topic).then_some(path)
    }

    /// Whether the certificate, in PEM, signed this message.
    pub fn is_signed_by(&self, pem: &[u8]) -> bool {
        let Some(key) = public_key(pem) else { return false };
        let Ok(signature) = BASE64.decode(self.signature.as_bytes()) else { return false };
        let signed = self.signed();
        match self.version.as_str() {
            "1" => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, key)
                .verify(signed.as_bytes(), &signature)
                .is_ok(),
            "2" => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(signed.as_bytes(), &signature).is_ok(),
            _ => false,
        }
    }

    /// What is signed: names and values of the message's parts, a line each, in the order of their names.
    fn signed(&self) -> String {
        let parts: &[(&str, Option<&str>)] = if self.kind == "Notification" {
            &[
                ("Message", Some(&self.message)),
                ("MessageId", Some(&self.id)),
                ("Subject", self.subject.as_deref()),
                ("Timestamp", Some(&self.timestamp)),
                ("TopicArn", Some(&self.topic)),
                ("Type", Some(&self.kind)),
            ]
        } else {
            &[
                ("Message", Some(&self.message)),
                ("MessageId", Some(&self.id)),
                ("SubscribeURL", self.subscribe_url.as_deref()),
                ("Timestamp", Some(&self.timestamp)),
                ("Token", self.token.as_deref()),
                ("TopicArn", Some(&self.topic)),
                ("Type", Some(&self.kind)),
            ]
        };
        let mut text = String::new();
        for (name, value) in parts {
            if let Some(value) = value {
                let _ = writeln!(text, "{name}\n{value}");
            }
        }
        text
    }
}

/// What stands behind the topic's host in an https URL.
fn below<'a>(url: &'a str, topic: &Topic) -> Option<&'a str> {
    url.strip_prefix("https://")?.strip_prefix(topic.host().as_str()).filter(|path| path.starts_with('/'))
}

/// The RSA key of a certificate, as PKCS#1; `None` of what is none, or of one that is cut off.
pub fn public_key(pem: &[u8]) -> Option<Vec<u8>> {
    let certificate = CertificateDer::from_pem_slice(pem).ok()?;
    let parsed = ParsedCertificate::try_from(&certificate).ok()?;
    let info = parsed.subject_public_key_info();
    // SubjectPublicKeyInfo: a sequence of the algorithm and a bit string (RFC 5280, 4.1).
    let (0x30, info, _) = element(&info)? else { return None };
    let (0x30, _, rest) = element(info)? else { return None };
    let (0x03, bits, _) = element(rest)? else { return None };
    bits.strip_prefix(&[0]).map(<[u8]>::to_vec)
}

/// The first element of DER: its tag, its content, and what stands behind it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), rest.get(2..)?),
        _ => return None,
    };
    Some((tag, rest.get(..length)?, rest.get(length..)?))
}
