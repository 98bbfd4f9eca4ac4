//! What the story's tests stand on: the world that `elchi demo` leaves, with its server as a process.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use elchi::client::{Client, ClientError, Profile, Sent, Submission, Unlock};
use elchi::domain::Tag;
use elchi::seal::{open_secret, parse_identity_file};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// Long enough for a loaded machine; what hangs longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_elchi");

/// Both states, seven people, one closed case; the server runs until this is dropped.
pub(super) struct World {
    folder: tempfile::TempDir,
    pid: Option<Pid>,
    /// By state.
    witnesses: BTreeMap<String, Witness>,
    pub(super) address: String,
    /// The case that the demo played.
    pub(super) case: Tag,
}

struct Witness {
    pid: Option<Pid>,
    config: PathBuf,
    address: String,
}

impl World {
    pub(super) fn play() -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["demo", "--keep-serving"]);
        let (mut world, pid) = Self::play_with(command);
        world.pid = pid;
        world
    }

    /// A world that was made 25 hours ago, whose server has been started again now.
    pub(super) fn play_yesterday() -> Self {
        let mut command = Command::new("faketime");
        command.args(["-f", "-25h", PROGRAM, "demo"]);
        let (mut world, _) = Self::play_with(command);
        world.witnesses.values_mut().for_each(|witness| witness.pid = None);
        for state in ["KG", "TR"] {
            world.start_witness(state);
        }
        world.start_server();
        world
    }

    /// Plays the demo; gives the server's process, which has ended unless it was to go on.
    fn play_with(mut command: Command) -> (Self, Option<Pid>) {
        let folder = tempfile::tempdir().unwrap();
        command.arg("--dir").arg(folder.path());
        let output = command.stdout(Stdio::null()).output().expect("cannot be run; hint: sudo apt-get install faketime");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let json: serde_json::Value = serde_json::from_slice(&fs::read(folder.path().join("demo.json")).unwrap()).unwrap();
        let pid = Pid::from_raw(i32::try_from(json["server"]["pid"].as_i64().unwrap()).unwrap());
        let case = json["cases"][0]["case"].as_str().unwrap().parse().unwrap();
        let witness = |json: &serde_json::Value| {
            let pid = Pid::from_raw(i32::try_from(json["pid"].as_i64().unwrap()).unwrap());
            let config = json["config"].as_str().unwrap().into();
            (json["state"].as_str().unwrap().to_owned(), Witness { pid, config, address: json["address"].as_str().unwrap().into() })
        };
        let witnesses = json["witnesses"].as_array().unwrap().iter().map(witness).collect();
        (Self { folder, pid: None, witnesses, address: json["server"]["address"].as_str().unwrap().into(), case }, pid)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn profile(&self, member: &str) -> PathBuf {
        self.path("people").join(member.replace('/', "-"))
    }

    /// What opens every profile that the demo makes.
    pub(super) fn unlock(&self) -> Unlock {
        Unlock::File(self.path("unlock.key"))
    }

    pub(super) fn open_profile(&self, member: &str) -> Profile {
        Profile::open(&self.profile(member), &self.unlock()).unwrap()
    }

    pub(super) fn client(&self, member: &str) -> Client {
        Client::open(self.open_profile(member)).unwrap()
    }

    /// What a private file holds, as `age -d -i unlock.key` says it.
    pub(super) fn read_secret(&self, path: &Path) -> Vec<u8> {
        let (_, key) = parse_identity_file(&fs::read(self.path("unlock.key")).unwrap()).unwrap();
        open_secret(&fs::read(path).unwrap(), &key).unwrap().to_vec()
    }

    /// The program, to be run by somebody of this world.
    pub(super) fn program(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.env("ELCHI_UNLOCK", self.path("unlock.key"));
        command
    }

    pub(super) fn config(&self) -> PathBuf {
        self.path("server/elchi.toml")
    }

    /// Runs the program as a member.
    pub(super) fn run(&self, member: &str, arguments: &[&str]) -> Output {
        self.program().env("ELCHI_PROFILE", self.profile(member)).args(arguments).output().unwrap()
    }

    /// Runs a command that must succeed; what it says with `--json`.
    pub(super) fn run_json(&self, member: &str, arguments: &[&str]) -> serde_json::Value {
        let output = self.run(member, &[arguments, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command that must succeed as the registrar whose folder this is; what it says with `--json`.
    pub(super) fn run_registrar(&self, folder: &str, arguments: &[&str]) -> serde_json::Value {
        let mut command = self.program();
        let output = command.arg("registrar").args(arguments).args(["--json", "--profile"]).arg(self.path(folder)).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Somebody joins an authority of KG that is there.
    pub(super) fn join(&self, member: &str, roles: &[&str]) {
        let letter =
            |kind: &str| self.path("letters").join(format!("{}-{kind}.json", member.replace('/', "-"))).to_str().unwrap().to_owned();
        let [invitation, enrolment, admission] = ["invitation", "enrolment", "admission"].map(letter);
        let roles = roles.iter().flat_map(|role| ["--role", role]);
        self.run_registrar("kg", &["invite", member, "--out", &invitation].into_iter().chain(roles).collect::<Vec<_>>());
        self.run_json(member, &["profile", "enrol", &invitation, "--out", &enrolment]);
        self.run_registrar("kg", &["admit", &enrolment, "--out", &admission]);
        self.run_json(member, &["profile", "accept", &admission]);
    }

    /// A custodian grants their authority's key, and a colleague takes it.
    pub(super) fn grant(&self, custodian: &str, member: &str) {
        let file = self.path("letters").join(format!("{}-grant.age", member.replace('/', "-"))).to_str().unwrap().to_owned();
        self.run_json(custodian, &["profile", "grant", member, "--out", &file]);
        self.run_json(member, &["profile", "take-grant", &file]);
    }

    pub(super) fn server_pid(&self) -> Pid {
        self.pid.unwrap()
    }

    /// Ends the server as `kill -9` does.
    pub(super) fn kill_server(&mut self) {
        self.end_server(Signal::KILL);
    }

    /// Ends the server as a service manager does.
    pub(super) fn stop_server(&mut self) {
        self.end_server(Signal::TERM);
    }

    /// The server has ended by itself.
    pub(super) fn forget_server(&mut self) {
        self.pid = None;
    }

    fn end_server(&mut self, signal: Signal) {
        if let Some(pid) = self.pid.take() {
            end(pid, signal);
        }
    }

    pub(super) fn start_server(&mut self) {
        self.pid = Some(start(&["serve"], &self.config(), &self.address, &self.path("server/traces-2.json")));
    }

    /// Ends a state's witness as a power cut does.
    pub(super) fn kill_witness(&mut self, state: &str) {
        if let Some(pid) = self.witnesses.get_mut(state).unwrap().pid.take() {
            end(pid, Signal::KILL);
        }
    }

    pub(super) fn start_witness(&mut self, state: &str) {
        let traces = self.path(&format!("witness-{state}.json"));
        let witness = self.witnesses.get_mut(state).unwrap();
        witness.pid = Some(start(&["witness", "serve"], &witness.config, &witness.address, &traces));
    }

    /// A request of kg.gpo to tr.moj.
    pub(super) fn send(&self, files: &[PathBuf]) -> Result<Sent, ClientError> {
        self.client("kg.gpo/01").send(&request(files), &mut |_, _, _| {})
    }

    pub(super) fn sample(&self, name: &str, bytes: usize) -> PathBuf {
        let path = self.path(name);
        write_random(&path, bytes);
        path
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill_server();
        self.witnesses.values_mut().filter_map(|witness| witness.pid.take()).for_each(|pid| end(pid, Signal::KILL));
    }
}

/// Starts `elchi COMMAND --config CONFIG`, and waits until it answers.
fn start(command: &[&str], config: &Path, address: &str, traces: &Path) -> Pid {
    let output = fs::File::create(traces).unwrap();
    let mut child = Command::new(PROGRAM).args(command).arg("--config").arg(config).stdout(Stdio::null()).stderr(output).spawn().unwrap();
    let begun = Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        assert!(child.try_wait().unwrap().is_none(), "{}", fs::read_to_string(traces).unwrap());
        assert!(begun.elapsed() < PATIENCE, "it does not answer");
        thread::sleep(Duration::from_millis(20));
    }
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    // Whoever is waited for is no zombie; the process ends by `end`.
    thread::spawn(move || child.wait());
    pid
}

fn end(pid: Pid, signal: Signal) {
    kill_process(pid, signal).unwrap();
    wait_until_ended(pid);
}

pub(super) fn wait_until_ended(pid: Pid) {
    let begun = Instant::now();
    while test_kill_process(pid).is_ok() && !is_zombie(pid) {
        assert!(begun.elapsed() < PATIENCE, "the process does not end");
        thread::sleep(Duration::from_millis(10));
    }
}

pub(super) fn request(files: &[PathBuf]) -> Submission {
    Submission {
        case: None,
        to: BTreeSet::from(["tr.moj".parse().unwrap()]),
        title: "a request".into(),
        text: String::new(),
        files: files.to_vec(),
    }
}

/// Everything that waits in the outbox, one after the other.
pub(super) fn send_all_waiting(client: &mut Client) -> Result<Vec<Sent>, ClientError> {
    let waiting = client.load_waiting()?;
    waiting.iter().map(|waiting| client.send_waiting(&waiting.name, &mut |_, _, _| {})).collect()
}

/// Bytes that do not compress, from a generator that costs little.
pub(super) fn write_random(path: &Path, bytes: usize) {
    use std::io::Write;
    let mut file = std::io::BufWriter::with_capacity(1 << 20, fs::File::create(path).unwrap());
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut left = bytes;
    while left > 0 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let word = state.to_le_bytes();
        let take = left.min(8);
        file.write_all(&word[..take]).unwrap();
        left -= take;
    }
    file.flush().unwrap();
}

fn is_zombie(pid: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    status.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
}

/// The most memory that a process has held, in KiB (`VmHWM`); none when it has ended.
pub(super) fn peak_rss_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
