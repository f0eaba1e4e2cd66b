//! Settings of the service: what `nurtured.toml` says.

use super::address::Address;
use super::dkim::Dkim;
use super::group::cap::Cap;
use super::group::delivery::OnUncertain;
use super::group::guard::Paces;
use super::id::Name;
use super::prospect::FieldType;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What `nurtured.toml` says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where links lead, without a trailing slash: `https://news.tecnofab.example`.
    pub public_url: String,
    /// Who we are; the footer of every newsletter.
    pub organisation: Organisation,
    pub tracking: Tracking,
    /// Where everything is remembered.
    pub database: DatabaseUrl,
    /// Where every stop is written down outside the database.
    pub stop_journal: std::path::PathBuf,
    pub smtp: Smtp,
    pub http: Http,
    /// How much mail one prospect gets from all campaigns together; without one, whatever they send.
    pub cap: Option<Cap>,
    pub fields: BTreeMap<Name, FieldType>,
}

/// Who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    pub name: String,
    /// A postal address, as the law asks for in group mail.
    pub postal_address: String,
}

/// Whose clicks are followed. Must be chosen: there is no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracking {
    Consented,
    All,
    None,
}

/// Which database; the URL may hold a password.
#[derive(Debug, Clone)]
pub enum DatabaseUrl {
    Sqlite(std::path::PathBuf),
    Postgres(SecretString),
}

impl DatabaseUrl {
    /// Whether it is the same database.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sqlite(one), Self::Sqlite(two)) => one == two,
            (Self::Postgres(one), Self::Postgres(two)) => one.expose_secret() == two.expose_secret(),
            _ => false,
        }
    }
}

/// How many mails of one connection may be in doubt, unless said otherwise.
pub const MAX_IN_DOUBT: usize = 4;

/// The relay that carries our mail.
#[derive(Debug, Clone)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// User and password, if it asks for them.
    pub login: Option<(String, SecretString)>,
    /// How many connections carry group mail.
    pub connections: usize,
    /// How many mails of one connection may be marked without a recorded result: what one crash can repeat.
    pub max_in_doubt: usize,
    /// Where bounces go: `bounces@news.tecnofab.example` becomes `bounces+TOKEN@…`.
    pub return_path: Address,
    /// What we call ourselves in EHLO.
    pub hello: String,
    /// What signs every mail; without it, signing is the relay's.
    pub dkim: Option<Arc<Dkim>>,
    /// How fast it and the receiving domains are served.
    pub paces: Paces,
    /// What becomes of a delivery in doubt.
    pub on_uncertain: OnUncertain,
    /// For how long an answer is waited for at most, in any phase; as RFC 5321 says where nothing is said here.
    pub patience: Option<Duration>,
}

/// How the connection to the relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (port 465).
    Implicit,
    /// STARTTLS, and nothing before it (port 587).
    StartTls,
    /// None: only to this machine, or where it was allowed in so many words.
    Plaintext,
}

/// The web server.
#[derive(Debug, Clone)]
pub struct Http {
    pub listen: SocketAddr,
    /// What `POST /v1/signals` asks for; without one the route is closed.
    pub api_token: Option<SecretString>,
}
