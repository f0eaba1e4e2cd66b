//! Whoever knocks while the daemons are killed: another system that reports signals, and prospects who unsubscribe. It
//! keeps what it was told is recorded.

use crate::company::{DOMAIN, TOKEN, address};
use crate::relay::Relay;
use jiff::ToSpan;
use jiff::tz::TimeZone;
use nurtured::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long an answer is waited for: a daemon that is frozen gives none, and one that was just started may take long.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long to wait before a door that is shut is tried again.
const KNOCK_AGAIN: Duration = Duration::from_millis(20);

/// The caller, and what it was told.
pub(crate) struct Caller {
    relay: Relay,
    /// How many prospects there are; the last of them are called upon first, the first are sent to first.
    people: usize,
    rounds: usize,
    /// What makes each acknowledged signal one.
    pub(crate) acknowledged: Vec<String>,
    strangers: usize,
    /// The words of each stranger whose request was thanked.
    pub(crate) thanked: Vec<String>,
    /// The page on which a stranger pressed the button last.
    pressed: Option<String>,
}

impl Caller {
    pub(crate) const fn new(relay: Relay, people: usize) -> Self {
        Self { relay, people, rounds: 0, acknowledged: Vec::new(), strangers: 0, thanked: Vec::new(), pressed: None }
    }

    /// One round: somebody visits the website, somebody proves all five criteria in a meeting that is reported at every
    /// door at once, somebody asks to be called, somebody unsubscribes.
    pub(crate) async fn round(&mut self, writer: &[SocketAddr]) {
        let round = self.rounds;
        self.rounds += 1;
        let first = writer[round % writer.len()];
        let who = |place: usize| address(self.people.saturating_sub(1 + (3 * round + place) % self.people));
        let visited = (format!("visit-{round}"), json!({ "email": who(0), "event": "visited" }));
        let in_two_months = SystemClock.now().to_zoned(TimeZone::UTC).date().saturating_add(2.months());
        let criteria = ["vision", "budget", "authority", "need", "timeframe"];
        let met = json!({ "email": who(1), "touch": "meeting", "by": "marta", "proves": criteria, "date": in_two_months });
        let met = (format!("meeting-{round}"), met);
        let asked = (format!("asked-{round}"), json!({ "email": who(2), "form": "call-me" }));
        let unsubscribes = self.relay.unsubscribe_link();
        let meetings = futures_util::future::join_all(writer.iter().map(|door| report(*door, &met)));
        let (visited, asked, meetings, stopped) =
            tokio::join!(report(first, &visited), report(first, &asked), meetings, unsubscribe(first, unsubscribes));
        self.acknowledged.extend([visited, asked, stopped].into_iter().chain(meetings).flatten());
    }
}

impl Caller {
    /// A stranger fills in a form and wants to be called; each of another company, since mails to one domain are bounded.
    pub(crate) async fn ask(&mut self, door: SocketAddr) {
        let stranger = self.strangers;
        self.strangers += 1;
        let words = format!("call stranger {stranger}.");
        let body =
            format!("email=s{stranger}%40strangers-{stranger}.com&phone=%2B34600{stranger:06}&message=call+stranger+{stranger}.");
        if post(door, "/f/call-me", BY_BROWSER, &body).await.is_ok_and(|status| status == 200) {
            self.thanked.push(words);
        }
    }

    /// A stranger presses the button of the page to which the mail about their form leads; waits until there is such a mail.
    pub(crate) async fn confirm(&mut self, door: SocketAddr) {
        let path = loop {
            match self.relay.confirmation_link() {
                Some(path) => break path,
                None => tokio::time::sleep(KNOCK_AGAIN).await,
            }
        };
        let path = self.pressed.insert(path);
        let _answered = post(door, path, BY_BROWSER, "").await;
    }

    /// The stranger who pressed last presses once more: the daemon may have died before it answered.
    pub(crate) async fn confirm_again(&self, door: SocketAddr) -> io::Result<u16> {
        let path = self.pressed.as_ref().ok_or_else(|| io::Error::other("nobody pressed"))?;
        post(door, path, BY_BROWSER, "").await
    }
}

/// As a person's browser sends a form.
const BY_BROWSER: &str = "content-type: application/x-www-form-urlencoded\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64) \
                          AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n";

/// Reports a signal; returns what makes it one, if it was acknowledged.
async fn report(door: SocketAddr, (key, body): &(String, Value)) -> Option<String> {
    let headers = format!("authorization: Bearer {TOKEN}\r\nidempotency-key: {key}\r\ncontent-type: application/json\r\n");
    let status = post(door, "/v1/signals", &headers, &body.to_string()).await.ok()?;
    assert!([200, 201, 503].contains(&status), "a report of {key} was answered with {status}");
    (status < 300).then(|| format!("api:{key}"))
}

/// Unsubscribes whoever got this link, as their mail program does.
async fn unsubscribe(door: SocketAddr, link: Option<(String, String)>) -> Option<String> {
    let (recipient, path) = link.filter(|(recipient, _)| recipient.contains(DOMAIN))?;
    let headers = "content-type: application/x-www-form-urlencoded\r\n";
    let status = post(door, &path, headers, "List-Unsubscribe=One-Click").await.ok()?;
    (status == 200).then(|| format!("stop of {recipient}"))
}

/// Posts, and returns the status.
async fn post(door: SocketAddr, path: &str, headers: &str, body: &str) -> io::Result<u16> {
    let asking = async {
        // A daemon that has just been started does not listen yet.
        let mut stream = loop {
            match TcpStream::connect(door).await {
                Ok(stream) => break stream,
                Err(_) => tokio::time::sleep(KNOCK_AGAIN).await,
            }
        };
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {door}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let status = String::from_utf8_lossy(&answer).split_whitespace().nth(1).and_then(|status| status.parse().ok());
        status.ok_or_else(|| io::Error::other("no answer"))
    };
    tokio::time::timeout(PATIENCE, asking).await?
}
