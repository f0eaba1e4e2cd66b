//! A signal as another system or a list reports it, before it is known whether whoever reports it may say so.

use super::signal::Touch;
use crate::domain::address::Address;
use crate::domain::criterion::Criterion;
use crate::domain::id::Name;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A report. Unknown keys are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    pub email: Address,
    /// When it happened; the time of the report, if absent. A form or an event of more than a day ago is history: it proves what it
    /// proves, and asks for nobody.
    pub occurred_at: Option<Timestamp>,
    /// The name of an event; exactly one of `event`, `form` and `touch` is given.
    pub event: Option<Name>,
    /// A form filled in elsewhere.
    pub form: Option<Name>,
    pub touch: Option<Touch>,
    /// The fields of the event or form.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    pub by: Option<Name>,
    #[serde(default)]
    pub proves: Vec<Criterion>,
    pub date: Option<Date>,
    #[serde(default)]
    pub note: String,
}
