//! A connection to an IMAP server (RFC 3501): commands go out, responses come in, each of bounded size.
//!
//! A response is cut out here, lines and literals, before `imap-proto` reads it: no literal is taken that is larger than the largest mail,
//! and one line that is not understood costs no connection. Nothing that is said is logged: it holds passwords and mails.

use super::error::MailboxError;
use crate::domain::excerpt::excerpt;
use crate::mail::transcript::without;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;

/// A stream of either kind: in clear, or TLS.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// The largest literal that is taken, in bytes: the largest mail that is read, and one byte to tell a larger one.
pub const LARGEST_LITERAL: usize = crate::inbox::mail::mime_body::LARGEST + 1;
/// The longest line: the numbers of a whole window of mails.
const LONGEST_LINE: usize = 4 << 20;
/// As much is taken of all that answers one command.
const LARGEST_ANSWER: usize = 4 * LARGEST_LITERAL;
/// How long the server may be silent while it owes an answer.
const PATIENCE: Duration = Duration::from_mins(5);

/// A connection, and what its words may not repeat.
pub struct Connection<S> {
    stream: BufReader<S>,
    tags: u32,
    secrets: Vec<String>,
    /// How many mails the folder has, as the server said last; none after it said that some are gone.
    known: Option<u32>,
    /// Whether the server has said that there are mails which were not there before.
    pub has_news: bool,
}

/// How the server ended a command.
pub enum Answer {
    Ok,
    /// It was refused, or not understood: the server's words.
    No(String),
}

impl<S: Duplex> Connection<S> {
    pub fn over(stream: S) -> Self {
        Self { stream: BufReader::new(stream), tags: 0, secrets: Vec::new(), known: None, has_news: false }
    }

    /// The stream, unless the server has said more than was read.
    pub fn into_stream(self) -> Option<S> {
        self.stream.buffer().is_empty().then(|| self.stream.into_inner())
    }

    /// Covers these in the server's words from now on.
    pub fn hide(&mut self, secrets: impl IntoIterator<Item = String>) {
        self.secrets.extend(secrets);
    }

    /// Sends a command, hands every response before its end to `on`, and says how it ended.
    ///
    /// # Errors
    /// When the connection breaks, the server is silent, or says too much.
    pub async fn command(&mut self, command: &str, mut on: impl FnMut(&[u8])) -> Result<Answer, MailboxError> {
        let tag = self.send(command).await?;
        let mut bytes = 0;
        loop {
            let response = self.response(PATIENCE).await?;
            bytes += response.len();
            if bytes > LARGEST_ANSWER {
                return Err(MailboxError::Broken("its answer has no end".to_owned()));
            }
            if let Some(answer) = self.ended(&tag, &response)? {
                return Ok(answer);
            }
            on(&response);
        }
    }

    /// Sends a command. Returns its tag.
    pub async fn send(&mut self, command: &str) -> Result<String, MailboxError> {
        self.tags += 1;
        let tag = format!("n{}", self.tags);
        self.say(&format!("{tag} {command}")).await?;
        Ok(tag)
    }

    /// Sends a line that is no command.
    pub async fn say(&mut self, line: &str) -> Result<(), MailboxError> {
        let written = async {
            self.stream.write_all(line.as_bytes()).await?;
            self.stream.write_all(b"\r\n").await?;
            self.stream.flush().await
        };
        let late = |_| MailboxError::Unreachable("it takes no command".to_owned());
        timeout(PATIENCE, written).await.map_err(late)?.map_err(broke)
    }

    /// How the command of this tag ended, if this response ends it; notes news on the way.
    pub fn ended(&mut self, tag: &str, response: &[u8]) -> Result<Option<Answer>, MailboxError> {
        let text = String::from_utf8_lossy(&response[..response.len().min(400)]).into_owned();
        if let Some(said) = text.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) {
            let (status, words) = said.split_once(' ').unwrap_or((said, ""));
            return match status.trim().to_ascii_uppercase().as_str() {
                "OK" => Ok(Some(Answer::Ok)),
                "NO" | "BAD" => Ok(Some(Answer::No(self.shown(words)))),
                _ => Err(MailboxError::Broken(self.shown(&text))),
            };
        }
        let upper = text.to_ascii_uppercase();
        if let Some(words) = upper.strip_prefix("* BYE") {
            let words = text[text.len() - words.len()..].to_owned();
            return Err(MailboxError::Unreachable(format!("it ended the connection: {}", self.shown(&words))));
        }
        match untagged(&upper) {
            // Some servers say the same number again and again.
            Some((mails, "EXISTS")) => {
                self.has_news |= self.known != Some(mails);
                self.known = Some(mails);
            }
            Some((_, "EXPUNGE")) => self.known = None,
            _ if upper.starts_with("* VANISHED") => self.known = None,
            _ => {}
        }
        Ok(None)
    }

    /// The next response, whole and without its last line end, within this time.
    ///
    /// # Errors
    /// When the connection breaks, the server is silent, or says too much.
    pub async fn response(&mut self, patience: Duration) -> Result<Vec<u8>, MailboxError> {
        let late = |_| MailboxError::Unreachable("no answer in time".to_owned());
        timeout(patience, self.read()).await.map_err(late)?
    }

    async fn read(&mut self) -> Result<Vec<u8>, MailboxError> {
        let mut whole = Vec::new();
        loop {
            let before = whole.len();
            let mut line = (&mut self.stream).take(LONGEST_LINE as u64);
            line.read_until(b'\n', &mut whole).await.map_err(broke)?;
            if whole.last() != Some(&b'\n') || whole.len() == before {
                let is_long = whole.len() - before == LONGEST_LINE;
                let error = if is_long { MailboxError::Broken("a line has no end".to_owned()) } else { closed() };
                return Err(error);
            }
            let Some(size) = literal(&whole[before..]).filter(|_| !is_status(&whole)) else { return Ok(whole) };
            if size > LARGEST_LITERAL || whole.len() + size > LARGEST_LITERAL + LONGEST_LINE {
                return Err(MailboxError::Broken(format!("it sends {size} bytes at once")));
            }
            let at = whole.len();
            // In pieces, so that a server that only promises much costs no memory.
            while whole.len() < at + size {
                let from = whole.len();
                whole.resize((from + (1 << 20)).min(at + size), 0);
                self.stream.read_exact(&mut whole[from..]).await.map_err(broke)?;
            }
        }
    }

    /// The server's words as they may be shown.
    pub fn shown(&self, words: &str) -> String {
        excerpt(&without(words.trim(), &self.secrets), 200)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn broke(error: std::io::Error) -> MailboxError {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => closed(),
        _ => MailboxError::Unreachable(error.to_string()),
    }
}

fn closed() -> MailboxError {
    MailboxError::Unreachable("it closed the connection".to_owned())
}

/// The size of the literal that a line announces at its end: `{12}`.
fn literal(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n"))?.strip_suffix(b"}")?;
    let at = line.iter().rposition(|byte| *byte == b'{')?;
    let digits = &line[at + 1..];
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    // What no number of this machine holds is larger than any that is taken.
    is_number.then(|| std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(usize::MAX))
}

/// Whether a response is words for people, which may end in braces: a tagged one, a status, a continuation.
fn is_status(response: &[u8]) -> bool {
    let Some(rest) = response.strip_prefix(b"* ") else { return true };
    [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"].iter().any(|word| {
        rest.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word)) && rest.get(word.len()) == Some(&b' ')
    })
}

/// The number and the word of `* 12 EXISTS`, in capitals.
fn untagged(response: &str) -> Option<(u32, &str)> {
    let mut words = response.strip_prefix("* ")?.split_ascii_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn heard(said: &[u8]) -> Result<Vec<Vec<u8>>, MailboxError> {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let said = said.to_vec();
        tokio::spawn(async move {
            theirs.write_all(&said).await.expect("heard");
        });
        let mut connection = Connection::over(ours);
        let mut all = Vec::new();
        loop {
            match connection.response(PATIENCE).await {
                Ok(response) => all.push(response),
                Err(MailboxError::Unreachable(_)) => return Ok(all),
                Err(error) => return Err(error),
            }
        }
    }

    #[tokio::test]
    async fn a_response_is_cut_out_whole_however_much_is_in_it() {
        for said in [
            &b"* 1 FETCH (UID 7 BODY[] {5}\r\na{9}\n FLAGS ())\r\n"[..],
            b"* OK words that end in {12}\r\n",
            b"n1 NO so do these {99999999999999999999}\r\n",
            b"* 1 FETCH (BODY[HEADER] {2}\r\nab BODY[TEXT] {0}\r\n)\r\n",
            b"+ \r\n",
            b"* 3 EXISTS\n",
        ] {
            let both = [said, b"* 1 EXISTS\r\n"].concat();
            assert_eq!(heard(&both).await, Ok(vec![said.to_vec(), b"* 1 EXISTS\r\n".to_vec()]), "{said:?}");
        }
    }

    #[tokio::test]
    async fn a_literal_larger_than_any_mail_is_not_taken() {
        for size in ["26214402", "4294967296", "99999999999999999999999"] {
            let said = format!("* 1 FETCH (BODY[] {{{size}}}\r\nabc");
            assert!(matches!(heard(said.as_bytes()).await, Err(MailboxError::Broken(_))), "{size}");
        }
        let endless = vec![b'a'; LONGEST_LINE + 1];
        assert!(matches!(heard(&endless).await, Err(MailboxError::Broken(_))));
    }
}
