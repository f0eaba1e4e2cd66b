//! A Maildir: a file for each mail, delivered into `new` and moved to `cur` once it is recorded. The kernel says when one comes (inotify);
//! on a file system where it does not, such as NFS, the folder is looked at every now and then.

use super::error::MailboxError;
use crate::inbox::mail::mime_body::LARGEST;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// How often the folder is looked at, besides whenever the kernel says that a mail came.
const LOOK: Duration = Duration::from_secs(30);
/// As many mails are taken at once…
const MOST_MAILS: usize = 50;
/// …and as many bytes, unless one mail is larger.
const MOST_BYTES: u64 = 4 << 20;

/// A Maildir that is watched.
pub struct Maildir {
    folder: PathBuf,
    watch: Option<AsyncFd<OwnedFd>>,
    /// What was found in `new` and is not read yet, oldest first: it is not listed again for each batch.
    names: VecDeque<OsString>,
}

/// A mail that lies in `new`.
#[derive(Debug, PartialEq, Eq)]
pub struct Delivered {
    name: OsString,
    /// Its bytes; of one that is too large to be read, the beginning.
    pub raw: Vec<u8>,
}

impl Maildir {
    /// Opens a Maildir, and begins to watch it.
    ///
    /// # Errors
    /// When it is none, or cannot be written.
    pub fn open(folder: &Path) -> Result<Self, MailboxError> {
        for name in ["new", "cur"] {
            let path = folder.join(name);
            let access = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
            rustix::fs::access(&path, access).map_err(|error| MailboxError::Files(format!("{}: {error}", path.display())))?;
        }
        let watch = watch(&folder.join("new"));
        if watch.is_none() {
            tracing::info!(
                "the kernel does not tell of new mails in a Maildir: it is looked at every {} seconds",
                LOOK.as_secs()
            );
        }
        Ok(Self { folder: folder.to_owned(), watch, names: VecDeque::new() })
    }

    /// The oldest mails in `new`, as many as are taken at once. Whatever is no plain file is left alone, and a file that cannot be read
    /// holds up no other.
    ///
    /// # Errors
    /// When the folder cannot be read; when nothing is left but files that cannot be read.
    pub async fn delivered(&mut self) -> Result<Vec<Delivered>, MailboxError> {
        let (new, mut names) = (self.folder.join("new"), std::mem::take(&mut self.names));
        let reading = tokio::task::spawn_blocking(move || {
            let is_listed = !names.is_empty();
            if is_listed && let Some(mails) = batch(&new, &mut names).ok().filter(|mails| !mails.is_empty()) {
                return Ok((mails, names));
            }
            // Others may have come since those names were found.
            names = list(&new)?;
            batch(&new, &mut names).map(|mails| (mails, names))
        });
        let (mails, names) = reading.await.map_err(|error| MailboxError::Files(error.to_string()))??;
        self.names = names;
        Ok(mails)
    }

    /// Moves a recorded mail to `cur`, without any flag.
    ///
    /// # Errors
    /// When it cannot be moved; it is read again then, and recorded once.
    pub fn done(&self, mail: &Delivered) -> Result<(), MailboxError> {
        let mut name = mail.name.clone();
        if !name.as_encoded_bytes().contains(&b':') {
            name.push(":2,");
        }
        match fs::rename(self.folder.join("new").join(&mail.name), self.folder.join("cur").join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(MailboxError::Files(error.to_string())),
            _ => Ok(()),
        }
    }

    /// How many mails lie in `new`.
    pub fn waiting(&self) -> usize {
        fs::read_dir(self.folder.join("new")).map_or(0, |entries| entries.flatten().count())
    }

    /// Waits until there may be a mail.
    pub async fn wait(&self) {
        let Some(watch) = &self.watch else {
            tokio::time::sleep(LOOK).await;
            return;
        };
        if let Ok(Ok(mut guard)) = tokio::time::timeout(LOOK, watch.readable()).await {
            let mut space = [std::mem::MaybeUninit::uninit(); 4096];
            let mut told = inotify::Reader::new(watch.get_ref(), &mut space);
            // What exactly happened does not matter: the folder is looked at.
            while told.next().is_ok() {}
            guard.clear_ready();
        }
    }
}

fn broken(new: &Path, error: &std::io::Error) -> MailboxError {
    MailboxError::Files(format!("{}: {error}", new.display()))
}

/// The names of the mails in a folder, oldest first.
fn list(new: &Path) -> Result<VecDeque<OsString>, MailboxError> {
    let mut names: Vec<OsString> = Vec::new();
    for entry in fs::read_dir(new).map_err(|error| broken(new, &error))? {
        let entry = entry.map_err(|error| broken(new, &error))?;
        // A link may lead anywhere, and a pipe is read for ever.
        let name = entry.file_name();
        if entry.file_type().is_ok_and(|kind| kind.is_file()) && !name.as_encoded_bytes().starts_with(b".") {
            names.push(name);
        }
    }
    // A name begins with the second of its delivery.
    names.sort_unstable();
    Ok(names.into())
}

/// Takes as many mails off the names as are taken at once.
fn batch(new: &Path, names: &mut VecDeque<OsString>) -> Result<Vec<Delivered>, MailboxError> {
    let (mut mails, mut bytes, mut trouble) = (Vec::new(), 0, None);
    while mails.len() < MOST_MAILS {
        let Some(name) = names.pop_front() else { break };
        let mut raw = Vec::new();
        let read = File::open(new.join(&name)).and_then(|file| file.take(LARGEST as u64 + 1).read_to_end(&mut raw));
        match read {
            Ok(_) => {}
            // Somebody else took it.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            // It holds up no other; once nothing else is left, it is said.
            Err(error) => {
                trouble = Some(broken(new, &error));
                continue;
            }
        }
        bytes += raw.len() as u64;
        if bytes > MOST_BYTES && !mails.is_empty() {
            names.push_front(name);
            break;
        }
        mails.push(Delivered { name, raw });
    }
    trouble.filter(|_| mails.is_empty()).map_or(Ok(mails), Err)
}

#[expect(
    deprecated,
    reason = "an OwnedFd is the descriptor it says it is, and what replaces this is unsafe code, which is forbidden"
)]
fn watch(folder: &Path) -> Option<AsyncFd<OwnedFd>> {
    let told = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()?;
    inotify::add_watch(&told, folder, WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE).ok()?;
    AsyncFd::new(told).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_mail_is_taken_out_of_new_once_and_what_is_none_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(Maildir::open(folder.path()), Err(MailboxError::Files(_))));
        for name in ["new", "cur", "tmp"] {
            fs::create_dir(folder.path().join(name)).expect("made");
        }
        let mut maildir = Maildir::open(folder.path()).expect("opened");
        let new = folder.path().join("new");
        fs::create_dir(new.join("1.folder")).expect("made");
        std::os::unix::fs::symlink("/etc/passwd", new.join("2.link")).expect("linked");
        fs::write(new.join(".hidden"), "x").expect("written");
        assert_eq!(maildir.delivered().await.expect("read"), []);
        let waits = maildir.wait();
        fs::write(new.join("4.b.host"), "Subject: two\n\n").expect("written");
        waits.await;
        fs::write(new.join("3.a.host"), "Subject: one\n\n").expect("written");
        let mails = maildir.delivered().await.expect("read");
        assert_eq!(mails.iter().map(|mail| mail.raw.as_slice()).collect::<Vec<_>>(), [b"Subject: one\n\n", b"Subject: two\n\n"]);
        maildir.done(&mails[0]).expect("moved");
        maildir.done(&mails[0]).expect("moved before");
        assert!(folder.path().join("cur/3.a.host:2,").exists());
        assert_eq!(maildir.delivered().await.expect("read").len(), 1);
    }

    #[tokio::test]
    async fn fifty_one_files_that_cannot_be_read_hold_up_none_behind_them() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["new", "cur"] {
            fs::create_dir(folder.path().join(name)).expect("made");
        }
        let mut maildir = Maildir::open(folder.path()).expect("opened");
        let new = folder.path().join("new");
        // Root reads every file, so each is a folder by the time it is opened.
        let broken: Vec<OsString> = (100..=100 + MOST_MAILS).map(|number| format!("{number}.host").into()).collect();
        for name in &broken {
            fs::create_dir(new.join(name)).expect("made");
        }
        fs::write(new.join("200.host"), "Subject: good\n\n").expect("written");
        maildir.names = broken.into();
        maildir.names.push_back("200.host".into());
        let mails = maildir.delivered().await.expect("read");
        assert_eq!(mails.iter().map(|mail| mail.raw.as_slice()).collect::<Vec<_>>(), [b"Subject: good\n\n"]);
    }

    #[tokio::test]
    async fn a_mail_that_comes_while_names_are_left_is_found_once_they_are_used_up() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["new", "cur"] {
            fs::create_dir(folder.path().join(name)).expect("made");
        }
        let mut maildir = Maildir::open(folder.path()).expect("opened");
        let new = folder.path().join("new");
        for number in 100..=100 + MOST_MAILS {
            fs::write(new.join(format!("{number}.host")), "Subject: one\n\n").expect("written");
        }
        let mails = maildir.delivered().await.expect("read");
        assert_eq!((mails.len(), maildir.names.len()), (MOST_MAILS, 1));
        for mail in &mails {
            maildir.done(mail).expect("moved");
        }
        // Somebody else took the one that was left.
        fs::remove_file(new.join(&maildir.names[0])).expect("removed");
        fs::write(new.join("200.host"), "Subject: two\n\n").expect("written");
        assert_eq!(maildir.delivered().await.expect("read").len(), 1);
    }
}
