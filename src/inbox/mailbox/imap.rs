//! A mailbox on an IMAP server: which mails are new, the mails themselves, and the wait for the next one (IDLE, RFC 2177).
//!
//! The folder is opened with EXAMINE and mails are fetched with BODY.PEEK: no flag is set, none is looked at. What was read is known by
//! UIDVALIDITY and UID alone (RFC 3501 §2.3.1.1), and kept elsewhere.

use super::connection::{Answer, Connection, Duplex, LARGEST_LITERAL};
use super::dial;
use super::error::MailboxError;
use super::folder_name;
use super::login::{self, Capabilities};
use crate::domain::settings::{Imap, Proof};
use crate::mail::access_token::AccessTokens;
use crate::mail::login::Credential;
use imap_proto::{AttributeValue, MailboxDatum, Response};
use secrecy::ExposeSecret;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::timeout;

/// IDLE is given up and begun anew before a server takes us for gone, which it may after thirty minutes (RFC 2177).
pub const IDLE: Duration = Duration::from_mins(29);
/// How often a server is asked that cannot say by itself that there is a mail.
pub const POLL: Duration = Duration::from_mins(1);
/// As many numbers are asked for at once.
const WINDOW: i64 = 50_000;
/// As many mails are asked for at once…
const MOST_MAILS: usize = 50;
/// …and as many bytes, unless one mail is larger.
const MOST_BYTES: usize = 4 << 20;

/// A mail out of a mailbox.
#[derive(Debug, PartialEq, Eq)]
pub struct Fetched {
    pub uid: i64,
    /// Its bytes; of one that is too large to be read, the beginning.
    pub raw: Vec<u8>,
}

/// A folder that is open.
pub struct Session {
    connection: Connection<Box<dyn Duplex>>,
    can_idle: bool,
    /// The server's UIDVALIDITY: a UID means the same mail as long as this is the same.
    pub validity: i64,
    /// The UID the next mail will have, if the server says.
    uid_next: Option<i64>,
    /// How many mails lie there.
    pub mails: u32,
}

impl Session {
    /// Connects, logs in, and opens the folder for reading. A token that is refused is fetched anew once.
    ///
    /// # Errors
    /// Says what is wrong with the mailbox.
    pub async fn open(imap: &Imap, tokens: Option<&AccessTokens>) -> Result<Self, MailboxError> {
        let unable = |error: crate::mail::relay::RelayError| MailboxError::Token(error.why());
        match (&imap.login.proof, tokens) {
            (Proof::Password(password), _) => Self::open_with(imap, Credential::Password(password)).await,
            (Proof::Token(_), None) => Err(MailboxError::Token("nothing prints one".to_owned())),
            (Proof::Token(_), Some(tokens)) => {
                let token = tokens.token().await.map_err(unable)?;
                match Self::open_with(imap, Credential::Token(&token)).await {
                    Err(MailboxError::Login(words)) => {
                        let other = tokens.instead_of(&token).await.map_err(unable)?;
                        if other.expose_secret() == token.expose_secret() {
                            return Err(MailboxError::Login(words));
                        }
                        Self::open_with(imap, Credential::Token(&other)).await
                    }
                    opened => opened,
                }
            }
        }
    }

    async fn open_with(imap: &Imap, credential: Credential<'_>) -> Result<Self, MailboxError> {
        let mut connection = dial::dial(imap).await?;
        let capabilities = Capabilities::ask(&mut connection).await?;
        login::log_in(&mut connection, &capabilities, imap, credential).await?;
        // Many servers can do more once they know who asks.
        let can_idle = Capabilities::ask(&mut connection).await?.has("IDLE");
        let mut session = Self { connection, can_idle, validity: 0, uid_next: None, mails: 0 };
        session.examine(&imap.folder).await?;
        Ok(session)
    }

    async fn examine(&mut self, folder: &str) -> Result<(), MailboxError> {
        let (mut validity, mut next, mut mails) = (None, None, 0);
        let command = format!("EXAMINE {}", folder_name::written(folder));
        let answer = self.connection.command(&command, |response| {
            let text = String::from_utf8_lossy(response).to_ascii_uppercase();
            let number = |code: &str| text.split_once(code).and_then(|(_, rest)| rest.split(']').next()?.trim().parse().ok());
            validity = number("[UIDVALIDITY ").or(validity);
            next = number("[UIDNEXT ").or(next);
            if let Ok((_, Response::MailboxData(MailboxDatum::Exists(count)))) = Response::parse(response) {
                mails = count;
            }
        });
        match answer.await? {
            Answer::Ok => {}
            Answer::No(words) => return Err(MailboxError::Folder(words)),
        }
        self.validity =
            validity.ok_or_else(|| MailboxError::Folder("it gives its mails no lasting numbers (UIDVALIDITY)".to_owned()))?;
        (self.uid_next, self.mails) = (next, mails);
        Ok(())
    }

    /// The UIDs of a window of mails behind this one, ascending, and how far the window reaches; `None` once there is none.
    ///
    /// # Errors
    /// When the server cannot be asked, or refuses.
    pub async fn since(&mut self, last: i64) -> Result<Option<(Vec<i64>, i64)>, MailboxError> {
        let first = last + 1;
        let up_to = self.uid_next.map(|next| next - 1).filter(|newest| first + WINDOW <= *newest).map(|_| last + WINDOW);
        let until = up_to.map_or_else(|| "*".to_owned(), |up_to| up_to.to_string());
        if up_to.is_none() {
            // What comes from now on is news; what came before is found.
            self.connection.has_news = false;
        }
        let mut found = self.search(&format!("{first}:{until}")).await?;
        // `9:*` names the last mail, whatever its number is.
        found.retain(|uid| *uid > last);
        let reaches = up_to.or_else(|| found.last().copied());
        Ok(reaches.map(|reaches| (found, reaches)))
    }

    async fn search(&mut self, set: &str) -> Result<Vec<i64>, MailboxError> {
        let mut found: Vec<i64> = Vec::new();
        let command = format!("UID SEARCH UID {set}");
        let answer = self.connection.command(&command, |response| {
            if let Some(numbers) = numbers(response) {
                found.extend(numbers);
            }
        });
        refused(answer.await?)?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The first of these mails, ascending: as many as are taken at once. Those that are gone meanwhile are left out. Where the server does
    /// not hand over one of them, those before it are taken.
    ///
    /// # Errors
    /// When the server cannot be asked, refuses, or does not hand over the first mail that it has.
    pub async fn fetch(&mut self, uids: &[i64]) -> Result<(Vec<Fetched>, i64), MailboxError> {
        let asked = &uids[..uids.len().min(MOST_MAILS)];
        let mut sizes: BTreeMap<i64, usize> = BTreeMap::new();
        let command = format!("UID FETCH {} (UID RFC822.SIZE)", set(asked));
        let answer = self.attributes(&command, |uid, attribute| {
            if let AttributeValue::Rfc822Size(size) = attribute {
                sizes.insert(uid, size as usize);
            }
        });
        refused(answer.await?)?;
        let mut bytes = 0;
        let batch: Vec<i64> = asked
            .iter()
            .copied()
            .take_while(|uid| {
                let is_first = bytes == 0;
                bytes += sizes.get(uid).copied().unwrap_or_default().max(1);
                is_first || bytes <= MOST_BYTES
            })
            .collect();
        let reaches = batch.last().copied().unwrap_or_default();
        if batch.len() > 1
            && let Ok(mails) = self.bodies(&batch).await?
        {
            return Ok((mails, reaches));
        }
        let (mut mails, mut reaches) = (Vec::new(), None);
        for uid in batch {
            match (self.bodies(&[uid]).await?, reaches) {
                (Ok(found), _) => mails.extend(found),
                (Err(words), None) => {
                    return Err(MailboxError::Broken(format!("the mail with UID {uid} is not handed over: {words}")));
                }
                (Err(_), Some(_)) => break,
            }
            reaches = Some(uid);
        }
        Ok((mails, reaches.unwrap_or_default()))
    }

    /// These mails; or else, in words, why the server does not hand them all over.
    async fn bodies(&mut self, uids: &[i64]) -> Result<Result<Vec<Fetched>, String>, MailboxError> {
        let mut mails: BTreeMap<i64, Vec<u8>> = BTreeMap::new();
        // Never more than is read, whatever the server said of the size.
        let command = format!("UID FETCH {} (UID BODY.PEEK[]<0.{LARGEST_LITERAL}>)", set(uids));
        let answer = self.attributes(&command, |uid, attribute| match attribute {
            // Of an empty mail some servers say NIL.
            AttributeValue::BodySection { section: None, data, .. } | AttributeValue::Rfc822(data) => {
                mails.insert(uid, data.map(Cow::into_owned).unwrap_or_default());
            }
            _ => {}
        });
        if let Answer::No(words) = answer.await? {
            return Ok(Err(words));
        }
        let missing: Vec<i64> = uids.iter().copied().filter(|uid| !mails.contains_key(uid)).collect();
        if !missing.is_empty() && !self.search(&set(&missing)).await?.is_empty() {
            return Ok(Err("it is there, and the answer leaves it out".to_owned()));
        }
        Ok(Ok(mails.into_iter().map(|(uid, raw)| Fetched { uid, raw }).collect()))
    }

    /// Runs a FETCH, and hands over each attribute with the UID of its mail.
    async fn attributes(&mut self, command: &str, mut on: impl FnMut(i64, AttributeValue<'_>)) -> Result<Answer, MailboxError> {
        let answer = self.connection.command(command, |response| {
            let Ok((_, Response::Fetch(_, attributes))) = Response::parse(response) else { return };
            let uid = attributes.iter().find_map(|attribute| match attribute {
                AttributeValue::Uid(uid) => Some(i64::from(*uid)),
                _ => None,
            });
            if let Some(uid) = uid {
                for attribute in attributes {
                    on(uid, attribute);
                }
            }
        });
        answer.await
    }

    /// Waits until there may be other mails, at most as long as IDLE may last.
    ///
    /// # Errors
    /// When the connection broke meanwhile.
    pub async fn wait(&mut self) -> Result<(), MailboxError> {
        if self.connection.has_news {
            return Ok(());
        }
        if !self.can_idle {
            tokio::time::sleep(POLL).await;
            return refused(self.connection.command("NOOP", |_| {}).await?);
        }
        let tag = self.connection.send("IDLE").await?;
        match timeout(IDLE, self.news(&tag)).await {
            Ok(Ok(None)) | Err(_) => {}
            // It offers IDLE and does not do it, or ends it without a mail: to begin anew at once would be a loop without a pause.
            Ok(Ok(Some(Answer::Ok | Answer::No(_)))) => {
                self.can_idle = false;
                return Ok(());
            }
            Ok(Err(error)) => return Err(error),
        }
        self.connection.say("DONE").await?;
        loop {
            let response = self.connection.response(Duration::from_mins(1)).await?;
            if self.connection.ended(&tag, &response)?.is_some() {
                return Ok(());
            }
        }
    }

    /// Listens until there are other mails, or the server ends IDLE by itself.
    async fn news(&mut self, tag: &str) -> Result<Option<Answer>, MailboxError> {
        while !self.connection.has_news {
            let response = self.connection.response(IDLE).await?;
            if let Some(answer) = self.connection.ended(tag, &response)? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// Whether the server tells by itself that a mail has come.
    pub const fn can_idle(&self) -> bool {
        self.can_idle
    }

    /// Says goodbye; what the server makes of it is no matter.
    pub async fn close(mut self) {
        drop(tokio::time::timeout(Duration::from_secs(5), self.connection.command("LOGOUT", |_| {})).await);
    }
}

fn refused(answer: Answer) -> Result<(), MailboxError> {
    match answer {
        Answer::Ok => Ok(()),
        Answer::No(words) => Err(MailboxError::Broken(words)),
    }
}

/// The numbers of `* SEARCH 2 84 882`.
fn numbers(response: &[u8]) -> Option<Vec<i64>> {
    let text = std::str::from_utf8(response).ok()?;
    let list = text.get(..8).filter(|begin| begin.eq_ignore_ascii_case("* SEARCH")).map(|_| &text[8..])?;
    Some(list.split_ascii_whitespace().filter_map(|number| number.parse().ok()).collect())
}

/// A set of UIDs, ascending, written short: `1:3,7`.
fn set(uids: &[i64]) -> String {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for uid in uids {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *uid => *last = *uid,
            _ => ranges.push((*uid, *uid)),
        }
    }
    let written = |(first, last): &(i64, i64)| if first == last { first.to_string() } else { format!("{first}:{last}") };
    ranges.iter().map(written).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_written_short_and_a_search_is_read() {
        for (uids, written) in [(&[7][..], "7"), (&[1, 2, 3, 7], "1:3,7"), (&[1, 3, 5, 6], "1,3,5:6"), (&[], "")] {
            assert_eq!(set(uids), written);
        }
        for (said, found) in [
            (&b"* SEARCH 2 84 882\r\n"[..], Some(vec![2, 84, 882])),
            (b"* SEARCH\r\n", Some(vec![])),
            (b"* search 4294967295 \r\n", Some(vec![4_294_967_295])),
            (b"* 3 EXISTS\r\n", None),
            (b"* SE\xff", None),
        ] {
            assert_eq!(numbers(said), found, "{said:?}");
        }
    }
}
