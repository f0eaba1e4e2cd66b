//! Processor time of this process: neither that of the processes it starts, nor a server's.

use crate::usage::processor_seconds;
use anyhow::Result;

/// So far, in seconds.
pub(crate) fn processor() -> Result<f64> {
    processor_seconds(std::process::id())
}

/// What so many mails or signals took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    pub count: u64,
    pub seconds: f64,
}

impl Cost {
    /// Seconds for one.
    pub(crate) fn each(self) -> Result<f64> {
        Ok(self.seconds / f64::from(u32::try_from(self.count)?))
    }
}
