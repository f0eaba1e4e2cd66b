//! plan: what a changed configuration would do to people, before it does.

pub mod difference;
pub mod offers;
pub mod change;
pub mod survey;
