//! The individual side: one prospect, one salesperson, and what comes of it.

pub mod salesperson;
pub mod routing;
pub mod ramp;
pub mod handoff;
pub mod follow_up;
