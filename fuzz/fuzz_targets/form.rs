//! Any content type and bytes are a form or not: its fields are bounded and clean, they are the same when they are sent once more, and
//! nothing of them is lost when they are put under their names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nurtured::inbox::form::read::{Form, read};

/// The kind is the first line of the input: content types are short, and a fuzzer finds the long way to them late.
fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (kind, body) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    for kind in [kind, b"", b"text/plain", b"multipart/form-data; boundary=x", b"application/x-www-form-urlencoded; charset=big5"] {
        let Ok(form) = read(Some(kind), body) else { continue };
        assert!(body.len() <= 16 * 1024);
        inspect(&form);
        again(&form);
        by_name(form);
    }
});

fn inspect(form: &Form) {
    assert!(form.fields.len() <= 60);
    for (name, value) in &form.fields {
        assert!(!name.is_empty() && name.chars().count() <= 64 && !name.contains('\n'), "{name:?}");
        assert!(name != "_charset_");
        assert!(value.chars().count() <= 4_000 + 64, "{}", value.len());
        for c in name.chars().chain(value.chars()) {
            assert!(c == '\n' || !c.is_control(), "{c:?}");
            assert!(!matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'), "{c:?}");
        }
    }
}

/// Fields that were read are read as themselves.
fn again(form: &Form) {
    let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let body: String = form.fields.iter().map(|(name, value)| format!("{}={}&", escape(name), escape(value))).collect();
    if body.len() <= 16 * 1024 && form.fields.iter().all(|(_, value)| value.chars().count() <= 4_000) {
        let read = read(Some(b"application/x-www-form-urlencoded; charset=utf-8"), body.as_bytes());
        assert_eq!(read.as_ref(), Ok(form));
    }
}

fn by_name(form: Form) {
    let fields = form.fields.clone();
    let said = form.by_name();
    for (name, value) in fields {
        let lines: Vec<&str> = said[&name].split('\n').collect();
        assert!(value.is_empty() || value.split('\n').all(|line| lines.contains(&line)));
    }
}
