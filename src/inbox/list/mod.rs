//! Lists as other programs export them: bytes to text, text to records, records to prospects.

pub mod decode;
pub mod records;
pub mod cell;
pub mod external_ids;
pub mod columns;
pub mod prospects;
