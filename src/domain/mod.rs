//! What is true: the nouns of nurturing, and the rules between them.
//!
//! Pure. No clock (`now` is an argument), no I/O, no async. A module uses only the modules above it.

// The words themselves.
pub mod id;
pub mod criterion;
pub mod span;
pub mod chance;
pub mod address;
pub mod prospect;
pub mod pace;
// The group side: what is said to many.
pub mod audience;
pub mod window;
pub mod skip;
pub mod crontab;
pub mod schedule;
pub mod question;
pub mod guard;
pub mod campaign;
pub mod occurrence;
pub mod cap;
pub mod issue;
pub mod delivery;
pub mod breaker;
// The doorway: what came back, and what it proves.
pub mod machine;
pub mod signal;
pub mod ignored;
pub mod rule;
pub mod evidence;
pub mod account;
pub mod support;
pub mod qualification;
pub mod reach;
pub mod assess;
pub mod replay;
// The individual side: one prospect, one salesperson.
pub mod salesperson;
pub mod routing;
pub mod ramp;
pub mod handoff;
pub mod follow_up;
// Over both: where everybody is.
pub mod census;
// What the company decided: everything above, configured.
pub mod dkim;
pub mod settings;
pub mod plan;
// How people would act: for simulation alone.
pub mod behaviour;
