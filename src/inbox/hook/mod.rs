//! Hooks: what mail providers report of our mails, and the proofs that they do. Only reads; what becomes of a report, flow decides.

pub mod event;
// What several of them have in common.
pub mod json;
pub mod proof;
// One provider each.
pub mod sns;
pub mod ses;
pub mod sendgrid;
pub mod postmark;
pub mod mailgun;
pub mod brevo;

#[cfg(test)]
mod tests;
