//! backtest: what changed rules would have made of all past signals.

pub mod whole;
pub mod compare;
pub mod figures;
pub mod workload;
pub mod run;
