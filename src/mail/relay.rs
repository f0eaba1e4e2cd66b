//! The configured relay, and how a connection to it is opened.
//!
//! lettre speaks the protocol over our own socket. Its pool and its `send` are not used: they do not report in which phase
//! a connection broke, and a cancelled send would leave a half-finished session for the next mail.

use super::access_token::AccessTokens;
use super::answer::words;
use super::certificate::{Untrusted, Verifier};
use super::conversation::{Connection, Timeouts};
use super::login::{Credential, Login};
use super::null_relay::NullRelay;
use super::offers::Offers;
use super::relay_error::Unprotected;
use super::transcript::Transcript;
use super::wire::Wire;
use crate::domain::excerpt::excerpt;
use crate::domain::settings::{Proof, Security, Smtp};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret;
use std::io;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error as TlsError, OtherError, RootCertStore};

pub use super::relay_error::RelayError;

/// A configured relay. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    settings: Arc<Smtp>,
    connector: TlsConnector,
    patience: Timeouts,
    captured: Option<NullRelay>,
    /// The access tokens, where we log in with one.
    tokens: Option<AccessTokens>,
    transcript: Option<Transcript>,
}

impl Relay {
    /// A relay with the certificate authorities of `smtp.ca_file`, else those this machine trusts, and the timeouts of RFC
    /// 5321.
    ///
    /// # Errors
    /// When TLS is configured and this machine has no trusted authority.
    pub fn new(settings: Smtp) -> Result<Self, RelayError> {
        let mut roots = RootCertStore::empty();
        if let Some(authorities) = &settings.authorities {
            roots.add_parsable_certificates(authorities.iter().map(|der| CertificateDer::from(der.as_slice())));
        } else {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        if roots.is_empty() && settings.security != Security::Plaintext {
            let (why, remedy) = match settings.authorities {
                Some(_) => {
                    ("smtp.ca_file holds no certificate that can be read", "put the authority's certificate into it, in PEM")
                }
                None => ("this machine trusts no certificates", "install the package ca-certificates"),
            };
            return Err(RelayError::Insecure(Unprotected::new(why, remedy)));
        }
        Self::trusting(settings, roots)
    }

    /// A relay that trusts only these roots, such as a private authority.
    ///
    /// # Errors
    /// When TLS cannot be set up at all.
    pub fn trusting(settings: Smtp, roots: RootCertStore) -> Result<Self, RelayError> {
        let unable = |why: String| RelayError::Insecure(Unprotected::new(why, "this is a fault of the program: report it"));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let config = config.map_err(|error| unable(error.to_string()))?;
        let config = if roots.is_empty() {
            config.with_root_certificates(roots).with_no_client_auth()
        } else {
            let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
            let inner = inner.map_err(|error| unable(error.to_string()))?;
            let own = settings.authorities.iter().flat_map(|all| all.iter().cloned().map(CertificateDer::from)).collect();
            let verifier = Arc::new(Verifier { inner, own });
            config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        };
        let connector = TlsConnector::from(Arc::new(config));
        let patience = settings.patience.map_or_else(Timeouts::default, |most| Timeouts::default().at_most(most));
        let tokens = settings.login.as_ref().and_then(|login| match &login.proof {
            Proof::Token(command) => Some(AccessTokens::new(command.clone())),
            Proof::Password(_) => None,
        });
        Ok(Self { settings: Arc::new(settings), connector, patience, captured: None, tokens, transcript: None })
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

    /// The same relay; what is said to it and what it says is recorded.
    #[must_use]
    pub fn recorded(mut self, transcript: Transcript) -> Self {
        self.transcript = Some(transcript);
        self
    }

    /// Opens a connection: TCP, TLS as configured, EHLO, and AUTH where a login is given. An access token that is refused is
    /// fetched anew once.
    ///
    /// # Errors
    /// Says what is wrong with the relay; the caller backs off and tries again, except after [`RelayError::Login`].
    pub async fn connect(&self) -> Result<Connection, RelayError> {
        if let Some(capture) = &self.captured {
            return Ok(Connection::captured(capture.clone()));
        }
        let opened = self.open().await;
        if let (Err(error), Some(transcript)) = (&opened, &self.transcript) {
            transcript.note(&format!("{}; {}", error.why(), error.remedy()));
        }
        opened
    }

    async fn open(&self) -> Result<Connection, RelayError> {
        let Some(tokens) = &self.tokens else {
            let password = self.settings.login.as_ref().and_then(|login| match &login.proof {
                Proof::Password(password) => Some(Credential::Password(password)),
                Proof::Token(_) => None,
            });
            return self.open_with(password).await;
        };
        let token = tokens.token().await?;
        match self.open_with(Some(Credential::Token(&token))).await {
            Err(RelayError::Login(words)) => {
                let other = tokens.instead_of(&token).await?;
                if other.expose_secret() == token.expose_secret() {
                    return Err(RelayError::Login(words));
                }
                self.open_with(Some(Credential::Token(&other))).await
            }
            opened => opened,
        }
    }

    async fn open_with(&self, credential: Option<Credential<'_>>) -> Result<Connection, RelayError> {
        let late = |_| RelayError::Unreachable("no answer in time".to_owned());
        let wire = tokio::time::timeout(self.patience.connect, self.dial()).await.map_err(late)??;
        let greeted = tokio::time::timeout(self.patience.greeting, self.greet(&wire, credential)).await;
        let (smtp, replies, offers) = match greeted {
            Ok(Ok(greeted)) => greeted,
            Ok(Err(_)) if wire.hears_tls() => return Err(self.speaks_tls("it speaks TLS from the first byte")),
            Err(_) if wire.hears_nothing() && self.settings.security != Security::Implicit => {
                return Err(self.speaks_tls("it answers the connection and says nothing, as one does that waits for TLS"));
            }
            Ok(Err(error)) => return Err(error),
            Err(late_by) => return Err(late(late_by)),
        };
        Ok(Connection::over(smtp, wire, replies, &offers, self.patience))
    }

    fn speaks_tls(&self, why: &str) -> RelayError {
        let remedy = "set security = \"implicit\" under [smtp] (port 465); or the port to the one of STARTTLS (587)";
        RelayError::Insecure(Unprotected::new(format!("port {}: {why}", self.settings.port), remedy))
    }

    async fn dial(&self) -> Result<Wire, RelayError> {
        let (host, port) = (&self.settings.host, self.settings.port);
        let unreachable = |error: io::Error| RelayError::Unreachable(error.to_string());
        let wire = Wire::connect(host, port, self.transcript.clone()).await.map_err(unreachable)?;
        wire.note(&format!("connected to {host} port {port}"));
        if self.settings.security == Security::Implicit {
            self.protect(&wire, b"").await?;
        }
        Ok(wire)
    }

    async fn protect(&self, wire: &Wire, replay: &[u8]) -> Result<(), RelayError> {
        let host = &self.settings.host;
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
        let name = name.map_err(|error| {
            RelayError::Insecure(Unprotected::new(error.to_string(), "write under smtp.host a name that a certificate can have"))
        })?;
        wire.protect(&self.connector, name, replay).await.map_err(|error| RelayError::Insecure(self.unprotected(&error)))?;
        wire.note(&format!("{}, and the certificate is good for {host}", wire.protection().unwrap_or_default()));
        Ok(())
    }

    /// What a failed handshake says.
    fn unprotected(&self, error: &io::Error) -> Unprotected {
        let port = self.settings.port;
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
        match tls {
            Some(TlsError::InvalidCertificate(CertificateError::Other(OtherError(other)))) => {
                let known = other.downcast_ref::<Untrusted>();
                let why = known.map_or_else(|| other.to_string(), |untrusted| untrusted.why.clone());
                let remedy = known.map_or("whoever runs the relay must make another one", |untrusted| &untrusted.remedy);
                Unprotected::new(format!("the relay's certificate {why}"), remedy)
            }
            Some(TlsError::InvalidMessage(_)) => {
                let remedy = "set security = \"starttls\" under [smtp] (port 587); or the port to the one of TLS (465)";
                Unprotected::new(format!("port {port}: it speaks no TLS from the first byte"), remedy)
            }
            Some(TlsError::AlertReceived(_) | TlsError::PeerIncompatible(_)) => Unprotected::new(
                format!("relay and client have no protection in common: {}", excerpt(&error.to_string(), 120)),
                "the relay must speak TLS 1.2 or 1.3 with a certificate of RSA, ECDSA or Ed25519",
            ),
            _ => Unprotected::new(
                format!("the handshake broke off: {}", excerpt(&error.to_string(), 200)),
                format!("look whether port {port} is the relay's, and whether something in between cuts TLS off"),
            ),
        }
    }

    async fn greet(
        &self,
        wire: &Wire,
        credential: Option<Credential<'_>>,
    ) -> Result<(AsyncSmtpConnection, u64, Offers), RelayError> {
        let hello = ClientId::Domain(self.settings.hello.clone());
        let greet = || AsyncSmtpConnection::connect_with_transport(Box::new(wire.clone()), &hello);
        let unwilling = |error: lettre::transport::smtp::Error| RelayError::Unwilling(words(&error));
        let mut smtp = greet().await.map_err(unwilling)?;
        let mut offers = wire.offers();
        if self.settings.security == Security::StartTls {
            if !offers.has("STARTTLS") {
                let remedy = "set security = \"implicit\" (port 465), or ask whoever runs the relay for TLS; \"plaintext\" is for \
                              this machine or a network of your own alone";
                return Err(RelayError::Insecure(Unprotected::new("it offers no STARTTLS", remedy)));
            }
            wire.sent("STARTTLS");
            smtp.command("STARTTLS\r\n").await.map_err(unwilling)?;
            // Bytes sent in clear after the reply may come from an attacker (RFC 3207 §5; CVE-2011-0411).
            if wire.replies() != Some(3) {
                let remedy = "somebody in between, or the relay itself, cannot be trusted: ask whoever runs it";
                return Err(RelayError::Insecure(Unprotected::new("it sent more than its reply before TLS began", remedy)));
            }
            drop(smtp);
            self.protect(wire, b"220 protected\r\n").await?;
            smtp = greet().await.map_err(unwilling)?;
            offers = wire.offers();
        }
        let mut replies = 2;
        if let (Some(login), Some(credential)) = (&self.settings.login, credential) {
            let (host, port) = (self.settings.host.as_str(), self.settings.port);
            let login = Login { smtp: &mut smtp, wire, user: &login.user, host, port, replies };
            replies = login.log_in(&offers, credential).await?;
        }
        Ok((smtp, replies, offers))
    }
}
