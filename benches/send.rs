//! A whole `send`: seal, upload over mutual TLS to a server process, sign, act, verify the receipt.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use criterion::{Criterion, Throughput};
use elchi::client::{Client, Profile, Submission, Unlock};
use elchi::crypto::random_array;

const MIB: usize = 1024 * 1024;

/// The demo's server, ended when this is dropped.
struct Server(u32);

impl Drop for Server {
    fn drop(&mut self) {
        Command::new("kill").arg(self.0.to_string()).status().unwrap();
    }
}

pub(crate) fn send_benches(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let server = play_demo(folder.path());
    let unlock = Unlock::File(folder.path().join("unlock.key"));
    let mut group = c.benchmark_group("send");
    group.sample_size(10);
    for (name, bytes) in [("3 KiB", 3 * 1024), ("256 MiB", 256 * MIB)] {
        let file = folder.path().join(format!("{bytes}.bin"));
        let content: Vec<u8> = (0..bytes / 32).flat_map(|_| random_array::<32>()).collect();
        fs::write(&file, content).unwrap();
        let submission = Submission {
            case: None,
            to: BTreeSet::from(["tr.moj".parse().unwrap()]),
            title: "bench".into(),
            text: String::new(),
            files: vec![file],
        };
        let mut client = Client::open(Profile::open(&folder.path().join("people/kg.gpo-01"), &unlock).unwrap()).unwrap();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(name, |b| b.iter(|| client.send(&submission, &mut |_, _, _| {}).unwrap()));
    }
    group.finish();
    drop(server);
}

fn play_demo(folder: &Path) -> Server {
    let played = Command::new(env!("CARGO_BIN_EXE_elchi"))
        .args(["demo", "--keep-serving", "--dir"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(played.success());
    let json: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("demo.json")).unwrap()).unwrap();
    Server(u32::try_from(json["server"]["pid"].as_u64().unwrap()).unwrap())
}
