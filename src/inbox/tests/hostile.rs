//! Mails made to harm: they are read within bounds, in time that grows as they do, and never take the program down.

use crate::clock::processor_time;
use crate::inbox::mail::bounce::{self, Incoming, ReadError};
use crate::inbox::mail::bounds::RECIPIENTS;
use crate::inbox::mail::fence;
use std::time::Duration;

const NOTICE: &str = "From: MAILER-DAEMON@mx.example\nTo: bounces+t@news.example\nSubject: Undelivered\nMIME-Version: 1.0\n";
const REPORT: &str =
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n";

type Family = (&'static str, fn(usize) -> String);

/// As many of a piece as make so many bytes.
fn many(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len() + 1)
}

fn numbered(bytes: usize, piece: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for number in 0.. {
        text.push_str(&piece(number));
        if text.len() >= bytes {
            break;
        }
    }
    text
}

const FAMILIES: [Family; 26] = [
    ("addresses in one line", |n| format!("{NOTICE}\ncould not be delivered: {}", numbered(n, |i| format!("ada{i}@x.example ")))),
    ("addresses in lines", |n| {
        format!("{NOTICE}\nthe following recipients:\n{}", numbered(n, |i| format!("ada{i}@x.example\n")))
    }),
    ("blocks", |n| format!("{NOTICE}\n{}", numbered(n, |i| format!("<ada{i}@x.example>: 550 no\n")))),
    ("one address again and again", |n| format!("{NOTICE}\n{}", many("<ada@x.example>: unknown\n", n))),
    ("at signs", |n| format!("{NOTICE}\nnot delivered {}", many("@", n))),
    ("local parts", |n| format!("{NOTICE}\nnot delivered {}@x.example", many("a.", n))),
    ("one long word", |n| format!("{NOTICE}\nnot delivered to {}", many("x", n))),
    ("recipients of a header", |n| format!("From: a@x.example\nTo: {}\n\ntext", numbered(n, |i| format!("ada{i}@x.example, ")))),
    ("headers", |n| format!("{}\ntext", numbered(n, |i| format!("X-{i}: y\n")))),
    ("a folded header", |n| format!("From: a@x.example\nSubject: s\n{}\n\ntext", many("\tmore\n", n))),
    ("encoded words", |n| format!("From: a@x.example\nSubject: {}\n\ntext", many("=?utf-8?q?=C3=A9?= ", n))),
    ("references", |n| format!("From: a@x.example\nReferences: {}\n\ntext", numbered(n, |i| format!("<r{i}@x.example> ")))),
    ("groups of a report", |n| {
        format!(
            "{NOTICE}{REPORT}{}\n--b--\n",
            numbered(n, |i| format!("Final-Recipient: rfc822; a{i}@x.example\nAction: failed\nStatus: 5.1.1\n\n"))
        )
    }),
    ("groups of a report that decide nothing, over prose", |n| {
        format!(
            "{NOTICE}Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\n{}\n--b\n\
             Content-Type: message/delivery-status\n\n{}\n--b--\n",
            numbered(n / 2, |i| format!("a{i}@x.example was not reached\n")),
            numbered(n / 2, |i| format!("Final-Recipient: rfc822; a{i}@x.example\nAction: failed\nStatus: 5.0.0\n\n"))
        )
    }),
    ("a long diagnostic", |n| {
        format!(
            "{NOTICE}{REPORT}Final-Recipient: rfc822; a@x.example\nAction: failed\nDiagnostic-Code: smtp; 550 {}\n\n--b--\n",
            many("user known ", n)
        )
    }),
    ("multiparts whose boundary never comes", |n| {
        format!(
            "{NOTICE}Content-Type: multipart/mixed; boundary=b\n\n{}",
            numbered(n, |i| format!("--b\nContent-Type: multipart/mixed; boundary=lost{i}\n\nx\n"))
        )
    }),
    ("multiparts in multiparts", |n| numbered(n, |i| format!("Content-Type: multipart/mixed; boundary=b{i}x\n\n--b{i}x\n"))),
    ("messages in messages", |n| many("Content-Type: message/rfc822\n\n", n)),
    ("parts", |n| format!("{NOTICE}Content-Type: multipart/mixed; boundary=b\n\n{}", many("--b\n\nx\n", n))),
    ("half a boundary", |n| {
        let half = "-".repeat(n / 2);
        format!("{NOTICE}Content-Type: multipart/mixed; boundary=\"{half}x\"\n\n{half}")
    }),
    ("dashes", |n| format!("{NOTICE}Content-Type: multipart/mixed; boundary=-----\n\n{}", many("-", n))),
    ("tags", |n| format!("{NOTICE}Content-Type: text/html\n\n{}", many("<", n))),
    ("quotes in HTML", |n| format!("{NOTICE}Content-Type: text/html\n\n{}", many("<blockquote>", n))),
    ("lines before the header", |n| format!("{}From: a@x.example\n\ntext", many("From nobody\n\n", n))),
    ("copied ids", |n| format!("{NOTICE}\nnot delivered\n{}", numbered(n, |i| format!("Message-ID: <{i}@x.example>\n")))),
    ("a transcript", |n| {
        format!(
            "{NOTICE}\n--- Transcript of session follows ---\n{}",
            numbered(n, |i| format!(">>> RCPT To:<a{i}@x.example>\n<<< 550 no\n"))
        )
    }),
];

/// A reading with the stack it has behind the fence, on a machine that may be slow.
fn patiently<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    fence::within(Duration::from_mins(10), work).expect("no panic")
}

/// Of a processor's time: something else may hold it.
fn taken(mail: String) -> Duration {
    patiently(move || {
        let begun = processor_time();
        drop(bounce::parse(mail.as_bytes()));
        processor_time().saturating_sub(begun)
    })
}

#[test]
fn a_hostile_mail_takes_time_as_it_is_long_and_no_more() {
    let mut slow = Vec::new();
    // What is built once, of all the phrases.
    taken(FAMILIES[0].1(1_000));
    for (name, family) in FAMILIES {
        let (short, long) = (taken(family(80_000)), taken(family(640_000)));
        println!("{name}: 80 KB {short:?}, 640 KB {long:?}");
        // Eight times the bytes: in quadratic time sixty-four times as long.
        if short > Duration::from_secs(5) || long > short * 32 + Duration::from_millis(500) {
            slow.push(format!("{name}: 80 KB {short:?}, 640 KB {long:?}"));
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}

#[test]
fn a_hostile_mail_is_read_as_far_as_the_bounds_or_refused_and_never_lost() {
    for (name, family) in FAMILIES {
        match patiently(move || bounce::parse(family(400_000).as_bytes())) {
            Ok(mail) => {
                let named = match mail.kind {
                    Incoming::Bounce(failures) | Incoming::Delivered(failures) => failures.len(),
                    _ => 0,
                };
                assert!(named <= RECIPIENTS, "{name}: {named} recipients");
            }
            Err(error) => assert_eq!(error, ReadError::NoMail, "{name}"),
        }
    }
}

#[test]
fn messages_nested_a_million_deep_and_encoded_ones_do_not_overflow_the_stack() {
    let deep = many("Content-Type: message/rfc822\n\n", 24_000_000);
    assert!(bounce::read(deep.as_bytes()).is_ok());
    let inner = data_encoding::BASE64.encode(many("Content-Type: message/rfc822\n\n", 6_000_000).as_bytes());
    let lines: Vec<String> = inner.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let encoded = format!(
        "From: a@x.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nwords\n--b\nContent-Type: message/rfc822\n\
         Content-Transfer-Encoding: base64\n\n{}\n--b--\n",
        lines.join("\n")
    );
    let Incoming::Reply { text, .. } = bounce::read(encoded.as_bytes()).expect("a mail").kind else { panic!("what was written") };
    assert_eq!(text, "words");
}

#[test]
fn a_notice_behind_a_copy_of_many_megabytes_is_read() {
    let mail = format!(
        "{NOTICE}{REPORT}Final-Recipient: rfc822; ada@x.example\nAction: failed\nStatus: 5.1.1\n\n--b\nContent-Type: message/rfc822\n\n\
         Subject: letter\n\n{}\n--b--\n",
        many("words of the letter\n", 8_000_000)
    );
    let Incoming::Bounce(failures) = bounce::read(mail.as_bytes()).expect("a mail").kind else { panic!("a notice") };
    assert!(failures.len() == 1 && failures[0].hard, "{failures:?}");
}
