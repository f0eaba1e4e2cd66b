//! Logging in at relays that ask oddly, against relays that follow a script line by line.

use super::outcomes::settings;
use crate::domain::settings::{Login, Proof, TokenCommand};
use crate::mail::conversation::Timeouts;
use crate::mail::relay::{Relay, RelayError};
use crate::mail::transcript::Transcript;
use data_encoding::BASE64;
use secrecy::SecretString;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::rustls::RootCertStore;

/// Answers each line by the next of these, one connection after the other, and returns the lines.
async fn relay(connections: Vec<Vec<String>>) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let mut heard = Vec::new();
        for answers in connections {
            let (socket, _) = listener.accept().await.expect("a client");
            let (read, mut write) = socket.into_split();
            let mut lines = BufReader::new(read).lines();
            write.write_all(b"220 ready\r\n").await.expect("the client listens");
            for answer in answers {
                let Ok(Some(line)) = lines.next_line().await else { break };
                heard.push(line);
                write.write_all(format!("{answer}\r\n").as_bytes()).await.expect("the client listens");
            }
        }
        heard
    });
    (address, server)
}

fn client(address: SocketAddr, proof: Proof) -> Relay {
    let login = Some(Login { user: "ada".to_owned(), proof });
    let relay = Relay::trusting(crate::domain::settings::Smtp { login, ..settings(address) }, RootCertStore::empty());
    relay.expect("a relay").with_patience(Timeouts::default().at_most(Duration::from_secs(20)))
}

fn password(text: &str) -> Proof {
    Proof::Password(SecretString::from(text))
}

/// A command that prints this.
fn token(script: &str) -> Proof {
    let arguments = ["-c", script].into_iter().map(SecretString::from).collect();
    Proof::Token(TokenCommand { program: "sh".into(), arguments })
}

/// Logs in once at a relay that offers this. What came of it, and what the relay was told after EHLO.
async fn log_in(offers: &str, answers: &[&str], proof: Proof) -> (Result<(), RelayError>, Vec<String>) {
    let hello = format!("250-relay\r\n250 {offers}");
    let answers = std::iter::once(hello).chain(answers.iter().map(|answer| (*answer).to_owned())).collect();
    let (address, server) = relay(vec![answers]).await;
    let opened = client(address, proof).connect().await.map(drop);
    let mut heard = server.await.expect("the relay ends");
    assert_eq!(heard.remove(0), "EHLO news.example");
    (opened, heard)
}

const PLAIN: &str = "AGFkYQBzZWNyZXQ=";

#[tokio::test]
async fn login_answers_prompts_in_their_order_whatever_they_say() {
    let prompts = [
        ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"],
        ["334 dXNlcm5hbWU6", "334 cGFzc3dvcmQ6"],
        ["334 VXNlciBOYW1lAA==", "334 UGFzc3dvcmQA"],
        ["334 QmVudXR6ZXJuYW1lOg==", "334 S2VubndvcnQ6"],
        ["334 44Om44O844K244O85ZCN", "334 44OR44K544Ov44O844OJ"],
        ["334 Username:", "334 Password:"],
        ["334 ", "334 "],
        ["334", "334"],
        ["334 !!not base64!!", "334 ===="],
        ["334 VXNlcm5hbWU", "334 UGFzc3dvcmQ"],
        ["334-VXNlcm5hbWU6\r\n334 please", "334 \u{e9}"],
    ];
    for [first, second] in prompts {
        let (opened, heard) = log_in("AUTH LOGIN", &[first, second, "235 2.7.0 welcome"], password("secret")).await;
        assert_eq!((opened, heard), (Ok(()), ["AUTH LOGIN", "YWRh", "c2VjcmV0"].map(str::to_owned).to_vec()), "{first}");
    }
    // A relay that wants the name with the command.
    let answers = ["501 5.5.4 syntax: AUTH LOGIN name", "334 UGFzc3dvcmQ6", "235 welcome"];
    let (opened, heard) = log_in("auth Login", &answers, password("secret")).await;
    assert_eq!((opened, heard.join("|").as_str()), (Ok(()), "AUTH LOGIN|AUTH LOGIN YWRh|c2VjcmV0"));
}

#[tokio::test]
async fn plain_is_said_with_the_command_or_when_it_is_asked_for() {
    let with = format!("AUTH PLAIN {PLAIN}");
    for (offers, answers, heard) in [
        ("AUTH PLAIN LOGIN", vec!["235 2.7.0 welcome"], with.clone()),
        ("auth=plain", vec!["235"], with.clone()),
        ("Auth Login Plain", vec!["334 ", "235 welcome"], format!("{with}|{PLAIN}")),
        ("AUTH PLAIN", vec!["501 5.5.4 no initial response", "334", "235 welcome"], format!("{with}|AUTH PLAIN|{PLAIN}")),
        (
            "AUTH PLAIN LOGIN",
            vec!["504 5.7.4 unrecognized authentication type", "334 ", "334 ", "235 welcome"],
            format!("{with}|AUTH LOGIN|YWRh|c2VjcmV0"),
        ),
    ] {
        let (opened, said) = log_in(offers, &answers, password("secret")).await;
        assert_eq!((opened, said.join("|")), (Ok(()), heard), "{offers}: {answers:?}");
    }
    // An answer too long for a command waits until it is asked for.
    let long = "x".repeat(400);
    let (opened, said) = log_in("AUTH PLAIN", &["334 ", "235 welcome"], password(&long)).await;
    let answer = BASE64.encode(format!("\0ada\0{long}").as_bytes());
    assert_eq!((opened, said.join("|")), (Ok(()), format!("AUTH PLAIN|{answer}")));
}

#[tokio::test]
async fn a_token_is_shown_by_xoauth2_or_oauthbearer() {
    let (json, long) = (BASE64.encode(br#"{"status":"401","schemes":"bearer"}"#), "t".repeat(2_000));
    let xoauth2 = |token: &str| BASE64.encode(format!("user=ada\x01auth=Bearer {token}\x01\x01").as_bytes());
    let (opened, said) = log_in("AUTH LOGIN PLAIN xoauth2", &["235 2.7.0 Accepted"], token("echo tok")).await;
    assert_eq!((opened, said.join("|")), (Ok(()), format!("AUTH XOAUTH2 {}", xoauth2("tok"))));
    let (opened, said) = log_in("AUTH XOAUTH2", &["334", "235 2.7.0 Accepted"], token(&format!("echo {long}"))).await;
    assert_eq!((opened, said.join("|")), (Ok(()), format!("AUTH XOAUTH2|{}", xoauth2(&long))));

    let asked = format!("334 {json}");
    let refused = [asked.as_str(), "535 5.7.8 Username and Password not accepted"];
    let (opened, said) = log_in("AUTH XOAUTH2", &refused, token("echo tok")).await;
    let Err(RelayError::Login(words)) = opened else { panic!("{opened:?}") };
    assert!(words.contains("535") && words.contains("\"status\":\"401\"") && !words.contains("tok"), "{words}");
    assert_eq!(said, [format!("AUTH XOAUTH2 {}", xoauth2("tok")), String::new()], "the question is answered with an empty line");

    let port_blind = |line: &str| line.starts_with("AUTH OAUTHBEARER ");
    let (opened, said) = log_in("AUTH OAUTHBEARER", &refused, token("echo tok")).await;
    assert!(matches!(opened, Err(RelayError::Login(_))), "{opened:?}");
    assert!(port_blind(&said[0]) && said[1] == "AQ==", "{said:?}");
    let shown = BASE64.decode(said[0].rsplit(' ').next().unwrap_or_default().as_bytes()).expect("base64");
    let shown = String::from_utf8(shown).expect("text");
    assert!(
        shown.starts_with("n,a=ada,\x01host=127.0.0.1\x01port=") && shown.ends_with("\x01auth=Bearer tok\x01\x01"),
        "{shown:?}"
    );
}

#[tokio::test]
async fn an_expired_token_is_fetched_anew_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = folder.path().join("count").display().to_string();
    let counts = format!("n=$(cat {count} 2>/dev/null || echo 0); n=$((n+1)); echo $n > {count}; echo token$n");
    let hello = || "250-relay\r\n250 AUTH XOAUTH2".to_owned();
    let (refused, welcome) = ("535 5.7.3 Authentication unsuccessful".to_owned(), "235 2.7.0 welcome".to_owned());
    let connections = vec![
        vec![hello(), refused.clone()],
        vec![hello(), welcome.clone()],
        vec![hello(), welcome],
        vec![hello(), refused.clone()],
        vec![hello(), refused],
    ];
    let (address, server) = relay(connections).await;
    let client = client(address, token(&counts));
    assert!(client.connect().await.is_ok(), "the second token is good");
    assert!(client.connect().await.is_ok(), "and used again");
    assert!(matches!(client.connect().await, Err(RelayError::Login(_))), "the third is no better than the second");
    let said = server.await.expect("the relay ends");
    let shown = |line: &String| String::from_utf8(BASE64.decode(line.rsplit(' ').next()?.as_bytes()).ok()?).ok();
    let tokens: Vec<String> = said.iter().filter(|line| line.starts_with("AUTH")).filter_map(shown).collect();
    let numbers: Vec<&str> = tokens.iter().filter_map(|text| text.split("token").nth(1)?.get(..1)).collect();
    assert_eq!(numbers, ["1", "2", "2", "2", "3"]);
}

#[tokio::test]
async fn a_command_without_a_token_is_no_refused_login() {
    let (address, _server) = relay(vec![vec![]]).await;
    let opened = client(address, token("exit 1")).connect().await.map(drop);
    assert!(matches!(&opened, Err(RelayError::Token(words)) if words.contains("exit status: 1")), "{opened:?}");
}

#[tokio::test]
async fn what_relay_and_login_have_in_common_is_said() {
    for (offers, proof, says) in [
        ("AUTH XOAUTH2", password("secret"), "it offers AUTH XOAUTH2, and a password needs PLAIN or LOGIN"),
        ("AUTH PLAIN LOGIN", token("echo tok"), "an access token needs XOAUTH2"),
        ("AUTH CRAM-MD5 GSSAPI", password("secret"), "it offers AUTH CRAM-MD5 GSSAPI"),
        ("8BITMIME", password("secret"), "it offers no login"),
    ] {
        let (opened, said) = log_in(offers, &[], proof).await;
        assert!(matches!(&opened, Err(RelayError::Login(words)) if words.contains(says)), "{offers}: {opened:?}");
        assert_eq!(said, [""; 0], "{offers}");
    }
}

#[tokio::test]
async fn a_login_that_may_come_right_by_itself_is_no_refusal() {
    for answer in
        ["454 4.7.0 Temporary authentication failure", "421 4.7.0 too many", "432 4.7.12 transition", "334 x", "250", "354 go"]
    {
        let (opened, _) = log_in("AUTH PLAIN", &[answer, answer, answer, answer], password("secret")).await;
        let is_good = opened.is_ok() && answer == "250";
        assert!(is_good || matches!(opened, Err(RelayError::Unwilling(_))), "{answer}: {opened:?}");
    }
    for answer in ["535 5.7.8 no", "534 5.7.9 no", "530 5.7.0 no", "538 5.7.11 encrypt", "500 what", "502 5.5.1 what"] {
        let (opened, _) = log_in("AUTH PLAIN", &[answer], password("secret")).await;
        assert!(matches!(opened, Err(RelayError::Login(_))), "{answer}: {opened:?}");
    }
}

#[tokio::test]
async fn no_secret_is_in_what_is_told_of_a_login() {
    let base64 = BASE64.encode(b"hunter2 secret");
    let echoes = [
        format!("535 5.7.8 you said AUTH PLAIN {}", BASE64.encode(b"\0ada\0hunter2 secret")),
        "535 5.7.8 hunter2 secret is wrong".to_owned(),
        format!("535 5.7.8 {}", base64.to_uppercase()),
        format!("535-5.7.8 {}\r\n535 5.7.8 {base64}", "x".repeat(280)),
    ];
    for echo in echoes {
        let transcript = Transcript::default();
        let (address, server) = relay(vec![vec!["250-relay\r\n250 AUTH PLAIN".to_owned(), echo.clone()]]).await;
        let client = client(address, password("hunter2 secret")).recorded(transcript.clone());
        let opened = client.connect().await.map(drop).expect_err("refused");
        drop(server.await);
        let told = format!("{opened} {opened:?} {}", transcript.lines().join("\n"));
        for secret in ["hunter2", &base64[..12], &BASE64.encode(b"\0ada\0hunter2")[..10]] {
            assert!(!told.to_lowercase().contains(&secret.to_lowercase()), "{echo}: {told}");
        }
        assert!(told.contains("> AUTH PLAIN (login)") && told.contains("< 535"), "{told}");
    }
}
