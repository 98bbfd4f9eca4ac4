//! Runs age.mjs with the packages that install.sh put into the cache folder.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/seal")
}

/// Where the packages are. Fails loudly unless they are the ones of package.json.
fn packages() -> PathBuf {
    let home = || PathBuf::from(env::var_os("HOME").expect("HOME is set")).join(".cache");
    let cache = env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("elchi/npm");
    let wanted = std::fs::read(folder().join("package.json")).unwrap();
    let installed = std::fs::read(cache.join("installed.json")).unwrap_or_default();
    assert!(installed == wanted, "the npm packages of tests/seal/package.json are not installed\nhint: run tests/seal/install.sh");
    cache
}

/// What age.mjs answers, or that it refused.
pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new("node");
    command.arg(folder().join("age.mjs")).arg(packages()).args(arguments);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("node is not on the PATH; hint: sudo apt-get install nodejs npm");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A child that refuses may not read all of it.
    let feeding = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    output.status.success().then_some(output.stdout)
}
