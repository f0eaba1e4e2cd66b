//! Typed as root, nurtured becomes the owner of the state directory before it opens anything: a file that root makes there is one
//! that the service cannot write, and it stops at the next start.

use super::exit::Exit;
use super::open;
use crate::config::Database;
use crate::domain::settings::DatabaseUrl;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// The owner of the directory in which the state lies, when root typed it and the directory belongs to somebody else.
fn other_owner(named: &Database) -> Option<(&Path, Metadata)> {
    let state = match &named.url {
        DatabaseUrl::Sqlite(path) => path,
        DatabaseUrl::Postgres(_) => &named.stop_journal,
    };
    let folder = state.parent()?;
    let found = fs::metadata(folder).ok().filter(|found| found.uid() != 0 && rustix::process::geteuid().is_root())?;
    Some((folder, found))
}

/// Whose the directory of the state is, when root typed it and it is somebody else's.
pub fn belongs_to(named: &Database) -> Option<String> {
    other_owner(named).map(|(folder, owner)| format!("{} is {}'s", folder.display(), name_of(owner.uid())))
}

/// Starts this program anew as the owner, when root typed it and the directory belongs to somebody else. Returns only if there is
/// nothing to do.
///
/// # Errors
/// 1, with the line to type, when it cannot be started as the owner.
pub fn become_owner(config: Option<&Path>) -> Result<(), Exit> {
    // Nobody else than root needs the configuration here; and what is wrong with it, the verb says itself.
    let Some(named) = rustix::process::geteuid().is_root().then(|| open::named(config).ok()).flatten() else { return Ok(()) };
    let Some((folder, owner)) = other_owner(&named) else { return Ok(()) };
    let program = std::env::current_exe()?;
    // Also drops root's other groups, before the user is changed.
    let refused = Command::new(&program).args(std::env::args_os().skip(1)).gid(owner.gid()).uid(owner.uid()).exec();
    let user = name_of(owner.uid());
    let typed: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    Err(Exit::No(format!(
        "root would leave files that {user}, whose directory {} is, cannot write; and {} cannot be started as {user}: {refused}. Type: sudo -u \
         {user} nurtured {}",
        folder.display(),
        program.display(),
        typed.join(" ")
    )))
}

/// A user's name, as sudo takes it.
fn name_of(uid: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let is_theirs = |line: &&str| line.split(':').nth(2).is_some_and(|id| id == uid.to_string());
    let name = users.lines().find(is_theirs).and_then(|line| line.split(':').next());
    name.map_or_else(|| format!("'#{uid}'"), str::to_owned)
}
