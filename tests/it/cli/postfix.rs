//! A real Postfix hands mails over by pipe(8): what is kept is sent, what is not is deferred, and nothing bounces.

use super::{Left, left};
use crate::postfix::Postfix;
use crate::readme::block;
use std::os::unix::fs::chown;
use std::process::Command;

/// Postfix hands over to nobody's rights: it refuses root's.
const NOBODY: u32 = 65_534;

/// A Postfix of its own, with a nurtured behind it.
struct Server {
    postfix: Postfix,
}

impl Server {
    /// `None`, loudly, where there is no Postfix, or nobody who may start one.
    fn start() -> Option<Self> {
        let master = block("docs/mail-server.md", "master.cf")
            .replace("user=nurtured", "user=nobody")
            .replace("/usr/bin/nurtured", "FOLDER/nurtured --config FOLDER/config");
        let postfix =
            Postfix::start(&block("docs/mail-server.md", "piped.cf"), &master, "inbox ingest behind a real pipe(8) is")?;
        std::fs::create_dir(postfix.path("state")).expect("made");
        chown(postfix.path("state"), Some(NOBODY), Some(NOBODY)).expect("given");
        std::fs::copy(env!("CARGO_BIN_EXE_nurtured"), postfix.path("nurtured")).expect("copied");
        let database = format!("sqlite:{}", postfix.path("state/nurtured.db").display());
        for (path, text) in nurtured::config::example::FILES {
            let file = postfix.path("config").join(path);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            std::fs::write(file, text.replace("sqlite:nurtured.db", &database)).expect("written");
        }
        Some(Self { postfix })
    }

    /// As root types it: it becomes the owner of the state.
    fn typed(&self, arguments: &[&str], input: &str) -> Left {
        let mut command = Command::new(self.postfix.path("nurtured"));
        command.env_clear().current_dir("/").arg("--config").arg(self.postfix.path("config")).args(arguments);
        left(command, input.as_bytes())
    }

    /// Hands a mail to Postfix, and waits for what becomes of it: the line of its log.
    fn hand_over(&self, mail: &str) -> String {
        let id = self.postfix.hand_over("ada@albareda.example", "bounces+token@news.tecnofab.example", mail);
        self.postfix.logged(&id, "status=")
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
    let service = server.postfix.path("config/nurtured.toml");
    let text = std::fs::read_to_string(&service).expect("read");
    std::fs::write(&service, text.replace("tracking = \"consented\"", "tracking = \"some\"")).expect("broken");
    let last = server.hand_over(&mail(3));
    assert!(last.contains("status=deferred") && !last.contains("tracking") && !last.contains("hidden"), "{last}");
    // What waited is kept in the end.
    std::fs::write(&service, text).expect("mended");
    server.postfix.tell("flush");
    for line in [&first, &last] {
        let id = line.split(": to=").next().and_then(|before| before.rsplit(' ').next()).expect("a queue id");
        server.postfix.logged(id, "status=sent");
    }
    let log = server.postfix.log();
    assert!(!log.contains("status=bounced"), "{log}");
}
