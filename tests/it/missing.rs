//! What is said when a tool is not on the machine.

/// Says loudly that a tool is missing, so that what needs it is not tested; where `CI` is set that is a failure.
///
/// Written to the stream itself: the test harness swallows what `eprintln!` says in a test that passes.
pub(crate) fn missing(tool: &str, untested: &str) {
    let complaint = format!("{tool} is not on this machine: {untested} NOT TESTED");
    assert!(std::env::var_os("CI").is_none(), "{complaint}");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("\n!!! {complaint}\n\n").as_bytes());
}
