//! What it means: answers to questions about the record. Reads, and writes nothing.

pub mod then;
pub mod explain;
pub mod desk;
// The same steps on a virtual clock: writes, but never into the database it is asked about.
pub mod simulate;
