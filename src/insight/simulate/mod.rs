//! simulate: what a configuration would do over months and years. It runs the steps of the daemon on a virtual clock, over a
//! temporary database, with a relay that captures. It reports who would be mailed when, the load of each day, who would
//! become ready, and which criteria keep the others from it.
//!
//! The simulation makes no decision of its own: a behaviour file says how people act, and the steps react as in production.

// The people.
pub mod people;
// What is recorded of a run, and the simulated installation.
pub mod event_log;
pub mod world;
// Acts of people.
pub mod behaviour;
pub mod acts;
pub mod writers;
pub mod readers;
pub mod sellers;
// The results.
pub mod calendar;
pub mod report;
pub mod run;
