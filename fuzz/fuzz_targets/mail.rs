//! Any mail is read or refused, in time, and what is read of it can be stored: bounded, without control characters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nurtured::inbox::mail::bounce::{Incoming, parse};

fuzz_target!(|raw: &[u8]| {
    let Ok(returned) = parse(raw) else { return };
    match returned.kind {
        Incoming::Bounce(failures) | Incoming::Delivered(failures) => {
            assert!(failures.len() <= 100, "{} recipients", failures.len());
            for failure in failures {
                assert!(failure.diagnostic.chars().count() <= 300, "a diagnostic of {} characters", failure.diagnostic.chars().count());
                assert!(failure.given_up || !failure.hard, "a delay is never hard");
            }
        }
        Incoming::Reply { text, .. } => assert!(text.chars().count() <= 4_000, "a reply of {} characters", text.chars().count()),
        _ => {}
    }
});
