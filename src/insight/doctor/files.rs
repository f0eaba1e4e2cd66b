//! Checks of files: whether secrets can be read only by this user, and whether the disks have space.

use super::finding::Finding;
use crate::domain::plan::Plan;
use crate::domain::settings::DatabaseUrl;
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
pub fn secrets(plan: &Plan, secrets: &[PathBuf]) -> Vec<Finding> {
    let mut private: BTreeSet<PathBuf> = secrets.iter().cloned().collect();
    if let DatabaseUrl::Sqlite(path) = &plan.settings.database {
        private.insert(path.clone());
    }
    private.insert(plan.settings.stop_journal.clone());
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
pub fn free_space(plan: &Plan) -> Vec<Finding> {
    let mut paths = vec![("the stop journal", plan.settings.stop_journal.as_path())];
    match &plan.settings.database {
        DatabaseUrl::Sqlite(path) => paths.insert(0, ("the database", path.as_path())),
        DatabaseUrl::Postgres(_) => {}
    }
    let mut found: Vec<Finding> = paths.into_iter().map(|(what, path)| room_of(what, path)).collect();
    if matches!(plan.settings.database, DatabaseUrl::Postgres(_)) {
        let instead = "watch the disk of the server where it runs";
        found.push(Finding::not_looked_at("disk", "the database's disk cannot be asked for over SQL", instead));
    }
    found
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
