//! Honest people and their machines: copies, new laptops, restored disks. Nobody is alarmed, and nothing is done twice.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use elchi::audit::run_audit;
use elchi::client::{Client, Profile, Submission};
use elchi::domain::{Log, Tag};
use http::StatusCode;

use crate::store::copy_folder;
use crate::story_world::{World, request, send_all_waiting};
use crate::tampering::LyingWorld;

fn client_in(world: &World, folder: &Path) -> Client {
    Client::open(Profile::open(folder, &world.unlock()).unwrap()).unwrap()
}

fn inbox(client: &mut Client) -> BTreeSet<Tag> {
    let entries = client.load_inbox().unwrap();
    let cases: BTreeSet<Tag> = entries.iter().map(|entry| entry.case).collect();
    assert_eq!(cases.len(), entries.len(), "a case comes twice");
    cases
}

/// What a machine has kept as evidence against the log.
fn alarms(profile: &Path) -> usize {
    fs::read_dir(profile.join("evidence")).unwrap().count()
}

/// Nobody has seen two histories, or anything that the life cycle forbids.
fn require_clean_audits(world: &World) {
    for auditor in ["kg.audit/01", "tr.audit/01"] {
        run_audit(&mut world.client(auditor)).unwrap();
    }
}

fn answer(case: Tag) -> Submission {
    Submission { case: Some(case), to: BTreeSet::from(["kg.gpo".parse().unwrap()]), ..request(&[]) }
}

/// A submission of kg.gpo/01 that the server has logged, and whose answer got lost: it waits in the outbox, signed.
fn send_without_answer(lying: &LyingWorld) {
    lying.deny("/v1/acts", StatusCode::BAD_GATEWAY, Vec::new());
    lying.world.send(&[lying.world.sample("small.bin", 3000)]).unwrap_err();
    lying.be_honest();
}

#[test]
fn one_person_works_on_two_machines_in_turn() {
    let lying = LyingWorld::play();
    let world = &lying.world;
    let (office, home) = (world.profile("kg.gpo/01"), world.path("home"));
    send_without_answer(&lying);
    copy_folder(&office, &home);

    // What waited in both outboxes is one act, wherever it is sent from.
    let at_home = send_all_waiting(&mut client_in(world, &home)).unwrap();
    let mut client = client_in(world, &office);
    client.follow().unwrap();
    let before = client.mirror(Log::Events).head();
    let at_office = send_all_waiting(&mut client).unwrap();
    assert_eq!((at_office[0].statement, at_office[0].receipt.first_index()), (at_home[0].statement, at_home[0].receipt.first_index()));
    assert_eq!(client.mirror(Log::Events).head(), before, "nothing was logged twice");
    drop(client);

    let mut sent = BTreeSet::from([world.case, at_home[0].case]);
    for folder in [&home, &office, &office, &home] {
        let mut client = client_in(world, folder);
        sent.insert(client.send(&request(&[]), &mut |_, _, _| {}).unwrap().case);
        assert_eq!(inbox(&mut client), sent, "each sees what the other did");
    }
    // A case goes on wherever they sit, and what was done there is refused here.
    let case = at_home[0].case;
    let mut ankara = world.client("tr.moj/01");
    ankara.open_submission(&case, None, &world.path("ankara"), &mut |_, _| {}).unwrap();
    ankara.acknowledge(&case).unwrap();
    ankara.send(&answer(case), &mut |_, _, _| {}).unwrap();
    client_in(world, &office).open_submission(&case, None, &world.path("at-office"), &mut |_, _| {}).unwrap();
    client_in(world, &home).open_submission(&case, None, &world.path("at-home"), &mut |_, _| {}).unwrap();
    client_in(world, &home).close(&case).unwrap();
    let refused = client_in(world, &office).close(&case).unwrap_err().to_string();
    assert!(refused.contains("transition-refused"), "{refused}");
    assert_eq!((alarms(&office), alarms(&home)), (0, 0));
    require_clean_audits(world);
}

#[test]
fn a_new_laptop_is_invited_under_the_same_code_and_reads_what_the_key_in_force_opens() {
    let world = World::play();
    world.join("kg.gpo/02", &["signatory"]);
    world.grant("kg.gpo/01", "kg.gpo/02");
    let (desk, old) = (world.profile("kg.gpo/02"), world.path("old-laptop"));
    fs::rename(&desk, &old).unwrap();
    world.run_registrar("kg", &["revoke", "kg.gpo/02", "--reason", "superseded"]);
    world.join("kg.gpo/02", &["signatory"]);
    let open = |into: &str| {
        let opened = world.client("kg.gpo/02").open_submission(&world.case, Some(0), &world.path(into), &mut |_, _| {});
        opened.map(drop).map_err(|fault| fault.to_string())
    };
    let refused = open("before").unwrap_err();
    assert!(refused.contains("elchi profile grant"), "{refused}");
    world.grant("kg.gpo/01", "kg.gpo/02");
    open("after").unwrap();
    world.client("kg.gpo/02").send(&request(&[]), &mut |_, _, _| {}).unwrap();
    assert!(client_in(&world, &old).follow().is_err(), "the old laptop is out");
    let audit = world.run_json("kg.audit/01", &["audit", "follow"]);
    assert_eq!(audit["revoked_holders"].as_array().unwrap().len(), 1, "what the old laptop holds is named");
    require_clean_audits(&world);
}

/// What was sealed and not signed yet cannot be the same statement; and it is no second act either.
#[test]
fn what_was_not_signed_yet_in_a_copy_and_sent_since_is_refused_as_taken() {
    let lying = LyingWorld::play();
    let world = &lying.world;
    let (profile, copy) = (world.profile("kg.gpo/01"), world.path("copy"));
    lying.deny("/v1/uploads", StatusCode::BAD_GATEWAY, Vec::new());
    world.send(&[world.sample("small.bin", 3000)]).unwrap_err();
    lying.be_honest();
    copy_folder(&profile, &copy);
    send_all_waiting(&mut world.client("kg.gpo/01")).unwrap();
    let mut client = client_in(world, &copy);
    let refused = send_all_waiting(&mut client).unwrap_err().to_string();
    assert!(refused.contains("tag-taken"), "{refused}");
    assert_eq!(inbox(&mut client).len(), 2);
    client.discard_waiting(&client.load_waiting().unwrap()[0].name).unwrap();
    assert!(client.load_waiting().unwrap().is_empty());
}

#[test]
fn a_machine_restored_from_before_its_last_acts_goes_on_and_says_nothing_twice() {
    let lying = LyingWorld::play();
    let world = &lying.world;
    let (profile, snapshot) = (world.profile("kg.gpo/01"), world.path("snapshot"));
    send_without_answer(&lying);
    copy_folder(&profile, &snapshot);
    let first = send_all_waiting(&mut world.client("kg.gpo/01")).unwrap().remove(0);
    let mut sent = BTreeSet::from([world.case, first.case]);
    sent.insert(world.send(&[]).unwrap().case);
    world.client("tr.moj/01").acknowledge(&first.case).unwrap();
    world.client("tr.moj/01").send(&answer(first.case), &mut |_, _, _| {}).unwrap();
    world.client("kg.gpo/01").open_submission(&first.case, None, &world.path("read-before"), &mut |_, _| {}).unwrap();
    world.join("kg.gpo/02", &["signatory"]);
    world.grant("kg.gpo/01", "kg.gpo/02");
    let end = world.client("kg.gpo/01").mirror(Log::Events).head();

    fs::remove_dir_all(&profile).unwrap();
    copy_folder(&snapshot, &profile);
    let mut restored = world.client("kg.gpo/01");
    assert!(restored.mirror(Log::Events).head().size < end.size);
    let again = send_all_waiting(&mut restored).unwrap().remove(0);
    assert_eq!((again.statement, again.receipt.first_index()), (first.statement, first.receipt.first_index()));
    assert_eq!(restored.mirror(Log::Events).head(), end, "nothing was logged twice");
    assert_eq!(inbox(&mut restored), sent);
    restored.open_submission(&first.case, None, &world.path("read-after"), &mut |_, _| {}).unwrap();
    restored.close(&first.case).unwrap();
    sent.insert(restored.send(&request(&[]), &mut |_, _, _| {}).unwrap().case);
    assert_eq!(inbox(&mut restored), sent);
    assert_eq!((restored.load_waiting().unwrap().len(), alarms(&profile)), (0, 0));
    drop(restored);
    world.run_json("kg.gpo/01", &["profile", "grant", "kg.gpo/02", "--out", world.path("again.age").to_str().unwrap()]);
    require_clean_audits(world);
}
