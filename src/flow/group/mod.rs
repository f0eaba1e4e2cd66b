//! The group side: an occurrence becomes an issue, an issue becomes mails. It handles no single prospect's deal.

pub mod gate;
pub mod breaker;
pub mod retry;
pub mod pace;
pub mod canary;
pub mod cap;
pub mod page;
pub mod publish;
pub mod correct;
pub mod cancel;
pub mod rename;
pub mod delivery;
