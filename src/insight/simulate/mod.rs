//! simulate: what a configuration would do over months and years: the very steps of the daemon on a virtual clock, over a
//! database that is thrown away, with a relay that captures. Who would be written to when, how much on which day, who would
//! become ready, and what holds the others back.
//!
//! Nothing here decides anything of its own: people act as a behaviour file says, and the house does with it what it would.

// Who takes part.
pub mod people;
// What is noted, and the house on its clock.
pub mod event_log;
pub mod world;
// What people do.
pub mod behaviour;
pub mod acts;
pub mod writers;
pub mod readers;
pub mod sellers;
// What came of it.
pub mod calendar;
pub mod report;
pub mod run;
