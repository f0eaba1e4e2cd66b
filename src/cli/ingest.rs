//! The exit code of `nurtured inbox ingest`, behind a mail server's pipe: 0 when the mail is kept, else 75, and nothing else. Postfix
//! takes 75 for "try again" and most others for "bounce" (pipe(8)): the mail would be lost, and its sender would get what was printed.
//!
//! So only fixed sentences are printed there; at a terminal, all of it.

use super::exit::Exit;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

/// `EX_TEMPFAIL` of sysexits(3).
const AGAIN: u8 = 75;

/// Whether a mail is being handed over, however wrong the rest of the command line is.
pub fn is_asked(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let mut words = arguments.into_iter().skip(1);
    words.any(|word| word == "inbox") && words.any(|word| word == "ingest")
}

/// Runs, and answers the mail server.
pub fn answer(run: impl FnOnce() -> Result<(), Exit>) -> ExitCode {
    let at_terminal = io::stderr().is_terminal();
    if !at_terminal {
        // The message of a panic may quote the mail.
        panic::set_hook(Box::new(|_| {}));
    }
    let exit = match panic::catch_unwind(AssertUnwindSafe(run)) {
        // Whether the words about it arrived is no matter.
        Ok(Ok(()) | Err(Exit::PipeClosed)) => return ExitCode::SUCCESS,
        Ok(Err(exit)) => Some(exit),
        Err(_) => None,
    };
    let words = match &exit {
        Some(exit) if at_terminal => exit.words(),
        Some(Exit::Configuration(_)) => "The configuration is not valid, and none is in force: `nurtured check` says where.",
        Some(Exit::Usage(_)) => "The command line is not right: `nurtured inbox ingest --help`.",
        Some(Exit::Unavailable(_) | Exit::Again(_)) => "The database cannot take it now: `nurtured doctor` says why.",
        Some(Exit::No(_) | Exit::Data(_) | Exit::PipeClosed) | None => "It could not be kept: `nurtured doctor` may say why.",
    };
    drop(writeln!(io::stderr(), "nurtured did not keep this mail; it is to be handed over again. {words}"));
    ExitCode::from(AGAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_handed_over_whatever_stands_around_the_words() {
        let asked = |line: &str| is_asked(line.split(' ').map(OsString::from));
        assert!(asked("nurtured inbox ingest") && asked("nurtured --config x inbox --json ingest --bogus"));
        assert!(!asked("nurtured inbox list") && !asked("nurtured ingest inbox") && !asked("inbox ingest"));
    }
}
