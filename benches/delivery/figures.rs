//! Figures of several rounds, printed as median with least and most.

use std::fmt;
use std::time::Duration;

/// One figure for each round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    /// Adds a round's figure.
    pub(crate) fn add(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// The ratio to another series, round by round: `self ÷ other`.
    pub(crate) fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one / other).collect())
    }

    /// The median; of an even number of figures, the mean of the middle two. `None` without figures.
    pub(crate) fn median(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let upper = *sorted.get(middle)?;
        Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[middle - 1], upper) })
    }

    /// The highest figure. `None` without figures.
    pub(crate) fn most(&self) -> Option<f64> {
        self.0.iter().copied().reduce(f64::max)
    }

    /// The lowest figure. `None` without figures.
    pub(crate) fn least(&self) -> Option<f64> {
        self.0.iter().copied().reduce(f64::min)
    }

    /// The median as the value of a `name=value` pair.
    pub(crate) fn value(&self, decimals: usize) -> String {
        self.median().map_or_else(|| "not_measured".to_owned(), |median| format!("{median:.decimals$}"))
    }
}

/// The precision asked for holds for all three.
impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(2);
        let (Some(median), Some(least), Some(most)) = (self.median(), self.least(), self.most()) else {
            return f.write_str("not measured");
        };
        write!(f, "{median:.decimals$} ({least:.decimals$} to {most:.decimals$})")
    }
}

/// A count as a figure; counts here are far below 2⁵³, up to which it is exact.
pub(crate) fn figure(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// The rate a second.
pub(crate) fn rate(count: u64, time: Duration) -> f64 {
    figure(count) / time.as_secs_f64()
}
