//! A newsletter composed for one issue: HTML, text and the targets of its tokens. The same for all recipients.
//!
//! The steps: template, Markdown, questions, layout, styles; then the final strings are cut at the tokens.

use crate::domain::criterion::Criterion;
use crate::domain::doorway::rule::Qualifying;
use crate::domain::group::campaign::{Campaign, Newsletter};
use crate::domain::group::issue::{Composed, Content, Hole, PrintedQuestion};
use crate::domain::id::Name;
use crate::domain::language::Language;
use crate::domain::settings::{FormSettings, Organisation};
pub use crate::text::fill::Complaint;
use crate::text::fill::{Values, fill};
pub use crate::text::lint::lint;
use crate::text::markdown::{self, Directive};
use crate::text::plain;
pub use crate::text::template::TextError;
use crate::text::template::{render, render_styled};
use crate::text::token::{TRAP_ORDINAL, Tokens};
use comrak::Arena;
use comrak::nodes::{Node, NodeHtmlBlock, NodeValue};
use jiff::tz::TimeZone;
use minijinja::value::Value;
use serde::Serialize;
use std::collections::BTreeMap;

/// The surroundings of a newsletter.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    pub organisation: &'a Organisation,
    /// The URL at which links begin, without a trailing slash.
    pub public_url: &'a str,
    /// The campaign it belongs to.
    pub campaign: &'a Campaign,
    /// The questions and their answers.
    pub qualifying: &'a Qualifying,
    /// Links to the pages of these forms are signed.
    pub forms: &'a BTreeMap<Name, FormSettings>,
    /// The nominal day of the issue.
    pub date: jiff::civil::Date,
}

/// The criteria a newsletter can ask about: those with a question and an answer.
pub fn askable(qualifying: &Qualifying) -> Vec<Criterion> {
    let asked = qualifying.criteria.iter().filter(|(_, rules)| !rules.question.is_empty() && !rules.answers.is_empty());
    asked.map(|(criterion, _)| criterion).collect()
}

/// Every complaint about a subject or preheader; spans are bytes in `line`. Both may use the same names as the text.
pub fn lint_line(line: &str) -> Vec<Complaint> {
    fill(line).1
}

/// Composes a newsletter. In subject and preheader, what [`lint_line`] complains of stays as written. Equal input gives equal
/// output, byte for byte.
///
/// # Errors
/// When lint refuses the text; never for a text that lints clean.
pub fn compose(newsletter: &Newsletter, frame: &Frame<'_>) -> Result<Composed, TextError> {
    if let Some(complaint) = lint(&newsletter.markdown, &askable(frame.qualifying)).into_iter().next() {
        return Err(TextError::Refused(complaint.title));
    }
    let Organisation { name, postal_address, .. } = frame.organisation;
    let said = [&newsletter.markdown, &newsletter.subject, &newsletter.preheader, name, postal_address].map(String::as_str);
    let tokens = Tokens::for_text(&[&said[..], &[frame.public_url, frame.campaign.name.as_str()]].concat());
    let values = Values::new(name, frame.campaign.name.as_str(), frame.date);
    let line = |text: &str| match fill(text) {
        (filled, complaints) if complaints.is_empty() => values.put(&filled.text).into_owned(),
        _ => text.to_owned(),
    };
    let (subject, preheader) = (line(&newsletter.subject), line(&newsletter.preheader));
    let mut composer = Composer { frame, values, tokens, content: Content::default(), asked: Vec::new() };

    let (filled, _) = fill(&newsletter.markdown);
    let arena = Arena::new();
    let root = markdown::read(&arena, &filled.text);
    composer.put_values(root);
    composer.ask_questions(root)?;
    composer.track_links(root);

    let mut body = String::new();
    comrak::format_html(root, &markdown::options(), &mut body)?;
    let unsubscribe = composer.url("u", Hole::Unsubscribe);
    let preferences = composer.url("p", Hole::Preferences);
    let trap = composer.url("c", Hole::Click(TRAP_ORDINAL));
    let html = render_styled(
        Language::English,
        "newsletter.html",
        &TimeZone::UTC,
        Layout {
            subject: &subject,
            preheader: &preheader,
            organisation: name,
            postal_address: postal_address.lines().map(str::trim).filter(|line| !line.is_empty()).collect(),
            body: Value::from_safe_string(body),
            preferences: &preferences,
            unsubscribe: &unsubscribe,
            trap: &trap,
        },
    )?;
    let text = plain::print(root, &composer.asked) + &composer.text_footer(&preferences, &unsubscribe);
    Ok(Composed { subject, html: composer.tokens.cut(&html), text: composer.tokens.cut(&text), content: composer.content })
}

#[derive(Serialize)]
struct Layout<'a> {
    subject: &'a str,
    preheader: &'a str,
    organisation: &'a str,
    postal_address: Vec<&'a str>,
    body: Value,
    preferences: &'a str,
    unsubscribe: &'a str,
    trap: &'a str,
}

#[derive(Serialize)]
struct Printed<'a> {
    question: &'a str,
    answers: Vec<(&'a str, String)>,
}

struct Composer<'a> {
    frame: &'a Frame<'a>,
    values: Values,
    tokens: Tokens,
    content: Content,
    /// The questions as plain text, in order.
    asked: Vec<String>,
}

impl Composer<'_> {
    fn url(&mut self, path: &str, hole: Hole) -> String {
        format!("{}/{path}/{}", self.frame.public_url, self.tokens.token(hole))
    }

    fn put_values(&self, root: Node<'_>) {
        for node in root.descendants() {
            let put = |text: &mut String| *text = self.values.put(text).into_owned();
            match &mut node.data.borrow_mut().value {
                NodeValue::Text(text) => *text = self.values.put(text).into_owned().into(),
                NodeValue::Code(code) => put(&mut code.literal),
                NodeValue::CodeBlock(code) => put(&mut code.literal),
                NodeValue::Link(link) | NodeValue::Image(link) => {
                    put(&mut link.url);
                    put(&mut link.title);
                }
                _ => {}
            }
        }
    }

    /// Replaces every web link by a tracked one, and a link to the page of a form by a signed one; equal targets share a token.
    fn track_links(&mut self, root: Node<'_>) {
        for node in root.descendants() {
            if let NodeValue::Link(link) = &mut node.data.borrow_mut().value {
                if link.url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:")) {
                    continue;
                }
                let page = |settings: &FormSettings| settings.page.as_deref() == Some(link.url.as_str());
                if let Some((form, _)) = self.frame.forms.iter().find(|(_, settings)| page(settings)) {
                    link.url = format!("{}/f/{form}?t={}", self.frame.public_url, self.tokens.token(Hole::Form));
                    continue;
                }
                let target = markdown::escape_link(&link.url);
                let n = self.content.links.iter().position(|l| *l == target).unwrap_or_else(|| {
                    self.content.links.push(target);
                    self.content.links.len() - 1
                });
                let n = u16::try_from(n).expect("lint allows 999 links");
                link.url = self.url("c", Hole::Click(n));
            }
        }
    }

    fn ask_questions(&mut self, root: Node<'_>) -> Result<(), TextError> {
        let found: Vec<_> = root.children().filter_map(|node| Some((node, markdown::directive(node)?))).collect();
        for (node, directive) in found {
            let Directive::Ask(criterion) = directive else { continue };
            let html = self.question(criterion)?;
            while let Some(child) = node.first_child() {
                child.detach();
            }
            node.data.borrow_mut().value = NodeValue::HtmlBlock(NodeHtmlBlock { block_type: 6, literal: html });
        }
        Ok(())
    }

    /// Prints a question as HTML, and keeps its plain text and a snapshot of its answers.
    fn question(&mut self, criterion: Criterion) -> Result<String, TextError> {
        let rules = &self.frame.qualifying.criteria[criterion];
        let ordinal = u8::try_from(self.content.questions.len()).expect("lint allows 20 questions");
        // A token has one byte for the number of an answer.
        let answers = &rules.answers[..rules.answers.len().min(256)];
        let mut printed = Printed { question: &rules.question, answers: Vec::new() };
        let mut text = plain::wrap(&rules.question, "", "");
        for (answer, n) in answers.iter().zip(0_u8..) {
            let url = self.url("a", Hole::Answer(u16::from_be_bytes([ordinal, n])));
            text.extend(plain::wrap(&format!("{}:", answer.say), "  - ", "    "));
            text.push(format!("    {url}"));
            printed.answers.push((&answer.say, url));
        }
        self.asked.push(text.join("\n"));
        self.content.questions.push(PrintedQuestion { criterion, question: rules.question.clone(), answers: answers.to_vec() });
        render("question.html", &TimeZone::UTC, printed)
    }

    fn text_footer(&self, preferences: &str, unsubscribe: &str) -> String {
        let Organisation { name, postal_address, .. } = self.frame.organisation;
        let address = postal_address.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(", ");
        let why = format!("You receive this because you showed interest in what {name} does, and have not asked us to stop.");
        let mut lines = vec![String::new(), "-- ".to_owned()];
        lines.extend(plain::wrap(name, "", ""));
        lines.extend(plain::wrap(&address, "", ""));
        lines.push(String::new());
        lines.extend(plain::wrap(&why, "", ""));
        for (what, url) in [("Your preferences:", preferences), ("Unsubscribe:", unsubscribe)] {
            lines.extend([what.to_owned(), url.to_owned()]);
        }
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::Address;
    use crate::domain::audience::Audience;
    use crate::domain::criterion::PerCriterion;
    use crate::domain::doorway::rule::CriterionRules;
    use crate::domain::group::campaign::{Late, Order, Sender};
    use crate::domain::group::issue::Piece;
    use crate::domain::group::schedule::Schedule;
    use crate::domain::question::{Answer, Power};
    use crate::domain::span::{FiscalYear, Span};

    const LETTER: &str = "# What an hour of standstill costs\n\n\
        Most plants know their hourly rate. Few know what **{{ issue.month }}** really cost them: the restart, the scrap, \
        the lorry that left half empty. At {{ organisation.name }} we measured it on [eleven lines](https://tecnofab.example/lines).\n\n\
        ## What we found\n\n- A quarter of all stops last under *two minutes*.\n- Nobody writes those down.\n\n\
        | Stop | Share |\n|---|---|\n| Under 2 min | 26 % |\n| Over an hour | 9 % |\n\n\
        > We thought it was the filler. It was the labels.\n\n\
        [See what it costs](https://tecnofab.example/prices?from=letter&b=1), or [the eleven lines](https://tecnofab.example/lines) \
        again. Questions? Write to [Marta](mailto:marta@tecnofab.example).\n\n:::ask budget\n\nUntil next month,\n\nMarta\n";

    fn compose_with(markdown: &str, organisation: &str) -> Result<Composed, TextError> {
        let say = |say: &str| Answer { id: None, say: say.to_owned(), was: Vec::new(), power: Some(Power::Meets), due: None };
        let mut criteria: PerCriterion<CriterionRules> = PerCriterion::default();
        criteria[Criterion::Budget].question = "Is money set aside for this?".to_owned();
        criteria[Criterion::Budget].answers = vec![say("Yes, over 50,000 €"), say("Yes, less"), say("Not <this> year")];
        let qualifying = Qualifying {
            agreed_by: Vec::new(),
            horizon: Span::days(270),
            fiscal_year: FiscalYear::CALENDAR,
            requests: Vec::new(),
            topics: Vec::new(),
            criteria,
            recycle: Vec::new(),
            salespeople: Vec::new(),
        };
        let campaign = Campaign {
            name: Name::parse("line-downtime").expect("name"),
            from: Sender { name: "Marta".to_owned(), address: Address::parse("letter@news.tecnofab.example").expect("address") },
            reply_to: Name::parse("marta").expect("name"),
            schedule: Schedule::parse("30 9 * * *", "Europe/Madrid").expect("schedule"),
            late: Late::default(),
            window: None,
            order: Order::Series,
            audience: Audience { all: Vec::new(), any: Vec::new(), none: Vec::new() },
            newsletters: Vec::new(),
            guards: crate::domain::group::guard::Guards::default(),
            renamed_from: None,
            topic: None,
        };
        let newsletter = Newsletter {
            id: Name::parse("standstill").expect("name"),
            subject: "What an hour costs in {{ issue.month }}".to_owned(),
            preheader: "For {{ name }}".to_owned(),
            markdown: markdown.to_owned(),
        };
        let organisation = Organisation {
            name: organisation.to_owned(),
            postal_address: "Carrer Major 1\n08700 Igualada".to_owned(),
            languages: Vec::new(),
        };
        let frame = Frame {
            organisation: &organisation,
            public_url: "https://news.tecnofab.example",
            campaign: &campaign,
            qualifying: &qualifying,
            forms: &BTreeMap::from([(
                Name::parse("quote").expect("name"),
                FormSettings { page: Some("https://tecnofab.example/quote".to_owned()), trusted: false },
            )]),
            date: jiff::civil::date(2026, 11, 3),
        };
        compose(&newsletter, &frame)
    }

    fn shown(pieces: &[Piece]) -> String {
        let show = |piece: &Piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Hole(Hole::Click(n)) => format!("{{click {n}}}"),
            Piece::Hole(Hole::Answer(n)) => format!("{{answer {n}}}"),
            Piece::Hole(hole) => format!("{{{hole:?}}}"),
        };
        pieces.iter().map(show).collect()
    }

    #[test]
    fn a_newsletter_reads_well_as_plain_text() {
        let composed = compose_with(LETTER, "Tecnofab").expect("clean");
        insta::assert_snapshot!(shown(&composed.text));
    }

    #[test]
    fn links_and_answers_become_holes() {
        let composed = compose_with(LETTER, "Tecnofab").expect("clean");
        assert_eq!(composed.content.links, ["https://tecnofab.example/lines", "https://tecnofab.example/prices?from=letter&b=1"]);
        assert_eq!(composed.content.answer(2).map(|(_, a)| a.say.as_str()), Some("Not <this> year"));
        for part in [&composed.html, &composed.text] {
            let shown = shown(part);
            assert!(!shown.contains("tecnofab.example/prices"), "a link without a token");
            for hole in ["/c/{click 0}", "/c/{click 1}", "/a/{answer 0}", "/a/{answer 2}", "/p/{Preferences}", "/u/{Unsubscribe}"]
            {
                assert!(shown.contains(hole), "{hole} is missing in {shown}");
            }
        }
        let html = shown(&composed.html);
        assert!(html.contains("mailto:marta@tecnofab.example") && html.contains("Not &lt;this&gt; year"));
        assert_eq!(html.matches("{click 0}").count(), 2, "equal links share a token");
        assert_eq!(html.matches("(max-width: 620px)").count(), 1, "media queries stay");
    }

    #[test]
    fn a_link_to_a_form_is_signed() {
        let composed = compose_with("[Ask](https://tecnofab.example/quote), or [read](https://tecnofab.example/quotes)", "T");
        let composed = composed.expect("clean");
        for part in [&composed.html, &composed.text] {
            let shown = shown(part);
            assert!(shown.contains("https://news.tecnofab.example/f/quote?t={Form}"), "{shown}");
        }
        assert_eq!(composed.content.links, ["https://tecnofab.example/quotes"], "only the page itself");
    }

    #[test]
    fn composing_twice_gives_the_same_bytes() {
        assert_eq!(compose_with(LETTER, "Tecnofab").expect("clean"), compose_with(LETTER, "Tecnofab").expect("clean"));
    }

    #[test]
    fn hostile_values_stay_words() {
        let name = "<script>x</script> **b** {{ issue.year }} [l](http://evil.example)";
        let composed = compose_with("{{ organisation.name }} [x](https://x.example/{{ issue.year }})", name).expect("clean");
        let html = shown(&composed.html);
        assert!(!html.contains("<script") && !html.contains("<strong>b"));
        assert!(html.contains("&lt;script&gt;x&lt;/script&gt; **b** {{ issue.year }}"));
        assert_eq!(composed.content.links, ["https://x.example/2026"]);
    }

    #[test]
    fn subject_and_preheader_know_the_same_names() {
        let composed = compose_with("x", "Tecnofab").expect("clean");
        assert_eq!(composed.subject, "What an hour costs in November");
        assert!(shown(&composed.html).contains("For {{ name }}"));
        assert_eq!(lint_line("For {{ name }}")[0].span, 7..11);
    }

    #[test]
    fn what_lint_refuses_is_not_composed() {
        assert!(matches!(compose_with("Dear {{ name }}", "T"), Err(TextError::Refused(_))));
    }

    proptest::proptest! {
        #[test]
        fn what_lints_clean_composes(markdown in concat!(
            "([a-z{}:#<>\\[\\]()|*_`~!\\-\n\r\t\\\\é ]|:::ask budget|\\{\\{ issue.year \\}\\}|https://x.example/|",
            "\\{# n #\\}|\n\n|- |> ){0,40}"
        )) {
            let complaints = lint(&markdown, &[Criterion::Budget]);
            for complaint in &complaints {
                proptest::prop_assert!(markdown.get(complaint.span.clone()).is_some(), "{complaint:?}");
            }
            proptest::prop_assert_eq!(compose_with(&markdown, "T").is_ok(), complaints.is_empty());
        }
    }
}
