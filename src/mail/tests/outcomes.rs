//! Every outcome of a try, against a relay that follows a script.

use crate::domain::address::Address;
use crate::domain::group::delivery::{OnUncertain, Reply};
use crate::domain::group::refusal::{About, Mailbox, Pauses};
use crate::domain::settings::{Security, Smtp};
use crate::mail::conversation::{Connection, Mail, Timeouts};
use crate::mail::relay::{Relay, RelayError};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::rustls::RootCertStore;

/// The command awaited ("" for the greeting), and the reply; "close" closes the connection, "hang" never replies.
pub(super) type Script = Vec<(&'static str, &'static str)>;

const WELL: [(&str, &str); 6] = [
    ("", "220 ready"),
    ("EHLO", "250-relay\r\n250 8BITMIME"),
    ("MAIL", "250 ok"),
    ("RCPT", "250 ok"),
    ("DATA", "354 go"),
    (".", "250 queued"),
];

/// The usual session with one reply changed, and the exchanges that follow it.
fn script(at: &str, answer: &'static str, after: &[(&'static str, &'static str)]) -> Script {
    let place = WELL.iter().position(|(await_, _)| *await_ == at).expect("a phase");
    let mut script: Script = WELL[..=place].to_vec();
    script[place].1 = answer;
    script.extend(after);
    script
}

async fn play(script: Script) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.expect("a client");
        let (read, mut write) = socket.into_split();
        let mut lines = BufReader::new(read).lines();
        for (awaited, answer) in script {
            while !awaited.is_empty() {
                let Ok(Some(line)) = lines.next_line().await else { return };
                if line == awaited || awaited != "." && line.starts_with(awaited) {
                    break;
                }
            }
            match answer {
                "close" => return,
                "hang" => std::future::pending().await,
                answer => write.write_all(format!("{answer}\r\n").as_bytes()).await.expect("the client listens"),
            }
        }
        while let Ok(Some(_)) = lines.next_line().await {}
    });
    address
}

pub(super) fn settings(address: SocketAddr) -> Smtp {
    Smtp {
        on_uncertain: OnUncertain::default(),
        host: address.ip().to_string(),
        port: address.port(),
        security: Security::Plaintext,
        login: None,
        authorities: None,
        connections: 1,
        max_in_doubt: 4,
        return_path: Address::parse("bounces@news.example").expect("address"),
        reply_address: None,
        hello: "news.example".to_owned(),
        dkim: None,
        paces: crate::domain::group::guard::Paces::default(),
        patience: None,
    }
}

pub(super) fn relay(address: SocketAddr) -> Relay {
    Relay::trusting(settings(address), RootCertStore::empty()).expect("a relay")
}

/// Timeouts that are short where the script never replies, and nowhere else: on a busy machine a reply may take long.
fn hasty_at(phase: &str) -> Timeouts {
    let (short, mut patience) = (Duration::from_millis(150), Timeouts::default());
    match phase {
        "" | "EHLO" => patience.greeting = short,
        "DATA" => patience.data = short,
        "block" => patience.block = short,
        "." => patience.dot = short,
        _ => patience.command = short,
    }
    patience
}

pub(super) async fn connect(script: Script) -> Result<Connection, RelayError> {
    // "hello" begins an answer that never ends, and after a refused EHLO the script answers nothing more.
    let silent =
        |(phase, answer): &&(&str, &str)| ["hang", "hello"].contains(answer) || (*phase == "EHLO" && !answer.starts_with("250"));
    let hangs_at = script.iter().find(silent).map(|(phase, _)| *phase);
    let patience = hangs_at.map_or_else(Timeouts::default, hasty_at);
    relay(play(script).await).with_patience(patience).connect().await
}

pub(super) async fn send(connection: &mut Connection) -> Reply {
    let to = Address::parse("ada@albareda.example").expect("address");
    connection.send(&Mail::new("bounces+t@news.example", &to, b"Subject: x\r\n\r\nhello\r\n"), None).await
}

async fn outcome(script: Script) -> (Reply, bool) {
    let mut connection = connect(script).await.expect("a connection");
    let reply = send(&mut connection).await;
    (reply, connection.is_usable())
}

/// The outcome in a word, without the relay's text.
pub(super) fn word(reply: &Reply) -> &'static str {
    match reply {
        Reply::Accepted => "accepted",
        Reply::Refused(refusal) => match refusal.about {
            About::Recipient(Mailbox::Gone) => "no mailbox",
            About::Recipient(Mailbox::NotNow) => "full",
            About::Us(Pauses::AtOnce) => "not us",
            About::Us(Pauses::Counted) => "unwelcome",
            About::Unclear => "unclear",
        },
        Reply::Later(_) => "later",
        Reply::NoLogin(_) => "no login",
        Reply::RelayDown(_) => "relay down",
        Reply::BrokenBefore(_) => "broken before",
        Reply::BrokenAfter(_) => "broken after",
    }
}

#[tokio::test]
async fn each_answer_has_its_outcome() {
    const KEPT: bool = true;
    const CLOSED: bool = false;
    let cases = [
        (".", "250 queued", "accepted", KEPT),
        (".", "250-queued\r\n250 as 7", "accepted", KEPT),
        (".", "250", "accepted", KEPT),
        (".", "550 5.1.1 Empf\u{e4}nger unbekannt", "no mailbox", KEPT),
        (".", "251 elsewhere", "broken after", CLOSED),
        (".", "354 more", "broken after", CLOSED),
        (".", "garbage", "broken after", CLOSED),
        (".", "close", "broken after", CLOSED),
        (".", "hang", "broken after", CLOSED),
        (".", "451 4.3.0 try later", "later", KEPT),
        (".", "421 4.3.2 closing", "relay down", CLOSED),
        (".", "552 5.2.2 full", "full", KEPT),
        (".", "554 5.7.1 spam", "unwelcome", KEPT),
        (".", "550 5.1.1 nobody", "no mailbox", KEPT),
        (".", "550 user unknown", "no mailbox", KEPT),
        (".", "550 5.7.1 user unknown", "no mailbox", KEPT),
        (".", "550-Requested action not taken\r\n550 blocked by our policy", "unwelcome", KEPT),
        (".", "550 no", "unclear", KEPT),
        ("DATA", "250 ok", "broken before", CLOSED),
        ("DATA", "451 4.3.0 later", "later", KEPT),
        ("DATA", "554 no", "unwelcome", KEPT),
        ("DATA", "503 no", "not us", KEPT),
        ("DATA", "close", "broken before", CLOSED),
        ("DATA", "hang", "broken before", CLOSED),
        ("DATA", "354 go\r\n250 queued already", "broken before", CLOSED),
        ("RCPT", "550 5.1.1 nobody", "no mailbox", KEPT),
        ("RCPT", "550-5.1.1 nobody\r\n550 5.1.1 here", "no mailbox", KEPT),
        ("RCPT", "550 5.7.1 no relaying", "unwelcome", KEPT),
        ("RCPT", "550 5.1.8 bad sender", "unwelcome", KEPT),
        ("RCPT", "550 <bounces+t@news.example>: no such user", "unwelcome", KEPT),
        ("RCPT", "501 what", "not us", KEPT),
        ("RCPT", "550 5.2.1 account closed", "no mailbox", KEPT),
        ("RCPT", "550 5.2.1 mail at a rate we do not take", "full", KEPT),
        ("RCPT", "550 No such user here", "no mailbox", KEPT),
        ("RCPT", "550 no", "unclear", KEPT),
        ("RCPT", "550", "unclear", KEPT),
        ("RCPT", "452 4.2.2 full", "later", KEPT),
        ("RCPT", "450 greylisted", "later", KEPT),
        ("RCPT", "421 closing", "relay down", CLOSED),
        ("RCPT", "530 5.7.0 authenticate", "no login", CLOSED),
        ("RCPT", "close", "broken before", CLOSED),
        ("RCPT", "hang", "broken before", CLOSED),
        ("RCPT", "250 ok\r\n250 ok", "broken before", CLOSED),
        ("MAIL", "550 5.1.1 not you", "not us", KEPT),
        ("MAIL", "538 5.7.11 encrypt first", "no login", CLOSED),
        ("MAIL", "451 later", "later", KEPT),
        ("MAIL", "354 what", "broken before", CLOSED),
        ("MAIL", "close", "broken before", CLOSED),
    ];
    for (at, answer, expected, usable) in cases {
        let (reply, kept) = outcome(script(at, answer, &[("RSET", "250 ok")])).await;
        assert_eq!((word(&reply), kept), (expected, usable), "{at} → {answer}: {reply:?}");
    }
}

#[tokio::test]
async fn a_relay_that_does_not_serve_is_down() {
    let cases = [
        ("", "421 busy"),
        ("", "554 go away"),
        ("", "close"),
        ("", "hang"),
        ("", "hello"),
        ("EHLO", "451 later"),
        ("EHLO", "close"),
    ];
    for (at, answer) in cases {
        let error = connect(script(at, answer, &[])).await.err().expect("no connection");
        assert_eq!(word(&Reply::from(error)), "relay down", "{at} → {answer}");
    }
    // The port is bound without a listener.
    let taken = TcpSocket::new_v4().expect("a socket");
    taken.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let nobody = taken.local_addr().expect("an address");
    assert!(matches!(relay(nobody).connect().await, Err(RelayError::Unreachable(_))));
}

#[tokio::test]
async fn a_refused_reset_closes_and_a_closed_connection_stays_closed() {
    let mut connection = connect(script("RCPT", "550 5.1.1 nobody", &[("RSET", "502 what")])).await.expect("a connection");
    assert_eq!(word(&send(&mut connection).await), "no mailbox");
    assert!(!connection.is_usable());
    assert_eq!(word(&send(&mut connection).await), "broken before");
}

#[tokio::test]
async fn a_reply_too_many_never_answers_for_the_next_mail() {
    let mut connection = connect(script(".", "250 queued\r\n250 again", &[("MAIL", "250 ok")])).await.expect("a connection");
    assert_eq!(send(&mut connection).await, Reply::Accepted);
    assert_eq!(word(&send(&mut connection).await), "broken before");
}

#[tokio::test]
async fn a_cancelled_send_closes_the_connection() {
    let mut connection = connect(script(".", "hang", &[])).await.expect("a connection");
    assert!(tokio::time::timeout(Duration::from_millis(20), send(&mut connection)).await.is_err());
    assert!(!connection.is_usable());
}

#[tokio::test]
async fn a_relay_that_stops_reading_breaks_before_the_dot() {
    // The message exceeds the loopback's buffers, so that writing stalls.
    let large = [b"Subject: x\r\n\r\n".to_vec(), vec![b'a'; 20_000_000]].concat();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a client");
        socket.write_all(b"220 a\r\n250 b\r\n").await.expect("written");
        let mut seen = Vec::new();
        for (awaited, answer) in [("MAIL", "250 c\r\n"), ("RCPT", "250 d\r\n"), ("DATA", "354 e\r\n")] {
            while !String::from_utf8_lossy(&seen).contains(awaited) {
                tokio::io::AsyncReadExt::read_buf(&mut socket, &mut seen).await.expect("read");
            }
            socket.write_all(answer.as_bytes()).await.expect("written");
        }
        std::future::pending::<()>().await;
    });
    let mut connection = relay(address).with_patience(hasty_at("block")).connect().await.expect("a connection");
    let to = Address::parse("ada@albareda.example").expect("address");
    let reply = connection.send(&Mail::new("b@news.example", &to, &large), None).await;
    assert_eq!((word(&reply), connection.is_usable()), ("broken before", false));
    server.abort();
}
