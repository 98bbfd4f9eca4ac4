//! Slips over time, with real processes: sealed anew after a key was replaced, confirmed by a colleague, rejected when
//! they do not open.

use std::process::Command;

use elchi::crypto::random_tag;
use elchi::domain::{Hash, Tag};
use elchi::mla::SubmissionKind;
use elchi::seal::DocumentIdentity;
use elchi::wire::{Act, OnSlips, Submit};
use serde_json::{Value, json};

use crate::story_hand::Hand;
use crate::story_world::{PROGRAM, World};

fn letter(world: &World, name: &str) -> String {
    world.path("letters").join(name).to_str().unwrap().to_owned()
}

/// A member of kg.gpo joins, and is granted its key in force.
fn join(world: &World, member: &str, roles: &[&str]) {
    let [invitation, enrolment, admission] = ["i.json", "e.json", "a.json"].map(|name| letter(world, name));
    let roles: Vec<&str> = roles.iter().flat_map(|role| ["--role", role]).collect();
    world.run_registrar("kg", &[&["invite", member, "--out", &invitation], roles.as_slice()].concat());
    world.run_json(member, &["profile", "enrol", &invitation, "--out", &enrolment]);
    world.run_registrar("kg", &["admit", &enrolment, "--out", &admission]);
    world.run_json(member, &["profile", "accept", &admission]);
    grant(world, member);
}

fn grant(world: &World, member: &str) {
    let file = letter(world, &format!("{}.age", member.replace('/', "-")));
    world.run_json("kg.gpo/01", &["profile", "grant", member, "--out", &file]);
    world.run_json(member, &["profile", "take-grant", &file]);
}

fn open(world: &World, member: &str, case: &Tag, into: &str) -> Result<(), String> {
    let mut client = world.client(member);
    client.open_submission(case, Some(0), &world.path(into), &mut |_, _| {}).map(drop).map_err(|fault| fault.to_string())
}

fn report(rewrapped: u64, confirmed: u64, rejected: u64, waiting: u64, left: u64) -> Value {
    json!({"rewrapped": rewrapped, "confirmed": confirmed, "rejected": rejected, "waiting": waiting, "left": left, "unreadable": 0})
}

fn ops_of(world: &World, member: &str, case: &Tag) -> Vec<String> {
    let shown = world.run_json(member, &["history", &case.to_string()]);
    shown["events"].as_array().unwrap().iter().map(|event| event["op"].as_str().unwrap().to_owned()).collect()
}

fn audit(world: &World, folder: &str) {
    let folder = world.path(folder);
    world.run_json("tr.audit/01", &["audit", "follow"]);
    world.run_json("kg.audit/01", &["audit", "follow"]);
    world.run_json("kg.audit/01", &["audit", "evidence", folder.to_str().unwrap()]);
    let verified = Command::new(folder.join("verify.sh")).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// Nothing in the server's store differs from what its logs make.
fn rebuild_finds_nothing(world: &mut World) {
    world.stop_server();
    let checked = Command::new(PROGRAM).args(["admin", "rebuild", "--check", "--config"]).arg(world.config()).output().unwrap();
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stdout));
    world.start_server();
}

/// The documents of a case that a member's authority holds.
fn held(world: &World, member: &str, case: &Tag) -> Vec<Tag> {
    let shown = world.run_json(member, &["show", &case.to_string()]);
    let held = shown["held"].as_array().unwrap().iter().flat_map(|held| held["documents"].as_array().unwrap().clone());
    held.map(|document| document.as_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn after_a_replacement_the_old_slips_are_sealed_anew_and_go_when_a_colleague_has_opened_the_new_ones() {
    let mut world = World::play_yesterday();
    let case = world.case;
    join(&world, "kg.gpo/02", &["drafter", "custodian"]);
    assert_eq!(world.run_json("kg.gpo/01", &["rewrap"]), report(0, 0, 0, 0, 0), "nothing to do");
    world.run_json("kg.gpo/01", &["profile", "replace-key"]);
    let count = held(&world, "kg.gpo/01", &case).len() as u64;
    assert!(count >= 4, "{count}");

    assert_eq!(world.run_json("kg.gpo/01", &["rewrap"]), report(count, 0, 0, count, 0));
    assert_eq!(world.run_json("kg.gpo/01", &["rewrap"]), report(0, 0, 0, count, 0), "one person's word is not enough");
    assert_eq!(world.run_json("kg.gpo/02", &["rewrap"]), report(0, 0, 0, count, 0), "who has not the new key cannot say");
    open(&world, "kg.gpo/02", &case, "with-the-old-slip").unwrap();
    open(&world, "kg.gpo/01", &case, "with-the-new-slip").unwrap();
    grant(&world, "kg.gpo/02");
    // Whoever opens with a new slip that a colleague sealed confirms that one; the others are confirmed without opening.
    let confirmed = || ops_of(&world, "kg.gpo/01", &case).iter().filter(|op| *op == "confirm").count();
    open(&world, "kg.gpo/02", &case, "confirming").unwrap();
    assert_eq!(confirmed(), 1);
    let shown = world.run_json("kg.gpo/01", &["show", &case.to_string()]);
    let opened = shown["held"][0]["documents"].as_array().unwrap().len() as u64;
    assert_eq!(world.run_json("kg.gpo/02", &["rewrap"]), report(0, count - opened, 0, 0, 0));
    assert_eq!(confirmed(), 2);
    assert_eq!(world.run_json("kg.gpo/02", &["rewrap"]), report(0, 0, 0, 0, 0));

    join(&world, "kg.gpo/03", &["drafter"]);
    open(&world, "kg.gpo/03", &case, "newcomer").unwrap();
    open(&world, "kg.gpo/02", &case, "colleague").unwrap();
    let ops = ops_of(&world, "kg.gpo/03", &case);
    assert!(["unwrap", "rewrap", "unwrap", "confirm"].iter().all(|op| ops.contains(&(*op).to_owned())), "{ops:?}");
    audit(&world, "evidence-2");
    rebuild_finds_nothing(&mut world);
    open(&world, "kg.gpo/03", &case, "after-the-restart").unwrap();
}

#[test]
fn what_was_opened_before_a_replacement_can_still_be_forwarded() {
    let world = World::play_yesterday();
    let sent = world.send(&[world.sample("small.bin", 3000)]).unwrap();
    open(&world, "tr.moj/01", &sent.case, "before").unwrap();
    world.client("tr.moj/01").acknowledge(&sent.case).unwrap();
    world.run_json("tr.moj/01", &["profile", "replace-key"]);
    world.run_json("tr.moj/01", &["rewrap"]);
    let to = ["tr.ist-cpp".parse().unwrap()];
    world.client("tr.moj/01").forward(&sent.case, &[], &to).unwrap();
    open(&world, "tr.ist-cpp/01", &sent.case, "forwarded").unwrap();
    audit(&world, "evidence-2");
}

#[test]
fn a_custodian_who_seals_something_else_is_found_by_the_second_member_and_nothing_is_lost() {
    let mut world = World::play_yesterday();
    let case = world.case;
    join(&world, "kg.gpo/02", &["drafter", "custodian"]);
    world.run_json("kg.gpo/01", &["profile", "replace-key"]);
    grant(&world, "kg.gpo/02");
    let document = held(&world, "kg.gpo/01", &case)[0];
    let spoil = || {
        let mut hand = Hand::of(&world, "kg.gpo/01");
        let (line, body) = hand.slip(document, document, &DocumentIdentity::generate(), "kg.gpo");
        hand.put(Act::Rewrap(OnSlips { case, documents: vec![document], slips: vec![line] }), vec![body]).unwrap();
    };
    spoil();
    let refused = open(&world, "kg.gpo/02", &case, "spoilt").unwrap_err();
    assert!(refused.contains("that you reject it is logged") && refused.contains("a colleague sealed that slip anew"), "{refused}");
    open(&world, "kg.gpo/02", &case, "again").unwrap();
    spoil();
    assert_eq!(world.run_json("kg.gpo/02", &["rewrap"])["rejected"], 1, "without opening the document");
    open(&world, "kg.gpo/02", &case, "once-more").unwrap();
    audit(&world, "evidence-2");
    rebuild_finds_nothing(&mut world);
}

/// What somebody sends whose slips are not what the statement says.
fn send_spoilt(
    world: &World,
    cover: &[u8],
    spoil: impl Fn(&Hand, Tag, &DocumentIdentity) -> (elchi::wire::SlipLine, elchi::wire::SlipBody),
) -> Tag {
    let mut hand = Hand::of(world, "kg.gpo/01");
    let (case, tag, identity) = (random_tag(), random_tag(), DocumentIdentity::generate());
    let cover = hand.upload(tag, &identity, cover);
    let (own, theirs) = (hand.slip(tag, tag, &identity, "kg.gpo"), spoil(&hand, tag, &identity));
    let submit = Submit {
        case,
        after: Hash::ZERO,
        kind: SubmissionKind::Request,
        documents: vec![cover],
        slips: vec![own.0, theirs.0],
        to: vec!["tr.moj".parse().unwrap()],
    };
    hand.put(Act::Submit(submit), vec![own.1, theirs.1]).unwrap();
    case
}

#[test]
fn a_cover_moved_into_another_submission_shows_nothing_and_is_rejected() {
    let world = World::play();
    let sent = world.send(&[]).unwrap();
    open(&world, "tr.moj/01", &sent.case, "true").unwrap();
    let cover = std::fs::read(world.path("true/request.json")).unwrap();
    let moved = send_spoilt(&world, &cover, |hand, tag, identity| hand.slip(tag, tag, identity, "tr.moj"));
    let refused = open(&world, "tr.moj/01", &moved, "moved").unwrap_err();
    assert!(refused.contains("the cover") && refused.contains("that you reject it is logged"), "{refused}");
    assert_eq!(std::fs::read_dir(world.path("moved")).unwrap().count(), 0, "nothing of it is shown");
    open(&world, "tr.moj/01", &sent.case, "again").unwrap();
}

#[test]
fn a_slip_of_another_tag_or_that_opens_nothing_is_answered_by_a_signed_rejection() {
    let world = World::play();
    let text = b"no cover";
    let other_tag = send_spoilt(&world, text, |hand, tag, identity| hand.slip(tag, random_tag(), identity, "tr.moj"));
    let opens_nothing = send_spoilt(&world, text, |hand, tag, _| hand.slip(tag, tag, &DocumentIdentity::generate(), "tr.moj"));
    let no_cover = send_spoilt(&world, text, |hand, tag, identity| hand.slip(tag, tag, identity, "tr.moj"));
    for (case, expected) in
        [(other_tag, "for another document"), (opens_nothing, "cannot be opened with this key"), (no_cover, "the cover")]
    {
        let refused = open(&world, "tr.moj/01", &case, "spoilt").unwrap_err();
        assert!(refused.contains(expected) && refused.contains("that you reject it is logged"), "{refused}");
        let left: Vec<_> = std::fs::read_dir(world.path("spoilt")).unwrap().collect();
        assert!(left.is_empty(), "nothing of it is shown: {left:?}");
        std::fs::remove_dir(world.path("spoilt")).unwrap();
        assert_eq!(ops_of(&world, "kg.gpo/01", &case), ["submit", "release", "reject"], "the sender sees it");
    }
    audit(&world, "evidence-2");
}
