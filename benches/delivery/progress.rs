//! How far something is that takes minutes: for whoever watches on a terminal, and nobody else.

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar over so many of something; it draws nothing where standard error is no terminal, and goes when dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Begins.
    pub(crate) fn of(what: &str, length: u64) -> Result<Self> {
        let bar = ProgressBar::new(length);
        bar.set_style(ProgressStyle::with_template("{msg} {bar:40} {pos} of {len}, {eta} to go")?);
        bar.set_message(what.to_owned());
        Ok(Self(bar))
    }

    /// So many are done.
    pub(crate) fn at(&self, done: u64) {
        self.0.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
