//! The group side: campaigns, issues, deliveries, and the results of their attempts.

pub mod campaigns;
pub mod renames;
pub mod occurrences;
pub mod issues;
pub mod corrections;
pub mod leases;
pub mod audiences;
pub mod deliveries;
pub mod origins;
pub mod holds;
pub mod buckets;
pub mod attempts;
pub mod cancellations;
pub mod waiting;
pub mod issues_received;
pub mod breakers;
pub mod refusals;
pub mod reopened;
pub mod pause_notices;
pub mod caps;
pub mod unwanted;
pub mod uncertain;
pub mod series_progress;
