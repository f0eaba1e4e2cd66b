//! The individual side: handoffs, follow-ups, enquiries, and the letters that leave one by one.

pub mod handoffs;
pub mod follow_ups;
pub mod letters;
pub mod enquiries;
