//! The directory's rules, entry by entry: who may name what, what stands twice, what builds on what; and that the folded
//! directory answers for every earlier size as it was then.

use elchi::domain::{Hash, MemberCode, UnixMillis, UtcSecond};
use elchi::trust::{Directory, JudgedAt};
use elchi::wire::{Act, MemberEntry, Refusal, RefusalCode};

use super::chain::{at, state, validity};
use super::trust_world::{
    act, apply, directory, empty_directory, enter, following, judge, judge_signed, member_entry, origin, person, registrar_of, rows, sign,
    sign_changed,
};

use RefusalCode::*;

const KG: &str = "kg.registrar/01";
const TR: &str = "tr.registrar/01";

fn refusal_of<T>(judged: Result<T, Refusal>) -> RefusalCode {
    judged.err().expect("it was taken").code
}

fn second_beside(second: UtcSecond, seconds: i64) -> UtcSecond {
    UtcSecond::from_unix(second.unix().checked_add_signed(seconds).unwrap()).unwrap()
}

/// In a directory that has everyone of `AUTHORITIES` and `ROLES`: who signs, the entry, what comes of it, and why.
/// After `~` stands which of a person's keys and certificates.
const RULES: &str = "
    kg.registrar/01         | authority kg.smb               | taken               | a new authority of its own state
    tr.registrar/01         | authority tr.izm-cpp           | taken               | a new authority of its own state
    kg.registrar/01         | authority kg.smb central       | entry-refused       | a second central authority
    kg.registrar/01         | authority kg.mvd               | entry-refused       | named already
    kg.registrar/01         | authority kg.gpo               | entry-refused       | the central one, named already
    kg.registrar/01         | authority tr.izm-cpp           | entry-refused       | another state's
    tr.registrar/01         | authority kg.smb               | entry-refused       | another state's
    kg.gpo/01               | authority kg.smb               | certificate-refused | not a registrar
    kg.registrar/01~member  | authority kg.smb               | certificate-refused | a statement certificate in a registrar's name
    kg.registrar/01~expired | authority kg.smb               | certificate-refused | a registrar's certificate that is over

    kg.registrar/01         | member kg.gpo/90 drafter       | taken               | a new member
    kg.registrar/01         | member kg.mvd/90 drafter signatory custodian auditor | taken | all roles that an entry gives
    kg.registrar/01         | member kg.gpo/90 registrar     | entry-refused       | a registrar is certified by the root
    kg.registrar/01         | member kg.gpo/90 signatory registrar | entry-refused | also beside another role
    kg.registrar/01         | member kg.smb/01 drafter       | entry-refused       | of an unknown authority
    kg.registrar/01         | member kg.gpo/01~2 signatory   | entry-refused       | has an entry that was not revoked
    kg.registrar/01         | member tr.moj/90 drafter       | entry-refused       | another state's
    tr.registrar/01         | member tr.moj/90 drafter       | taken               | its own
    tr.registrar/01         | member kg.gpo/90 drafter       | entry-refused       | another state's
    kg.gpo/01               | member kg.gpo/90 drafter       | certificate-refused | not a registrar
    kg.gpo/90               | member kg.gpo/90 drafter       | certificate-refused | nobody names themselves

    kg.registrar/01         | revoke kg.gpo/01               | taken               | its own state's member
    kg.registrar/01         | revoke kg.gpo/90               | entry-refused       | never entered
    tr.registrar/01         | revoke kg.gpo/01               | entry-refused       | another state's
    kg.gpo/01               | revoke kg.gpo/01               | taken               | themselves
    kg.gpo/04               | revoke kg.gpo/04               | taken               | themselves, whatever the role
    kg.gpo/01               | revoke kg.gpo/02               | certificate-refused | a colleague
    kg.gpo/01               | revoke kg.mvd/01               | certificate-refused | a member of another authority
    tr.moj/01               | revoke kg.gpo/01               | certificate-refused | a member of another state
    kg.gpo/90               | revoke kg.gpo/90               | role-missing        | themselves, but never entered
    kg.gpo/01~2             | revoke kg.gpo/01               | certificate-refused | themselves, but not with the entry's certificate

    kg.registrar/01         | replace kg.gpo new             | taken               | its own state's authority
    kg.gpo/03               | replace kg.gpo new             | taken               | its custodian
    kg.gpo/01               | replace kg.gpo new             | role-missing        | its signatory, no custodian
    kg.mvd/03               | replace kg.gpo new             | role-missing        | another authority's custodian
    tr.moj/03               | replace kg.gpo new             | entry-refused       | another state's custodian
    tr.registrar/01         | replace kg.gpo new             | entry-refused       | another state's registrar
    kg.gpo/90               | replace kg.gpo new             | role-missing        | never entered
    kg.gpo/01~2             | replace kg.gpo new             | certificate-refused | not with the entry's certificate
    kg.registrar/01         | replace kg.smb new             | entry-refused       | an unknown authority
    kg.gpo/03               | replace kg.gpo newer over new  | entry-refused       | a key that is not in force
    kg.gpo/03               | replace kg.gpo kg.gpo          | entry-refused       | the key that is in force
    kg.gpo/03               | replace kg.gpo kg.mvd          | entry-refused       | another authority's key
    kg.gpo/03               | replace kg.gpo tr.moj/01       | entry-refused       | a member's key

    kg.gpo/03               | grant kg.gpo/02                | taken               | its custodian, to a colleague
    kg.gpo/03               | grant kg.gpo/03                | taken               | its custodian, to themselves
    kg.gpo/03               | grant kg.gpo/01                | entry-refused       | the founder, who holds it already
    kg.gpo/01               | grant kg.gpo/02                | role-missing        | its signatory, no custodian
    kg.mvd/03               | grant kg.gpo/02                | entry-refused       | another authority's custodian
    kg.gpo/03               | grant kg.mvd/01 of kg.gpo      | entry-refused       | to another authority's member
    kg.gpo/03               | grant kg.gpo/90                | entry-refused       | to somebody who was never entered
    kg.gpo/03               | grant kg.gpo/02 of new         | entry-refused       | a key that is not in force
    kg.registrar/01         | grant kg.gpo/02                | role-missing        | a registrar holds no keys and hands on none
";

#[test]
fn each_rule_of_the_directory_refuses_and_what_keeps_them_is_taken() {
    for [signer, words, expected, why] in rows(RULES) {
        let mut grown = directory().clone();
        let judged = judge(&grown, signer, act(signer, words)).and_then(|entry| apply(&mut grown, entry));
        let found = judged.map_or_else(|refusal| refusal.code.to_string(), |_| "taken".into());
        assert_eq!(found, expected, "{why}: {signer}: {words}");
        assert_eq!(grown.size() - directory().size(), u64::from(expected == "taken"), "{why}");
    }
}

#[test]
fn a_state_may_name_its_central_authority_after_others_and_another_states_does_not_count() {
    let mut directory = empty_directory();
    enter(&mut directory, KG, "authority kg.mvd");
    enter(&mut directory, TR, "authority tr.moj central");
    enter(&mut directory, KG, "authority kg.gpo central");
    assert_eq!(refusal_of(judge(&directory, TR, act(TR, "authority tr.izm-cpp central"))), EntryRefused);
    let central = |code: &str| directory.authority(&code.parse().unwrap()).unwrap().is_central();
    assert_eq!(["kg.mvd", "tr.moj", "kg.gpo"].map(central), [false, true, true]);
}

#[test]
fn an_entry_builds_on_its_own_states_last_one() {
    let mut directory = empty_directory();
    let entry = |signer: &str, words: &str, after: Hash| sign(signer, following(act(signer, words), after));
    let (stray, first) = (Hash::from_bytes([9; 32]), entry(KG, "authority kg.mvd", Hash::ZERO));
    assert_eq!(refusal_of(judge_signed(&directory, &entry(KG, "authority kg.mvd", stray))), CaseMoved, "the first builds on nothing");
    judge_signed(&directory, &first).unwrap();

    let kg_first = enter(&mut directory, KG, "authority kg.gpo central");
    let tr_first = enter(&mut directory, TR, "authority tr.moj central");
    enter(&mut directory, KG, "member kg.gpo/01 signatory");
    let kg_last = enter(&mut directory, KG, "member kg.gpo/02 drafter");
    assert_eq!((directory.last_entry(state("KG")), directory.last_entry(state("TR"))), (kg_last, tr_first));
    assert_eq!(directory.last_entry(state("KZ")), Hash::ZERO);
    let entries = [(KG, "authority kg.mvd"), (KG, "member kg.gpo/90 drafter"), (KG, "revoke kg.gpo/01"), ("kg.gpo/01", "revoke kg.gpo/01")];
    for (signer, words) in entries {
        for stale in [Hash::ZERO, stray, kg_first, tr_first] {
            assert_eq!(refusal_of(judge_signed(&directory, &entry(signer, words, stale))), CaseMoved, "{signer}: {words}");
        }
        judge_signed(&directory, &entry(signer, words, kg_last)).unwrap();
    }
    let signed = entry(KG, "authority kg.mvd", kg_last);
    enter(&mut directory, TR, "authority tr.ist-cpp");
    judge_signed(&directory, &signed).expect("another state's entry is no gap");
    enter(&mut directory, KG, "authority kg.smb");
    assert_eq!(refusal_of(judge_signed(&directory, &signed)), CaseMoved, "its own state's is");
}

#[test]
fn a_certificate_stands_in_one_entry_only() {
    let mut directory = directory().clone();
    enter(&mut directory, KG, "revoke kg.gpo/02");
    let new = member_entry("kg.gpo/90 drafter");
    let judged = |directory: &Directory, [tls, statement]: [Hash; 2]| {
        judge(directory, KG, Act::Member(MemberEntry { tls, statement, ..new.clone() })).map(|_| ())
    };
    for owner in ["kg.gpo/01 signatory", "tr.moj/01 signatory", "kg.gpo/02 drafter"] {
        let owned = member_entry(owner);
        for pair in [[owned.tls, new.statement], [owned.statement, new.statement], [new.tls, owned.tls], [new.tls, owned.statement]] {
            assert_eq!(refusal_of(judged(&directory, pair)), EntryRefused, "{owner}'s, of the same state or not, revoked or not");
        }
    }
    judged(&directory, [new.tls, new.statement]).unwrap();
}

#[test]
fn who_was_revoked_returns_with_new_certificates_and_the_old_ones_stay_dead() {
    let mut directory = directory().clone();
    enter(&mut directory, KG, "member kg.gpo/90 drafter");
    enter(&mut directory, "kg.gpo/90", "revoke kg.gpo/90");
    let refused = |directory: &Directory, signer: &str, words: &str| refusal_of(judge(directory, signer, act(signer, words)));
    assert_eq!(refused(&directory, KG, "revoke kg.gpo/90"), EntryRefused, "revoked already");
    assert_eq!(refused(&directory, "kg.gpo/90", "revoke kg.gpo/90"), RoleMissing, "revoked already");
    assert_eq!(refused(&directory, KG, "member kg.gpo/90 drafter"), EntryRefused, "the old certificates");
    enter(&mut directory, KG, "member kg.gpo/90~2 drafter");
    assert_eq!(refused(&directory, "kg.gpo/90", "revoke kg.gpo/90"), CertificateRefused, "the old keys do not end the new entry");
    enter(&mut directory, "kg.gpo/90~2", "revoke kg.gpo/90");
}

#[test]
fn an_entry_is_a_directory_statement_signed_by_whom_it_names() {
    let refused = |signed: &(Vec<u8>, Vec<u8>)| refusal_of(judge_signed(directory(), signed));
    let last = directory().last_entry(state("KG"));
    let entry = || following(act(KG, "authority kg.smb"), last);
    let (text, signature) = sign(KG, entry());
    judge_signed(directory(), &(text.clone(), signature.clone())).unwrap();

    assert_eq!(refused(&(b"no statement\n".to_vec(), signature.clone())), Malformed);
    assert_eq!(refused(&sign_changed(KG, entry(), |statement| statement.log = "other.example/directory".parse().unwrap())), WrongLog);
    assert_eq!(refused(&sign_changed(KG, entry(), |statement| statement.log = origin("events"))), Malformed, "an op of the other log");
    assert_eq!(refused(&sign("kg.gpo/01", act("kg.gpo/01", "close"))), WrongLog);
    assert_eq!(refused(&(text.clone(), Vec::new())), SignatureInvalid);
    assert_eq!(refused(&(text.clone(), sign(KG, entry()).1)), SignatureInvalid, "of another statement");
    let other_certificate = |statement: &mut elchi::wire::Statement| statement.certificate = person(TR).certificate_sha256;
    assert_eq!(refused(&sign_changed(KG, entry(), other_certificate)), SignatureInvalid, "not the certificate that it names");
    for forger in [TR, "kg.gpo/01"] {
        let in_his_name = sign_changed(forger, entry(), |statement| statement.actor = person(KG).code.clone());
        assert_eq!(refused(&in_his_name), CertificateRefused, "{forger} in the registrar's name");
    }
    let revoke = || following(act(KG, "revoke kg.gpo/02"), last);
    let in_her_name = sign_changed("kg.gpo/01", revoke(), |statement| statement.actor = person("kg.gpo/02").code.clone());
    assert_eq!(refused(&in_her_name), CertificateRefused, "a colleague in the member's own name");
    let after_all = second_beside(validity().until, 1).to_millis();
    assert_eq!(refusal_of(directory().verify_entry(&text, &signature, after_all)), CertificateRefused, "the certificates are over by then");
}

#[test]
fn an_entry_that_was_judged_at_another_size_is_not_applied() {
    let mut shorter = directory().clone();
    let judged =
        |directory: &Directory, words: &str| judge(directory, registrar_of(words.split(' ').nth(1).unwrap()), act(KG, words)).unwrap();
    let [first, same_state, other_state] =
        ["authority kg.smb", "authority kg.new", "authority tr.izm-cpp"].map(|words| judged(&shorter, words));
    let mut longer = shorter.clone();
    apply(&mut longer, first).unwrap();
    let (size, last) = (longer.size(), longer.last_entry(state("KG")));
    for stale in [same_state, other_state] {
        assert_eq!(refusal_of(apply(&mut longer, stale)), DirectoryStale);
        assert_eq!((longer.size(), longer.last_entry(state("KG"))), (size, last), "nothing of it is there");
    }
    let early = judged(&longer, "authority tr.izm-cpp");
    assert_eq!(refusal_of(apply(&mut shorter, early)), DirectoryStale, "judged at a size that this one does not have yet");
    let again = judged(&longer, "authority tr.izm-cpp");
    apply(&mut longer, again).unwrap();
    assert!(longer.authority(&"kg.new".parse().unwrap()).is_none());
}

/// Each entry of a directory, by index.
const ENTRIES: [(&str, &str); 7] = [
    (KG, "authority kg.gpo central"),
    (TR, "authority tr.moj central"),
    (KG, "member kg.gpo/90 signatory"),
    (KG, "authority kg.mvd"),
    ("kg.gpo/90", "revoke kg.gpo/90"),
    (TR, "member tr.moj/01 drafter"),
    (KG, "member kg.gpo/90~2 drafter"),
];

/// Who was in it at each size from 0 to 7: `x` there, `1` or `2` with the first or the second certificate.
const BY_SIZE: &str = "
    kg.gpo    | . x x x x x x x
    tr.moj    | . . x x x x x x
    kg.mvd    | . . . . x x x x
    kg.gpo/90 | . . . 1 1 . . 2
    tr.moj/01 | . . . . . . 1 1
    kg.gpo/01 | . . . . . . . .
";

/// Who is there at a size, in the words of [`BY_SIZE`].
fn found(directory: &Directory, code: &str, directory_size: u64) -> &'static str {
    let Ok(member) = code.parse::<MemberCode>() else {
        return if directory.authority_at(&code.parse().unwrap(), directory_size).is_some() { "x" } else { "." };
    };
    let record = directory.member_at(&member, JudgedAt { directory_size, time: at() });
    record.map_or(".", |record| if record.entry().statement == person(code).certificate_sha256 { "1" } else { "2" })
}

#[test]
fn the_directory_answers_for_every_earlier_size_as_it_was_then() {
    let mut then = vec![empty_directory()];
    for (signer, words) in ENTRIES {
        let mut next = then.last().unwrap().clone();
        enter(&mut next, signer, words);
        then.push(next);
    }
    let today = then.last().unwrap();
    for [code, cells] in rows(BY_SIZE) {
        let expected: Vec<&str> = cells.split(' ').collect();
        let sizes = 0..=ENTRIES.len() as u64;
        assert_eq!(sizes.clone().map(|size| found(today, code, size)).collect::<Vec<_>>(), expected, "{code}, asked today");
        let asked_then = then.iter().zip(sizes).map(|(directory, size)| found(directory, code, size));
        assert_eq!(asked_then.collect::<Vec<_>>(), expected, "{code}, asked then");
    }
    let member = "kg.gpo/90".parse().unwrap();
    assert_eq!(
        then.iter().map(|directory| directory.is_revoked(&member)).collect::<Vec<_>>(),
        [false, false, false, false, false, true, true, false]
    );
    let records: Vec<_> =
        today.members().map(|record| (record.entry().member.to_string(), record.entry_index(), record.revoked_at())).collect();
    let of = |code: &str, index: u64, revoked: Option<UnixMillis>| (code.to_owned(), index, revoked);
    assert_eq!(records, [of("kg.gpo/90", 2, Some(at())), of("kg.gpo/90", 6, None), of("tr.moj/01", 5, None)]);
}

#[test]
fn an_entry_is_in_force_from_its_first_second_to_its_last() {
    let mut directory = directory().clone();
    let (from, until) = (second_beside(at().to_second(), -60), second_beside(at().to_second(), 60));
    let entry = MemberEntry { valid_from: from, valid_until: until, ..member_entry("kg.gpo/90 drafter") };
    let entry = judge(&directory, KG, Act::Member(entry)).unwrap();
    apply(&mut directory, entry).unwrap();
    let there = |time: UnixMillis| {
        let at = JudgedAt { directory_size: directory.size(), time };
        directory.member_at(&"kg.gpo/90".parse().unwrap(), at).is_some()
    };
    let (first, last) = (from.to_millis().0, until.to_millis().0 + 999);
    assert_eq!([first - 1, first, last, last + 1].map(|time| there(UnixMillis(time))), [false, true, true, false]);

    let judged = |signer: &str, words: &str, time: u64| {
        let (text, signature) = sign(signer, following(act(signer, words), directory.last_entry(state("KG"))));
        directory.verify_entry(&text, &signature, UnixMillis(time)).map(|_| ())
    };
    judged("kg.gpo/90", "revoke kg.gpo/90", last).unwrap();
    assert_eq!(refusal_of(judged("kg.gpo/90", "revoke kg.gpo/90", last + 1)), RoleMissing, "who is no longer a member signs nothing");
    assert_eq!(refusal_of(judged(KG, "member kg.gpo/90~2 drafter", last + 1)), EntryRefused, "an entry that is over was not revoked");
    judged(KG, "revoke kg.gpo/90", last + 1).unwrap();
}
