//! Mails that come back: who wrote, whether a person did, and what it says.

pub mod address;
pub mod letter;
pub mod verdict;
pub mod report;
pub mod habit;
pub mod notice;
pub mod reply;
pub mod bounce;
