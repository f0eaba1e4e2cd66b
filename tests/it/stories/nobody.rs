//! An occurrence that is for nobody is said to be: the list may stand in another database than the daemon's.

use super::{FIRST_ISSUE, address, name, somebody, story};
use nurtured::flow::context::Progress;
use nurtured::flow::group::publish::publish;
use nurtured::insight::doctor::database;
use nurtured::insight::doctor::finding::State;
use nurtured::store::group::occurrences;
use std::io;
use std::sync::{Arc, Mutex, Once};
use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

/// What was logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hears nothing, and never says that nobody would: another thread that meets a line first, while somebody begins to listen, makes
/// tracing take nobody's interest for everybody's.
struct Deaf;

impl Subscriber for Deaf {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

static DEAF: Once = Once::new();
/// One listens at a time: where two begin and end at once, tracing may tell neither.
static LISTENING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Publishes what is due; returns what is logged meanwhile.
async fn published(town: &nurtured::town::Town) -> Result<String, nurtured::flow::context::FlowError> {
    let _alone = LISTENING.lock().await;
    DEAF.call_once(|| tracing::subscriber::set_global_default(Deaf).expect("no other test listens for all"));
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    async {
        while publish(&town.node.ctx).await? == Progress::Done {}
        Ok::<(), nurtured::flow::context::FlowError>(())
    }
    .with_subscriber(subscriber)
    .await?;
    let bytes = logged.0.lock().expect("nobody panicked").clone();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

story!(an_occurrence_for_nobody_is_a_warning_and_any_other_says_for_how_many, |town| {
    let (ctx, campaign) = (&town.node.ctx, name("line-downtime"));
    town.clock.move_to(FIRST_ISSUE.parse()?);
    let log = published(&town).await?;
    assert!(
        log.lines().any(|line| line.contains("WARN") && line.contains("it is for nobody") && line.contains("line-downtime")),
        "{log}"
    );
    let nominal = occurrences::last_for_nobody(&mut ctx.store().read().await?, &campaign).await?;
    assert!(nominal.is_some_and(|nominal| nominal.starts_with("2026-02-03")));
    let found = database::sending_state(ctx.store(), Some(&ctx.plan())).await?;
    let warned = found.iter().find(|finding| finding.says.contains("line-downtime") && finding.says.contains("was for nobody"));
    assert!(warned.is_some_and(|finding| finding.state == State::Notice && finding.fix.is_some()), "{found:?}");

    town.admit(&[somebody("ada@albareda.example"), somebody("bea@albareda.example")], "import").await?;
    town.clock.move_to("2026-03-03T09:30:00Z".parse()?);
    let log = published(&town).await?;
    assert!(log.lines().any(|line| line.contains("occurrence filled") && line.contains("recipients=2")), "{log}");
    assert_eq!(occurrences::last_for_nobody(&mut ctx.store().read().await?, &campaign).await?, None);
    assert_eq!(town.mails_to(&address("ada@albareda.example")).len(), 0, "published, and not yet sent");
    Ok(())
});
