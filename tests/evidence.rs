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
    assert!(said.contains("All holds: 29 statements, 65 leaves, 2 checkpoints, 8 sealed documents, 16 slips"), "{said}");
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

/// What a forger does to the folder, and the words that it must be named by.
const FORGERIES: &[(&str, &str)] = &[
    // A name that is no number must not end the verification of the rest.
    ("mv directory/000000 directory/x", "a folder is called x"),
    ("mkdir events/00000; cp events/000000/* events/00000", "a folder is called 00000"),
    ("cp events/000000/leaf-0.bin events/000000/leaf-08.bin", "does not hold exactly the leaves"),
    ("cp events/000000/leaf-0.bin 'events/000000/leaf-a[$(touch pwned)].bin'", "does not hold exactly the leaves"),
    ("mv events/000000 events/000777", "leaf-777.bin"),
    // What is missing.
    ("rm events/000000/leaf-1.*", "leaf-1.bin"),
    ("rm -r events/000011", "something is missing"),
    ("rm -r directory/000013", "not all are here"),
    ("rm roots/TR.pem", "roots/"),
    // Another spelling of the same values.
    ("sed -i '3{N;s/\\n/ /}' events/000000/leaf-0.tlog-proof", "leaf-0.tlog-proof"),
    ("sed -i '3s/.=$/B=/' events/000000/leaf-0.tlog-proof", "leaf-0.tlog-proof"),
    ("echo >> logs/events.vkey", "logs/events.vkey"),
    ("sed -i '2s/.*/a[$(touch pwned)]/' logs/events.checkpoint", "logs/events.checkpoint"),
    // Bytes of the policy's signature that openssl does not look at: its version, the algorithm, the root's copy.
    ("printf '\\3' | dd of=policy/policy.p7s bs=1 seek=25 conv=notrunc", "policy/policy.p7s"),
    ("printf '\\3' | dd of=policy/policy.p7s bs=1 seek=480 conv=notrunc", "policy/policy.p7s"),
    // Signed by a member, who is no registrar.
    (
        "openssl cms -sign -binary -outform DER -in policy/policy.txt -out policy/policy.p7s -md sha256 \\
            -signer events/000000/signer.pem -certfile events/000000/issuer.pem -inkey ../statement.key",
        "not signed by a registrar|not signed with a registrar",
    ),
    // Sealed bytes under names that are patterns.
    ("mv \"$(ls blobs/* | head -n 1)\" 'blobs/[0-9a-f]*.age'", "is not what was signed"),
];

#[test]
fn forgers_who_write_the_list_of_digests_anew_are_named() {
    let world = World::play();
    let forged = world.path("forged");
    fs::write(world.path("statement.key"), world.read_secret(&world.profile("kg.gpo/01").join("statement.key.age"))).unwrap();
    let sums = "find . -type f ! -path './blobs/*' ! -path './slips/*' ! -name SHA256SUMS | sed 's|^./||' | LC_ALL=C sort | tr '\\n' '\\0' \\
        | xargs -0 sha256sum > SHA256SUMS";
    let forge = |commands: &str| {
        let script = format!("set -e; rm -rf forged; cp -r evidence forged; cd forged; {commands}\n{sums}");
        let output = Command::new("bash").args(["-c", &script]).current_dir(world.path("")).output().unwrap();
        assert!(output.status.success(), "{commands}: {}", String::from_utf8_lossy(&output.stderr));
        verify(&forged)
    };
    let (agrees, said) = forge("true");
    assert!(agrees, "the copy itself: {said}");
    for (commands, named) in FORGERIES {
        let (agrees, said) = forge(commands);
        assert!(!agrees, "{commands}: nobody noticed");
        let named = named.split('|').any(|words| said.lines().any(|line| line.starts_with("WRONG") && line.contains(words)));
        assert!(named, "{commands}: {said}");
        assert!(!forged.join("pwned").exists(), "{commands} was run");
    }
}

/// Whom the system trusts is nobody here: the only root of a state is the one in the folder.
#[test]
fn a_root_that_only_the_system_trusts_is_none() {
    let world = World::play();
    let (folder, store) = (world.path("evidence"), world.path("store"));
    fs::create_dir(&store).unwrap();
    fs::copy(folder.join("roots/KG.pem"), store.join("KG.pem")).unwrap();
    assert!(Command::new("openssl").arg("rehash").arg(&store).status().unwrap().success());
    replace(&folder.join("roots/KG.pem"), &fs::read(folder.join("roots/TR.pem")).unwrap());
    let script = folder.join("verify.sh");
    let output = Command::new("bash").arg(script).env("SSL_CERT_DIR", &store).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("events/000000: the signature does not hold under KG's root"), "{said}");
}

/// Blobs are hard links: what is changed is a copy in their place.
fn replace(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}
