//! What a mail that came back means: which delivery it answers, whose word it is, whether it is known, and what follows from it.

pub mod token;
pub mod whose;
pub mod arrival;
pub mod once;
pub mod complaint;
pub mod undelivered;
pub mod pass_on;
pub mod wish;
pub mod doubt;
pub mod reply;
