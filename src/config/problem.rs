//! Problems: what is wrong, where, and what to write instead; all of them at once, ordered by file and line.

use crate::config::place::Place;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::cell::RefCell;
use std::fmt;

/// Whether a configuration with this problem may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    /// It may run; a person should look at it.
    Warning,
}

/// One problem at one place.
#[derive(Debug, Clone)]
pub struct Problem {
    pub severity: Severity,
    pub place: Place,
    /// What is wrong, in one line.
    pub title: String,
    /// The text beside the caret; may be empty.
    pub label: String,
    /// What to do; may be empty.
    pub help: String,
}

impl Problem {
    /// A problem that forbids running.
    pub fn error(place: &Place, title: impl Into<String>) -> Self {
        let (label, help) = (String::new(), String::new());
        Self { severity: Severity::Error, place: place.clone(), title: title.into(), label, help }
    }

    pub fn warning(place: &Place, title: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, title) }
    }

    /// Adds the text beside the caret.
    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: help.into(), ..self }
    }

    /// The problem as printed: title, `file:line:column`, the line with a caret, and help. Secrets are covered.
    pub fn render(&self, colour: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(self.title.as_str());
        let group = match &self.place {
            Place::At(source, span) => {
                // A span over several lines would print them all; the first line is enough to find it.
                let first_line = source.text[span.clone()].find('\n').map_or(span.end, |length| span.start + length);
                let label = Some(self.label.as_str()).filter(|label| !label.is_empty());
                let annotation = AnnotationKind::Primary.span(span.start..first_line).label(label);
                title.element(Snippet::source(source.shown()).path(source.path.as_str()).annotation(annotation))
            }
            place => title.element(Origin::path(place.path())),
        };
        let help = self.help.as_str();
        let group: Group<'_> = if help.is_empty() { group } else { group.element(Level::HELP.message(help)) };
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// All problems, by file and position. Never empty.
#[derive(Debug)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// All problems, separated by blank lines.
    pub fn render(&self, colour: bool) -> String {
        self.0.iter().map(|problem| problem.render(colour)).collect::<Vec<_>>().join("\n\n")
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

/// Collects problems while files are read.
#[derive(Debug, Default)]
pub struct Log(RefCell<Vec<Problem>>);

impl Log {
    pub fn add(&self, problem: Problem) {
        self.0.borrow_mut().push(problem);
    }

    pub fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// Whether a problem with this very file was logged.
    pub fn mentions(&self, path: &str) -> bool {
        self.0.borrow().iter().any(|problem| problem.place.path() == path)
    }

    /// Whether a logged problem forbids running.
    pub fn refuses(&self) -> bool {
        self.0.borrow().iter().any(|problem| problem.severity == Severity::Error)
    }

    /// The logged problems, by file and position.
    pub fn sorted(self) -> Vec<Problem> {
        let mut problems = self.0.into_inner();
        problems.sort_by_cached_key(|problem| (problem.place.path(), problem.place.position()));
        problems
    }
}

/// "did you mean `dana`? known here: `dana`, `luc`", or the part of it that applies.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let likeness = |candidate: &str| strsim::normalized_damerau_levenshtein(&word.to_lowercase(), candidate);
    let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|best| likeness(best) >= 0.6);
    let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match (nearest, known.is_empty()) {
        (_, true) => "there are none here".to_owned(),
        (Some(nearest), false) => format!("did you mean `{nearest}`? known here: {list}"),
        (None, false) => format!("known here: {list}"),
    }
}
