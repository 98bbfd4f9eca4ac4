//! The exchange in process: whatever is accepted is proven by its receipt, whatever is refused leaves no trace.

use std::collections::BTreeSet;

use elchi::clock;
use elchi::crypto::random_tag;
use elchi::domain::{Hash, Log, Tag, TreeHead, UtcSecond};
use elchi::exchange::ActError;
use elchi::mla::{CaseAct, CaseState, Direction, Office, Side, SubmissionKind, permit_transition};
use elchi::seal::DocumentIdentity;
use elchi::trust::{PeerRefused, verify_peer_still, verify_receipt};
use elchi::wire::{Act, ActRequest, Base64Bytes, OnCase, OnDocuments, RefusalCode, SlipBody, SlipLine, Statement};

use super::exchange_world::{Followed, KG_REGISTRAR, NEWCOMER, TR_REGISTRAR, World, authority, cast, sign_text};

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
    world.assert_opens("tr.moj/01", &case, &opened, &[b"the cover", b"a piece of evidence"]);
    world.act("tr.moj/01", Act::Opened(case.on_documents()));
    world.acknowledge(&mut case);
    world.forward("tr.moj/01", &mut case, &["tr.ist-cpp"]);
    let opened = world.release("tr.ist-cpp/01", &case);
    world.assert_opens("tr.ist-cpp/01", &case, &opened, &[b"the cover", b"a piece of evidence"]);
    let inside = world.respond("tr.ist-cpp/01", &mut case, "tr.moj");
    assert_eq!(world.release("tr.moj/01", &inside).len(), 2);
    let answer = world.respond("tr.moj/01", &mut case, "kg.gpo");
    let opened = world.release("kg.gpo/07", &answer);
    world.assert_opens("kg.gpo/07", &answer, &opened, &[b"the answer's cover", b"the answer"]);
    world.act("kg.gpo/07", Act::Opened(answer.on_documents()));
    world.close(&mut case);
    world.check_logs();
}

#[test]
fn a_restart_gives_the_same_heads_and_the_same_receipts() {
    let mut world = World::new();
    let parcel = world.pack_request();
    let request = world.sign_parcel("kg.gpo/07", &parcel);
    let (first, _) = world.accept("kg.gpo/07", &request);
    let mut case = Followed { tag: parcel.submit.case, after: world.first_leaf(Log::Events, &first), documents: parcel.documents() };
    let release = world.sign("tr.moj/01", Act::Release(case.on_documents()));
    let (_, slips) = world.accept("tr.moj/01", &release);
    let heads = world.heads();
    world.restart();
    assert_eq!(world.heads(), heads);
    let (again, _) = world.accept("kg.gpo/07", &request);
    assert_eq!((again.first_index(), again.time()), (first.first_index(), first.time()));
    assert_eq!(world.accept("tr.moj/01", &release).1, slips, "released slips come again");
    assert!(world.fetch_blob("tr.moj/01", &case.documents[0]).is_ok(), "the release is in force still");
    assert_eq!(world.heads(), heads);
    world.acknowledge(&mut case);
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
        // Who signs no acts has no uploads to name, and a colleague's are not theirs.
        let upload = world.exchange().create_upload(&world.peer(code), 10);
        assert!(matches!(&upload, Err(ActError::Refused(refusal)) if refusal.code == RoleMissing), "{code}: {upload:?}");
        let parcel = world.pack_request();
        assert_eq!(world.refuse(code, &world.sign_parcel(code, &parcel)), UploadMismatch, "{code} submits");
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
    let (receipt, _) = world.accept("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &parcel));
    let after = world.first_leaf(Log::Events, &receipt);
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
    verify_receipt(&receipt, &before.statement.0, &world.policy, &directory, clock::now()).unwrap();

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
