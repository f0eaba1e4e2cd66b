//! The individual side: a handoff, its letters, its salesperson's queue, and its outcome. It handles no lists.

pub mod outbox;
pub mod dossier;
pub mod hand_off;
pub mod enquiry;
pub mod enquire;
pub mod queue;
pub mod reassign;
pub mod follow_up;
pub mod new_address;
pub mod ask_to_confirm;
pub mod correspond;
pub mod resend;
pub mod returned;
pub mod automatic;
pub mod receive;
pub mod take_mail;
pub mod mailbox;
pub mod pause_notice;
pub mod withdraw;
