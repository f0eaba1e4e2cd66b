//! A child process that ends with this one, however this one ends.

use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};

/// Waits until its standard input is closed: the kernel closes it even when this process is killed.
const WATCH: &str = "trap '' INT TERM HUP; read -r never; kill -KILL \"$1\"";

/// A running process, and the shell that kills it at the end. Both end when dropped.
pub(crate) struct Process {
    child: Child,
    watch: Child,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::null()).spawn()?;
        let mut watch = Command::new("sh");
        watch.args(["-c", WATCH, "watch", &child.id().to_string()]).stdin(Stdio::piped()).current_dir("/");
        match watch.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(watch) => Ok(Self { child, watch }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    pub(crate) const fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The watching shell first: it must not outlive the process whose number it knows. Either may have ended by itself.
        for process in [&mut self.watch, &mut self.child] {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
