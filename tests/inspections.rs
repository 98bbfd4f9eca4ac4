//! Auditors read what is not addressed to them only after they have signed that they do, on the register of whom they read.

use std::fs;

use elchi::domain::Role;
use elchi::trust::{permit_inspection, verify_statement};
use elchi::wire::{Act, Inspection, RefusalCode};

use super::exchange_world::{self, authority};
use super::story_world::World;
use super::trust_world::{ROLES, directory, now, origin, rows, sign};

fn inspect(code: &str) -> Act {
    Act::Inspect(Inspection { authority: authority(code) })
}

/// Who inspects whose register, and what comes of it.
const INSPECTIONS: &str = "
    kg.gpo/04 | kg.mvd     | taken             | an auditor, another authority of their state
    kg.gpo/04 | kg.gpo     | taken             | their own
    kg.gpo/04 | tr.moj     | recipient-refused | never another state's
    kg.gpo/04 | kg.nowhere | recipient-refused | nobody
";

#[test]
fn an_auditor_inspects_the_registers_of_their_own_state_and_nobody_else_does() {
    let judge = |signer: &str, code: &str| {
        let (text, signature) = sign(signer, inspect(code));
        let statement = verify_statement(&text, &signature, &origin("events"), directory(), now()).unwrap();
        permit_inspection(statement, directory(), now()).map(|permit| permit.authority().clone()).map_err(|refusal| refusal.code)
    };
    for [signer, code, expected, why] in rows(INSPECTIONS) {
        let found = judge(signer, code).map_or_else(|code| code.to_string(), |_| "taken".into());
        assert_eq!(found, expected, "{why}");
    }
    for (number, role) in ROLES.into_iter().filter(|(_, role)| *role != Role::Auditor) {
        assert_eq!(judge(&format!("kg.gpo/{number}"), "kg.gpo"), Err(RefusalCode::RoleMissing), "{role}");
    }
}

#[test]
fn statements_come_to_an_auditor_after_the_inspection() {
    let world = exchange_world::World::new();
    let case = world.request();
    let auditor = exchange_world::AUDITOR;
    let leaf = world.store().load_chain_head(elchi::domain::ChainKind::Case, &case.tag).unwrap().unwrap().leaf_index;
    let read = |code: &str| match world.exchange().load_statement(&world.peer(code), leaf) {
        Ok(_) => "read".to_owned(),
        Err(elchi::exchange::ActError::Refused(refusal)) => refusal.code.to_string(),
        Err(elchi::exchange::ActError::Fault(fault)) => panic!("{fault}"),
    };
    assert_eq!(read(auditor), "not-released");
    world.act(auditor, inspect("kg.mvd"));
    assert_eq!(read(auditor), "not-released", "of an authority that is no party");
    world.act(auditor, inspect("kg.gpo"));
    assert_eq!(read(auditor), "read");
    assert_eq!(read("kg.gpo/07"), "read", "a party needs no inspection");
    assert_eq!(read("tr.ist-cpp/01"), "not-found", "to others it is not there");
}

#[test]
fn members_see_on_their_register_that_an_auditor_has_read() {
    let world = World::play();
    let report = world.run_json("kg.gpo/01", &["audit", "follow"]);
    let told: Vec<_> =
        report["inspections"].as_array().unwrap().iter().map(|told| (told["member"].clone(), told["authority"].clone())).collect();
    assert_eq!(told, [("kg.audit/01".into(), "kg.gpo".into())], "{report}");
    assert_eq!(
        world.run_json("tr.moj/01", &["audit", "follow"])["inspections"][0]["member"],
        "tr.audit/01",
        "each state's auditors are its own"
    );
    // What is on this machine already needs no second inspection; what was forgotten does.
    let count = || world.run_json("kg.gpo/01", &["audit", "follow"])["inspections"].as_array().unwrap().len();
    world.run_json("kg.audit/01", &["audit", "follow"]);
    assert_eq!(count(), 1);
    fs::remove_dir_all(world.profile("kg.audit/01").join("memory/statements")).unwrap();
    world.run_json("kg.audit/01", &["audit", "follow"]);
    assert_eq!(count(), 1, "it is in force for a day");
}
