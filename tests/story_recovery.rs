//! One lost laptop never loses a case, nor do two: everyone who held an authority's key has lost it, and it is put together
//! again from its shares.

use std::fs;
use std::process::Command;

use elchi::domain::Log;
use serde_json::{Value, json};

use crate::go_verifier;
use crate::story_world::World;

const NEW: &str = "kg.gpo/04";

/// How kg.gpo stands in the directory, as the newcomer sees it.
fn gpo(world: &World) -> Value {
    let shown = world.run_json(NEW, &["profile", "show"]);
    shown["authorities"].as_array().unwrap().iter().find(|authority| authority["authority"] == "kg.gpo").unwrap().clone()
}

/// What a command says that must not succeed.
fn refused(world: &World, member: &str, arguments: &[&str]) -> String {
    let output = world.run(member, arguments);
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn when_all_who_held_a_key_lost_their_laptops_a_new_custodian_puts_it_together_and_opens_an_old_case() {
    let world = World::play();
    let path = |name: &str| world.path(name).to_str().unwrap().to_owned();
    world.join("kg.gpo/02", &["signatory"]);
    world.grant("kg.gpo/01", "kg.gpo/02");
    let split = |out: &str, keepers: &[&str]| {
        let out = path(out);
        let mut arguments = vec!["profile", "split-key", "--threshold", "2", "--out", &out];
        keepers.iter().for_each(|keeper| arguments.extend(["--to", keeper]));
        world.run("kg.gpo/01", &arguments)
    };
    for (keepers, told) in [
        (&["kg.mvd/01"][..], "at least two must be needed"),
        (&["kg.mvd/01", "kg.mvd/01"], "named twice"),
        (&["kg.mvd/01", "tr.moj/01"], "another state"),
        (&["kg.mvd/01", "kg.mvd/99"], "not in the directory"),
    ] {
        let output = split("none", keepers);
        assert!(output.status.code() == Some(2) && String::from_utf8_lossy(&output.stderr).contains(told), "{told}: {output:?}");
    }
    let not_custodian = refused(
        &world,
        "kg.gpo/02",
        &["profile", "split-key", "--threshold", "2", "--to", "kg.mvd/01", "--to", "kg.sms/01", "--out", &path("none")],
    );
    assert!(not_custodian.contains("is no custodian of kg.gpo") && !world.path("none").exists(), "{not_custodian}");
    let done = split("shares", &["kg.mvd/01", "kg.sms/01", "kg.audit/01"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    // Both laptops are gone, and the registrar lets somebody else in.
    for (member, folder) in [("kg.gpo/01", "people/kg.gpo-01"), ("kg.gpo/02", "people/kg.gpo-02")] {
        world.run_registrar("kg", &["revoke", member, "--reason", "key-compromise"]);
        fs::remove_dir_all(world.path(folder)).unwrap();
    }
    world.join(NEW, &["signatory", "custodian"]);
    let case = world.case.to_string();
    let open = |into: &str| world.run(NEW, &["open", &case, "--submission", "0", "--into", &path(into)]);
    assert_eq!(open("too-early").status.code(), Some(2));

    let pass = |member: &str, to: &str, out: &str| {
        let share = path(&format!("shares/{}.age", member.replace('/', "-")));
        world.run(member, &["profile", "pass-share", &share, "--to", to, "--out", &path(out)])
    };
    let wrong = pass("kg.mvd/01", "kg.sms/01", "wrong.age");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("kg.sms/01 is no custodian of kg.gpo") && !world.path("wrong.age").exists());
    assert!(pass("kg.mvd/01", NEW, "first.age").status.success());
    assert!(pass("kg.audit/01", NEW, "second.age").status.success());
    let told = refused(&world, NEW, &["profile", "recover-key", &path("first.age")]);
    assert!(told.contains("2 are needed, and these are 1"), "{told}");
    let told = refused(&world, NEW, &["profile", "recover-key", &path("first.age"), &path("shares/kg.sms-01.age")]);
    assert!(told.contains("the share: it cannot be opened with this key"), "a share that was not passed: {told}");
    assert_eq!(gpo(&world)["holders"].as_array().unwrap().len(), 2, "nothing of that is in the directory");

    let recovered = world.run_json(NEW, &["profile", "recover-key", &path("first.age"), &path("second.age")]);
    let standing = gpo(&world);
    assert_eq!(standing["sealing_key"], recovered["sealing_key"]);
    let holder = &standing["holders"][2];
    assert_eq!((&holder["member"], &holder["recovered"], &holder["granted_by"]), (&json!(NEW), &json!(true), &Value::Null));
    let opened = open("read-again");
    assert!(opened.status.success() && world.path("read-again/request.txt").exists(), "{}", String::from_utf8_lossy(&opened.stderr));
    // Again is the same: a file that was lost is kept anew, and nothing is said twice.
    let size = world.client(NEW).mirror(Log::Directory).head().size;
    world.run_json(NEW, &["profile", "recover-key", &path("second.age"), &path("first.age")]);
    assert_eq!(world.client(NEW).mirror(Log::Directory).head().size, size);

    // The authority's registrar hears of it, auditors name who left with the key, and both verifiers agree.
    let registrar =
        world.program().args(["registrar", "revoke", "kg.sms/01", "--reason", "left", "--profile"]).arg(world.path("kg")).output();
    let heard = String::from_utf8(registrar.unwrap().stderr).unwrap();
    assert!(heard.contains("KG kg.gpo/04 put its sealing key ") && heard.contains(" together from shares"), "{heard}");
    let report = world.run_json("kg.audit/01", &["audit", "follow"]);
    world.run_json("kg.audit/01", &["audit", "evidence", &path("evidence-2")]);
    let leavers: Vec<&Value> = report["revoked_holders"].as_array().unwrap().iter().map(|holder| &holder["member"]).collect();
    assert_eq!(leavers, ["kg.gpo/01", "kg.gpo/02", "kg.sms/01"]);
    let verified = Command::new("bash").arg(world.path("evidence-2/verify.sh")).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    go_verifier::require_agreement(&world.path("evidence-2"));
}
