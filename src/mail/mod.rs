//! Outgoing mail: tokens, MIME, SMTP. The only module that uses lettre.

// Identity: the tokens in links.
pub mod token_kind;
pub mod token;
// Bytes: the parts of a message.
pub mod quoted_printable;
pub mod header;
pub mod prepared;
pub mod letter;
pub mod canonical;
pub mod dkim;
// The wire: sending a message.
pub mod offers;
pub mod transcript;
pub mod wire;
pub mod answer;
pub mod null_relay;
pub mod conversation;
// The relay: TLS, login, and a connection.
pub mod relay_error;
pub mod certificate;
pub mod access_token;
pub mod login;
pub mod relay;
pub mod test_server;
#[cfg(test)]
mod tests;
