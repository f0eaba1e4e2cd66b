//! Checks of files: whether secrets can be read only by this user, and whether the disks have space.

use super::finding::Finding;
use crate::domain::settings::DatabaseUrl;
use crate::store::operations::set_aside;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Below this free space, in bytes, recording will soon fail.
const TOO_LITTLE: u64 = 256 << 20;
/// Below this free space, in bytes, more should be provided.
const LITTLE: u64 = 2 << 30;

/// Whether files that hold secrets, or personal data, can be read by other users.
pub fn secrets(url: &DatabaseUrl, stop_journal: &Path, secrets: &[PathBuf]) -> Vec<Finding> {
    let mut private: BTreeSet<PathBuf> = secrets.iter().cloned().collect();
    if let DatabaseUrl::Sqlite(path) = url {
        private.insert(path.clone());
    }
    private.insert(stop_journal.to_owned());
    let mut found = Vec::new();
    for path in &private {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => found.push(Finding::wrong(
                "private files",
                format!("{} cannot be looked at: {error}", path.display()),
                "run this as the service's user: sudo -u nurtured nurtured doctor",
            )),
            Ok(file) if file.mode() & 0o007 != 0 => found.push(Finding::wrong(
                "private files",
                format!("{} can be reached by everybody on this machine (mode {:03o})", path.display(), file.mode() & 0o777),
                format!("chmod o-rwx {}", path.display()),
            )),
            Ok(_) => {}
        }
    }
    if found.is_empty() {
        found.push(Finding::well("private files", "what holds secrets or people is read by us alone"));
    }
    found
}

/// How much free space the disks of the database and of the stop journal have.
pub fn free_space(url: &DatabaseUrl, stop_journal: &Path) -> Vec<Finding> {
    let mut paths = vec![("the stop journal", stop_journal)];
    match url {
        DatabaseUrl::Sqlite(path) => paths.insert(0, ("the database", path.as_path())),
        DatabaseUrl::Postgres(_) => {}
    }
    let mut found: Vec<Finding> = paths.into_iter().map(|(what, path)| room_of(what, path)).collect();
    if matches!(url, DatabaseUrl::Postgres(_)) {
        let instead = "watch the disk of the server where it runs";
        found.push(Finding::unchecked("disk", "the database's disk cannot be asked for over SQL", instead));
    }
    found
}

/// How many mails were set aside because they could not be read.
pub fn unreadable(stop_journal: &Path) -> Option<Finding> {
    let folder = set_aside::folder(stop_journal);
    let says = |count: usize| format!("{count} mails could not be read, and lie in {}", folder.display());
    match set_aside::count(stop_journal) {
        0 => None,
        count => Some(Finding::notice(
            "unreadable mail",
            says(count),
            "`nurtured inbox list` lists them, `nurtured inbox retry` takes them again; what nobody needs may be removed",
        )),
    }
}

fn room_of(what: &str, path: &Path) -> Finding {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let disk = match rustix::fs::statvfs(folder) {
        Ok(disk) => disk,
        Err(error) => {
            let says = format!("the disk of {what}, {}, cannot be looked at: {error}", folder.display());
            return Finding::wrong("disk", says, format!("make the folder, or correct the path of {what} in nurtured.toml"));
        }
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let says = format!("{} of room for {what} in {}", size(free), folder.display());
    match free {
        free if free < TOO_LITTLE => Finding::wrong("disk", says, "make room: what cannot be recorded is not sent"),
        free if free < LITTLE => Finding::notice("disk", says, "make room soon: what cannot be recorded is not sent"),
        _ => Finding::well("disk", says),
    }
}

fn size(bytes: u64) -> String {
    if bytes >= 10 << 30 { format!("{} GB", bytes >> 30) } else { format!("{} MB", bytes >> 20) }
}
