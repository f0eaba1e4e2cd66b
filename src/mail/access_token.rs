//! Access tokens (OAuth 2.0): a command of the operator's prints one, and it is used until it expires.
//!
//! The command runs without a shell. Its standard error is not read, because it may hold secrets.

use super::relay_error::RelayError;
use crate::clock::{Clock, SystemClock};
use crate::domain::settings::TokenCommand;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long the command may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a token is used that does not say when it expires: whoever printed it may have had it for a while.
const USUAL_LIFE: SignedDuration = SignedDuration::from_mins(5);
/// A token is not used in the last part of its life, so that none expires on its way.
const MARGIN: SignedDuration = SignedDuration::from_mins(1);
/// As many bytes are read of what the command prints.
const MOST: u64 = 64 * 1024;

/// The token in use, and where the next one comes from. Cheap to clone; clones share the token.
#[derive(Debug, Clone)]
pub struct AccessTokens {
    command: Arc<TokenCommand>,
    held: Arc<Mutex<Option<Held>>>,
    patience: Duration,
}

#[derive(Debug)]
struct Held {
    token: SecretString,
    /// By the clock that cannot be set.
    until: SignedDuration,
}

/// What a command printed.
#[derive(Debug)]
struct Printed {
    token: SecretString,
    life: SignedDuration,
}

impl AccessTokens {
    pub fn new(command: TokenCommand) -> Self {
        Self { command: Arc::new(command), held: Arc::default(), patience: PATIENCE }
    }

    /// The token to log in with.
    ///
    /// # Errors
    /// [`RelayError::Token`] when the command prints none.
    pub async fn token(&self) -> Result<SecretString, RelayError> {
        self.other_than(None).await
    }

    /// The token to log in with after this one was refused: another connection may have fetched it already. It is the same
    /// where the command prints it again.
    ///
    /// # Errors
    /// As [`Self::token`].
    pub async fn instead_of(&self, refused: &SecretString) -> Result<SecretString, RelayError> {
        self.other_than(Some(refused)).await
    }

    /// The command runs under the lock: connections that open together fetch one token.
    async fn other_than(&self, refused: Option<&SecretString>) -> Result<SecretString, RelayError> {
        let mut held = self.held.lock().await;
        let is_refused = |held: &Held| refused.is_some_and(|token| token.expose_secret() == held.token.expose_secret());
        if let Some(held) = held.as_ref().filter(|held| held.until > SystemClock.steady() && !is_refused(held)) {
            return Ok(held.token.clone());
        }
        let (command, patience) = (self.command.clone(), self.patience);
        let run = tokio::task::spawn_blocking(move || run(&command, patience)).await;
        let printed = run.unwrap_or_else(|_| Err("it could not be run".to_owned()));
        let program = self.command.program.display();
        let printed = printed.map_err(|why| RelayError::Token(format!("{program}: {why}")))?;
        let life = printed.life - MARGIN.min(printed.life / 2);
        *held = Some(Held { token: printed.token.clone(), until: SystemClock.steady() + life });
        Ok(printed.token)
    }
}

/// Runs the command to its end, or kills it.
fn run(command: &TokenCommand, patience: Duration) -> Result<Printed, String> {
    let mut process = Command::new(&command.program);
    process.args(command.arguments.iter().map(ExposeSecret::expose_secret));
    process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = process.spawn().map_err(|error| format!("it could not be run: {error}"))?;
    let Some(output) = child.stdout.take() else { return Err("it has no output".to_owned()) };
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = output.take(MOST).read_to_end(&mut text).map(|_| text);
        // The receiver is gone where this took too long.
        let _ = tell.send(read);
    });
    let text = told.recv_timeout(patience);
    let status = end(&mut child, if text.is_ok() { patience } else { Duration::ZERO });
    let text = text.map_err(|_| format!("it printed no token within {} seconds", patience.as_secs()))?;
    let text = text.map_err(|error| format!("what it printed could not be read: {error}"))?;
    match status {
        Some(status) if status.success() => printed(&String::from_utf8_lossy(&text)),
        Some(status) => Err(format!("it ended with {status}")),
        None => Err(format!("it did not end within {} seconds", patience.as_secs())),
    }
}

/// How the process ended, by itself within the time; else it is killed.
fn end(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    const STEP: Duration = Duration::from_millis(10);
    // A process that has closed its output ends at once, as a rule; there is nothing to await but its end.
    for _ in 0..patience.as_millis() / STEP.as_millis() {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(STEP),
            Ok(status) => return status,
            Err(_) => break,
        }
    }
    // It may have ended meanwhile.
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// Reads a token: JSON as an authorisation server gives it (RFC 6749 §5.1; `az` writes `accessToken`), or the token alone.
fn printed(text: &str) -> Result<Printed, String> {
    let text = text.trim().trim_start_matches('\u{feff}');
    let (token, life) = if text.starts_with('{') {
        let json: Value = serde_json::from_str(text).map_err(|_| "it printed broken JSON".to_owned())?;
        if let Some(error) = json.get("error").and_then(Value::as_str) {
            return Err(format!("it printed the error {:?}", crate::domain::excerpt::excerpt(error, 60)));
        }
        let token = ["access_token", "accessToken"].iter().find_map(|key| json.get(key)?.as_str());
        let token = token.ok_or("it printed JSON without `access_token`")?;
        (token.to_owned(), json.get("expires_in").and_then(seconds).unwrap_or(USUAL_LIFE))
    } else {
        (text.to_owned(), USUAL_LIFE)
    };
    // RFC 6750 §2.1; anything else would end the token early, or the login.
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    match token.as_str() {
        "" => Err("it printed nothing".to_owned()),
        token if !token.bytes().all(legal) => Err("what it printed is no access token".to_owned()),
        _ if life <= SignedDuration::ZERO => Err("it printed a token that has expired".to_owned()),
        token => Ok(Printed { token: SecretString::from(token), life }),
    }
}

/// A number of seconds; some servers write it as a text.
fn seconds(value: &Value) -> Option<SignedDuration> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    // A life of more than a day is not believed: refused, the token is fetched anew anyway.
    SignedDuration::try_from_secs_f64(number.clamp(-1.0, 86_400.0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_servers_and_programs_print_it() {
        let life = |text: &str| printed(text).map(|printed| (printed.token.expose_secret().to_owned(), printed.life.as_secs()));
        for (text, token, secs) in [
            ("ya29.a0_-~+/x==\n", "ya29.a0_-~+/x==", 300),
            ("{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"ey.J\"}", "ey.J", 3599),
            ("\u{feff}{\"access_token\":\"a\",\"expires_in\":\"3599\"}\r\n", "a", 3599),
            ("{\"accessToken\":\"a\",\"expiresOn\":\"2026-11-28 20:00:00\"}", "a", 300),
            ("{\"access_token\":\"a\",\"expires_in\":1e99}", "a", 86_400),
            ("{\"access_token\":\"a\",\"expires_in\":59.5}", "a", 59),
        ] {
            assert_eq!(life(text), Ok((token.to_owned(), secs)), "{text}");
        }
        for (text, why) in [
            ("", "nothing"),
            ("  \n", "nothing"),
            ("usage: token [-x]", "no access token"),
            ("a\u{1}auth=Bearer b", "no access token"),
            ("two\ntokens", "no access token"),
            ("{\"access_token\":\"\"}", "nothing"),
            ("{\"access_token\":7}", "without `access_token`"),
            ("{\"access_token\":\"a\",\"expires_in\":0}", "expired"),
            ("{\"error\":\"invalid_client\",\"error_description\":\"secret s3cret\"}", "invalid_client"),
            ("{\"access_token\"", "broken"),
        ] {
            let said = printed(text).err().unwrap_or_default();
            assert!(said.contains(why) && !said.contains("s3cret"), "{text}: {said}");
        }
    }

    fn shell(script: &str) -> AccessTokens {
        let arguments = ["-c", script].into_iter().map(SecretString::from).collect();
        AccessTokens::new(TokenCommand { program: "sh".into(), arguments })
    }

    #[tokio::test]
    async fn a_token_is_used_until_it_expires_or_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let count = folder.path().join("count");
        let tokens = |expires: u32| {
            let count = count.display();
            shell(&format!(
                "n=$(cat {count} 2>/dev/null || echo 0); n=$((n+1)); echo $n > {count}
                 echo \"{{\\\"access_token\\\":\\\"t$n\\\",\\\"expires_in\\\":{expires}}}\""
            ))
        };
        let long = tokens(3600);
        let (one, two) = tokio::join!(long.token(), long.token());
        assert_eq!((one.expect("one").expose_secret(), two.expect("two").expose_secret()), ("t1", "t1"), "fetched once");
        let refused = SecretString::from("t1");
        assert_eq!(long.instead_of(&refused).await.expect("anew").expose_secret(), "t2");
        // A second connection that was refused the same token uses what the first has fetched.
        assert_eq!(long.instead_of(&refused).await.expect("held").expose_secret(), "t2");
        assert_eq!(long.token().await.expect("held").expose_secret(), "t2");
    }

    #[tokio::test]
    async fn a_command_that_prints_no_token_says_why_and_shows_no_secret() {
        let told = |tokens: AccessTokens| async move { tokens.token().await.expect_err("no token").to_string() };
        assert!(told(shell("echo s3cret >&2; exit 3")).await.contains("exit status: 3"));
        assert!(!told(shell("echo s3cret >&2; exit 3")).await.contains("s3cret"));
        assert!(told(shell("echo s3cret is wrong")).await.contains("no access token"));
        let missing = AccessTokens::new(TokenCommand { program: "/nonexistent/token".into(), arguments: Vec::new() });
        assert!(told(missing).await.contains("/nonexistent/token: it could not be run"));
        let silent = AccessTokens { patience: Duration::from_millis(50), ..shell("exec sleep 600") };
        assert!(told(silent).await.contains("no token within"));
        let mute = AccessTokens { patience: Duration::from_millis(50), ..shell("echo t; exec >&-; exec sleep 600") };
        assert!(told(mute).await.contains("did not end"));
    }
}
