//! A Postfix of its own on the loopback, and a client that hands mails over to it.

use crate::awaited::awaited;
use crate::missing;
use crate::port::Port;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const PROGRAMS: [&str; 2] = ["/usr/sbin/postfix", "/usr/lib/postfix/sbin/master"];

const MAIN: &str = "
compatibility_level = 3.6
queue_directory = FOLDER/spool
data_directory = FOLDER/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
alias_maps =
myhostname = mx.tecnofab.example
smtpd_recipient_restrictions = permit_mynetworks, reject
maillog_file = FOLDER/log
maillog_file_prefixes = FOLDER
";

const MASTER: &str = "
ADDRESS   inet  n       -       n       -       -       smtpd
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
lmtp      unix  -       -       n       -       -       lmtp
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
";

/// Stopped when it is dropped.
pub(crate) struct Postfix {
    folder: TempDir,
    port: Port,
}

impl Postfix {
    /// One with these lines more in `main.cf` and `master.cf`, in which `FOLDER` is its folder. `None`, loudly, where there is no Postfix, or
    /// nobody who may start one; what is `untested` then is said.
    pub(crate) fn start(main: &str, master: &str, untested: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        if PROGRAMS.iter().any(|program| !Path::new(program).exists()) || chown(at, Some(0), Some(0)).is_err() {
            missing("Postfix, or root to start it", untested);
            return None;
        }
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).expect("opened");
        for name in ["etc", "spool", "data"] {
            fs::create_dir(at.join(name)).expect("made");
        }
        let port = Port::reserve().expect("a port");
        let of_folder = |text: String| text.replace("FOLDER", &at.display().to_string());
        let master = MASTER.replace("ADDRESS", &port.address.port().to_string()) + master;
        fs::write(at.join("etc/main.cf"), of_folder(MAIN.to_owned() + main)).expect("written");
        fs::write(at.join("etc/master.cf"), of_folder(master).trim_start()).expect("written");
        assert!(Command::new("chown").arg("postfix").arg(at.join("data")).status().expect("chown to run").success());
        let postfix = Self { folder, port };
        postfix.again();
        Some(postfix)
    }

    /// Starts it again after it was stopped.
    pub(crate) fn again(&self) {
        let started = self.tell("start");
        assert!(started.status.success(), "{started:?}");
        drop(awaited("Postfix listens", || TcpStream::connect(self.port.address).ok()));
    }

    /// Says this to it: start, stop, flush.
    pub(crate) fn tell(&self, what: &str) -> Output {
        Command::new(PROGRAMS[0]).arg("-c").arg(self.path("etc")).arg(what).output().expect("Postfix to run")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address
    }

    /// Hands a mail over as a mail program does. Returns the number under which it is queued.
    pub(crate) fn hand_over(&self, from: &str, to: &str, mail: &str) -> String {
        let stream = awaited("Postfix listens", || TcpStream::connect(self.port.address).ok());
        let mut lines = BufReader::new(stream.try_clone().expect("a socket")).lines();
        let mut answer = || lines.next().expect("an answer").expect("an answer");
        let mut said = answer();
        let (from, to) = (format!("MAIL FROM:<{from}>"), format!("RCPT TO:<{to}>"));
        for word in ["HELO localhost", &from, &to, "DATA"] {
            assert!(said.starts_with(['2', '3']), "{said}");
            write!(&stream, "{word}\r\n").expect("written");
            said = answer();
        }
        assert!(said.starts_with("354"), "{said}");
        write!(&stream, "{mail}\r\n.\r\n").expect("written");
        said = answer();
        assert!(said.starts_with("250"), "{said}");
        said.rsplit(' ').next().expect("a queue id").to_owned()
    }

    /// The first line of its log, once it is there, that says this of a mail.
    pub(crate) fn logged(&self, id: &str, what: &str) -> String {
        awaited("a line of the log", || {
            self.log().lines().find(|line| line.contains(id) && line.contains(what)).map(str::to_owned)
        })
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // Stopped already is as good.
        let _ = self.tell("stop");
    }
}
