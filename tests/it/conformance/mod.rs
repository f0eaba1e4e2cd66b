//! What the store means, written once and run on both engines: each test is one function over a fresh database.
//!
//! It knows nothing of SQL: whatever is asserted here was read through the functions of `nurtured::store`. Only `damaged`
//! speaks it, to write what they never would.

/// Runs every named function on both engines, each time over a fresh database.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() -> anyhow::Result<()> {
                    super::$name(crate::conformance::bench::Bench::sqlite().await?).await
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() -> anyhow::Result<()> {
                    match crate::conformance::bench::Bench::postgres(stringify!($name)).await? {
                        Some(bench) => super::$name(bench).await,
                        None => Ok(()),
                    }
                }
            )+
        }
    };
}

/// A fresh database and what most tests put into it.
mod bench;
/// Transactions, group commits, durability, errors; both engines hold the same tables.
mod engine;
/// Accounts, prospects, fields, tags.
mod people;
/// Suppressions and consents: what they asked for.
mod choices;
/// Who fits an audience: the statement and the domain agree.
mod audience;
/// Campaigns, occurrences, issues, and filling them with deliveries.
mod group_mail;
/// Pages of an issue in a database that has grown for years.
mod tenth_year;
/// How much mail a prospect has had, and is to get, of all campaigns.
mod cap;
/// Leases and attempts: who may send what, and what became of it.
mod sending;
/// Buckets, troubles, holds, pause notices: what the guards remember.
mod guards;
/// A stop and a mark at the same moment, on two connections.
mod stop_means_stop;
/// Whether anything may leave: stopped, observing.
mod halt;
/// That a number means one thing for ever.
mod numbers;
/// What the stop journal is told, and what happens when it cannot be.
mod journal;
/// Signals, the assessment queue, qualifications.
mod doorway;
mod evidence;
/// Colleagues who speak at the same moment, on two connections.
mod colleagues;
/// What a scan of history sees.
mod history;
/// Configurations that were put in force, and whom their rules made ready.
mod configurations;
/// Handoffs, follow-ups, letters.
mod sales;
/// Values that cannot be read, and rows that are not there.
mod damaged;
/// Numbers over all tables.
mod counts;
/// Where everybody is.
mod conservation;
/// Requests that no handoff can answer: recorded once, placed, listed, settled, erased.
mod enquiries;
