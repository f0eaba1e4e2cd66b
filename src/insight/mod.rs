//! What it means: answers to questions about the record. Reads, and writes nothing.

pub mod standing_at;
pub mod explain;
pub mod desk;
pub mod backtest;
pub mod plan;
pub mod doctor;
pub mod simulate;
