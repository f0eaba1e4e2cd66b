//! How much is thrown at the door: a little in `cargo test`, all of it when asked.

/// What is asked for on the command line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) seed: u64,
    /// Forms about prospects that are known…
    pub(crate) about_known: usize,
    /// …about addresses that are not…
    pub(crate) about_unknown: usize,
    /// …and of people who want to be called.
    pub(crate) requests: usize,
    /// How many prospects unsubscribe meanwhile.
    pub(crate) unsubscribes: usize,
    /// How many forms are sent at the same time.
    pub(crate) senders: usize,
    /// Connections that send a byte a second: so many of each kind.
    pub(crate) slow: usize,
    /// Connections that say nothing.
    pub(crate) idle: usize,
    /// How many files the daemon may have open.
    pub(crate) files: u32,
    /// The p99 of an unsubscribe above which the attack got through, in milliseconds.
    pub(crate) unsubscribe_ms: i64,
}

impl Size {
    /// For a slow machine with other tests beside it: a second is the bound there, because what is promised depends on the disk.
    const QUICK: Self = Self {
        seed: 13,
        about_known: 240,
        about_unknown: 240,
        requests: 120,
        unsubscribes: 40,
        senders: 32,
        slow: 6,
        idle: 300,
        files: 256,
        unsubscribe_ms: 1_000,
    };
    /// Ten thousand posts, 35 MB of forms, 5,000 idle connections under `ulimit -n 1024`.
    const LONG: Self = Self {
        about_known: 6_000,
        about_unknown: 2_500,
        requests: 1_500,
        unsubscribes: 500,
        senders: 64,
        slow: 50,
        idle: 5_000,
        files: 1_024,
        unsubscribe_ms: 100,
        ..Self::QUICK
    };

    /// What the arguments ask for; `None` when they name other tests. A word without dashes is a filter, as every test binary
    /// takes one; flags of the usual harness are passed over.
    pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let (mut size, mut seed) = (Self::QUICK, None);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--long" => size = Self::LONG,
                "--seed" => {
                    let value = arguments.next().ok_or("--seed needs a value")?;
                    seed = Some(value.parse().map_err(|_| format!("{value:?} is not a number"))?);
                }
                "--list" => return Ok(None),
                flag if flag.starts_with('-') => {}
                filter if "attack".contains(filter) => {}
                _ => return Ok(None),
            }
        }
        Ok(Some(Self { seed: seed.unwrap_or(size.seed), ..size }))
    }
}
