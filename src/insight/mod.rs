//! What it means: answers to questions about the record. Reads, and writes nothing.

pub mod then;
pub mod explain;
pub mod desk;
// What a changed configuration would do.
pub mod difference;
pub mod offers;
pub mod change;
pub mod plan;
