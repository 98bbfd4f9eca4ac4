//! The auditor's commands: follow on a timer, the release log, and bundles that prove one case and tell of no other.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use elchi::client::Sent;
use elchi::wire::Act;
use serde_json::{Value, json};

use crate::go_verifier::verifier;
use crate::story_world::World;

const AUDITOR: &str = "kg.audit/01";

/// The demo's world with a second case after the first.
fn world_of_two_cases() -> (World, Sent) {
    let world = World::play();
    let other = world.send(&[world.sample("small.bin", 3000)]).unwrap();
    (world, other)
}

/// Bundles the demo's case and unpacks it.
fn bundle(world: &World, name: &str) -> PathBuf {
    let (file, folder) = (world.path(&format!("{name}.zip")), world.path(name));
    let made = world.run_json(AUDITOR, &["audit", "bundle", &world.case.to_string(), "--out", file.to_str().unwrap()]);
    assert_eq!((&made["case"], &made["acts"]), (&json!(world.case), &json!(14)));
    let unpacked = Command::new("unzip").arg("-q").arg(&file).arg("-d").arg(&folder).status().unwrap();
    assert!(unpacked.success());
    folder
}

/// Whether a program agrees, and what it says.
fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (output.status.code(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

fn verify(folder: &Path) -> (Option<i32>, String) {
    run(Command::new("bash").arg(folder.join("verify.sh")))
}

fn verify_independently(folder: &Path) -> (Option<i32>, String) {
    run(Command::new(verifier()).arg("evidence").arg(folder))
}

#[test]
fn a_bundle_verifies_by_itself_and_is_the_same_bytes_each_time() {
    let (world, _) = world_of_two_cases();
    let folder = bundle(&world, "one");
    let (code, said) = verify(&folder);
    assert_eq!(code, Some(0), "{said}");
    let all = format!("of case {}, and no other has a tag of the case or of its documents", world.case);
    let whole = format!("\nAll holds, and nothing of case {} is missing: ", world.case);
    assert!(said.contains(&all) && said.contains(&whole) && said.contains("  leaf 0: ") && said.contains(" kg.gpo/01 close\n"), "{said}");
    let (code, said) = verify_independently(&folder);
    assert!(code == Some(0) && said.contains("\nbundle: ") && said.contains(" 0 cannot be computed"), "{said}");

    bundle(&world, "two");
    assert!(fs::read(world.path("one.zip")).unwrap() == fs::read(world.path("two.zip")).unwrap());
    let page = fs::read_to_string(folder.join("READ-ME-FIRST.html")).unwrap();
    assert!(!page.contains("{{") && page.contains(&world.case.to_string()) && page.contains("TR tr.ist-cpp/01"), "{page}");
}

/// Of another case there are the leaves, and nothing that its statements say.
#[test]
fn a_bundle_tells_nothing_of_another_case() {
    let (world, other) = world_of_two_cases();
    let folder = bundle(&world, "one");
    let history = world.client(AUDITOR).load_case(&other.case).unwrap();
    let statement = history.events[0].statement.statement();
    let Act::Submit(submit) = &statement.act else { panic!("a submission") };
    let mut secrets = vec![other.case.to_string(), statement.nonce.to_string(), history.events[0].statement.sha256().to_string()];
    secrets.extend(submit.documents.iter().flat_map(|document| [document.tag.to_string(), document.sha256.to_string()]));
    let zip = fs::read(world.path("one.zip")).unwrap();
    let holds = |words: &[u8]| zip.windows(words.len()).any(|window| window == words);
    assert!(holds(world.case.to_string().as_bytes()), "what is stored can be searched");
    assert!(secrets.iter().all(|secret| !holds(secret.as_bytes())));
    let first = history.events[0].first_index;
    assert!(!folder.join(format!("events/{first:06}")).exists());
    assert!(holds(&history.events[0].leaves[0]), "its leaves are there, which commit to it");
}

#[test]
fn a_bundle_is_of_a_case_and_never_written_over_another_file() {
    let world = World::play();
    let file = world.path("there.zip");
    fs::write(&file, "something").unwrap();
    let case = world.case.to_string();
    let into = file.to_str().unwrap();
    let refused = world.run(AUDITOR, &["audit", "bundle", &case, "--out", into]);
    assert_eq!((refused.status.code(), fs::read(&file).unwrap()), (Some(2), b"something".to_vec()));
    let document = world.run_json(AUDITOR, &["audit", "case", &case])["releases"][0]["document"].as_str().unwrap().to_owned();
    let refused = world.run(AUDITOR, &["audit", "bundle", &document, "--out", world.path("new.zip").to_str().unwrap()]);
    assert!(refused.status.code() == Some(2) && !world.path("new.zip").exists());
    assert!(String::from_utf8_lossy(&refused.stderr).contains(&case));
}

#[test]
fn no_bundle_is_made_while_a_witness_is_away() {
    let mut world = World::play();
    world.kill_witness("TR");
    world.send(&[world.sample("small.bin", 3000)]).unwrap();
    let file = world.path("new.zip");
    let refused = world.run(AUDITOR, &["audit", "bundle", &world.case.to_string(), "--out", file.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && said.contains("provisional") && !file.exists(), "{said}");
}

/// What a forger does to a bundle before they write the list of digests anew; the words of the script, and of the
/// independent verifier.
const FORGERIES: &[(&str, &str, &str)] = &[
    // An act that nothing builds on: evidence cannot tell, a bundle can.
    ("rm -r \"$(ls -d events/* | tail -n 1)\"", "something is missing", "its statement is not here"),
    (
        "rm -r \"$(dirname \"$(grep -lx 'op opened' events/*/statement.txt | tail -n 1)\")\"",
        "something is missing",
        "its statement is not here",
    ),
    ("rm -r events/*", "of one case", "exactly one case"),
    // The leaves: one less at the end, one less in the middle with another at the end, one that is none.
    ("truncate -s -136 logs/events.leaves", "does not hold the", "and not 136 for each"),
    (
        "head -c 1360 logs/events.leaves > l; tail -c +1497 logs/events.leaves >> l; tail -c 136 logs/events.leaves >> l; mv l logs/events.leaves",
        "does not have the root",
        "have not the root",
    ),
    ("printf '\\0' | dd of=logs/events.leaves bs=1 seek=0 conv=notrunc", "something that is no leaf", "it is no event leaf"),
    // Another case's last leaf gets this case's tag; and one of this case's gets another.
    (
        "head -c -104 logs/events.leaves > l; head -c 64 events/000000/leaf-0.bin | tail -c 32 >> l; tail -c 72 logs/events.leaves >> l; mv l logs/events.leaves",
        "does not have the root",
        "have not the root",
    ),
    (
        "last=$(ls -d events/* | tail -n 1); at=$((10#${last#events/})); rm -r \"$last\"; \\
            printf xxxx | dd of=logs/events.leaves bs=1 seek=$((136 * at + 40)) conv=notrunc",
        "does not have the root",
        "have not the root",
    ),
    // A statement that says something else.
    ("sed -i 's/^kind request/kind response/' events/000000/statement.txt", "events/000000", "events/000000"),
    // Checkpoints: another log's, an older one that all signed, and without a witness.
    ("cp logs/directory.checkpoint logs/events.checkpoint", "logs/events.checkpoint", "logs/events.checkpoint"),
    ("cp ../people/kg.mvd-01/memory/events.checkpoint logs/events.checkpoint", "under logs/events.checkpoint", "logs/events.checkpoint"),
    ("sed -i '/^— witness.tr/d' logs/events.checkpoint", "under logs/events.checkpoint", "logs/events.checkpoint"),
    ("sed -i '/^— witness.tr/d' logs/*.checkpoint */*/*.tlog-proof", "a bundle needs all that the policy asks for", "checkpoints are full"),
    ("sed -i '/^— witness.kg/d' logs/*.checkpoint */*/*.tlog-proof", "none of the own state's witnesses", "no cosignature of KG counts"),
    // What does not belong here, and what must.
    ("echo > logs/more", "logs/more does not belong here", "no such file belongs here"),
    ("mkdir more", "more does not belong here", "no such folder belongs here"),
    ("cp events/000000/leaf-0.bin events/000000/leaf-x.bin", "leaf-x.bin does not belong here", "no such file belongs here"),
    ("rm READ-ME-FIRST.html", "READ-ME-FIRST.html is missing", "READ-ME-FIRST.html: Evidence: the file is missing"),
    ("rm logs/events.leaves", "READ-ME-FIRST.html does not belong here", "no such file belongs here"),
    (
        "cp -r ../evidence-2/events/\"$(cd ../evidence-2/events; grep -lx 'op submit' */statement.txt | tail -n 1 | cut -d/ -f1)\" events",
        "of one case",
        "exactly one case",
    ),
    (
        "cp -r ../evidence-2/events/\"$(cd ../evidence-2/events; grep -lx 'op inspect' */statement.txt | tail -n 1 | cut -d/ -f1)\" events",
        "of one case",
        "exactly one case",
    ),
    ("mkdir events/.000042; cp events/000000/statement.txt events/.000042", "events/.000042 does not belong here", "belongs here"),
    ("mkdir blobs; echo > blobs/.more", "blobs/.more does not belong here", "no statement here names it"),
];

/// Forges a copy of the bundle, and requires that both name it.
fn require_named(world: &World, forged: &str, (commands, named, named_independently): &(&str, &str, &str)) {
    let sums = "find . -type f ! -name SHA256SUMS | sed 's|^./||' | LC_ALL=C sort | tr '\\n' '\\0' | xargs -0 sha256sum > SHA256SUMS";
    let script = format!("set -e; rm -rf {forged}; cp -r one {forged}; cd {forged}; {commands}\n{sums}");
    let (code, said) = run(Command::new("bash").args(["-c", &script]).current_dir(world.path("")));
    assert_eq!(code, Some(0), "{commands}: {said}");
    let ((script, said), (independent, also_said)) = (verify(&world.path(forged)), verify_independently(&world.path(forged)));
    assert_eq!((script, independent), (Some(1), Some(1)), "{commands}: {said}{also_said}");
    assert!(said.lines().any(|line| line.starts_with("WRONG") && line.contains(named)), "{commands}: {said}");
    assert!(also_said.lines().any(|line| line.starts_with("wrong") && line.contains(named_independently)), "{commands}: {also_said}");
}

#[test]
fn a_forged_bundle_is_named_by_its_own_script_and_by_an_independent_program() {
    let (world, _) = world_of_two_cases();
    bundle(&world, "one");
    world.run_json(AUDITOR, &["audit", "evidence", world.path("evidence-2").to_str().unwrap()]);
    let (world, half) = (&world, FORGERIES.len() / 2);
    std::thread::scope(|scope| {
        for (forged, forgeries) in [("forged-1", &FORGERIES[..half]), ("forged-2", &FORGERIES[half..])] {
            scope.spawn(move || forgeries.iter().for_each(|forgery| require_named(world, forged, forgery)));
        }
    });
    // Without what makes it a bundle it is evidence, and does not claim what a bundle does.
    let stripped = "cp -r one stripped; cd stripped; rm READ-ME-FIRST.html logs/events.leaves; rm -r \"$(ls -d events/* | tail -n 1)\"; \
        find . -type f ! -name SHA256SUMS | sed 's|^./||' | LC_ALL=C sort | tr '\\n' '\\0' | xargs -0 sha256sum > SHA256SUMS";
    assert_eq!(run(Command::new("bash").args(["-c", stripped]).current_dir(world.path(""))).0, Some(0));
    let (code, said) = verify(&world.path("stripped"));
    assert!(code == Some(0) && said.contains("\nAll holds: ") && !said.contains("is missing: "), "{said}");
    // Without a new list of digests, too.
    fs::write(world.path("one/events/000000/more"), "").unwrap();
    let (code, said) = verify(&world.path("one"));
    assert!(code == Some(1) && said.contains("SHA256SUMS does not list exactly"), "{said}");
}

#[test]
fn the_release_log_names_every_release_and_shows_that_none_is_missing() {
    let world = World::play();
    let case = world.case.to_string();
    let log = world.run_json(AUDITOR, &["audit", "case", &case[..12]]);
    let releases = log["releases"].as_array().unwrap();
    assert!(!releases.is_empty() && releases.iter().all(|release| release["opened"]["event"].as_u64() > release["event"].as_u64()));
    assert_eq!((&log["opened_without_release"], &log["standing"]), (&json!([]), &json!("full")));
    let chains = log["chains"].as_array().unwrap();
    assert_eq!((&chains[0]["kind"], &chains[0]["tag"]), (&json!("case"), &json!(case)));
    let head = world.run_json(AUDITOR, &["audit", "follow"])["events"].clone();
    assert_eq!(log["events"], head);
    // One document of it: its releases, its chain.
    let document = releases[0]["document"].as_str().unwrap();
    let of_one = world.run_json("tr.audit/01", &["audit", "document", document]);
    let expected: Vec<&Value> = releases.iter().filter(|release| release["document"] == document).collect();
    assert_eq!(of_one["releases"].as_array().unwrap().iter().collect::<Vec<_>>(), expected);
    assert_eq!((of_one["chains"].as_array().unwrap().len(), &of_one["chains"][0]["tag"]), (1, &json!(document)));
    let text = String::from_utf8(world.run(AUDITOR, &["audit", "document", document]).stdout).unwrap();
    assert!(text.contains("Nothing is missing") && text.contains("seq 0 to ") && !text.contains("NOT OPENED"), "{text}");
    // A case is no document, and the other way round; what is not there is not found.
    for wrong in [["audit", "case", document], ["audit", "document", &case], ["audit", "case", &"ab".repeat(32)]] {
        assert_eq!(world.run(AUDITOR, &wrong).status.code(), Some(2), "{wrong:?}");
    }
}

/// Follow as a timer runs it: again and again, whatever happens between.
#[test]
fn follow_exits_as_a_timer_needs_it_and_keeps_the_same_finding_once() {
    let mut world = World::play();
    let first = world.run_json(AUDITOR, &["audit", "follow"]);
    world.send(&[world.sample("small.bin", 3000)]).unwrap();
    let second = world.run_json(AUDITOR, &["audit", "follow"]);
    let count = |report: &Value, what: &str| report[what].as_array().unwrap().len();
    assert_eq!((count(&first, "cases"), count(&second, "cases")), (1, 2));
    assert!(second["events"][0].as_u64() > first["events"][0].as_u64());
    world.stop_server();
    assert_eq!(world.run(AUDITOR, &["audit", "follow"]).status.code(), Some(2));
    let evidence = world.profile(AUDITOR).join("evidence");
    let kept = || fs::read_dir(&evidence).map(|found| found.map(|entry| entry.unwrap().path()).collect()).unwrap_or_else(|_| Vec::new());
    assert_eq!(kept(), Vec::<PathBuf>::new(), "who could not check has found nothing");
    // This machine's own copy is altered: found each time, kept once.
    let leaves = world.profile(AUDITOR).join("memory/events.leaves");
    let mut bytes = fs::read(&leaves).unwrap();
    bytes[200] ^= 1;
    fs::write(&leaves, &bytes).unwrap();
    let found = world.run(AUDITOR, &["audit", "follow"]);
    let folder = kept().pop().unwrap();
    assert_eq!(found.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&found.stderr).contains(folder.to_str().unwrap()));
    let inode = fs::metadata(folder.join("memory/events.leaves")).unwrap().ino();
    assert_eq!(world.run(AUDITOR, &["audit", "follow"]).status.code(), Some(1));
    assert_eq!((kept(), fs::metadata(folder.join("memory/events.leaves")).unwrap().ino()), (vec![folder.clone()], inode));
    assert_eq!(fs::read_to_string(folder.join("finding.txt")).unwrap().matches("no longer has the content").count(), 1);
}
