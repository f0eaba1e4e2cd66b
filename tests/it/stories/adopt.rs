//! Adopting a backup, on both engines: suppressions since the backup are replayed, mails that may have been sent since are
//! held, and nothing is sent before the database is adopted.

use super::{FIRST_ISSUE, address, five_proofs, found, name, somebody};
use nurtured::clock::SystemClock;
use nurtured::config::example;
use nurtured::daemon::identity_guard::{self, LastCheck, OpenedBy};
use nurtured::domain::doorway::signal::Touch;
use nurtured::domain::prospect::Standing;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::flow::context::Progress;
use nurtured::flow::group::delivery::uncertain;
use nurtured::flow::group::gate;
use nurtured::flow::group::publish::publish;
use nurtured::flow::operations::adopt::{self, Adopted, Adoption};
use nurtured::flow::operations::{forget, manual_stop};
use nurtured::store::engine::backend::Store;
use nurtured::store::engine::journal::{self, Journal};
use nurtured::store::operations::restore_marker;
use nurtured::town::Town;
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A database that can be copied while nobody has it open.
pub(super) enum Place {
    File(PathBuf),
    Server(String),
}

impl Place {
    pub(super) async fn open(&self, journal: &Path) -> Store {
        let store = match self {
            Self::File(path) => Store::open_sqlite(path).await,
            Self::Server(url) => Store::open_postgres(&SecretString::from(url.as_str())).await,
        };
        store.expect("a database").journalled(Journal::new(journal.to_owned(), Arc::new(SystemClock)))
    }

    pub(super) fn copy(&self) -> Self {
        self.copy_as("copy")
    }

    pub(super) fn copy_as(&self, extension: &str) -> Self {
        match self {
            Self::File(path) => {
                let copy = path.with_extension(extension);
                std::fs::copy(path, &copy).expect("copied");
                Self::File(copy)
            }
            Self::Server(url) => Self::Server(crate::postgres::copy(url, "adopted_copy")),
        }
    }

    /// Puts the copy in its place, as somebody restores a file; a server's copy is a database of its own.
    pub(super) fn restore(self, copy: Self) -> Self {
        match (self, copy) {
            (Self::File(path), Self::File(copy)) => {
                std::fs::rename(copy, &path).expect("restored");
                Self::File(path)
            }
            (_, copy) => copy,
        }
    }
}

pub(super) async fn adopt(town: &Town, journal: &Path, moved: bool) -> Result<Adopted, Box<dyn std::error::Error + Send + Sync>> {
    let store = town.node.ctx.store();
    let (token, place) = identity_guard::new_identity(store).await?;
    let known = restore_marker::read(&restore_marker::beside(journal))?.map(|marker| marker.known()).unwrap_or_default();
    let adopted =
        adopt::adopt(&town.node.ctx, Adoption { journals: journal::read(journal)?, known, moved, token, place }).await?;
    identity_guard::update_marker(store, &*town.clock).await?;
    Ok(adopted)
}

async fn told(place: Place, folder: &Path) -> super::Told {
    let journal = folder.join("stops");
    let who = ["ada", "bea", "cid", "dan", "eva"].map(|n| address(&format!("{n}@albareda.example")));
    let [ada, bea, cid, dan, eva] = &who;
    let people: Vec<_> = who.iter().map(|a| somebody(a.as_str())).collect();

    // Everybody has the series from February on; Dan asked to stop.
    let town = found(place.open(&journal).await).await;
    identity_guard::check(town.node.ctx.store(), &*town.clock, OpenedBy::Daemon).await?;
    assert!(gate::state(&town.node.ctx).await?.observing.is_none(), "a new database is no copy");
    town.admit(&people, "import").await?;
    manual_stop::suppress(&town.node.ctx, dan, Channel::Email, "asked").await?;
    town.pass_to("2026-02-02T09:00:00Z").await?;
    town.node.ctx.store().close().await;
    let backup = place.copy();

    // Life goes on: Ada is handed off, Bea unsubscribes, Cid is forgotten, Dan comes back, Eva gets her newsletters.
    let store = place.open(&journal).await;
    identity_guard::check(&store, &*town.clock, OpenedBy::Daemon).await?;
    let lost = Town::found(store, example::FILES, "http://127.0.0.1:9", "2026-02-02T09:00:00Z").await?;
    assert!(gate::state(&lost.node.ctx).await?.observing.is_none(), "a restart is no copy");
    lost.pass_to(FIRST_ISSUE).await?;
    assert_eq!(lost.unsubscribe(bea).await?.status, 200);
    forget::forget(&lost.node.ctx, cid).await?;
    manual_stop::lift(&lost.node.ctx, dan, Channel::Email, "wrote to us").await?;
    five_proofs(&lost, ada).await?;
    assert_eq!(lost.prospect(ada).await?.standing, Standing::Offered);
    let had = lost.mails_to(eva).len();
    assert!(had > 2, "{had}");
    let text = std::fs::read_to_string(&journal)?;
    assert!(!text.contains(cid.as_str()), "an erased address is in the journal: {text}");
    identity_guard::update_marker(lost.node.ctx.store(), &*lost.clock).await?;
    lost.node.ctx.store().close().await;

    // The backup comes back in July, and its daemon is started: it keeps still.
    let place = place.restore(backup);
    let now = lost.now();
    let back = Town::found(place.open(&journal).await, example::FILES, "http://127.0.0.1:9", &now.to_string()).await?;
    let ctx = &back.node.ctx;
    identity_guard::check(ctx.store(), &*back.clock, OpenedBy::Daemon).await?;
    let why = gate::state(ctx).await?.observing.expect("it is seen").reason;
    assert!(why.contains("restored from a backup") || why.contains("copied or moved"), "{why}");
    back.log(eva, "dana", Touch::Call, &[], None, "asks for a visit").await?;
    back.run_until_idle().await?;
    assert_eq!(back.catcher.count(), 0, "while it observes, nothing leaves");

    let adopted = adopt(&back, &journal, false).await?;
    assert_eq!((adopted.lifted, adopted.handed_off, adopted.forgotten, adopted.unreadable_lines), (1, 1, 1, 0), "{adopted:?}");
    assert!(adopted.stopped >= 1 && adopted.fell_due >= 5 && adopted.held >= 5, "{adopted:?}");
    assert!(adopt(&back, &journal, false).await.is_err(), "adopted once");
    identity_guard::check(ctx.store(), &*back.clock, OpenedBy::Daemon).await?;
    assert!(gate::state(ctx).await?.observing.is_none(), "it is at home here now");

    assert_eq!(back.prospect(bea).await?.mail_stop, Some(StopReason::Unsubscribed));
    assert!(back.prospect(cid).await.is_err(), "who was forgotten is forgotten again");
    assert_eq!(back.prospect(dan).await?.mail_stop, None);
    assert_eq!(back.prospect(ada).await?.mail_stop, Some(StopReason::Manual), "whoever works with her is not disturbed");
    assert!(back.queue_of(&name("iria")).await?.iter().any(|item| item.action.contains("when the database was lost")));

    // Nobody is mailed what they may have had: it is held. The next newsletter comes to who may be mailed.
    let held = uncertain::list(ctx).await?;
    let of = |who: &str| held.iter().filter(|h| h.doubt.address == who).count();
    assert!(of(eva.as_str()) >= had - 2, "{held:?}");
    assert_eq!((of(ada.as_str()), of(bea.as_str())), (0, 0), "who stopped is not even held");
    back.run_until_idle().await?;
    assert!(back.mails_to(eva).is_empty());
    back.pass_to("2026-10-06T09:30:00Z").await?;
    let letters = lost.mails_to(eva).into_iter().chain(town.mails_to(eva)).map(|m| m.subject).collect::<Vec<_>>();
    let again: Vec<_> = back.mails_to(eva).into_iter().filter(|m| letters.contains(&m.subject)).collect();
    assert!(again.is_empty(), "{:?} came twice", again[0].subject);
    assert!(back.mails_to(ada).is_empty() && back.mails_to(bea).is_empty() && back.mails_to(cid).is_empty());
    assert!(back.now() > now);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_before_the_last_mails_left_is_told_from_the_one_that_sent_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let (journal, place) = (folder.path().join("stops"), Place::File(folder.path().join("story.db")));
    let town = found(place.open(&journal).await).await;
    identity_guard::check(town.node.ctx.store(), &*town.clock, OpenedBy::Daemon).await.expect("looked");
    town.admit(&[somebody("ada@albareda.example")], "import").await.expect("admitted");
    town.clock.move_to(FIRST_ISSUE.parse().expect("an instant"));
    while publish(&town.node.ctx).await.expect("published") == Progress::Done {}
    identity_guard::recheck(town.node.ctx.store(), &*town.clock, &mut LastCheck::default()).await.expect("kept");
    town.node.ctx.store().close().await;
    let copy = place.copy();

    // What happens now leaves nothing behind but attempts.
    let sends = Town::found(place.open(&journal).await, example::FILES, "http://127.0.0.1:9", FIRST_ISSUE).await.expect("a town");
    sends.run_until_idle().await.expect("settled");
    assert_eq!(sends.catcher.count(), 1);
    let mut known = LastCheck::default();
    assert!(identity_guard::recheck(sends.node.ctx.store(), &*sends.clock, &mut known).await.expect("kept"));
    assert!(
        !identity_guard::recheck(sends.node.ctx.store(), &*sends.clock, &mut known).await.expect("kept"),
        "nothing moves any more"
    );
    sends.node.ctx.store().close().await;

    let store = place.restore(copy).open(&journal).await;
    identity_guard::check(&store, &*sends.clock, OpenedBy::Daemon).await.expect("looked");
    let back = Town::found(store, example::FILES, "http://127.0.0.1:9", FIRST_ISSUE).await.expect("a town");
    back.run_until_idle().await.expect("settled");
    assert_eq!(back.catcher.count(), 0, "it would be the second mail");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_forgets_no_stop_and_repeats_nothing_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    told(Place::File(folder.path().join("story.db")), folder.path()).await.expect("the story to come true");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_forgets_no_stop_and_repeats_nothing_on_postgres() {
    let Some(url) = crate::postgres::database("adopted") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    told(Place::Server(url), folder.path()).await.expect("the story to come true");
}
