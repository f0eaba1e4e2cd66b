//! Issues: one newsletter at one occurrence, prepared once as final bytes with holes.
//!
//! Only the holes differ between recipients, and every token is equally wide.

use crate::domain::criterion::Criterion;
use crate::domain::question::Answer;
use serde::{Deserialize, Serialize};

/// What is filled into a hole of a prepared message, per delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hole {
    /// The recipient's address, in the `To` header. The only hole whose width varies.
    To,
    /// A token for the Message-ID: the same when a delivery is repeated.
    MessageId,
    /// The instant of the first try, in the `Date` header.
    Date,
    /// The token of the n-th link.
    Click(u16),
    /// The token of an answer: question in the high byte, answer in the low byte.
    Answer(u16),
    Unsubscribe,
    /// The token of a link to a form.
    Form,
}

/// A stretch of a text or message: bytes that are the same for all recipients, or a hole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    Literal(String),
    /// Filled per delivery.
    Hole(Hole),
}

/// A newsletter composed for one issue: both parts of the mail, and the targets of its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    pub subject: String,
    pub html: Vec<Piece>,
    /// The plain-text part, `\n` line ends.
    pub text: Vec<Piece>,
    pub content: Content,
}

/// The targets of an issue's tokens, stored with it: a click is only ever redirected to one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Link targets; `Hole::Click(n)` is the n-th.
    pub links: Vec<String>,
    /// Questions as they were printed; `Hole::Answer` numbers them.
    pub questions: Vec<PrintedQuestion>,
}

/// A question as printed in an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrintedQuestion {
    pub criterion: Criterion,
    pub question: String,
    /// The answers, in order.
    pub answers: Vec<Answer>,
}

impl Content {
    /// The question and answer that a token's ordinal names, if the issue printed them.
    pub fn answer(&self, ordinal: u16) -> Option<(&PrintedQuestion, &Answer)> {
        let [question, answer] = ordinal.to_be_bytes();
        let asked = self.questions.get(usize::from(question))?;
        Some((asked, asked.answers.get(usize::from(answer))?))
    }
}
