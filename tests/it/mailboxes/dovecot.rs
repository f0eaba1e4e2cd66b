//! A Dovecot of its own on the loopback. What comes back lies in the mailbox of `bounces@news.tecnofab-sl.com`; every password is
//! `s3cret "word"\`.

use crate::awaited::awaited;
use crate::missing;
use crate::port::Port;
use std::fmt::Write as _;
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

const PROGRAM: &str = "/usr/sbin/dovecot";
const NOBODY: u32 = 65_534;
pub(super) const USER: &str = "bounces@news.tecnofab-sl.com";
pub(super) const PASSWORD: &str = "s3cret \"word\"\\";

pub(super) struct Dovecot {
    folder: TempDir,
    child: Option<Child>,
    clear: Port,
    protected: Port,
    delivered: AtomicUsize,
}

/// Whose mailbox it has, the rule (Sieve) it keeps, and what else is set of it.
#[derive(Clone, Default)]
pub(super) struct Account {
    pub(super) address: &'static str,
    pub(super) rule: String,
    pub(super) set: &'static str,
}

impl Dovecot {
    /// `None`, loudly, where there is no Dovecot, or nobody who may start one.
    pub(super) fn start() -> Option<Self> {
        Self::start_with(&[Account { address: USER, ..Account::default() }], "")
    }

    /// One of these accounts, with these lines more in its configuration.
    pub(super) fn start_with(accounts: &[Account], lines: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        if !Path::new(PROGRAM).exists() || chown(at, Some(0), Some(0)).is_err() {
            missing("Dovecot, or root to start it", "what is fetched from a real mailbox is");
            return None;
        }
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).expect("opened");
        let key = rcgen::KeyPair::generate().expect("a key");
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = rcgen::CertificateParams::new(names).expect("names").self_signed(&key).expect("a certificate");
        fs::write(at.join("cert.pem"), certificate.pem()).expect("written");
        fs::write(at.join("key.pem"), key.serialize_pem()).expect("written");
        let dovecot = Self {
            clear: Port::reserve().expect("a port"),
            protected: Port::reserve().expect("a port"),
            folder,
            child: None,
            delivered: AtomicUsize::new(0),
        };
        dovecot.configure(accounts, lines);
        Some(dovecot.again())
    }

    fn configure(&self, accounts: &[Account], lines: &str) {
        let at = self.folder.path().display();
        let mut users = String::new();
        for Account { address, rule, set } in accounts {
            writeln!(users, "{address}:{{PLAIN}}{PASSWORD}::::::{set}").expect("written");
            let home = self.home(address);
            fs::create_dir_all(&home).expect("made");
            if !rule.is_empty() {
                fs::write(home.join(".dovecot.sieve"), rule).expect("written");
            }
            let folders = ["new", "cur", "tmp"].map(|name| home.join("Maildir").join(name));
            for folder in &folders {
                fs::create_dir_all(folder).expect("made");
            }
            for path in folders.iter().map(PathBuf::as_path).chain([home.join("Maildir").as_path(), home.as_path()]) {
                chown(path, Some(NOBODY), Some(NOBODY)).expect("given");
            }
        }
        fs::write(self.folder.path().join("users"), users).expect("written");
        let (clear, protected) = (self.clear.address.port(), self.protected.address.port());
        // Whether a connection waits for the next mail stands in the name of its process.
        let text = format!(
            "base_dir = {at}/run\nstate_dir = {at}/state\nlog_path = {at}/log\nprotocols = imap\nlisten = 127.0.0.1\n\
             ssl = yes\nssl_cert = <{at}/cert.pem\nssl_key = <{at}/key.pem\ndisable_plaintext_auth = yes\nverbose_proctitle = yes\n\
             auth_mechanisms = plain login\nfirst_valid_uid = {NOBODY}\nfirst_valid_gid = {NOBODY}\nmail_location = maildir:~/Maildir\n\
             passdb {{\n  driver = passwd-file\n  args = scheme=PLAIN username_format=%u {at}/users\n}}\n\
             userdb {{\n  driver = passwd-file\n  args = username_format=%u {at}/users\n  \
             default_fields = uid={NOBODY} gid={NOBODY} home={at}/home/%u\n}}\n\
             service imap-login {{\n  inet_listener imap {{\n    port = {clear}\n  }}\n  inet_listener imaps {{\n    port = {protected}\n  }}\n}}\n\
             protocol imap {{\n  mail_max_userip_connections = 50\n}}\nmaildir_very_dirty_syncs = no\n{lines}"
        );
        fs::write(self.folder.path().join("dovecot.conf"), text).expect("written");
    }

    /// Starts it again after it was killed.
    pub(super) fn again(mut self) -> Self {
        self.resume();
        self
    }

    pub(super) fn resume(&mut self) {
        let mut command = Command::new(PROGRAM);
        command.arg("-F").arg("-c").arg(self.folder.path().join("dovecot.conf")).stdout(Stdio::null());
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("err")).expect("a log");
        self.child = Some(command.stderr(log).spawn().expect("Dovecot to start"));
        let up = |port: &Port| TcpStream::connect(port.address).ok();
        awaited("Dovecot listens", || up(&self.clear).and(up(&self.protected)));
    }

    /// Dies at once with all its processes, and every connection with it.
    pub(super) fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // Its children end with it: each notices that the master is gone.
        let family = children(child.id());
        child.kill().expect("killed");
        child.wait().expect("gone");
        for process in family {
            let _ = Command::new("kill").args(["-9", &process.to_string()]).stderr(Stdio::null()).status();
        }
    }

    fn home(&self, address: &str) -> PathBuf {
        self.folder.path().join("home").join(address)
    }

    /// Where what comes back lies.
    pub(super) fn maildir(&self) -> PathBuf {
        self.home(USER).join("Maildir")
    }

    /// Whether somebody waits for the next mail (IDLE).
    pub(super) fn is_watched(&self) -> bool {
        let master = self.child.as_ref().map(Child::id);
        let processes = master.map(children).unwrap_or_default();
        let titles = processes.iter().filter_map(|id| fs::read(format!("/proc/{id}/cmdline")).ok());
        titles.map(|title| String::from_utf8_lossy(&title).into_owned()).any(|title| title.contains("IDLE"))
    }

    /// The mails of a mailbox, oldest first.
    pub(super) fn mails(&self, address: &str) -> Vec<String> {
        let folders = ["new", "cur"].map(|name| self.home(address).join("Maildir").join(name));
        let mut paths: Vec<_> =
            folders.iter().flat_map(|folder| fs::read_dir(folder).expect("read").flatten()).map(|e| e.path()).collect();
        paths.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
        paths.iter().filter_map(|path| fs::read(path).ok()).map(|mail| String::from_utf8_lossy(&mail).into_owned()).collect()
    }

    /// Delivers a mail as a mail server does.
    pub(super) fn deliver(&self, mail: &str) {
        let number = self.delivered.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}.M{number}P1.host", 1_700_000_000 + number);
        let tmp = self.maildir().join("tmp").join(&name);
        fs::write(&tmp, mail.replace('\n', "\r\n")).expect("written");
        chown(&tmp, Some(NOBODY), Some(NOBODY)).expect("given");
        fs::rename(&tmp, self.maildir().join("new").join(&name)).expect("delivered");
    }

    /// The names of its mails, with their flags.
    pub(super) fn names(&self) -> Vec<String> {
        let folders = ["new", "cur"].map(|name| self.maildir().join(name));
        let names = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("read").flatten());
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Numbers every mail anew, as a mailbox that was moved to another server.
    pub(super) fn number_anew(&self) {
        fs::remove_file(self.maildir().join("dovecot-uidlist")).expect("removed");
        for entry in fs::read_dir(self.maildir()).expect("read").flatten() {
            if entry.file_name().to_string_lossy().starts_with("dovecot.index") {
                fs::remove_file(entry.path()).expect("removed");
            }
        }
    }

    /// What the configuration must say beside the address, where each test has its own.
    pub(super) fn access(&self) -> String {
        let certificate = self.folder.path().join("cert.pem");
        format!("password = '{PASSWORD}'\nport = {}\nca_file = \"{}\"", self.protected.address.port(), certificate.display())
    }

    /// A table `[[inbox.mailbox]]` that reads it; `security` is "implicit" or "starttls".
    pub(super) fn inbox(&self, security: &str) -> String {
        let port = if security == "implicit" { &self.protected } else { &self.clear };
        format!(
            "\n[[inbox.mailbox]]\nname = \"bounces\"\nrole = \"bounces\"\nkind = \"imap\"\nhost = \"localhost\"\nport = {}\nsecurity = \"{security}\"\n\
             ca_file = \"{}\"\nusername = \"{USER}\"\npassword = '{PASSWORD}'\n",
            port.address.port(),
            self.folder.path().join("cert.pem").display()
        )
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The processes that this one has started.
fn children(parent: u32) -> Vec<u32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let list = fs::read_to_string(path).unwrap_or_default();
    list.split_ascii_whitespace().filter_map(|id| id.parse().ok()).collect()
}
