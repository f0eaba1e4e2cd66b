//! What happens: one file per arrow of the picture in ARCHITECTURE.md.
//!
//! A step takes work from the store, decides with `domain`, writes in one transaction, and leaves work for the next
//! step. Steps never call steps. Each says what became of it: done, idle, or not before an instant.

// What every step is given.
pub mod context;
pub mod outbox;
pub mod gate;
// Who comes in.
pub mod admit;
// The group side.
pub mod breaker;
pub mod pace;
pub mod canary;
pub mod cap;
pub mod publish;
pub mod doors;
pub mod range;
pub mod transmit;
pub mod recover;
pub mod deliver;
pub mod doubt;
pub mod look;
pub mod ramp;
pub mod ahead;
pub mod conclude;
pub mod observe;
pub mod judge;
// The doorway.
pub mod qualify;
pub mod apply;
// The individual side.
pub mod dossier;
pub mod hand_off;
pub mod agenda;
pub mod pass_on;
pub mod follow_up;
pub mod correspond;
// What comes back by mail.
pub mod receive;
// What is stopped by hand, and who is erased.
pub mod halt;
pub mod forget;
// Who is told that a campaign paused by itself.
pub mod alarm;
// What is done with a database that comes back from a backup.
pub mod adopt;
// What is packed for reading all of it.
pub mod seal;
// Where everybody is, and what time alone brings.
pub mod census;
pub mod sweep;
// All of them, until nothing is left to do.
pub mod settle;
