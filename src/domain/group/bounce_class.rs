//! The class of what came back by mail: what it says of the address, and so what becomes of it.

/// The class of what came back by mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The mailbox or its domain is gone: nothing more is sent there.
    Hard,
    /// Full, too large, the network, a rate, a group that does not admit us.
    Soft,
    /// About us: our host, our records, our sender, what the mail says.
    Block,
    /// The other side is still trying.
    Delayed,
    /// It arrived, was passed on or went out to a list (RFC 3464 §2.3.3).
    Delivered,
}

impl Class {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Block => "block",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
        }
    }
}
