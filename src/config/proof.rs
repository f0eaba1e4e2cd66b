//! One criterion of `qualification.toml`: its question, answers and rules. Rules that could never prove it are refused.

use crate::config::condition::{Declared, one_or_more, test};
use crate::config::node::Node;
use crate::config::place::Place;
use crate::config::problem::{Log, Problem, did_you_mean};
use crate::config::reader::Reader;
use crate::domain::audience::Test;
use crate::domain::criterion::Criterion;
use crate::domain::doorway::rule::{CriterionRules, Reads, Rule, Until};
use crate::domain::doorway::signal::Touch;
use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use crate::domain::question::{Answer, DueIn, Power};
use crate::domain::span::Span;
use jiff::civil::Date;

const POWERS: [(&str, Power); 3] = [("meets", Power::Meets), ("supports", Power::Supports), ("contradicts", Power::Contradicts)];

/// Reads `[criteria.X]`. After a problem the result may be incomplete.
pub fn read(log: &Log, criterion: Criterion, node: &Node, declared: &Declared, topics: &[Name]) -> CriterionRules {
    let Some(mut reader) = Reader::table(log, node) else { return CriterionRules::default() };
    let before = log.count();
    let question = reader.get("question");
    let list = reader.get("answers");
    let answers = list.and_then(|node| node.list(log)).unwrap_or_default();
    match (question, list) {
        (Some(question), _) if answers.is_empty() => {
            let problem = Problem::error(&question.place, "a question without answers").label("nobody could answer this");
            log.add(problem.help("add answers = [{ say = \"Yes\", power = \"meets\" }, { say = \"Not yet\" }]"));
        }
        (None, Some(list)) => {
            let problem = Problem::error(&list.place, "answers without a question").label("to what?");
            log.add(problem.help("add `question`, in the words a prospect will read"));
        }
        _ => {}
    }
    let answers: Vec<Answer> = answers_of(log, criterion, answers);
    let question = question.and_then(|node| node.text(log)).unwrap_or_default().to_owned();
    let opener = reader.get("opener").and_then(|node| node.parse(log, "", opener));
    let ask = reader.text("ask");
    let until = reader.get("until").and_then(|node| node.parse(log, "", |text| until(criterion, text)));
    let enough = reader.get("enough");
    if let Some(enough) = enough.filter(|_| !criterion.support_may_meet()) {
        let problem = Problem::error(&enough.place, format!("support never meets {criterion}")).label("however many");
        log.add(problem.help("it must be said or observed; `enough` belongs to vision and need alone"));
    }
    let of = reader.get("of");
    let of_account = of.and_then(|node| node.one_of(log, &[("prospect", false), ("account", true)])).unwrap_or_default();
    if let Some(of) = of.filter(|_| of_account && !criterion.account_may_meet()) {
        let problem =
            Problem::error(&of.place, format!("no colleague proves {criterion} for somebody else")).label("their own alone");
        log.add(problem.help("what somebody sees or needs is their own; budget, authority and timeframe can be an account's"));
    }
    let enough = enough.map_or(Some(1), |node| node.integer(log, 1, 100)).unwrap_or(1);
    let mut rules: Vec<Rule> = Vec::new();
    for node in reader.list("evidence") {
        let read = Reader::table(log, node).and_then(|reader| rule(reader, criterion, declared, topics));
        if let Some(read) = read {
            if let Some(earlier) = rules.iter().find(|earlier| is_contradictory(earlier, &read)) {
                let power = POWERS.iter().find(|(_, power)| *power == earlier.power).map_or("", |(word, _)| word);
                let problem = Problem::error(&node.place, "one signal cannot mean two things about one criterion");
                let problem = problem.label(format!("a rule above reads the same as \"{power}\""));
                log.add(problem.help("keep one of the two, or give each a test of its own"));
            }
            rules.push(read);
        }
    }
    let place = reader.place.clone();
    reader.finish();
    let rules = CriterionRules { question, answers, opener, ask, until: until.unwrap_or_default(), of_account, enough, rules };
    if log.count() == before && !can_be_met(criterion, &rules) {
        let problem =
            Problem::error(&place, format!("nothing here can ever meet {criterion}")).label("nobody would ever be ready");
        let help = if criterion.support_may_meet() {
            "add an answer or evidence with power = \"meets\", or as many supporting rules as `enough` asks for (facts alone do not do)"
        } else {
            "add an answer or evidence with power = \"meets\"; support alone never meets it"
        };
        log.add(problem.help(help));
    }
    rules
}

fn answers_of(log: &Log, criterion: Criterion, nodes: &[Node]) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    let mut formerly: Vec<(String, &Place)> = Vec::new();
    for node in nodes {
        let Some(mut reader) = Reader::table(log, node) else { continue };
        let say = reader.need("say", "the words of this answer, as a prospect will read them");
        let id = reader.get("id").and_then(|node| Some((node.parse(log, "", Name::parse)?, &node.place)));
        let was = reader.list("was").iter().filter_map(|node| Some((node.text(log)?.to_owned(), &node.place)));
        let was: Vec<(String, &Place)> = was.collect();
        let power = reader.get("power").map(|node| node.one_of(log, &POWERS));
        let due = reader.get("due");
        if let Some(due) = due.filter(|_| criterion != Criterion::Timeframe) {
            let problem =
                Problem::error(&due.place, format!("an answer about {criterion} states no date")).label("only a timeframe does");
            log.add(problem.help("drop `due`, or move the answer to [criteria.timeframe]"));
        }
        if criterion == Criterion::Timeframe && power == Some(Some(Power::Meets)) && due.is_none() {
            let problem = Problem::error(&node.place, "an answer that meets the timeframe must state when").label("no `due`");
            log.add(problem.help("add how far away the date is when somebody says this, such as due = \"3 months\""));
        }
        let due = due.and_then(|node| node.parse(log, "", Span::parse)).map(DueIn);
        reader.finish();
        let Some((say, place)) = say.and_then(|node| Some((node.text(log)?, &node.place))) else { continue };
        if answers.iter().any(|answer| answer.say == say) {
            let problem = Problem::error(place, "two answers say the same").label("the second");
            log.add(problem.help("no reader could tell them apart: change one"));
        }
        if let Some((id, place)) = id.as_ref().filter(|(id, _)| answers.iter().any(|answer| answer.id.as_ref() == Some(id))) {
            let problem = Problem::error(place, format!("two answers have the id `{id}`")).label("the second");
            log.add(problem.help("what was answered is kept by it: give each its own"));
        }
        let id = id.map(|(id, _)| id);
        answers.push(Answer {
            id,
            say: say.to_owned(),
            was: was.iter().map(|(was, _)| was.clone()).collect(),
            power: power.flatten(),
            due,
        });
        formerly.extend(was);
    }
    for (i, (was, place)) in formerly.iter().enumerate() {
        if answers.iter().any(|answer| answer.say == *was) || formerly[..i].iter().any(|(earlier, _)| earlier == was) {
            let problem =
                Problem::error(place, format!("two answers are “{was}”")).label("the words of another answer, now or formerly");
            log.add(problem.help("which of the two did they mean who said so? keep it in one place"));
        }
    }
    // A token has one byte for the number of an answer, and few readers read more than twelve.
    if let Some(extra) = nodes.get(12) {
        log.add(Problem::error(&extra.place, "more than twelve answers").help("ask for less at once"));
    }
    answers
}

fn rule(mut reader: Reader<'_>, criterion: Criterion, declared: &Declared, topics: &[Name]) -> Option<Rule> {
    let log = reader.log;
    let place = reader.place.clone();
    // Only the key that names the kind is read here, so that an unknown key's help lists the keys of that kind.
    let kinds = ["form", "touch", "click", "event", "field"];
    let Some(kind) = kinds.into_iter().find(|kind| reader.has(kind)) else {
        for kind in kinds {
            reader.get(kind);
        }
        reader.get("power");
        let unknown = reader.has_unknown();
        reader.finish();
        if !unknown {
            let problem = Problem::error(&place, "what does this rule read?").label("no signal named");
            log.add(problem.help("name one of `form`, `touch`, `click`, `event` and `field`"));
        }
        return None;
    };
    let node = reader.get(kind)?;
    let reads = match kind {
        "form" => form(&mut reader, node, criterion, declared),
        "touch" => touches(log, node),
        "click" => click(&mut reader, node, topics),
        "event" => node.parse(log, "", Name::parse).map(Reads::Event),
        _ => field(&mut reader, node, declared),
    };
    let power_node = reader.need("power", "how much it is worth: \"meets\", \"supports\" or \"contradicts\"");
    let power = power_node.and_then(|node| node.one_of(log, &POWERS));
    reader.finish();
    let rule = Rule { reads: reads?, power: power? };
    let refused = match (&rule.reads, rule.power) {
        (Reads::Click { .. }, _) if !criterion.support_may_meet() => Some((
            format!("clicks never prove {criterion}"),
            "it must be said or observed: an answer, a form, a call; clicks support vision and need alone",
        )),
        (Reads::Click { .. }, Power::Meets | Power::Contradicts) => {
            Some(("a click can only support".to_owned(), "write power = \"supports\"; a click says nothing by itself"))
        }
        (reads, Power::Meets) if criterion == Criterion::Timeframe && !states_date(reads, declared) => {
            Some(("this meets the timeframe and states no date".to_owned(), "name a `field` of type date; a timeframe is a date"))
        }
        _ => None,
    };
    if let Some((title, help)) = refused {
        log.add(Problem::error(power_node.map_or(&place, |node| &node.place), title).help(help));
    }
    Some(rule)
}

fn form(reader: &mut Reader<'_>, node: &Node, criterion: Criterion, declared: &Declared) -> Option<Reads> {
    let log = reader.log;
    let form = node.parse(log, "the NAME of the address /f/NAME that the form posts to", Name::parse);
    let field = reader.get("field");
    let named = field.and_then(|node| node.text(log));
    let declared = named.and_then(|name| *declared.fields.as_ref()?.get(&Name::parse(name).ok()?)?);
    let is_compared = reader.has("at_least") || reader.has("at_most");
    let bare = !is_compared && !reader.has("is") && !reader.has("in") && !reader.has("known");
    let kind = declared.unwrap_or(match criterion {
        _ if is_compared => FieldType::Number,
        Criterion::Timeframe if bare => FieldType::Date,
        _ => FieldType::Text,
    });
    let tested = test(reader, Some(kind))?;
    if field.is_none() && tested.is_some() {
        let problem = Problem::error(&reader.place, "which field of the form is tested?").label("no `field`");
        log.add(problem.help("add `field`, or drop the test: then the form alone is the evidence"));
    }
    let test = named.map(|name| (name.to_owned(), kind, tested.unwrap_or(Test::Known(true))));
    Some(Reads::Form { form: form?, test })
}

fn touches(log: &Log, node: &Node) -> Option<Reads> {
    let touches = one_or_more(node).iter().map(|node| node.one_of(log, &Touch::WORDS)).collect::<Option<Vec<_>>>()?;
    if touches.is_empty() {
        return node.wrong(log, "at least one kind of touch", "name some of \"call\", \"meeting\", \"fair\", \"note\"");
    }
    Some(Reads::Touch(touches))
}

fn click(reader: &mut Reader<'_>, node: &Node, topics: &[Name]) -> Option<Reads> {
    let log = reader.log;
    let topic = node.parse(log, "the name of one of `topics`", Name::parse);
    if let Some(topic) = topic.as_ref().filter(|topic| !topics.contains(topic)) {
        let known = did_you_mean(topic.as_str(), topics.iter().map(Name::as_str));
        let problem = Problem::error(&node.place, format!("unknown topic `{topic}`")).label("not among `topics`");
        log.add(problem.help(known));
    }
    let days = reader.get("days").map_or(Some(1), |node| node.integer(log, 1, 366));
    let within = reader.need("within", "the window in which the clicks must fall, such as \"60d\"");
    let within = within.and_then(|node| node.parse(log, "", Span::parse));
    let (topic, days, within) = (topic?, days?, within?);
    if i64::from(days - 1) * 24 * 60 > within.rough_minutes() {
        let problem = Problem::error(&node.place, format!("{days} days never fit into {within}")).label("cannot be reached");
        log.add(problem.help("ask for fewer `days`, or for a longer `within`"));
    }
    Some(Reads::Click { topic, days, within })
}

fn field(reader: &mut Reader<'_>, node: &Node, declared: &Declared) -> Option<Reads> {
    let named = declared.field(reader.log, node);
    let test = test(reader, named.as_ref().and_then(|(_, kind)| *kind));
    Some(Reads::Field { name: named?.0, test: test?.unwrap_or(Test::Known(true)) })
}

/// Whether the signals that a rule reads carry a date. Touches may: the form then asks for one.
fn states_date(reads: &Reads, declared: &Declared) -> bool {
    match reads {
        Reads::Form { test, .. } => test.as_ref().is_some_and(|(_, kind, _)| *kind == FieldType::Date),
        Reads::Field { name, .. } => declared
            .fields
            .as_ref()
            .is_none_or(|fields| fields.get(name).is_none_or(|kind| kind.is_none_or(|kind| kind == FieldType::Date))),
        Reads::Touch(_) => true,
        Reads::Click { .. } | Reads::Event(_) => false,
    }
}

/// Whether two rules read the same signal with opposite power.
fn is_contradictory(one: &Rule, other: &Rule) -> bool {
    let same = match (&one.reads, &other.reads) {
        (Reads::Touch(one), Reads::Touch(other)) => one.iter().any(|kind| other.contains(kind)),
        (one, other) => one == other,
    };
    same && one.power != other.power
}

/// Whether any signals meet the criterion under these rules.
fn can_be_met(criterion: Criterion, rules: &CriterionRules) -> bool {
    let meets = Some(Power::Meets);
    if rules.answers.iter().any(|a| a.power == meets) || rules.rules.iter().any(|r| r.power == Power::Meets) {
        return true;
    }
    let answers_support = rules.answers.iter().any(|a| a.power == Some(Power::Supports));
    let supports: Vec<&Rule> = rules.rules.iter().filter(|r| r.power == Power::Supports).collect();
    // Facts alone never meet a criterion: a person must have done or said something.
    let alive = answers_support || supports.iter().any(|r| !matches!(r.reads, Reads::Field { .. } | Reads::Event(_)));
    criterion.support_may_meet() && alive && supports.len() + usize::from(answers_support) >= rules.enough
}

fn opener(text: &str) -> Result<String, String> {
    let rest = text.replace("{said}", "").replace("{date}", "");
    match rest.find(['{', '}']) {
        Some(at) => {
            let slip: String = rest[at..].chars().take_while(|c| !c.is_whitespace()).collect();
            Err(format!("an opener cannot hold {slip:?}; it may hold {{said}} and {{date}}, and nothing else in braces"))
        }
        None => Ok(text.to_owned()),
    }
}

fn until(criterion: Criterion, text: &str) -> Result<Until, String> {
    let expected = || {
        format!(
            "{text:?} is no expiry; write \"never\", \"180d\", \"fiscal year end\", \"stated date + 30d\" or a day such as \"2027-06-30\""
        )
    };
    match text {
        "never" => Ok(Until::Never),
        "fiscal year end" => Ok(Until::FiscalYearEnd),
        _ if text.parse::<Date>().is_ok() => text.parse().map(Until::Date).map_err(|_| expected()),
        _ => match text.strip_prefix("stated date") {
            Some(_) if criterion != Criterion::Timeframe => {
                Err(format!("{criterion} states no date; write a span such as \"180d\" (only a timeframe has a stated date)"))
            }
            Some("") => Ok(Until::StatedDate(Span::minutes(0))),
            Some(rest) => {
                let span = rest.trim().strip_prefix('+').and_then(|span| Span::parse(span).ok());
                span.map(Until::StatedDate).ok_or_else(expected)
            }
            None => match Span::parse(text) {
                Ok(span) if span.rough_minutes() == 0 => {
                    Err(format!("{text:?} ends a proof at the moment it is given; write a longer span, or \"never\""))
                }
                Ok(span) => Ok(Until::After(span)),
                Err(_) => Err(expected()),
            },
        },
    }
}
