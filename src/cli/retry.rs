//! `nurtured campaigns retry …`: what failed is opened again, by reason.

use super::exit::Exit;
use super::output;
use crate::domain::id::Name;
use crate::flow::context::Context;
use crate::flow::group::retry::{self, FailedAlike, Meant};

/// Lists why mails of the campaign failed, or opens those that are meant again.
///
/// # Errors
/// 1 when nothing failed for that reason, or the answer is no; 2 when nobody is there to ask; those of the store.
pub async fn run(ctx: &Context, campaign: &Name, reason: Option<&str>, all: bool, yes: bool, json: bool) -> Result<(), Exit> {
    let meant = match reason {
        Some(words) => Meant::Words(words),
        None => Meant::All,
    };
    let found = retry::reasons(ctx, campaign, meant).await?;
    if reason.is_none() && !all {
        return list(campaign, &found, json);
    }
    let (failed, not_again) = found.iter().fold((0, 0), |(failed, not), of| (failed + of.failed, not + of.not_again));
    if failed == 0 {
        return Err(Exit::No(format!("nothing of {campaign} failed for that reason; see `nurtured campaigns retry {campaign}`")));
    }
    if !yes && !output::confirmed(format!("Send {} mails of {campaign} again? Type yes: ", failed - not_again))? {
        return Err(Exit::No("nothing is sent again".to_owned()));
    }
    let retried = retry::retry(ctx, campaign, meant).await?;
    if json {
        return output::json(&retried);
    }
    output::line(format!(
        "{} mails of {campaign} are open again; {} are not, because the person stopped or moved, has it by another issue, or the mail may have arrived.",
        retried.opened, retried.not_again
    ))
}

fn list(campaign: &Name, found: &[FailedAlike], json: bool) -> Result<(), Exit> {
    if json {
        return output::json(&found);
    }
    if found.is_empty() {
        return output::line(format!("Nothing of {campaign} failed."));
    }
    let row = |of: &FailedAlike| [of.failed.to_string(), of.not_again.to_string(), of.reason.clone()];
    output::table(["FAILED", "NOT AGAIN", "REASON"], &found.iter().map(row).collect::<Vec<_>>())?;
    output::line(format!("Send them again: nurtured campaigns retry {campaign} --reason \"WORDS OF IT\", or --all."))
}
