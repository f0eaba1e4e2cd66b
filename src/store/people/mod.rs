//! Who there is: prospects and their companies, what they consented to, and where mail must not go.

pub mod signing_keys;
pub mod erasure_keys;
pub mod accounts;
pub mod former_addresses;
pub mod external_ids;
pub mod suppressions;
pub mod consents;
pub mod audience_changes;
pub mod absences;
pub mod verdicts;
pub mod prospects;
pub mod preferences;
