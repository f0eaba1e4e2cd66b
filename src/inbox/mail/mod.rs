//! Mails that come back: who wrote, whether a person did, and what it says.

pub mod bounds;
pub mod fence;
pub mod address;
mod html;
pub mod mime_body;
mod tnef;
pub mod authored;
pub mod authentication;
pub mod identity;
pub mod report;
pub mod phrases;
pub mod prose_bounce;
pub mod complaint;
mod quote_words;
mod quotes;
pub mod ours;
mod signature;
pub mod own_words;
pub mod wish;
pub mod automatic;
pub mod notice;
pub mod summary;
pub mod bounce;
