//! A relay that sends nothing: for every mail a function in this process gets sender and recipient, and returns the reply
//! a relay would have given. The message is not read, and need not be assembled.
//!
//! It serves the simulation. No mail leaves the process, and the steps before it (marks, leases, the last stop check) are
//! the live code.

use crate::domain::address::Address;
use crate::domain::group::delivery::Reply;
use std::sync::Arc;

/// The envelope of a mail that would have been sent.
#[derive(Debug, Clone, Copy)]
pub struct Captured<'a> {
    /// The return path; its token names the delivery.
    pub return_path: &'a str,
    pub to: &'a Address,
}

/// The function that takes the mails. Cheap to clone.
#[derive(Clone)]
pub struct NullRelay(Arc<dyn Fn(Captured<'_>) -> Reply + Send + Sync>);

impl NullRelay {
    /// A null relay that passes every envelope to `take`, which replies at once.
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
