//! A Postfix and a Dovecot of their own, set up by the lines of the document. Whoever is not ours has a mailbox there too, or none: then
//! Postfix, which has taken the mail by that time, sends a notice back.

use super::dovecot::{Account, Dovecot, USER};
use crate::missing;
use crate::postfix::Postfix;
use crate::readme::block;
use mail_parser::MessageParser;
use nurtured::clock::{Clock as _, SystemClock};
use std::path::Path;

const PROGRAMS: [&str; 2] = ["/usr/lib/dovecot/lmtp", "/usr/lib/dovecot/modules/lib90_sieve_plugin.so"];

/// Everybody but the newsletter's domain is behind Dovecot as well.
const WORLD: &str = "mynetworks = 127.0.0.0/8\nminimal_backoff_time = 5s\nqueue_run_delay = 5s\ndefault_transport = lmtp:unix:private/dovecot-lmtp\n";

/// Pigeonhole answers no newsletter as long as it sees that it is one.
const AWAY: &str = "require [\"editheader\", \"vacation\"];\ndeleteheader \"List-Id\";\ndeleteheader \"List-Unsubscribe\";\n\
    vacation :subject \"Out of the office\" \"I am away until DAY. For anything urgent please call our office.\";\n";
/// A mailing list: its member gets the mail as one of the list.
const LIST: &str = "require [\"editheader\"];\ndeleteheader \"List-Unsubscribe\";\naddheader \"List-Id\" \"Team <team.albareda.com>\";\n\
    addheader \"List-Post\" \"<mailto:team@albareda.com>\";\naddheader \"Precedence\" \"list\";\nredirect \"fede@elsewhere.com\";\n";

pub(super) struct MailSystem {
    pub(super) postfix: Postfix,
    pub(super) dovecot: Dovecot,
}

/// The lines of the document as they are used here.
fn documented(title: &str) -> String {
    block("docs/mail-server.md", title).replace("tecnofab.example", "tecnofab-sl.com")
}

impl MailSystem {
    /// `None`, loudly, where there is no Postfix, no Dovecot, or nobody who may start them. Whoever is away is back on `day`.
    pub(super) fn start(day: &str) -> Option<Self> {
        let untested = "what a real mail server brings back is";
        if PROGRAMS.iter().any(|program| !Path::new(program).exists()) {
            missing("Dovecot's LMTP server or Sieve", untested);
            return None;
        }
        let postfix = Postfix::start(&(documented("main.cf") + WORLD), "", untested)?;
        let of = |address| Account { address, ..Account::default() };
        let accounts = [
            of(USER),
            Account { rule: documented("colleague.sieve"), ..of("marta@tecnofab-sl.com") },
            of("iria@tecnofab-sl.com"),
            of("dana@tecnofab-sl.com"),
            of("luc@tecnofab-sl.com"),
            of("ada@albareda.com"),
            of("bo@quinta.com"),
            of("fede@elsewhere.com"),
            Account { set: "userdb_quota_rule=*:bytes=100", ..of("full@albareda.com") },
            Account { rule: LIST.to_owned(), ..of("team@albareda.com") },
            Account { rule: AWAY.replace("DAY", day), ..of("ewa@albareda.com") },
        ];
        let before = format!(
            "mail_plugins = quota\nsubmission_host = {}\nplugin {{\n  quota = maildir:User quota\n  sieve_extensions = +editheader\n}}\n",
            postfix.address()
        );
        let spool = postfix.path("spool").display().to_string();
        let lines = before + &documented("dovecot.conf").replace("/var/spool/postfix", &spool);
        let dovecot = Dovecot::start_with(&accounts, &lines)?;
        Some(Self { postfix, dovecot })
    }

    /// The document's `[[inbox.mailbox]]`.
    pub(super) fn inbox(&self) -> String {
        let text = documented("nurtured.toml");
        let access = text.replace("password_file = \"bounces.password\"", &self.dovecot.access());
        assert_ne!(text, access, "the document names the file of a password");
        format!("\n{access}")
    }

    /// The newsletter that has come into this mailbox.
    pub(super) fn newsletter(&self, address: &str) -> String {
        crate::awaited::awaited(&format!("a newsletter for {address}"), || {
            self.dovecot
                .mails(address)
                .into_iter()
                .find(|mail| mail.contains("\nFrom: ") && mail.contains("letter@news.tecnofab-sl.com"))
        })
    }

    /// Hands over what somebody wrote; returns the number under which it is queued.
    pub(super) fn send(&self, from: &str, to: &str, mail: &str) -> String {
        self.postfix.hand_over(from, to, &mail.replace('\n', "\r\n"))
    }
}

/// Where a mail program sends the answer to a mail.
pub(super) fn reply_to(mail: &str) -> String {
    let parsed = MessageParser::default().parse(mail).expect("a mail");
    let to = parsed.reply_to().or_else(|| parsed.from()).expect("a header");
    to.first().expect("somebody").address().expect("an address").to_owned()
}

/// An answer as a plain mail program writes it: the words above, what is answered quoted below.
pub(super) fn answer(from: &str, to: &str, mail: &str, words: &str) -> String {
    let parsed = MessageParser::default().parse(mail).expect("a mail");
    let (id, subject) = (parsed.message_id().expect("an id"), parsed.subject().unwrap_or_default());
    let text = parsed.body_text(0).unwrap_or_default();
    let quoted: Vec<String> = text.lines().take(8).map(|line| format!("> {line}")).collect();
    let own = format!("{}.{from}", SystemClock.now().as_millisecond());
    format!(
        "From: Somebody <{from}>\nTo: {to}\nSubject: Re: {subject}\nMessage-ID: <{own}>\nIn-Reply-To: <{id}>\nReferences: <{id}>\n\
         MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{words}\n\nOn Tue, 3 Feb 2026 at 10:30, Marta Vidal wrote:\n\n{}\n",
        quoted.join("\n")
    )
}
