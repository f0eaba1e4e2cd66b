//! Each problem as people see it, beside what is accepted.

mod changes;
mod accepted;
mod broken;
mod calendar;
mod disk;
mod refused;
mod rules;
mod signature;
