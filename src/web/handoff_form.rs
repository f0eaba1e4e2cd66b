//! The form on a handoff's page: its fields, the action they ask for, and the confirmation before any final action. It
//! only reads.

use crate::domain::criterion::Criterion;
use crate::domain::doorway::signal::Touch;
use crate::domain::individual::handoff::{Rejection, Stage};
use crate::domain::prospect::FieldType;
use crate::flow::individual::follow_up::Action;
use jiff::civil::Date;
use minijinja::{Value, context};
use std::collections::BTreeMap;

/// The fields a form sent; a repeated one keeps its last value, but for `proves`, which is joined.
#[derive(Debug, Clone, Default)]
pub struct HandoffForm(BTreeMap<String, String>);

/// The fields of the page's forms, and their labels when they are shown for confirmation.
const FIELDS: [(&str, &str); 12] = [
    ("action", ""),
    ("because", ""),
    ("criterion", "What does not hold"),
    ("touch", "How"),
    ("proves", "Proves"),
    ("date", "Date"),
    ("stage", "Stage"),
    ("until", "Until"),
    ("reason", "Why"),
    ("wake", "Back on"),
    ("value", "Worth"),
    ("note", "In your words"),
];

impl HandoffForm {
    /// Reads the fields; a field that our forms do not have is dropped.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        let mut said: BTreeMap<String, String> = BTreeMap::new();
        for (key, value) in pairs.into_iter().take(40).filter(|(key, _)| key == "confirm" || FIELDS.iter().any(|(k, _)| k == key))
        {
            let value: String = value.trim().chars().take(2_000).collect();
            match said.get_mut(&key) {
                Some(earlier) if key == "proves" => *earlier = format!("{earlier},{value}"),
                _ => drop(said.insert(key, value)),
            }
        }
        Self(said)
    }

    /// Whether the salesperson confirmed the action.
    pub fn confirmed(&self) -> bool {
        self.get("confirm") == Some("yes")
    }

    /// The action the form asks for.
    ///
    /// # Errors
    /// What is missing or wrong, as a sentence for the salesperson.
    pub fn action(&self) -> Result<Action, String> {
        Ok(match self.get("action").unwrap_or_default() {
            "accept" => Action::Accept,
            "reject" => Action::Reject(self.rejection()?, self.note()),
            "touch" => {
                let named = |word: &str| Touch::WORDS.into_iter().find(|(w, _)| *w == word).map(|(_, touch)| touch);
                let touch = self.get("touch").and_then(named).ok_or("Say how you were in touch.")?;
                let proves =
                    self.get("proves").into_iter().flat_map(|p| p.split(',')).map(criterion).collect::<Result<_, _>>()?;
                Action::Touch { touch, proves, date: self.date("date")?, note: self.note() }
            }
            "stage" => Action::Stage(self.get("stage").and_then(Stage::parse).ok_or("Choose a stage.")?),
            "snooze" => Action::Snooze(self.date("until")?.ok_or("Say until when.")?, self.note()),
            "recycle" => {
                let reason = self.get("reason").ok_or("Choose a reason.")?.to_owned();
                Action::Recycle { reason, wake: self.date("wake")?, note: self.note() }
            }
            "won" => Action::Won(self.get("value").map(worth).transpose()?),
            "lost" => Action::Lost(self.note()),
            _ => return Err("Choose what to do.".to_owned()),
        })
    }

    /// The confirmation before an action that ends a handoff or takes it away, with the fields as given, so that the page
    /// can send them again; `None` for actions that can be changed later.
    pub fn question(&self, action: &Action) -> Option<Value> {
        let back = "They get group mail again. If they become ready, you come first.";
        let ends = "It is closed, and their group mail ends.";
        let (what, then, yes) = match action {
            Action::Won(_) => ("Is it won?", ends, "Yes, they bought"),
            Action::Lost(_) => ("Is it lost?", back, "Yes, it is lost"),
            Action::Recycle { .. } => ("Return them to nurture?", back, "Yes, return them"),
            Action::Reject(Rejection::NotReady(_), _) => ("Is it too early?", back, "Yes, too early"),
            Action::Reject(Rejection::AlreadyCustomer, _) => ("A customer already?", ends, "Yes, a customer"),
            Action::Reject(Rejection::DataWrong, _) => {
                ("Is the data wrong?", "The sales manager looks at it.", "Yes, it is wrong")
            }
            Action::Reject(Rejection::NotMine, _) => ("Not yours?", "It is offered to somebody else.", "Yes, not mine"),
            Action::Accept | Action::Touch { .. } | Action::Stage(_) | Action::Snooze(..) => return None,
        };
        let field = |(name, value): (&str, &str)| context! { name, value };
        let given = || FIELDS.iter().filter_map(|(key, words)| Some((*key, *words, self.get(key)?)));
        let fields: Vec<Value> = given().map(|(key, _, value)| field((key, value))).collect();
        let shown: Vec<Value> =
            given().filter(|(_, words, _)| !words.is_empty()).map(|(_, words, value)| field((words, value))).collect();
        Some(context! { what, then, yes, fields, shown })
    }

    /// Every field, empty if it was not given: the values of the forms when they are shown again.
    pub fn values(&self) -> Value {
        let said = FIELDS.iter().map(|(key, _)| match *key {
            "proves" => (*key, self.get(key).into_iter().flat_map(|p| p.split(',')).collect()),
            _ => (*key, Value::from(self.get(key).unwrap_or_default())),
        });
        Value::from(said.collect::<BTreeMap<_, Value>>())
    }

    fn rejection(&self) -> Result<Rejection, String> {
        Ok(match self.get("because").unwrap_or_default() {
            "not mine" => Rejection::NotMine,
            "already customer" => Rejection::AlreadyCustomer,
            "data wrong" => Rejection::DataWrong,
            "not ready" => Rejection::NotReady(criterion(self.get("criterion").ok_or("Say which of the five does not hold.")?)?),
            _ => return Err("Say why: not mine, a customer already, wrong data, or too early.".to_owned()),
        })
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|v| !v.is_empty())
    }

    fn note(&self) -> String {
        self.get("note").unwrap_or_default().to_owned()
    }

    fn date(&self, key: &str) -> Result<Option<Date>, String> {
        let text = self.get(key);
        text.map(|t| t.parse().map_err(|_| format!("{t:?} is no date; write it as YYYY-MM-DD."))).transpose()
    }
}

fn criterion(word: &str) -> Result<Criterion, String> {
    Criterion::parse(word).ok_or_else(|| format!("{word:?} is no criterion."))
}

/// An amount as people write it: "48,000 €".
fn worth(text: &str) -> Result<i64, String> {
    let number = FieldType::Number.canonical(text).ok().and_then(|n| n.parse::<i64>().ok()).filter(|n| *n >= 0);
    number.ok_or_else(|| "What it is worth is a whole number, like 48000.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(fields: &str) -> HandoffForm {
        HandoffForm::new(serde_urlencoded::from_str(fields).expect("a form"))
    }

    #[test]
    fn what_a_form_says_becomes_an_action_or_a_sentence() {
        for (fields, becomes) in [
            ("action=accept", "Accept"),
            ("action=reject&because=not+mine&note=+Luc%27s+", "Reject(NotMine, \"Luc's\")"),
            ("action=reject&because=not+ready&criterion=budget", "Reject(NotReady(Budget), \"\")"),
            ("action=reject&because=not+ready", "Say which of the five does not hold."),
            ("action=reject", "Say why: not mine, a customer already, wrong data, or too early."),
            (
                "action=touch&touch=call&proves=budget&proves=timeframe&date=2027-02-01",
                "Touch { touch: Call, proves: [Budget, Timeframe], date: Some(2027-02-01), note: \"\" }",
            ),
            ("action=touch&touch=telepathy", "Say how you were in touch."),
            ("action=touch&touch=call&proves=luck", "\"luck\" is no criterion."),
            ("action=stage&stage=negotiating", "Stage(Negotiating)"),
            ("action=stage&stage=%3Cb%3E", "Choose a stage."),
            // A date was chosen, then a button with another date pressed: the button's date counts.
            ("action=snooze&until=&until=2026-12-01", "Snooze(2026-12-01, \"\")"),
            ("action=snooze&until=soon", "\"soon\" is no date; write it as YYYY-MM-DD."),
            ("action=recycle&reason=no+budget", "Recycle { reason: \"no budget\", wake: None, note: \"\" }"),
            ("action=won", "Won(None)"),
            ("action=won&value=48.000+%E2%82%AC", "Won(Some(48000))"),
            ("action=won&value=-1", "What it is worth is a whole number, like 48000."),
            ("action=lost&note=price", "Lost(\"price\")"),
            ("action=delete", "Choose what to do."),
        ] {
            let found = said(fields).action().map_or_else(|words| words, |action| format!("{action:?}"));
            assert_eq!(found, becomes, "{fields}");
        }
    }

    #[test]
    fn only_what_ends_a_handoff_is_asked_back() {
        for (fields, asks) in [
            ("action=accept", false),
            ("action=touch&touch=call", false),
            ("action=stage&stage=engaged", false),
            ("action=snooze&until=2027-01-01", false),
            ("action=reject&because=data+wrong", true),
            ("action=recycle&reason=no+budget", true),
            ("action=won", true),
            ("action=lost", true),
        ] {
            let said = said(fields);
            assert_eq!(said.question(&said.action().expect("an action")).is_some(), asks, "{fields}");
        }
    }
}
