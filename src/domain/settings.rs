//! Settings of the service: what `nurtured.toml` says.

use super::address::Address;
use super::api_token::ApiToken;
use super::dkim::Dkim;
use super::door::Door;
use super::group::cap::Cap;
use super::group::delivery::OnUncertain;
use super::group::guard::Paces;
use super::hook::Hook;
use super::id::Name;
use super::landing_page::LandingPage;
use super::language::Language;
use super::prospect::FieldType;
use super::trusted_sources::TrustedSources;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The contents of `nurtured.toml`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The URL at which links begin, without a trailing slash: `https://news.tecnofab.example`.
    pub public_url: String,
    /// The sender of every newsletter, named in its footer.
    pub organisation: Organisation,
    pub tracking: Tracking,
    pub database: DatabaseUrl,
    /// The file outside the database to which every suppression is appended.
    pub stop_journal: std::path::PathBuf,
    pub smtp: Smtp,
    pub http: Http,
    /// How many mails one prospect gets from all campaigns together; without it, no limit.
    pub cap: Option<Cap>,
    /// How many of them one prospect gets who chose "less often" on their own page.
    pub less_often: Cap,
    pub fields: BTreeMap<Name, FieldType>,
    /// How many mails a day ask addresses of one domain to confirm a form.
    pub confirmations_per_domain: u32,
    /// The mail providers that report by HTTP.
    pub hooks: Vec<Hook>,
    /// Who is believed about a mail that comes in.
    pub trusted_sources: TrustedSources,
    /// The mailboxes from which what comes back is fetched.
    pub mailboxes: Vec<Mailbox>,
}

impl Settings {
    /// The host of `public_url`, without its port; an IPv6 address in its brackets.
    pub fn host(&self) -> &str {
        let authority = self.public_url.split('/').nth(2).unwrap_or_default();
        authority.rsplit_once(':').map_or(authority, |(host, port)| if port.ends_with(']') { authority } else { host })
    }

    /// The address of answers, if no mailbox is fetched that is meant to hold them.
    pub fn unfetched_reply_address(&self) -> Option<&Address> {
        let address = self.smtp.reply_address.as_ref()?;
        let holds_answers = |mailbox: &Mailbox| {
            let user = match &mailbox.source {
                MailSource::Imap(imap) => imap.login.user.as_str(),
                MailSource::Maildir(_) => "",
            };
            let is_there = user.rsplit_once('@').is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(address.domain()));
            mailbox.role == MailboxRole::Replies || is_there
        };
        Some(address).filter(|_| !self.mailboxes.iter().any(holds_answers))
    }
}

/// The default of `confirmations_per_domain`.
pub const CONFIRMATIONS_PER_DOMAIN: u32 = 20;

/// What `qualification.toml` says of a form, besides the rules that read it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormSettings {
    /// Whether it is believed as it comes: only those can fill it in whom one's own login has told apart.
    pub trusted: bool,
    /// The page of the website that has the form: a link to it in a newsletter is signed.
    pub page: Option<String>,
}

/// The company that sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    pub name: String,
    /// A postal address, as the law asks for in group mail.
    pub postal_address: String,
    /// The languages in which visitors are spoken to, the company's own first; never empty.
    pub languages: Vec<Language>,
}

impl Organisation {
    /// The company's own language.
    pub fn language(&self) -> Language {
        self.languages.first().copied().unwrap_or_default()
    }
}

/// Whose clicks are tracked. There is no default: the configuration must choose.
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
    /// Whether both name the same database.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sqlite(one), Self::Sqlite(two)) => one == two,
            (Self::Postgres(one), Self::Postgres(two)) => one.expose_secret() == two.expose_secret(),
            _ => false,
        }
    }
}

/// The default of `max_in_doubt`.
pub const MAX_IN_DOUBT: usize = 4;

/// The relay that carries our mail.
#[derive(Debug, Clone)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    pub login: Option<Login>,
    /// The certificates trusted instead of those this machine trusts, DER.
    pub authorities: Option<Arc<Vec<Vec<u8>>>>,
    /// How many connections carry group mail.
    pub connections: usize,
    /// How many mails of one connection may be marked without a recorded result: the most that one crash can repeat.
    pub max_in_doubt: usize,
    /// The envelope sender: `bounces@news.tecnofab.example` becomes `bounces+TOKEN@…`.
    pub return_path: Address,
    /// Where newsletters are answered: `replies@news.tecnofab.example` becomes `replies+TOKEN@…`. Without it, at the address of the
    /// campaign's `reply_to`.
    pub reply_address: Option<Address>,
    /// The name given in EHLO.
    pub hello: String,
    /// The key that signs every mail; without it, the relay is to sign.
    pub dkim: Option<Arc<Dkim>>,
    /// The rates of the relay and of the receiving domains.
    pub paces: Paces,
    /// What becomes of an uncertain delivery.
    pub on_uncertain: OnUncertain,
    /// The timeout of every phase of the conversation; without it, those of RFC 5321.
    pub patience: Option<Duration>,
}

/// Our login at the relay.
#[derive(Debug, Clone)]
pub struct Login {
    pub user: String,
    pub proof: Proof,
}

/// What proves that the login is ours.
#[derive(Debug, Clone)]
pub enum Proof {
    Password(SecretString),
    /// The command prints an access token (OAuth 2.0).
    Token(TokenCommand),
}

/// A program that prints an access token. It is run without a shell.
#[derive(Debug, Clone)]
pub struct TokenCommand {
    /// A path, or a name that is looked for in `PATH`.
    pub program: std::path::PathBuf,
    /// Never shown: they may hold a secret.
    pub arguments: Vec<SecretString>,
}

/// How the connection to the relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (port 465).
    Implicit,
    /// STARTTLS before anything else (port 587).
    StartTls,
    /// No protection: only to this machine, or where the configuration allows it explicitly.
    Plaintext,
}

/// A mailbox from which what comes back is fetched.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// Its name in lists and logs; how far it is read is kept under it.
    pub name: Name,
    pub role: MailboxRole,
    pub source: MailSource,
}

/// What is expected in a mailbox, and so what its silence means. A mail of another kind is taken all the same, and means what it means
/// anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailboxRole {
    Bounces,
    Replies,
    Complaints,
}

impl MailboxRole {
    pub const WORDS: [(&'static str, Self); 3] =
        [("bounces", Self::Bounces), ("replies", Self::Replies), ("complaints", Self::Complaints)];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Bounces => "bounces",
            Self::Replies => "replies",
            Self::Complaints => "complaints",
        }
    }
}

/// How a mailbox is reached.
#[derive(Debug, Clone)]
pub enum MailSource {
    Imap(Imap),
    /// A folder with `new`, `cur` and `tmp`.
    Maildir(std::path::PathBuf),
}

/// A mailbox on an IMAP server.
#[derive(Debug, Clone)]
pub struct Imap {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub login: Login,
    /// The certificates trusted instead of those this machine trusts, DER.
    pub authorities: Option<Arc<Vec<Vec<u8>>>>,
    pub folder: String,
}

/// The web server.
#[derive(Debug, Clone)]
pub struct Http {
    pub listen: SocketAddr,
    /// The bearer tokens of `/v1/…`; without one the API is closed.
    pub tokens: Vec<ApiToken>,
    /// The pages to which a form may lead its visitor back.
    pub form_redirects: Vec<LandingPage>,
    pub door: Door,
}
