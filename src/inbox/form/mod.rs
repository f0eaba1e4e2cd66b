//! Web forms as browsers and programs send them: a content type and bytes become fields in their order, or a problem in words.

pub mod problem;
pub mod urlencoded;
pub mod header;
pub mod charset;
pub mod multipart;
pub mod plain;
pub mod clean;
pub mod read;
