//! How we say it: tokens, MIME, SMTP. The only room that knows lettre.

// SMTP.
pub mod wire;
pub mod answer;
pub mod relay;
pub mod catcher;
#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod exchanges;
