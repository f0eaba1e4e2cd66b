//! Logging in at an IMAP server: AUTHENTICATE PLAIN, XOAUTH2 and OAUTHBEARER, and LOGIN. What the server says meanwhile may repeat what it
//! was told; every secret is covered in it.

use super::connection::{Answer, Connection, Duplex};
use super::error::MailboxError;
use crate::domain::settings::Imap;
use crate::mail::login::Credential;
use data_encoding::BASE64;
use secrecy::ExposeSecret;
use std::time::Duration;

/// How long the server may think about a login: some slow down who guesses.
const PATIENCE: Duration = Duration::from_mins(1);
/// More questions than any way has.
const MOST_QUESTIONS: usize = 5;

/// What the server can do, as it says itself, in capitals.
#[derive(Debug, Default, Clone)]
pub struct Capabilities(Vec<String>);

impl Capabilities {
    /// Asks for them.
    pub async fn ask<S: Duplex>(connection: &mut Connection<S>) -> Result<Self, MailboxError> {
        let mut words = Vec::new();
        let answer = connection.command("CAPABILITY", |response| {
            let text = String::from_utf8_lossy(response).to_ascii_uppercase();
            if let Some(list) = text.strip_prefix("* CAPABILITY ") {
                words.extend(list.split_ascii_whitespace().map(str::to_owned));
            }
        });
        match answer.await? {
            Answer::Ok => Ok(Self(words)),
            Answer::No(said) => Err(MailboxError::Broken(said)),
        }
    }

    pub fn has(&self, word: &str) -> bool {
        self.0.iter().any(|known| known == word)
    }
}

/// Logs in by the first way that server and credential have in common.
///
/// # Errors
/// [`MailboxError::Login`] when it is refused, [`MailboxError::Unreachable`] when the server cannot decide now.
pub async fn log_in<S: Duplex>(
    connection: &mut Connection<S>,
    capabilities: &Capabilities,
    imap: &Imap,
    credential: Credential<'_>,
) -> Result<(), MailboxError> {
    let user = imap.login.user.as_str();
    let (Credential::Password(secret) | Credential::Token(secret)) = credential;
    let secret = secret.expose_secret();
    let plain = format!("\0{user}\0{secret}");
    let xoauth2 = format!("user={user}\x01auth=Bearer {secret}\x01\x01");
    // `=` and `,` are written otherwise in a GS2 header (RFC 5801 §4).
    let (host, port, named) = (&imap.host, imap.port, user.replace('=', "=3D").replace(',', "=2C"));
    let bearer = format!("n,a={named},\x01host={host}\x01port={port}\x01auth=Bearer {secret}\x01\x01");
    connection.hide(
        [secret, user, &plain, &xoauth2, &bearer].iter().flat_map(|text| [BASE64.encode(text.as_bytes()), (*text).to_owned()]),
    );
    let answer = match credential {
        Credential::Password(_) if capabilities.has("AUTH=PLAIN") => {
            authenticate(connection, capabilities, "PLAIN", &plain, "*").await?
        }
        Credential::Password(_) if !capabilities.has("LOGINDISABLED") => log_in_plainly(connection, user, secret).await?,
        Credential::Token(_) if capabilities.has("AUTH=XOAUTH2") => {
            authenticate(connection, capabilities, "XOAUTH2", &xoauth2, "").await?
        }
        Credential::Token(_) if capabilities.has("AUTH=OAUTHBEARER") => {
            authenticate(connection, capabilities, "OAUTHBEARER", &bearer, "AQ==").await?
        }
        Credential::Password(_) => {
            Answer::No("it takes no password over this connection, and a password needs PLAIN or LOGIN".to_owned())
        }
        Credential::Token(_) => Answer::No("an access token needs XOAUTH2 or OAUTHBEARER, and it offers neither".to_owned()),
    };
    match answer {
        Answer::Ok => Ok(()),
        // RFC 5530: it could not be decided.
        Answer::No(words) if ["[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]"].iter().any(|code| words.contains(code)) => {
            Err(MailboxError::Unreachable(words))
        }
        Answer::No(words) => Err(MailboxError::Login(words)),
    }
}

/// One answer, sent with the command where the server takes it so (RFC 4959); `further` answers what is asked beyond it.
async fn authenticate<S: Duplex>(
    connection: &mut Connection<S>,
    capabilities: &Capabilities,
    way: &str,
    answer: &str,
    further: &str,
) -> Result<Answer, MailboxError> {
    let coded = BASE64.encode(answer.as_bytes());
    let mut is_said = capabilities.has("SASL-IR");
    let command = if is_said { format!("AUTHENTICATE {way} {coded}") } else { format!("AUTHENTICATE {way}") };
    let tag = connection.send(&command).await?;
    for _ in 0..MOST_QUESTIONS {
        let response = loop {
            let response = connection.response(PATIENCE).await?;
            if let Some(answer) = connection.ended(&tag, &response)? {
                return Ok(answer);
            }
            if response.starts_with(b"+") {
                break response;
            }
        };
        drop(response);
        connection.say(if is_said { further } else { &coded }).await?;
        is_said = true;
    }
    Err(MailboxError::Broken("the server asks without end".to_owned()))
}

/// LOGIN, with the user and the password in quotes, or as literals where quotes cannot hold them.
async fn log_in_plainly<S: Duplex>(connection: &mut Connection<S>, user: &str, secret: &str) -> Result<Answer, MailboxError> {
    let is_quotable = |text: &str| text.chars().all(|c| matches!(c, ' '..='~'));
    if is_quotable(user) && is_quotable(secret) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        return connection.command(&format!("LOGIN {} {}", quoted(user), quoted(secret)), |_| {}).await;
    }
    let tag = connection.send(&format!("LOGIN {{{}}}", user.len())).await?;
    for line in [format!("{user} {{{}}}", secret.len()), secret.to_owned()] {
        loop {
            let response = connection.response(PATIENCE).await?;
            if let Some(answer) = connection.ended(&tag, &response)? {
                return Ok(answer);
            }
            if response.starts_with(b"+") {
                break;
            }
        }
        connection.say(&line).await?;
    }
    loop {
        let response = connection.response(PATIENCE).await?;
        if let Some(answer) = connection.ended(&tag, &response)? {
            return Ok(answer);
        }
    }
}
