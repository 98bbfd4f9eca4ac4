//! What one member, one state or one case may take from all the others: so much and no more.

use std::collections::BTreeMap;

use elchi::clock;
use elchi::domain::limits::CASE_SLIPS_MAX;
use elchi::domain::{Hash, Log, UnixMillis};
use elchi::exchange::ActError;
use elchi::store::Step;
use elchi::trust::{Case, JudgedAt, permit_act, verify_statement};
use elchi::wire::{Act, RefusalCode};
use serde_json::json;

use super::exchange_world::{Followed, GPO_REGISTRAR, Gate, KG_REGISTRAR, NEWCOMER, RETURNED, World};

use RefusalCode::*;

/// Or one member could undo the batch of everyone who acts in the same moment.
#[test]
fn an_upload_that_an_act_has_claimed_cannot_be_given_up_under_it() {
    let mut world = World::new();
    let gate = Gate::before(Step::WriteCommit);
    world.start_probed(gate.clone());
    let parcel = world.pack_request();
    let request = world.sign_parcel("kg.gpo/07", &parcel);
    let (is_reached, go) = gate.arm();
    let (peer, exchange) = (world.peer("kg.gpo/07"), world.exchange());
    let id = parcel.submit.documents[1].upload;
    let accepted = std::thread::scope(|scope| {
        let act = scope.spawn(|| exchange.accept_act(&peer, request.clone()));
        is_reached.recv().unwrap();
        let deleted = exchange.delete_upload(&peer, &id);
        go.send(()).unwrap();
        assert!(matches!(&deleted, Err(ActError::Refused(refusal)) if refusal.code == UploadBusy), "{deleted:?}");
        act.join().unwrap()
    });
    accepted.unwrap();
    let gone = exchange.delete_upload(&peer, &id);
    assert!(matches!(&gone, Err(ActError::Refused(refusal)) if refusal.code == NotFound), "{gone:?}");
    world.check_logs();
}

#[test]
fn a_slip_that_an_authority_has_is_not_replaced_by_another() {
    let world = World::new();
    let mut case = world.request();
    world.acknowledge(&mut case);
    world.forward("tr.moj/01", &mut case, &["tr.ist-cpp"]);
    let again = world.pack_forward("tr.moj/01", &case, &["tr.ist-cpp"]);
    assert_eq!(world.refuse("tr.moj/01", &again), SlipMismatch);
    let with_another = world.pack_forward("tr.moj/01", &case, &["tr.ank-cpp", "tr.ist-cpp"]);
    assert_eq!(world.refuse("tr.moj/01", &with_another), SlipMismatch);
    let opened = world.release("tr.ist-cpp/01", &case);
    world.assert_opens("tr.ist-cpp/01", &case, &opened, &[b"the cover", b"a piece of evidence"]);
    world.forward("tr.moj/01", &mut case, &["tr.ank-cpp"]);
}

#[test]
fn a_release_of_an_earlier_holder_of_the_code_proves_itself_and_opens_nothing() {
    let world = World::new();
    world.enter(KG_REGISTRAR, world.member_entry(NEWCOMER));
    let case = world.request();
    let release = world.sign(NEWCOMER, Act::Release(case.on_documents()));
    assert_eq!(world.accept(NEWCOMER, &release).1.len(), 2);
    assert_eq!(world.accept(NEWCOMER, &release).1.len(), 2, "the same certificate may ask again");
    world.enter(KG_REGISTRAR, world.revocation(NEWCOMER));
    world.enter(KG_REGISTRAR, world.member_entry(RETURNED));
    let size = world.heads()[0].size;
    assert_eq!(world.accept(RETURNED, &release).1, [], "slips left without a release to this certificate");
    assert_eq!(world.fetch_blob(RETURNED, &case.documents[0]), Err(NotReleased));
    assert_eq!(world.heads()[0].size, size);
    assert_eq!(world.accept(RETURNED, &world.sign(RETURNED, Act::Release(case.on_documents()))).1.len(), 2);
}

#[test]
fn a_registrar_reads_no_statement_of_any_case() {
    let world = World::new();
    world.request();
    world.exchange().load_statement(&world.peer("kg.gpo/08"), 0).unwrap();
    for registrar in [KG_REGISTRAR, GPO_REGISTRAR] {
        let read = world.exchange().load_statement(&world.peer(registrar), 0);
        assert!(matches!(&read, Err(ActError::Refused(refusal)) if refusal.code == NotFound), "{registrar}: {read:?}");
    }
}

/// A server that has a thief's statement cannot log it as of a directory without the revocation, and a later time.
#[test]
fn a_revocation_holds_by_its_place_and_by_its_time() {
    let world = World::new();
    let before = clock::now();
    world.enter(KG_REGISTRAR, world.revocation("kg.gpo/07"));
    let directory = world.exchange().published().directory.clone();
    let index = directory.size() - 1;
    let revoked = directory.members().find_map(|record| record.revoked_at()).unwrap();
    let in_force = |directory_size, time| {
        let at = JudgedAt { directory_size, time };
        directory.member_at(&"kg.gpo/07".parse().unwrap(), at).is_some()
    };
    assert!(in_force(index, before) && in_force(index, revoked), "what was done before stands");
    assert!(!in_force(index, UnixMillis(revoked.0 + 1)), "later, by a directory that has not seen the entry");
    assert!(!in_force(index + 1, before), "earlier, by a directory that has");
}

#[test]
fn a_case_has_room_for_so_many_slips() {
    let world = World::new();
    let mut followed = world.request();
    world.acknowledge(&mut followed);
    let parcel = world.pack("tr.moj/01", Some(&followed), &["kg.gpo"], &[b"the answer's cover", b"the answer"]);
    let request = world.sign_parcel("tr.moj/01", &parcel);
    let directory = world.exchange().published().directory.clone();
    let at = JudgedAt { directory_size: directory.size(), time: clock::now() };
    let log = world.policy.origin(Log::Events);
    let statement = verify_statement(&request.statement.0, &request.signature.0, log, &directory, at).unwrap();
    let outcome = |slips: usize| {
        let case = case_with(&followed, slips - parcel.slips.len());
        permit_act(Some(&case), statement.clone(), &directory, at).map(|_| ()).map_err(|refusal| refusal.code)
    };
    assert_eq!(outcome(CASE_SLIPS_MAX), Ok(()));
    assert_eq!(outcome(CASE_SLIPS_MAX + 1), Err(TooLarge));
}

/// The acknowledged case, with so many other documents that tr.moj holds.
fn case_with(followed: &Followed, slips: usize) -> Case {
    let document = |number: usize| {
        let tag = format!("{number:064x}");
        (tag.clone(), json!({"cover": tag, "holders": {"tr.moj": {"in_force": {"key": Hash::ZERO, "sha256": Hash::ZERO}}}}))
    };
    let documents: BTreeMap<_, _> = (0..slips).map(document).collect();
    let value = json!({
        "state": "Acknowledged", "last_event": followed.after, "requesting": "KG", "requested": "TR",
        "parties": ["kg.gpo", "tr.moj"], "documents": documents,
    });
    serde_json::from_value(value).unwrap()
}
