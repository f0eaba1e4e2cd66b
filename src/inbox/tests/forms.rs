//! Forms as browsers and programs really send them.

use crate::inbox::form::problem::Problem;
use crate::inbox::form::read::{Form, read};
use proptest::prelude::*;

const URLENCODED: &[u8] = b"application/x-www-form-urlencoded";

fn fields(content_type: &[u8], body: &[u8]) -> Vec<(String, String)> {
    read(Some(content_type), body).expect("a form").fields
}

fn own(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_form_in_latin_1_is_read() {
    let expected = own(&[("email", "jose@x.co"), ("name", "José Núñez"), ("budget", "5.000 €")]);
    for (kind, body) in [
        // What a page in ISO-8859-1 sends: a browser says nothing of the encoding, and reads it as Windows-1252.
        (URLENCODED, &b"email=jose%40x.co&name=Jos%E9+N%FA%F1ez&budget=5.000+%80"[..]),
        // Unescaped bytes, as old programs send them.
        (URLENCODED, b"email=jose@x.co&name=Jos\xe9 N\xfa\xf1ez&budget=5.000 \x80"),
        (b"application/x-www-form-urlencoded; charset=iso-8859-1", b"email=jose@x.co&name=Jos%E9 N%FA%F1ez&budget=5.000+%80"),
        // The field in which a browser says it.
        (URLENCODED, b"_charset_=windows-1252&email=jose@x.co&name=Jos%E9+N%FA%F1ez&budget=5.000+%26%238364%3B"),
        (URLENCODED, "email=jose@x.co&name=José Núñez&budget=5.000 €".as_bytes()),
        (b"", "email=jose@x.co&name=José+Núñez&budget=5.000+%E2%82%AC".as_bytes()),
        (b"Text/Plain", b"email=jose@x.co\r\nname=Jos\xe9 N\xfa\xf1ez\r\nbudget=5.000 \x80\r\n"),
        (
            b"multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\njose@x.co\r\n\
              --x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nJos\xe9 N\xfa\xf1ez\r\n\
              --x\r\nContent-Disposition: form-data; name=\"budget\"\r\n\r\n5.000 \x80\r\n--x--\r\n",
        ),
        (
            b"multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=\"_charset_\"\r\n\r\niso-8859-15\r\n\
              --x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\njose@x.co\r\n\
              --x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nJos\xe9 N\xfa\xf1ez\r\n\
              --x\r\nContent-Disposition: form-data; name=\"budget\"\r\n\r\n5.000 \xa4\r\n--x--\r\n",
        ),
    ] {
        assert_eq!(fields(kind, body), expected, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn every_value_of_a_repeated_field_is_kept() {
    let form = read(Some(URLENCODED), b"email=a@x.co&wants=stops&wants=energy%2C+quality&wants=stops&wants=&size[]=1&size[]=2");
    let form = form.expect("a form");
    assert_eq!(form.fields.len(), 7);
    let said = form.by_name();
    assert_eq!(said["wants"], "stops\nenergy, quality");
    assert_eq!(said["size"], "1\n2", "as PHP's forms name boxes");
}

#[test]
fn a_multipart_form_is_read() {
    let kind = b"multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW";
    let body = "------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nada@x.co\r\n\
        ------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nTwo lines\r\n\r\nof café\r\n\
        ------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"a %22b%22 %41\"\r\n\r\n1\r\n\
        ------WebKitFormBoundary7MA4YWxkTrZu0gW\r\ncontent-disposition: form-data; name=\"plan\"; filename=\"plän.pdf\"\r\n\
        Content-Type: application/pdf\r\n\r\n%PDF-\0\r\nname=x\r\n\
        ------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n\r\n\
        ------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"note\"; filename*=UTF-8''n%C3%B6.txt\r\n\r\nx\r\n\
        ------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"mail\"; filename=\"m.eml\"\r\n\
        Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nhello\r\n\
        ------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"blank\"\r\n\r\n\r\n\
        ------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"encoded\"\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nY2Fm\r\nw6k=\r\n\
        ------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data;\r\n\tname=\"folded\"\r\n\
        Content-Transfer-Encoding: Quoted-Printable\r\n\r\nca=\r\nf=C3=A9=\r\n\r\n=3D\r\n\
        ------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"own\"\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nñ\r\n\
        ------WebKitFormBoundary7MA4YWxkTrZu0gW--\r\n";
    let expected = own(&[
        ("email", "ada@x.co"),
        ("message", "Two lines\n\nof café"),
        ("a \"b\" %41", "1"),
        ("plan", "plän.pdf (a file, not kept)"),
        ("note", "nö.txt (a file, not kept)"),
        ("mail", "m.eml (a file, not kept)"),
        ("blank", ""),
        ("encoded", "café"),
        ("folded", "café\n="),
        ("own", "ñ"),
    ]);
    assert_eq!(fields(kind, body.as_bytes()), expected);
    assert_eq!(fields(kind, body.replace("\r\n", "\n").as_bytes()), expected, "line ends of programs written by hand");
    let within =
        b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\na --x b\r\n--xy\r\n--x \r\n\r\nno header\r\n--x--\r\nafter";
    assert_eq!(fields(b"multipart/form-data; boundary=x", within), own(&[("a", "a --x b\n--xy")]), "a boundary is a whole line");
    for (kind, body) in [
        (&b"multipart/form-data"[..], &b"--x\r\n"[..]),
        (b"multipart/form-data; boundary=\"\"", b"--\r\n"),
        (b"multipart/form-data; boundary=y", b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n"),
        (b"multipart/form-data; boundary=\"x\r\nevil: 1\"", b"--x\r\n"),
        (b"multipart/form-data; boundary=x", b""),
    ] {
        assert_eq!(read(Some(kind), body), Err(Problem::NoParts), "{}", String::from_utf8_lossy(kind));
    }
}

#[test]
fn what_is_no_form_is_said_in_words() {
    let many = "a=1&".repeat(61);
    for (kind, body, problem) in [
        (&b"application/json"[..], &b"{}"[..], Problem::NotAForm),
        (b"multipart/mixed; boundary=x", b"--x--", Problem::NotAForm),
        (URLENCODED, many.as_bytes(), Problem::TooManyFields),
        (URLENCODED, "a".repeat(16 * 1024 + 1).as_bytes(), Problem::TooLarge),
    ] {
        assert_eq!(read(Some(kind), body), Err(problem));
    }
    assert!(read(Some(URLENCODED), "a=1&".repeat(60).as_bytes()).is_ok());
    assert!(read(Some(URLENCODED), "a".repeat(16 * 1024).as_bytes()).is_ok());
}

#[test]
fn an_address_is_found_under_its_obvious_names() {
    for (body, address, left) in [
        ("email=a@x.co&mail=b@x.co", Some("a@x.co"), 1),
        ("Email=a@x.co", Some("a@x.co"), 0),
        ("E-Mail=+mailto%3Aa%40x.co+", Some("a@x.co"), 0),
        ("e_mail=a@x.co&x=1", Some("a@x.co"), 1),
        ("email=&Mail=a@x.co", Some("a@x.co"), 1),
        ("MAIL=a@x.co%E2%80%8B", Some("a@x.co"), 0),
        ("email=a@x.co&email=b@x.co", Some("a@x.co"), 0),
        ("mailing=a@x.co&your-email=b@x.co", None, 2),
        ("", None, 0),
    ] {
        let mut form = read(None, body.as_bytes()).expect("a form");
        assert_eq!((form.take_address().as_deref(), form.fields.len()), (address, left), "{body}");
    }
}

#[test]
fn a_field_is_taken_out_with_all_its_values() {
    let mut form = Form { fields: own(&[("redirect", "/a"), ("redirect", "/b"), ("redirect", ""), ("x", "1")]) };
    assert_eq!(form.take("redirect").as_deref(), Some("/b"));
    assert_eq!((form.take("redirect"), form.fields), (None, own(&[("x", "1")])));
}

fn escaped(text: &str) -> String {
    text.bytes().flat_map(|byte| ['%', digit(byte >> 4), digit(byte & 15)]).collect()
}

fn digit(number: u8) -> char {
    char::from_digit(number.into(), 16).expect("a digit")
}

/// What a body of any kind must give: fields within their bounds, clean, and the same again when they are sent once more.
fn holds(kind: &[u8], body: &[u8]) {
    let Ok(form) = read(Some(kind), body) else { return };
    assert!(form.fields.len() <= 60);
    let mut again = String::new();
    for (name, value) in &form.fields {
        assert!(!name.is_empty() && name.chars().count() <= 64 && !name.contains('\n'), "{name:?}");
        assert!(value.chars().count() <= 4_000 + 64, "{}", value.len());
        for c in name.chars().chain(value.chars()) {
            assert!(c == '\n' || !c.is_control(), "{c:?}");
            assert!(!matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'), "{c:?}");
        }
        again.extend([escaped(name), "=".to_owned(), escaped(value), "&".to_owned()]);
    }
    if again.len() <= 16 * 1024 && form.fields.iter().all(|(_, value)| value.chars().count() <= 4_000) {
        let once_more = read(Some(b"application/x-www-form-urlencoded; charset=utf-8"), again.as_bytes());
        assert_eq!(once_more, Ok(form));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_form_or_not(
        kind in prop::sample::select(vec![
            "", "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded; charset=shift_jis", "a/b",
        ]),
        body in prop::collection::vec(prop_oneof![
            prop::sample::select(b"a=&%+\r\n-x\"; []".to_vec()), any::<u8>(),
        ], 0..400),
    ) {
        holds(kind.as_bytes(), &body);
    }

    #[test]
    fn any_part_is_a_field_or_not(
        disposition in "[a-z;=\"\\\\*' %A-F0-9\r\n-]{0,60}", value in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut body = format!("--x\r\nContent-Disposition: form-data; name=\"{disposition}\r\n\r\n").into_bytes();
        body.extend(value);
        body.extend(b"\r\n--x--\r\n");
        holds(b"multipart/form-data; boundary=x", &body);
    }
}
