//! The SMTP client in real sessions: with our test server, and with Postfix's smtp-sink.

use super::outcomes::relay;
use crate::domain::address::Address;
use crate::domain::group::delivery::Reply;
use crate::mail::conversation::{Connection, Mail};
use crate::mail::test_server::TestServer;
use std::process::{Child, Command, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

async fn send(connection: &mut Connection, return_path: &str, to: &str, message: &[u8]) -> Reply {
    let to = self::to(to);
    connection.send(&Mail::new(return_path, &to, message), None).await
}

fn to(text: &str) -> Address {
    Address::parse(text).expect("address")
}

async fn catcher() -> TestServer {
    TestServer::start("127.0.0.1:0".parse().expect("an address")).await.expect("a catcher")
}

#[tokio::test]
async fn the_catcher_keeps_what_the_relay_was_given() {
    let catcher = catcher().await;
    catcher.refuse("Gone@x.example", 550, "5.1.1 no such user");
    let mut connection = relay(catcher.local_addr()).connect().await.expect("a connection");
    let messages: [&[u8]; 4] = [
        b"Subject: a\r\n\r\nbody\r\n",
        b"Subject: b\r\n\r\n..two\r\n.one\r\n",
        "Subject: c\r\n\r\nniño\r\n".as_bytes(),
        b"no end",
    ];
    for message in messages {
        assert_eq!(send(&mut connection, "bounces+T@news.example", "ada@x.example", message).await, Reply::Accepted);
    }
    let refused = send(&mut connection, "b@news.example", "gone@x.example", b"x\r\n").await;
    assert!(matches!(refused, Reply::Refused(refusal) if refusal.about.is_gone() && refusal.words.contains("no such user")));
    assert!(connection.is_usable());
    assert_eq!(send(&mut connection, "", "bo@x.example", b"last\r\n").await, Reply::Accepted);
    connection.quit().await;
    catcher.wait_for(5).await;
    let caught = catcher.caught();
    let data: Vec<&[u8]> = caught.iter().map(|mail| mail.data.as_slice()).collect();
    assert_eq!(data, [messages[0], messages[1], messages[2], b"no end\r\n", b"last\r\n"]);
    assert_eq!(
        (caught[0].mail_from.as_str(), caught[0].rcpt_to.as_slice(), caught[4].at),
        ("bounces+T@news.example", &["ada@x.example".to_owned()][..], 4)
    );
}

#[tokio::test]
async fn the_catcher_speaks_smtp_to_anybody() {
    let catcher = catcher().await;
    let mut socket = TcpStream::connect(catcher.local_addr()).await.expect("connected");
    let said = b"HELO x\r\nRCPT TO:<a@x.example>\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\nDATA\r\n\
        RCPT TO:a\r\nRCPT TO:<a@x.example> NOTIFY=NEVER\r\nNOOP\r\nVRFY a\r\nRSET\r\nDATA\r\n\
        WHAT\r\nMAIL FROM:<b@x.example>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n..\r\n.\r\nQUIT\r\n";
    socket.write_all(said).await.expect("written");
    let mut heard = String::new();
    socket.read_to_string(&mut heard).await.expect("read");
    let codes: Vec<&str> = heard.lines().map(|line| &line[..3]).collect();
    assert_eq!(
        codes,
        [
            "220", "250", "503", "250", "503", "503", "501", "250", "250", "252", "250", "503", "500", "250", "250", "354",
            "250", "221"
        ]
    );
    assert_eq!(catcher.caught()[0].data, b".\r\n");
    let mut socket = TcpStream::connect(catcher.local_addr()).await.expect("connected");
    let endless = socket.write_all(&vec![b'x'; 100_000]).await;
    let mut heard = Vec::new();
    assert!(endless.is_err() || socket.read_to_end(&mut heard).await.map_or(true, |_| heard.len() < 200));
    let address = catcher.local_addr();
    drop(catcher);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// Postfix's smtp-sink, killed when dropped.
struct Sink(Child);

impl Drop for Sink {
    fn drop(&mut self) {
        // The process may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn postfix_takes_what_we_send() {
    let Some(program) = ["/usr/sbin/smtp-sink", "/usr/bin/smtp-sink", "/usr/libexec/postfix/smtp-sink"]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
    else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "Postfix's smtp-sink is needed (package postfix)");
        eprintln!("SKIPPED: no smtp-sink of Postfix on this machine; the client is only tested against our own relays");
        return;
    };
    // The port is held until the sink has it: the sink reuses addresses, and the system gives the port to no other
    // program.
    let taken = TcpSocket::new_v4().expect("a socket");
    taken.set_reuseaddr(true).expect("set");
    taken.bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let user = if std::fs::metadata("/root").is_ok_and(|_| std::fs::read_dir("/root").is_ok()) {
        vec!["-u", "nobody"]
    } else {
        Vec::new()
    };
    let child = Command::new(program).args(user).arg(format!("127.0.0.1:{port}")).arg("10").stderr(Stdio::null()).spawn();
    let _sink = Sink(child.expect("smtp-sink starts"));
    let relay = relay(std::net::SocketAddr::from(([127, 0, 0, 1], port)));
    let started = std::time::Duration::from_mins(2);
    let opened = tokio::time::timeout(started, async {
        loop {
            match relay.connect().await {
                Ok(connection) => break connection,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    let mut connection = opened.await.expect("smtp-sink listens");
    for _ in 0..50 {
        assert_eq!(
            send(&mut connection, "b+t@news.example", "a@x.example", b"Subject: x\r\n\r\nhello\r\n").await,
            Reply::Accepted
        );
    }
    connection.quit().await;
}
