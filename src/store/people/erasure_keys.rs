//! The hashes that replace what identified an erased person: the same address, or the same id in another system, is
//! recognised, and cannot be recovered without the key of the database.
//!
//! There is one key for ever: a hash cannot be made anew once the address is gone. Addresses erased by versions without a key stand
//! under SHA-256 alone, and are recognised by that rule too.

use crate::domain::address::Address;
use crate::domain::doorway::external_id::ExternalId;
use crate::store::engine::backend::{StoreError, Tx, args};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

const KEY: &str = "SELECT secret FROM erasure_keys WHERE id = 1";
const FIRST_SIGNING_KEY: &str = "SELECT secret FROM signing_keys ORDER BY id LIMIT 1";
const ADD: &str = "INSERT INTO erasure_keys (id, secret, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING";
/// What the first signing key signs to make the key of erasures.
const PURPOSE: &[u8] = b"nurtured: addresses of erased people";

/// Hashes addresses and ids under the key of the database, if it has one yet.
#[derive(Clone)]
pub struct Hashes(Option<Hmac<Sha256>>);

impl std::fmt::Debug for Hashes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Hashes under a key" } else { "Hashes without a key" })
    }
}

/// The hashes of this database. It has no key before the first erasure.
pub async fn load(tx: &mut Tx) -> Result<Hashes, StoreError> {
    let row: Option<(Vec<u8>,)> = tx.row(KEY, args![]).await?;
    Ok(Hashes(row.as_ref().map(|(secret,)| keyed(secret))))
}

/// The same for a transaction that writes: the key is made if there is none. It is derived from the first signing key, so that a
/// backup older than the key makes the same one, and the hashes of the stop journal fit it.
pub async fn load_or_make(tx: &mut Tx, now: Timestamp) -> Result<Hashes, StoreError> {
    let known = load(tx).await?;
    if known.0.is_some() {
        return Ok(known);
    }
    let first: Option<(Vec<u8>,)> = tx.row(FIRST_SIGNING_KEY, args![]).await?;
    let secret = if let Some((signing,)) = first {
        finished(keyed(&signing), PURPOSE)
    } else {
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh).map_err(|_| StoreError::value("erasure key", "the system gives no random bytes"))?;
        fresh.to_vec()
    };
    tx.execute(ADD, args![secret, now]).await?;
    load(tx).await
}

impl Hashes {
    /// The hash under which an address is kept once it is erased.
    pub fn of(&self, address: &Address) -> String {
        self.keyed(address.as_str().as_bytes()).unwrap_or_else(|| unkeyed(address))
    }

    /// Every hash under which an erased address may stand.
    pub fn all(&self, address: &Address) -> Vec<String> {
        self.keyed(address.as_str().as_bytes()).into_iter().chain([unkeyed(address)]).collect()
    }

    /// The hash under which an id of another system is kept once its person is erased; none before there is a key, because
    /// nobody's id was hashed then.
    pub fn of_id(&self, id: &ExternalId) -> Option<String> {
        self.keyed(format!("{}\0{}", id.system, id.id).as_bytes())
    }

    fn keyed(&self, text: &[u8]) -> Option<String> {
        let hash = finished(self.0.clone()?, text);
        Some(format!("hmac-sha256:{}", data_encoding::HEXLOWER.encode(&hash)))
    }
}

/// The hash of versions before the key.
pub fn unkeyed(address: &Address) -> String {
    format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(address.as_str().as_bytes())))
}

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("HMAC takes a key of any length")
}

fn finished(mut mac: Hmac<Sha256>, text: &[u8]) -> Vec<u8> {
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}
