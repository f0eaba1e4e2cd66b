//! How we say it: tokens, MIME, SMTP. The only room that knows lettre.

// Identity: what a link carries.
pub mod token;
// Bytes: what a message is made of.
pub mod quoted_printable;
pub mod header;
pub mod prepared;
pub mod letter;
pub mod canonical;
pub mod dkim;
// The wire: what becomes of a message.
pub mod wire;
pub mod answer;
pub mod null_relay;
pub mod conversation;
pub mod relay;
pub mod test_server;
#[cfg(test)]
mod tests;
