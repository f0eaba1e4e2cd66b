//! plan: what a changed configuration would do to people, before it does.

pub mod config_diff;
pub mod planned_offers;
pub mod report;
pub mod survey;
