//! An authority's sealing key through its life, with real processes: replaced, granted, objected to, and heard of.

use std::fs;
use std::process::Command;

use elchi::domain::{Hash, Tag};
use elchi::seal::{open_authority_identity, seal_authority_identity};
use serde_json::{Value, json};

use crate::story_world::{World, request};

/// What a command of a member says beside its result.
fn aside(world: &World, member: &str, arguments: &[&str]) -> String {
    String::from_utf8(world.run(member, arguments).stderr).unwrap()
}

/// How the directory stands for kg.gpo, as a member sees it.
fn gpo(world: &World, member: &str) -> Value {
    let shown = world.run_json(member, &["profile", "show"]);
    let authorities = shown["authorities"].as_array().unwrap();
    authorities.iter().find(|authority| authority["authority"] == "kg.gpo").unwrap().clone()
}

/// `kg.gpo/02` joins, as a signatory.
fn join(world: &World) {
    world.join("kg.gpo/02", &["signatory"]);
}

fn grant(world: &World) {
    world.grant("kg.gpo/01", "kg.gpo/02");
}

fn open(world: &World, member: &str, case: &Tag, into: &str) -> Result<(), String> {
    let mut client = world.client(member);
    client.open_submission(case, Some(0), &world.path(into), &mut |_, _| {}).map(drop).map_err(|fault| fault.to_string())
}

/// An auditor finds nothing wrong, and stock tools agree with the evidence.
fn audit(world: &World, folder: &str) -> Value {
    let folder = world.path(folder);
    world.run_json("tr.audit/01", &["audit", "follow"]);
    let report = world.run_json("kg.audit/01", &["audit", "follow"]);
    world.run_json("kg.audit/01", &["audit", "evidence", folder.to_str().unwrap()]);
    let verified = Command::new(folder.join("verify.sh")).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    report
}

#[test]
fn after_a_replacement_old_documents_open_and_new_ones_go_to_the_new_key() {
    let world = World::play_yesterday();
    let before = gpo(&world, "kg.gpo/01");
    assert_eq!(before["holders"][0]["member"], "kg.gpo/01", "the founder");
    assert_eq!(before["custodians"][0]["member"], "kg.gpo/01");
    let replaced = world.run_json("kg.gpo/01", &["profile", "replace-key"]);
    let after = gpo(&world, "tr.moj/01");
    assert_eq!((&after["sealing_key"], &after["pending"]), (&replaced["sealing_key"], &Value::Null), "a custodian of a day: at once");
    assert_ne!(after["sealing_key"], before["sealing_key"]);
    let held: Vec<_> = fs::read_dir(world.profile("kg.gpo/01")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(held.iter().filter(|name| name.to_string_lossy().starts_with("authority-")).count(), 2, "{held:?}");

    let sample = world.sample("small.bin", 3000);
    let sent = world.client("kg.gpo/01").send(&request(&[sample]), &mut |_, _, _| {}).unwrap();
    open(&world, "kg.gpo/01", &world.case, "old").unwrap();
    open(&world, "kg.gpo/01", &sent.case, "new").unwrap();

    join(&world);
    let refused = open(&world, "kg.gpo/02", &sent.case, "colleague").unwrap_err();
    assert!(refused.contains("elchi profile grant"), "{refused}");
    grant(&world);
    open(&world, "kg.gpo/02", &sent.case, "colleague").unwrap();
    let refused = open(&world, "kg.gpo/02", &world.case, "colleague-old").unwrap_err();
    assert!(refused.contains("is missing"), "the old key was never theirs: {refused}");
    assert_eq!(gpo(&world, "kg.gpo/02")["holders"][1]["granted_by"], "kg.gpo/01");
    let not_custodian = world.run("kg.gpo/02", &["profile", "grant", "kg.gpo/01", "--out", world.path("g.age").to_str().unwrap()]);
    assert_eq!(not_custodian.status.code(), Some(0), "what the log says already is only written again");

    assert_eq!(audit(&world, "evidence-2")["revoked_holders"], json!([]));
    world.run_registrar("kg", &["revoke", "kg.gpo/02", "--reason", "left"]);
    let report = audit(&world, "evidence-3");
    assert_eq!(report["revoked_holders"][0]["member"], "kg.gpo/02", "a leaver can open what comes today");
    world.run_json("kg.gpo/01", &["profile", "replace-key"]);
    assert_eq!(audit(&world, "evidence-4")["revoked_holders"], json!([]));
}

#[test]
fn a_registrars_replacement_waits_is_loud_and_is_cancelled_by_whom_they_revoked() {
    let world = World::play_yesterday();
    let path = |name: &str| world.path("letters").join(name).to_str().unwrap().to_owned();
    let before = gpo(&world, "kg.gpo/01");
    world.run_json("kg.gpo/01", &["profile", "replace-key", "--out", &path("key.txt")]);
    world.run_registrar("kg", &["replace-key", "kg.gpo", "--key", &path("key.txt")]);
    let pending = gpo(&world, "tr.moj/01");
    assert_eq!(pending["sealing_key"], before["sealing_key"]);
    assert_eq!(pending["pending"]["named_by"], "kg.registrar/01");
    let first = aside(&world, "kg.gpo/01", &["inbox"]);
    let told = "notice: the directory has a new entry for KG kg.gpo: KG kg.registrar/01 replaced its sealing key, ";
    assert!(first.contains(told) && first.contains("ask your registrar today"), "{first}");
    let second = aside(&world, "kg.gpo/01", &["inbox"]);
    for told in [&first, &second] {
        assert!(
            told.contains("WARNING: KG kg.registrar/01 replaces the sealing key of KG kg.gpo by ")
                && told.contains("elchi directory cancel"),
            "{told}"
        );
    }
    assert!(!second.contains("notice:"), "{second}");
    assert_eq!(aside(&world, "kg.mvd/01", &["inbox"]), "", "it is nobody else's business");
    assert_eq!(audit(&world, "evidence-2")["pending_replacements"][0]["authority"], "kg.gpo");

    world.run_registrar("kg", &["revoke", "kg.gpo/01", "--reason", "left"]);
    assert_eq!(world.run("kg.gpo/01", &["directory", "cancel"]).status.code(), Some(2), "who is revoked does not connect");
    world.run_json("kg.gpo/01", &["directory", "cancel", "--out", &path("objection.json")]);
    let foreign = aside(&world, "tr.audit/01", &["directory", "submit", &path("objection.json")]);
    assert!(foreign.contains("not-the-actor"), "{foreign}");
    world.run_json("kg.audit/01", &["directory", "submit", &path("objection.json")]);
    let after = gpo(&world, "tr.moj/01");
    assert_eq!((&after["sealing_key"], &after["pending"]), (&before["sealing_key"], &Value::Null));
    let again = aside(&world, "kg.audit/01", &["directory", "submit", &path("objection.json")]);
    assert_eq!(again, "", "the same letter again is the same entry");
    let report = audit(&world, "evidence-3");
    assert_eq!(report["pending_replacements"], json!([]));
    assert_eq!(report["revoked_holders"][0]["member"], "kg.gpo/01");
}

#[test]
fn what_others_make_of_the_own_authority_is_told_once_and_what_one_made_oneself_is_not() {
    let world = World::play();
    assert_eq!(aside(&world, "kg.gpo/01", &["inbox"]), "");
    join(&world);
    let told = aside(&world, "kg.gpo/01", &["inbox"]);
    let expected = "notice: the directory has a new entry for KG kg.gpo: KG kg.registrar/01 named KG kg.gpo/02 (signatory), ";
    assert!(told.starts_with(expected) && told.lines().count() == 1, "{told}");
    assert_eq!(aside(&world, "kg.gpo/01", &["inbox"]), "", "once");
    grant(&world);
    assert_eq!(aside(&world, "kg.gpo/01", &["inbox"]), "", "its own grant");
    // The registrar has made all of it, but for the grant.
    let output = world.program().args(["registrar", "revoke", "kg.gpo/02", "--reason", "left", "--profile"]).arg(world.path("kg")).output();
    let heard = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(heard.contains("KG kg.gpo/01 granted its sealing key to KG kg.gpo/02") && heard.lines().count() == 1, "{heard}");
    let refused = aside(&world, "kg.gpo/01", &["show", &"ab".repeat(32)]);
    assert!(refused.contains("error:") && refused.contains("revoked KG kg.gpo/02 (left)"), "also when the command fails: {refused}");
}

#[test]
fn a_grant_that_was_not_logged_is_not_taken() {
    let world = World::play();
    join(&world);
    let profile = world.open_profile("kg.gpo/01");
    let key: Hash = gpo(&world, "kg.gpo/01")["sealing_key"].as_str().unwrap().parse().unwrap();
    let own = profile.load_member_identity().unwrap();
    let grant = fs::read(profile.path(&format!("authority-{}.age", &key.to_string()[..16]))).unwrap();
    let listed = world.client("kg.gpo/02").profile().load_member_identity().unwrap().recipient();
    let authority = "kg.gpo".parse().unwrap();
    let identity = open_authority_identity(&grant, &own, &authority).unwrap();
    let sealing = world.client("kg.gpo/01").directory().authority(&authority).unwrap().key(&key).unwrap().text().parse().unwrap();
    let identity = identity.verify_listed(&sealing).unwrap();
    let by_hand = seal_authority_identity(&identity, &authority, &listed).unwrap();
    fs::write(world.path("by-hand.age"), by_hand).unwrap();
    let refused = world.run("kg.gpo/02", &["profile", "take-grant", world.path("by-hand.age").to_str().unwrap()]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && told.contains("does not say that kg.gpo/02 was granted this key"), "{told}");
}
