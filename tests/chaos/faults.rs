//! How a relay misbehaves: at which phase, in which way, and how often; after that it is as it should be.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What the relay is about to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The connection.
    Connect,
    /// EHLO.
    Hello,
    /// MAIL.
    Sender,
    /// RCPT.
    Recipient,
    /// DATA.
    Data,
    /// The dot.
    Message,
}

impl Phase {
    pub(crate) const ALL: [Self; 6] = [Self::Connect, Self::Hello, Self::Sender, Self::Recipient, Self::Data, Self::Message];
}

/// What it does instead of the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// Says this.
    Say(&'static str),
    /// Says this, a byte at a time, with so many milliseconds before each.
    Drip(&'static str, u64),
    /// Says nothing until the other side has gone.
    Silence,
    /// Closes the connection.
    Close,
}

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) phase: Phase,
    pub(crate) reaction: Reaction,
    /// At the dot: whether the message was kept all the same, and nobody is told so.
    pub(crate) keeps: bool,
    /// How often, from now on.
    pub(crate) times: usize,
}

/// The fault that is planned, and how often it has happened.
#[derive(Default)]
pub(crate) struct Faults(Mutex<(Option<Fault>, usize)>);

impl Faults {
    /// Plans a fault.
    pub(crate) fn plan(&self, fault: Fault) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (Some(fault), 0);
    }

    /// How often it has happened.
    pub(crate) fn happened(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Whether the next dot meets a fault that keeps nothing.
    pub(crate) fn is_refusing(&self) -> bool {
        let planned = self.0.lock().unwrap_or_else(PoisonError::into_inner).0;
        planned.is_some_and(|fault| fault.phase == Phase::Message && !fault.keeps)
    }

    /// Says the usual at this phase, or does what is planned; returns what was said.
    pub(crate) fn answer(&self, stream: &TcpStream, phase: Phase, usual: &str) -> io::Result<String> {
        let mut writer = stream;
        let Some(reaction) = self.take(phase) else {
            return writer.write_all(format!("{usual}\r\n").as_bytes()).map(|()| usual.to_owned());
        };
        match reaction {
            Reaction::Say(text) => writer.write_all(format!("{text}\r\n").as_bytes()).map(|()| text.to_owned()),
            Reaction::Drip(text, pause) => {
                for byte in format!("{text}\r\n").bytes() {
                    std::thread::sleep(Duration::from_millis(pause));
                    writer.write_all(&[byte])?;
                }
                Ok(text.to_owned())
            }
            Reaction::Silence => {
                let mut reader = stream;
                io::copy(&mut reader, &mut io::sink())?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Reaction::Close => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    fn take(&self, phase: Phase) -> Option<Reaction> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults.0.as_mut().filter(|fault| fault.phase == phase)?;
        let reaction = fault.reaction;
        fault.times -= 1;
        if fault.times == 0 {
            faults.0 = None;
        }
        faults.1 += 1;
        Some(reaction)
    }
}
