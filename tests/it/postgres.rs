//! One temporary PostgreSQL cluster for the whole test process, and a fresh database in it for each test that asks.
//!
//! The cluster is durable as in production (no `fsync=off`): what the tests say about crashes must hold. It listens on
//! a socket in its own private folder, never on the network, and a watching shell stops and removes it when this
//! process ends, however it ends.

use crate::missing;
use std::env;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Makes the cluster, says in which folder its socket is, waits for the test process to close our standard input
/// (the kernel does that even for a process that was killed), and clears up.
const WATCH: &str = r#"
# PIPE too: whoever should read the answer may be dead by then.
trap '' INT TERM HUP PIPE
folder=$(mktemp -d -t nurtured-postgres.XXXXXX) || exit 1
clear() { "$1/pg_ctl" -D "$folder/data" -m immediate stop; rm -rf "$folder"; }
if "$1/initdb" -D "$folder/data" -U postgres -A trust -N -E UTF8 --locale=C >"$folder/log" 2>&1 &&
    "$1/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 120 \
        -o "-c listen_addresses='' -c unix_socket_directories='$folder' -c max_connections=200" start >>"$folder/log" 2>&1
then echo "$folder"
else cat "$folder/log"; echo; clear "$1" >/dev/null 2>&1; exit 1
fi
exec >/dev/null 2>&1
read -r never
clear "$1"
"#;

/// A fresh, empty database, as a URL; `None` where PostgreSQL is not on the machine, which is said loudly.
///
/// # Panics
/// Where `CI` is set and PostgreSQL is missing, and where it is there and does not start.
pub(crate) fn database(name: &str) -> Option<String> {
    create(name, "template1")
}

/// A copy of a database that [`database`] gave and that nobody is connected to: sooner made than filled anew.
///
/// # Panics
/// When there is no such database.
pub(crate) fn copy(url: &str, name: &str) -> String {
    let (_, original) = url.rsplit_once('/').expect("a URL ends with the database");
    create(name, original).expect("there is a cluster, because there is an original")
}

fn create(name: &str, template: &str) -> Option<String> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    static MADE: AtomicU32 = AtomicU32::new(0);
    let cluster = CLUSTER.get_or_init(Cluster::start).as_ref()?;
    assert!(
        name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
        "a database name is of a-z, 0-9 and _: {name}"
    );
    let fresh = format!("{:.50}_{}", name, MADE.fetch_add(1, Ordering::Relaxed));
    psql(&cluster.programs, &cluster.url("postgres"), &format!("CREATE DATABASE {fresh} TEMPLATE {template}"));
    Some(cluster.url(&fresh))
}

/// What a database answers to one statement, one line a row: for tests that watch two connections from outside.
///
/// # Panics
/// When it is not a URL that [`database`] gave, or the statement fails.
pub(crate) fn ask(url: &str, statement: &str) -> String {
    psql(&programs().expect("a cluster was started"), url, statement)
}

/// A running cluster. The shell that watches this process stops it, at its end at the latest.
pub(crate) struct Cluster {
    pub(crate) programs: PathBuf,
    /// Where its socket, its log and, in `data`, its tables are.
    pub(crate) folder: PathBuf,
    /// Holds the pipe whose end tells that this process has ended.
    _watch: Child,
}

impl Cluster {
    /// Starts one; `None` where PostgreSQL is not on the machine, which is said loudly.
    ///
    /// # Panics
    /// As [`database`].
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            missing("PostgreSQL (initdb, pg_ctl, psql)", "everything that should run on PostgreSQL is");
            return None;
        };
        // In its own process group, so that an interrupt from the keyboard lets it clear up.
        let mut command = unprivileged("sh");
        command.args(["-c", WATCH, "watch"]).arg(&programs).current_dir("/").env_remove("TMPDIR").process_group(0);
        let mut watch = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sh is on every machine");
        let mut said = BufReader::new(watch.stdout.take().expect("its output is piped")).lines().map_while(Result::ok);
        let folder = said.next().unwrap_or_default();
        assert!(folder.starts_with('/'), "could not start PostgreSQL: {folder}\n{}", said.collect::<Vec<_>>().join("\n"));
        Some(Self { programs, folder: folder.into(), _watch: watch })
    }

    /// A database of it.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}", self.folder.to_string_lossy().replace('/', "%2F"))
    }
}

/// Runs one statement and returns what it says, one line a row.
fn psql(programs: &Path, url: &str, statement: &str) -> String {
    let output =
        Command::new(programs.join("psql")).args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement]).output();
    let output = output.expect("psql is beside initdb");
    assert!(output.status.success(), "could not run {statement}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// The folder that holds the server's programs: on the `PATH`, or the newest where Debian keeps them.
fn programs() -> Option<PathBuf> {
    let debian =
        Path::new("/usr/lib/postgresql").read_dir().into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let mut debian: Vec<PathBuf> = debian.collect();
    debian.sort_by_key(|folder| folder.iter().rev().nth(1).and_then(|version| version.to_str()?.parse::<u32>().ok()));
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = env::split_paths(&path).chain(debian.into_iter().rev());
    folders.find(|folder| ["initdb", "pg_ctl", "postgres", "psql"].iter().all(|program| folder.join(program).is_file()))
}

/// A command that does not run as root, which PostgreSQL refuses: as `postgres`, or else as `nobody`.
pub(crate) fn unprivileged(program: &str) -> Command {
    if !Path::new("/proc/self").metadata().is_ok_and(|me| me.uid() == 0) {
        return Command::new(program);
    }
    let id = |flag: &str, name: &str| {
        let output = Command::new("id").args([flag, name]).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok().map(|id| id.trim().to_owned())
    };
    let pair = |name: &str| Some((id("-u", name)?, id("-g", name)?));
    let (user, group) = pair("postgres").or_else(|| pair("nobody")).expect("every machine has a user nobody");
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &user, "--regid", &group, "--clear-groups", program]);
    command
}

#[test]
fn each_test_gets_a_database_of_its_own() {
    let (Some(first), Some(second)) = (database("same_name"), database("same_name")) else { return };
    let programs = programs().expect("a cluster was started");
    psql(&programs, &first, "CREATE TABLE mine (n BIGINT); INSERT INTO mine VALUES (7)");
    assert_eq!(psql(&programs, &first, "SELECT n FROM mine"), "7");
    assert_eq!(psql(&programs, &second, "SELECT count(*) FROM pg_tables WHERE tablename = 'mine'"), "0");
    // Durable: a crash test that passes without these says nothing.
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(psql(&programs, &first, &format!("SHOW {setting}")), "on", "{setting}");
    }
    assert_eq!(psql(&programs, &first, "SHOW listen_addresses"), "");
}
