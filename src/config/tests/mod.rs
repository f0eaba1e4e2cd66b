//! Each problem as people see it, beside what is accepted.

mod changes;
mod accepted;
mod behaviour;
mod broken;
mod calendar;
mod disk;
mod guards;
mod kept;
mod layers;
mod refused;
mod routes;
mod rules;
mod signature;
