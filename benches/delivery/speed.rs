//! Messages a second beside the limits of the wire; processor time of one message; how time grows with prospects.

use crate::arguments::{Arguments, Engine, What};
use crate::company::Company;
use crate::database::Database;
use crate::figures::{Series, figure, rate};
use crate::issue::Run;
use crate::postfix::{self, Postfix};
use crate::round::{self, Ground, To};
use anyhow::Result;
use std::path::Path;

/// The figures of the daemon into one relay.
#[derive(Default)]
struct Ours {
    rate: Series,
    seconds: Series,
    processor: Series,
    memory: Series,
}

impl Ours {
    fn add(&mut self, prospects: u64, run: &Run) {
        self.rate.add(rate(prospects, run.time));
        self.seconds.add(run.time.as_secs_f64());
        self.processor.add(run.processor * 1e6 / figure(prospects));
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

/// The figures of one database, into each relay.
struct Side {
    filled: Database,
    postfix: Ours,
    fast: Ours,
    slow: Option<(Database, Ours)>,
}

/// Measures every side once a round, and prints the results.
pub(crate) async fn measure(arguments: &Arguments, company: &Company, at: &Path) -> Result<()> {
    let (prospects, few) = (arguments.prospects(What::Speed), arguments.to_slow_relay());
    let tenth = prospects / 10;
    let found = Postfix::find();
    if found.is_none() {
        println!("{}\n", postfix::MISSING);
    }
    let ground = Ground { company, postfix: found.as_ref(), directory: at };
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
        sides.push(side(Database::sqlite(company, prospects, at).await?, Some(slow)));
    }
    if arguments.engine != Engine::Sqlite
        && let Some(filled) = Database::postgres(company, prospects).await?
    {
        sides.push(side(filled, None));
    }

    let (mut to_postfix, mut to_fast, mut plain) = (Series::default(), Series::default(), Series::default());
    for number in 1..=arguments.rounds() {
        if found.is_some() {
            ground.limit(To::Postfix, prospects, length)?.into_iter().for_each(|rate| to_postfix.add(rate));
            for side in &mut sides {
                side.postfix.add(prospects, &ground.ours(To::Postfix, &side.filled, prospects).await?);
            }
            ground.limit(To::Fast, prospects, length)?.into_iter().for_each(|rate| to_fast.add(rate));
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
        println!("round {number} of {} done", arguments.rounds());
    }

    if found.is_some() {
        println!("\ninto Postfix's smtp-sink\n  smtp-source  {to_postfix:.0} messages/s: the limit");
        for side in &sides {
            side.postfix.show(side.filled.engine(), "the limit", &to_postfix);
        }
    }
    println!("into a relay that only counts\n  smtp-source  {to_fast:.0} messages/s: the limit");
    for side in &sides {
        side.fast.show(side.filled.engine(), "the limit", &to_fast);
    }
    for (_, slow) in sides.iter().filter_map(|side| side.slow.as_ref()) {
        println!("into a relay that answers after 20 ms, {} connections, {few} messages", round::SLOW_CONNECTIONS);
        println!("  lettre's own {plain:.0} messages/s");
        slow.show("SQLite", "lettre's own", &plain);
    }
    conclude(&sides, small.as_ref().map(|(_, times)| times), [&to_postfix, &to_fast, &plain]);
    Ok(())
}

fn side(filled: Database, slow: Option<Database>) -> Side {
    Side { filled, postfix: Ours::default(), fast: Ours::default(), slow: slow.map(|filled| (filled, Ours::default())) }
}

/// Prints the figures by name; the last line is for programs.
fn conclude(sides: &[Side], small: Option<&Series>, [to_postfix, to_fast, plain]: [&Series; 3]) {
    let of = |engine: &str| sides.iter().find(|side| side.filled.engine() == engine);
    let ratio = |engine: &str, ours: fn(&Side) -> &Ours, limit: &Series| {
        of(engine).map_or_else(Series::default, |side| ours(side).rate.over(limit)).value(2)
    };
    let mut memory = Series::default();
    for side in sides {
        [&side.postfix, &side.fast].into_iter().filter_map(|ours| ours.memory.median()).for_each(|most| memory.add(most));
    }
    let growth = of("SQLite").zip(small).map_or_else(Series::default, |(side, tenth)| side.fast.seconds.over(tenth));
    let late = of("SQLite").and_then(|side| side.slow.as_ref());
    let late = late.map_or_else(Series::default, |(_, slow)| slow.rate.over(plain));
    let processor = of("SQLite").map_or_else(|| Series::default().value(0), |side| side.fast.processor.value(0));
    println!("ten times the prospects: {growth} × the time\n");
    println!("ratio_20ms={} processor_us={processor}", late.value(2));
    println!(
        "ratio_sqlite={} ratio_sqlite_fast={} ratio_postgres={} ratio_postgres_fast={} rss_mb={} growth_10x={}",
        ratio("SQLite", |side| &side.postfix, to_postfix),
        ratio("SQLite", |side| &side.fast, to_fast),
        ratio("PostgreSQL", |side| &side.postfix, to_postfix),
        ratio("PostgreSQL", |side| &side.fast, to_fast),
        memory.most().map_or_else(|| "not_measured".to_owned(), |most| format!("{most:.1}")),
        growth.value(2),
    );
}
