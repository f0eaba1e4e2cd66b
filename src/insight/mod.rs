//! What it means: answers to questions about the record. Reads, and writes nothing.

pub mod then;
pub mod explain;
pub mod desk;
// Other rules over the whole past.
pub mod whole;
pub mod compare;
pub mod figures;
pub mod workload;
pub mod backtest;
// What a changed configuration would do.
pub mod difference;
pub mod offers;
pub mod change;
pub mod plan;
pub mod doctor;
// The same steps on a virtual clock: writes, but never into the database it is asked about.
pub mod simulate;
