//! A relay with a mood: it refuses at a phase of a mail whomever it likes, in whatever words, until it is mended.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Where in a mail's conversation it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Mail,
    Rcpt,
    Data,
    Dot,
}

/// What it answers at a phase to a mail for `p{number}@…`, or for somebody else; `None`: what it should. At MAIL nobody is named yet.
pub(super) type Mood = dyn Fn(At, Option<usize>) -> Option<String> + Send + Sync;

pub(super) struct MoodyRelay {
    pub(super) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    mood: Mutex<Arc<Mood>>,
    /// To whom it accepted a mail, in order.
    accepted: Mutex<Vec<String>>,
}

impl MoodyRelay {
    pub(super) async fn start(
        mood: impl Fn(At, Option<usize>) -> Option<String> + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared { mood: Mutex::new(Arc::new(mood)), accepted: Mutex::default() });
        let held = shared.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(converse(socket, held.clone()));
            }
        });
        Ok(Self { port, shared })
    }

    pub(super) fn mood(&self, mood: impl Fn(At, Option<usize>) -> Option<String> + Send + Sync + 'static) {
        *self.shared.mood.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(mood);
    }

    pub(super) fn mend(&self) {
        self.mood(|_, _| None);
    }

    /// To which of the people `p{number}@…` it accepted a mail, in order.
    pub(super) fn accepted(&self) -> Vec<usize> {
        let accepted = self.shared.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        accepted.iter().filter_map(|to| number(to)).collect()
    }
}

fn number(to: &str) -> Option<usize> {
    to.split_once('@')?.0.strip_prefix('p')?.parse().ok()
}

async fn converse(socket: TcpStream, shared: Arc<Shared>) -> Option<()> {
    let says = |at, to: &str| {
        let mood = shared.mood.lock().unwrap_or_else(PoisonError::into_inner).clone();
        mood(at, number(to))
    };
    let (read, mut write) = socket.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 come in\r\n").await.ok()?;
    let (mut has_sender, mut to, mut in_message) = (false, String::new(), false);
    while let Ok(Some(line)) = lines.next_line().await {
        if in_message && line != "." {
            continue;
        }
        let answer = match line.split([' ', ':']).next().unwrap_or_default() {
            "." if in_message => {
                in_message = false;
                has_sender = false;
                let to = std::mem::take(&mut to);
                says(At::Dot, &to).unwrap_or_else(|| {
                    shared.accepted.lock().unwrap_or_else(PoisonError::into_inner).push(to);
                    "250 queued".to_owned()
                })
            }
            "EHLO" => "250-relay\r\n250-PIPELINING\r\n250 8BITMIME".to_owned(),
            "MAIL" => says(At::Mail, "").unwrap_or_else(|| {
                has_sender = true;
                "250 ok".to_owned()
            }),
            "RCPT" if !has_sender => "503 5.5.1 who are you".to_owned(),
            "RCPT" => {
                let named = line.split(['<', '>']).nth(1).unwrap_or_default();
                says(At::Rcpt, named).unwrap_or_else(|| {
                    named.clone_into(&mut to);
                    "250 ok".to_owned()
                })
            }
            "DATA" if to.is_empty() => "503 5.5.1 for whom".to_owned(),
            "DATA" => says(At::Data, &to).unwrap_or_else(|| {
                in_message = true;
                "354 go on".to_owned()
            }),
            "RSET" => {
                has_sender = false;
                to.clear();
                "250 ok".to_owned()
            }
            _ => "250 ok".to_owned(),
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
    Some(())
}
