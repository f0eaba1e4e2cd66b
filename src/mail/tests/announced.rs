//! Mails announced after the final dot of the previous one (PIPELINING): every outcome is as exact as without.

use super::outcomes::{Script, connect, send, word};
use crate::domain::address::Address;
use crate::domain::group::delivery::Reply;
use crate::mail::conversation::{Announcement, Connection, Mail};

const GREETED: [(&str, &str); 2] = [("", "220 ready"), ("EHLO", "250-relay\r\n250-PIPELINING\r\n250 8BITMIME")];
const OPENED: [(&str, &str); 3] = [("MAIL", "250 ok"), ("RCPT", "250 ok"), ("DATA", "354 go")];

fn script(parts: &[&[(&'static str, &'static str)]]) -> Script {
    GREETED.into_iter().chain(parts.iter().flat_map(|part| part.iter().copied())).collect()
}

fn to(text: &str) -> Address {
    Address::parse(text).expect("address")
}

fn announcement(to: &Address) -> Announcement<'_> {
    Announcement { return_path: "bounces+t@news.example", to, eight_bit: false }
}

fn mail(to: &Address) -> Mail<'_> {
    Mail::new("bounces+t@news.example", to, b"Subject: x\r\n\r\n.hello\r\n")
}

/// Sends to ada and announces bo, then sends to bo.
async fn two(connection: &mut Connection) -> [Reply; 2] {
    let (ada, bo) = (to("ada@albareda.example"), to("bo@albareda.example"));
    let first = connection.send(&mail(&ada), Some(&announcement(&bo))).await;
    [first, connection.send(&mail(&bo), None).await]
}

#[tokio::test]
async fn each_answer_has_its_outcome_when_the_commands_travel_together() {
    const KEPT: bool = true;
    const CLOSED: bool = false;
    let cases: [(Script, &str, bool); 17] = [
        (script(&[&OPENED, &[(".", "250 queued")]]), "accepted", KEPT),
        (script(&[&OPENED, &[(".", "451 4.3.0 later")]]), "later", KEPT),
        (script(&[&OPENED, &[(".", "550 5.1.1 nobody")]]), "no mailbox", KEPT),
        (script(&[&OPENED, &[(".", "421 closing")]]), "relay down", CLOSED),
        (script(&[&OPENED, &[(".", "close")]]), "broken after", CLOSED),
        (script(&[&OPENED, &[(".", "hang")]]), "broken after", CLOSED),
        (script(&[&[("MAIL", "451 later"), ("RCPT", "503 no"), ("DATA", "503 no"), ("RSET", "250 ok")]]), "later", KEPT),
        (script(&[&[("MAIL", "421 closing")]]), "relay down", CLOSED),
        (script(&[&[("MAIL", "354 what"), ("RCPT", "250 ok"), ("DATA", "354 go")]]), "broken before", CLOSED),
        (script(&[&OPENED[..1], &[("RCPT", "550 5.1.1 nobody"), ("DATA", "503 no"), ("RSET", "250 ok")]]), "no mailbox", KEPT),
        (
            script(&[&OPENED[..1], &[("RCPT", "452 4.2.2 full"), ("DATA", "554 no valid recipients"), ("RSET", "250 ok")]]),
            "later",
            KEPT,
        ),
        // After this 354 the relay would take any bytes for a message.
        (script(&[&OPENED[..1], &[("RCPT", "550 5.1.1 nobody"), ("DATA", "354 go")]]), "no mailbox", CLOSED),
        (script(&[&OPENED[..1], &[("RCPT", "550 5.1.1 nobody"), ("DATA", "close")]]), "no mailbox", CLOSED),
        (
            script(&[&OPENED[..1], &[("RCPT", "550 5.1.1 nobody"), ("DATA", "503 no"), ("RSET", "502 what")]]),
            "no mailbox",
            CLOSED,
        ),
        (script(&[&OPENED[..2], &[("DATA", "451 later"), ("RSET", "250 ok")]]), "later", KEPT),
        (script(&[&OPENED[..2], &[("DATA", "250 ok")]]), "broken before", CLOSED),
        (script(&[&OPENED[..2], &[("DATA", "354 go\r\n250 queued already")]]), "broken before", CLOSED),
    ];
    for (script, expected, usable) in cases {
        let shown = format!("{script:?}");
        let mut connection = connect(script).await.expect("a connection");
        let reply = send(&mut connection).await;
        assert_eq!((word(&reply), connection.is_usable()), (expected, usable), "{shown}: {reply:?}");
    }
}

#[tokio::test]
async fn what_becomes_of_a_mail_says_nothing_of_the_one_announced_behind_it() {
    let accepted = (".", "250 queued");
    let gone = [("RCPT", "550 5.1.1 nobody"), ("DATA", "503 no"), ("RSET", "250 ok")];
    let cases: [(Script, [&str; 2], bool); 10] = [
        (script(&[&OPENED, &[accepted], &OPENED, &[accepted]]), ["accepted", "accepted"], true),
        (script(&[&OPENED, &[(".", "550 5.1.1 nobody")], &OPENED, &[accepted]]), ["no mailbox", "accepted"], true),
        (script(&[&OPENED, &[accepted], &OPENED[..1], &gone]), ["accepted", "no mailbox"], true),
        (script(&[&OPENED, &[accepted], &[("MAIL", "421 closing")]]), ["accepted", "relay down"], false),
        (script(&[&OPENED, &[accepted], &[("MAIL", "close")]]), ["accepted", "broken before"], false),
        (script(&[&OPENED, &[accepted], &OPENED, &[(".", "close")]]), ["accepted", "broken after"], false),
        (script(&[&OPENED, &[(".", "250-queued\r\n250 as 7")], &OPENED, &[accepted]]), ["accepted", "accepted"], true),
        // The relay never ends its reply to the dot; the reply to MAIL ends it.
        (script(&[&OPENED, &[(".", "250-and so on")], &OPENED]), ["broken after", "broken before"], false),
        (script(&[&OPENED, &[(".", "421 closing")]]), ["relay down", "broken before"], false),
        (script(&[&OPENED, &[(".", "close")]]), ["broken after", "broken before"], false),
    ];
    for (script, expected, usable) in cases {
        let shown = format!("{script:?}");
        let mut connection = connect(script).await.expect("a connection");
        let replies = two(&mut connection).await;
        let words = replies.each_ref().map(word);
        assert_eq!((words, connection.is_usable()), (expected, usable), "{shown}: {replies:?}");
    }
}

#[tokio::test]
async fn whoever_was_announced_is_the_only_one_who_may_follow() {
    let script = script(&[&OPENED, &[(".", "250 queued")], &OPENED, &[(".", "250 queued")]]);
    let mut connection = connect(script).await.expect("a connection");
    let (ada, bo, cy) = (to("ada@albareda.example"), to("bo@albareda.example"), to("cy@albareda.example"));
    assert_eq!(connection.send(&mail(&ada), Some(&announcement(&bo))).await, Reply::Accepted);
    assert_eq!(word(&connection.send(&mail(&cy), None).await), "broken before");
    assert!(!connection.is_usable());
}
