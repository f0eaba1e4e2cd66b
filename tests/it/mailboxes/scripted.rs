//! IMAP as servers should not speak it, and as they do: each server is a script.

use nurtured::domain::settings::{Imap, Login, Proof, Security, TokenCommand};
use nurtured::inbox::mailbox::error::MailboxError;
use nurtured::inbox::mailbox::imap::Session;
use nurtured::mail::access_token::AccessTokens;
use secrecy::SecretString;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What a server does next.
#[derive(Clone, Copy)]
enum Step {
    /// Says this; `TAG` is that of the last command.
    Say(&'static str),
    /// Hears a line that holds this.
    Hear(&'static str),
}
use Step::{Hear, Say};

/// A server that serves one connection for each script. Its task returns every line that it heard.
async fn server(scripts: Vec<Vec<Step>>) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let task = tokio::spawn(async move {
        let mut heard = Vec::new();
        for script in scripts {
            let (stream, _) = listener.accept().await.expect("a client");
            let mut stream = BufReader::new(stream);
            let mut tag = String::new();
            for step in script {
                match step {
                    Say(text) => drop(stream.write_all(text.replace("TAG", &tag).as_bytes()).await),
                    Hear(expected) => {
                        let mut line = String::new();
                        stream.read_line(&mut line).await.expect("a line");
                        assert!(line.contains(expected), "{line:?} holds no {expected:?}");
                        if let Some(found) = line.split(' ').next().filter(|found| found.starts_with('n')) {
                            tag = found.trim_end().to_owned();
                        }
                        heard.push(line);
                    }
                }
            }
        }
        heard
    });
    (port, task)
}

fn imap(port: u16, security: Security, password: &str) -> Imap {
    Imap {
        host: "127.0.0.1".to_owned(),
        port,
        security,
        login: Login { user: "bo@x.example".to_owned(), proof: Proof::Password(SecretString::from(password)) },
        authorities: None,
        folder: "INBOX".to_owned(),
    }
}

async fn opened(script: Vec<Step>) -> Result<Session, MailboxError> {
    let (port, _server) = server(vec![script]).await;
    Session::open(&imap(port, Security::Plaintext, "s3cret"), None).await
}

const GREETED: [Step; 5] = [
    Say("* OK [CAPABILITY IMAP4rev1] ready\r\n"),
    Hear("CAPABILITY"),
    Say("* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\nTAG OK done\r\n"),
    Hear("AUTHENTICATE PLAIN AGJvQHguZXhhbXBsZQBzM2NyZXQ="),
    Say("TAG OK logged in\r\n"),
];

fn from(begin: &[Step], further: &[Step]) -> Vec<Step> {
    [begin, further].concat()
}

const OPENED: [Step; 4] = [
    Hear("CAPABILITY"),
    Say("* CAPABILITY IMAP4rev1 IDLE\r\nTAG OK done\r\n"),
    Hear("EXAMINE \"INBOX\""),
    Say(
        "* 3 EXISTS\r\n* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY 77] good\r\n* OK [UIDNEXT 12] next\r\n* WHAT is this (\r\nTAG OK [READ-ONLY] done\r\n",
    ),
];

#[tokio::test]
async fn mails_are_known_by_their_numbers_and_no_flag_is_asked_or_set() {
    let script = from(
        &from(&GREETED, &OPENED),
        &[
            Hear("UID SEARCH UID 9:*"),
            Say("* SEARCH 11 9 8\r\n* 4 EXISTS\r\nTAG OK done\r\n"),
            Hear("UID FETCH 9,11 (UID RFC822.SIZE)"),
            Say("* 2 FETCH (UID 9 RFC822.SIZE 5)\r\n* 3 FETCH (RFC822.SIZE 7 UID 11)\r\nTAG OK done\r\n"),
            Hear("UID FETCH 9,11 (UID BODY.PEEK[]<0.26214401>)"),
            Say(
                "* 2 FETCH (UID 9 FLAGS (\\Seen) BODY[]<0> {5}\r\na\r\nb\n)\r\n* 3 FETCH (BODY[]<0> \"seven..\" UID 11)\r\nTAG OK done\r\n",
            ),
            Hear("LOGOUT"),
        ],
    );
    let mut session = opened(script).await.expect("opened");
    assert_eq!((session.validity, session.mails), (77, 3));
    let (uids, reaches) = session.since(8).await.expect("asked").expect("some");
    assert_eq!((uids.as_slice(), reaches), (&[9, 11][..], 11));
    let (mails, up_to) = session.fetch(&uids).await.expect("fetched");
    assert_eq!(
        mails.iter().map(|mail| (mail.uid, mail.raw.as_slice())).collect::<Vec<_>>(),
        [(9, &b"a\r\nb\n"[..]), (11, b"seven..")]
    );
    assert_eq!(up_to, 11);
    // One came while the numbers were asked for: nothing is waited for.
    tokio::time::timeout(Duration::from_secs(30), session.wait()).await.expect("at once").expect("no failure");
    session.close().await;
}

#[tokio::test]
async fn a_mail_that_is_there_and_is_not_handed_over_holds_up_none_before_it_and_is_not_passed_by() {
    let script = from(
        &from(&GREETED, &OPENED),
        &[
            Hear("UID SEARCH UID 1:*"),
            Say("* SEARCH 4 5\r\nTAG OK done\r\n"),
            Hear("RFC822.SIZE"),
            Say("TAG OK done\r\n"),
            Hear("BODY.PEEK"),
            Say("* 1 FETCH (UID 4 BODY[] NIL)\r\n* 2 FETCH (UID 5 FLAGS ())\r\nTAG OK done\r\n"),
            Hear("UID SEARCH UID 5"),
            Say("* SEARCH 5\r\nTAG OK done\r\n"),
            Hear("UID FETCH 4 (UID BODY.PEEK"),
            Say("* 1 FETCH (UID 4 BODY[] NIL)\r\nTAG OK done\r\n"),
            Hear("UID FETCH 5 (UID BODY.PEEK"),
            Say("TAG NO it is broken\r\n"),
            Hear("UID FETCH 5 (UID RFC822.SIZE)"),
            Say("TAG OK done\r\n"),
            Hear("UID FETCH 5 (UID BODY.PEEK"),
            Say("TAG NO it is broken\r\n"),
        ],
    );
    let mut session = opened(script).await.expect("opened");
    let (uids, _) = session.since(0).await.expect("asked").expect("some");
    let (mails, up_to) = session.fetch(&uids).await.expect("the first is handed over");
    assert_eq!((mails.iter().map(|mail| mail.uid).collect::<Vec<_>>(), up_to), (vec![4], 4));
    let error = session.fetch(&uids[1..]).await.expect_err("the second is not");
    assert!(matches!(&error, MailboxError::Broken(words) if words.contains("UID 5")), "{error}");
}

#[tokio::test]
async fn idle_ends_with_a_mail_and_a_server_that_cannot_is_asked() {
    let script = from(
        &from(&GREETED, &OPENED),
        &[
            Hear("UID SEARCH"),
            Say("* SEARCH 11\r\nTAG OK done\r\n"),
            Hear("IDLE"),
            Say("+ idling\r\n* OK still here\r\n* 3 FETCH (FLAGS (\\Seen))\r\n* 4 EXISTS\r\n"),
            Hear("DONE"),
            Say("TAG OK done\r\n"),
            Hear("UID SEARCH"),
            Say("* SEARCH\r\nTAG OK done\r\n"),
            Hear("IDLE"),
            Say("TAG BAD what\r\n"),
        ],
    );
    let mut session = opened(script).await.expect("opened");
    assert_eq!(session.since(11).await.expect("asked"), None);
    session.wait().await.expect("a mail");
    assert_eq!(session.since(11).await.expect("asked"), None);
    assert!(session.can_idle());
    session.wait().await.expect("refused");
    assert!(!session.can_idle(), "from now on it is asked");
}

#[tokio::test]
async fn a_server_that_ends_idle_at_once_is_asked_every_now_and_then() {
    let idle = [Hear("UID SEARCH"), Say("* SEARCH 11\r\nTAG OK done\r\n"), Hear("IDLE"), Say("TAG OK done\r\n")];
    let mut session = opened(from(&from(&GREETED, &OPENED), &idle)).await.expect("opened");
    assert_eq!(session.since(11).await.expect("asked"), None);
    session.wait().await.expect("ended");
    assert!(!session.can_idle(), "else it were a loop without a pause");
}

#[tokio::test]
async fn what_is_said_before_tls_is_not_believed() {
    for (script, why) in [
        (vec![Say("* PREAUTH welcome\r\n")], "logs us in before TLS"),
        (vec![Say("* OK hi\r\n"), Hear("STARTTLS"), Say("TAG OK go\r\n* CAPABILITY IMAP4rev1\r\n")], "sent more than its answer"),
        (vec![Say("* OK hi\r\n"), Hear("STARTTLS"), Say("TAG BAD none\r\n")], "does not begin TLS"),
        (
            vec![Say("* OK hi\r\n"), Hear("STARTTLS"), Say("TAG OK go\r\n"), Say("no TLS at all, but words\r\n")],
            "handshake broke off|speaks no TLS|sent more",
        ),
    ] {
        let (port, _server) = server(vec![script]).await;
        let error = Session::open(&imap(port, Security::StartTls, "s3cret"), None).await.err().expect("refused");
        assert!(matches!(error, MailboxError::Insecure(..)), "{error:?}");
        assert!(why.split('|').any(|why| error.to_string().contains(why)), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_repeats_a_password_is_not_repeated() {
    let begin = [Say("* OK hi\r\n"), Hear("CAPABILITY")];
    for (offer, further, said) in [
        (
            "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\nTAG OK x\r\n",
            vec![
                Hear("PLAIN"),
                Say("TAG NO [AUTHENTICATIONFAILED] bo@x.example with s3cret or AGJvQHguZXhhbXBsZQBzM2NyZXQ= is wrong\r\n"),
            ],
            "is wrong",
        ),
        (
            "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nTAG OK x\r\n",
            vec![Hear("PLAIN"), Say("+ \r\n"), Hear("AGJv"), Say("TAG NO s3cret\r\n")],
            "refuses",
        ),
        (
            "* CAPABILITY IMAP4rev1\r\nTAG OK x\r\n",
            vec![Hear("LOGIN \"bo@x.example\" \"s3cret\""), Say("TAG NO no S3CRET\r\n")],
            "refuses",
        ),
        ("* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=GSSAPI\r\nTAG OK x\r\n", vec![], "takes no password"),
    ] {
        let (port, _server) = server(vec![from(&from(&begin, &[Say(offer)]), &further)]).await;
        let error = Session::open(&imap(port, Security::Plaintext, "s3cret"), None).await.err().expect("refused");
        let words = error.to_string();
        assert!(matches!(error, MailboxError::Login(_)) && words.contains(said), "{words}");
        assert!(!words.to_lowercase().contains("s3cret") && !words.contains("bo@x") && !words.contains("AGJv"), "{words}");
    }
    // A server that cannot decide is asked again later, and the password is not doubted.
    let later = from(
        &begin,
        &[Say("* CAPABILITY AUTH=PLAIN SASL-IR\r\nTAG OK x\r\n"), Hear("PLAIN"), Say("TAG NO [UNAVAILABLE] later\r\n")],
    );
    assert!(matches!(opened(later).await.err(), Some(MailboxError::Unreachable(_))));
}

#[tokio::test]
async fn a_password_in_any_letters_is_shown_as_a_literal() {
    let script = vec![
        Say("* OK hi\r\n"),
        Hear("CAPABILITY"),
        Say("* CAPABILITY IMAP4rev1\r\nTAG OK x\r\n"),
        Hear("LOGIN {12}"),
        Say("+ go\r\n"),
        Hear("bo@x.example {8}"),
        Say("+ go\r\n"),
        Hear("pässwö"),
        Say("TAG OK in\r\n"),
    ];
    let (port, server) = server(vec![from(&script, &OPENED)]).await;
    assert!(Session::open(&imap(port, Security::Plaintext, "pässwö"), None).await.is_ok());
    server.await.expect("as the script says");
}

#[tokio::test]
async fn a_token_that_is_refused_is_fetched_anew_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = folder.path().join("count");
    let script = format!("n=$(cat {c} 2>/dev/null || echo 0); n=$((n+1)); echo $n > {c}; echo token$n", c = count.display());
    let arguments: Vec<SecretString> = ["-c".to_owned(), script].into_iter().map(SecretString::from).collect();
    let command = TokenCommand { program: "sh".into(), arguments };
    let begin = [
        Say("* OK hi\r\n"),
        Hear("CAPABILITY"),
        Say("* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2\r\nTAG OK x\r\n"),
        Hear("AUTHENTICATE XOAUTH2"),
        Say("+ \r\n"),
    ];
    // user=bo@x.example, auth=Bearer token1 and token2.
    let refused = [
        Hear("dXNlcj1ib0B4LmV4YW1wbGUBYXV0aD1CZWFyZXIgdG9rZW4xAQE="),
        Say("+ eyJzdGF0dXMiOiI0MDEifQ==\r\n"),
        Hear(""),
        Say("TAG NO [AUTHENTICATIONFAILED] expired\r\n"),
    ];
    let taken = [Hear("dXNlcj1ib0B4LmV4YW1wbGUBYXV0aD1CZWFyZXIgdG9rZW4yAQE="), Say("TAG OK in\r\n")];
    let (port, server) = server(vec![from(&begin, &refused), from(&from(&begin, &taken), &OPENED)]).await;
    let mut settings = imap(port, Security::Plaintext, "");
    settings.login.proof = Proof::Token(command.clone());
    let session = Session::open(&settings, Some(&AccessTokens::new(command))).await;
    assert_eq!(session.map(|session| session.validity).map_err(|error| error.to_string()), Ok(77));
    server.await.expect("as the script says");
}

#[tokio::test]
async fn a_server_that_speaks_no_imap_is_given_up_in_words() {
    for (said, is) in [
        ("220 mx.x.example ESMTP\r\n", "Broken"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "Broken"),
        ("* BYE too many\r\n", "Unreachable"),
        ("", "Unreachable"),
        ("* OK hi\r\n* 1 FETCH (BODY[] {99999999}\r\n", "Broken|Unreachable"),
        ("* OK hi\r\nn1 MAYBE\r\n", "Broken|Unreachable"),
    ] {
        let (port, _server) = server(vec![vec![Say(said)]]).await;
        let error = Session::open(&imap(port, Security::Plaintext, "s3cret"), None).await.err().expect("refused");
        let kind = format!("{error:?}");
        assert!(is.split('|').any(|is| kind.starts_with(is)), "{said:?}: {kind}");
        assert!(!error.remedy().is_empty());
    }
}
