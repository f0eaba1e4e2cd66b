//! Delivery: one state machine, from a claimed range of an issue to a durable result for each copy.
//!
//! Deliveries never change. Their state is the view `delivery_states`, derived from appended `attempts` and the lease
//! over them:
//!
//! ```text
//!                      claim           mark                 250 to the dot
//!          pending ───────────► claimed ─────► transmitting ───────────────► accepted
//!            ▲  ▲ │                │                 │ 5xx, or retries used up
//!            │  ├─┼─ lease expired ┤                 ├─────────────────────► failed
//!            │  │ │                │                 │ two tries in doubt
//!            │  │ │    closed, away ┤                 ├─────────────────────► uncertain
//!            └──┴─┼────────────────│── 4xx, broken ──┘
//!                 │                │ at the mark: stopped
//!                 │ over the cap   ├─────────────────► suppressed
//!                 ▼                │ at the mark: no longer nurturing, or another address; by name
//!              skipped ◄───────────┴─────────────────► cancelled
//!               at the claim: no longer in the audience, or away while another mail of the campaign waits
//! ```
//!
//! The mark commits before the mail is announced, its result after; between them is the network, and no open transaction.

pub mod attempt_writer;
pub mod range;
pub mod audience;
pub mod absence;
pub mod transmit;
pub mod return_leases;
pub mod deliver;
pub mod uncertain;
