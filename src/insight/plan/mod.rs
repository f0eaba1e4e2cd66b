//! plan: what a changed configuration would do to people, found before it is applied.

pub mod config_diff;
pub mod planned_offers;
pub mod waiting;
pub mod report;
pub mod survey;
