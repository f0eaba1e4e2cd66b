//! Everything that is tested from outside the library, in one binary: it links once.

/// The house's walls: what may import what, how long a file may be, who may read the clock.
mod architecture;
/// The command line as somebody types it.
mod cli;
/// The store's meaning, on both engines.
mod conformance;
/// The daemon as systemd sees it, and a stop in the middle of a send.
mod daemon;
/// What must hold of the verdicts for any history whatever.
mod folding;
/// A temporary PostgreSQL cluster, and a fresh database in it for each test that asks.
mod postgres;
/// The documents: their commands work, the tests they name exist.
mod readme;
/// The service files: known to systemd, and shut tight.
mod service;
/// What is promised, told as it happens to people.
mod stories;

/// Says loudly that a tool is missing, so that what needs it is not tested; where `CI` is set that is a failure.
///
/// Written to the stream itself: the test harness swallows what `eprintln!` says in a test that passes.
fn missing(tool: &str, untested: &str) {
    let complaint = format!("{tool} is not on this machine: {untested} NOT TESTED");
    assert!(std::env::var_os("CI").is_none(), "{complaint}");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("\n!!! {complaint}\n\n").as_bytes());
}
