//! Why there is no connection to the relay, in words, with what to do about it.

use crate::domain::group::delivery::Reply;

/// Why there is no connection. None of these is the fault of a delivery.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RelayError {
    /// The relay does not answer, or not in time.
    #[error("the relay is not reached: {0}")]
    Unreachable(String),
    /// The relay answers, and does not serve us now.
    #[error("the relay does not serve us: {0}")]
    Unwilling(String),
    /// The connection cannot be protected as configured.
    #[error("the connection to the relay cannot be protected: {0}")]
    Insecure(Unprotected),
    /// No access token is to be had. The relay was not asked.
    #[error("there is no access token for the relay: {0}")]
    Token(String),
    /// The relay refuses our login: nothing can be sent until an operator corrects it.
    #[error("the relay refuses our login: {0}")]
    Login(String),
}

/// Why a connection cannot be protected, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}: {remedy}")]
pub struct Unprotected {
    pub why: String,
    pub remedy: String,
}

impl Unprotected {
    pub fn new(why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { why: why.into(), remedy: remedy.into() }
    }
}

impl RelayError {
    /// What is wrong, without what to do about it.
    pub fn why(&self) -> String {
        match self {
            Self::Insecure(unprotected) => format!("the connection to the relay cannot be protected: {}", unprotected.why),
            other => other.to_string(),
        }
    }

    /// What the operator can do.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unreachable(_) => "correct host and port under [smtp], or open the way to it in the firewall".to_owned(),
            Self::Unwilling(_) => "ask whoever runs the relay why; it is tried again by itself".to_owned(),
            Self::Insecure(unprotected) => unprotected.remedy.clone(),
            Self::Token(_) => {
                "run smtp.token_command as the service's user (sudo -u nurtured …) and look at what it says; it is tried again by itself"
                    .to_owned()
            }
            Self::Login(words) => format!("{}, then `nurtured campaigns resume` what paused", login_remedy(words)),
        }
    }
}

/// What to do about a refused login, by the words of those relays whose words do not say it.
fn login_remedy(words: &str) -> &'static str {
    let says = |text: &str| words.to_ascii_lowercase().contains(text);
    if says("smtpclientauthentication is disabled") || says("smtp_auth_disabled") {
        return "allow it for this mailbox (Set-CASMailbox -SmtpClientAuthenticationDisabled $false), and in the organisation";
    }
    if says("basic authentication is disabled") || says("application-specific password") || says("5.7.14 ") {
        return "the relay takes no password here: log in with smtp.token_command (see README), or with a password made for programs";
    }
    if says("needs xoauth2") || says("needs plain or login") || says("offers no login") {
        return "under [smtp], correct `security`, or give what the relay takes: password_file, token_command, or no username at all";
    }
    "correct username and password (or token_command) under [smtp]"
}

impl From<RelayError> for Reply {
    fn from(error: RelayError) -> Self {
        Self::RelayDown(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_login_says_what_this_relay_wants() {
        for (words, remedy) in [
            (
                "permanent error (535): 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
                "Set-CASMailbox",
            ),
            ("permanent error (535): 5.7.139 Authentication unsuccessful, basic authentication is disabled.", "token_command"),
            ("permanent error (534): 5.7.9 Application-specific password required.", "token_command"),
            ("it offers AUTH XOAUTH2, and a password needs PLAIN or LOGIN", "correct `security`"),
            ("permanent error (535): 5.7.8 Error: authentication failed", "correct username and password"),
        ] {
            let told = RelayError::Login(words.to_owned()).remedy();
            assert!(told.contains(remedy) && told.contains("campaigns resume"), "{words}: {told}");
        }
    }
}
