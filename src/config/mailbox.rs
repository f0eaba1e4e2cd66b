//! `[[inbox.mailbox]]`: the mailboxes from which what comes back is fetched, by IMAP or out of a Maildir.

use crate::config::host::{host_name, is_loopback};
use crate::config::login;
use crate::config::node::Node;
use crate::config::problem::{Log, Problem};
use crate::config::reader::Reader;
use crate::config::secret::Vault;
use crate::domain::address::Address;
use crate::domain::settings::{Imap, MailSource, Mailbox, MailboxRole, Security};
use std::path::{Path, PathBuf};

/// How a mailbox is reached, as written under `kind`.
#[derive(Clone, Copy)]
enum Kind {
    Imap,
    Maildir,
}

/// Reads every `[[inbox.mailbox]]`; `None` after a problem. The caller ends the reading.
pub fn read(reader: &mut Reader<'_>, vault: &Vault) -> Option<Vec<Mailbox>> {
    let log = reader.log;
    let before = log.count();
    let mut mailboxes: Vec<Mailbox> = Vec::new();
    for node in reader.list("mailbox") {
        let Some(mailbox) = Reader::table(log, node).and_then(|reader| mailbox(reader, vault)) else { continue };
        if mailboxes.iter().any(|earlier| earlier.name == mailbox.name) {
            let problem = Problem::error(&node.place, format!("two mailboxes are called `{}`", mailbox.name));
            log.add(problem.help("how far a mailbox is read is kept under its name; give each its own"));
        }
        mailboxes.push(mailbox);
    }
    (log.count() == before || !log.refuses()).then_some(mailboxes)
}

/// What to do where answers come to an address that nothing fetches.
pub const UNREAD_ANSWERS: &str = "add an [[inbox.mailbox]] with role = \"replies\", unless your mail server hands what comes there to \
                                  `nurtured inbox ingest`";

/// Warns of a reply address whose mail nothing fetches.
pub fn warn_of_unread_answers(log: &Log, root: &Node, address: &Address) {
    let section = root.entries().iter().find(|entry| entry.key == "smtp").map_or(root, |entry| &entry.node);
    let written = section.entries().iter().find(|entry| entry.key == "reply_address").map_or(section, |entry| &entry.node);
    let title = format!("no mailbox is fetched to which answers to {address} come");
    log.add(Problem::warning(&written.place, title).label("newsletters are answered here").help(UNREAD_ANSWERS));
}

fn mailbox(mut reader: Reader<'_>, vault: &Vault) -> Option<Mailbox> {
    let log = reader.log;
    let name = reader.need_name("name", "how lists and logs call it, such as \"bounces\"").map(|(name, _)| name);
    let role = reader.need("role", "what is expected there: \"bounces\", \"replies\" or \"complaints\"");
    let role = role.and_then(|node| node.one_of(log, &MailboxRole::WORDS));
    let kind = reader.need("kind", "\"imap\" for a mailbox on a server, \"maildir\" for a folder of this machine");
    let kind = kind.and_then(|node| node.one_of(log, &[("imap", Kind::Imap), ("maildir", Kind::Maildir)]));
    let source = match kind? {
        Kind::Maildir => maildir(&mut reader, vault).map(MailSource::Maildir),
        Kind::Imap => {
            let credential = name.as_ref().map_or_else(String::new, |name| format!("inbox.{name}.password"));
            imap(&mut reader, vault, &credential).map(MailSource::Imap)
        }
    };
    reader.finish();
    Some(Mailbox { name: name?, role: role?, source: source? })
}

fn maildir(reader: &mut Reader<'_>, vault: &Vault) -> Option<PathBuf> {
    let help = "the folder with `new`, `cur` and `tmp`, such as \"/var/mail/bounces/Maildir\"";
    let path = PathBuf::from(reader.need_text("path", help)?);
    Some(vault.directory.as_deref().unwrap_or(Path::new("")).join(path))
}

fn imap(reader: &mut Reader<'_>, vault: &Vault, credential: &str) -> Option<Imap> {
    let log = reader.log;
    let host = reader.need("host", "the IMAP server, such as \"imap.tecnofab.example\"");
    let host = host.and_then(|node| Some((node.parse(log, "", host_name)?, &node.place)));
    let words = [("implicit", Security::Implicit), ("starttls", Security::StartTls), ("plaintext", Security::Plaintext)];
    let security = reader.get("security").map_or(Some(Security::Implicit), |node| node.one_of(log, &words));
    let port = match (reader.get("port"), security) {
        (Some(node), _) => node.integer(log, 1, 65_535),
        (None, Some(Security::Implicit)) => Some(993),
        (None, _) => Some(143),
    };
    let before = log.count();
    let login = login::login(reader, vault, credential);
    if login.is_none() && log.count() == before {
        let problem = Problem::error(&reader.place, "`username` is missing").label("no `username` here");
        log.add(problem.help("add `username`, and `password_file` or `token_command`: whose mailbox it is"));
    }
    let authorities = login::authorities(reader, vault);
    let folder = reader.text("folder").unwrap_or_else(|| "INBOX".to_owned());
    if let (Some((host, place)), Some(Security::Plaintext)) = (&host, security)
        && !is_loopback(host)
    {
        let problem = Problem::error(place, "the password would cross the network unprotected").label("not this machine");
        log.add(problem.help("set security = \"implicit\" (port 993) or \"starttls\" (port 143)"));
    }
    Some(Imap { host: host?.0, port: port?, security: security?, login: login?, authorities: authorities?, folder })
}
