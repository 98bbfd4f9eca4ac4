//! What a server holds when its log has grown: started on logs of a thousand to a million leaves, read and asked.
//! Takes minutes, so it runs only when it is asked for by name: `cargo bench --profile dev -- growth`.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use criterion::Criterion;
use elchi::admin::load_server;
use elchi::client::{Profile, Session, Unlock};
use elchi::domain::Log;
use elchi::store::Store;
use elchi::wire::EntryBundleName;

use crate::acts::play_demo;
use crate::store::BenchLog;

const SIZES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
const LEAVES_PER_COMMIT: u64 = 512;

pub(crate) fn growth(_: &mut Criterion) {
    if !std::env::args().any(|argument| argument == "growth") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    play_demo(folder.path());
    for size in SIZES {
        grow(folder.path(), size);
        let begun = Instant::now();
        let mut server = serve(folder.path());
        let started = begun.elapsed();
        read(folder.path(), size);
        println!("growth/{size} leaves: serves after {} ms, holds {} MB at its peak", started.as_millis(), peak_kib(&server) / 1024);
        server.kill().expect("ended");
        server.wait().expect("ended");
    }
}

fn grow(folder: &Path, size: u64) {
    let config = load_server(&folder.join("server/elchi.toml")).expect("a server").config;
    let store = Store::open(&config.store).expect("a store");
    let mut log = BenchLog::new(&store);
    let mut left = size - store.load_heads().expect("heads").events.size;
    while left > 0 {
        let leaves = left.min(LEAVES_PER_COMMIT);
        store.commit(&log.batch(leaves, Vec::new())).expect("committed");
        left -= leaves;
    }
}

fn serve(folder: &Path) -> Child {
    let config = folder.join("server/elchi.toml");
    let address = load_server(&config).expect("a server").config.listen;
    let mut command = Command::new(env!("CARGO_BIN_EXE_elchi"));
    let server = command.args(["serve", "--config"]).arg(config).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    while std::net::TcpStream::connect(address).is_err() {
        sleep(Duration::from_millis(1));
    }
    server
}

/// A member reads a thousand bundles, from all over the log.
fn read(folder: &Path, size: u64) {
    let profile = Profile::open(&folder.join("people/kg.audit-01"), &Unlock::File(folder.join("unlock.key"))).expect("a profile");
    let policy = profile.load_policy().expect("a policy");
    let key = profile.load_tls_key().expect("a key");
    let mut session = Session::new(&policy.policy().server, policy.policy().server_spki, key).expect("a session");
    session.fetch_checkpoint(Log::Events).expect("a checkpoint");
    for part in 0..1_000 {
        let name = EntryBundleName::of_leaf(size * part / 1_000, size).expect("a leaf");
        session.fetch_leaves(Log::Events, name).expect("leaves");
    }
}

fn peak_kib(server: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
}
