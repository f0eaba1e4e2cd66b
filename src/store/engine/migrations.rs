//! The migrations, built into the program: the files of `migrations/`, each number and name once for each engine.
//!
//! The files are listed here. sqlx would find them by a procedural macro, which has the drivers of both engines and their TLS
//! compiled a second time, for the compiler.

use super::error::StoreError;
use super::statement::Sql;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{PgPool, SqlSafeStr, SqlitePool};
use std::sync::LazyLock;

macro_rules! migrations {
    ($($file:literal),+ $(,)?) => {
        pub(in crate::store) static SQLITE: LazyLock<Migrator> = LazyLock::new(|| {
            migrator(&[$(($file, include_str!(concat!("../../../migrations/sqlite/", $file, ".sql")))),+])
        });
        pub(in crate::store) static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| {
            migrator(&[$(($file, include_str!(concat!("../../../migrations/postgres/", $file, ".sql")))),+])
        });
    };
}

migrations![
    "0001_people",
    "0002_group",
    "0003_doorway",
    "0004_individual",
    "0005_operations",
    "0006_public_door",
    "0007_enquiry_lists",
    "0008_queue_numbers",
    "0009_identity",
    "0010_api_keys",
    "0011_refusals",
    "0012_letters",
    "0013_second_thoughts",
    "0014_numbers_once",
    "0015_tenth_year",
    "0016_absences",
    "0018_mailboxes",
    "0019_whose_mail",
    "0020_provider_deliveries",
    "0021_hits",
    "0022_preferences",
    "0023_traps",
];

/// Whether any migration was ever applied here.
pub(in crate::store) const IS_THERE: Sql = Sql::Each {
    sqlite: "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations'",
    postgres: "
    SELECT COUNT(*) FROM pg_tables WHERE tablename = '_sqlx_migrations' AND schemaname = ANY (current_schemas(FALSE))",
};
pub(in crate::store) const APPLIED: &str = "SELECT version FROM _sqlx_migrations WHERE success";

/// Brings the tables up to date.
///
/// # Errors
/// When they are ahead of this program, or a migration fails.
pub(in crate::store) async fn run_sqlite(pool: &SqlitePool) -> Result<(), StoreError> {
    SQLITE.run(pool).await.map_err(told)
}

/// As [`run_sqlite`].
pub(in crate::store) async fn run_postgres(pool: &PgPool) -> Result<(), StoreError> {
    POSTGRES.run(pool).await.map_err(told)
}

fn told(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) => StoreError::Ahead(format!("migration {version}")),
        other => other.into(),
    }
}

/// Numbers, descriptions and checksums are those that sqlx gives to the same files in a directory.
fn migrator(files: &[(&'static str, &'static str)]) -> Migrator {
    let migration = |(file, sql): &(&'static str, &'static str)| {
        let (number, words) = file.split_once('_').expect("a number, then words");
        let number = number.parse().expect("the number of a migration");
        Migration::new(number, words.replace('_', " ").into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(files.iter().map(migration).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[tokio::test]
    async fn what_is_listed_is_what_the_directories_hold() {
        let parts = |migrator: &Migrator| -> Vec<_> {
            migrator.iter().map(|m| (m.version, m.description.clone(), m.checksum.clone(), m.no_tx)).collect()
        };
        for (engine, listed) in [("sqlite", &SQLITE), ("postgres", &POSTGRES)] {
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
            let found = Migrator::new(directory).await.expect("migrations");
            assert_eq!(parts(listed), parts(&found), "{engine}");
        }
    }
}
