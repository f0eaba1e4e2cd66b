//! backtest: what changed rules would have made of all past signals.

pub mod history_scan;
pub mod compare;
pub mod metrics;
pub mod workload;
pub mod run;
