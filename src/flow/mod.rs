//! What happens: one file per arrow of the picture in ARCHITECTURE.md.
//!
//! A step takes work from the store, decides with `domain`, writes in one transaction, and leaves work for the next
//! step. Steps never call steps. Each says what became of it: done, idle, or not before an instant.

/// What every step is given.
pub mod context;
/// Marketing speaks to many: issues are published and their deliveries sent.
pub mod group;
/// Prospects come in, signals are recorded, and what they prove is concluded.
pub mod doorway;
/// One salesperson takes one prospect over, and says what came of it.
pub mod individual;
/// Operators stop, forget, adopt; the sweep does what time alone brings.
pub mod operations;
/// All of them in turn, until nothing is left to do.
pub mod until_idle;
