//! The progress of something that takes minutes, shown on a terminal only.

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar; it draws nothing where standard error is no terminal, and is removed when dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn of(what: &str, length: u64) -> Result<Self> {
        let bar = ProgressBar::new(length);
        bar.set_style(ProgressStyle::with_template("{msg} {bar:40} {pos} of {len}, {eta} to go")?);
        bar.set_message(what.to_owned());
        Ok(Self(bar))
    }

    pub(crate) fn at(&self, done: u64) {
        self.0.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
