//! `[[inbox.mailbox]]`: what is read, what is refused, and that no password is shown.

use crate::config::tests::changes::{load_changed, refusal};
use crate::domain::settings::{MailSource, Proof, Security};
use std::path::PathBuf;

const FILE: &str = "nurtured.toml";
const HTTP: &str = "[http]";

fn with(tables: &str) -> String {
    format!("{tables}\n{HTTP}")
}

const IMAP: &str = "[[inbox.mailbox]]\nname = \"bounces\"\nrole = \"bounces\"\nkind = \"imap\"\nhost = \"IMAP.tecnofab.example\"\n\
                    username = \"bo\"\npassword = \"s3cret\"\n";

#[test]
fn a_reply_address_that_nothing_fetches_is_warned_of_and_one_that_is_too_long_refused() {
    let path = "[smtp]\n";
    let answers = |local: &str| format!("[smtp]\nreply_address = \"{local}@news.tecnofab.example\"\n");
    let loaded = |tables: &str| load_changed(&[(FILE, path, &answers("replies")), (FILE, HTTP, tables)], &[]).expect("valid");
    let warned =
        |tables: &str| loaded(tables).warnings.iter().any(|problem| format!("{problem:?}").contains("no mailbox is fetched"));
    assert!(warned(HTTP) && warned(&with(IMAP)), "a mailbox of bounces elsewhere");
    assert!(!warned(&with(&IMAP.replace("role = \"bounces\"", "role = \"replies\""))));
    assert!(!warned(&with(&IMAP.replace("\"bo\"", "\"all@News.tecnofab.example\""))), "what is sent to that domain is fetched");
    let read = loaded(HTTP).plan;
    assert_eq!(
        read.settings.smtp.reply_address.as_ref().map(ToString::to_string).as_deref(),
        Some("replies@news.tecnofab.example")
    );
    assert!(read.files["nurtured.toml"].contains("reply_address"), "what is in force is kept");
    assert!(load_changed(&[], &[]).expect("valid").plan.settings.smtp.reply_address.is_none());
    let refused = refusal(&[(FILE, path, &answers(&"r".repeat(28)))], &[]);
    assert!(refused.contains("65 octets before the @"), "{refused}");
}

#[test]
fn mailboxes_are_read_with_what_is_usual() {
    let maildir = "[[inbox.mailbox]]\nname = \"replies\"\nrole = \"replies\"\nkind = \"maildir\"\npath = \"/var/mail/r\"\n";
    let token = IMAP.replace(
        "password = \"s3cret\"",
        "token_command = \"oama access bo\"\nsecurity = \"starttls\"\nfolder = \"INBOX/Retours\"",
    );
    let tables = with(&format!("{IMAP}{maildir}{}", token.replace("\"bounces\"", "\"complaints\"")));
    let plan = load_changed(&[(FILE, HTTP, &tables)], &[]).expect("valid").plan;
    assert!(!format!("{plan:?}").contains("s3cret"), "the password is shown");
    let [one, two, three] = &plan.settings.mailboxes[..] else { panic!("three: {:?}", plan.settings.mailboxes) };
    let (MailSource::Imap(one), MailSource::Maildir(two), MailSource::Imap(three)) = (&one.source, &two.source, &three.source)
    else {
        panic!("as they were written")
    };
    assert_eq!(
        (one.host.as_str(), one.port, one.security, one.folder.as_str()),
        ("imap.tecnofab.example", 993, Security::Implicit, "INBOX")
    );
    assert_eq!(two, &PathBuf::from("/var/mail/r"));
    assert_eq!((three.port, three.folder.as_str()), (143, "INBOX/Retours"));
    assert!(matches!(three.login.proof, Proof::Token(_)));
    assert!(load_changed(&[], &[]).expect("valid").plan.settings.mailboxes.is_empty());
}

#[test]
fn a_mailbox_that_cannot_be_meant_is_refused() {
    for (from, to, words) in [
        ("name = \"bounces\"\n", "", "`name` is missing"),
        ("role = \"bounces\"", "role = \"spam\"", "none of the words this takes"),
        ("kind = \"imap\"", "kind = \"pop3\"", "none of the words this takes"),
        ("username = \"bo\"\npassword = \"s3cret\"\n", "", "`username` is missing"),
        ("password = \"s3cret\"", "", "nurtured.inbox.bounces.password"),
        ("password = \"s3cret\"", "password = \"s3cret\"\ntoken_command = \"x\"", "are both given"),
        ("host = \"IMAP", "security = \"plaintext\"\nhost = \"IMAP", "would cross the network unprotected"),
        ("host = \"IMAP", "path = \"/x\"\nhost = \"IMAP", "unknown key `path`"),
        ("kind = \"imap\"", "kind = \"maildir\"", "`path` is missing"),
        ("host = \"IMAP", "host = \"imap://IMAP", "no host"),
        ("kind = \"imap\"", "kind = \"imap\"\nport = 0", "from 1 to 65535"),
    ] {
        let changed = IMAP.replace(from, to);
        assert_ne!(changed, IMAP, "{from}");
        let told = refusal(&[(FILE, HTTP, &with(&changed))], &[]);
        assert!(told.contains(words), "{to}: {words}\n{told}");
    }
    let told = refusal(&[(FILE, HTTP, &with(&format!("{IMAP}{IMAP}")))], &[]);
    assert!(told.contains("two mailboxes are called `bounces`"), "{told}");
}
