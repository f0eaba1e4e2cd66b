//! The way to an IMAP server: TCP, and TLS from the first byte or by STARTTLS.

use super::connection::{Answer, Connection, Duplex};
use super::error::MailboxError;
use crate::domain::excerpt::excerpt;
use crate::domain::settings::{Imap, Security};
use crate::mail::certificate::{Untrusted, Verifier};
use rustix::net::sockopt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error as TlsError, OtherError, RootCertStore};

/// How long each step of the way may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connects, and reads the greeting: what comes back may be asked to log in.
///
/// # Errors
/// When the server is not reached, or cannot be trusted as configured.
pub async fn dial(imap: &Imap) -> Result<Connection<Box<dyn Duplex>>, MailboxError> {
    // An IPv6 address may be written in brackets.
    let tcp = within(TcpStream::connect((imap.host.trim_matches(['[', ']']), imap.port))).await?;
    drop(tcp.set_nodelay(true));
    keep_alive(&tcp);
    match imap.security {
        Security::Implicit => {
            let mut connection = over(protect(imap, tcp).await?);
            greeting(&mut connection).await?;
            Ok(connection)
        }
        Security::Plaintext => {
            let mut connection = over(tcp);
            greeting(&mut connection).await?;
            Ok(connection)
        }
        Security::StartTls => {
            let mut connection = Connection::over(tcp);
            if greeting(&mut connection).await? {
                // A login before TLS cannot be protected any more (RFC 2595 §3.1); an attacker in between may pretend one.
                return Err(insecure("it logs us in before TLS can begin", "set security = \"implicit\" (port 993)"));
            }
            if let Answer::No(words) = connection.command("STARTTLS", |_| {}).await? {
                let why = format!("it does not begin TLS: {words}");
                return Err(insecure(&why, "set security = \"implicit\" (port 993), or ask whoever runs the server for TLS"));
            }
            // Bytes sent in clear behind the answer may come from an attacker (CVE-2011-0411).
            let Some(tcp) = connection.into_stream() else {
                let remedy = "somebody in between, or the server itself, cannot be trusted: ask whoever runs it";
                return Err(insecure("it sent more than its answer before TLS began", remedy));
            };
            // The greeting is not repeated.
            Ok(over(protect(imap, tcp).await?))
        }
    }
}

fn over(stream: impl Duplex + 'static) -> Connection<Box<dyn Duplex>> {
    Connection::over(Box::new(stream))
}

/// A connection that waits half an hour for a mail is to notice that the way is gone.
fn keep_alive(tcp: &TcpStream) {
    let set = || {
        sockopt::set_socket_keepalive(tcp, true)?;
        sockopt::set_tcp_keepidle(tcp, Duration::from_mins(1))?;
        sockopt::set_tcp_keepintvl(tcp, Duration::from_secs(20))?;
        sockopt::set_tcp_keepcnt(tcp, 4)
    };
    if let Err(error) = set() {
        tracing::debug!(%error, "a dead connection to a mailbox will be noticed late");
    }
}

/// Reads the greeting. Returns whether the server has logged us in already.
async fn greeting<S: Duplex>(connection: &mut Connection<S>) -> Result<bool, MailboxError> {
    let greeting = connection.response(PATIENCE).await?;
    let text = String::from_utf8_lossy(&greeting).into_owned();
    let upper = text.trim_start().to_ascii_uppercase();
    if upper.starts_with("* OK") || upper.starts_with("* PREAUTH") {
        return Ok(upper.starts_with("* PREAUTH"));
    }
    if upper.starts_with("* BYE") {
        return Err(MailboxError::Unreachable(format!("it does not want to serve us: {}", connection.shown(&text))));
    }
    Err(MailboxError::Broken(format!("it greets with {:?}", connection.shown(&text))))
}

async fn within<T>(step: impl Future<Output = io::Result<T>>) -> Result<T, MailboxError> {
    let late = |_| MailboxError::Unreachable("no answer in time".to_owned());
    timeout(PATIENCE, step).await.map_err(late)?.map_err(|error| MailboxError::Unreachable(error.to_string()))
}

async fn protect(imap: &Imap, tcp: TcpStream) -> Result<TlsStream<TcpStream>, MailboxError> {
    let name = ServerName::try_from(imap.host.trim_matches(['[', ']']).to_owned());
    let name = name.map_err(|error| insecure(&error.to_string(), "write under `host` a name that a certificate can have"))?;
    let late = |_| MailboxError::Unreachable("no TLS in time".to_owned());
    let shaken = timeout(PATIENCE, connector(imap)?.connect(name, tcp)).await.map_err(late)?;
    shaken.map_err(|error| unprotected(imap, &error))
}

fn connector(imap: &Imap) -> Result<TlsConnector, MailboxError> {
    let own: Vec<CertificateDer<'static>> =
        imap.authorities.iter().flat_map(|all| all.iter().cloned().map(CertificateDer::from)).collect();
    let mut roots = RootCertStore::empty();
    if own.is_empty() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    } else {
        roots.add_parsable_certificates(own.iter().cloned());
    }
    if roots.is_empty() {
        return Err(insecure("no certificate is trusted here", "install the package ca-certificates, or correct ca_file"));
    }
    let fault = |why: String| insecure(&why, "this is a fault of the program: report it");
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let (config, inner) = (config.map_err(|e| fault(e.to_string()))?, inner.map_err(|e| fault(e.to_string()))?);
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(Verifier { inner, own })).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn insecure(why: &str, remedy: &str) -> MailboxError {
    MailboxError::Insecure(why.to_owned(), remedy.to_owned())
}

/// What a failed handshake says.
fn unprotected(imap: &Imap, error: &io::Error) -> MailboxError {
    let port = imap.port;
    match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        Some(TlsError::InvalidCertificate(CertificateError::Other(OtherError(other)))) => {
            let known = other.downcast_ref::<Untrusted>();
            let why = known.map_or_else(|| other.to_string(), |untrusted| untrusted.why.clone());
            let remedy = known.map_or("whoever runs it must make another one", |untrusted| &untrusted.remedy);
            // The words were made for the relay's certificate.
            let here = |words: &str| words.replace("smtp.", "inbox.mailbox.").replace("the relay", "the server");
            insecure(&format!("the server's certificate {}", here(&why)), &here(remedy))
        }
        Some(TlsError::InvalidMessage(_)) => {
            let remedy = "set security = \"starttls\" (port 143), or the port to the one of TLS (993)";
            insecure(&format!("port {port}: it speaks no TLS from the first byte"), remedy)
        }
        _ => insecure(
            &format!("the handshake broke off: {}", excerpt(&error.to_string(), 200)),
            &format!("look whether port {port} is the server's, and whether something in between cuts TLS off"),
        ),
    }
}
