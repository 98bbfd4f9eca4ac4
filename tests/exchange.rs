//! The exchange in process: whatever is accepted is proven by its receipt, whatever is refused leaves no trace.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use elchi::clock;
use elchi::crypto::{hash, random_tag, random_upload_id};
use elchi::domain::limits::{BLOB_BYTES_MAX, SLIP_BYTES_MAX, UPLOADS_PER_MEMBER_MAX};
use elchi::domain::{Hash, Role, Tag, TreeHead, UtcSecond};
use elchi::exchange::ActError;
use elchi::mla::{CaseAct, CaseState, Direction, Office, RevocationReason, Side, SubmissionKind, permit_transition};
use elchi::seal::{Digest, DocumentIdentity, OpenedSlip, SealingIdentity, open_document};
use elchi::store::{Moment, ProbedFailure, Step, StepProbe, Store};
use elchi::trust::{PeerRefused, verify_peer_still};
use elchi::wire::{Act, ActRequest, Base64Bytes, OnCase, OnDocuments, RefusalCode, Revocation, SlipBody, SlipLine, Statement};

use super::exchange_world::{
    Followed, KG_REGISTRAR, NEWCOMER, Parcel, STRANGER, TR_REGISTRAR, World, authority, cast, registrar_of, seal, sign_text,
};
use super::store::settings_in;

use RefusalCode::*;

const MINUTE: u64 = 60;

fn later(time: UtcSecond, seconds: i64) -> UtcSecond {
    UtcSecond::from_unix(time.unix().checked_add_signed(seconds).unwrap()).unwrap()
}

// ---- the story ----

#[test]
fn a_request_is_released_forwarded_answered_and_closed_and_every_receipt_proves_it() {
    let world = World::new();
    let mut case = world.request();
    let opened = world.release("tr.moj/01", &case);
    assert_opens(&world, "tr.moj/01", &case, &opened, &[b"the cover", b"a piece of evidence"]);
    world.act("tr.moj/01", Act::Opened(case.on_documents()));
    world.acknowledge(&mut case);
    world.forward("tr.moj/01", &mut case, &["tr.ist-cpp"]);
    let opened = world.release("tr.ist-cpp/01", &case);
    assert_opens(&world, "tr.ist-cpp/01", &case, &opened, &[b"the cover", b"a piece of evidence"]);
    let inside = world.respond("tr.ist-cpp/01", &mut case, "tr.moj");
    assert_eq!(world.release("tr.moj/01", &inside).len(), 2);
    let answer = world.respond("tr.moj/01", &mut case, "kg.gpo");
    let opened = world.release("kg.gpo/07", &answer);
    assert_opens(&world, "kg.gpo/07", &answer, &opened, &[b"the answer's cover", b"the answer"]);
    world.act("kg.gpo/07", Act::Opened(answer.on_documents()));
    world.close(&mut case);
    world.check_logs();
}

/// Blobs and slips that were released open to what the sender had.
fn assert_opens(world: &World, code: &str, case: &Followed, opened: &[(Tag, OpenedSlip)], texts: &[&[u8]]) {
    assert_eq!(opened.iter().map(|(tag, _)| *tag).collect::<Vec<_>>(), case.documents);
    for ((tag, slip), text) in opened.iter().zip(texts) {
        let blob = world.fetch_blob(code, tag).unwrap();
        let sealed = Digest { sha256: hash(&blob), bytes: blob.len() as u64 };
        let plaintext = Digest { sha256: hash(text), bytes: text.len() as u64 };
        let expected = elchi::seal::DocumentDigests { sealed, plaintext };
        assert_eq!(open_document(slip.identity(), blob.as_slice(), Vec::new(), &expected).unwrap().into_output(), *text);
    }
}

#[test]
fn a_restart_gives_the_same_heads_and_the_same_receipts() {
    let mut world = World::new();
    let parcel = world.pack_request();
    let request = world.sign_parcel("kg.gpo/07", &parcel);
    let (first, _) = world.accept("kg.gpo/07", &request);
    let mut case = Followed { tag: parcel.submit.case, after: first.leaf_hashes()[0], documents: parcel.documents() };
    let release = world.sign("tr.moj/01", Act::Release(case.on_documents()));
    let (_, slips) = world.accept("tr.moj/01", &release);
    let heads = world.heads();
    world.restart();
    assert_eq!(world.heads(), heads);
    let (again, _) = world.accept("kg.gpo/07", &request);
    assert_eq!((again.first_index(), again.leaf_hashes(), again.time()), (first.first_index(), first.leaf_hashes(), first.time()));
    assert_eq!(world.accept("tr.moj/01", &release).1, slips, "released slips come again");
    assert!(world.fetch_blob("tr.moj/01", &case.documents[0]).is_ok(), "the release is in force still");
    assert_eq!(world.heads(), heads);
    world.acknowledge(&mut case);
    world.check_logs();
}

#[test]
fn acts_of_many_at_once_each_get_their_leaves() {
    let world = World::new();
    let requests: Vec<_> = (0..12).map(|_| world.sign_parcel("kg.gpo/07", &world.pack_request())).collect();
    let (peer, barrier) = (world.peer("kg.gpo/07"), Barrier::new(requests.len()));
    let exchange = world.exchange();
    std::thread::scope(|scope| {
        for request in &requests {
            scope.spawn(|| {
                barrier.wait();
                exchange.accept_act(&peer, request.clone()).unwrap()
            });
        }
    });
    let mut firsts: Vec<u64> = requests.iter().map(|request| world.accept("kg.gpo/07", request).0.first_index()).collect();
    firsts.sort_unstable();
    assert_eq!(firsts, (0..12).map(|number| number * 5).collect::<Vec<_>>(), "five leaves each, none between");
    world.check_logs();
}

// ---- the statement itself ----

#[test]
fn what_is_no_statement_is_refused() {
    let world = World::new();
    let good = world.sign("kg.gpo/07", Act::Close(OnCase { case: random_tag(), after: Hash::ZERO }));
    let text = String::from_utf8(good.statement.0).unwrap();
    let wrong =
        [String::new(), "no statement\n".into(), text.trim_end().into(), text.replace("op close", "op  close"), text.clone() + "x y\n"];
    for wrong in wrong {
        assert_eq!(world.refuse("kg.gpo/07", &sign_text("kg.gpo/07", wrong.as_bytes())), Malformed, "{wrong}");
    }
    let other_log = text.replace("mla.example/events", "mla.example/directory");
    assert_eq!(world.refuse("kg.gpo/07", &sign_text("kg.gpo/07", other_log.as_bytes())), Malformed, "an op of the other log");
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let world = World::new();
    let parcel = world.pack_request();
    let good = world.sign_parcel("kg.gpo/07", &parcel);
    let other = sign_text("kg.gpo/10", &good.statement.0).signature;
    assert_eq!(world.refuse("kg.gpo/07", &ActRequest { signature: other, ..good.clone() }), SignatureInvalid);

    let other_statement = world.sign_parcel("kg.gpo/07", &parcel).signature;
    assert_eq!(world.refuse("kg.gpo/07", &ActRequest { signature: other_statement, ..good.clone() }), SignatureInvalid);
    let mut flipped = good.clone();
    *flipped.signature.0.last_mut().unwrap() ^= 1;
    assert_eq!(world.refuse("kg.gpo/07", &flipped), SignatureInvalid);
    let none = ActRequest { signature: Base64Bytes(Vec::new()), ..good.clone() };
    assert_eq!(world.refuse("kg.gpo/07", &none), SignatureInvalid);

    let act = Act::Submit(parcel.submit.clone());
    let named = world.sign_changed("kg.gpo/10", act, |statement| statement.actor = cast().person("kg.gpo/07").code.clone());
    let named = ActRequest { slips: parcel.slips.clone(), ..named };
    assert_eq!(world.refuse("kg.gpo/07", &named), CertificateRefused, "10's key and certificate in 07's name");
    world.accept("kg.gpo/07", &good);
}

#[test]
fn only_the_connected_member_acts_even_with_a_true_statement_of_another() {
    let world = World::new();
    let request = world.sign_parcel("kg.gpo/07", &world.pack_request());
    for other in ["kg.gpo/10", "kg.gpo/08", "tr.moj/01", KG_REGISTRAR] {
        assert_eq!(world.refuse(other, &request), NotTheActor, "{other}");
    }
    world.accept("kg.gpo/07", &request);
    for other in ["kg.gpo/10", "tr.moj/01"] {
        assert_eq!(world.refuse(other, &request), NotTheActor, "{other} replays what was accepted");
    }
}

#[test]
fn the_same_statement_again_gets_the_same_leaves_and_the_first_signature() {
    let world = World::new();
    let request = world.sign_parcel("kg.gpo/07", &world.pack_request());
    let first = world.put("kg.gpo/07", &request).unwrap().receipt;
    let heads = world.heads();
    assert_eq!(world.put("kg.gpo/07", &request).unwrap().receipt, first);
    let resigned = ActRequest { signature: sign_text("kg.gpo/07", &request.statement.0).signature, ..request.clone() };
    assert_ne!(resigned, request);
    assert_eq!(world.put("kg.gpo/07", &resigned).unwrap().receipt, first);
    let without_slips = ActRequest { slips: Vec::new(), ..request.clone() };
    assert_eq!(world.put("kg.gpo/07", &without_slips).unwrap().receipt, first);
    assert_eq!(world.heads(), heads);

    world.request();
    let (later, _) = world.accept("kg.gpo/07", &request);
    assert_eq!(later.first_index(), first.leaves[0].index);
    assert_eq!(later.checkpoint().head(), world.heads()[0], "under a checkpoint of now");
    world.check_logs();
}

#[test]
fn a_statement_for_another_log_is_refused() {
    let world = World::new();
    let case = world.request();
    let act = Act::Acknowledge(case.on_case());
    let other = world.sign_changed("tr.moj/01", act.clone(), |statement| statement.log = "other.example/events".parse().unwrap());
    assert_eq!(world.refuse("tr.moj/01", &other), WrongLog);
    world.act("tr.moj/01", act);
}

#[test]
fn a_statement_from_another_time_is_refused() {
    let world = World::new();
    let case = world.request();
    for minutes in [-11, 11] {
        let shift = |statement: &mut Statement| statement.time = later(statement.time, minutes * MINUTE as i64);
        let request = world.sign_changed("tr.moj/01", Act::Release(case.on_documents()), shift);
        assert_eq!(world.refuse("tr.moj/01", &request), ClockSkew, "{minutes} minutes");
        let entry = world.sign_changed(KG_REGISTRAR, world.member_entry(NEWCOMER), shift);
        assert_eq!(world.refuse(KG_REGISTRAR, &entry), ClockSkew, "{minutes} minutes");
    }
    for minutes in [-9, 9] {
        let shift = |statement: &mut Statement| statement.time = later(statement.time, minutes * MINUTE as i64);
        world.accept("tr.moj/01", &world.sign_changed("tr.moj/01", Act::Release(case.on_documents()), shift));
    }
}

#[test]
fn a_statement_that_saw_another_tree_is_refused() {
    let world = World::new();
    let earlier = world.heads();
    let case = world.request();
    let release = Act::Release(case.on_documents());
    let saw = |change: fn(&mut Statement) -> &mut TreeHead, head: TreeHead| {
        world.sign_changed("tr.moj/01", release.clone(), |statement| *change(statement) = head)
    };
    let [events, directory] = world.heads();
    let forged = Hash::from_bytes([7; 32]);
    for wrong in [TreeHead { root: forged, ..events }, TreeHead { size: 2, root: forged }, TreeHead { size: events.size + 1, ..events }] {
        assert_eq!(world.refuse("tr.moj/01", &saw(|statement| &mut statement.seen, wrong)), LogForked, "{wrong:?}");
    }
    for wrong in [TreeHead { root: forged, ..directory }, TreeHead { size: directory.size + 1, ..directory }] {
        assert_eq!(world.refuse("tr.moj/01", &saw(|statement| &mut statement.directory, wrong)), LogForked, "{wrong:?}");
    }
    world.accept("tr.moj/01", &saw(|statement| &mut statement.seen, earlier[0]));
}

#[test]
fn a_directory_that_changed_for_the_actor_or_a_recipient_is_looked_at_again() {
    let world = World::new();
    let mut case = world.request();
    world.acknowledge(&mut case);
    let stale = world.heads()[1];
    world.enter(KG_REGISTRAR, world.member_entry(NEWCOMER));
    let request = |directory: TreeHead| {
        let parcel = world.pack(NEWCOMER, None, &["tr.moj"], &[b"cover"]);
        let signed = world.sign_changed(NEWCOMER, Act::Submit(parcel.submit), |statement| statement.directory = directory);
        ActRequest { slips: parcel.slips, ..signed }
    };
    assert_eq!(world.refuse(NEWCOMER, &request(stale)), DirectoryStale);
    world.accept(NEWCOMER, &request(world.heads()[1]));

    world.enter(TR_REGISTRAR, world.authority_entry("tr.izm-cpp", false));
    let opened = world.release("tr.moj/01", &case);
    let slip = |tag: &Tag, identity: &DocumentIdentity| {
        let (line, body) = world.slip(tag, identity, "tr.ank-cpp");
        (SlipLine { authority: authority("tr.izm-cpp"), ..line }, SlipBody { authority: authority("tr.izm-cpp"), ..body })
    };
    let slips: Vec<_> = opened.iter().map(|(tag, opened)| slip(tag, opened.identity())).collect();
    let forward = world.sign_forward("tr.moj/01", &case, &["tr.izm-cpp"], slips);
    let act = elchi::wire::parse_statement(&forward.statement.0).unwrap().act;
    let signed = world.sign_changed("tr.moj/01", act, |statement| statement.directory = stale);
    assert_eq!(world.refuse("tr.moj/01", &ActRequest { slips: forward.slips, ..signed }), DirectoryStale);
}

// ---- who may ----

#[test]
fn a_role_that_may_not_is_refused() {
    let world = World::new();
    let case = world.request();
    for code in ["kg.gpo/08", "kg.gpo/09"] {
        let parcel = world.pack(code, None, &["tr.moj"], &[b"cover"]);
        assert_eq!(world.refuse(code, &world.sign_parcel(code, &parcel)), RoleMissing, "{code} submits");
    }
    assert_eq!(world.refuse("tr.moj/02", &world.sign("tr.moj/02", Act::Acknowledge(case.on_case()))), RoleMissing);
    for act in [Act::Release(case.on_documents()), Act::Opened(case.on_documents())] {
        assert_eq!(world.refuse("tr.moj/02", &world.sign("tr.moj/02", act)), RoleMissing, "an auditor opens nothing");
    }
    assert_eq!(world.refuse(KG_REGISTRAR, &world.sign(KG_REGISTRAR, Act::Release(case.on_documents()))), RoleMissing);
    world.act("kg.gpo/08", Act::Release(case.on_documents()));
}

#[test]
fn what_is_not_yours_and_what_is_not_there_get_one_answer() {
    let world = World::new();
    let mut case = world.request();
    let nowhere = Followed { tag: random_tag(), ..case.clone() };
    for code in ["kg.mvd/01", "tr.ist-cpp/01"] {
        let acts = |case: &Followed| {
            [
                Act::Acknowledge(case.on_case()),
                Act::Close(case.on_case()),
                Act::Release(case.on_documents()),
                Act::Opened(case.on_documents()),
            ]
        };
        for (theirs, nothing) in acts(&case).into_iter().zip(acts(&nowhere)) {
            let refusal = world.refusal(code, &world.sign(code, theirs));
            assert_eq!(refusal.code, NotFound);
            assert_eq!(refusal, world.refusal(code, &world.sign(code, nothing)));
        }
        let refusal = |index: u64| match world.exchange().load_statement(&world.peer(code), index) {
            Err(ActError::Refused(refusal)) => refusal,
            _ => panic!("no refusal"),
        };
        assert_eq!((refusal(0).code, refusal(0)), (NotFound, refusal(1_000_000)));
    }
    for code in ["kg.gpo/07", "kg.gpo/09", "tr.moj/01", "tr.moj/02"] {
        world.exchange().load_statement(&world.peer(code), 0).unwrap();
    }
    world.acknowledge(&mut case);
    world.forward("tr.moj/01", &mut case, &["tr.ist-cpp"]);
    world.exchange().load_statement(&world.peer("tr.ist-cpp/01"), 0).unwrap();
}

#[test]
fn documents_of_another_case_and_documents_one_has_no_slip_of_are_not_there() {
    let world = World::new();
    let (one, other) = (world.request(), world.request());
    let mixed = OnDocuments { case: one.tag, documents: other.documents.clone() };
    for act in [Act::Release(mixed.clone()), Act::Opened(mixed)] {
        assert_eq!(world.refuse("tr.moj/01", &world.sign("tr.moj/01", act)), NotFound);
    }
    let mut parcel = world.pack_request();
    let withheld = parcel.documents()[1];
    let is_withheld = |document: &Tag, to: &str| *document == withheld && to == "tr.moj";
    parcel.submit.slips.retain(|slip| !is_withheld(&slip.document, slip.authority.as_str()));
    parcel.slips.retain(|slip| !is_withheld(&slip.document, slip.authority.as_str()));
    let after = world.accept("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &parcel)).0.leaf_hashes()[0];
    let case = Followed { tag: parcel.submit.case, after, documents: parcel.documents() };
    assert_eq!(world.refuse("tr.moj/01", &world.sign("tr.moj/01", Act::Release(case.on_documents()))), NotFound);
    world.act("tr.moj/01", Act::Release(OnDocuments { documents: vec![case.documents[0]], ..case.on_documents() }));
}

#[test]
fn a_request_goes_to_the_other_states_central_authority_and_nowhere_else() {
    let world = World::new();
    for to in [&["tr.ist-cpp"][..], &["tr.ist-cpp", "tr.moj"], &["kg.mvd", "tr.moj"], &["kg.gpo", "tr.moj"], &["kg.gpo"], &["kg.mvd"]] {
        let parcel = world.pack("kg.gpo/07", None, to, &[b"cover"]);
        assert_eq!(world.refuse("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &parcel)), RecipientRefused, "{to:?}");
    }
    let mut parcel = world.pack("kg.gpo/07", None, &["tr.moj"], &[b"cover"]);
    let unknown = authority("tr.nobody");
    parcel.submit.to = vec![unknown.clone()];
    parcel.submit.slips[1].authority = unknown.clone();
    parcel.slips[1].authority = unknown;
    assert_eq!(world.refuse("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &parcel)), RecipientRefused);
    let parcel = world.pack("kg.mvd/01", None, &["tr.moj"], &[b"cover"]);
    assert_eq!(world.refuse("kg.mvd/01", &world.sign_parcel("kg.mvd/01", &parcel)), TransitionRefused, "not from a central authority");
}

#[test]
fn a_revoked_member_is_out_at_once_and_what_they_did_before_stands() {
    let world = World::new();
    let parcel = world.pack_request();
    let before = world.sign_parcel("kg.gpo/07", &parcel);
    world.accept("kg.gpo/07", &before);
    let (peer, next) = (world.peer("kg.gpo/07"), world.sign_parcel("kg.gpo/07", &world.pack_request()));
    world.enter(KG_REGISTRAR, world.revocation("kg.gpo/07"));
    assert_eq!(world.refusal_of(&peer, &next).code, RoleMissing);
    let directory = world.exchange().published().directory.clone();
    assert_eq!(verify_peer_still(&peer, &directory, clock::now()), Err(PeerRefused::Revoked("kg.gpo/07".parse().unwrap())));
    let receipt = world.exchange().accept_act(&peer, before.clone()).unwrap().receipt;
    elchi::trust::verify_receipt(&receipt, &before.statement.0, &world.policy, &directory).unwrap();

    let release = Act::Release(OnDocuments { case: parcel.submit.case, documents: parcel.documents() });
    world.act("kg.gpo/10", release.clone());
    let (peer, statement) = (world.peer("kg.gpo/10"), world.sign("kg.gpo/10", release));
    world.enter("kg.gpo/10", world.revocation("kg.gpo/10"));
    assert_eq!(world.refusal_of(&peer, &statement).code, RoleMissing, "one's own revocation counts as well");
}

// ---- order ----

#[test]
fn an_act_that_builds_on_an_older_event_is_refused() {
    let world = World::new();
    let mut case = world.request();
    let submitted = case.clone();
    for after in [Hash::ZERO, Hash::from_bytes([9; 32])] {
        let act = Act::Acknowledge(OnCase { after, ..case.on_case() });
        assert_eq!(world.refuse("tr.moj/01", &world.sign("tr.moj/01", act)), CaseMoved);
    }
    world.release("tr.moj/01", &case);
    world.acknowledge(&mut case);
    let parcel = world.pack("tr.moj/01", Some(&submitted), &["kg.gpo"], &[b"cover"]);
    assert_eq!(world.refuse("tr.moj/01", &world.sign_parcel("tr.moj/01", &parcel)), CaseMoved);
    let mut parcel = world.pack_request();
    parcel.submit.after = case.after;
    assert_eq!(world.refuse("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &parcel)), CaseMoved, "a request builds on nothing");
}

/// Everyone who could act on the case, with their place in it.
const ACTORS: [(&str, &str, Side, Office); 4] = [
    ("kg.gpo/07", "kg.gpo", Side::Requesting, Office::Central),
    ("kg.mvd/01", "kg.mvd", Side::Requesting, Office::Competent),
    ("tr.moj/01", "tr.moj", Side::Requested, Office::Central),
    ("tr.ist-cpp/01", "tr.ist-cpp", Side::Requested, Office::Competent),
];

/// Tries every act of everyone that the life cycle's table does not have here.
fn assert_only_the_table_is_permitted(world: &World, case: &Followed, state: CaseState, parties: &BTreeSet<&str>) {
    for (code, own, side, office) in ACTORS {
        let expected = if parties.contains(own) { TransitionRefused } else { NotFound };
        let refused = |act: CaseAct, direction: Direction| permit_transition(Some(state), act, side, office, direction).is_none();
        let check = |request: &ActRequest, what: &str| assert_eq!(world.refuse(code, request), expected, "{code}: {what} when {state}");
        if refused(CaseAct::Acknowledge, Direction::Nobody) || expected == NotFound {
            check(&world.sign(code, Act::Acknowledge(case.on_case())), "acknowledge");
        }
        if refused(CaseAct::Close, Direction::Nobody) || expected == NotFound {
            check(&world.sign(code, Act::Close(case.on_case())), "close");
        }
        for to in ["kg.gpo", "tr.moj"].into_iter().filter(|to| *to != own) {
            let direction = if to[..2] == own[..2] { Direction::Inside } else { Direction::Across };
            if refused(CaseAct::Submit(SubmissionKind::Response), direction) || expected == NotFound {
                let parcel = world.pack(code, Some(case), &[to], &[b"cover"]);
                check(&world.sign_parcel(code, &parcel), &format!("respond to {to}"));
            }
            if refused(CaseAct::Forward, direction) || expected == NotFound {
                let identity = DocumentIdentity::generate();
                let slips = case.documents.iter().map(|tag| world.slip(tag, &identity, to)).collect();
                check(&world.sign_forward(code, case, &[to], slips), &format!("forward to {to}"));
            }
        }
        if refused(CaseAct::Forward, Direction::Inside) || expected == NotFound {
            let colleague = if own.starts_with("kg.") { "kg.mvd" } else { "tr.ank-cpp" };
            if colleague != own {
                let identity = DocumentIdentity::generate();
                let slips = case.documents.iter().map(|tag| world.slip(tag, &identity, colleague)).collect();
                check(&world.sign_forward(code, case, &[colleague], slips), &format!("forward to {colleague}"));
            }
        }
    }
    let mut again = world.pack_request();
    again.submit.case = case.tag;
    assert_eq!(world.refuse("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &again)), TagTaken, "a second request when {state}");
}

#[test]
fn in_each_state_of_a_case_exactly_the_acts_of_the_table_are_taken() {
    let world = World::new();
    let mut parties = BTreeSet::from(["kg.gpo", "tr.moj"]);
    let mut case = world.request();
    assert_only_the_table_is_permitted(&world, &case, CaseState::Submitted, &parties);
    world.acknowledge(&mut case);
    assert_only_the_table_is_permitted(&world, &case, CaseState::Acknowledged, &parties);
    world.forward("tr.moj/01", &mut case, &["tr.ist-cpp"]);
    parties.insert("tr.ist-cpp");
    assert_only_the_table_is_permitted(&world, &case, CaseState::ForwardedToCompetent, &parties);
    world.forward("tr.moj/01", &mut case, &["tr.ank-cpp"]);
    world.respond("tr.ist-cpp/01", &mut case, "tr.moj");
    assert_only_the_table_is_permitted(&world, &case, CaseState::Executed, &parties);
    let answer = world.respond("tr.moj/01", &mut case, "kg.gpo");
    assert_only_the_table_is_permitted(&world, &case, CaseState::Responded, &parties);
    let mut handed_on = answer;
    world.forward("kg.gpo/07", &mut handed_on, &["kg.mvd"]);
    case.after = handed_on.after;
    parties.insert("kg.mvd");
    assert_only_the_table_is_permitted(&world, &case, CaseState::Responded, &parties);
    world.close(&mut case);
    assert_only_the_table_is_permitted(&world, &case, CaseState::Closed, &parties);
    world.release("tr.moj/01", &case);
    world.check_logs();
}

#[test]
fn an_acknowledged_request_may_be_answered_without_being_forwarded() {
    let world = World::new();
    let mut case = world.request();
    world.acknowledge(&mut case);
    world.respond("tr.moj/01", &mut case, "kg.gpo");
    world.close(&mut case);
    world.check_logs();
}

// ---- tags and uploads ----

fn refuse_parcel(world: &World, parcel: &Parcel) -> RefusalCode {
    world.refuse("kg.gpo/07", &world.sign_parcel("kg.gpo/07", parcel))
}

#[test]
fn a_tag_that_must_be_new_is_taken_once() {
    let world = World::new();
    let first = world.request();
    let mut second = world.pack_request();
    second.submit.case = first.tag;
    assert_eq!(refuse_parcel(&world, &second), TagTaken, "a case's tag");
    second.submit.case = first.documents[0];
    assert_eq!(refuse_parcel(&world, &second), TagTaken, "a document's tag for a case");

    let retag = |tag: Tag| {
        let mut parcel = world.pack_request();
        let old = parcel.submit.documents[0].tag;
        parcel.submit.documents[0].tag = tag;
        parcel.submit.slips.iter_mut().filter(|slip| slip.document == old).for_each(|slip| slip.document = tag);
        parcel.slips.iter_mut().filter(|slip| slip.document == old).for_each(|slip| slip.document = tag);
        parcel
    };
    assert_eq!(refuse_parcel(&world, &retag(first.documents[1])), TagTaken, "a document's tag");
    assert_eq!(refuse_parcel(&world, &retag(first.tag)), TagTaken, "a case's tag for a document");
    let mut own_case = retag(random_tag());
    own_case.submit.case = own_case.submit.documents[0].tag;
    assert_eq!(refuse_parcel(&world, &own_case), TagTaken, "one tag for a case and its document");
    let fresh = retag(random_tag());
    world.accept("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &fresh));
}

#[test]
fn an_upload_is_its_members_alone() {
    let world = World::new();
    let sealed = seal(b"a colleague's");
    let theirs = world.upload("kg.gpo/10", &sealed.blob);
    let mut parcel = world.pack_request();
    parcel.submit.documents[1] =
        elchi::wire::DocumentLine { tag: parcel.submit.documents[1].tag, ..world.document_line("kg.gpo/10", &sealed) };
    let refusal = world.refusal("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &parcel));
    assert_eq!(refusal.code, UploadMismatch);
    parcel.submit.documents[1].upload = random_upload_id();
    assert_eq!(world.refusal("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &parcel)), refusal, "as if there were none");

    let peer = world.peer("kg.gpo/07");
    for id in [theirs, random_upload_id()] {
        let refused = |outcome: Result<(), ActError>| matches!(outcome, Err(ActError::Refused(refusal)) if refusal.code == NotFound);
        assert!(refused(world.exchange().load_progress(&peer, &id).map(|_| ())));
        assert!(refused(world.exchange().open_upload(&peer, &id).map(|_| ())));
        assert!(refused(world.exchange().delete_upload(&peer, &id)));
    }
    assert!(world.exchange().load_progress(&world.peer("kg.gpo/10"), &theirs).unwrap().is_complete);
}

#[test]
fn an_upload_that_is_not_what_the_statement_says_is_refused_and_stays() {
    let world = World::new();
    let good = world.pack_request();
    let spoil = |change: fn(&mut elchi::wire::DocumentLine)| {
        let mut parcel = good.clone();
        change(&mut parcel.submit.documents[1]);
        refuse_parcel(&world, &parcel)
    };
    assert_eq!(spoil(|line| line.sha256 = Hash::from_bytes([1; 32])), UploadMismatch);
    assert_eq!(spoil(|line| line.bytes += 1), UploadMismatch);
    assert_eq!(spoil(|line| line.bytes -= 1), UploadMismatch);
    assert_eq!(spoil(|line| line.bytes = BLOB_BYTES_MAX + 1), TooLarge);

    let (peer, sealed) = (world.peer("kg.gpo/07"), seal(b"cut short"));
    let id = world.exchange().create_upload(&peer, sealed.blob.len() as u64).unwrap();
    let mut cut = good.clone();
    cut.submit.documents[1].upload = id;
    (cut.submit.documents[1].sha256, cut.submit.documents[1].bytes) = (sealed.digest.sha256, sealed.digest.bytes);
    assert_eq!(refuse_parcel(&world, &cut), UploadMismatch, "nothing has come");
    let mut writer = world.exchange().open_upload(&peer, &id).unwrap();
    writer.write(&sealed.blob[..sealed.blob.len() - 1], clock::now()).unwrap();
    writer.pause(clock::now()).unwrap();
    assert_eq!(refuse_parcel(&world, &cut), UploadMismatch, "the last byte has not come");
    world.accept("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &good));
    assert_eq!(
        refuse_parcel(&world, &Parcel { submit: fresh_tags(&good), slips: retagged_slips(&good) }),
        UploadMismatch,
        "an upload serves once"
    );
}

/// The same uploads under other tags.
fn fresh_tags(parcel: &Parcel) -> elchi::wire::Submit {
    let renamed = |tag: &Tag| Tag::from_bytes(*hash(tag.as_bytes()).as_bytes());
    let mut submit = parcel.submit.clone();
    submit.case = random_tag();
    submit.documents.iter_mut().for_each(|line| line.tag = renamed(&line.tag));
    submit.slips.iter_mut().for_each(|line| line.document = renamed(&line.document));
    submit
}

fn retagged_slips(parcel: &Parcel) -> Vec<SlipBody> {
    let renamed = |tag: &Tag| Tag::from_bytes(*hash(tag.as_bytes()).as_bytes());
    parcel.slips.iter().map(|slip| SlipBody { document: renamed(&slip.document), ..slip.clone() }).collect()
}

#[test]
fn one_upload_cannot_be_two_documents() {
    let world = World::new();
    let mut parcel = world.pack_request();
    let first = parcel.submit.documents[0].clone();
    parcel.submit.documents[1] = elchi::wire::DocumentLine { tag: parcel.submit.documents[1].tag, ..first };
    assert_eq!(refuse_parcel(&world, &parcel), UploadMismatch);
    world.request();
}

#[test]
fn of_two_acts_that_race_for_one_upload_one_is_refused_and_the_server_goes_on() {
    let world = World::new();
    let (peer, exchange) = (world.peer("kg.gpo/07"), world.exchange());
    for _ in 0..8 {
        let parcel = world.pack_request();
        let other = Parcel { submit: fresh_tags(&parcel), slips: retagged_slips(&parcel) };
        let requests = [&parcel, &other].map(|parcel| world.sign_parcel("kg.gpo/07", parcel));
        let barrier = Barrier::new(2);
        let put = |request: &ActRequest| {
            barrier.wait();
            exchange.accept_act(&peer, request.clone())
        };
        let outcomes =
            std::thread::scope(|scope| requests.each_ref().map(|request| scope.spawn(|| put(request))).map(|act| act.join().unwrap()));
        let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
        assert!(matches!(refused[..], [ActError::Refused(refusal)] if refusal.code == UploadMismatch), "{refused:?}");
    }
    assert!(!exchange.is_stopped());
    world.check_logs();
}

#[test]
fn an_upload_given_up_while_its_act_waits_stops_nobody() {
    let world = World::new();
    let (peer, exchange) = (world.peer("kg.gpo/07"), world.exchange());
    for _ in 0..8 {
        let parcel = world.pack_request();
        let (request, id) = (world.sign_parcel("kg.gpo/07", &parcel), parcel.submit.documents[1].upload);
        let barrier = Barrier::new(2);
        let (act, _) = std::thread::scope(|scope| {
            let act = scope.spawn(|| {
                barrier.wait();
                exchange.accept_act(&peer, request.clone())
            });
            barrier.wait();
            let deleted = exchange.delete_upload(&peer, &id);
            (act.join().unwrap(), deleted)
        });
        assert!(matches!(&act, Ok(_) | Err(ActError::Refused(_))), "{act:?}");
    }
    assert!(!exchange.is_stopped());
    world.request();
    world.check_logs();
}

#[test]
fn a_blob_that_is_not_sealed_to_the_hybrid_key_alone_is_refused() {
    let world = World::new();
    let good = seal(b"text");
    let hybrid = String::from_utf8(good.blob.split(|byte| *byte == b'\n').take(3).collect::<Vec<_>>().join(&b'\n')).unwrap();
    assert!(hybrid.starts_with("age-encryption.org/v1\n-> "), "{hybrid}");
    let x25519 = "-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc\nhjabGXwSLQ9c3S6Lw2i+S2Tu2fiwQHHslbBN6B41FLE\n";
    let mac = "--- WyJp9F/9FOZh7gJdheq2WIJcwHgYc8NIVh3ddwhrcNg\n";
    let weak = [
        b"the plaintext itself".to_vec(),
        b"x".to_vec(),
        format!("age-encryption.org/v1\n{x25519}{mac}payload").into_bytes(),
        good.blob.iter().copied().take(100).collect(),
        [b"age-encryption.org/v1\n", x25519.as_bytes(), &good.blob["age-encryption.org/v1\n".len()..]].concat(),
        vec![0; 2 * 1024 * 1024],
    ];
    for blob in weak {
        let mut parcel = world.pack_request();
        let line = &mut parcel.submit.documents[1];
        (line.upload, line.sha256, line.bytes) = (world.upload("kg.gpo/07", &blob), hash(&blob), blob.len() as u64);
        assert_eq!(refuse_parcel(&world, &parcel), UploadMismatch, "{} bytes", blob.len());
    }
}

#[test]
fn a_large_document_goes_through_like_a_small_one() {
    let world = World::new();
    let large = vec![0x5a; 3 * 1024 * 1024];
    let parcel = world.pack("kg.gpo/07", None, &["tr.moj"], &[b"cover", &large]);
    world.accept("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &parcel));
    let case = Followed { tag: parcel.submit.case, after: Hash::ZERO, documents: parcel.documents() };
    let opened = world.release("tr.moj/01", &case);
    assert_opens(&world, "tr.moj/01", &case, &opened, &[b"cover", &large]);
}

#[test]
fn an_upload_has_one_writer_and_a_member_so_many_uploads() {
    let world = World::new();
    let (peer, exchange) = (world.peer("kg.gpo/07"), world.exchange());
    let refused = |error: Option<ActError>| match error {
        Some(ActError::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    };
    let id = exchange.create_upload(&peer, 10).unwrap();
    let mut writer = exchange.open_upload(&peer, &id).unwrap();
    assert_eq!(refused(exchange.open_upload(&peer, &id).err()), UploadBusy);
    assert_eq!(refused(exchange.delete_upload(&peer, &id).err()), UploadBusy);
    assert_eq!(refused(writer.write(&[0; 11], clock::now()).err().map(Into::into)), UploadMismatch, "more than was announced");
    drop(writer);
    exchange.delete_upload(&peer, &id).unwrap();
    assert_eq!(refused(exchange.create_upload(&peer, 0).err()), TooLarge);
    assert_eq!(refused(exchange.create_upload(&peer, BLOB_BYTES_MAX + 1).err()), TooLarge);
    for _ in 0..UPLOADS_PER_MEMBER_MAX {
        exchange.create_upload(&peer, 1).unwrap();
    }
    assert_eq!(refused(exchange.create_upload(&peer, 1).err()), TooManyUploads);
    exchange.create_upload(&world.peer("kg.gpo/10"), 1).unwrap();
    assert_eq!(exchange.sweep_uploads().unwrap(), 0, "nothing is idle yet");
}

// ---- slips ----

#[test]
fn slips_are_those_of_the_statement_and_complete() {
    let world = World::new();
    let good = world.pack_request();
    let spoil = |change: &dyn Fn(&mut Parcel)| {
        let mut parcel = good.clone();
        change(&mut parcel);
        refuse_parcel(&world, &parcel)
    };
    let drop_both = |parcel: &mut Parcel, at: usize| {
        parcel.slips.remove(at);
        parcel.submit.slips.remove(at);
    };
    let foreign = world.slip(&good.documents()[1], &DocumentIdentity::generate(), "tr.ist-cpp");
    type Spoil<'a> = &'a dyn Fn(&mut Parcel);
    let cases: [(&str, Spoil<'_>); 11] = [
        ("a slip did not come", &|parcel| drop(parcel.slips.pop())),
        ("none came", &|parcel| parcel.slips.clear()),
        ("one too many came", &|parcel| parcel.slips.push(parcel.slips[0].clone())),
        ("two are swapped", &|parcel| parcel.slips.swap(0, 1)),
        ("another slip came", &|parcel| *parcel.slips[1].slip.0.last_mut().unwrap() ^= 1),
        ("it is for another document", &|parcel| parcel.slips[0].document = parcel.submit.documents[1].tag),
        ("it is for another authority", &|parcel| parcel.slips[0].authority = authority("tr.ist-cpp")),
        ("the sender has none of a document", &|parcel| drop_both(parcel, 2)),
        ("the recipient has none of the cover", &|parcel| drop_both(parcel, 1)),
        ("it is sealed to another key", &|parcel| parcel.submit.slips[1].key = parcel.submit.slips[0].key),
        ("it is for someone who is no recipient", &|parcel| {
            parcel.submit.slips.insert(3, foreign.0.clone());
            parcel.slips.insert(3, foreign.1.clone());
        }),
    ];
    for (what, change) in cases {
        assert_eq!(spoil(change), SlipMismatch, "{what}");
    }
    world.accept("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &good));
}

#[test]
fn a_slip_that_is_not_sealed_as_it_must_be_is_refused() {
    let world = World::new();
    let good = world.pack_request();
    let with_slip = |bytes: Vec<u8>| {
        let mut parcel = good.clone();
        parcel.submit.slips[1].sha256 = hash(&bytes);
        parcel.slips[1].slip = Base64Bytes(bytes);
        refuse_parcel(&world, &parcel)
    };
    assert_eq!(with_slip(b"AGE-SECRET-KEY-PQ-1 in the clear".to_vec()), SlipMismatch);
    assert_eq!(with_slip(Vec::new()), SlipMismatch);
    let padded = [good.slips[1].slip.0.as_slice(), &vec![0; SLIP_BYTES_MAX]].concat();
    assert_eq!(with_slip(padded), SlipMismatch, "longer than a slip can be");
}

#[test]
fn an_act_without_slips_takes_none() {
    let world = World::new();
    let case = world.request();
    let (_, slip) = world.slip(&case.documents[0], &DocumentIdentity::generate(), "tr.moj");
    for act in [Act::Acknowledge(case.on_case()), Act::Release(case.on_documents())] {
        let request = ActRequest { slips: vec![slip.clone()], ..world.sign("tr.moj/01", act) };
        assert_eq!(world.refuse("tr.moj/01", &request), SlipMismatch);
    }
    let entry = ActRequest { slips: vec![slip], ..world.sign(KG_REGISTRAR, world.member_entry(NEWCOMER)) };
    assert_eq!(world.refuse(KG_REGISTRAR, &entry), SlipMismatch);
}

#[test]
fn a_forward_hands_on_what_its_authority_holds_with_the_cover_and_to_everyone_it_names() {
    let world = World::new();
    let mut case = world.request();
    world.acknowledge(&mut case);
    let opened = world.release("tr.moj/01", &case);
    let slip = |at: usize, to: &str| world.slip(&opened[at].0, opened[at].1.identity(), to);
    let forward = |case: &Followed, to: &[&str], slips| world.refuse("tr.moj/01", &world.sign_forward("tr.moj/01", case, to, slips));
    assert_eq!(forward(&case, &["tr.ist-cpp"], vec![slip(0, "tr.ist-cpp")]), SlipMismatch, "a document without its slip");
    let misdirected = vec![slip(0, "tr.ank-cpp"), slip(1, "tr.ank-cpp")];
    assert_eq!(forward(&case, &["tr.ist-cpp"], misdirected), SlipMismatch, "to another than is named");
    let evidence = Followed { documents: vec![case.documents[1]], ..case.clone() };
    assert_eq!(forward(&evidence, &["tr.ist-cpp"], vec![slip(1, "tr.ist-cpp")]), SlipMismatch, "without the cover");
    let mut other_key = vec![slip(0, "tr.ist-cpp"), slip(1, "tr.ist-cpp")];
    other_key[1].0.key = SealingIdentity::generate().recipient().fingerprint();
    assert_eq!(forward(&case, &["tr.ist-cpp"], other_key), SlipMismatch, "to another key");
    let stranger = Followed { documents: vec![random_tag()], ..case.clone() };
    let unknown = world.slip(&stranger.documents[0], &DocumentIdentity::generate(), "tr.ist-cpp");
    assert_eq!(forward(&stranger, &["tr.ist-cpp"], vec![unknown]), NotFound, "a document that the case does not have");
    let both = vec![slip(0, "tr.ank-cpp"), slip(0, "tr.ist-cpp"), slip(1, "tr.ank-cpp"), slip(1, "tr.ist-cpp")];
    world.accept("tr.moj/01", &world.sign_forward("tr.moj/01", &case, &["tr.ank-cpp", "tr.ist-cpp"], both));
    assert_eq!(world.release("tr.ank-cpp/01", &case).len(), 2);
}

// ---- blobs ----

#[test]
fn a_blob_goes_out_only_after_its_release_to_this_very_member() {
    let world = World::new();
    let case = world.request();
    let [cover, evidence] = case.documents[..] else { panic!() };
    assert_eq!(world.fetch_blob("tr.moj/01", &cover), Err(NotReleased));
    let only_cover = OnDocuments { case: case.tag, documents: vec![cover] };
    world.act("tr.moj/01", Act::Release(only_cover));
    world.fetch_blob("tr.moj/01", &cover).unwrap();
    for (code, document) in [("tr.moj/01", evidence), ("tr.moj/02", cover), ("kg.gpo/07", cover), ("tr.moj/01", random_tag())] {
        let refused = world.exchange().open_released_blob(&world.peer(code), &document);
        let Err(ActError::Refused(refusal)) = refused else { panic!("{code} got {document}") };
        assert_eq!(refusal.code, NotReleased);
        assert_eq!(refusal.detail, "there is no release in force of such a document to you", "one answer for all");
    }
}

// ---- the directory ----

#[test]
fn a_registrar_names_its_own_state_only() {
    let world = World::without_entries();
    world.enter(KG_REGISTRAR, world.authority_entry("kg.gpo", true));
    world.enter(TR_REGISTRAR, world.authority_entry("tr.moj", true));
    let after = world.last_entry("kg.gpo");
    let Act::Authority(mut entry) = world.authority_entry("tr.ist-cpp", false) else { panic!() };
    entry.after = after;
    assert_eq!(world.refuse(KG_REGISTRAR, &world.sign(KG_REGISTRAR, Act::Authority(entry))), EntryRefused);
    let Act::Member(mut entry) = world.member_entry("tr.moj/01") else { panic!() };
    entry.after = after;
    assert_eq!(world.refuse(KG_REGISTRAR, &world.sign(KG_REGISTRAR, Act::Member(entry))), EntryRefused);
    world.enter(TR_REGISTRAR, world.member_entry("tr.moj/01"));
    let revocation = Revocation { after, member: "tr.moj/01".parse().unwrap(), reason: RevocationReason::Left };
    assert_eq!(world.refuse(KG_REGISTRAR, &world.sign(KG_REGISTRAR, Act::Revoke(revocation))), EntryRefused);
    world.check_logs();
}

#[test]
fn an_entry_builds_on_its_states_last_one() {
    let world = World::without_entries();
    let first = world.authority_entry("kg.gpo", true);
    let Act::Authority(mut floating) = first.clone() else { panic!() };
    floating.after = Hash::from_bytes([3; 32]);
    assert_eq!(world.refuse(KG_REGISTRAR, &world.sign(KG_REGISTRAR, Act::Authority(floating))), CaseMoved);
    let sibling = world.sign(KG_REGISTRAR, world.authority_entry("kg.mvd", false));
    let request = world.sign(KG_REGISTRAR, first);
    let (receipt, _) = world.accept(KG_REGISTRAR, &request);
    assert_eq!(world.last_entry("kg.gpo"), receipt.leaf_hashes()[0]);
    assert_eq!(world.refuse(KG_REGISTRAR, &sibling), CaseMoved, "a gap: it does not know the first");
    world.enter(TR_REGISTRAR, world.authority_entry("tr.moj", true));
    let (again, _) = world.accept(KG_REGISTRAR, &request);
    assert_eq!((again.first_index(), again.leaf_hashes()), (0, receipt.leaf_hashes()), "the same entry again is the same leaf");
    world.check_logs();
}

#[test]
fn the_directory_takes_nothing_twice() {
    let world = World::new();
    let refuse = |act: Act| world.refuse(KG_REGISTRAR, &world.sign(KG_REGISTRAR, act));
    assert_eq!(refuse(world.authority_entry("kg.gpo", false)), EntryRefused, "an authority");
    assert_eq!(refuse(world.authority_entry("kg.moj", true)), EntryRefused, "a central authority");
    assert_eq!(refuse(world.member_entry("kg.gpo/07")), EntryRefused, "a member");
    let Act::Member(newcomer) = world.member_entry(NEWCOMER) else { panic!() };
    let Act::Member(known) = world.member_entry("kg.gpo/07") else { panic!() };
    for (tls, statement) in [(known.tls, newcomer.statement), (newcomer.tls, known.statement), (known.statement, newcomer.statement)] {
        let entry = elchi::wire::MemberEntry { tls, statement, ..newcomer.clone() };
        assert_eq!(refuse(Act::Member(entry)), EntryRefused, "a certificate");
    }
    world.enter(KG_REGISTRAR, world.revocation("kg.gpo/07"));
    assert_eq!(refuse(world.revocation("kg.gpo/07")), EntryRefused, "a revocation");
    assert_eq!(refuse(world.member_entry("kg.gpo/07")), EntryRefused, "the certificates of one who was revoked");
}

#[test]
fn the_directory_takes_only_what_its_rules_allow() {
    let world = World::new();
    let refuse = |act: Act| world.refuse(KG_REGISTRAR, &world.sign(KG_REGISTRAR, act));
    let Act::Member(entry) = world.member_entry(NEWCOMER) else { panic!() };
    let roles = vec![Role::Signatory, Role::Registrar];
    assert_eq!(refuse(Act::Member(elchi::wire::MemberEntry { roles, ..entry.clone() })), EntryRefused, "a registrar by an entry");
    let member = "kg.nobody/01".parse().unwrap();
    assert_eq!(refuse(Act::Member(elchi::wire::MemberEntry { member, ..entry })), EntryRefused, "of an unknown authority");
    assert_eq!(refuse(world.revocation(STRANGER)), EntryRefused, "nobody to revoke");
    let forged = |statement: &mut Statement| statement.directory.root = Hash::ZERO;
    let request = world.sign_changed(KG_REGISTRAR, world.member_entry(NEWCOMER), forged);
    assert_eq!(world.refuse(KG_REGISTRAR, &request), LogForked);
    let forged = |statement: &mut Statement| statement.seen.size += 1;
    let request = world.sign_changed(KG_REGISTRAR, world.member_entry(NEWCOMER), forged);
    assert_eq!(world.refuse(KG_REGISTRAR, &request), LogForked);
}

#[test]
fn only_a_registrar_makes_entries() {
    let world = World::new();
    for code in ["kg.gpo/07", "kg.gpo/10"] {
        assert_eq!(world.refuse(code, &world.sign(code, world.member_entry(NEWCOMER))), CertificateRefused);
        assert_eq!(world.refuse(code, &world.sign(code, world.authority_entry("kg.moj", false))), CertificateRefused);
        assert_eq!(world.refuse(code, &world.sign(code, world.revocation("kg.gpo/08"))), CertificateRefused, "not oneself");
    }
    let signed_by_member = |statement: &mut Statement| statement.actor = cast().person(KG_REGISTRAR).code.clone();
    let request = world.sign_changed("kg.gpo/07", world.member_entry(NEWCOMER), signed_by_member);
    assert_eq!(world.refuse(KG_REGISTRAR, &request), CertificateRefused, "a member's key in the registrar's name");
    world.enter(registrar_of(NEWCOMER), world.member_entry(NEWCOMER));
    world.peer(NEWCOMER);
}

// ---- a retry in the middle of a commit ----

/// Holds the sequencer between the database's write and the guard file's, once it is armed.
#[derive(Default)]
struct Gate(Mutex<Option<(Sender<()>, Receiver<()>)>>);

impl StepProbe for Gate {
    fn pass(&self, step: Step, moment: Moment) -> Result<(), ProbedFailure> {
        if (step, moment) == (Step::WriteGuard, Moment::Before) {
            let armed = self.0.lock().unwrap().take();
            if let Some((reached, go)) = armed {
                reached.send(()).unwrap();
                go.recv().unwrap();
            }
        }
        Ok(())
    }
}

#[test]
fn a_retry_in_the_middle_of_the_commit_waits_for_it_and_gets_the_receipt() {
    let mut world = World::new();
    let gate = Arc::new(Gate::default());
    let settings = settings_in(world.stop().path());
    world.start_on(Store::open_with_probe(&settings, gate.clone()).unwrap());
    let request = world.sign_parcel("kg.gpo/07", &world.pack_request());
    let ((reached, is_reached), (go, wait), (answer, answered)) = (channel(), channel(), channel());
    *gate.0.lock().unwrap() = Some((reached, wait));
    let (peer, exchange) = (world.peer("kg.gpo/07"), world.exchange());
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| exchange.accept_act(&peer, request.clone()));
        is_reached.recv().unwrap();
        scope.spawn(|| answer.send(exchange.accept_act(&peer, request.clone())).unwrap());
        let early = answered.recv_timeout(Duration::from_millis(200));
        go.send(()).unwrap();
        assert!(early.is_err(), "answered before the act was durable: {early:?}");
        (first.join().unwrap().unwrap(), answered.recv().unwrap().unwrap())
    });
    assert_eq!(first.receipt, second.receipt);
    world.accept("kg.gpo/07", &request);
    world.check_logs();
}
