//! A fence around the reading of what strangers send: it may neither take the program down nor hold it up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Once, mpsc};
use std::thread;
use std::time::Duration;

/// The longest a mail may take. What is read is bounded, so it takes milliseconds; this holds for what nobody thought of.
pub const LONGEST: Duration = Duration::from_secs(10);

/// More than the deepest mail within the bounds needs.
const STACK: usize = 64 * 1024 * 1024;
const NAME: &str = "mail-reader";

/// Why work behind the fence came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fenced {
    Panicked,
    TooLong,
    /// No thread could be had: nothing is known of the work.
    Busy,
}

/// Does work that may panic or take too long on a thread of its own. A panic there says nothing: its words could quote the mail.
pub fn within<T: Send + 'static>(most: Duration, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fenced> {
    keep_silent();
    let (done, result) = mpsc::sync_channel(1);
    let guarded = move || drop(done.send(catch_unwind(AssertUnwindSafe(work))));
    thread::Builder::new().name(NAME.to_owned()).stack_size(STACK).spawn(guarded).map_err(|_| Fenced::Busy)?;
    match result.recv_timeout(most) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) => Err(Fenced::Panicked),
        Err(_) => Err(Fenced::TooLong),
    }
}

fn keep_silent() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if thread::current().name() != Some(NAME) {
                before(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_and_an_endless_loop_stay_behind_the_fence() {
        assert_eq!(within(LONGEST, || 7), Ok(7));
        assert_eq!(within(LONGEST, || -> u8 { panic!("no") }), Err(Fenced::Panicked));
        let (_held, never) = mpsc::channel::<()>();
        assert_eq!(within(Duration::from_millis(20), move || never.recv().is_ok()), Err(Fenced::TooLong));
    }
}
