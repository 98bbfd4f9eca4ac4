//! The directory through the exchange: a state's registrar, its namespace, its order, and no one else.

use elchi::clock;
use elchi::domain::{Hash, Log, Role, UtcSecond};
use elchi::mla::RevocationReason;
use elchi::seal::SealingIdentity;
use elchi::trust::{PeerRefused, verify_receipt};
use elchi::wire::{Act, Cancellation, Grant, MemberEntry, RefusalCode, Replacement, Revocation, Statement};

use super::exchange_world::{KG_REGISTRAR, NEWCOMER, RETURNED, STRANGER, TR_REGISTRAR, World, cast, registrar_of};

use RefusalCode::*;

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
    assert_eq!(world.last_entry("kg.gpo"), world.first_leaf(Log::Directory, &receipt));
    assert_eq!(world.refuse(KG_REGISTRAR, &sibling), CaseMoved, "a gap: it does not know the first");
    world.enter(TR_REGISTRAR, world.authority_entry("tr.moj", true));
    let (again, _) = world.accept(KG_REGISTRAR, &request);
    assert_eq!((again.first_index(), again.time()), (0, receipt.time()), "the same entry again is the same leaf");
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
        let entry = MemberEntry { tls, statement, ..newcomer.clone() };
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
    assert_eq!(refuse(Act::Member(MemberEntry { roles, ..entry.clone() })), EntryRefused, "a registrar by an entry");
    let member = "kg.nobody/01".parse().unwrap();
    assert_eq!(refuse(Act::Member(MemberEntry { member, ..entry })), EntryRefused, "of an unknown authority");
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

#[test]
fn whom_no_entry_in_force_names_does_not_connect() {
    let world = World::new();
    for code in [STRANGER, NEWCOMER] {
        let not_entered = PeerRefused::NotInDirectory(cast().person(code).code.clone());
        assert_eq!(world.connect(code).err(), Some(not_entered), "{code} has good certificates and no entry");
    }
    let Act::Member(entry) = world.member_entry(NEWCOMER) else { panic!() };
    let hour = |hours: i64| UtcSecond::from_unix(clock::now_second().unix().checked_add_signed(hours * 3600).unwrap()).unwrap();
    for (from, until) in [(entry.valid_from, hour(-1)), (hour(1), entry.valid_until)] {
        let world = World::new();
        let after = world.last_entry(NEWCOMER);
        world.enter(KG_REGISTRAR, Act::Member(MemberEntry { after, valid_from: from, valid_until: until, ..entry.clone() }));
        assert_eq!(world.connect(NEWCOMER).err(), Some(PeerRefused::NotInDirectory(entry.member.clone())), "{from} to {until}");
    }
    world.enter(KG_REGISTRAR, Act::Member(entry));
    world.connect(NEWCOMER).unwrap();
}

#[test]
fn who_returns_acts_with_new_keys_and_the_old_ones_stay_dead() {
    let world = World::new();
    world.enter(KG_REGISTRAR, world.member_entry(NEWCOMER));
    let sent = |code: &str| world.sign_parcel(code, &world.pack(code, None, &["tr.moj"], &[b"cover"]));
    let before = sent(NEWCOMER);
    world.accept(NEWCOMER, &before);
    let (old_peer, old_keys) = (world.peer(NEWCOMER), sent(NEWCOMER));
    world.enter(KG_REGISTRAR, world.revocation(NEWCOMER));
    assert_eq!(world.connect(NEWCOMER).err(), Some(PeerRefused::Revoked(NEWCOMER.parse().unwrap())));
    world.enter(KG_REGISTRAR, world.member_entry(RETURNED));
    assert_eq!(world.connect(NEWCOMER).err(), Some(PeerRefused::NotInDirectory(NEWCOMER.parse().unwrap())), "the old TLS certificate");
    assert_eq!(world.refusal_of(&old_peer, &old_keys).code, CertificateRefused, "the old statement certificate");
    world.accept(RETURNED, &sent(RETURNED));
    let receipt = world.put(RETURNED, &before).unwrap().receipt;
    let directory = world.exchange().published().directory.clone();
    verify_receipt(&receipt, &before.statement.0, &world.policy, &directory, clock::now()).unwrap();
    world.check_logs();
}

#[test]
fn a_custodian_of_this_moment_replaces_a_key_after_a_day_and_until_then_the_old_one_is_sealed_to() {
    let world = World::new();
    let replaced = |code: &str, authority: &str| {
        let sealing = SealingIdentity::generate().recipient().to_string();
        let key = cast().identity(authority).recipient().fingerprint();
        let authority = authority.parse().unwrap();
        world.sign(code, Act::Replace(Replacement { after: world.last_entry(code), authority, key, sealing }))
    };
    assert_eq!(world.refuse("kg.gpo/07", &replaced("kg.gpo/07", "kg.gpo")), RoleMissing, "no custodian");
    assert_eq!(world.refuse(TR_REGISTRAR, &replaced(TR_REGISTRAR, "kg.gpo")), EntryRefused, "another state's registrar");
    let entry = world.accept("tr.moj/01", &replaced("tr.moj/01", "tr.moj")).0;
    assert_eq!(world.refuse(TR_REGISTRAR, &replaced(TR_REGISTRAR, "tr.moj")), EntryRefused, "a second one");
    let directory = world.exchange().published().directory.clone();
    let record = directory.authority(&"tr.moj".parse().unwrap()).unwrap();
    let pending = record.pending_at(directory.as_of(clock::now())).unwrap().clone();
    assert_eq!(pending.takes_effect().0, entry.time().0 + 24 * 3600 * 1000);

    let mut early = world.pack_request();
    early.submit.slips.iter_mut().filter(|slip| slip.authority.as_str() == "tr.moj").for_each(|slip| slip.key = pending.fingerprint());
    assert_eq!(world.refuse("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &early)), SlipMismatch, "sealed to the new key too early");
    world.request();
    world.check_logs();
}

#[test]
fn a_cancellation_may_be_handed_in_by_anybody_of_its_signers_state_and_nothing_else_may() {
    let world = World::new();
    let entry = Hash::from_bytes([7; 32]);
    let cancellation = |code: &str| {
        let authority = "tr.moj".parse().unwrap();
        world.sign(code, Act::Cancel(Cancellation { after: world.last_entry(code), authority, entry }))
    };
    assert_eq!(world.refuse("tr.ist-cpp/01", &cancellation("tr.moj/01")), EntryRefused, "it is judged: nothing is pending");
    assert_eq!(world.refuse(TR_REGISTRAR, &cancellation("tr.moj/01")), EntryRefused, "also from a registrar");
    assert_eq!(world.refuse("kg.gpo/07", &cancellation("tr.moj/01")), NotTheActor, "from another state");
    let grant = Act::Grant(Grant { after: world.last_entry("tr.moj"), member: "tr.moj/02".parse().unwrap(), key: entry });
    assert_eq!(world.refuse("tr.ist-cpp/01", &world.sign("tr.moj/01", grant)), NotTheActor, "a grant");
    assert_eq!(world.refuse("kg.gpo/08", &world.sign("kg.gpo/07", world.revocation("kg.gpo/07"))), NotTheActor, "a revocation");
}

#[test]
fn a_custodian_grants_the_key_in_force_to_members_of_the_own_authority() {
    let world = World::new();
    let key = cast().identity("tr.moj").recipient().fingerprint();
    let grant = |code: &str, member: &str, key: Hash| {
        world.sign(code, Act::Grant(Grant { after: world.last_entry(code), member: member.parse().unwrap(), key }))
    };
    assert_eq!(world.refuse("tr.moj/01", &grant("tr.moj/01", "tr.ist-cpp/01", key)), EntryRefused, "another authority's");
    assert_eq!(world.refuse("tr.moj/01", &grant("tr.moj/01", "tr.moj/02", Hash::ZERO)), EntryRefused, "another key");
    assert_eq!(world.refuse("tr.moj/02", &grant("tr.moj/02", "tr.moj/02", key)), RoleMissing, "no custodian");
    assert_eq!(world.refuse(TR_REGISTRAR, &grant(TR_REGISTRAR, "tr.moj/02", key)), RoleMissing, "a registrar");
    world.accept("tr.moj/01", &grant("tr.moj/01", "tr.moj/02", key));
    assert_eq!(world.refuse("tr.moj/01", &grant("tr.moj/01", "tr.moj/02", key)), EntryRefused, "twice");
    world.check_logs();
}
