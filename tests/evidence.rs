//! The evidence that an auditor writes: stock tools agree with it, and notice what was changed, even when
//! whoever changed it has made the list of digests anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use elchi::crypto::hash;

use crate::story_world::World;

/// Runs `verify.sh`; whether it agrees, and what it says.
fn verify(folder: &Path) -> (bool, String) {
    let output = Command::new("bash").arg(folder.join("verify.sh")).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// One file of each kind, with the words that its change must be named by.
fn kinds(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let first = |kind: &str, end: &str| {
        let mut found: Vec<PathBuf> = fs::read_dir(folder.join(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| path.to_string_lossy().ends_with(end));
        found.sort();
        found.swap_remove(0)
    };
    vec![
        (folder.join("events/000000/statement.txt"), "events/000000"),
        (folder.join("events/000000/signature.p7s"), "events/000000"),
        (folder.join("events/000000/signer.pem"), "signer.pem"),
        (folder.join("events/000000/issuer.pem"), "issuer.pem"),
        (first("events/000000", ".bin"), ".bin"),
        (first("events/000000", ".tlog-proof"), "log"),
        (folder.join("directory/000003/statement.txt"), "directory/000003"),
        (folder.join("directory/000003/leaf-3.bin"), "directory/000003/leaf-3.bin"),
        (folder.join("logs/events.checkpoint"), "logs/events.checkpoint"),
        (folder.join("logs/directory.vkey"), "logs/directory.vkey"),
        (folder.join("roots/TR.pem"), "roots/TR.pem"),
        (folder.join("policy/policy.txt"), "policy"),
        (first("blobs", ".age"), "blobs/"),
        (first("slips", ".age"), "slips/"),
    ]
}

#[test]
fn stock_tools_agree_with_the_evidence_and_name_what_was_changed() {
    let world = World::play();
    let folder = world.path("evidence");
    let (agrees, said) = verify(&folder);
    assert!(agrees, "{said}");
    assert!(said.contains("All holds: 28 statements, 64 leaves, 2 checkpoints, 8 sealed documents, 16 slips"), "{said}");
    for (path, named) in kinds(&folder) {
        let clean = fs::read(&path).unwrap();
        let mut changed = clean.clone();
        changed[clean.len() / 2] ^= 1;
        replace(&path, &changed);
        // Whoever changes a file can write its digest anew; the proofs do not rest on it.
        let sums = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
        replace(&folder.join("SHA256SUMS"), sums.replace(&hash(&clean).to_string(), &hash(&changed).to_string()).as_bytes());
        let (agrees, said) = verify(&folder);
        assert!(!agrees, "{} was changed, and nobody noticed", path.display());
        assert!(said.contains("WRONG") && said.contains(named), "{}: {said}", path.display());
        replace(&folder.join("SHA256SUMS"), sums.as_bytes());
        replace(&path, &clean);
    }
    // What no proof rests on is noticed by its digest.
    let script = fs::read_to_string(folder.join("verify.sh")).unwrap();
    replace(&folder.join("verify.sh"), format!("{script}# a remark\n").as_bytes());
    let (agrees, said) = verify(&folder);
    assert!(!agrees && said.contains("verify.sh"), "{said}");
}

#[test]
fn evidence_that_lost_a_file_is_noticed() {
    let world = World::play();
    let folder = world.path("evidence");
    fs::remove_file(folder.join("events/000000/leaf-0.bin")).unwrap();
    let (agrees, said) = verify(&folder);
    assert!(!agrees && said.contains("leaf-0.bin"), "{said}");
}

/// Blobs are hard links: what is changed is a copy in their place.
fn replace(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}
