//! Pages: an occurrence is filled, and those who are due it are counted, one page of prospects at a time. A page is as large as fits a
//! short transaction, on this machine and in this year of the database.

use crate::domain::group::breaker::Tripped;
use crate::domain::group::campaign::Campaign;
use crate::domain::id::ProspectId;
use crate::flow::context::{Context, DueCount, FlowError, Pages};
use crate::store::engine::backend::Tx;
use crate::store::group::audiences::{self, AudienceQuery, Due};
use crate::store::group::occurrences::Filling;
use jiff::SignedDuration;

/// How many prospects one page reads at most, and so how many deliveries one lease covers at most.
pub const PAGE: i64 = 2_000;
/// A page of fewer prospects would cost more to commit than to read.
const LEAST: i64 = 50;
/// For how many milliseconds a page is to hold a transaction: half of the quarter of a second after which others who write would notice.
const TAKES: i64 = 125;

/// Moves the query to the page after this prospect; to an empty page when there is none. Returns who is due which newsletter.
pub async fn turn<'a>(
    ctx: &Context,
    read: &mut Tx,
    question: &mut AudienceQuery<'a>,
    after: ProspectId,
) -> Result<Vec<Due<'a>>, FlowError> {
    question.after = after;
    question.up_to = audiences::window(read, after, ctx.pages().size.unwrap_or(PAGE)).await?;
    if question.up_to <= question.after {
        return Ok(Vec::new());
    }
    Ok(audiences::due(read, question).await?)
}

/// Fits the size of the next page to how long this one held a transaction.
pub fn fit(ctx: &Context, took: SignedDuration) {
    let pages = ctx.pages();
    ctx.keep_pages(Pages { size: Some(next_size(pages.size.unwrap_or(PAGE), took)), ..pages });
}

fn next_size(size: i64, took: SignedDuration) -> i64 {
    let took = i64::try_from(took.as_millis()).unwrap_or(i64::MAX).max(1);
    let fitting = size.saturating_mul(TAKES) / took;
    fitting.clamp(size / 4, size.saturating_mul(2)).clamp(LEAST, PAGE)
}

/// Whether an occurrence stays within the campaign's limit.
pub enum Counted {
    Within,
    /// One page is counted, and there are more.
    NotYet,
    TooMany(Tripped),
}

/// Counts one page more of those who are due an occurrence of which nothing was written yet. The count is this node's: after a restart
/// it begins anew, as it does under another plan.
pub async fn count(
    ctx: &Context,
    read: &mut Tx,
    plan_hash: &str,
    campaign: &Campaign,
    question: &mut AudienceQuery<'_>,
    waiting: &Filling,
) -> Result<Counted, FlowError> {
    let Some(at_most) = campaign.guards.at_most else { return Ok(Counted::Within) };
    let nothing =
        || DueCount { occurrence: waiting.id, plan: plan_hash.to_owned(), up_to: ProspectId(0), due: 0, is_whole: false };
    let known = ctx.pages().count.filter(|count| count.occurrence == waiting.id && count.plan == plan_hash);
    let mut count = known.unwrap_or_else(nothing);
    if !count.is_whole {
        let began = ctx.clock().steady();
        let page = turn(ctx, read, question, count.up_to).await?;
        count.due += i64::try_from(page.len()).unwrap_or(i64::MAX);
        count.is_whole = question.up_to <= count.up_to;
        count.up_to = count.up_to.max(question.up_to);
        fit(ctx, ctx.clock().steady().saturating_sub(began));
    }
    let counted = match (count.is_whole, count.due) {
        (false, _) => Counted::NotYet,
        (true, due) if due > at_most => Counted::TooMany(Tripped::Audience { due, at_most }),
        (true, _) => Counted::Within,
    };
    // After it is resumed, a campaign that was paused for its size is counted anew.
    let kept = Some(count).filter(|_| !matches!(counted, Counted::TooMany(_)));
    ctx.keep_pages(Pages { count: kept, ..ctx.pages() });
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_took_long_makes_the_next_one_smaller() {
        for (size, took, expected) in [
            (2_000, 0, 2_000),
            (2_000, 125, 2_000),
            (2_000, 250, 1_000),
            (2_000, 60_000, 500),
            (500, 60, 1_000),
            (1_500, 60, 2_000),
            (100, 60_000, 50),
            (50, 60_000, 50),
        ] {
            assert_eq!(next_size(size, SignedDuration::from_millis(took)), expected, "{size} in {took} ms");
        }
    }
}
