//! What was said to a relay and what it said, line by line, for whoever tests the connection. What the login says is named
//! and never repeated, and neither is a message.

use crate::domain::excerpt::excerpt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A record of a conversation. Cheap to clone; clones write into the same record.
#[derive(Debug, Clone, Default)]
pub struct Transcript(Arc<Mutex<Record>>);

#[derive(Debug, Default)]
struct Record {
    lines: Vec<String>,
    /// A line of the relay's whose end has not arrived yet.
    begun: Vec<u8>,
    hidden: Vec<String>,
}

/// A longer line is not shown at all: where it was cut, half of a secret would not be known for one.
const LONGEST: usize = 8 * 1024;

impl Transcript {
    /// Records what was sent, a line each.
    pub fn sent(&self, lines: &str) {
        self.record().lines.extend(lines.lines().map(|line| format!("> {line}")));
    }

    /// Records what the relay said, as it arrives.
    pub fn said(&self, bytes: &[u8]) {
        let record = &mut *self.record();
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut record.begun);
                let line = if line.len() < LONGEST { String::from_utf8_lossy(&line) } else { "(a line without end)".into() };
                record.lines.push(format!("< {}", excerpt(&without(&line, &record.hidden), 500)));
            } else if record.begun.len() < LONGEST {
                record.begun.push(*byte);
            }
        }
    }

    /// Records what happened besides.
    pub fn note(&self, words: &str) {
        self.record().lines.push(format!("- {words}"));
    }

    /// Covers these wherever the relay repeats them.
    pub fn hide(&self, secrets: &[String]) {
        self.record().hidden.extend_from_slice(secrets);
    }

    /// The lines so far: `>` was sent, `<` was said, `-` is ours.
    pub fn lines(&self) -> Vec<String> {
        self.record().lines.clone()
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A text with every secret covered, in whatever case a relay repeats it.
pub fn without(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| secret.len() > 2) {
        // ASCII alone changes its case, so that places in the lowered text are places in the text.
        while let Some(at) = text.to_ascii_lowercase().find(&secret.to_ascii_lowercase()) {
            text.replace_range(at..at + secret.len(), "…");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_that_repeats_a_secret_is_not_repeated() {
        let transcript = Transcript::default();
        transcript.hide(&["c2VjcmV0".to_owned()]);
        transcript.sent("EHLO a\r\nMAIL FROM:<b>\r\n");
        for piece in [&b"502 what is C2vj"[..], b"cmv0, c2VjcmV0?\r\n250", b" ok\r\n"] {
            transcript.said(piece);
        }
        transcript.note("closed");
        assert_eq!(transcript.lines(), ["> EHLO a", "> MAIL FROM:<b>", "< 502 what is …, …?", "< 250 ok", "- closed"]);
    }
}
