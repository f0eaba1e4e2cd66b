//! Who knocks: HTTP in. Tracking, answers, unsubscribe, forms, the signals API, the salesperson's pages, health.
//!
//! A GET shows and a POST changes; the one exception is that a GET of a tracked link appends its click. Nothing here
//! trusts what it is given.

// What every handler is given, and how it answers.
pub mod link_cache;
pub mod census_cache;
pub mod page;
pub mod error;
pub mod site;
// What recipients of group mail follow.
pub mod click;
pub mod answer;
pub mod unsubscribe;
// What other systems send.
pub mod form;
pub mod api;
// What salespeople open.
pub mod handoff_form;
pub mod handoff;
pub mod queue;
// What machines ask.
pub mod health;
pub mod metrics;
// All of it.
pub mod router;

#[cfg(test)]
mod tests;
