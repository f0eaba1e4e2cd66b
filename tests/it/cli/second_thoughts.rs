//! `campaigns cancel`, `campaigns correct` and a renamed file as somebody types them, and as somebody kills them in the middle:
//! nobody is lost, nobody gets two, on both engines.

use crate::daemon::write_configuration;
use crate::stories::{FIRST_ISSUE, address, somebody};
use nurtured::flow::context::Progress;
use nurtured::flow::group::publish::publish;
use nurtured::store::engine::backend::Store;
use nurtured::store::group::deliveries;
use nurtured::town::Town;
use nurtured::town::mailbox::Mail;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const OLD: &str = "What one hour of a stopped line costs";
const NEW: &str = "What an hour costs, without the mistake";
const TEXT: &str = "campaigns/line-downtime/01-what-a-stop-costs.md";

/// A company of its own, whose first newsletter is written for so many people and has not left.
struct Company {
    folder: TempDir,
    url: String,
    people: usize,
}

impl Company {
    async fn on_sqlite(people: usize) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite:{}", folder.path().join("company.db").display());
        Self { folder, url, people }.founded().await
    }

    async fn on_postgres(name: &str, people: usize) -> Option<Self> {
        let url = crate::postgres::database(name)?;
        Some(Self { folder: tempfile::tempdir().expect("a directory"), url, people }.founded().await)
    }

    async fn founded(self) -> Self {
        write_configuration(self.folder.path());
        let town = self.town(FIRST_ISSUE).await;
        // Admitted before the date, so that they are due on it.
        let people: Vec<_> = (0..self.people).map(|n| somebody(&format!("p{n}@albareda.com"))).collect();
        town.admit(&people, "import").await.expect("admitted");
        while publish(&town.node.ctx).await.expect("published") == Progress::Done {}
        town.node.ctx.store().close().await;
        self
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// The town on this database, by the files as they are now. It begins before the first issue, so that it is due at `at`.
    async fn town(&self, at: &str) -> Town {
        let store = match self.url.strip_prefix("sqlite:") {
            Some(path) => Store::open_sqlite(Path::new(path)).await,
            None => Store::open_postgres(&SecretString::from(self.url.as_str())).await,
        };
        let mut found = Vec::new();
        read(&self.config(), &self.config(), &mut found);
        let found: Vec<(&str, &str)> = found.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let town = Town::found(store.expect("a database"), &found, "http://127.0.0.1:9", crate::stories::BEGINS).await;
        let town = town.expect("a town");
        town.clock.move_to(at.parse().expect("an instant"));
        town
    }

    fn output(&self, arguments: &[&str], failpoint: Option<&str>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nurtured"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("NURTURED_CONFIG", self.config()).env("NURTURED__DATABASE__URL", &self.url).env("USER", "marta");
        command.envs(failpoint.map(|name| ("NURTURED_FAILPOINT", format!("{name}:kill"))));
        command.output().expect("it runs")
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments, None);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
        format!("{}{}", text(&output.stdout), text(&output.stderr))
    }

    /// Somebody types it, and the process dies there.
    fn killed(&self, arguments: &[&str], failpoint: &str) {
        let output = self.output(arguments, Some(failpoint));
        assert!(
            output.status.signal().is_some(),
            "at {failpoint}: {:?} {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.config().join(file);
        let text = std::fs::read_to_string(&path).expect("a file");
        assert!(text.contains(from), "{file} holds no {from:?}");
        std::fs::write(path, text.replacen(from, to, 1)).expect("written");
    }

    fn rename(&self, said: bool) {
        let campaigns = self.config().join("campaigns");
        for (from, to) in [("line-downtime.toml", "standstill.toml"), ("line-downtime", "standstill")] {
            std::fs::rename(campaigns.join(from), campaigns.join(to)).expect("renamed");
        }
        if said {
            self.change("campaigns/standstill.toml", "\norder ", "\nrenamed_from = \"line-downtime\"\norder ");
        }
    }

    /// What everybody has got when nothing is left to do: each subject, how often.
    async fn sent(&self) -> BTreeMap<String, usize> {
        let town = self.town("2026-02-03T10:00:00Z").await;
        town.run_until_idle().await.expect("it goes on");
        let mut all: BTreeMap<String, usize> = BTreeMap::new();
        let mut each: BTreeMap<String, usize> = BTreeMap::new();
        for mail in town.catcher.caught().iter().filter_map(Mail::read).filter(|mail| mail.to.ends_with("@albareda.com")) {
            *all.entry(mail.subject).or_default() += 1;
            *each.entry(mail.to).or_default() += 1;
        }
        assert!(each.values().all(|mails| *mails == 1), "nobody gets two");
        town.node.ctx.store().close().await;
        all
    }

    /// The state of the last one's mail.
    async fn state(&self) -> String {
        let town = self.town("2026-02-03T10:00:00Z").await;
        let who = address(&format!("p{}@albareda.com", self.people - 1));
        let id = town.prospect(&who).await.expect("somebody").id;
        let mut tx = town.node.ctx.store().read().await.expect("a reader");
        let state = deliveries::of_prospect(&mut tx, id).await.expect("deliveries").remove(0).state;
        drop(tx);
        town.node.ctx.store().close().await;
        state
    }
}

fn read(root: &Path, folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in folder.read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(root, &path, into);
        } else {
            let relative = path.strip_prefix(root).expect("inside").to_string_lossy().into_owned();
            into.push((relative, std::fs::read_to_string(&path).expect("text")));
        }
    }
}

/// Tells it on both engines.
macro_rules! story {
    ($name:ident, $people:literal, |$company:ident| $body:block) => {
        mod $name {
            use super::*;

            async fn told($company: Company) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                told(Company::on_sqlite($people).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let short: String = stringify!($name).chars().take(40).collect();
                if let Some(company) = Company::on_postgres(&short, $people).await {
                    told(company).await;
                }
            }
        }
    };
}

const CANCEL: [&str; 5] = ["campaigns", "cancel", "line-downtime", "--reason", "the price is wrong"];
const CORRECT: [&str; 3] = ["campaigns", "correct", "line-downtime"];

story!(a_cancel_that_is_killed_lets_nothing_leave_and_loses_nobody, 2_050, |company| {
    company.killed(&CANCEL, "cancel.before_commit");
    assert_eq!(company.state().await, "pending", "it was not said yet");
    // The second of two ranges is not written down when it dies; nothing of it leaves all the same.
    company.killed(&CANCEL, "cancel.range");
    assert_eq!(company.state().await, "pending");
    assert_eq!(company.sent().await, BTreeMap::new());
    assert_eq!(company.state().await, "cancelled", "whoever claimed it wrote that down");
    assert!(company.run(&CANCEL).contains("Nothing of line-downtime waits."));
});

story!(a_cancel_that_is_killed_before_it_wrote_goes_on_when_it_is_typed_again, 20, |company| {
    company.killed(&CANCEL, "cancel.after_commit");
    let told = company.run(&CANCEL);
    assert!(told.contains("20 mails of line-downtime cancelled.") && told.contains("the next date"), "{told}");
    assert_eq!(company.sent().await, BTreeMap::new());
});

story!(a_correction_that_is_killed_is_made_or_not_and_nobody_gets_two, 20, |company| {
    company.change(TEXT, OLD, NEW);
    company.killed(&CORRECT, "correct.before_commit");
    let told = company.run(&["plan"]);
    assert!(told.contains(&format!("20 mails, “{OLD}”, version 1; the files say something else")), "{told}");
    company.killed(&CORRECT, "correct.after_commit");
    let told = company.run(&CORRECT);
    assert!(told.contains("it says what the files say already"), "{told}");
    assert!(told.contains(&format!("20 mails, “{NEW}”, version 2\n")), "{told}");
    assert_eq!(company.sent().await, BTreeMap::from([(NEW.to_owned(), 20)]));
});

story!(a_rename_that_is_killed_is_made_or_not_and_nobody_gets_two, 20, |company| {
    company.run(&["apply", "--yes"]);
    company.rename(true);
    company.killed(&["apply", "--yes"], "rename.before_commit");
    let told = company.run(&["apply", "--yes"]);
    assert!(told.contains("standstill was line-downtime: its history, its series and its pause go on"), "{told}");
    assert!(company.run(&["campaigns", "list"]).contains("standstill"));
    assert_eq!(company.sent().await, BTreeMap::from([(OLD.to_owned(), 20)]), "each once, under the new name");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_renames_a_file_is_told_that_everybody_would_get_it_again() {
    let company = Company::on_sqlite(3).await;
    company.run(&["apply", "--yes"]);
    company.rename(false);
    let words = "standstill looks like line-downtime renamed (1 newsletter of the same id): everybody would get them again";
    for verb in ["check", "plan"] {
        let told = company.run(&[verb]);
        assert!(told.split_whitespace().collect::<Vec<_>>().join(" ").contains(words), "{verb}: {told}");
    }
    let nobody = company.output(&["apply"], None);
    let asked = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(nobody.status.code() == Some(2) && asked.contains("Everybody gets standstill from its beginning"), "{asked}");
    // What is not configured any more waits, and is known by its name.
    company.run(&["apply", "--yes"]);
    for arguments in [&["plan"][..], &["campaigns", "list"]] {
        let told = company.run(arguments);
        assert!(told.contains("3 mails") && told.contains("not configured, so they wait"), "{told}");
    }
    assert!(company.run(&["campaigns", "pause", "line-downtime"]).contains("is paused now"));
    let resumed = company.run(&["campaigns", "resume", "line-downtime"]);
    assert!(resumed.contains("goes on now") && resumed.contains(&format!("“{OLD}”, version 1; not configured")), "{resumed}");
    let refused = company.output(&CORRECT, None);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no files to render it from"), "{refused:?}");
    assert_eq!(company.output(&["campaigns", "cancel", "line-downtime", "--issue", "99"], None).status.code(), Some(2));
    assert!(company.run(&CANCEL).contains("3 mails of line-downtime cancelled."));
    assert_eq!(company.output(&["campaigns", "cancel", "nobody"], None).status.code(), Some(2));
}
