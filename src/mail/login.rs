//! Logging in at a relay (RFC 4954): PLAIN, LOGIN, XOAUTH2 and OAUTHBEARER, as relays really ask for them.
//!
//! lettre's own answers LOGIN only where the prompts have four known texts. Here they are answered in their order, whatever
//! they say. What a relay says meanwhile may repeat what it was told; every secret is covered in it.

use super::answer::number;
use super::offers::Offers;
use super::relay_error::RelayError;
use super::transcript::without;
use super::wire::Wire;
use crate::domain::excerpt::excerpt;
use data_encoding::BASE64;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::response::Response;
use secrecy::{ExposeSecret, SecretString};

/// What is shown at the login.
#[derive(Debug, Clone, Copy)]
pub enum Credential<'a> {
    Password(&'a SecretString),
    /// An access token (OAuth 2.0).
    Token(&'a SecretString),
}

/// A way of logging in, by its name in the IANA registry of SASL mechanisms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    Login,
    XOauth2,
    OauthBearer,
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::XOauth2 => "XOAUTH2",
            Self::OauthBearer => "OAUTHBEARER",
        }
    }
}

/// How a login ended that did not succeed.
enum Refusal {
    /// The relay does not know this way, though it may have offered it.
    NoSuchWay(String),
    Because(RelayError),
}

/// The longest AUTH command (RFC 4954 §4): a longer first answer is sent once it is asked for.
const LONGEST: usize = 512;
/// More questions than any way has.
const MOST_QUESTIONS: usize = 10;

/// A login over one connection.
pub struct Login<'a> {
    pub smtp: &'a mut AsyncSmtpConnection,
    pub wire: &'a Wire,
    pub user: &'a str,
    pub host: &'a str,
    pub port: u16,
    /// How many replies were read.
    pub replies: u64,
}

impl Login<'_> {
    /// Logs in by the first way that relay and credential have in common. Returns how many replies were read in all.
    ///
    /// # Errors
    /// [`RelayError::Login`] where trying again cannot help, else [`RelayError::Unwilling`].
    pub async fn log_in(mut self, offers: &Offers, credential: Credential<'_>) -> Result<u64, RelayError> {
        let ways = match credential {
            Credential::Password(_) => [Way::Plain, Way::Login],
            Credential::Token(_) => [Way::XOauth2, Way::OauthBearer],
        };
        let offered = offers.logins();
        let mut refused = None;
        for way in ways.into_iter().filter(|way| offered.contains(&way.name())) {
            match self.by(way, credential).await {
                Ok(()) => return Ok(self.replies),
                Err(Refusal::NoSuchWay(words)) => refused = Some(words),
                Err(Refusal::Because(error)) => return Err(error),
            }
        }
        Err(RelayError::Login(refused.unwrap_or_else(|| no_way(&offered, credential))))
    }

    async fn by(&mut self, way: Way, credential: Credential<'_>) -> Result<(), Refusal> {
        let answers = answers(way, self.user, self.host, self.port, credential);
        let secrets = secrets(credential, &answers[usize::from(way == Way::Login)..]);
        self.wire.hide(&secrets);
        let command = |first: Option<&String>| match first {
            Some(first) => format!("AUTH {} {first}\r\n", way.name()),
            None => format!("AUTH {}\r\n", way.name()),
        };
        // All but LOGIN begin with an answer, unless it is too long for a command.
        let mut begins = way != Way::Login && command(answers.first()).len() <= LONGEST;
        let mut reply = self.say(&command(answers.first().filter(|_| begins)), way.name()).await;
        if matches!(&reply, Err(error) if error.status().map(u16::from) == Some(501)) {
            // Some relays want the first answer with the command, others only when they have asked.
            begins = !begins;
            reply = self.say(&command(answers.first().filter(|_| begins)), way.name()).await;
        }
        let mut left = answers.iter().skip(usize::from(begins));
        let (mut is_repeated, mut why) = (false, String::new());
        for _ in 0..MOST_QUESTIONS {
            let asked = match reply {
                Ok(asked) if number(&asked) == 334 => asked,
                Ok(welcome) if (200..300).contains(&number(&welcome)) => return Ok(()),
                Ok(odd) => return Err(broke(&format!("the relay answered the login with {}", number(&odd)))),
                Err(error) => return Err(refusal(&error, &why, &secrets)),
            };
            let question = question(&asked);
            let answer = match left.next() {
                Some(answer) => answer.as_str(),
                // It did not take the answer in the command, and asks for it.
                None if begins && !is_repeated && !question.contains('{') => {
                    is_repeated = true;
                    &answers[0]
                }
                // The error of a token comes as a question; a refusal follows once it is answered (RFC 7628 §3.2.3).
                None if matches!(way, Way::XOauth2 | Way::OauthBearer) && why.is_empty() => {
                    why = if question.is_empty() { "no reason".to_owned() } else { question };
                    if way == Way::XOauth2 { "" } else { "AQ==" }
                }
                None => "*",
            };
            reply = self.say(&format!("{answer}\r\n"), if answer == "*" { "*" } else { "(login)" }).await;
        }
        Err(broke("the relay asks without end"))
    }

    /// Sends a line; `shown` is what the record says of it.
    async fn say(&mut self, line: &str, shown: &str) -> Result<Response, Error> {
        let is_command = line.starts_with("AUTH ");
        let begins = if line.trim_end().split(' ').count() > 2 { " (login)" } else { "" };
        self.wire.sent(&if is_command { format!("AUTH {shown}{begins}") } else { shown.to_owned() });
        self.replies += 1;
        self.smtp.command(line).await
    }
}

fn broke(words: &str) -> Refusal {
    Refusal::Because(RelayError::Unwilling(words.to_owned()))
}

/// What is said at each question, in base64.
fn answers(way: Way, user: &str, host: &str, port: u16, credential: Credential<'_>) -> Vec<String> {
    let (Credential::Password(secret) | Credential::Token(secret)) = credential;
    let secret = secret.expose_secret();
    let said = match way {
        Way::Plain => vec![format!("\0{user}\0{secret}")],
        Way::Login => vec![user.to_owned(), secret.to_owned()],
        Way::XOauth2 => vec![format!("user={user}\x01auth=Bearer {secret}\x01\x01")],
        Way::OauthBearer => {
            // `=` and `,` are written otherwise in a GS2 header (RFC 5801 §4).
            let user = user.replace('=', "=3D").replace(',', "=2C");
            vec![format!("n,a={user},\x01host={host}\x01port={port}\x01auth=Bearer {secret}\x01\x01")]
        }
    };
    said.iter().map(|text| BASE64.encode(text.as_bytes())).collect()
}

/// What nobody may read in the relay's words.
fn secrets(credential: Credential<'_>, answers: &[String]) -> Vec<String> {
    let (Credential::Password(secret) | Credential::Token(secret)) = credential;
    let secret = secret.expose_secret();
    let mut secrets = answers.to_vec();
    secrets.extend([BASE64.encode(secret.as_bytes()), secret.to_owned()]);
    secrets
}

/// The text of a question. A prompt in base64 that is none is its own text.
fn question(asked: &Response) -> String {
    let text = asked.message().collect::<Vec<_>>().join(" ");
    let decoded = BASE64.decode(text.trim().as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    excerpt(&decoded.unwrap_or(text), 200)
}

fn refusal(error: &Error, why: &str, secrets: &[String]) -> Refusal {
    let words = excerpt(&without(&error.to_string(), secrets), 300);
    let words = if why.is_empty() { words } else { format!("{words} ({})", without(why, secrets)) };
    match error.status().map(u16::from) {
        Some(504) => Refusal::NoSuchWay(words),
        Some(500..) => Refusal::Because(RelayError::Login(words)),
        _ => Refusal::Because(RelayError::Unwilling(words)),
    }
}

fn no_way(offered: &[&str], credential: Credential<'_>) -> String {
    let offers = match offered {
        [] => "it offers no login over this connection".to_owned(),
        offered => format!("it offers AUTH {}", offered.join(" ")),
    };
    match credential {
        Credential::Password(_) => format!("{offers}, and a password needs PLAIN or LOGIN"),
        Credential::Token(_) => format!("{offers}, and an access token needs XOAUTH2 or OAUTHBEARER"),
    }
}
