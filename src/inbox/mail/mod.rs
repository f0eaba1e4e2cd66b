//! Mails that come back: who wrote, whether a person did, and what it says.

pub mod address;
pub mod mime_body;
pub mod report;
pub mod phrases;
pub mod prose_bounce;
pub mod reply;
pub mod bounce;
pub mod summary;
