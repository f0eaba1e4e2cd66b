//! The individual side: one prospect, one salesperson, and what comes of it.

pub mod salesperson;
pub mod routing;
pub mod ramp;
pub mod handoff;
pub mod event;
pub mod follow_up;
pub mod letter;
