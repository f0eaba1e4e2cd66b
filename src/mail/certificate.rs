//! The relay's certificate: whether it is trusted, and if not, why and what to do, in words.
//!
//! rustls judges; what it says is put into words with what stands in the certificate. One exception: a certificate that
//! `smtp.ca_file` holds itself is trusted as it is, also where it may sign others, as `openssl req -x509` makes them. Its
//! name and its dates are judged all the same.

use crate::domain::excerpt::excerpt;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

/// Judges as rustls does, and says why not.
#[derive(Debug)]
pub struct Verifier {
    pub inner: Arc<WebPkiServerVerifier>,
    /// The certificates of `smtp.ca_file`.
    pub own: Vec<CertificateDer<'static>>,
}

/// Why a certificate is not trusted.
#[derive(Debug)]
pub struct Untrusted {
    /// Completes "the relay's certificate".
    pub why: String,
    /// What the operator can do.
    pub remedy: String,
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl StdError for Untrusted {}

/// Judges name and dates of a certificate that is trusted itself.
fn judge(certificate: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<ServerCertVerified, Error> {
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let (from, until) = Facts::read(certificate).and_then(|facts| Some((facts.from?, facts.until?))).ok_or_else(broken)?;
    match now {
        now if now < from.as_second() => Err(Error::InvalidCertificate(CertificateError::NotValidYet)),
        now if now > until.as_second() => Err(Error::InvalidCertificate(CertificateError::Expired)),
        _ => Ok(ServerCertVerified::assertion()),
    }
}

const fn broken() -> Error {
    Error::InvalidCertificate(CertificateError::BadEncoding)
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judged = if self.own.contains(end_entity) {
            judge(end_entity, server_name, now)
        } else {
            self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        judged.map_err(|error| match error {
            Error::InvalidCertificate(why) => {
                let untrusted = explain(&why, end_entity, server_name, now, !self.own.is_empty());
                Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(untrusted))))
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn explain(
    why: &CertificateError,
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
    has_own: bool,
) -> Untrusted {
    let facts = Facts::read(certificate).unwrap_or_default();
    let (host, clock) = (name.to_str(), day(i64::try_from(now.as_secs()).ok().and_then(|s| Timestamp::from_second(s).ok())));
    let issuer = facts.issuer.clone().unwrap_or_else(|| "an authority without a name".to_owned());
    let (why, remedy) = match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            format!("ended on {} (this machine's clock says {clock})", day(facts.until)),
            "whoever runs the relay must renew it; or set this machine's clock".to_owned(),
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            format!("holds only from {} on (this machine's clock says {clock})", day(facts.from)),
            "set this machine's clock; or whoever runs the relay must make a new one".to_owned(),
        ),
        CertificateError::NotValidForName => (
            format!("is not made out for {host}"),
            format!("write under smtp.host the name it is made out for; or have it made out for {host}"),
        ),
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => (
            "names no host but in its subject, which is not read (RFC 9525)".to_owned(),
            format!("have it made anew with subjectAltName: openssl req -x509 -addext subjectAltName=DNS:{host} …"),
        ),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().take(5).map(|name| bare(name)).collect();
            (
                format!("is made out for {}, not for {host}", excerpt(&names.join(", "), 200)),
                format!("write under smtp.host the name it is made out for; or have it made out for {host}"),
            )
        }
        _ if facts.is_self_signed => (
            "is signed by itself alone".to_owned(),
            "if it is the right one (compare its fingerprint with whoever runs the relay), save it as a file and name that under \
             smtp.ca_file"
                .to_owned(),
        ),
        CertificateError::UnknownIssuer | CertificateError::BadSignature if has_own => (
            format!("is signed by {issuer}, who is not in smtp.ca_file"),
            "put the authority's certificate into that file; without smtp.ca_file, whom this machine trusts is trusted".to_owned(),
        ),
        // Of a trusted authority's name, and signed with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => (
            format!("is signed by {issuer}, whom this machine does not trust"),
            "if that is your own authority, name its certificate under smtp.ca_file; if it is a public one, the relay does not send \
             the certificates in between, or the package ca-certificates is old"
                .to_owned(),
        ),
        other => (
            format!("cannot be used: {}", excerpt(&other.to_string(), 200)),
            "whoever runs the relay must make another one".to_owned(),
        ),
    };
    Untrusted { why, remedy }
}

/// `DnsName("mx.example")` and `IpAddress(10.0.0.1)` without what stands around them.
fn bare(presented: &str) -> &str {
    let inner = presented.split_once('(').map_or(presented, |(_, inner)| inner.trim_end_matches(')'));
    inner.trim_matches('"')
}

fn day(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "an unreadable date".to_owned(), |at| at.to_zoned(TimeZone::UTC).date().to_string())
}

/// What stands in a certificate (RFC 5280 §4.1), as far as it is said to an operator.
#[derive(Debug, Default)]
struct Facts {
    /// Who signed it: its common name, else its organisation.
    issuer: Option<String>,
    is_self_signed: bool,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Facts {
    fn read(certificate: &[u8]) -> Option<Self> {
        let (_, certificate, _) = value(certificate)?;
        let (_, mut rest, _) = value(certificate)?;
        let mut fields = Vec::new();
        while fields.len() < 5 {
            let (tag, field, after) = value(rest)?;
            // The version is left out where it is the first.
            if tag != 0xA0 {
                fields.push(field);
            }
            rest = after;
        }
        let [_, _, issuer, dates, subject] = fields[..] else { return None };
        let (from, after) = value(dates).map(|(tag, text, after)| (instant(tag, text), after))?;
        let until = value(after).and_then(|(tag, text, _)| instant(tag, text));
        Some(Self { issuer: name(issuer), is_self_signed: issuer == subject, from, until })
    }
}

/// The first value of DER: its tag, its content, and what follows it.
fn value(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (short, rest) = rest.split_first()?;
    let (length, rest) = if *short < 0x80 {
        (usize::from(*short), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7F)).filter(|(digits, _)| digits.len() <= 4)?;
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((*tag, content, after))
}

/// The common name in a distinguished name, else the organisation.
fn name(distinguished: &[u8]) -> Option<String> {
    const COMMON_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x03];
    const ORGANISATION: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x0A];
    [COMMON_NAME, ORGANISATION].iter().find_map(|kind| {
        let at = memchr::memmem::find(distinguished, kind)?;
        let (_, text, _) = value(&distinguished[at + kind.len()..])?;
        Some(excerpt(&String::from_utf8_lossy(text).replace(char::is_control, " "), 80)).filter(|text| !text.is_empty())
    })
}

/// `UTCTime` (years 1950 to 2049) or `GeneralizedTime`, both in UTC with seconds.
fn instant(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let text = str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match (tag, text.len()) {
        (0x17, 12) => format!("{}{text}", if text < "50" { "20" } else { "19" }),
        (0x18, 14) => text.to_owned(),
        _ => return None,
    };
    DateTime::strptime("%Y%m%d%H%M%S", &text).ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}
