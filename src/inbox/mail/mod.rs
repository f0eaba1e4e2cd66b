//! Mails that come back: who wrote, whether a person did, and what it says.

pub mod address;
mod html;
pub mod mime_body;
mod tnef;
pub mod authored;
pub mod report;
pub mod phrases;
pub mod prose_bounce;
mod quote_words;
mod quotes;
pub mod ours;
mod signature;
pub mod own_words;
pub mod wish;
pub mod reply;
pub mod bounce;
