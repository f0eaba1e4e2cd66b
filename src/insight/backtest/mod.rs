//! backtest: replays all past signals under changed rules.

pub mod history_scan;
pub mod compare;
pub mod metrics;
pub mod workload;
pub mod run;
