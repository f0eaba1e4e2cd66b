//! What a text may say: templates of newsletters and letters, linted and rendered with holes. Pure.

// Words by language.
pub mod words;
pub mod message;
// Group mail: one text for all recipients.
pub mod fill;
pub mod markdown;
pub mod lint;
pub mod plain;
pub mod token;
pub mod template;
pub mod newsletter;
// Letters: one text for one salesperson or colleague.
pub mod verdict;
pub mod dossier;
pub mod vcard;
pub mod letter;
pub mod notice;
pub mod withdrawn;
pub mod enquiry;
pub mod confirmation;
pub mod readdress;
pub mod stopped;

#[cfg(test)]
mod tests;
