//! What is asked for on the command line.

use crate::scenario::Scenario;
use nurtured::domain::group::delivery::OnUncertain;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// SQLite has one node; PostgreSQL is shared by two.
    const fn nodes(self) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres => 2,
        }
    }
}

/// What to play.
#[derive(Debug, Clone)]
pub(crate) enum Which {
    Kills(Scenario),
    Failpoints {
        people: usize,
    },
    Races {
        races: usize,
    },
    /// The disk under SQLite, or the server of PostgreSQL.
    Outage {
        people: usize,
        gone_for: Duration,
        /// How soon sending must go on when it is over.
        back_within: Duration,
    },
    /// Each so-many-th row of the table.
    Network {
        every: usize,
    },
}

impl Which {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Kills(_) => "kills",
            Self::Failpoints { .. } => "failpoints",
            Self::Network { .. } => "network",
            Self::Races { .. } => "races",
            Self::Outage { .. } => "outage",
        }
    }
}

/// One thing to play, on one engine.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) which: Which,
    pub(crate) engine: Engine,
    pub(crate) seed: u64,
}

const ENGINES: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];
const SCENARIOS: [&str; 6] = ["server", "failpoints", "kills", "network", "disk", "races"];
/// What the quick tier plays of random kills: how many, of how many prospects, and with which seed.
const QUICK: (usize, usize, u64) = (5, 500, 7);

/// What the arguments ask for. A word without dashes is a filter, as every test binary takes one; flags of the usual
/// harness are passed over.
pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Vec<Asked>, String> {
    let (mut kills, mut prospects, mut policy, mut seed) = (None, None, None, QUICK.2);
    let (mut engines, mut scenarios) = (ENGINES.to_vec(), SCENARIOS.to_vec());
    let (mut is_long, mut is_quick) = (false, false);
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text:?} is not a number"));
        let size = |text: String| usize::try_from(number(text)?).map_err(|error| error.to_string());
        match argument.as_str() {
            "--kills" => (kills, scenarios) = (Some(size(value()?)?), vec!["kills"]),
            "--prospects" => prospects = Some(size(value()?)?),
            "--policy" => {
                let word = value()?;
                let known = OnUncertain::WORDS.into_iter().find(|(known, _)| *known == word);
                policy = Some(known.ok_or_else(|| format!("there is no policy {word}; there are resend and hold"))?.1);
            }
            "--seed" => seed = number(value()?)?,
            "--scenario" => {
                let name = value()?;
                let known = SCENARIOS.into_iter().find(|known| **known == name);
                scenarios = vec![known.ok_or_else(|| format!("there is no scenario {name}; there are {SCENARIOS:?}"))?];
                is_long = true;
            }
            "--engine" => {
                let name = value()?;
                let known = ENGINES.into_iter().find(|known| known.name() == name);
                engines = vec![known.ok_or_else(|| format!("there is no engine {name}; there are sqlite and postgres"))?];
            }
            // What the disk's child is told, which is asked for its scenario alone.
            "--quick" => is_quick = true,
            "--list" => return Ok(Vec::new()),
            flag if flag.starts_with('-') => {}
            filter if "chaos".contains(filter) => {}
            _ => return Ok(Vec::new()),
        }
    }
    let is_long = (is_long || kills.is_some()) && !is_quick;
    // The quick tier plays both.
    let policies = match policy {
        Some(policy) => vec![policy],
        None if is_long => vec![OnUncertain::default()],
        None => OnUncertain::WORDS.map(|(_, policy)| policy).to_vec(),
    };
    let mut asked = Vec::new();
    for name in scenarios {
        for engine in engines.iter().filter(|engine| concerns(name, **engine)) {
            let kills = |policy| {
                Which::Kills(Scenario {
                    kills: kills.unwrap_or(QUICK.0),
                    prospects: prospects.unwrap_or(if is_long { 10_000 } else { QUICK.1 }),
                    seed,
                    nodes: engine.nodes(),
                    policy,
                })
            };
            let which = match name {
                "failpoints" => Which::Failpoints { people: prospects.unwrap_or(if is_long { 2_500 } else { 250 }) },
                "network" => Which::Network { every: if is_long { 1 } else { 8 } },
                "races" => Which::Races { races: prospects.unwrap_or(if is_long { 2_000 } else { 300 }) },
                "disk" | "server" => Which::Outage {
                    people: prospects.unwrap_or(1_500),
                    // Longer than the half minute for which a connection is tried.
                    gone_for: Duration::from_secs(if is_long { 40 } else { 1 }),
                    // Beside other tests it only has to go on.
                    back_within: Duration::from_secs(if is_long { 20 } else { 300 }),
                },
                _ => {
                    asked.extend(policies.iter().map(|policy| Asked { which: kills(*policy), engine: *engine, seed }));
                    continue;
                }
            };
            asked.push(Asked { which, engine: *engine, seed });
        }
    }
    Ok(asked)
}

/// Whether a scenario is one of this engine's: the network is the same for both, and each has its own way to fail.
fn concerns(scenario: &str, engine: Engine) -> bool {
    match scenario {
        "network" | "disk" => engine == Engine::Sqlite,
        "server" => engine == Engine::Postgres,
        _ => true,
    }
}
