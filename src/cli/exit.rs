//! Exit codes, as sysexits(3) numbers them: a script can tell a wrong file from a database that is down.

use crate::config::Problems;
use crate::flow::context::FlowError;
use crate::store::engine::backend::StoreError;
use std::io::IsTerminal;
use std::process::ExitCode;

/// Why a verb failed.
#[derive(Debug)]
pub enum Exit {
    /// 1: the answer is no, or the work failed.
    No(String),
    /// 2: the command line asks for something impossible.
    Usage(String),
    /// 65: the input data are wrong.
    Data(String),
    /// 69: a service is down.
    Unavailable(String),
    /// 75: a temporary failure; try again.
    Again(String),
    /// 78: the configuration is wrong.
    Configuration(String),
    /// 0: whoever reads the output has seen enough.
    PipeClosed,
}

impl Exit {
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::No(_) => 1,
            Self::Usage(_) => 2,
            Self::Data(_) => 65,
            Self::Unavailable(_) => 69,
            Self::Again(_) => 75,
            Self::Configuration(_) => 78,
            Self::PipeClosed => 0,
        })
    }

    /// The message; may be empty when it was printed already.
    pub fn words(&self) -> &str {
        match self {
            Self::No(w) | Self::Usage(w) | Self::Data(w) | Self::Unavailable(w) | Self::Again(w) | Self::Configuration(w) => w,
            Self::PipeClosed => "",
        }
    }

    /// The same failure, which also says this.
    fn saying(mut self, more: &str) -> Self {
        if let Self::No(w) | Self::Usage(w) | Self::Data(w) | Self::Unavailable(w) | Self::Again(w) | Self::Configuration(w) =
            &mut self
        {
            let gap = if w.is_empty() { "" } else { "\n" };
            *w = format!("{}{gap}{more}", w.trim_end());
        }
        self
    }
}

/// Joins what became of a verb with what became of its end. A verb that did its work fails as its end did; of two failures the
/// verb's own is the exit code, and what both say is said once.
pub fn joined(done: Result<(), Exit>, finished: Result<(), Exit>) -> Result<(), Exit> {
    match (done, finished) {
        (Ok(()) | Err(Exit::PipeClosed), finished @ Err(_)) => finished,
        (Err(done), Err(finished)) if !done.words().contains(finished.words()) => Err(done.saying(finished.words())),
        (done, _) => done,
    }
}

impl From<StoreError> for Exit {
    fn from(error: StoreError) -> Self {
        let words = format!("could not {error}");
        if error.is_transient() { Self::Again(words) } else { Self::Unavailable(words) }
    }
}

impl From<FlowError> for Exit {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Store(error) => error.into(),
            FlowError::Refused(words) => Self::No(words),
            error if error.is_transient() => Self::Again(format!("could not {error}")),
            error => Self::No(format!("could not {error}")),
        }
    }
}

impl From<Problems> for Exit {
    fn from(problems: Problems) -> Self {
        Self::Configuration(problems.render(colour()))
    }
}

impl From<std::io::Error> for Exit {
    fn from(error: std::io::Error) -> Self {
        Self::No(error.to_string())
    }
}

impl From<anyhow::Error> for Exit {
    fn from(error: anyhow::Error) -> Self {
        // Another daemon that ends, or an operator who stops it: the next try may succeed.
        if error.chain().any(|cause| matches!(cause.downcast_ref(), Some(StoreError::Held { .. }))) {
            return Self::Again(format!("{error:#}"));
        }
        let a_service = |cause: &(dyn std::error::Error + 'static)| cause.is::<StoreError>() || cause.is::<std::io::Error>();
        if error.chain().any(a_service) { Self::Unavailable(format!("{error:#}")) } else { Self::No(format!("{error:#}")) }
    }
}

/// Whether standard error takes colour: it is a terminal, and `NO_COLOR` is not set.
pub fn colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_trouble_is_said_once_and_two_are_both_said() {
        let again = |words: &str| Err(Exit::Again(words.to_owned()));
        let no = |words: &str| Err(Exit::No(words.to_owned()));
        for (done, finished, code, words) in [
            (Ok(()), Ok(()), None, ""),
            (Ok(()), again("held"), Some(75), "held"),
            (Err(Exit::PipeClosed), Ok(()), Some(0), ""),
            (Err(Exit::PipeClosed), again("held"), Some(75), "held"),
            (again("held"), again("held"), Some(75), "held"),
            (no("unknown"), Ok(()), Some(1), "unknown"),
            (no("unknown"), again("held"), Some(1), "unknown\nheld"),
            (no(""), again("held"), Some(1), "held"),
        ] {
            let joined = joined(done, finished).err();
            assert_eq!(joined.as_ref().map_or("", Exit::words), words);
            assert_eq!(joined.map(|exit| exit.code()), code.map(ExitCode::from), "{words}");
        }
    }
}
