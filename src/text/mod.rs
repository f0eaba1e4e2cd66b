//! What a text may say: newsletter and letter templates compiled and linted, rendered with holes. Pure.

// Group mail: one text for everybody.
pub mod fill;
pub mod markdown;
pub mod lint;
pub mod plain;
pub mod token;
pub mod template;
pub mod newsletter;
// Letters: one text for one of us.
pub mod verdict;
pub mod dossier;
pub mod vcard;
pub mod letter;
pub mod notice;
