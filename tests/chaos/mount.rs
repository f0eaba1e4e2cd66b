//! A small disk that can be filled: a tmpfs, in a namespace of mounts that only a child of this process has, so that
//! nothing stays behind however it ends.

use crate::missing;
use anyhow::{Context as _, ensure};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// How much room is left on a disk that is nearly full: enough to begin, little enough to be filled in no time.
pub(crate) const ROOM: usize = 12 * 1024 * 1024;
const SIZE: &str = "size=48m";
/// Tells the child that it is inside.
const INSIDE: &str = "NURTURED_CHAOS_INSIDE";

/// Whether this process may mount; else the exit code of a child that may, and that did what this one was asked for. `None`
/// where nobody may, which is said loudly.
pub(crate) fn inside() -> Option<Result<(), ExitCode>> {
    if std::env::var_os(INSIDE).is_some() {
        return Some(Ok(()));
    }
    // Root has enough with mounts of its own; anybody else is first made root of a namespace of users.
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let may = |way: &&&[&str]| {
        let trial = "mount -t tmpfs tmpfs /mnt";
        let output = Command::new("unshare").args(**way).args(["sh", "-c", trial]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let Some(way) = ways.iter().find(may) else {
        missing("a namespace for mounts (unshare, mount)", "a disk that is full or read-only is");
        return None;
    };
    let me = std::env::current_exe().expect("this program has a path");
    let status = Command::new("unshare").args(*way).arg(me).args(["--scenario", "disk"]).env(INSIDE, "1").args(given()).status();
    let is_well = status.is_ok_and(|status| status.success());
    Some(Err(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }))
}

/// What the child is to be told as well.
fn given() -> Vec<String> {
    let arguments: Vec<String> = std::env::args().collect();
    let is_quick = !arguments.iter().any(|argument| ["--scenario", "--kills"].contains(&argument.as_str()));
    let quick = is_quick.then(|| "--quick".to_owned());
    arguments.windows(2).filter(|pair| pair[0] == "--prospects").flatten().cloned().chain(quick).collect()
}

/// The disk; unmounted when it is dropped.
pub(crate) struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Mounts it, empty.
    pub(crate) fn mount(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        run("mount", &["-t", "tmpfs", "-o", SIZE, "tmpfs"], folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Fills it up to so much room.
    pub(crate) fn fill(&self, room: usize) -> anyhow::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(self.ballast())?;
        let block = [0x5a; 16 * 1024];
        loop {
            match file.write_all(&block) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(error).context("could not fill the disk"),
            }
        }
        let length = file.metadata()?.len();
        file.set_len(length - u64::try_from(room)?)?;
        Ok(())
    }

    /// Frees it again.
    pub(crate) fn free(&self) -> anyhow::Result<()> {
        Ok(File::create(self.ballast())?.set_len(0)?)
    }

    /// Makes it read-only, or not: while nobody has a file open for writing.
    pub(crate) fn set_read_only(&self, is_so: bool) -> anyhow::Result<()> {
        run("mount", &["-o", if is_so { "remount,ro" } else { "remount,rw" }], &self.folder)
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: who still has a file open there keeps it until the namespace ends.
        let _ = run("umount", &["--lazy"], &self.folder);
    }
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> anyhow::Result<()> {
    let output = Command::new(program).args(arguments).arg(folder).output()?;
    ensure!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
