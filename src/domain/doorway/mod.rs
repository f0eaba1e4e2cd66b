//! The doorway between group and individual: signals, the rules that read them, and the five verdicts.

pub mod external_id;
pub mod arrival;
pub mod agent;
pub mod machine;
pub mod sweep;
pub mod sender;
pub mod doubt;
pub mod signal;
pub mod reported;
pub mod enquiry;
pub mod pending_form;
pub mod new_signal;
pub mod ignored;
pub mod asked;
pub mod rule;
pub mod form_fields;
pub mod evidence;
pub mod account;
pub mod support;
pub mod unconfirmed;
pub mod qualification;
pub mod entry;
pub mod in_force;
pub mod reach;
pub mod assess;
pub mod replay;
