//! How it runs: assemble, loops, lifecycle. The only module that knows all others.

pub mod logs;
pub mod identity_guard;
pub mod assemble;
pub mod mailboxes;
pub mod loops;
pub mod lifecycle;
