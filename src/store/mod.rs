//! What we remember. All SQL lives here, one file per table; functions take a transaction.

// How statements reach either engine.
pub mod error;
pub mod stop_lines;
pub mod journal;
pub mod notes;
pub mod statement;
pub mod backend;
pub mod scratch;
pub mod value;
pub mod packed;
pub mod batch;
pub mod changes;
// Who there is.
pub mod signing_keys;
pub mod accounts;
pub mod suppressions;
pub mod consents;
pub mod verdicts;
pub mod prospects;
// Whether anything may be said at all, and whose database this is.
pub mod sending;
pub mod witness;
pub mod identity;
// What was configured.
pub mod configurations;
// What is said to the group.
pub mod campaigns;
pub mod occurrences;
pub mod issues;
pub mod audiences;
pub mod leases;
pub mod deliveries;
pub mod holds;
pub mod buckets;
pub mod attempts;
pub mod questions;
pub mod breakers;
pub mod alarms;
pub mod caps;
pub mod doubts;
// What came back.
pub mod reclassifications;
pub mod signals;
pub mod segment;
pub mod history;
pub mod applied_rules;
pub mod assessments;
pub mod qualifications;
pub mod subjects;
// One prospect, one salesperson.
pub mod handoffs;
pub mod follow_ups;
pub mod letters;
pub mod pasts;
// Over all of them: counting, forgetting, and whether they are whole.
pub mod counts;
pub mod facts;
pub mod conservation;
pub mod remaining;
pub mod vitals;
pub mod integrity;
pub mod outcomes;
pub mod erasures;
pub mod adoptions;
pub mod backups;
