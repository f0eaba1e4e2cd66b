//! The steps: one file per arrow of the diagram in ARCHITECTURE.md.
//!
//! A step takes work from the store, decides with `domain`, writes in one transaction, and leaves work for the next step.
//! Steps never call steps. Each returns its progress: done, idle, or not before an instant.

/// The context every step is given.
pub mod context;
/// Group mail: issues are published and their deliveries sent.
pub mod group;
/// Prospects are admitted, signals are recorded, and what they prove is concluded.
pub mod doorway;
/// One salesperson takes over one prospect and reports the outcome.
pub mod individual;
/// Operators stop, forget and adopt; the sweep does what only the passing of time requires.
pub mod operations;
/// All steps in turn, until none has work left.
pub mod until_idle;
