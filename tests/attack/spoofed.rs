//! Visitors who say that they are others, and whoever has no right to be told or to report.

use crate::company::STRANGERS;
use crate::table::Row;
use crate::visitor::{Visitor, encoded};
use std::net::{Ipv4Addr, SocketAddr};

/// How many forms one visitor gets within an hour, as shipped.
const LIMIT: usize = 60;
/// How many each of them sends.
const SENT: usize = 90;

/// One visitor who claims to be another one each time, in every way there is; no more forms are taken than one visitor has.
pub(crate) async fn forwarded(door: SocketAddr) -> Row {
    let mut row = Row::of("forged X-Forwarded-For: beyond the limit");
    let ways: [fn(usize) -> Visitor; 6] = [
        |n| stranger(1).with(&format!("X-Forwarded-For: 198.51.{}.{}", n / 200, 1 + n % 200)),
        |n| stranger(2).with(&format!("Forwarded: for=198.51.{}.{}", n / 200, 1 + n % 200)),
        |n| stranger(3).with(&format!("X-Real-IP: 198.51.100.{n}")).with(&format!("True-Client-IP: 198.51.100.{n}")),
        // Through the proxy, which adds on the right whom it sees.
        |n| proxied(&format!("198.51.{}.{}, 203.0.113.201", n / 200, 1 + n % 200)),
        |n| proxied(&format!("198.51.100.{n}")).with("X-Forwarded-For: 203.0.113.202"),
        // One connection of IPv6 has a whole /64.
        |n| proxied(&format!("2001:db8:7:7::{n:x}")),
    ];
    for (way, visitor) in ways.into_iter().enumerate() {
        let mut taken = 0;
        for n in 0..SENT {
            let who = format!("f{way}-{n}@spoofers{STRANGERS}");
            let status = visitor(n).post(door, "/f/webinar", &encoded(&[("email", &who)])).await.status;
            taken += usize::from(status == 200);
            row.answered(status);
        }
        row.holds(taken <= LIMIT, || format!("way {way}: {taken} forms of one visitor were taken, {LIMIT} are allowed"));
        row.holds(taken > 0, || format!("way {way}: no form was taken, so that nothing was shown"));
    }
    row
}

fn stranger(last: u8) -> Visitor {
    Visitor::at(Ipv4Addr::new(127, 77, 0, last))
}

fn proxied(told: &str) -> Visitor {
    Visitor::at(Ipv4Addr::LOCALHOST).with(&format!("X-Forwarded-For: {told}"))
}

/// What is told or taken only with a token.
const INSIDE: [(&str, &str); 6] = [
    ("GET", "/metrics"),
    ("HEAD", "/metrics"),
    ("GET", "//metrics"),
    ("GET", "/metrics/"),
    ("POST", "/v1/signals"),
    ("POST", "/v1/prospects"),
];
/// Tokens that are none.
const TOKENS: [&str; 9] = [
    "",
    "Authorization: Bearer",
    "Authorization: Bearer ",
    "Authorization: Bearer null",
    "Authorization: Bearer a-token-of-chaos-0123456789abcdef",
    "Authorization: bearer x\r\nAuthorization: Bearer y",
    "Authorization: Basic YWRtaW46YWRtaW4=",
    "Authorization: Bearer \u{e4}\u{f6}",
    "Authorization: Bearer xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
];

/// Figures and reports without a token, or with one that is none.
pub(crate) async fn tokenless(door: SocketAddr) -> Row {
    let mut row = Row::of("figures and reports without a token: told");
    let body = format!("{{\"email\":\"api@callers{STRANGERS}\",\"form\":\"call-me\"}}");
    for (n, token) in TOKENS.into_iter().enumerate() {
        let last = u8::try_from(1 + n).expect("few");
        let visitor = Visitor::at(Ipv4Addr::new(127, 78, 0, last)).with(&format!("Idempotency-Key: forged-{n}"));
        let visitor = if token.is_empty() { visitor } else { visitor.with(token) };
        for (method, path) in INSIDE {
            let answer = match method {
                "POST" => visitor.post(door, path, &body).await,
                _ => visitor.ask(method, door, path).await,
            };
            row.answered(answer.status);
            row.holds(answer.status >= 400 || answer.status == 0, || {
                format!("{method} {path} was answered with {}", answer.status)
            });
        }
    }
    row
}
