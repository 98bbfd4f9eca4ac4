//! The server as a process of its own: this same program, `elchi serve`.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// RocksDB opens in well under a second; a loaded machine gets time.
const START_DEADLINE: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(60);

/// A running server, stopped when it is dropped.
pub(super) struct RunningServer {
    child: Option<Child>,
    pid: u32,
}

impl RunningServer {
    /// Starts the server of a configuration and waits until it answers on `address`.
    pub(super) fn start(config: &Path, address: &str, traces: &Path) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|fault| format!("cannot find this program: {fault}"))?;
        let traces = File::create(traces).map_err(|fault| format!("cannot write {}: {fault}", traces.display()))?;
        let child = Command::new(program)
            .args(["serve", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(traces)
            .spawn()
            .map_err(|fault| format!("cannot start the server: {fault}"))?;
        let mut server = Self { pid: child.id(), child: Some(child) };
        server.wait_until_it_answers(address)?;
        Ok(server)
    }

    fn wait_until_it_answers(&mut self, address: &str) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < START_DEADLINE {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                return Err(format!("the server ended at once ({status}); its traces are in server/traces.json"));
            }
            if TcpStream::connect(address).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err("the server does not answer; its traces are in server/traces.json".into())
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
                Ok(Some(status)) => return Err(format!("the server did not end well ({status}); its traces are in server/traces.json")),
                _ => thread::sleep(Duration::from_millis(20)),
            }
        }
        Err("the server does not stop".into())
    }

    /// Lets it go on after this program has ended.
    pub(super) fn leave_running(mut self) -> u32 {
        self.child.take();
        self.pid
    }
}

impl Drop for RunningServer {
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
