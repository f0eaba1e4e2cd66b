//! Rules of qualification that could never be met, or would mean something else than they say.

use crate::config::tests::changes::{DOWNTIME, FIRST, load_changed, refusal};

use crate::domain::audience::Condition;
use crate::domain::criterion::{Criterion, Verdict};

/// A file, the words to replace in it, and the words instead.
type Slip = (&'static str, &'static str, &'static str);

const DOWNTIME_BUDGET: &str = "campaigns/line-downtime/04-a-pilot-that-ends.md";
const PILOT_PLACE: (&str, &str) = ("campaigns/line-downtime/05-old-machines.md", "https://tecnofab.example/prices/single-line");
const CRON: &str = "0 10 15 1,4,7,10 *";
const FILE: &str = "qualification.toml";

/// Each mistake, and the words that name it.
#[test]
fn what_could_never_prove_is_refused() {
    let budget = "{ form = \"quote\", field = \"budget\", at_least = 10000, power = \"meets\" }";
    let cases: &[(&str, &str, &str)] = &[
        (budget, "{ click = \"pricing\", days = 2, within = \"60d\", power = \"supports\" }", "clicks never prove Budget"),
        (
            "power = \"supports\" },\n    { form = \"webinar\"",
            "power = \"meets\" },\n    { form = \"webinar\"",
            "a click can only support",
        ),
        ("click = \"pricing\"", "click = \"prices\"", "unknown topic `prices`"),
        ("click = \"pricing\", days = 2", "click = \"pricing\", days = 80", "80 days never fit into 60 days"),
        ("field = \"lines\"", "field = \"line\"", "unknown field `line`"),
        ("field = \"lines\", at_least = 3", "field = \"industry\", at_least = 3", "only numbers and dates can be compared"),
        ("until    = \"fiscal year end\"", "until = \"fiscal year end\"\nenough = 2", "support never meets Budget"),
        ("until    = \"180d\"", "until = \"stated date + 30d\"", "Authority states no date"),
        ("until    = \"180d\"", "until = \"half a year\"", "is no expiry"),
        ("question = \"Who decides about equipment for your lines?\"\n", "", "answers without a question"),
        ("say = \"I do, together with others\"", "say = \"I do\"", "two answers say the same"),
        (", due = \"3 months\"", "", "must state when"),
        ("{ say = \"No\", power = \"contradicts\" }", "{ say = \"No\", due = \"3d\" }", "an answer about Budget states no date"),
        ("field = \"start_by\", power", "power", "this meets the timeframe and states no date"),
        (budget, "{ from = \"quote\", power = \"meets\" }", "unknown key `from`"),
        (budget, "{ power = \"meets\" }", "what does this rule read?"),
        (budget, "{ form = \"quote\", at_least = 10, power = \"meets\" }", "which field of the form is tested?"),
        (budget, "{ form = \"quote\", field = \"budget\", is = 1, in = [2], power = \"meets\" }", "`is` and `in` are both given"),
        ("{said}: what would", "{name}: what would", "an opener cannot hold"),
        ("[\"marta\", \"iria\"]", "[\"marta\", \"marta\"]", "two people must agree"),
        ("max_new_offers = 20", "max_new_offers = 0", "0 is out of range"),
        ("max_new_offers = 20", "max_new_offers = \"20\"", "expected a whole number, found a text"),
        ("max_new_offers = 20", "max_new_offer = 20", "unknown key `max_new_offer`"),
        ("max_enquiries_per_hour = 20", "max_enquiries_per_hour = 0", "0 is out of range"),
        ("max_enquiries_per_hour = 20", "max_enquiries_per_hour = \"20\"", "expected a whole number, found a text"),
        ("[\"marta\", \"iria\"]", "[\"marta\", \"iris\"]", "unknown person `iris`"),
        ("{ reply_says = \"call\" }", "{ reply_says = \"call me\" }", "one whole word"),
        ("contradicts = [\"authority\"]", "", "would change nothing"),
        ("wake   = \"6 months\"", "wake = \"later\"", "is no time to come back"),
        ("[criteria.need]", "[criteria.needs]", "`need` is missing"),
        ("until    = \"365d\"", "until = \"0d\"", "ends a proof at the moment it is given"),
        ("until    = \"365d\"", "until = \"365d\"\nof = \"account\"", "no colleague proves Vision for somebody else"),
        ("of       = \"account\"", "of = \"company\"", "none of the words this takes"),
        (
            budget,
            "{ form = \"quote\", power = \"meets\" }, { form = \"quote\", power = \"contradicts\" }",
            "one signal cannot mean two things",
        ),
        (
            "{ form = \"downtime-check\", power = \"meets\" }",
            "{ touch = [\"note\", \"call\"], power = \"supports\" }",
            "one signal cannot mean two things",
        ),
    ];
    for (from, to, words) in cases {
        let printed = refusal(&[(FILE, from, to)], &[]);
        assert!(printed.contains(words), "{to}\n{printed}");
        assert!(printed.contains("qualification.toml:"), "{printed}");
        assert!(printed.contains("help: "), "{printed}");
    }
}

#[test]
fn a_criterion_that_nothing_can_meet_is_refused() {
    let criterion = |body: &str| format!("[criteria.vision]\n{body}\n[criteria.vision_was]");
    let with = |body: &str| {
        let text = criterion(body);
        load_changed(&[(FILE, "[criteria.vision]", &text)], &[]).expect_err("the old table is unknown now").to_string()
    };
    let never = "nothing here can ever meet Vision";
    assert!(with("evidence = [{ field = \"lines\", at_least = 3, power = \"supports\" }]").contains(never), "facts alone");
    assert!(with("enough = 2\nevidence = [{ form = \"x\", power = \"supports\" }]").contains(never), "too few");
    assert!(with("evidence = [{ touch = [\"call\"], power = \"contradicts\" }]").contains(never), "only against");
    assert!(!with("evidence = [{ form = \"x\", power = \"supports\" }]").contains(never), "one form is enough");
    assert!(!with("evidence = [{ event = \"x\", power = \"meets\" }]").contains(never), "an event may meet");
}

/// Each mistake, and the words that warn of it.
#[test]
fn what_makes_no_sense_is_warned_of() {
    let fair = "campaigns/production-letter.toml";
    let cases: &[(&[Slip], &str, &str)] = &[
        (&[(DOWNTIME_BUDGET, ":::ask budget", "")], "nobody is asked about Budget", ":::ask budget"),
        (
            &[(FILE, "https://tecnofab.example/prices*", "https://tecnofab.example/price-list")],
            "no newsletter links to anything about pricing",
            "never fed",
        ),
        (
            &[(FILE, "days = 2, within = \"60d\"", "days = 4, within = \"50d\"")],
            "come only from reading one issue again",
            "click",
        ),
        (&[("nurtured.toml", "tracking = \"consented\"", "tracking = \"none\"")], "nobody's clicks are followed", "never fed"),
        (
            &[(FILE, "{ form = \"webinar\", power", "{ event = \"trial\", power")],
            "nobody can report an event",
            "no token may report events",
        ),
        // A series sends each letter once: only one of them links to prices, and the edition does not.
        (
            &[
                (PILOT_PLACE.0, PILOT_PLACE.1, "https://tecnofab.example/other"),
                ("campaigns/line-downtime/06-when-to-start.md", "https://tecnofab.example/prices", "https://tecnofab.example/x"),
                (
                    "campaigns/production-letter/2026-04-changeovers.md",
                    "https://tecnofab.example/prices",
                    "https://tecnofab.example/y",
                ),
            ],
            "2 days of clicks within 60 days come only from reading one issue again",
            "link to pricing",
        ),
        (
            &[
                (FIRST, "https://tecnofab.example/calculator", "https://tecnofab.example/x"),
                (FIRST, "https://tecnofab.example/plants/lleida", "https://tecnofab.example/x"),
                ("campaigns/line-downtime/02-short-stops.md", "https://tecnofab.example/plants/", "https://tecnofab.example/x/"),
                (
                    "campaigns/line-downtime/03-who-should-see-it.md",
                    "https://tecnofab.example/plants/",
                    "https://tecnofab.example/x/",
                ),
                ("campaigns/line-downtime/05-old-machines.md", "https://tecnofab.example/plants/", "https://tecnofab.example/x/"),
                (FILE, "enough   = 2", "enough = 3"),
            ],
            "support alone never meets Vision",
            "2 of the supporting rules can be reached",
        ),
        (
            &[
                ("campaigns/line-downtime/02-short-stops.md", ":::ask vision", ""),
                (
                    FILE,
                    "    { touch = [\"call\", \"meeting\", \"fair\"], power = \"meets\" },\n    { click = \"results\"",
                    "    { click = \"results\"",
                ),
            ],
            "nothing can prove Vision: nobody is asked",
            "no form, call or event proves it",
        ),
    ];
    for (changes, words, more) in cases {
        let warnings = load_changed(changes, &[]).expect("valid").warnings;
        let printed: Vec<String> = warnings.iter().map(ToString::to_string).filter(|w| w.contains(words)).collect();
        assert!(!printed.is_empty(), "{words}: {warnings:?}");
        assert!(
            printed[0].contains(more) && printed[0].contains("qualification.toml:") && printed[0].starts_with("warning"),
            "{}",
            printed[0]
        );
    }
    // Two campaigns together feed a rule that neither feeds alone.
    let together = [(FILE, "days = 2, within = \"60d\"", "days = 3, within = \"40d\"")];
    let warnings = load_changed(&together, &[]).expect("valid").warnings;
    assert!(warnings.is_empty(), "{warnings:?}");
    // A weekly campaign feeds a rule that a monthly one does not.
    let often = [(FILE, "days = 2, within = \"60d\"", "days = 4, within = \"60d\""), (fair, CRON, "30 9 * * TUE")];
    let warnings = load_changed(&often, &[]).expect("valid").warnings;
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn an_expiry_in_the_past_is_warned_of_from_its_day_on() {
    let loaded = load_changed(&[(FILE, "until    = \"365d\"", "until = \"2027-06-30\"")], &[]).expect("valid");
    assert!(loaded.warnings.is_empty());
    let at = |text: &str| loaded.warnings_at(text.parse().expect("an instant")).map(ToString::to_string).collect::<Vec<_>>();
    assert!(at("2027-06-29T23:59:59Z").is_empty());
    let told = at("2027-06-30T00:00:00Z");
    assert!(told.len() == 1 && told[0].contains("no proof of Vision counts any more"), "{told:?}");
    assert!(told[0].contains("qualification.toml:") && told[0].contains('^'), "{}", told[0]);
}

#[test]
fn a_criterion_is_a_condition() {
    let with = |condition: &str| vec![(DOWNTIME, "{ tag = \"customer\" }", condition.to_owned())];
    let given = with("{ criterion = \"budget\", is = [\"unknown\", \"expired\"] }");
    let changes: Vec<(&str, &str, &str)> = given.iter().map(|(f, from, to)| (*f, *from, to.as_str())).collect();
    let plan = load_changed(&changes, &[]).expect("valid").plan;
    let expected = Condition::Verdict { criterion: Criterion::Budget, is: vec![Verdict::Unknown, Verdict::Expired] };
    assert!(plan.campaigns.iter().any(|c| c.audience.none.contains(&expected)));
    for (condition, words) in [
        ("{ criterion = \"money\", is = \"met\" }", "none of the words this takes"),
        ("{ criterion = \"budget\", is = \"open\" }", "none of the words this takes"),
        ("{ criterion = \"budget\", is = [] }", "this list is empty"),
        ("{ criterion = \"budget\" }", "`is` is missing"),
        ("{ criterion = \"budget\", is = \"met\", known = true }", "unknown key `known`"),
        ("{ criterion = \"budget\", tag = \"x\", is = \"met\" }", "a condition names one of"),
    ] {
        let printed = refusal(&[(DOWNTIME, "{ tag = \"customer\" }", condition)], &[]);
        assert!(printed.contains(words) && printed.contains(&format!("--> {DOWNTIME}:")), "{condition}\n{printed}");
    }
}

#[test]
fn what_a_salesperson_or_an_audience_cannot_be() {
    let cases: &[(&str, &str, &str, &str)] = &[
        ("salespeople.toml", "id      = \"luc\"", "id = \"dana\"", "the id `dana` is used twice"),
        ("salespeople.toml", "manager = \"iria\"", "manager = \"irma\"", "unknown person `irma`"),
        ("salespeople.toml", "to = \"17:00\"", "to = \"07:00\"", "the day ends before it begins"),
        ("salespeople.toml", "mon-thu", "mon-thx", "this names no days"),
        ("salespeople.toml", "to   = [\"luc\"]", "to = []", "this route leads to nobody"),
        ("salespeople.toml", "to   = [\"luc\"]", "to = [\"marta\"]", "`marta` is a colleague, not a salesperson"),
        ("salespeople.toml", "answer = \"4h\"", "answer = \"4 working hours\"", "is not a span of time"),
        ("salespeople.toml", "at_most = 25", "at_most = 0", "0 is out of range"),
        ("salespeople.toml", "at_least = 250", "at_least = \"many\"", "expected a whole number, found a text"),
        ("nurtured.toml", "sqlite:nurtured.db", "sqlite::memory:", "forgets everything"),
        ("nurtured.toml", "sqlite:nurtured.db", "mysql://x", "neither SQLite's nor PostgreSQL's"),
        ("nurtured.toml", "industry  = \"text\"", "industry = \"string\"", "none of the words this takes"),
        ("nurtured.toml", "127.0.0.1:8025", "localhost", "no address to listen on"),
        ("nurtured.toml", "connections = 4", "connections = 65", "65 is out of range"),
        ("nurtured.toml", "patience    = \"10m\"", "patience = \"11m\"", "patience is one second to ten minutes"),
        ("nurtured.toml", "patience    = \"10m\"", "patience = \"75\"", "patience is one second to ten minutes"),
        ("nurtured.toml", "connections = 4", "username = \"x\"", "a `username` without a password"),
        ("nurtured.toml", "connections = 4", "password = \"x\"", "a password without a `username`"),
        ("nurtured.toml", "connections = 4", "token_command = \"token\"", "a token without a `username`"),
        (
            "nurtured.toml",
            "connections = 4",
            "username = \"x\"\npassword = \"y\"\ntoken_command = \"token\"",
            "`token_command` and `password` are both given",
        ),
        (
            "nurtured.toml",
            "connections = 4",
            "username = \"x\"\ntoken_command = \"a | b\"",
            "this needs a shell, and is run without one",
        ),
        ("nurtured.toml", "connections = 4", "username = \"x\"\ntoken_command = []", "this names no program"),
        (
            "nurtured.toml",
            "bounces@news",
            "undeliverable-mail-of-tecnofab@news",
            "it would have 67 octets before the @, and 64 are allowed",
        ),
        ("nurtured.toml", "on_uncertain = \"resend\"", "on_uncertain = \"drop\"", "resend"),
        ("nurtured.toml", "url = \"sqlite:nurtured.db\"", "stop_journal = \"/mnt/\"", "this is no file"),
        ("nurtured.toml", "fiscal_year_starts = \"01-01\"", "fiscal_year_starts = \"02-29\"", "a fiscal year starts on a day"),
        (DOWNTIME, "\"rival.example\"", "\"https://rival.example/\"", "this is no domain"),
        (DOWNTIME, "{ tag = \"customer\" }", "{ customer = true }", "unknown key `customer`"),
        (DOWNTIME, "{ tag = \"customer\" }", "{ in = [\"x\"] }", "a condition names one of"),
        (DOWNTIME, "{ tag = \"customer\" }", "{ field = \"lines\" }", "how must `lines` be?"),
        (DOWNTIME, "{ tag = \"customer\" }", "{ field = \"lines\", is = \"few\" }", "cannot be a value of this field"),
        (DOWNTIME, "Marta Vidal, Tecnofab <letter@", "<letter@", "somebody with a name"),
        (DOWNTIME, "30 9 * * TUE#1", "30 9 * *", "five fields"),
        (FIRST, "what-a-stop-costs", "What a stop costs", "a name holds only"),
    ];
    for (file, from, to, words) in cases {
        let printed = refusal(&[(file, from, to)], &[]);
        assert!(printed.contains(words), "{to}\n{printed}");
        assert!(printed.contains(&format!("--> {file}:")), "{printed}");
    }
}
