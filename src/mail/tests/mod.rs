//! Every outcome of a session with a relay, against relays that follow a script.

mod outcomes;
mod login;
mod announced;
mod exchanges;
mod protection;
