//! nurtured: nurture automation for people who are interested, just not now.
//!
//! Read on in this order; a module uses only the modules above it.

/// Where a test can make the process die, fail or hang; nothing outside tests.
#[macro_use]
mod failpoint;
/// What is true: prospects, campaigns, signals, evidence, handoffs. Pure.
pub mod domain;
/// The clock: the only place where the time is read.
pub mod clock;
/// What a text may say: newsletters and letters compiled, linted and rendered. Pure.
pub mod text;
/// What we were told: files with spans become a plan, or every problem at once.
pub mod config;
/// What we remember: all SQL, written once for two engines.
pub mod store;
/// How we say it: tokens, MIME, SMTP.
pub mod mail;
/// What comes back by mail or in a file: replies, bounces, exported lists. Reads into plain values; never writes.
pub mod inbox;
/// What happens: one file per arrow. Publish, deliver, observe, qualify, hand off, follow up.
pub mod flow;
/// What it means: read-only answers to questions about the record.
pub mod insight;
/// Who knocks: HTTP in.
pub mod web;
/// How it runs: assemble, loops, lifecycle.
pub mod daemon;
/// A whole service on a clock moved by hand, with its people: the demo and every story stand on it.
pub mod town;
/// How it is asked: one file per verb.
pub mod cli;
