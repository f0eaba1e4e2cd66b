//! The group side: campaigns, issues, deliveries, and the results of their attempts.

pub mod campaigns;
pub mod occurrences;
pub mod issues;
pub mod audiences;
pub mod leases;
pub mod deliveries;
pub mod holds;
pub mod buckets;
pub mod attempts;
pub mod issues_received;
pub mod breakers;
pub mod refusals;
pub mod reopened;
pub mod pause_notices;
pub mod caps;
pub mod uncertain;
pub mod series_progress;
