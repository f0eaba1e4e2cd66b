//! An empty database for one run.

use crate::arguments::Engine;
use crate::postgres;
use anyhow::Result;
use nurtured::store::engine::backend::Store;
use secrecy::SecretString;
use std::path::Path;

/// Opens one; `None` where PostgreSQL is not on the machine, which has been said.
pub(crate) async fn open(engine: Engine, directory: &Path) -> Result<Option<Store>> {
    if engine == Engine::Sqlite {
        return Ok(Some(Store::open_sqlite(&directory.join("nurtured.db")).await?));
    }
    let Some(url) = postgres::database("qualify") else { return Ok(None) };
    Ok(Some(Store::open_postgres(&SecretString::from(url)).await?))
}
