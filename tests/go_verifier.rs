//! What an independent program says: `tests/go`, written in Go from PROTOCOL.md alone, on Go's own sumdb packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use elchi::audit::write_mirror;
use elchi::domain::Log;
use elchi::wire::{EntryBundleName, HashTileName};

use crate::exchange_world;
use crate::story_world::World;

/// `go ARGUMENTS` in the verifier's folder, with Debian's packages and no network.
fn go(arguments: &[&str]) -> Command {
    let mut command = Command::new("go");
    command.args(arguments).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go"));
    command.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode").env("GOFLAGS", "").env("CGO_ENABLED", "0");
    command
}

fn run(command: &mut Command) -> Output {
    command.output().expect("Go is not installed: scripts/test.sh installs golang-go and golang-golang-x-mod-dev")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The verifier, built once.
pub(super) fn verifier() -> &'static Path {
    static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, program) = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("elchi-verify");
        let built = run(go(&["build", "-o"]).arg(&program).arg("."));
        assert!(built.status.success(), "{}", said(&built));
        (folder, program)
    });
    program
}

/// It agrees with a folder of evidence.
pub(super) fn require_agreement(evidence: &Path) {
    let agreed = run(Command::new(verifier()).arg("evidence").arg(evidence));
    assert!(agreed.status.success(), "{}", said(&agreed));
}

#[test]
fn the_verifier_written_from_the_protocol_alone_agrees_with_the_demos_evidence() {
    let world = World::play();
    let evidence = world.path("evidence");
    let agreed = run(Command::new(verifier()).arg("evidence").arg(&evidence));
    assert!(agreed.status.success(), "{}", said(&agreed));
    let text = said(&agreed);
    assert!(text.contains("\nagrees: 29 statements, 65 leaves, 2 checkpoints\n"), "{text}");
    assert!(text.matches(" is full as of ").count() == 2, "{text}");
    // Its own tests: of each rule, and of copies of this very folder, tampered with.
    let tested = run(go(&["test", "."]).env("ELCHI_SAMPLE", &evidence));
    assert!(tested.status.success(), "{}", said(&tested));
    let vetted = run(&mut go(&["vet", "."]));
    assert!(vetted.status.success(), "{}", said(&vetted));
}

/// All that a log serves (C2SP tlog-tiles), for a tree of more than one full tile.
#[test]
fn gos_sumdb_computes_the_root_from_the_tiles_that_are_served() {
    let world = exchange_world::World::new();
    while world.heads()[0].size < 600 {
        world.request();
    }
    let exchange = world.exchange();
    for log in Log::ALL {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        let checkpoint = exchange.shown(log);
        let size = checkpoint.head().size;
        write("checkpoint", checkpoint.note().as_str().as_bytes());
        for name in HashTileName::all_of(size) {
            write(&name.to_string(), &exchange.load_hash_tile(log, name).unwrap());
        }
        let bundles = (0..size).step_by(256).filter_map(|leaf| EntryBundleName::of_leaf(leaf, size));
        for name in bundles {
            write(&name.to_string(), &exchange.load_entry_bundle(log, name).unwrap());
        }
        let vkey = world.verifier_key(log).to_wire().to_string();
        let verify = || {
            let mut command = Command::new(verifier());
            run(command.args(["tiles", "--origin", checkpoint.origin().as_str(), "--vkey", &vkey]).arg(folder.path()))
        };
        let agreed = verify();
        assert!(agreed.status.success() && said(&agreed).contains(&format!("agrees: {size} leaves")), "{}", said(&agreed));
        // What the tree has not got is not served, and what was altered is found.
        let beyond: HashTileName = format!("tile/0/{:03}.p/{}", size / 256, size % 256 + 1).parse().unwrap();
        assert!(exchange.load_hash_tile(log, beyond).is_err());
        let name = HashTileName::all_of(size).next().unwrap().to_string();
        let mut tile = fs::read(folder.path().join(&name)).unwrap();
        tile[40] ^= 1;
        write(&name, &tile);
        assert_eq!(verify().status.code(), Some(1));
    }
}

/// What `sumdb` says of a mirror's log.
fn verify_mirror(world: &World, folder: &Path, log: &str) -> Output {
    let text = fs::read_to_string(world.profile("kg.audit/01").join("policy.txt")).unwrap();
    let origin = text.lines().find_map(|line| line.strip_prefix("log ")?.split_once('+').filter(|(name, _)| name.ends_with(log)));
    let (origin, rest) = origin.unwrap();
    let vkey = format!("{origin}+{rest}");
    run(Command::new(verifier()).args(["tiles", "--origin", origin, "--vkey", &vkey]).arg(folder.join(log)))
}

/// A mirror that is brought up to date as the log grows over a full tile; and one of another history.
#[test]
fn a_mirror_is_a_log_that_gos_sumdb_reads_whole() {
    let world = World::play();
    let folder = world.path("mirror");
    let bring_up = || {
        let mut client = world.client("kg.audit/01");
        client.follow().unwrap();
        write_mirror(&client, &folder)
    };
    let size_of = |log: Log| world.client("kg.audit/01").mirror(log).head().size;
    let files: Vec<_> = (0..100).map(|number| world.sample(&format!("{number}.bin"), 100)).collect();
    for _ in 0..3 {
        let mirrored = bring_up().unwrap();
        for (log, mirrored) in Log::ALL.into_iter().zip(mirrored) {
            let agreed = verify_mirror(&world, &folder, log.as_str());
            assert!(said(&agreed).contains(&format!("agrees: {} leaves", size_of(log))), "{}", said(&agreed));
            assert_eq!((mirrored.log, mirrored.now), (log, size_of(log)));
        }
        world.send(&files).unwrap();
    }
    bring_up().unwrap();
    assert!(size_of(Log::Events) > 256 + 100);
    let mirrored = bring_up().unwrap();
    assert!(mirrored.iter().all(|mirrored| mirrored.before == mirrored.now), "nothing new");
    let parts: Vec<_> = fs::read_dir(folder.join("events/tile/entries")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(parts.len(), 2, "one full bundle, one folder with the newest partial one: {parts:?}");

    let path = folder.join("events/checkpoint");
    let note = fs::read_to_string(&path).unwrap();
    let root = note.lines().nth(2).unwrap();
    let other = if root.starts_with('A') { root.replacen('A', "B", 1) } else { format!("A{}", &root[1..]) };
    fs::write(&path, note.replacen(root, &other, 1)).unwrap();
    let refused = bring_up().unwrap_err();
    assert!(refused.is_unproven() && refused.to_string().contains("another history"), "{refused}");
}
