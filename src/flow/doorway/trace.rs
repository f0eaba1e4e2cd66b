//! trace: whom a mail of ours went to, by a token of it. Numbers alone prove nothing: a database that was restored may have
//! lost the delivery, so that the token's own prospect and address must fit somebody on record.

use crate::domain::address::Address;
use crate::domain::group::delivery::Mailed;
use crate::domain::id::{DeliveryId, ProspectId};
use crate::mail::token::{Recipient, Signer, Token};
use crate::store::engine::backend::{StoreError, Tx};
use crate::store::group::deliveries::{self, Origin};
use crate::store::operations::erasures::NOBODY;
use crate::store::people::former_addresses;

/// Whom a mail went to.
#[derive(Debug, Clone)]
pub struct Traced {
    /// Of a delivery that was lost it names no issue, and a prospect always.
    pub mail: Mailed,
    /// The address it went to.
    pub address: Address,
    /// Whether that is an address of theirs still; of a delivery on record nobody asks.
    pub is_present: bool,
    /// Whether clicks were to be followed.
    pub tracked: bool,
    /// Whether the prospect still consents to being tracked.
    pub consents: bool,
}

impl Traced {
    /// Of a delivery on record.
    pub fn by(origin: &Origin) -> Self {
        let (mail, tracked, consents) = (origin.mailed(), origin.tracked, origin.consents);
        Self { mail, address: origin.address.clone(), is_present: true, tracked, consents }
    }

    /// Whether it went to a person who was forgotten since.
    pub fn is_of_forgotten(&self) -> bool {
        self.mail.prospect.is_none() && self.address.as_str() == NOBODY
    }
}

/// Whom a token's mail went to: by its delivery, if that is on record and went to the token's address; else by the
/// prospect it names, if the address is or was theirs. `None` where neither fits.
pub async fn trace(tx: &mut Tx, signer: &Signer, token: Token) -> Result<Option<Traced>, StoreError> {
    let Some(delivery) = token.delivery().map(DeliveryId) else { return Ok(None) };
    let origin = deliveries::origin(tx, delivery).await?;
    if let Some(origin) = origin.as_ref().filter(|origin| signer.is_for(token.recipient, origin.address.as_str())) {
        return Ok(Some(Traced::by(origin)));
    }
    if let Some(named) = token.recipient.prospect()
        && let Some(known) = former_addresses::person(tx, named).await?
    {
        let is_present = signer.is_for(token.recipient, known.address.as_str());
        let address = if is_present { Some(known.address) } else { former(tx, signer, known.id, token.recipient).await? };
        if let Some(address) = address {
            let mail = Mailed { prospect: Some(known.id), delivery, issue: None };
            // The link of an untracked mail names no delivery.
            return Ok(Some(Traced { mail, address, is_present, tracked: true, consents: known.consents }));
        }
    }
    // The address of an erased person is gone from their deliveries, and nothing is recorded about them.
    Ok(origin.as_ref().map(Traced::by).filter(Traced::is_of_forgotten))
}

/// Whether a token that names a prospect is about this one, at an address that is or was theirs. Somebody without an address,
/// because they have none or were forgotten, is known by the number alone.
pub async fn is_about(tx: &mut Tx, signer: &Signer, recipient: Recipient, prospect: ProspectId) -> Result<bool, StoreError> {
    if recipient.prospect() != signer.recipient(Some(prospect), "").prospect() {
        return Ok(false);
    }
    Ok(match former_addresses::person(tx, prospect).await? {
        None => true,
        Some(known) => {
            signer.is_for(recipient, known.address.as_str())
                || signer.is_for(recipient, "")
                || former(tx, signer, known.id, recipient).await?.is_some()
        }
    })
}

async fn former(tx: &mut Tx, signer: &Signer, of: ProspectId, recipient: Recipient) -> Result<Option<Address>, StoreError> {
    Ok(former_addresses::of(tx, of).await?.into_iter().find(|address| signer.is_for(recipient, address.as_str())))
}
