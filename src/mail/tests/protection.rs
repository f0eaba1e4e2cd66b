//! The protected session: TLS from the first byte or by STARTTLS, with certificates made in the test, so that none
//! expires; and what a relay or an attacker in between can do without ever seeing a password.

use crate::domain::address::Address;
use crate::domain::group::delivery::Reply;
use crate::domain::settings::{Login, Proof, Security, Smtp};
use crate::mail::conversation::{Mail, Timeouts};
use crate::mail::relay::{Relay, RelayError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, date_time_ymd};
use secrecy::SecretString;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

const BOTH: [Security; 2] = [Security::Implicit, Security::StartTls];

/// A certificate authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority"))
    }

    fn certificate(&self) -> &rcgen::Certificate {
        self.0.as_ref()
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("a root");
        roots
    }

    /// The server's TLS side, with a certificate for these names.
    fn acceptor(&self, params: &CertificateParams) -> TlsAcceptor {
        let key = KeyPair::generate().expect("a key");
        acceptor(params.signed_by(&key, &self.0).expect("a certificate"), &key)
    }
}

fn acceptor(certificate: rcgen::Certificate, key: &KeyPair) -> TlsAcceptor {
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.into()], key).expect("a pair");
    TlsAcceptor::from(Arc::new(config))
}

fn named(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("names");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "relay");
    params
}

fn settings(host: &str, port: u16, security: Security, password: &str) -> Smtp {
    Smtp {
        host: host.to_owned(),
        port,
        security,
        login: Some(Login { user: "ada".to_owned(), proof: Proof::Password(SecretString::from(password)) }),
        authorities: None,
        connections: 1,
        max_in_doubt: 4,
        patience: None,
        on_uncertain: crate::domain::group::delivery::OnUncertain::default(),
        paces: crate::domain::group::guard::Paces::default(),
        return_path: Address::parse("b@news.example").expect("address"),
        reply_address: None,
        hello: "news.example".to_owned(),
        dkim: None,
    }
}

fn relay(host: &str, port: u16, security: Security, password: &str, roots: RootCertStore) -> Relay {
    Relay::trusting(settings(host, port, security, password), roots).expect("a relay")
}

/// A relay that trusts what `smtp.ca_file` holds.
fn relay_of_file(port: u16, security: Security, authorities: &[&rcgen::Certificate]) -> Relay {
    let authorities = authorities.iter().map(|certificate| certificate.der().to_vec()).collect();
    let settings = settings("localhost", port, security, "secret");
    Relay::new(Smtp { authorities: Some(Arc::new(authorities)), ..settings }).expect("a relay")
}

/// A relay that records what it is sent.
struct Server {
    port: u16,
    /// Everything the client sent, in clear or under TLS.
    heard: Arc<Mutex<String>>,
}

/// The relay's replies before TLS.
#[derive(Clone, Copy)]
struct Clear {
    /// The reply to EHLO.
    offers: &'static str,
    /// The reply to STARTTLS.
    starttls: &'static [u8],
}

const WELL: Clear = Clear { offers: "250-relay\r\n250 STARTTLS\r\n", starttls: b"220 go\r\n" };

impl Server {
    /// Starts a relay with TLS, reached as `security` says.
    async fn start(security: Security, acceptor: TlsAcceptor, clear: Clear, offers: &'static str) -> Self {
        let listener = TcpListener::bind("localhost:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let heard = Arc::new(Mutex::new(String::new()));
        let hears = heard.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let (acceptor, hears) = (acceptor.clone(), hears.clone());
                tokio::spawn(async move {
                    if security == Security::StartTls {
                        for answer in [b"220 ready\r\n", clear.offers.as_bytes(), clear.starttls] {
                            if socket.write_all(answer).await.is_err() {
                                return;
                            }
                            // After the reply to STARTTLS the client speaks TLS.
                            if answer != clear.starttls {
                                let mut buffer = [0; 512];
                                let read = socket.read(&mut buffer).await.unwrap_or(0);
                                hears.lock().expect("lock").push_str(&String::from_utf8_lossy(&buffer[..read]));
                            }
                        }
                    }
                    let Ok(mut tls) = acceptor.accept(socket).await else { return };
                    if security == Security::Implicit && tls.write_all(b"220 ready\r\n").await.is_err() {
                        return;
                    }
                    serve(tls, offers, &hears).await;
                });
            }
        });
        Self { port, heard }
    }

    fn heard_a_password(&self) -> bool {
        self.heard.lock().expect("lock").contains("AUTH")
    }
}

/// Replies to each line by its verb until the client disconnects; `AUTH PLAIN` and `AUTH LOGIN` expect ada and "secret".
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, offers: &str, hears: &Mutex<String>) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while matches!(
        {
            line.clear();
            stream.read_line(&mut line).await
        },
        Ok(1..)
    ) {
        hears.lock().expect("lock").push_str(&line);
        let answer = match line.trim_end() {
            hello if hello.starts_with("EHLO") => format!("250-relay\r\n250 {offers}\r\n"),
            "AUTH PLAIN AGFkYQBzZWNyZXQ=" | "c2VjcmV0" => "235 2.7.0 welcome\r\n".to_owned(),
            "AUTH LOGIN" => "334 VXNlcm5hbWU6\r\n".to_owned(),
            "YWRh" => "334 UGFzc3dvcmQ6\r\n".to_owned(),
            "DATA" => "354 go\r\n".to_owned(),
            other if ["MAIL", "RCPT", ".", "RSET"].iter().any(|verb| other.starts_with(verb)) => "250 ok\r\n".to_owned(),
            auth if auth.starts_with("AUTH") => "535 5.7.8 no\r\n".to_owned(),
            // A wrong credential for AUTH LOGIN ("guess").
            "Z3Vlc3M=" => "535 5.7.8 no\r\n".to_owned(),
            "QUIT" => "221 bye\r\n".to_owned(),
            _ => continue,
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        // TLS buffers output until it is flushed.
        let _ = stream.flush().await;
    }
}

#[tokio::test]
async fn tls_and_login_protect_the_connection() {
    let authority = Authority::new();
    for security in BOTH {
        let acceptor = authority.acceptor(&named(&["localhost"]));
        for offers in ["AUTH PLAIN LOGIN", "AUTH LOGIN"] {
            let server = Server::start(security, acceptor.clone(), WELL, offers).await;
            let opened = relay("localhost", server.port, security, "secret", authority.roots()).connect().await;
            let mut connection = opened.expect("a connection");
            for _ in 0..2 {
                let to = Address::parse("a@x.example").expect("address");
                let mail = Mail::new("b@news.example", &to, b"Subject: x\r\n\r\nhi\r\n");
                assert_eq!(connection.send(&mail, None).await, Reply::Accepted);
            }
            assert!(server.heard_a_password());
            let wrong = relay("localhost", server.port, security, "guess", authority.roots()).connect().await;
            assert!(matches!(wrong, Err(RelayError::Login(words)) if words.contains("535") && !words.contains("guess")));
        }
        let server = Server::start(security, acceptor, WELL, "8BITMIME").await;
        let none = relay("localhost", server.port, security, "secret", authority.roots()).connect().await;
        assert!(matches!(none, Err(RelayError::Login(_))), "a login that nobody asks for");
    }
}

#[tokio::test]
async fn a_relay_that_does_not_prove_who_it_is_gets_no_password() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let own_key = KeyPair::generate().expect("a key");
    let by_itself = acceptor(named(&["localhost"]).self_signed(&own_key).expect("a certificate"), &own_key);
    let mut expired = named(&["localhost"]);
    expired.not_before = date_time_ymd(2020, 1, 1);
    expired.not_after = date_time_ymd(2021, 1, 1);
    let mut early = named(&["localhost"]);
    early.not_before = date_time_ymd(4000, 1, 1);
    // The name is in the subject only, which no client has read since RFC 6125.
    let mut subject = named(&[]);
    subject.distinguished_name = DistinguishedName::new();
    subject.distinguished_name.push(DnType::CommonName, "localhost");
    for security in BOTH {
        for (acceptor, says, remedy) in [
            (
                authority.acceptor(&named(&["other.example", "mx.example"])),
                "is made out for other.example, mx.example, not for localhost",
                "smtp.host",
            ),
            (authority.acceptor(&named(&["*.localhost"])), "is made out for *.localhost, not", "smtp.host"),
            (authority.acceptor(&subject), "names no host but in its subject", "subjectAltName=DNS:localhost"),
            (
                stranger.acceptor(&named(&["localhost"])),
                "is signed by rcgen self signed cert, whom this machine does not trust",
                "smtp.ca_file",
            ),
            (by_itself.clone(), "is signed by itself alone", "smtp.ca_file"),
            (authority.acceptor(&expired), "ended on 2021-01-01", "renew"),
            (authority.acceptor(&early), "holds only from 4000-01-01 on", "clock"),
        ] {
            let server = Server::start(security, acceptor, WELL, "AUTH PLAIN").await;
            let opened = relay("localhost", server.port, security, "secret", authority.roots()).connect().await;
            let Err(RelayError::Insecure(why)) = opened else { panic!("{says}: {:?}", opened.err()) };
            assert!(why.why.contains(says) && why.remedy.contains(remedy), "{says}: {why:?}");
            assert!(!server.heard_a_password(), "{says}");
        }
        let server = Server::start(security, authority.acceptor(&named(&["localhost"])), WELL, "AUTH PLAIN").await;
        let unknown = relay("localhost", server.port, security, "secret", RootCertStore::empty()).connect().await;
        assert!(matches!(unknown, Err(RelayError::Insecure(_))), "trusting nobody");
    }
}

#[tokio::test]
async fn a_relay_is_known_by_its_number_too() {
    let authority = Authority::new();
    let server = Server::start(Security::StartTls, authority.acceptor(&named(&["127.0.0.1", "::1"])), WELL, "AUTH PLAIN").await;
    for host in ["127.0.0.1", "::1"] {
        match relay(host, server.port, Security::StartTls, "secret", authority.roots()).connect().await {
            // The relay listens on one of the two.
            Ok(_) | Err(RelayError::Unreachable(_)) => {}
            Err(error) => panic!("{host}: {error}"),
        }
    }
    assert!(server.heard_a_password(), "one of them was served");
}

#[tokio::test]
async fn whoever_stands_between_and_takes_tls_away_gets_no_password() {
    let authority = Authority::new();
    for (what, clear) in [
        ("STARTTLS taken out of the offers", Clear { offers: "250-relay\r\n250 AUTH PLAIN LOGIN\r\n", ..WELL }),
        ("STARTTLS garbled", Clear { offers: "250-relay\r\n250-********\r\n250 AUTH PLAIN\r\n", ..WELL }),
        ("STARTTLS refused for now", Clear { starttls: b"454 4.7.0 not now\r\n", ..WELL }),
        ("STARTTLS refused", Clear { starttls: b"502 5.5.1 what\r\n", ..WELL }),
        ("words slipped in before TLS", Clear { starttls: b"220 go\r\n250 injected\r\n", ..WELL }),
    ] {
        let server = Server::start(Security::StartTls, authority.acceptor(&named(&["localhost"])), clear, "AUTH PLAIN").await;
        let opened = relay("localhost", server.port, Security::StartTls, "secret", authority.roots()).connect().await;
        assert!(matches!(opened, Err(RelayError::Insecure(_) | RelayError::Unwilling(_))), "{what}: {:?}", opened.err());
        assert!(!server.heard_a_password(), "{what}");
    }
}

#[tokio::test]
async fn what_was_offered_before_tls_is_forgotten() {
    // AUTH is offered in clear and not under TLS: the clear offer may come from an attacker.
    let authority = Authority::new();
    let clear = Clear { offers: "250-relay\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n", ..WELL };
    let server = Server::start(Security::StartTls, authority.acceptor(&named(&["localhost"])), clear, "8BITMIME").await;
    let opened = relay("localhost", server.port, Security::StartTls, "secret", authority.roots()).connect().await;
    assert!(matches!(opened, Err(RelayError::Login(_))));
    assert!(!server.heard_a_password());
}

#[tokio::test]
async fn a_relay_without_tls_where_tls_was_agreed_is_refused() {
    let authority = Authority::new();
    let listener = TcpListener::bind("localhost:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let heard = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a client");
        socket.write_all(b"220 ready\r\n250-relay\r\n250 AUTH PLAIN\r\n").await.expect("written");
        let mut heard = Vec::new();
        let _ = socket.read_to_end(&mut heard).await;
        heard
    });
    let opened = relay("localhost", port, Security::Implicit, "secret", authority.roots()).connect().await;
    let Err(RelayError::Insecure(why)) = opened else { panic!("{:?}", opened.err()) };
    assert!(why.why.contains("speaks no TLS from the first byte") && why.remedy.contains("starttls"), "{why:?}");
    let heard = heard.await.expect("it ends");
    assert!(!String::from_utf8_lossy(&heard).contains("AUTH"), "nothing but the beginning of TLS");
}

#[tokio::test]
async fn a_file_of_certificates_is_trusted_and_nothing_else_is() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    // As `openssl req -x509` makes it: it may sign others.
    let own_key = KeyPair::generate().expect("a key");
    let own = |names: &[&str], change: &dyn Fn(&mut CertificateParams)| {
        let mut params = named(names);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        params.self_signed(&own_key).expect("a certificate")
    };
    let good = own(&["localhost"], &|_| ());
    let elsewhere = own(&["other.example"], &|_| ());
    let ended = own(&["localhost"], &|params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let early = own(&["localhost"], &|params| params.not_before = date_time_ymd(4000, 1, 1));
    for security in BOTH {
        let served = |certificate: &rcgen::Certificate| acceptor(certificate.clone(), &own_key);
        for (file, served, says) in [
            (authority.certificate(), authority.acceptor(&named(&["localhost"])), None),
            (&good, served(&good), None),
            (stranger.certificate(), authority.acceptor(&named(&["localhost"])), Some("who is not in smtp.ca_file")),
            (authority.certificate(), served(&good), Some("is signed by itself alone")),
            (&elsewhere, served(&elsewhere), Some("is made out for other.example")),
            (&ended, served(&ended), Some("ended on 2021-01-01")),
            (&early, served(&early), Some("holds only from 4000-01-01")),
        ] {
            let server = Server::start(security, served, WELL, "AUTH PLAIN").await;
            let opened = relay_of_file(server.port, security, &[file]).connect().await;
            match (opened, says) {
                (Ok(_), None) => assert!(server.heard_a_password()),
                (Err(RelayError::Insecure(why)), Some(says)) => {
                    assert!(why.why.contains(says), "{says}: {why:?}");
                    assert!(!server.heard_a_password(), "{says}");
                }
                (opened, says) => panic!("{says:?}: {:?}", opened.err()),
            }
        }
    }
}

#[tokio::test]
async fn a_port_of_the_wrong_kind_is_named_with_the_right_one() {
    let authority = Authority::new();
    // A port of TLS waits for us to begin; some say so with an alert, or answer a command with one.
    for said in [&b""[..], b"\x15\x03\x01\x00\x02\x02\x0a", b"\x16\x03\x03\x00\x05hello"] {
        for security in [Security::StartTls, Security::Plaintext] {
            let listener = TcpListener::bind("localhost:0").await.expect("a port");
            let port = listener.local_addr().expect("an address").port();
            let server = tokio::spawn(async move {
                let (mut socket, _) = listener.accept().await.expect("a client");
                socket.write_all(said).await.expect("written");
                if !said.is_empty() {
                    return;
                }
                let mut heard = Vec::new();
                let _ = socket.read_to_end(&mut heard).await;
            });
            let patience =
                Timeouts { greeting: Duration::from_millis(if said.is_empty() { 150 } else { 20_000 }), ..Timeouts::default() };
            let client = relay("localhost", port, security, "secret", authority.roots()).with_patience(patience);
            let opened = client.connect().await.map(drop);
            let Err(RelayError::Insecure(why)) = opened else { panic!("{said:?}: {opened:?}") };
            assert!(why.remedy.contains("security = \"implicit\""), "{why:?}");
            server.await.expect("it ends");
        }
    }
    let clear = Clear { offers: "250-relay\r\n250 AUTH PLAIN\r\n", ..WELL };
    let server = Server::start(Security::StartTls, authority.acceptor(&named(&["localhost"])), clear, "AUTH PLAIN").await;
    let opened = relay("localhost", server.port, Security::StartTls, "secret", authority.roots()).connect().await.map(drop);
    assert!(matches!(&opened, Err(RelayError::Insecure(why)) if why.why == "it offers no STARTTLS"), "{opened:?}");
}

#[tokio::test]
async fn keywords_in_any_case_protect_the_connection() {
    let authority = Authority::new();
    let clear = Clear { offers: "250-relay\r\n250-starttls\r\n250 auth plain\r\n", ..WELL };
    let server = Server::start(Security::StartTls, authority.acceptor(&named(&["localhost"])), clear, "Auth Plain").await;
    assert!(relay("localhost", server.port, Security::StartTls, "secret", authority.roots()).connect().await.is_ok());
}
