//! Messages a second beside the limits of the wire; processor time of one; how time grows with prospects.

use crate::arguments::{Arguments, Engine, What};
use crate::company::Company;
use crate::cores::{self, Cores};
use crate::database::Database;
use crate::figures::{Series, figure, rate};
use crate::issue::Run;
use crate::postfix::{self, Postfix};
use crate::round::{self, Ground, Limit, To};
use anyhow::Result;
use std::path::Path;

/// What is measured of our side into one relay.
#[derive(Default)]
struct Ours {
    rate: Series,
    seconds: Series,
    processor: Series,
    /// With the database's: microseconds a message.
    with_database: Series,
    memory: Series,
}

/// What is measured of smtp-source into one relay.
#[derive(Default)]
struct Limits {
    rate: Series,
    /// Microseconds a message.
    processor: Series,
}

impl Limits {
    fn add(&mut self, limit: Option<Limit>) {
        let Some(limit) = limit else { return };
        self.rate.add(limit.rate);
        limit.processor.into_iter().for_each(|seconds| self.processor.add(seconds * 1e6));
    }
}

impl Ours {
    fn add(&mut self, prospects: u64, run: &Run) {
        self.rate.add(rate(prospects, run.time));
        self.seconds.add(run.time.as_secs_f64());
        self.processor.add(run.processor * 1e6 / figure(prospects));
        run.with_database.into_iter().for_each(|seconds| self.with_database.add(seconds * 1e6 / figure(prospects)));
        self.memory.add(run.memory);
    }

    fn show(&self, who: &str, than: &str, limit: &Series) {
        println!(
            "  {who:<12} {:.0} messages/s, {} × {than}, {:.0} µs of processor a message, {:.1} MB",
            self.rate,
            self.rate.over(limit),
            self.processor,
            self.memory
        );
    }
}

/// One database: how it fares into each relay.
struct Side {
    filled: Database,
    postfix: Ours,
    fast: Ours,
    slow: Option<(Database, Ours)>,
    /// On slower cores: to how many of its prospects, and into the same two relays.
    fewer: Database,
    postfix_slow: Ours,
    fast_slow: Ours,
}

/// Measures every side once a round, and says what came out.
pub(crate) async fn measure(arguments: &Arguments, company: &Company, at: &Path) -> Result<()> {
    let (prospects, few) = (arguments.prospects(What::Speed), arguments.to_slow_relay());
    let (tenth, fifth) = (prospects / 10, prospects / 5);
    let found = Postfix::find();
    if found.is_none() {
        println!("{}\n", postfix::MISSING);
    }
    let groups = cores::are_to_be_had();
    let ground = Ground { company, postfix: found.as_ref(), directory: at, groups };
    let length = found.as_ref().map(|postfix| ground.text_length(postfix)).transpose()?.unwrap_or_default();
    println!(
        "speed: {prospects} prospects, messages of {} bytes, {} sessions, {} rounds\n",
        company.letter.len(),
        round::SESSIONS,
        arguments.rounds()
    );

    let mut sides = Vec::new();
    let mut small = None;
    if arguments.engine != Engine::Postgres {
        let slow = Database::sqlite(company, few, at).await?;
        small = Some((Database::sqlite(company, tenth, at).await?, Series::default()));
        let fewer = Database::sqlite(company, fifth, at).await?;
        sides.push(side(Database::sqlite(company, prospects, at).await?, Some(slow), fewer));
    }
    if arguments.engine != Engine::Sqlite
        && let Some(filled) = Database::postgres(company, prospects).await?
        && let Some(fewer) = Database::postgres(company, fifth).await?
    {
        sides.push(side(filled, None, fewer));
    }

    let (mut to_postfix, mut to_fast, mut plain) = (Limits::default(), Limits::default(), Series::default());
    let (mut to_postfix_slow, mut to_fast_slow) = (Limits::default(), Limits::default());
    for number in 1..=arguments.rounds() {
        if found.is_some() {
            to_postfix.add(ground.limit(To::Postfix, prospects, length, Cores::Whole)?);
            for side in &mut sides {
                side.postfix.add(prospects, &ground.ours(To::Postfix, &side.filled, prospects).await?);
            }
            to_fast.add(ground.limit(To::Fast, prospects, length, Cores::Whole)?);
        }
        for side in &mut sides {
            side.fast.add(prospects, &ground.ours(To::Fast, &side.filled, prospects).await?);
            if let Some((filled, slow)) = &mut side.slow {
                plain.add(ground.plain(To::Slow, few).await?);
                slow.add(few, &ground.ours(To::Slow, filled, few).await?);
            }
        }
        if let Some((filled, times)) = &mut small {
            times.add(ground.ours(To::Fast, filled, tenth).await?.time.as_secs_f64());
        }
        if groups && found.is_some() {
            to_postfix_slow.add(ground.limit(To::Postfix, fifth, length, Cores::Slow)?);
            for side in &mut sides {
                side.postfix_slow.add(fifth, &ground.ours_on(Cores::Slow, To::Postfix, &side.fewer, fifth).await?);
            }
            to_fast_slow.add(ground.limit(To::Fast, fifth, length, Cores::Slow)?);
            for side in &mut sides {
                side.fast_slow.add(fifth, &ground.ours_on(Cores::Slow, To::Fast, &side.fewer, fifth).await?);
            }
        }
        println!("round {number} of {} done", arguments.rounds());
    }

    println!();
    if found.is_some() {
        show("into Postfix's smtp-sink", &to_postfix, &sides, |side| &side.postfix);
    }
    show("into a relay that only counts", &to_fast, &sides, |side| &side.fast);
    if groups && found.is_some() {
        println!("on cores two fifths as fast, {fifth} prospects; the relay's are whole");
        show("into Postfix's smtp-sink", &to_postfix_slow, &sides, |side| &side.postfix_slow);
        show("into a relay that only counts", &to_fast_slow, &sides, |side| &side.fast_slow);
    }
    for (_, slow) in sides.iter().filter_map(|side| side.slow.as_ref()) {
        println!("into a relay that answers after 20 ms, {} connections, {few} messages", round::SLOW_CONNECTIONS);
        println!("  lettre's own {plain:.0} messages/s");
        slow.show("SQLite", "lettre's own", &plain);
    }
    conclude(&sides, small.as_ref().map(|(_, times)| times), &plain);
    named("", &sides, [(&to_postfix, |side| &side.postfix), (&to_fast, |side| &side.fast)]);
    named("_slow", &sides, [(&to_postfix_slow, |side| &side.postfix_slow), (&to_fast_slow, |side| &side.fast_slow)]);
    Ok(())
}

fn side(filled: Database, slow: Option<Database>, fewer: Database) -> Side {
    let slow = slow.map(|filled| (filled, Ours::default()));
    let (postfix, fast, postfix_slow, fast_slow) = (Ours::default(), Ours::default(), Ours::default(), Ours::default());
    Side { filled, postfix, fast, slow, fewer, postfix_slow, fast_slow }
}

fn show(into: &str, limit: &Limits, sides: &[Side], ours: fn(&Side) -> &Ours) {
    println!("{into}\n  smtp-source  {:.0} messages/s: the limit, {:.0} µs of processor a message", limit.rate, limit.processor);
    for side in sides {
        ours(side).show(side.filled.engine(), "the limit", &limit.rate);
    }
}

/// What one relay gave: smtp-source's, and where a side keeps its own.
type Into<'a> = (&'a Limits, fn(&Side) -> &Ours);

/// Rate and processor time of each side over smtp-source's, by name.
fn named(end: &str, sides: &[Side], into: [Into<'_>; 2]) {
    let of = |engine: &str| sides.iter().find(|side| side.filled.engine() == engine);
    let mut pairs = Vec::new();
    for (name, engine) in [("sqlite", "SQLite"), ("postgres", "PostgreSQL")] {
        for (relay, (limit, ours)) in ["", "_fast"].iter().zip(into) {
            let ours = of(engine).map(ours);
            let rate = ours.map_or_else(Series::default, |ours| ours.rate.over(&limit.rate));
            let processor = ours.map_or_else(Series::default, |ours| ours.with_database.over(&limit.processor));
            pairs.push(format!("ratio_{name}{relay}{end}={}", rate.value(2)));
            pairs.push(format!("processor_{name}{relay}{end}={}", processor.value(2)));
        }
    }
    println!("{}", pairs.join(" "));
}

/// The other figures by name.
fn conclude(sides: &[Side], small: Option<&Series>, plain: &Series) {
    let of = |engine: &str| sides.iter().find(|side| side.filled.engine() == engine);
    let mut memory = Series::default();
    for side in sides {
        [&side.postfix, &side.fast].into_iter().filter_map(|ours| ours.memory.median()).for_each(|most| memory.add(most));
    }
    let growth = of("SQLite").zip(small).map_or_else(Series::default, |(side, tenth)| side.fast.seconds.over(tenth));
    let late = of("SQLite").and_then(|side| side.slow.as_ref());
    let late = late.map_or_else(Series::default, |(_, slow)| slow.rate.over(plain));
    let processor = of("SQLite").map_or_else(|| Series::default().value(0), |side| side.fast.processor.value(0));
    println!("ten times the prospects: {growth} × the time\n");
    println!(
        "ratio_20ms={} processor_us={processor} rss_mb={} growth_10x={}",
        late.value(2),
        memory.most().map_or_else(|| "not_measured".to_owned(), |most| format!("{most:.1}")),
        growth.value(2),
    );
}
