//! The group side: an occurrence becomes an issue, an issue becomes mails. Takes no prospect's deal.

pub mod gate;
pub mod breaker;
pub mod pace;
pub mod canary;
pub mod cap;
pub mod publish;
pub mod delivery;
