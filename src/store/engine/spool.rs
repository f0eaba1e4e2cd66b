//! A spool: lines that could not be written into the database, in a bounded file beside the stop journal, until they can.
//!
//! A line is on the disk before it is answered for. Whoever empties the spool takes the whole file away first and removes it once
//! its lines are in the database: what is added meanwhile begins a new file, and a crash in between gives the lines twice, never
//! not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A spool. Several processes may add to one.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    /// How many bytes it holds at most.
    most: u64,
    /// One thread writes at a time.
    turn: Mutex<()>,
}

impl Spool {
    /// The spool of this name beside a file.
    pub fn beside(file: &Path, name: &str, most: u64) -> Self {
        let mut path = file.as_os_str().to_owned();
        path.push(".");
        path.push(name);
        Self { path: path.into(), most, turn: Mutex::new(()) }
    }

    /// Adds a line, and waits until it is on the disk.
    ///
    /// # Errors
    /// When the spool is full, or cannot be written.
    pub fn add(&self, line: &str) -> io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut file, is_new) = self.locked()?;
        let length = file.metadata()?.len();
        if length + line.len() as u64 + 2 > self.most {
            return Err(io::Error::new(ErrorKind::StorageFull, format!("{} holds {length} bytes already", self.path.display())));
        }
        // A line that a crash tore ends here; it was never answered for.
        file.write_all(format!("\n{line}\n").as_bytes())?;
        file.sync_data()?;
        if is_new { self.sync_directory() } else { Ok(()) }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        ![&self.path, &self.aside()].into_iter().any(|path| fs::metadata(path).is_ok_and(|file| file.len() > 0))
    }

    /// Takes what waits, oldest first; [`done`](Self::done) is to follow once it is written elsewhere. Until then the same is taken again.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn take(&self) -> io::Result<Vec<String>> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let aside = self.aside();
        if !aside.exists() {
            if !self.path.exists() {
                return Ok(Vec::new());
            }
            let (file, _) = self.locked()?;
            fs::rename(&self.path, &aside)?;
            drop(file);
            self.sync_directory()?;
        }
        // Bounded by `most`.
        let bytes = fs::read(&aside)?;
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
        let text = String::from_utf8_lossy(&bytes[..whole]);
        Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    /// Removes what was taken.
    ///
    /// # Errors
    /// When it cannot be removed: it is taken again then.
    pub fn done(&self) -> io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        match fs::remove_file(self.aside()) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| self.sync_directory()),
        }
    }

    /// The file at the path, locked, and whether it is new: another process may have taken the one we opened away.
    fn locked(&self) -> io::Result<(File, bool)> {
        loop {
            let is_new = !self.path.exists();
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
            file.lock()?;
            let same = |there: &fs::Metadata, ours: &fs::Metadata| (there.dev(), there.ino()) == (ours.dev(), ours.ino());
            if fs::metadata(&self.path).is_ok_and(|there| file.metadata().is_ok_and(|ours| same(&there, &ours))) {
                return Ok((file, is_new));
            }
        }
    }

    fn aside(&self) -> PathBuf {
        let mut path = self.path.as_os_str().to_owned();
        path.push(".taken");
        path.into()
    }

    fn sync_directory(&self) -> io::Result<()> {
        let directory = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        File::open(directory)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_taken_until_it_is_done_and_never_lost() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = folder.path().join("stops");
        let spool = Spool::beside(&journal, "clicks", 1_000);
        assert!(spool.is_empty() && spool.take().expect("read").is_empty());
        spool.add("one").expect("added");
        spool.add("two").expect("added");
        assert_eq!(fs::metadata(folder.path().join("stops.clicks")).expect("a file").mode() & 0o777, 0o600);
        assert_eq!(spool.take().expect("read"), ["one", "two"]);
        spool.add("three").expect("added meanwhile");
        // Another process, after a crash of the first one.
        let other = Spool::beside(&journal, "clicks", 1_000);
        assert_eq!(other.take().expect("read"), ["one", "two"], "not done yet");
        other.done().expect("removed");
        assert!(!other.is_empty());
        assert_eq!(other.take().expect("read"), ["three"]);
        other.done().expect("removed");
        assert!(spool.is_empty());
    }

    #[test]
    fn it_is_bounded_and_a_torn_line_is_nobodys() {
        let folder = tempfile::tempdir().expect("a folder");
        let spool = Spool::beside(&folder.path().join("stops"), "clicks", 40);
        spool.add("0123456789").expect("added");
        fs::write(&spool.path, [&fs::read(&spool.path).expect("a file")[..], b"\ntorn"].concat()).expect("written");
        spool.add("next").expect("added");
        assert_eq!(spool.add("0123456789").expect_err("full").kind(), ErrorKind::StorageFull);
        assert_eq!(spool.take().expect("read"), ["0123456789", "torn", "next"]);
    }
}
