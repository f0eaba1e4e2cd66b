//! The doorway: who comes in, what they did, and what it proves.

pub mod mailbox_gone;
pub mod admit;
pub mod assess;
pub mod conclude;
pub mod observe;
pub mod judge;
pub mod qualify;
pub mod ramp;
pub mod apply;
