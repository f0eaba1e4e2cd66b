//! Lists of calls and scans: what a booth's scanner and a telephone export, a row a report.

pub mod columns;
pub mod read;
