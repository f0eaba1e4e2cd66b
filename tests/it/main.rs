//! Everything that is tested from outside the library, in one binary: it links once.

/// The house's walls: what may import what, how long a file may be, who may read the clock.
mod architecture;
/// The store's meaning, on both engines.
mod conformance;
/// A temporary PostgreSQL cluster, and a fresh database in it for each test that asks.
mod postgres;
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
