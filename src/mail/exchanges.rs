//! The relay's client against real conversations: our catcher, TLS on the loopback, and Postfix's smtp-sink.

use crate::domain::address::Address;
use crate::domain::delivery::Reply;
use crate::domain::settings::{Security, Smtp};
use crate::mail::catcher::Catcher;
use crate::mail::outcomes::relay;
use crate::mail::relay::{Relay, RelayError};
use secrecy::SecretString;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

fn to(text: &str) -> Address {
    Address::parse(text).expect("address")
}

async fn catcher() -> Catcher {
    Catcher::start("127.0.0.1:0".parse().expect("an address")).await.expect("a catcher")
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
        assert_eq!(connection.send("bounces+T@news.example", &to("ada@x.example"), message).await, Reply::Accepted);
    }
    let refused = connection.send("b@news.example", &to("gone@x.example"), b"x\r\n").await;
    assert!(matches!(refused, Reply::NoMailbox(words) if words.contains("no such user")));
    assert!(connection.is_usable());
    assert_eq!(connection.send("", &to("bo@x.example"), b"last\r\n").await, Reply::Accepted);
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
    let said = b"HELO x\r\nRCPT TO:<a@x.example>\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\nDATA\r\nRCPT TO:a\r\nRCPT TO:<a@x.example> NOTIFY=NEVER\r\nNOOP\r\nVRFY a\r\nRSET\r\nDATA\r\n\
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

fn acceptor() -> TlsAcceptor {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls");
    let certificate = CertificateDer::from_pem_file(format!("{folder}/localhost.pem")).expect("certificate");
    let key = PrivateKeyDer::from_pem_file(format!("{folder}/localhost.key")).expect("key");
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).expect("a pair")))
}

fn roots() -> RootCertStore {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(format!("{folder}/authority.pem")).expect("authority")).expect("a root");
    roots
}

fn protected(port: u16, security: Security, password: &str, roots: RootCertStore) -> Relay {
    let login = Some(("ada".to_owned(), SecretString::from(password)));
    let host = "localhost".to_owned();
    let settings = Smtp {
        host,
        port,
        security,
        login,
        connections: 1,
        return_path: to("b@news.example"),
        hello: "news.example".to_owned(),
        patience: None,
    };
    Relay::trusting(settings, roots).expect("a relay")
}

/// Answers each line by its verb until the client goes; `AUTH PLAIN` wants ada and "secret", `AUTH LOGIN` anything.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, offers: &str) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while matches!(
        {
            line.clear();
            stream.read_line(&mut line).await
        },
        Ok(1..)
    ) {
        let answer = match line.trim_end() {
            hello if hello.starts_with("EHLO") => format!("250-relay\r\n250 {offers}\r\n"),
            "AUTH PLAIN AGFkYQBzZWNyZXQ=" | "c2VjcmV0" => "235 2.7.0 welcome\r\n".to_owned(),
            "AUTH LOGIN" => "334 VXNlcm5hbWU6\r\n".to_owned(),
            "YWRh" => "334 UGFzc3dvcmQ6\r\n".to_owned(),
            "DATA" => "354 go\r\n".to_owned(),
            other if ["MAIL", "RCPT", ".", "RSET"].iter().any(|verb| other.starts_with(verb)) => "250 ok\r\n".to_owned(),
            auth if auth.starts_with("AUTH") => "535 5.7.8 no\r\n".to_owned(),
            _ => continue,
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        // TLS buffers what is written until it is flushed.
        let _ = stream.flush().await;
    }
}

async fn tls_relay(offers: &'static str, starttls: Option<&'static [u8]>) -> u16 {
    let listener = TcpListener::bind("localhost:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Some(reply) = starttls {
                    let mut buffer = [0; 512];
                    socket.write_all(b"220 ready\r\n").await.expect("written");
                    let _ = socket.read(&mut buffer).await;
                    socket.write_all(b"250-relay\r\n250 STARTTLS\r\n").await.expect("written");
                    let _ = socket.read(&mut buffer).await;
                    socket.write_all(reply).await.expect("written");
                }
                let Ok(mut tls) = acceptor().accept(socket).await else { return };
                if starttls.is_none() {
                    tls.write_all(b"220 ready\r\n").await.expect("written");
                }
                serve(tls, offers).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn tls_and_login_protect_the_connection() {
    for starttls in [None, Some(&b"220 go\r\n"[..])] {
        let security = if starttls.is_some() { Security::StartTls } else { Security::Implicit };
        for offers in ["AUTH PLAIN LOGIN", "AUTH LOGIN"] {
            let port = tls_relay(offers, starttls).await;
            let mut connection = protected(port, security, "secret", roots()).connect().await.expect("a connection");
            for _ in 0..2 {
                assert_eq!(
                    connection.send("b@news.example", &to("a@x.example"), b"Subject: x\r\n\r\nhi\r\n").await,
                    Reply::Accepted
                );
            }
        }
        let port = tls_relay("AUTH PLAIN", starttls).await;
        let wrong = protected(port, security, "guess", roots()).connect().await;
        assert!(matches!(wrong, Err(RelayError::Login(words)) if words.contains("535") && !words.contains("guess")));
        let unknown = protected(port, security, "secret", RootCertStore::empty()).connect().await;
        assert!(matches!(unknown, Err(RelayError::Insecure(_))));
        let none = protected(tls_relay("8BITMIME", starttls).await, security, "secret", roots()).connect().await;
        assert!(matches!(none, Err(RelayError::Login(_))));
    }
}

#[tokio::test]
async fn nothing_is_believed_that_came_before_tls() {
    let port = tls_relay("AUTH PLAIN", Some(b"220 go\r\n250 injected\r\n")).await;
    assert!(matches!(protected(port, Security::StartTls, "secret", roots()).connect().await, Err(RelayError::Insecure(_))));
    let catcher = catcher().await;
    let plain = protected(catcher.local_addr().port(), Security::StartTls, "secret", roots()).connect().await;
    assert!(matches!(plain, Err(RelayError::Insecure(words)) if words.contains("STARTTLS")));
}

/// Postfix's sink, ended when dropped.
struct Sink(Child);

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended by itself.
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
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address").port();
    let user = if std::fs::metadata("/root").is_ok_and(|_| std::fs::read_dir("/root").is_ok()) {
        vec!["-u", "nobody"]
    } else {
        Vec::new()
    };
    let child = Command::new(program).args(user).arg(format!("127.0.0.1:{port}")).arg("10").stderr(Stdio::null()).spawn();
    let _sink = Sink(child.expect("smtp-sink starts"));
    let relay = relay(std::net::SocketAddr::from(([127, 0, 0, 1], port)));
    let started = std::time::Duration::from_secs(20);
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
            connection.send("b+t@news.example", &to("a@x.example"), b"Subject: x\r\n\r\nhello\r\n").await,
            Reply::Accepted
        );
    }
    connection.quit().await;
}
