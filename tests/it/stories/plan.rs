//! `plan` prints what `apply` then does.

use super::{Told, address, name, somebody, story};
use jiff::civil::date;
use nurtured::cli;
use nurtured::config::{example, load_files};
use nurtured::domain::criterion::Criterion::{self, Authority, Budget, Need, Timeframe, Vision};
use nurtured::domain::doorway::qualification::Verdict;
use nurtured::domain::doorway::signal::Touch;
use nurtured::domain::id::{Name, ProspectId};
use nurtured::domain::individual::routing::{Load, assign};
use nurtured::domain::plan::Plan;
use nurtured::domain::prospect::{Prospect, Standing};
use nurtured::flow::doorway::apply::{Applied, apply};
use nurtured::flow::doorway::ramp;
use nurtured::flow::group::publish;
use nurtured::flow::individual::follow_up::Action;
use nurtured::insight::plan::report::{Member, PlanReport};
use nurtured::insight::plan::survey::{PlanRequest, plan};
use nurtured::store::group::{audiences, campaigns};
use nurtured::store::individual::handoffs;
use nurtured::store::operations::configurations;
use nurtured::store::people::{accounts, prospects};
use nurtured::town::Town;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The files of a configuration, by path.
pub(super) type Configured = BTreeMap<String, String>;

/// The example's files, with words in them replaced.
pub(super) fn changed(changes: &[(&str, &str, &str)]) -> Configured {
    let mut files: Configured = example::FILES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    for (path, from, to) in changes {
        let text = files.get_mut(*path).expect("a file of the example");
        assert!(text.contains(from), "{path} holds no {from:?}");
        *text = text.replacen(from, to, 1);
    }
    files
}

/// A plan of these files, with the settings of the town.
fn read(town: &Town, files: &Configured) -> Outcome<Plan> {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let loaded = load_files(&files, &[])?;
    Ok(Plan { settings: town.node.ctx.plan().settings.clone(), ..loaded.plan })
}

/// Puts a configuration in force.
pub(super) async fn applied(town: &Town, files: Configured) -> Outcome<Applied> {
    Ok(apply(&town.node.ctx, read(town, &files)?).await?)
}

/// What `nurtured plan --list` would print.
async fn planned(town: &Town, after: &Plan) -> Outcome<PlanReport> {
    let store = town.node.ctx.store();
    let before = cli::plan::before(&mut store.read().await?).await.map_err(|e| e.words().to_owned())?;
    Ok(plan(store, PlanRequest { before: before.as_ref(), after, list: true }, town.now(), |_, _| {}).await?)
}

const WEBINAR: &str = "webinar";
const RULES: &str = "qualification.toml";
const PEOPLE: usize = 40;

/// A small generator: the same changes on every machine.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % n
    }

    fn one_of<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// A configuration that differs from the example in a dozen places, or in none of them.
fn generated(seed: &mut Seeded) -> Configured {
    let ramp = seed.one_of(&["", "max_new_offers = 1\n", "max_new_offers = 2\n", "max_new_offers = 4\n"]);
    let requests = seed.one_of(&["", "{ form = \"downtime-check\" }, "]);
    let requests = format!("requests = [{requests}{{ form = \"call-me\" }}");
    let webinar = format!("{{ form = \"webinar\", power = \"{}\" }}", seed.one_of(&["supports", "meets"]));
    let until = format!(
        "until    = \"{}\"\nevidence = [\n    {{ form = \"quote\", field = \"budget\"",
        seed.one_of(&["fiscal year end", "5d", "never"])
    );
    let account = seed.one_of(&["of       = \"account\"\nuntil    = \"180d\"", "until    = \"180d\""]);
    let touch = format!(
        "    {{ touch = [{}], power = \"meets\" }},\n    {{ field = \"job_title\"",
        seed.one_of(&["\"call\", \"meeting\", \"fair\"", "\"meeting\""])
    );
    let any = seed.one_of(&[
        "any  = [{ field = \"industry\", in = [\"food\", \"packaging\"] }, { tag = \"fair-2025\" }]",
        "any  = [{ field = \"industry\", in = [\"packaging\"] }]",
        "any  = [{ criterion = \"need\", is = [\"met\", \"weak\"] }, { field = \"employees\", at_least = 250 }]",
        "all  = [{ criterion = \"vision\", is = [\"unknown\", \"weak\"] }]",
    ]);
    let cron = format!("{} * * TUE#1", seed.one_of(&["30 9", "15 10", "0 16"]));
    let active = seed.one_of(&["", "active  = false\n"]);
    let luc = format!("email   = \"luc@tecnofab.example\"\n{active}");
    let packaging = format!("in = [\"packaging\"] }}\nto   = [\"{}\"]", seed.one_of(&["luc", "dana"]));
    let mut files = changed(&[
        (RULES, "max_new_offers = 20\n", ramp),
        (RULES, "requests = [{ form = \"call-me\" }", &requests),
        (RULES, "{ form = \"webinar\", power = \"supports\" }", &webinar),
        (RULES, "until    = \"fiscal year end\"\nevidence = [\n    { form = \"quote\", field = \"budget\"", &until),
        (RULES, "of       = \"account\"\nuntil    = \"180d\"", account),
        (RULES, "    { touch = [\"call\", \"meeting\", \"fair\"], power = \"meets\" },\n    { field = \"job_title\"", &touch),
        (
            "campaigns/line-downtime.toml",
            "any  = [{ field = \"industry\", in = [\"food\", \"packaging\"] }, { tag = \"fair-2025\" }]",
            any,
        ),
        ("campaigns/line-downtime.toml", "30 9 * * TUE#1", &cron),
        ("salespeople.toml", "email   = \"luc@tecnofab.example\"\n", &luc),
        ("salespeople.toml", "in = [\"packaging\"] }\nto   = [\"luc\"]", &packaging),
    ]);
    if seed.below(2) == 0 {
        let letter = files["campaigns/production-letter.toml"].replace("\"ES\", \"PT\", \"FR\"", "\"PT\"");
        files.insert("campaigns/extra.toml".to_owned(), letter);
        let text = files["campaigns/production-letter/2026-04-changeovers.md"].clone();
        files.insert("campaigns/extra/01.md".to_owned(), text);
    }
    if seed.below(3) == 0 {
        files.retain(|path, _| !path.starts_with("campaigns/production-letter"));
    }
    files
}

/// Rules under which a webinar is enough, two offers a day.
fn flood() -> Configured {
    changed(&[
        (RULES, "max_new_offers = 20\n", "max_new_offers = 2\n"),
        (RULES, "{ form = \"webinar\", power = \"supports\" }", "{ form = \"webinar\", power = \"meets\" }"),
    ])
}

fn person(n: usize) -> nurtured::domain::address::Address {
    // Two of each company.
    address(&format!("p{n}@company{}.example", n / 2))
}

/// Forty prospects of whom all kinds of things are known.
async fn people(town: &Town, seed: &mut Seeded) -> Told {
    let arrivals = (0..PEOPLE).map(|n| {
        let mut arrival = somebody(person(n).as_str());
        let [industry, country, employees] =
            [["food", "packaging", "chemistry"], ["ES", "PT", "DE"], ["40", "250", "900"]].map(|of| seed.one_of(&of));
        for (field, value) in [("industry", industry), ("country", country), ("employees", employees)] {
            arrival.fields.insert(name(field), value.to_owned());
        }
        arrival
    });
    let arrivals: Vec<_> = arrivals.collect();
    town.admit(&arrivals, "import").await?;
    // What proves something is newer than the episode.
    town.clock.advance(jiff::SignedDuration::from_mins(1));
    for n in 0..PEOPLE {
        let all = [Vision, Budget, Authority, Need, Timeframe];
        let left_out = seed.below(8);
        let proven: Vec<Criterion> = all.into_iter().enumerate().filter(|(i, _)| *i != left_out).map(|(_, c)| c).collect();
        let touch = [Touch::Call, Touch::Meeting][seed.below(2)];
        if seed.below(4) > 0 {
            // Everybody's vision is left to a form.
            let proven: Vec<Criterion> = proven.into_iter().filter(|c| *c != Vision).collect();
            town.log(&person(n), "marta", touch, &proven, Some(date(2026, 6, 1)), "told us").await?;
        }
        for form in [WEBINAR, "downtime-check"] {
            if seed.below(3) > 0 {
                town.fill_in(form, &[("email", person(n).as_str())]).await?;
            }
        }
    }
    town.run_until_idle().await?;
    Ok(())
}

/// What is there to be compared.
struct State {
    people: BTreeMap<ProspectId, Prospect>,
    audiences: BTreeMap<Name, BTreeSet<ProspectId>>,
    load: Load,
}

async fn state(town: &Town) -> Outcome<State> {
    let plan = town.node.ctx.plan();
    let mut tx = town.node.ctx.store().read().await?;
    let ids = prospects::page(&mut tx, ProspectId(0), 1_000).await?;
    let people = prospects::load(&mut tx, &ids).await?.into_iter().map(|p| (p.id, p)).collect();
    let mut reached = BTreeMap::new();
    for campaign in &plan.campaigns {
        let newsletters = publish::offered(campaign);
        let mut question = publish::question(&plan, campaign, &newsletters);
        question.up_to = audiences::last(&mut tx).await?;
        reached.insert(campaign.name.clone(), audiences::members(&mut tx, &question).await?.into_iter().collect());
    }
    Ok(State { people, audiences: reached, load: handoffs::load_of_all(&mut tx).await? })
}

fn counted(people: &BTreeMap<ProspectId, Prospect>) -> BTreeMap<(Criterion, Verdict), i64> {
    let mut found = BTreeMap::new();
    for (criterion, prospect) in people.values().flat_map(|p| Criterion::ALL.map(|c| (c, p))) {
        *found.entry((criterion, prospect.verdicts.get(&criterion).copied().unwrap_or_default())).or_default() += 1;
    }
    found
}

fn ids(of: &[Member], campaign: &Name) -> BTreeSet<ProspectId> {
    of.iter().filter(|member| member.campaign == *campaign).map(|member| member.who.prospect).collect()
}

/// Holds what is there now against what was said, and what was there before.
async fn holds(town: &Town, said: &PlanReport, before: &State, old: &Plan) -> Outcome<()> {
    let (plan, now, after) = (town.node.ctx.plan(), town.now(), state(town).await?);
    let people = said.people.as_ref().expect("people were asked for");
    let mut tx = town.node.ctx.store().read().await?;
    let none = BTreeSet::new();
    for told in &said.campaigns {
        let was = before.audiences.get(&told.campaign).unwrap_or(&none);
        let is = after.audiences.get(&told.campaign).unwrap_or(&none);
        let (gain, lose) = (ids(&people.gain, &told.campaign), ids(&people.lose, &told.campaign));
        assert_eq!(is.difference(was).copied().collect::<BTreeSet<_>>(), gain, "who gains {}", told.campaign);
        assert_eq!(was.difference(is).copied().collect::<BTreeSet<_>>(), lose, "who loses {}", told.campaign);
        let counts = [told.audience_before, told.audience_after, told.gains, told.loses];
        assert_eq!(counts, [was.len(), is.len(), gain.len(), lose.len()].map(|n| n as u64), "{}", told.campaign);
        let next = plan.campaign(&told.campaign).map(|c| c.opens(c.schedule.after(now).expect("a date").due_at));
        assert_eq!(told.next_after, next, "{}", told.campaign);
    }
    let schedules = campaigns::all(&mut tx).await?;
    for (campaign, schedule) in plan.schedules() {
        assert_eq!(schedules[campaign].schedule, schedule);
    }
    let mut verdicts = counted(&before.people);
    for shift in &said.verdicts {
        *verdicts.entry((shift.criterion, shift.from)).or_default() -= i64::try_from(shift.prospects)?;
        *verdicts.entry((shift.criterion, shift.to)).or_default() += i64::try_from(shift.prospects)?;
    }
    verdicts.retain(|_, n| *n != 0);
    assert_eq!(verdicts, counted(&after.people));

    let opened = handoffs::all(&mut tx).await?.into_iter().filter(|h| h.opened_at == now);
    let opened: BTreeSet<_> = opened.map(|h| (h.prospect, h.cause, h.salesperson.clone())).collect();
    let (today, later): (Vec<_>, Vec<_>) = people.offers.iter().partition(|offer| offer.at <= now);
    let today: BTreeSet<_> = today.iter().map(|o| (o.prospect, o.cause, o.salesperson.clone())).collect();
    assert_eq!(opened, today, "who is offered now, and to whom");
    let later: Vec<_> = later.iter().map(|o| (o.prospect, o.at)).collect();
    assert_eq!(ramp::waiting(&mut tx, &plan, now).await?, later, "who waits, and until when");
    for who in &people.no_longer_ready {
        assert!(!later.iter().any(|(id, _)| *id == who.prospect) && after.people[&who.prospect].standing == Standing::Nurturing);
    }

    let moves: BTreeMap<ProspectId, _> = people.moves.iter().map(|m| (m.who.prospect, (&m.from, &m.to))).collect();
    for (id, was) in before.people.iter().filter(|(_, p)| p.standing == Standing::Nurturing) {
        let owner = accounts::owner(&mut tx, *id).await?;
        let is = Prospect { previous_salesperson: was.previous_salesperson.clone(), ..after.people[id].clone() };
        let could = |plan: &Plan, who: &Prospect| {
            let mut names = assign(&plan.roster, who, owner.as_ref(), &before.load, &[]).candidates().to_vec();
            names.sort();
            names
        };
        let (from, to) = (could(old, was), could(&plan, &is));
        assert_eq!(moves.get(id).map(|(from, to)| ((*from).clone(), (*to).clone())), (from != to).then_some((from, to)), "{id}");
    }
    Ok(())
}

story!(ten_changes_do_what_the_plan_said, |town| {
    let mut seed = Seeded(20_260_112);
    applied(&town, changed(&[])).await?;
    people(&town, &mut seed).await?;
    let (mut news, mut ready, mut waited, mut left, mut moved) = (0, 0, 0, 0, 0);
    for day in 0..=10 {
        // Ten in the morning, weekends too.
        town.pass_to(&format!("2026-01-{}T09:00:00Z", 13 + day)).await?;
        // The first makes many ready at once, so that those who wait live through the ten that follow.
        let (old, files) = (town.node.ctx.plan(), if day == 0 { flood() } else { generated(&mut seed) });
        let next = read(&town, &files)?;
        let said = planned(&town, &next).await?;
        let before = state(&town).await?;
        let done = apply(&town.node.ctx, next).await?;
        assert_eq!((done.is_new, done.due > 0), (said.is_new, said.other_rules), "day {day}");
        town.run_until_idle().await?;
        holds(&town, &said, &before, &old).await?;
        let people = said.people.expect("people were asked for");
        news += people.gain.len() + people.lose.len();
        (ready, moved) = (ready + said.ready + said.requests, moved + people.moves.len());
        left += people.no_longer_ready.len();
        waited += people.offers.iter().filter(|offer| offer.at > town.now()).count();

        // The same once more changes nothing.
        let again = read(&town, &files)?;
        assert!(!planned(&town, &again).await?.is_new, "day {day}");
        assert_eq!(apply(&town.node.ctx, again).await?, Applied { is_new: false, due: 0 }, "day {day}");

        // Some come back, so that there is somebody to be ready.
        let open = handoffs::all(&mut town.node.ctx.store().read().await?)
            .await?
            .into_iter()
            .filter(nurtured::domain::individual::handoff::Handoff::is_open);
        for handoff in open.take(3) {
            let who = prospects::one(&mut town.node.ctx.store().read().await?, handoff.prospect).await?;
            let who = who.address.expect("an address");
            town.sell(&who, Action::Recycle { reason: "no need".into(), wake: None, note: String::new() }).await?;
            town.clock.advance(jiff::SignedDuration::from_mins(1));
            town.log(&who, "marta", Touch::Meeting, &[Need], None, "another line").await?;
        }
    }
    // None of it was about nothing.
    let told = [news, usize::try_from(ready)?, waited, left, moved];
    assert!(told.into_iter().zip([50, 10, 10, 2, 10]).all(|(found, least)| found >= least), "{told:?}");
    Ok(())
});

story!(every_decision_names_its_configuration, |town| {
    let canary = "send     = { at_most = 12000, canary = 1, hold = \"20m\" }";
    let files = changed(&[("campaigns/line-downtime.toml", "send     = { at_most = 12000 }", canary)]);
    applied(&town, files).await?;
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str()), somebody("bo@albareda.example")], "import").await?;
    crate::stories::five_proofs(&town, &ada).await?;
    let hash = town.node.ctx.plan().hash.clone();
    let decisions = configurations::decisions(&mut town.node.ctx.store().read().await?).await?;
    let tables: BTreeSet<&str> = decisions.iter().map(|(table, _, _)| table.as_str()).collect();
    let all = ["occurrences", "issues", "verdicts", "qualifications", "handoffs"];
    assert_eq!(tables, all.into_iter().collect(), "each table that decides was walked");
    assert!(decisions.iter().all(|(_, of, n)| *of == hash && *n > 0), "{decisions:?}");

    // Under another configuration the lead goes to somebody else.
    applied(&town, changed(&[(RULES, "horizon = \"9 months\"", "horizon = \"8 months\"")])).await?;
    let other = town.node.ctx.plan().hash.clone();
    assert_ne!(other, hash);
    town.sell(&ada, Action::Reject(nurtured::domain::individual::handoff::Rejection::NotMine, String::new())).await?;
    let decisions = configurations::decisions(&mut town.node.ctx.store().read().await?).await?;
    assert!(decisions.contains(&("handoffs".to_owned(), other, 1)), "{decisions:?}");
    Ok(())
});
