//! Requests that are broken, too large, or made to be read in two ways. Each carries a form; none may be taken, and none may
//! end the daemon.

use crate::company::STRANGERS;
use crate::database::Database;
use crate::table::Row;
use crate::visitor::{Visitor, encoded};
use std::net::{Ipv4Addr, SocketAddr};

/// `{form}`: a whole form; `{length}`: how many bytes it has; `{chunked}`: the same in chunks; `{host}`: the daemon's own.
const CROOKED: [&str; 42] = [
    // A length and a transfer encoding, in every order and spelling (RFC 9112, 6.1 and 11.2).
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n{chunked}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding : chunked\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: xchunked\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked, identity\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding:\u{b}chunked\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST /f/quote HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n{form}",
    // Lengths that are none, or two.
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}, 5\r\n\r\n{form}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nContent-Length: +{length}\r\n\r\n{form}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n{form}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0x40\r\n\r\n{form}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99999999999999999999\r\n\r\n{form}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nContent-Length : {length}\r\n\r\n{form}",
    // A request inside the body of another one.
    "GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 900\r\n\r\n\
     POST /f/quote HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n\
     POST /f/quote HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{form}",
    "HEAD /healthz HTTP/1.1\r\nHost: {host}\r\nContent-Length: 900\r\n\r\n\
     POST /f/quote HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{form}",
    // Another host's page, and no page.
    "POST http://evil.example/f/quote HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST https://{host}@evil.example/f/quote HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}",
    "CONNECT evil.example:443 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n{form}",
    "OPTIONS * HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
    // Methods that change nothing here.
    "HEAD /f/quote HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}",
    "OPTIONS /f/quote HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}",
    "GET /f/quote HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-HTTP-Method-Override: POST\r\nContent-Length: {length}\r\n\r\n{form}",
    "PUT /f/quote HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}",
    "post /f/quote HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}",
    "TRACE /f/quote HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n{form}",
    // Paths.
    "POST /f/quote%00 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST /f/quote\0 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST /f/%ff%fe HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST /f/../f/quote HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST /f/quote/%2e%2e/quote HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST \\f\\quote HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST /f/{long} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST /f/quote?{long} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}",
    // Headers.
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nX-Large: {long}{long}{long}{long}{long}{long}\r\nContent-Length: {length}\r\n\r\n{form}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\n{lines}Content-Length: {length}\r\n\r\n{form}",
    "POST /f/quote HTTP/1.1\r\nHost: {host}\r\nX-Nul: a\0b\r\nContent-Length: {length}\r\n\r\n{form}",
    // Other protocols.
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{form}",
    "\u{16}\u{3}\u{1}\u{0}\u{0}\u{0}\r\n\r\n{form}",
];

const STORED: &str = "SELECT address FROM pending_forms WHERE address LIKE 'smuggled-%' UNION SELECT address FROM prospects WHERE address LIKE 'smuggled-%'";

/// Sends each, and bodies around the largest size.
pub(crate) async fn send(door: SocketAddr, database: &Database) -> anyhow::Result<Row> {
    let mut row = Row::of("smuggled, malformed, oversized: taken");
    let (long, lines, host) = ("a".repeat(4_000), "X-Line: 1\r\n".repeat(500), door.to_string());
    for (n, text) in CROOKED.into_iter().enumerate() {
        let form = encoded(&[("email", &format!("smuggled-{n}@smugglers{STRANGERS}"))]);
        let chunked = format!("{:x}\r\n{form}\r\n0\r\n\r\n", form.len());
        let text = text.replace("{long}", &long).replace("{lines}", &lines).replace("{host}", &host);
        let text = text.replace("{length}", &form.len().to_string()).replace("{chunked}", &chunked).replace("{form}", &form);
        let answer = visitor(n).say(door, text.as_bytes()).await;
        row.answered(answer.status);
        row.holds(answer.status != 500 && answer.status < 503, || format!("request {n} was answered with {}", answer.status));
        row.holds(answer.text.matches("\r\nHTTP/1.1 ").count() == 0, || format!("request {n} was answered twice"));
    }
    for (n, size) in [(16 << 10) + 1, 17 << 10, 64 << 10, 1 << 20, (1 << 20) + 1, 8 << 20].into_iter().enumerate() {
        let mut form = encoded(&[("email", &format!("smuggled-large-{n}@smugglers{STRANGERS}")), ("message", "")]);
        form.push_str(&"x".repeat(size - form.len()));
        let answer = visitor(100 + n).post(door, "/f/quote", &form).await;
        row.answered(answer.status);
    }
    let largest = "x".repeat(4 << 20);
    for (n, text) in [format!("GET /{largest} HTTP/1.1\r\n\r\n"), format!("GET / HTTP/1.1\r\nX: {largest}\r\n\r\n"), largest]
        .iter()
        .enumerate()
    {
        row.answered(visitor(120 + n).say(door, text.as_bytes()).await.status);
    }
    // The bodies' own attacks: many fields, deep names, a multipart body without an end.
    let many = "a=&".repeat(10_000) + "email=smuggled-many%40smugglers-of-attack.com";
    row.answered(visitor(130).post(door, "/f/quote", &many).await.status);
    let stored: Vec<(String,)> = database.rows(STORED).await?;
    for (address,) in stored {
        row.through(format!("a form about {address} was taken"));
    }
    let answer = visitor(140).get(door, "/healthz").await;
    row.holds(answer.status == 200, || "it does not answer any more".to_owned());
    // The same form as browsers send it is taken, or nothing was shown.
    let form = encoded(&[("email", &format!("straight@smugglers{STRANGERS}"))]);
    let answer = visitor(150).post(door, "/f/quote", &form).await;
    row.holds(answer.status == 200, || format!("a straight form was answered with {}", answer.status));
    Ok(row)
}

/// Each from an address of its own, so that no limit answers in the place of what is tried.
fn visitor(n: usize) -> Visitor {
    Visitor::at(Ipv4Addr::new(127, 66, u8::try_from(n / 200).unwrap_or(0), u8::try_from(1 + n % 200).unwrap_or(1)))
}
