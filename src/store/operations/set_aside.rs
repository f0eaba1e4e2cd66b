//! Mails that could not be read are kept as they came, in a folder beside the stop journal, for a person to look at.
//!
//! A file is named by its content: the same mail handed over again is one file.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The folder, for a stop journal.
pub fn folder(stop_journal: &Path) -> PathBuf {
    stop_journal.with_file_name("unreadable")
}

/// How many there are.
pub fn count(stop_journal: &Path) -> usize {
    let is_kept = |entry: &fs::DirEntry| entry.path().extension().is_some_and(|extension| extension == "eml");
    fs::read_dir(folder(stop_journal)).map_or(0, |entries| entries.flatten().filter(is_kept).count())
}

/// Keeps a mail: `begun` was read already, the rest is in `rest`. On the disk when it returns.
///
/// # Errors
/// When it cannot be written.
pub fn keep(stop_journal: &Path, begun: &[u8], mut rest: impl Read) -> io::Result<PathBuf> {
    let folder = folder(stop_journal);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let draft = folder.join(format!("draft-{}", std::process::id()));
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
        assert_eq!(fs::metadata(folder(&journal)).expect("a folder").permissions().mode() & 0o777, 0o700);
    }
}
