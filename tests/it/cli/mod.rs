//! The command line as somebody types it: the real binary, the example's configuration, a database of its own.

mod access;
mod backtest;
mod bad;
mod doctor;
mod evidence;
mod halt;
mod lists;
mod outside;
mod pipe;
mod postfix;
mod plans;
mod second_thoughts;
mod signal_lists;
mod simulated;
mod verbs;

use std::path::PathBuf;
use tempfile::TempDir;

/// A desk with a terminal on it, and a database that nobody else uses.
pub(crate) struct Desk {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self::bare();
        let made = desk.run(&["db", "migrate"]);
        assert_eq!(made.code, 0, "{made:?}");
        desk
    }

    /// Without a database.
    pub(crate) fn bare() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("desk.db").display());
        Self { folder, environment: vec![("NURTURED__DATABASE__URL".to_owned(), url)] }
    }

    /// Does the same at two desks: on SQLite, and on PostgreSQL where it is on the machine.
    pub(crate) fn each(does: impl Fn(&Self)) {
        does(&Self::new());
        if let Some(url) = crate::postgres::database("desk") {
            let folder = tempfile::tempdir().expect("a folder");
            // Else it would lie beside the example's configuration.
            let journal = folder.path().join("desk.stops").to_string_lossy().into_owned();
            let desk = Self { folder, environment: vec![("NURTURED__DATABASE__URL".to_owned(), url)] };
            let desk = desk.with("NURTURED__DATABASE__STOP_JOURNAL", &journal);
            assert_eq!(desk.run(&["db", "migrate"]).code, 0);
            does(&desk);
        }
    }

    /// Also with this in the environment.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.environment.push((key.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file on the desk; returns its path as typed.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), content).expect("a file is written");
        self.path(name).to_string_lossy().into_owned()
    }

    pub(crate) fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// The example's configuration as a folder of its own.
    pub(crate) fn configuration(&self) -> PathBuf {
        let config = self.path("config");
        for (path, text) in nurtured::config::example::FILES {
            let file = config.join(path);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            std::fs::write(file, text).expect("written");
        }
        config
    }

    /// Runs it with another configuration, in this folder, with this on standard input.
    pub(crate) fn under(&self, config: &std::path::Path, arguments: &[&str], input: &[u8]) -> Left {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nurtured"));
        command.env_clear().envs(self.environment.iter().cloned()).current_dir(self.folder.path());
        command.arg("--config").arg(config).args(arguments);
        left(command, input)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nurtured"));
        command.env_clear().envs(self.environment.iter().cloned()).current_dir(self.folder.path());
        command.arg("--config").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/config")).args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Left {
        self.pipe(arguments, b"")
    }

    /// With this on standard input.
    pub(crate) fn pipe(&self, arguments: &[&str], input: &[u8]) -> Left {
        left(self.command(arguments), input)
    }

    /// Runs it, expects 0, and reads its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let left = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(left.code, 0, "{arguments:?}: {left:?}");
        serde_json::from_str(&left.out).expect("JSON")
    }
}

/// Runs a command with this on standard input.
pub(crate) fn left(command: std::process::Command, input: &[u8]) -> Left {
    let output = assert_cmd::Command::from_std(command).write_stdin(input).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Left { code: output.status.code().expect("it ends by itself"), out: text(output.stdout), err: text(output.stderr) }
}
