//! No text is a token but those that were signed, letter for letter: what verifies is spelt as it would be signed again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nurtured::mail::token::{Kind, Signer};

fuzz_target!(|text: &str| {
    let signer = Signer::new(&[(1, vec![7; 32])]).expect("a usable key");
    for kind in Kind::ALL {
        for context in ["", "https://example.com/"] {
            if let Some(token) = signer.read(kind, text, context) {
                assert_eq!(signer.text(token, context), text);
            }
        }
    }
    if let Some(token) = signer.read_return_path(text) {
        assert_eq!(signer.return_path(token.id, token.recipient), text.to_ascii_lowercase());
    }
});
