//! Why a mailbox cannot be read, and what to do about it. A server's words stand here without our secrets and our login.

/// Why a mailbox cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MailboxError {
    /// The server does not answer, not in time, or the connection broke.
    #[error("the server is not reached: {0}")]
    Unreachable(String),
    /// The connection cannot be protected as configured: why, and what to do.
    #[error("the connection cannot be protected: {0}")]
    Insecure(String, String),
    /// No access token is to be had. The server was not asked.
    #[error("there is no access token: {0}")]
    Token(String),
    #[error("the server refuses our login: {0}")]
    Login(String),
    #[error("the server does not open the folder: {0}")]
    Folder(String),
    /// The server says what is no IMAP, or more than is read.
    #[error("the server's words are not understood: {0}")]
    Broken(String),
    /// A Maildir, or a file in it.
    #[error("the Maildir cannot be read: {0}")]
    Files(String),
}

impl MailboxError {
    /// What the operator can do.
    pub fn remedy(&self) -> String {
        let known = match self {
            Self::Insecure(_, remedy) => return remedy.clone(),
            Self::Unreachable(_) => "correct host and port under [[inbox.mailbox]], or open the way to it in the firewall",
            Self::Token(_) => "run its token_command as the service's user (sudo -u nurtured …) and look at what it says",
            Self::Login(words) if words.to_ascii_lowercase().contains("application-specific") => {
                "the server takes no password here: log in with token_command, or with a password made for programs"
            }
            Self::Login(words) if words.contains("needs") => "give what the server takes: password_file, or token_command",
            Self::Login(_) => {
                "correct username and password (or token_command) under [[inbox.mailbox]]; see that IMAP is allowed for this mailbox"
            }
            Self::Folder(_) => {
                "correct `folder` under [[inbox.mailbox]]: its name as the server has it, such as \"INBOX\" or \"INBOX/Bounces\""
            }
            Self::Broken(_) => "look whether this is the port of an IMAP server; it is tried again by itself",
            Self::Files(_) => {
                "correct `path` under [[inbox.mailbox]]; the service's user must be able to read and write it (under systemd: ReadWritePaths= in a drop-in)"
            }
        };
        known.to_owned()
    }
}
