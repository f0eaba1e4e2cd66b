//! How it is asked: one file per verb, each reads like a recipe.

// What every verb shares.
pub mod exit;
pub mod output;
pub mod open;
pub mod owner;
// What waits: campaigns, and what a plan says of them.
pub mod waiting;
// The configuration and the database.
pub mod check;
pub mod doctor;
pub mod db;
pub mod init;
pub mod plan_output;
pub mod plan;
pub mod apply;
// The daemon.
pub mod run;
pub mod sending;
pub mod adopt;
// Prospects and what is known of them.
pub mod prospects;
pub mod signal_import;
pub mod reclassify;
pub mod signals;
pub mod explain;
pub mod desk;
pub mod suppress;
pub mod inbox_kept;
pub mod inbox;
pub mod ingest;
// Campaigns.
pub mod retry;
pub mod campaigns;
pub mod uncertain;
// Salespeople.
pub mod queue;
pub mod handoffs;
pub mod letters;
// Replaying other rules.
pub mod backtest;
// Simulation.
pub mod simulate;
// The demonstration.
pub mod demo;
// The command line.
pub mod args;

pub use args::main;
