//! The server and the witnesses as processes of their own: this same program, `elchi serve`, `elchi witness serve`.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// RocksDB opens in well under a second; a loaded machine gets time.
const START_DEADLINE: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(60);

/// A running server or witness, stopped when it is dropped.
pub(super) struct RunningProcess {
    child: Option<Child>,
    pid: u32,
    traces: PathBuf,
}

impl RunningProcess {
    /// Starts `elchi COMMAND --config CONFIG` and waits until it answers on `address`.
    pub(super) fn start(command: &[&str], config: &Path, address: &str, traces: PathBuf) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|fault| format!("cannot find this program: {fault}"))?;
        let output = File::create(&traces).map_err(|fault| format!("cannot write {}: {fault}", traces.display()))?;
        let child = Command::new(program)
            .args(command)
            .arg("--config")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .map_err(|fault| format!("cannot start elchi {}: {fault}", command.join(" ")))?;
        let mut process = Self { pid: child.id(), child: Some(child), traces };
        process.wait_until_it_answers(address)?;
        Ok(process)
    }

    fn wait_until_it_answers(&mut self, address: &str) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < START_DEADLINE {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                return Err(format!("it ended at once ({status}); its traces are in {}", self.traces.display()));
            }
            if TcpStream::connect(address).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(format!("it does not answer; its traces are in {}", self.traces.display()))
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Asks it to stop, as a service manager does, and waits.
    pub(super) fn stop(mut self) -> Result<(), String> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        terminate(&child);
        let begun = Instant::now();
        while begun.elapsed() < STOP_DEADLINE {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("it did not end well ({status}); its traces are in {}", self.traces.display())),
                _ => thread::sleep(Duration::from_millis(20)),
            }
        }
        Err(format!("the process {} does not stop", self.pid))
    }

    /// Lets it go on after this program has ended.
    pub(super) fn leave_running(mut self) -> u32 {
        self.child.take();
        self.pid
    }
}

impl Drop for RunningProcess {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn terminate(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// A loopback address that nobody listens on.
pub(super) fn free_address() -> Result<std::net::SocketAddr, String> {
    let probe = TcpListener::bind(("127.0.0.1", 0)).map_err(|fault| format!("no free port on loopback: {fault}"))?;
    probe.local_addr().map_err(|fault| fault.to_string())
}
