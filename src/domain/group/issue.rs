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
    /// The token of the link to the prospect's own page.
    Preferences,
    /// The token of a link to a form.
    Form,
    /// The token in the address to which the newsletter is answered.
    ReplyAddress,
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

impl Composed {
    /// The same text as a correction of an issue whose tokens lead to `before`: no token of a mail that has left leads elsewhere
    /// afterwards. What is in both keeps its number, what is new gets the next, and nothing is taken out. Composing the same text
    /// again gives the same numbers.
    ///
    /// # Errors
    /// When there would be more links or questions than a token can tell apart.
    pub fn correcting(mut self, before: &Content) -> Result<Self, &'static str> {
        let (links, link_numbers) = joined(&before.links, &self.content.links);
        let (questions, question_numbers) = joined(&before.questions, &self.content.questions);
        if links.len() > usize::from(u16::MAX) || questions.len() > usize::from(u8::MAX) {
            return Err("it was corrected too often: an issue holds 65,535 links and 255 questions; cancel it instead");
        }
        // Both fit, as was just asked.
        let number = |numbers: &[usize], n: usize| numbers.get(n).and_then(|n| u16::try_from(*n).ok()).unwrap_or(u16::MAX);
        let piece = |piece: &mut Piece| match piece {
            Piece::Hole(Hole::Click(n)) => *n = number(&link_numbers, usize::from(*n)),
            Piece::Hole(Hole::Answer(n)) => {
                let [question, answer] = n.to_be_bytes();
                *n = number(&question_numbers, usize::from(question)) << 8 | u16::from(answer);
            }
            Piece::Literal(_) | Piece::Hole(_) => {}
        };
        self.html.iter_mut().chain(&mut self.text).for_each(piece);
        self.content = Content { links, questions };
        Ok(self)
    }
}

/// What was there with what is new behind it, and the number in it of each of `after`. Two that are alike stay two.
fn joined<T: PartialEq + Clone>(before: &[T], after: &[T]) -> (Vec<T>, Vec<usize>) {
    let (mut all, mut taken) = (before.to_vec(), vec![false; before.len()]);
    let mut numbers = Vec::with_capacity(after.len());
    for one in after {
        let known = (0..all.len()).find(|n| !taken[*n] && all[*n] == *one);
        let number = known.unwrap_or_else(|| {
            all.push(one.clone());
            taken.push(false);
            all.len() - 1
        });
        taken[number] = true;
        numbers.push(number);
    }
    (all, numbers)
}

impl Content {
    /// The question and answer that a token's ordinal names, if the issue printed them.
    pub fn answer(&self, ordinal: u16) -> Option<(&PrintedQuestion, &Answer)> {
        let [question, answer] = ordinal.to_be_bytes();
        let asked = self.questions.get(usize::from(question))?;
        Some((asked, asked.answers.get(usize::from(answer))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(links: &[&str], questions: &[&str]) -> Composed {
        let click = |n: usize| Piece::Hole(Hole::Click(u16::try_from(n).expect("few")));
        let answer = |n: usize| Piece::Hole(Hole::Answer(u16::try_from(n).expect("few") << 8 | 1));
        let printed = |question: &&str| PrintedQuestion {
            criterion: Criterion::Need,
            question: (*question).to_owned(),
            answers: Vec::new(),
        };
        Composed {
            subject: "s".to_owned(),
            html: (0..links.len()).map(click).collect(),
            text: (0..questions.len()).map(answer).collect(),
            content: Content {
                links: links.iter().map(|link| (*link).to_owned()).collect(),
                questions: questions.iter().map(printed).collect(),
            },
        }
    }

    #[test]
    fn a_correction_renumbers_no_link_that_has_left_and_is_the_same_twice() {
        let first = composed(&["a", "b", "a"], &["q"]);
        assert_eq!(first.clone().correcting(&first.content), Ok(first.clone()), "the same words are the same mail");
        let second = composed(&["b", "c", "a", "a", "a"], &["r", "q"]).correcting(&first.content).expect("few");
        assert_eq!(second.content.links, ["a", "b", "a", "c", "a"]);
        let numbers = |pieces: &[Piece]| -> Vec<u16> {
            let number = |piece: &Piece| match piece {
                Piece::Hole(Hole::Click(n) | Hole::Answer(n)) => *n,
                _ => unreachable!("only these"),
            };
            pieces.iter().map(number).collect()
        };
        assert_eq!(numbers(&second.html), [1, 3, 0, 2, 4]);
        assert_eq!(numbers(&second.text), [0x101, 0x001]);
        let again = composed(&["b", "c", "a", "a", "a"], &["r", "q"]).correcting(&second.content);
        assert_eq!(again, Ok(second));
    }

    #[test]
    fn more_questions_than_a_token_tells_apart_are_refused() {
        let many: Vec<String> = (0..255).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let first = composed(&[], &many);
        assert!(first.clone().correcting(&first.content).is_ok());
        assert!(composed(&[], &["one more"]).correcting(&first.content).is_err());
    }
}
