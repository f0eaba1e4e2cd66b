//! Mails that come back: who wrote, whether a person did, and what it says.

pub mod bounds;
pub mod fence;
pub mod address;
pub mod mime_body;
pub mod authentication;
pub mod identity;
pub mod report;
pub mod phrases;
pub mod prose_bounce;
pub mod complaint;
pub mod reply;
pub mod automatic;
pub mod notice;
pub mod bounce;
