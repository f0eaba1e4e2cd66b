//! The table: what was tried, how it was answered, what got through.

use std::collections::BTreeMap;

/// One attack.
#[derive(Debug)]
pub(crate) struct Row {
    attack: &'static str,
    tried: usize,
    /// How many were answered with each status; 0: the connection was closed without an answer.
    statuses: BTreeMap<u16, usize>,
    /// What got through, one line each.
    through: Vec<String>,
}

/// How many of what got through are told.
const TOLD: usize = 5;

impl Row {
    pub(crate) const fn of(attack: &'static str) -> Self {
        Self { attack, tried: 0, statuses: BTreeMap::new(), through: Vec::new() }
    }

    /// It was tried once, and answered with this status.
    pub(crate) fn answered(&mut self, status: u16) {
        self.tried += 1;
        *self.statuses.entry(status).or_default() += 1;
    }

    /// It was looked at so many things, of which none was answered.
    pub(crate) const fn looked_at(&mut self, count: usize) {
        self.tried += count;
    }

    /// Something got through.
    pub(crate) fn through(&mut self, what: impl Into<String>) {
        self.through.push(what.into());
    }

    /// Says that it got through unless it holds.
    pub(crate) fn holds(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.through.push(what());
        }
    }

    /// How many were answered with this status.
    pub(crate) fn count(&self, status: u16) -> usize {
        self.statuses.get(&status).copied().unwrap_or(0)
    }
}

/// All attacks, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    pub(crate) fn add(&mut self, row: Row) {
        self.0.push(row);
    }

    /// How much got through of the attacks whose names begin so; of all of them with an empty text.
    pub(crate) fn through(&self, begins: &str) -> usize {
        self.0.iter().filter(|row| row.attack.starts_with(begins)).map(|row| row.through.len()).sum()
    }

    pub(crate) fn print(&self) {
        println!("{:<46} {:>7} {:>8}  answered", "attack", "tried", "through");
        for row in &self.0 {
            let said = |(status, count): (&u16, &usize)| match status {
                0 => format!("closed×{count}"),
                _ => format!("{status}×{count}"),
            };
            let statuses: Vec<String> = row.statuses.iter().map(said).collect();
            println!("{:<46} {:>7} {:>8}  {}", row.attack, row.tried, row.through.len(), statuses.join(" ").trim_end());
            row.through.iter().take(TOLD).for_each(|what| println!("      THROUGH {what}"));
        }
    }
}
