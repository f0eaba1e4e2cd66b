//! The doorway: prospects are admitted, their signals recorded, and the verdicts concluded.

pub mod mailbox_gone;
pub mod readdress;
pub mod identify;
pub mod admit;
pub mod assess;
pub mod enquiries;
pub mod conclude;
pub mod observe;
pub mod typed_stop;
pub mod prefer;
pub mod trace;
pub mod judge;
pub mod hit;
pub mod spooled;
pub mod take;
pub mod confirm;
pub mod api;
pub mod report;
pub mod provider_event;
pub mod reclassify;
pub mod qualify;
pub mod ramp;
pub mod apply;
