//! A relay that is none: of every mail somebody in this process hears who writes to whom, and says what a relay would have
//! answered. What it says is not read, and need not be put together.
//!
//! For simulation. Nothing leaves the process; what is before it (marks, leases, the last stop check) is the same code.

use crate::domain::address::Address;
use crate::domain::group::delivery::Reply;
use std::sync::Arc;

/// A mail that would have gone out.
#[derive(Debug, Clone, Copy)]
pub struct Captured<'a> {
    /// Where a bounce would have gone; its token names the delivery.
    pub return_path: &'a str,
    pub to: &'a Address,
}

/// Who takes the mails. Cheap to clone.
#[derive(Clone)]
pub struct NullRelay(Arc<dyn Fn(Captured<'_>) -> Reply + Send + Sync>);

impl NullRelay {
    /// Mails are handed to `take`, which answers at once.
    pub fn new(take: impl Fn(Captured<'_>) -> Reply + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    pub fn take(&self, mail: Captured<'_>) -> Reply {
        (self.0)(mail)
    }
}

impl std::fmt::Debug for NullRelay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NullRelay")
    }
}
