//! HTTP: tracked links, answers, unsubscribe, forms and their confirmation, the API, what mail providers report, the salesperson's pages, monitoring.
//!
//! A GET shows and a POST changes; the one exception is that a GET of a tracked link appends its click. No handler trusts
//! its input.

// What handlers share: state, caches, limits, connections, language, visitors, errors, pages.
pub mod link_cache;
pub mod census_cache;
pub mod page;
pub mod error;
pub mod limits;
pub mod rooms;
pub mod connections;
pub mod sns_client;
pub mod site;
pub mod language;
pub mod visitor;
pub mod visit;
pub mod login;
// Pages behind the links in group mail.
pub mod click;
pub mod answer;
pub mod undo;
pub mod posted;
pub mod preferences;
pub mod unsubscribe;
// Endpoints for other systems.
pub mod form_guard;
pub mod form;
pub mod confirm;
pub mod api;
pub mod api_prospects;
pub mod openapi;
pub mod hook;
// Pages for salespeople.
pub mod handoff_form;
pub mod handoff;
pub mod queue;
pub mod doubt;
// Endpoints for monitoring.
pub mod health;
pub mod metrics;
pub mod inside;
// The router over all of them, what every request and answer passes, and the server.
pub mod guard;
pub mod headers;
pub mod router;
pub mod server;

#[cfg(test)]
mod tests;
