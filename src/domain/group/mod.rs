//! The group side: campaigns, when they are due, and the state of each copy. Knows no evidence and no salesperson.

pub mod skip;
pub mod crontab;
pub mod schedule;
pub mod guard;
pub mod campaign;
pub mod occurrence;
pub mod cap;
pub mod issue;
pub mod refusal_words;
pub mod refusal_codes;
pub mod bounce_class;
pub mod refusal;
pub mod provider_bounce;
pub mod alike;
pub mod delivery;
pub mod breaker;
