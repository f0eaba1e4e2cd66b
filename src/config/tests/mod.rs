//! Each problem as it is printed, and what is accepted.

mod changes;
mod accepted;
mod behaviour;
mod broken;
mod calendar;
mod disk;
mod door;
mod guards;
mod hooks;
mod layers;
mod mailboxes;
mod stored_files;
mod refused;
mod routes;
mod rules;
mod signature;
mod tokens;
mod trusted_sources;
