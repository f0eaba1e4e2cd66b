//! The relay that carries our mail: one connection, one recipient at a time, and the exact outcome of each try.
//!
//! lettre speaks the protocol over our own socket. Its pool and its `send` are not used: they cannot tell in which
//! phase a connection broke, and a cancelled send would leave half a conversation behind for the next mail.

use super::answer::{Ended, Phase, Trouble, number, refused, said, trouble, words};
use super::wire::Wire;
use crate::domain::address::Address;
use crate::domain::delivery::Reply;
use crate::domain::settings::{Security, Smtp};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::{ClientId, Extension};
use lettre::transport::smtp::response::Response;
use secrecy::ExposeSecret;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A relay, as configured. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    settings: Arc<Smtp>,
    connector: TlsConnector,
    patience: Patience,
}

/// How long each phase may take (RFC 5321 §4.5.3.2 gives the least a client should wait).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// TCP and TLS.
    pub connect: Duration,
    /// The greeting, EHLO, STARTTLS and AUTH together.
    pub greeting: Duration,
    /// MAIL, RCPT and RSET, each.
    pub command: Duration,
    /// DATA, until 354.
    pub data: Duration,
    /// Each block of the message.
    pub block: Duration,
    /// The reply to the final dot.
    pub dot: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            command: minutes(5),
            data: minutes(2),
            block: minutes(3),
            dot: minutes(10),
        }
    }
}

impl Patience {
    /// The same, but no phase longer than this.
    #[must_use]
    pub fn at_most(self, most: Duration) -> Self {
        Self {
            connect: self.connect.min(most),
            greeting: self.greeting.min(most),
            command: self.command.min(most),
            data: self.data.min(most),
            block: self.block.min(most),
            dot: self.dot.min(most),
        }
    }
}

/// Why there is no connection. None of these is a delivery's fault.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RelayError {
    /// Nobody answers, or not in time.
    #[error("the relay is not reached: {0}")]
    Unreachable(String),
    /// It answers, and does not serve us now.
    #[error("the relay does not serve us: {0}")]
    Unwilling(String),
    /// It cannot be spoken to as safely as configured.
    #[error("the connection to the relay cannot be protected: {0}")]
    Insecure(String),
    /// It refuses our login: nothing can be sent until somebody changes it.
    #[error("the relay refuses our login: {0}")]
    Login(String),
}

impl From<RelayError> for Reply {
    fn from(error: RelayError) -> Self {
        Self::RelayDown(error.to_string())
    }
}

impl Relay {
    /// A relay with the certificates this machine trusts and the patience of RFC 5321.
    ///
    /// # Errors
    /// When TLS is asked for and this machine trusts nobody.
    pub fn new(settings: Smtp) -> Result<Self, RelayError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() && settings.security != Security::Plaintext {
            return Err(RelayError::Insecure("this machine has no trusted certificates (package ca-certificates)".to_owned()));
        }
        Self::trusting(settings, roots)
    }

    /// A relay with these roots of trust and no others: a private authority.
    ///
    /// # Errors
    /// When TLS cannot be set up at all.
    pub fn trusting(settings: Smtp, roots: RootCertStore) -> Result<Self, RelayError> {
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| RelayError::Insecure(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        let patience = settings.patience.map_or_else(Patience::default, |most| Patience::default().at_most(most));
        Ok(Self { settings: Arc::new(settings), connector, patience })
    }

    /// The same relay, waited for differently.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Opens a connection: TCP, TLS as configured, EHLO, and AUTH where a login is given.
    ///
    /// # Errors
    /// Says what is wrong with the relay; back off and try again, except after [`RelayError::Login`].
    pub async fn connect(&self) -> Result<Connection, RelayError> {
        let late = |_| RelayError::Unreachable("no answer in time".to_owned());
        let wire = tokio::time::timeout(self.patience.connect, self.dial()).await.map_err(late)??;
        let (smtp, replies) = tokio::time::timeout(self.patience.greeting, self.greet(&wire)).await.map_err(late)??;
        Ok(Connection { open: Some(Open { smtp, wire, replies }), patience: self.patience })
    }

    async fn dial(&self) -> Result<Wire, RelayError> {
        let unreachable = |error: std::io::Error| RelayError::Unreachable(error.to_string());
        let wire = Wire::connect(&self.settings.host, self.settings.port).await.map_err(unreachable)?;
        if self.settings.security == Security::Implicit {
            self.protect(&wire, b"").await?;
        }
        Ok(wire)
    }

    async fn protect(&self, wire: &Wire, replay: &[u8]) -> Result<(), RelayError> {
        let name = ServerName::try_from(self.settings.host.clone()).map_err(|error| RelayError::Insecure(error.to_string()))?;
        wire.protect(&self.connector, name, replay).await.map_err(|error| RelayError::Insecure(error.to_string()))
    }

    async fn greet(&self, wire: &Wire) -> Result<(AsyncSmtpConnection, u64), RelayError> {
        let hello = ClientId::Domain(self.settings.hello.clone());
        let greet = || AsyncSmtpConnection::connect_with_transport(Box::new(wire.clone()), &hello);
        let unwilling = |error: lettre::transport::smtp::Error| RelayError::Unwilling(words(&error));
        let mut smtp = greet().await.map_err(unwilling)?;
        let mut replies = 2;
        if self.settings.security == Security::StartTls {
            if !smtp.can_starttls() {
                return Err(RelayError::Insecure("it does not offer STARTTLS".to_owned()));
            }
            smtp.command("STARTTLS\r\n").await.map_err(unwilling)?;
            // What was sent in clear behind the reply could be anybody's (RFC 3207 §5; CVE-2011-0411).
            if wire.replies() != Some(3) {
                return Err(RelayError::Insecure("it sent more than its reply before TLS began".to_owned()));
            }
            drop(smtp);
            self.protect(wire, b"220 protected\r\n").await?;
            smtp = greet().await.map_err(unwilling)?;
        }
        if let Some((user, password)) = &self.settings.login {
            let info = smtp.server_info();
            let mechanism = [Mechanism::Plain, Mechanism::Login].into_iter().find(|m| info.supports_auth_mechanism(*m));
            let Some(mechanism) = mechanism else {
                return Err(RelayError::Login("it offers neither AUTH PLAIN nor AUTH LOGIN".to_owned()));
            };
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let answer = smtp.auth(&[mechanism], &credentials).await;
            answer.map_err(|error| {
                let words = words(&error);
                if error.is_permanent() { RelayError::Login(words) } else { RelayError::Unwilling(words) }
            })?;
            replies += if mechanism == Mechanism::Login { 3 } else { 1 };
        }
        Ok((smtp, replies))
    }
}

/// A connection to the relay. Whatever goes wrong closes it; it is never used again then.
pub struct Connection {
    open: Option<Open>,
    patience: Patience,
}

struct Open {
    smtp: AsyncSmtpConnection,
    wire: Wire,
    /// How many replies we have taken.
    replies: u64,
}

impl Connection {
    /// Whether another mail may be sent over it.
    #[must_use]
    pub const fn is_usable(&self) -> bool {
        self.open.is_some()
    }

    /// Sends one message to one recipient. `message` is complete, with CRLF lines; it is sent as it is.
    ///
    /// Dropping the future closes the socket: whoever does that must count the delivery as in doubt.
    pub async fn send(&mut self, return_path: &str, to: &Address, message: &[u8]) -> Reply {
        // Taken out for the whole exchange: an error, a timeout or a cancelled caller drops it, and closes the socket.
        let Some(mut open) = self.open.take() else {
            return Reply::BrokenBefore("the connection was closed before".to_owned());
        };
        let ended = open.transact(return_path, to, message, &self.patience).await;
        match ended {
            Ended::Broken(reply) => reply,
            Ended::Clean(reply) => {
                self.open = Some(open);
                reply
            }
            Ended::Reset(reply) => {
                if matches!(open.command("RSET\r\n", self.patience.command).await, Ok(code) if code == 250) {
                    self.open = Some(open);
                }
                reply
            }
        }
    }

    /// Takes leave and closes.
    pub async fn quit(self) {
        if let Some(mut open) = self.open {
            // The answer to QUIT changes nothing.
            let _ = tokio::time::timeout(self.patience.connect, open.smtp.command("QUIT\r\n")).await;
        }
    }
}

impl Open {
    async fn transact(&mut self, return_path: &str, to: &Address, message: &[u8], patience: &Patience) -> Ended {
        if return_path.contains(|c: char| c.is_ascii_control() || "<> ".contains(c)) {
            return Ended::Clean(Reply::Refused("the return path cannot stand in a command".to_owned()));
        }
        let eight_bit = !message.is_ascii();
        if eight_bit && !self.smtp.server_info().supports_feature(Extension::EightBitMime) {
            return Ended::Clean(Reply::Refused("the relay does not take 8-bit messages".to_owned()));
        }
        let body = if eight_bit { " BODY=8BITMIME" } else { "" };
        match self.command(&format!("MAIL FROM:<{return_path}>{body}\r\n"), patience.command).await {
            Ok(250) => {}
            other => return refused(other, Phase::Sender),
        }
        failpoint!("relay.after_sender");
        match self.command(&format!("RCPT TO:<{to}>\r\n"), patience.command).await {
            Ok(250..=252) => {}
            other => return refused(other, Phase::Recipient),
        }
        match self.command("DATA\r\n", patience.data).await {
            Ok(354) => {}
            other => return refused(other, Phase::Data),
        }
        failpoint!("relay.before_message");
        // Behind a 354 only the message may follow; a relay that already answered it is not to be believed.
        if self.wire.replies() != Some(self.replies) {
            return Ended::Broken(Reply::BrokenBefore("the relay answered before it was asked".to_owned()));
        }
        self.message(message, patience).await
    }

    async fn message(&mut self, message: &[u8], patience: &Patience) -> Ended {
        let sent = AtomicUsize::new(0);
        let complete = AtomicBool::new(false);
        // lettre ends the message with CRLF, dot, CRLF: one line end less here is the message as given.
        let blocks = message.strip_suffix(b"\r\n").unwrap_or(message).chunks(BLOCK);
        let blocks = Blocks { left: blocks, sent: &sent, complete: &complete };
        let result = {
            let mut sending = std::pin::pin!(self.smtp.message_iter(blocks));
            let mut seen = 0;
            loop {
                let limit = if complete.load(Ordering::Acquire) { patience.dot } else { patience.block };
                match tokio::time::timeout(limit, &mut sending).await {
                    Ok(result) => break result.map_err(|error| trouble(&error)),
                    // It moved meanwhile: waited for anew.
                    Err(_) if sent.load(Ordering::Acquire) > seen => seen = sent.load(Ordering::Acquire),
                    Err(_) => break Err(Trouble::Broke("no answer in time".to_owned())),
                }
            }
        };
        if !complete.load(Ordering::Acquire) {
            // The dot was never written: whatever was said, the message is not there.
            return Ended::Broken(Reply::BrokenBefore(match result {
                Err(Trouble::Said(_, words) | Trouble::Broke(words)) => words,
                Ok(response) => response.code().to_string(),
            }));
        }
        failpoint!("relay.after_dot");
        self.replies += 1;
        match result.map(|response| number(&response)) {
            Ok(250) => Ended::Clean(Reply::Accepted),
            Ok(code) => Ended::Broken(Reply::BrokenAfter(format!("the relay answered the message with {code}"))),
            Err(Trouble::Broke(words)) => Ended::Broken(Reply::BrokenAfter(words)),
            Err(Trouble::Said(code, words)) => said(code, words, Phase::Message),
        }
    }

    async fn command(&mut self, command: &str, limit: Duration) -> Result<u16, Trouble> {
        if self.wire.replies() != Some(self.replies) {
            return Err(Trouble::Broke("the relay said more than it was asked".to_owned()));
        }
        let answer = within(limit, self.smtp.command(command)).await;
        self.replies += 1;
        answer.map(|response| number(&response))
    }
}

/// How much of a message is written at once.
const BLOCK: usize = 64 * 1024;

/// The message in blocks. lettre asks for the next when one is written, and writes the dot when there is none: the
/// moment from which a broken connection means doubt.
struct Blocks<'a> {
    left: std::slice::Chunks<'a, u8>,
    sent: &'a AtomicUsize,
    complete: &'a AtomicBool,
}

impl<'a> Iterator for Blocks<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        self.sent.fetch_add(1, Ordering::AcqRel);
        let block = self.left.next();
        if block.is_none() {
            self.complete.store(true, Ordering::Release);
        }
        block
    }
}

async fn within(
    limit: Duration,
    answer: impl Future<Output = Result<Response, lettre::transport::smtp::Error>>,
) -> Result<Response, Trouble> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer.map_err(|error| trouble(&error)),
        Err(_) => Err(Trouble::Broke("no answer in time".to_owned())),
    }
}
