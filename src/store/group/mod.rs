//! The group side: campaigns, issues, deliveries, and what became of each try.

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
pub mod remaining;
