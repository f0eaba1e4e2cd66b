//! What another program does in its own time, and tells only in a file or by a port.

use std::time::Duration;

/// Looks until there is something.
pub(crate) fn awaited<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    for _ in 0..6_000 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("in vain: {what}");
}
