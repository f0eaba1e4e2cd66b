//! The configured relay, and how a connection to it is opened.
//!
//! lettre speaks the protocol over our own socket. Its pool and its `send` are not used: they do not report in which phase
//! a connection broke, and a cancelled send would leave a half-finished session for the next mail.

use super::answer::words;
use super::conversation::{Connection, Timeouts};
use super::null_relay::NullRelay;
use super::wire::Wire;
use crate::domain::group::delivery::Reply;
use crate::domain::settings::{Security, Smtp};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A configured relay. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    settings: Arc<Smtp>,
    connector: TlsConnector,
    patience: Timeouts,
    captured: Option<NullRelay>,
}

/// Why there is no connection. None of these is the fault of a delivery.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RelayError {
    /// The relay does not answer, or not in time.
    #[error("the relay is not reached: {0}")]
    Unreachable(String),
    /// The relay answers, and does not serve us now.
    #[error("the relay does not serve us: {0}")]
    Unwilling(String),
    /// The connection cannot be protected as configured.
    #[error("the connection to the relay cannot be protected: {0}")]
    Insecure(String),
    /// The relay refuses our login: nothing can be sent until an operator corrects it.
    #[error("the relay refuses our login: {0}")]
    Login(String),
}

impl From<RelayError> for Reply {
    fn from(error: RelayError) -> Self {
        Self::RelayDown(error.to_string())
    }
}

impl Relay {
    /// A relay with the certificate authorities this machine trusts and the timeouts of RFC 5321.
    ///
    /// # Errors
    /// When TLS is configured and this machine has no trusted authority.
    pub fn new(settings: Smtp) -> Result<Self, RelayError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() && settings.security != Security::Plaintext {
            return Err(RelayError::Insecure("this machine has no trusted certificates (package ca-certificates)".to_owned()));
        }
        Self::trusting(settings, roots)
    }

    /// A relay that trusts only these roots, such as a private authority.
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
        let patience = settings.patience.map_or_else(Timeouts::default, |most| Timeouts::default().at_most(most));
        Ok(Self { settings: Arc::new(settings), connector, patience, captured: None })
    }

    /// A null relay captures every mail, and nothing leaves this process.
    ///
    /// # Errors
    /// When TLS cannot be set up at all.
    pub fn capturing(settings: Smtp, by: NullRelay) -> Result<Self, RelayError> {
        Ok(Self { captured: Some(by), ..Self::trusting(settings, RootCertStore::empty())? })
    }

    /// The same relay with other timeouts.
    #[must_use]
    pub fn with_patience(mut self, patience: Timeouts) -> Self {
        self.patience = patience;
        self
    }

    /// Opens a connection: TCP, TLS as configured, EHLO, and AUTH where a login is given.
    ///
    /// # Errors
    /// Says what is wrong with the relay; the caller backs off and tries again, except after [`RelayError::Login`].
    pub async fn connect(&self) -> Result<Connection, RelayError> {
        if let Some(capture) = &self.captured {
            return Ok(Connection::captured(capture.clone()));
        }
        let late = |_| RelayError::Unreachable("no answer in time".to_owned());
        let wire = tokio::time::timeout(self.patience.connect, self.dial()).await.map_err(late)??;
        let (smtp, replies) = tokio::time::timeout(self.patience.greeting, self.greet(&wire)).await.map_err(late)??;
        Ok(Connection::over(smtp, wire, replies, self.patience))
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
            // Bytes sent in clear after the reply may come from an attacker (RFC 3207 §5; CVE-2011-0411).
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
