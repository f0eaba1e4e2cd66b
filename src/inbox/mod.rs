//! What comes back: outside formats read into plain values. Nothing here writes.

// Mail.
pub mod address;
pub mod letter;
pub mod verdict;
pub mod report;
pub mod habit;
pub mod notice;
pub mod reply;
pub mod bounce;
pub mod taken;
// Files.
pub mod decode;
pub mod records;
pub mod cell;
pub mod columns;
pub mod prospects;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod lists;
