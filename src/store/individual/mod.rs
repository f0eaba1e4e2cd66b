//! The individual side: handoffs, follow-ups, and the letters that leave one by one.

pub mod handoffs;
pub mod follow_ups;
pub mod letters;
