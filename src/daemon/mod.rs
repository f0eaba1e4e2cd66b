//! How it runs: assemble, loops, lifecycle. The only room that knows the whole house.

pub mod logs;
pub mod identity_guard;
pub mod assemble;
pub mod loops;
pub mod lifecycle;
