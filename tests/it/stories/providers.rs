//! Five mail providers, each with its keys, and a server in the name of Amazon SNS: what the stories of hooks are told with.

use super::request::replan;
use super::{FIRST_ISSUE, address, somebody};
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::Request;
use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use nurtured::domain::address::Address;
use nurtured::domain::api_token::hash;
use nurtured::domain::hook::{Hook, Proof, Provider, Topic, public_key};
use nurtured::town::Town;
use nurtured::web::router::router;
use nurtured::web::site::Site;
use nurtured::web::sns_client::SnsClient;
use rcgen::{CertificateParams, KeyPair};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tower::ServiceExt;

pub(super) type Fails = Box<dyn std::error::Error + Send + Sync>;

pub(super) const ALL: [Provider; 5] = [Provider::Ses, Provider::SendGrid, Provider::Postmark, Provider::Mailgun, Provider::Brevo];
pub(super) const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:bounces";
const SNS: &str = "https://sns.eu-west-1.amazonaws.com/";
const SIGNING: &str = "key-0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const LOGIN: &str = "nurtured:0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const TOKEN: &str = "brevo-0f1e2d3c4b5a69788796a5b4c3d2e1f0";
/// What stands before a point of P-256 in the key that SendGrid shows.
const SPKI: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";

/// The five providers, each with its keys, and a server in the name of Amazon SNS.
pub(super) struct Providers {
    sendgrid: EcdsaKeyPair,
    sns: RsaKeyPair,
    pub(super) site: Site,
    /// What was asked of SNS.
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

/// The marks of one mail that a provider knows.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) to: Address,
    pub(super) id: String,
    pub(super) path: String,
    pub(super) token: String,
    pub(super) raw: String,
}

impl Providers {
    /// Connects all five to a town.
    pub(super) async fn connect(town: &Town) -> Result<Self, Fails> {
        let pem = include_str!("../../data/dkim/rsa.pem");
        let PrivateKeyDer::Pkcs8(der) = PrivateKeyDer::from_pem_slice(pem.as_bytes())? else { panic!("PKCS#8") };
        let sns = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("a key");
        let certificate =
            CertificateParams::new(vec!["sns.amazonaws.com".to_owned()])?.self_signed(&KeyPair::from_pem(pem)?)?.pem();
        let (client, asked) = server(certificate).await?;
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let sendgrid = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random).expect("a key");
        let shown = [HEXLOWER.decode(SPKI.as_bytes())?, sendgrid.public_key().as_ref().to_vec()].concat();
        let proofs = [
            Proof::Topic(Topic::parse(TOPIC)?),
            Proof::PublicKey(public_key(&BASE64.encode(&shown)).expect("a key")),
            Proof::Secret(hash(LOGIN)),
            Proof::Signing(SecretString::from(SIGNING)),
            Proof::Secret(hash(TOKEN)),
        ];
        replan(town, |plan| {
            plan.settings.hooks =
                ALL.into_iter().zip(proofs).map(|(provider, proof)| Hook { provider, from: Vec::new(), proof }).collect();
        })?;
        let site = Site { sns: client, ..town.node.site.clone() };
        Ok(Self { sendgrid, sns, site, asked })
    }

    /// The headers and the body of a call with this report, as the provider sends and proves it.
    pub(super) fn call(&self, town: &Town, provider: Provider, report: &Value) -> (Vec<(&'static str, String)>, String) {
        let body = report.to_string();
        match provider {
            Provider::Ses => (Vec::new(), self.sns("Notification", &body, json!({})).to_string()),
            Provider::SendGrid => {
                let signed = format!("1770111104{body}");
                let signature = self.sendgrid.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
                let headers = [
                    ("x-twilio-email-event-webhook-signature", BASE64.encode(signature.as_ref())),
                    ("x-twilio-email-event-webhook-timestamp", "1770111104".to_owned()),
                ];
                (headers.into(), body)
            }
            Provider::Postmark => (vec![("authorization", format!("Basic {}", BASE64.encode(LOGIN.as_bytes())))], body),
            Provider::Brevo => (vec![("authorization", format!("Bearer {TOKEN}"))], body),
            Provider::Mailgun => (Vec::new(), mailgun(report, &format!("token{:x}", body.len()), town.now().as_second())),
        }
    }

    /// A signed message of SNS.
    pub(super) fn sns(&self, kind: &str, message: &str, more: Value) -> Value {
        let certificate = format!("{SNS}SimpleNotificationService-010a507c1833636cd94bdb98bd93083a.pem");
        let mut whole = json!({ "Type": kind, "MessageId": "19ba9823", "TopicArn": TOPIC, "Message": message,
            "Timestamp": "2026-02-03T09:32:00.675Z", "SignatureVersion": "2", "SigningCertURL": certificate });
        if let Value::Object(more) = more {
            whole.as_object_mut().expect("an object").extend(more);
        }
        let names = match kind {
            "Notification" => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"][..],
            _ => &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
        };
        let lines = names.iter().filter_map(|name| Some(format!("{name}\n{}\n", whole[*name].as_str()?)));
        let mut signature = vec![0; self.sns.public().modulus_len()];
        let signed = lines.collect::<String>();
        self.sns.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).expect("a signature");
        whole["Signature"] = json!(BASE64.encode(&signature));
        whole
    }

    pub(super) async fn post(
        &self,
        provider: &str,
        headers: &[(&'static str, String)],
        body: &str,
    ) -> Result<(u16, Value), Fails> {
        let mut request = Request::builder().method("POST").uri(format!("/hooks/{provider}"));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request =
            request.extension(ConnectInfo(SocketAddr::from(([192, 0, 2, 9], 40_000)))).body(Body::from(body.to_owned()))?;
        let response = router(self.site.clone()).oneshot(request).await?;
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    /// Sends a report, and returns how many were recorded, known and ignored.
    pub(super) async fn report(&self, town: &Town, provider: Provider, report: &Value) -> Result<(u64, u64, u64), Fails> {
        let (headers, body) = self.call(town, provider, report);
        let (status, told) = self.post(provider.word(), &headers, &body).await?;
        assert_eq!(status, 200, "{provider}: {told}");
        let count = |key: &str| told[key].as_u64().expect("a count");
        Ok((count("recorded"), count("again"), count("ignored")))
    }
}

pub(super) fn mailgun(report: &Value, token: &str, at: i64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SIGNING.as_bytes()).expect("a key");
    mac.update(format!("{at}{token}").as_bytes());
    let signature = HEXLOWER.encode(&mac.finalize().into_bytes());
    let mut whole = report.clone();
    whole["signature"] = json!({ "timestamp": at.to_string(), "token": token, "signature": signature });
    whole.to_string()
}

/// A server that answers in the name of Amazon SNS, and a client that trusts it alone.
async fn server(certificate: String) -> Result<(SnsClient, Arc<Mutex<Vec<String>>>), Fails> {
    let key = KeyPair::generate()?;
    let own = CertificateParams::new(vec!["sns.eu-west-1.amazonaws.com".to_owned()])?.self_signed(&key)?;
    let mut roots = RootCertStore::empty();
    roots.add(own.der().clone())?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?.with_no_client_auth();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(vec![own.into()], key)?));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let at = listener.local_addr()?;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(tcp).await else { continue };
            let mut request = vec![0; 4_096];
            let Ok(length) = stream.read(&mut request).await else { continue };
            let line = String::from_utf8_lossy(&request[..length]).lines().next().unwrap_or_default().to_owned();
            let body = if line.contains(".pem") { certificate.as_str() } else { "<ConfirmSubscriptionResponse/>" };
            heard.lock().expect("whole").push(line);
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    Ok((SnsClient::through(at, roots), asked))
}

/// Everybody of these has had their first newsletter.
pub(super) async fn written_to(town: &Town, people: &[&str]) -> Result<Vec<Sent>, Fails> {
    let all: Vec<_> = people.iter().map(|who| somebody(who)).collect();
    town.admit(&all, "card").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let caught = town.catcher.caught();
    let sent = people.iter().map(|who| {
        let mail = caught.iter().find(|mail| mail.rcpt_to == [(*who).to_owned()]).expect("a newsletter");
        let raw = String::from_utf8_lossy(&mail.data).into_owned();
        let id = raw.lines().find_map(|line| line.strip_prefix("Message-ID: <")?.strip_suffix('>')).expect("an id").to_owned();
        let token = id.split('@').next().expect("a token").to_owned();
        Sent { to: address(who), id, path: mail.mail_from.clone(), token, raw }
    });
    Ok(sent.collect())
}

/// A report as the provider writes it: "gone", "full", "blocked", "spam" or "delivered". `n` is the event's.
pub(super) fn report(provider: Provider, what: &str, mail: &Sent, n: u32) -> Value {
    let (status, words) = match what {
        "gone" => ("5.1.1", "550 5.1.1 no such user here"),
        "full" => ("5.2.2", "552 5.2.2 mailbox full"),
        _ => ("5.7.1", "550 5.7.1 blocked: poor reputation of your network"),
    };
    let to = mail.to.as_str();
    let is_failure = !matches!(what, "spam" | "delivered");
    match provider {
        Provider::Ses => {
            let recipient =
                json!({"emailAddress": to, "status": status, "action": "failed", "diagnosticCode": format!("smtp; {words}")});
            let about = json!({"feedbackId": format!("f{n}"), "timestamp": "2026-02-03T09:31:44.101Z", "bounceType": "Permanent",
                "bounceSubType": "General", "bouncedRecipients": [recipient], "complainedRecipients": [{"emailAddress": to}],
                "complaintFeedbackType": "abuse", "recipients": [to]});
            let kind = if is_failure {
                "Bounce"
            } else if what == "spam" {
                "Complaint"
            } else {
                "Delivery"
            };
            json!({"notificationType": kind, kind.to_lowercase(): about, "mail": {"source": mail.path, "messageId": "0100"}})
        }
        Provider::SendGrid => {
            let event = if is_failure {
                "bounce"
            } else if what == "spam" {
                "spamreport"
            } else {
                "delivered"
            };
            let class = if what == "gone" { "bounce" } else { "blocked" };
            json!([{"email": to, "timestamp": 1_770_111_104, "smtp-id": format!("<{}>", mail.id), "event": event,
                "sg_event_id": format!("e{n}"), "status": status, "reason": words, "type": class}])
        }
        Provider::Postmark => {
            let kind = if is_failure {
                "Bounce"
            } else if what == "spam" {
                "SpamComplaint"
            } else {
                "Delivery"
            };
            let class = if what == "gone" {
                "HardBounce"
            } else if what == "full" {
                "SoftBounce"
            } else {
                "Blocked"
            };
            json!({"RecordType": kind, "ID": n, "Type": class, "MessageID": format!("883953f4-{n}"), "Email": to, "Recipient": to,
                "BouncedAt": "2026-02-03T09:32:00Z", "Details": format!("smtp;{words}"), "Metadata": {"nurtured": mail.token}})
        }
        Provider::Mailgun => {
            let event = if is_failure {
                "failed"
            } else if what == "spam" {
                "complained"
            } else {
                "delivered"
            };
            json!({"event-data": {"id": format!("m{n}"), "event": event, "severity": "permanent", "reason": "bounce",
                "recipient": to, "timestamp": 1_770_111_104.5, "message": {"headers": {"message-id": mail.id}},
                "delivery-status": {"code": 550, "message": words}}})
        }
        Provider::Brevo => {
            let event = match what {
                "gone" => "hard_bounce",
                "full" => "soft_bounce",
                "spam" => "spam",
                "delivered" => "delivered",
                _ => "blocked",
            };
            json!({"event": event, "email": to, "id": 1, "ts_epoch": 1_770_111_104_000_u64 + u64::from(n), "reason": words,
                "message-id": "<201803062010.1@smtp-relay.mailin.fr>", "X-Mailin-custom": format!("nurtured:{}", mail.token)})
        }
    }
}
