//! The doorway: signals as they arrived, the judgements on them, and the prospects due to be assessed.

pub mod reclassifications;
pub mod signals;
pub mod signal_authors;
pub mod received_mails;
pub mod hits;
pub mod withdrawn_evidence;
pub mod api_keys;
pub mod provider_deliveries;
pub mod history;
pub mod applied_rules;
pub mod assessment_queue;
pub mod qualifications;
pub mod reminders;
pub mod pending_forms;
pub mod enquiries;
pub mod assessment_inputs;
