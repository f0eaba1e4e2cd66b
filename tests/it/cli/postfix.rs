//! A real Postfix hands mails over by pipe(8): what is kept is sent, what is not is deferred, and nothing bounces.

use super::{Left, left};
use crate::missing;
use crate::port::Port;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Postfix hands over to nobody's rights: it refuses root's.
const NOBODY: u32 = 65_534;
const PROGRAMS: [&str; 2] = ["/usr/sbin/postfix", "/usr/lib/postfix/sbin/master"];

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
anvil     unix  -       -       n       -       1       anvil
postlog   unix-dgram n  -       n       -       1       postlogd
nurtured  unix  -       n       n       -       4       pipe
  flags=DRhu user=nobody argv=FOLDER/nurtured --config FOLDER/config inbox ingest
";

/// A Postfix of its own, with a nurtured behind it; stopped when it is dropped.
struct Server {
    folder: TempDir,
    port: Port,
}

impl Server {
    /// `None`, loudly, where there is no Postfix, or nobody who may start one.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        std::fs::set_permissions(at, std::fs::Permissions::from_mode(0o755)).expect("opened");
        std::fs::create_dir(at.join("state")).expect("made");
        if PROGRAMS.iter().any(|program| !Path::new(program).exists())
            || chown(at.join("state"), Some(NOBODY), Some(NOBODY)).is_err()
        {
            missing("Postfix, or root to start it", "inbox ingest behind a real pipe(8) is");
            return None;
        }
        std::fs::copy(env!("CARGO_BIN_EXE_nurtured"), at.join("nurtured")).expect("copied");
        for (path, text) in nurtured::config::example::FILES {
            let file = at.join("config").join(path);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            std::fs::write(file, text.replace("sqlite:nurtured.db", &format!("sqlite:{}/state/nurtured.db", at.display())))
                .expect("written");
        }
        let port = Port::reserve().expect("a port");
        for name in ["etc", "spool", "data"] {
            std::fs::create_dir(at.join(name)).expect("made");
        }
        let shown = at.display();
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {shown}/spool\ndata_directory = {shown}/data\ncommand_directory = /usr/sbin\n\
             daemon_directory = /usr/lib/postfix/sbin\nmail_owner = postfix\nsetgid_group = postdrop\ninet_interfaces = 127.0.0.1\n\
             inet_protocols = ipv4\nmydestination =\nalias_maps =\nrelay_domains = news.tecnofab.example\nrelay_transport = nurtured\n\
             relay_recipient_maps =\nmyhostname = mx.tecnofab.example\nsmtpd_recipient_restrictions = permit_mynetworks, reject\n\
             maillog_file = {shown}/log\nmaillog_file_prefixes = {shown}\n"
        );
        let master = MASTER.replace("ADDRESS", &port.address.port().to_string()).replace("FOLDER", &shown.to_string());
        std::fs::write(at.join("etc/main.cf"), main).expect("written");
        std::fs::write(at.join("etc/master.cf"), master.trim_start()).expect("written");
        assert!(Command::new("chown").arg("postfix").arg(at.join("data")).status().expect("chown to run").success());
        let server = Self { folder, port };
        let started = server.postfix("start");
        assert!(started.code == 0, "{started:?}");
        Some(server)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn postfix(&self, what: &str) -> Left {
        let mut command = Command::new(PROGRAMS[0]);
        command.arg("-c").arg(self.path("etc")).arg(what);
        left(command, b"")
    }

    /// As root types it: it becomes the owner of the state.
    fn typed(&self, arguments: &[&str], input: &str) -> Left {
        let mut command = Command::new(self.path("nurtured"));
        command.env_clear().current_dir("/").arg("--config").arg(self.path("config")).args(arguments);
        left(command, input.as_bytes())
    }

    /// Hands a mail to Postfix, and waits for what becomes of it: the line of its log.
    fn hand_over(&self, mail: &str) -> String {
        let stream = awaited(|| TcpStream::connect(self.port.address).ok());
        let mut lines = BufReader::new(stream.try_clone().expect("a socket")).lines();
        let mut answer = || lines.next().expect("an answer").expect("an answer");
        let mut said = answer();
        for word in ["HELO localhost", "MAIL FROM:<ada@albareda.example>", "RCPT TO:<bounces@news.tecnofab.example>", "DATA"] {
            assert!(said.starts_with(['2', '3']), "{said}");
            write!(&stream, "{word}\r\n").expect("written");
            said = answer();
        }
        assert!(said.starts_with("354"), "{said}");
        write!(&stream, "{mail}\r\n.\r\n").expect("written");
        said = answer();
        let id = said.rsplit(' ').next().expect("a queue id").to_owned();
        assert!(said.starts_with("250"), "{said}");
        self.logged(&id, "status=")
    }

    /// The first line of its log, once it is there, that says this of a mail.
    fn logged(&self, id: &str, what: &str) -> String {
        awaited(|| {
            let log = std::fs::read_to_string(self.path("log")).ok()?;
            log.lines().find(|line| line.contains(id) && line.contains(what)).map(str::to_owned)
        })
    }
}

/// What another program does in its own time, and tells only in a file or by a port.
fn awaited<T>(look: impl Fn() -> Option<T>) -> T {
    for _ in 0..2_400 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("nothing came of it in two minutes");
}

impl Drop for Server {
    fn drop(&mut self) {
        // Stopped already is as good.
        let _ = self.postfix("stop");
    }
}

fn mail(number: usize) -> String {
    format!(
        "From: Ada <ada@albareda.example>\r\nTo: marta@tecnofab.example\r\nSubject: plans\r\nMessage-ID: <{number}@albareda.example>\r\n\r\n\
         Call me about the hidden budget."
    )
}

#[test]
fn behind_a_real_pipe_a_mail_is_kept_or_waits_and_never_bounces() {
    let Some(server) = Server::start() else { return };
    // There is no database yet: the mail waits.
    let first = server.hand_over(&mail(1));
    assert!(first.contains("status=deferred") && first.contains("did not keep this mail"), "{first}");
    assert_eq!(server.typed(&["db", "migrate"], "").code, 0);
    assert_eq!(server.typed(&["prospects", "import", "-"], "email,name\nada@albareda.example,Ada\n").code, 0);
    let kept = server.hand_over(&mail(2));
    assert!(kept.contains("status=sent"), "{kept}");
    let noise = server.hand_over("no header at all");
    assert!(noise.contains("status=sent"), "Postfix gives every mail a header: {noise}");
    let shown = server.typed(&["prospects", "show", "ada@albareda.example", "--json"], "");
    assert!(shown.out.contains("hidden budget"), "{shown:?}");
    // A configuration that is broken, and none in force.
    let service = server.path("config/nurtured.toml");
    let text = std::fs::read_to_string(&service).expect("read");
    std::fs::write(&service, text.replace("tracking = \"consented\"", "tracking = \"some\"")).expect("broken");
    let last = server.hand_over(&mail(3));
    assert!(last.contains("status=deferred") && !last.contains("tracking") && !last.contains("hidden"), "{last}");
    // What waited is kept in the end.
    std::fs::write(&service, text).expect("mended");
    server.postfix("flush");
    for line in [&first, &last] {
        let id = line.split(": to=").next().and_then(|before| before.rsplit(' ').next()).expect("a queue id");
        server.logged(id, "status=sent");
    }
    let log = std::fs::read_to_string(server.path("log")).expect("a log");
    assert!(!log.contains("status=bounced"), "{log}");
}
