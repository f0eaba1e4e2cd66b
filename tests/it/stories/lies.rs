//! The lies a mail can tell, each under a genuine token where it helps: whoever was sent a newsletter on has one.

use super::receive::{arrives, bounce, reply, written_to};
use super::whose::{ADA, MARTA, complaint, nothing_follows, our_server, trusting};
use super::{address, somebody, story};
use nurtured::domain::address::Address;

/// One lie: what it pretends, and the mail.
type Lie = (&'static str, String);

const ASKS: &str = "Please call me";
const PASS: &str = "Authentication-Results: mx.tecnofab.example; dmarc=pass header.from=albareda.example";
const FAIL: &str = "Authentication-Results: mx.tecnofab.example; dmarc=fail header.from=albareda.example";
const IN: &str = "Received: from evil.example by mx.tecnofab.example with ESMTP; Tue, 3 Feb 2026 11:00:00 +0100";
const BEFORE: &str = "Received: from pc by evil.example with ESMTP; Tue, 3 Feb 2026 10:59:00 +0100";

/// `path` and `id` are Ada's tokens; `bobs` is the Message-ID of a mail to somebody else.
fn lies(path: &str, id: &str, bobs: &str) -> Vec<Lie> {
    let from = |author: &str| reply(author, MARTA, "x@evil.example", id, "Re: stops", ASKS);
    let tampered: String =
        id.chars().enumerate().map(|(n, c)| if n == 9 { if c == 'A' { 'B' } else { 'A' } } else { c }).collect();
    let bare = id.trim_matches(['<', '>']);
    let token = bare.split('@').next().unwrap_or_default();
    let headed = |above: &str, raw: &str| format!("{above}\n{raw}");
    vec![
        ("somebody else, openly", from("Mallory <mallory@evil.example>")),
        ("her address as a display name", from("\"ada@albareda.example\" <mallory@evil.example>")),
        ("her address as an encoded display name", from("=?utf-8?q?ada=40albareda.example?= <mallory@evil.example>")),
        ("her address in a comment", from("mallory@evil.example (ada@albareda.example)")),
        ("two authors", from("ada@albareda.example, mallory@evil.example")),
        ("two From headers", from("mallory@evil.example\nFrom: ada@albareda.example")),
        ("two From headers the other way", from("ada@albareda.example\nFrom: mallory@evil.example")),
        ("a group with her in it", from("Us: ada@albareda.example, mallory@evil.example;")),
        ("her domain inside another", from("ada@albareda.example.evil.example")),
        ("a domain that ends like hers", from("ada@evilalbareda.example")),
        ("letters that look like hers", from("ada@\u{430}lbareda.example")),
        (
            "her address as Sender and Reply-To alone",
            from("mallory@evil.example\nSender: ada@albareda.example\nReply-To: ada@albareda.example"),
        ),
        ("her address before a route", from("<ada@albareda.example:mallory@evil.example>")),
        ("a quoted name with hers in it", from("\"ada@albareda.example\"@evil.example")),
        ("the address that stands for the forgotten", from("erased@invalid.invalid")),
        ("an envelope that bears her name", headed("Return-Path: <ada@albareda.example>", &from("mallory@evil.example"))),
        ("no token", reply(ADA, MARTA, "y@evil.example", "<no@token.example>", "Re: stops", ASKS)),
        ("a token changed by a letter", reply(ADA, MARTA, "y@evil.example", &tampered, "Re: stops", ASKS)),
        (
            "her token under another domain",
            reply(ADA, MARTA, "y@evil.example", &format!("<{token}@evil.example>"), "Re: stops", ASKS),
        ),
        ("another's token under her name", reply(ADA, MARTA, "y@evil.example", bobs, "Re: stops", ASKS)),
        (
            "her token in the subject and text alone",
            reply(ADA, MARTA, "y@evil.example", "<a@b.example>", bare, &format!("{ASKS} {bare}")),
        ),
        ("her name over a domain that did not send it", headed(FAIL, &from(ADA))),
        ("a pass of the author's own below the server's fail", format!("{FAIL}\n{IN}\n{PASS}\n{BEFORE}\n{}", from(ADA))),
        (
            "a fail that says pass in a comment",
            headed("Authentication-Results: mx.tecnofab.example (dmarc=pass); dmarc=fail (dmarc=pass)", &from(ADA)),
        ),
        ("a bounce without the return path", bounce("bounces@news.tecnofab.example", ADA, "failed", "5.1.1")),
        (
            "a bounce that only returns her mail",
            bounce("bounces@news.tecnofab.example", ADA, "failed", "5.1.1")
                .replace("--b--", &format!("--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {id}\n\n--b--")),
        ),
        ("a bounce of another's mailbox", bounce(path, "bob@elsewhere.example", "failed", "5.1.1")),
        ("a bounce that is late", bounce(path, ADA, "delayed", "4.4.1").replace("550 no such user", "550 5.1.1 no such user")),
        ("a bounce that failed verification", headed(FAIL, &bounce(path, ADA, "failed", "5.1.1"))),
        ("a stranger's complaint", complaint("mallory@evil.example", path, "1")),
        ("a stranger's complaint as an office", complaint("abuse@evil.example", path, "2")),
        ("a stranger's complaint as her office", complaint("abuse@albareda.example", path, "3")),
        (
            "a complaint with a pass below another's line",
            format!("{IN}\n{BEFORE}\n{PASS}\n{}", complaint("postmaster@albareda.example", path, "4")),
        ),
        (
            "a complaint with a pass of another server",
            headed(
                "Authentication-Results: mx.evil.example; dmarc=pass header.from=albareda.example",
                &complaint("fbl@albareda.example", path, "5"),
            ),
        ),
        (
            "a complaint with a pass for another domain",
            headed(
                "Authentication-Results: mx.tecnofab.example; dmarc=pass header.from=evil.example",
                &complaint("abuse@albareda.example", path, "6"),
            ),
        ),
        ("a feedback loop's name without a token", complaint("staff@hotmail.com", "bounces@news.tecnofab.example", "7")),
        (
            "a feedback loop that failed verification",
            headed(
                "Authentication-Results: mx.tecnofab.example; dmarc=fail header.from=hotmail.com",
                &complaint("staff@hotmail.com", path, "8"),
            ),
        ),
    ]
}

story!(no_lie_of_a_mail_proves_asks_or_stops_anything, |town| {
    let (ada, bob) = (address(ADA), address("bob@elsewhere.example"));
    town.admit(&[somebody(bob.as_str())], "card").await?;
    let (path, id) = written_to(&town, &ada).await?;
    let bobs = format!("<{}>", town.newest_to(&bob)?.message_id);
    trusting(&town, our_server())?;
    let all = lies(&path, &id, &bobs);
    for (pretence, raw) in &all {
        println!("lie: {pretence}");
        let taken = arrives(&town, raw).await.map_err(|error| format!("{pretence}: {error}"))?;
        for who in [&ada, &bob] as [&Address; 2] {
            nothing_follows(&town, who).await.map_err(|error| format!("{pretence}: {error} {taken:?}"))?;
        }
    }
    println!("lies: 0 of {} passed", all.len());
    // The truth does.
    arrives(&town, &reply("Ada <ada@albareda.example>", MARTA, "true@albareda.example", &id, "Re: stops", ASKS)).await?;
    town.run_until_idle().await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1);
    Ok(())
});
