//! Mails that could not be read are kept as they came, in a folder beside the stop journal, for a person to look at.
//!
//! A file is named by its content: the same mail handed over again is one file.

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells the drafts of one process apart: several of its threads set mails aside at once.
static DRAFTS: AtomicU64 = AtomicU64::new(0);

/// The folder, for a stop journal.
pub fn folder(stop_journal: &Path) -> PathBuf {
    stop_journal.with_file_name("unreadable")
}

/// How many there are.
pub fn count(stop_journal: &Path) -> usize {
    paths(stop_journal).map_or(0, |paths| paths.len())
}

/// Keeps a mail: `begun` was read already, the rest is in `rest`. On the disk when it returns.
///
/// # Errors
/// When it cannot be written.
pub fn keep(stop_journal: &Path, begun: &[u8], mut rest: impl Read) -> io::Result<PathBuf> {
    let folder = folder(stop_journal);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let draft = folder.join(format!("draft-{}-{}", std::process::id(), DRAFTS.fetch_add(1, Ordering::Relaxed)));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        let (mut hash, mut piece) = (Sha256::new_with_prefix(begun), vec![0; 1 << 16]);
        file.write_all(begun)?;
        loop {
            match rest.read(&mut piece)? {
                0 => break,
                read => {
                    hash.update(&piece[..read]);
                    file.write_all(&piece[..read])?;
                }
            }
        }
        file.sync_all()?;
        let kept = folder.join(format!("{}.eml", HEXLOWER.encode(&hash.finalize()[..8])));
        fs::rename(&draft, &kept)?;
        File::open(&folder)?.sync_all()?;
        Ok(kept)
    })();
    if written.is_err() {
        // Half a mail is of no use, and the disk may be full.
        drop(fs::remove_file(&draft));
    }
    written
}

/// A mail that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SetAside {
    /// What its file is called without its ending: a fingerprint of its bytes.
    pub id: String,
    pub bytes: u64,
    pub since: Timestamp,
}

/// Every mail that was set aside, oldest first.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(stop_journal: &Path) -> io::Result<Vec<SetAside>> {
    let mut found = Vec::new();
    for path in paths(stop_journal)? {
        let file = fs::metadata(&path)?;
        let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let since = Timestamp::try_from(file.modified()?).unwrap_or(Timestamp::UNIX_EPOCH);
        found.push(SetAside { id, bytes: file.len(), since });
    }
    found.sort_by(|one, other| (one.since, &one.id).cmp(&(other.since, &other.id)));
    Ok(found)
}

/// The file of a mail that was set aside; `None` where there is none of this id.
pub fn path(stop_journal: &Path, id: &str) -> Option<PathBuf> {
    // An id is typed: it names a file of this folder and nothing else.
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| folder(stop_journal).join(format!("{id}.eml"))).filter(|path| path.is_file())
}

/// The files in whose bytes one of these words stands, in whatever case: mails, and drafts that a death left or that are being written.
///
/// # Errors
/// When a file cannot be read.
pub fn naming(stop_journal: &Path, words: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in files(stop_journal)?.into_iter().filter(|path| is_mail(path) || is_draft(path)) {
        let text = match fs::read(&path) {
            // A draft got its name meanwhile, or the mail was taken again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            read => read?.to_ascii_lowercase(),
        };
        if words.iter().any(|word| memchr::memmem::find(&text, word.to_ascii_lowercase().as_bytes()).is_some()) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Removes the files in which one of these words stands, in whatever case. Returns how many.
///
/// # Errors
/// When a file cannot be read or removed.
pub fn remove_naming(stop_journal: &Path, words: &[&str]) -> io::Result<u64> {
    let mut removed = 0;
    for path in naming(stop_journal, words)? {
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => {
                done?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

fn paths(stop_journal: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(files(stop_journal)?.into_iter().filter(|path| is_mail(path)).collect())
}

fn files(stop_journal: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder(stop_journal)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    entries.map(|entry| entry.map(|entry| entry.path())).collect()
}

fn is_mail(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "eml")
}

fn is_draft(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"draft-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_kept_whole_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().expect("a folder");
        let journal = place.path().join("nurtured.stops");
        assert_eq!(count(&journal), 0);
        let kept = keep(&journal, b"one ", &b"two"[..]).expect("kept");
        assert_eq!(keep(&journal, b"one two", io::empty()).expect("kept"), kept);
        assert_eq!((fs::read(&kept).expect("read"), count(&journal)), (b"one two".to_vec(), 1));
        assert_eq!(fs::metadata(&kept).expect("a file").permissions().mode() & 0o777, 0o600);
        assert_eq!(path(&journal, "../nurtured"), None);
        let id = &list(&journal).expect("listed")[0].id;
        assert_eq!(path(&journal, id), Some(kept.clone()));
        assert_eq!(fs::metadata(folder(&journal)).expect("a folder").permissions().mode() & 0o777, 0o700);
        keep(&journal, b"to ADA@x.example", io::empty()).expect("kept");
        assert_eq!(remove_naming(&journal, &["ada@x.example"]).expect("looked"), 1);
        assert_eq!(list(&journal).expect("listed").len(), 1);
    }

    #[test]
    fn two_mails_that_are_set_aside_at_once_are_both_kept() {
        let place = tempfile::tempdir().expect("a folder");
        let journal = place.path().join("nurtured.stops");
        // The first has begun its file and waits for its rest while the second is written whole.
        let (rest, mut sender) = io::pipe().expect("a pipe");
        let first = {
            let journal = journal.clone();
            std::thread::spawn(move || keep(&journal, b"first ", rest))
        };
        while files(&journal).expect("listed").is_empty() {
            std::thread::yield_now();
        }
        let second = keep(&journal, b"second", io::empty()).expect("kept");
        sender.write_all(b"mail").expect("written");
        drop(sender);
        let first = first.join().expect("no panic").expect("kept");
        assert_eq!(fs::read(first).expect("read"), b"first mail");
        assert_eq!(fs::read(second).expect("read"), b"second");
        assert_eq!(files(&journal).expect("listed").len(), 2);
    }

    #[test]
    fn a_draft_that_a_death_left_is_removed_with_the_mails_that_name_a_person() {
        let place = tempfile::tempdir().expect("a folder");
        let journal = place.path().join("nurtured.stops");
        keep(&journal, b"nobody", io::empty()).expect("kept");
        fs::write(folder(&journal).join("draft-1-0"), "from Ada@x.example").expect("written");
        assert_eq!(remove_naming(&journal, &["ada@x.example"]).expect("looked"), 1);
        assert_eq!(files(&journal).expect("listed").len(), 1);
    }
}
