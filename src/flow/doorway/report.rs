//! report: who may say what. One rule for what another system reports and for a list of calls and scans: what a token may do, in whose
//! name it speaks, and what a rule of qualification.toml reads.

use super::observe::check_touch;
use crate::domain::api_token::{ApiToken, Right};
use crate::domain::doorway::form_fields;
use crate::domain::doorway::reported::Reported;
use crate::domain::doorway::signal::{Confirmation, Detail, NewSignal};
use crate::domain::plan::Plan;
use crate::domain::span::Span;
use crate::inbox::form::clean;
use crate::inbox::list::says_no::says_no;
use jiff::Timestamp;

/// How far another clock may be ahead of ours.
const AHEAD: Span = Span::minutes(5);

/// Why a report is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Whether whoever reports may not say so, whatever it is; else its content is wrong.
    pub is_forbidden: bool,
    /// The key it is about; empty for the right itself.
    pub place: &'static str,
    pub words: String,
}

impl Refused {
    fn content(place: &'static str, words: impl Into<String>) -> Self {
        Self { is_forbidden: false, place, words: words.into() }
    }
}

/// The signal of a report, recorded once under `key` of the token.
pub fn signal(plan: &Plan, token: &ApiToken, reported: Reported, key: &str, now: Timestamp) -> Result<NewSignal, Refused> {
    let occurred_at = reported.occurred_at.unwrap_or(now);
    if occurred_at > AHEAD.after(now) {
        return Err(Refused::content("occurred_at", "occurred_at lies in the future"));
    }
    if let Some(by) = &reported.by {
        if !plan.roster.has(by) {
            return Err(Refused::content("by", format!("{by} is not on the roster (salespeople.toml)")));
        }
        if !token.speaks_for(by) {
            let words = format!("the token {} may not report on behalf of {by}: add them to its `by`", token.called());
            return Err(Refused { is_forbidden: true, place: "by", words });
        }
    }
    let detail = match (reported.event, reported.form, reported.touch) {
        (Some(event), None, None) => {
            authorise(token, Right::Signals)?;
            Detail::Event { event, fields: reported.fields }
        }
        (None, Some(form), None) => {
            authorise(token, Right::Forms)?;
            let confirmation = if token.may(Right::Confirmed) { Confirmation::Confirmed } else { Confirmation::Unconfirmed };
            if !reported.email.is_public() || plan.is_own(&reported.email) {
                return Err(Refused::content("email", "nobody outside can answer from this address"));
            }
            let mut fields = reported.fields.iter().map(|(name, value)| (clean::name(name), clean::value(value))).collect();
            let is_no = reported.fields.iter().any(|(field, value)| says_no(field, value));
            form_fields::keep(&plan.qualifying, &plan.settings.fields, &form, &mut fields);
            form_fields::keep_no(&mut fields, is_no);
            Detail::form(form, fields, confirmation)
        }
        (None, None, Some(touch)) => {
            authorise(token, Right::Touches)?;
            if reported.by.is_none() {
                return Err(Refused::content("by", "a touch needs `by`: who logged it"));
            }
            let (proves, date, note) = (reported.proves, reported.date, reported.note);
            Detail::Touch { touch, proves, contradicts: Vec::new(), date, not_before: None, note }
        }
        _ => return Err(Refused::content("event", "exactly one of `event`, `form` and `touch` is needed")),
    };
    check_touch(plan, &detail).map_err(|e| Refused::content("proves", e.to_string()))?;
    Ok(NewSignal::reported(token.name.as_ref(), key, reported.email, reported.by, detail, occurred_at))
}

/// Checks that a token has a right; a refusal names it.
pub fn authorise(token: &ApiToken, right: Right) -> Result<(), Refused> {
    if token.may(right) {
        return Ok(());
    }
    let words = format!("the token {} lacks the right \"{right}\": add it to its `may`", token.called());
    Err(Refused { is_forbidden: true, place: "", words })
}
