//! Who there is: prospects and their companies, what they consented to, and where mail must not go.

pub mod signing_keys;
pub mod accounts;
pub mod suppressions;
pub mod consents;
pub mod verdicts;
pub mod prospects;
