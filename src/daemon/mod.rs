//! How it runs: assemble, loops, lifecycle. The only room that knows the whole house.

pub mod logs;
pub mod home;
pub mod assemble;
pub mod loops;
pub mod lifecycle;
