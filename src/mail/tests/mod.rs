//! Every way a conversation with a relay can go, against relays that follow a script.

mod outcomes;
mod announced;
mod exchanges;
mod protection;
