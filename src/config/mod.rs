//! What we were told: raw TOML with spans becomes a valid plan, or every problem of every file at once.
//!
//! Words are checked here and nowhere later: a plan that exists is valid as a whole. This room opens no database,
//! sends nothing and asks no clock.

// Where a word stands, and how a problem with it is shown.
pub mod place;
pub mod problem;
// TOML as a located tree, and one way of reading it.
pub mod node;
pub mod reader;
pub mod layers;
pub mod secret;
pub mod signature;
// One file's words each.
pub mod condition;
pub mod guard;
pub mod calendar;
pub mod route;
pub mod service;
pub mod people;
pub mod proof;
pub mod qualification;
pub mod newsletter;
pub mod campaign;
// All of them.
pub mod cross_check;
pub mod stored_files;
pub mod load;
pub mod example;
// No part of a configuration, and checked against one.
pub mod behaviour;
pub mod production_check;

pub use load::{Loaded, load, load_files, load_with_rules};
pub use problem::{Problem, Problems, Severity};
pub use production_check::ready_for_real;

#[cfg(test)]
mod tests;
