//! Lists as other programs export them: bytes to text, text to records, headers to columns, cells to prospects.
//!
//! What headers and values mean stands in tables (`words/`), one file a theme.

pub mod decode;
mod delimiter;
pub mod records;
mod words;
pub mod cell;
mod mailbox;
pub mod target;
mod values;
mod header_words;
mod headers;
pub mod says_no;
pub mod external_ids;
pub mod map_file;
pub mod columns;
pub mod refusal;
pub mod row;
mod header_line;
pub mod prospects;
