//! What we were told: raw TOML with spans becomes a valid plan, or every problem of every file at once.
//!
//! Values are checked here and nowhere later: a plan that exists is valid as a whole. This module opens no database,
//! sends nothing and reads no clock.

// Where a value stands in its file, and how a problem with it is shown.
pub mod place;
pub mod problem;
// TOML as a located tree, and the reading of a table.
pub mod node;
pub mod reader;
pub mod layers;
pub mod secret;
pub mod signature;
// One file, or part of one, each.
pub mod host;
pub mod condition;
pub mod guard;
pub mod calendar;
pub mod route;
pub mod api_token;
pub mod door;
pub mod database;
pub mod login;
pub mod hook;
pub mod trusted_sources;
pub mod mailbox;
pub mod service;
pub mod people;
pub mod proof;
pub mod form;
pub mod qualification;
pub mod newsletter;
pub mod campaign;
// The whole configuration.
pub mod cross_check;
pub mod stored_files;
pub mod load;
pub mod example;
// Checked against a configuration, and no part of it.
pub mod behaviour;
pub mod production_check;

pub use database::{Database, without_links};
pub use load::{Loaded, load, load_database, load_files, load_with_rules};
pub use problem::{Problem, Problems, Severity};

#[cfg(test)]
mod tests;
