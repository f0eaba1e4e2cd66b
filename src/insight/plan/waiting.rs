//! What waits, in which words, and whether the files say something else now.

use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::flow::context::FlowError;
use crate::flow::group::correct;
use crate::store::engine::backend::Tx;
use crate::store::group::corrections;
use crate::store::group::waiting::{self, Waiting};
use serde::Serialize;

/// Mails of one issue that wait in the same words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingMails {
    #[serde(flatten)]
    pub mails: Waiting,
    /// Whether the plan has the campaign: if not, they wait until the configuration in force has it again.
    pub is_in_plan: bool,
    /// Whether a correction would give them other words.
    pub is_outdated: bool,
}

/// What waits of every campaign, or of one, beside the words of a plan.
pub async fn waiting(tx: &mut Tx, plan: &Plan, campaign: Option<&Name>) -> Result<Vec<WaitingMails>, FlowError> {
    let mut all = Vec::new();
    for mails in waiting::waiting(tx, campaign).await? {
        let is_in_plan = plan.campaign(&mails.campaign).is_some();
        let mut is_outdated = false;
        if is_in_plan && !mails.former && !mails.cancelled {
            let issue = corrections::waiting(tx, &mails.campaign, Some(mails.issue)).await?;
            is_outdated = issue.iter().any(|of| correct::is_outdated(plan, of, &mails.campaign));
        }
        all.push(WaitingMails { mails, is_in_plan, is_outdated });
    }
    Ok(all)
}
