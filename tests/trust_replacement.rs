//! Sealing keys over time, as PROTOCOL.md's directory rules have it: who replaces one at once and who waits, what may be
//! sealed to which key when, who may object, and who holds what.

use elchi::domain::{Hash, UnixMillis};
use elchi::trust::{Directory, JudgedAt, permit_act, verify_statement};
use elchi::wire::{Act, Cancellation, Refusal, RefusalCode};

use super::chain::at;
use super::trust_world::{act, apply, directory, enter, enter_at, following, judge, judge_at, origin, rows, sealing_key, sign_changed};

use RefusalCode::*;

const KG: &str = "kg.registrar/01";
const DAY: &str = "24:00";

/// So long after everyone was entered: hours and minutes, and seconds where they matter.
fn later(text: &str) -> UnixMillis {
    let parts: Vec<u64> = text.split(':').map(|part| part.parse().unwrap()).collect();
    UnixMillis(at().0 + parts.iter().zip([3_600_000, 60_000, 1_000]).map(|(count, unit)| count * unit).sum::<u64>())
}

fn in_force(directory: &Directory, authority: &str, time: UnixMillis) -> Hash {
    directory.sealing_at(&authority.parse().unwrap(), directory.as_of(time)).unwrap().fingerprint()
}

fn is_pending(directory: &Directory, time: UnixMillis) -> bool {
    directory.authority(&"kg.gpo".parse().unwrap()).unwrap().pending_at(directory.as_of(time)).is_some()
}

fn cancel(entry: Hash) -> Act {
    Act::Cancel(Cancellation { after: Hash::ZERO, authority: "kg.gpo".parse().unwrap(), entry })
}

fn outcome<T>(judged: Result<T, Refusal>) -> String {
    judged.map_or_else(|refusal| refusal.code.to_string(), |_| "taken".into())
}

/// How long everyone has been a member when the replacement comes, whose it is, and when it is in force.
const REPLACEMENTS: &str = "
    24:00    | kg.gpo/03       | at once | a custodian for exactly a day
    72:00    | kg.gpo/03       | at once | a custodian for three
    23:59    | kg.gpo/03       | waits   | a custodian for a minute less
    23:59:59 | kg.gpo/03       | waits   | for a second less
    0:00     | kg.gpo/03       | waits   | a custodian of this moment
    72:00    | kg.registrar/01 | waits   | a registrar, however long
    24:30    | kg.gpo/90       | waits   | a custodian whose entry is of this morning
";

#[test]
fn who_was_custodian_for_a_day_replaces_at_once_and_anyone_else_waits_a_day() {
    for [hours, signer, expected, why] in rows(REPLACEMENTS) {
        let mut directory = directory().clone();
        if signer == "kg.gpo/90" {
            enter_at(&mut directory, KG, "member kg.gpo/90 custodian", later("20:00"));
        }
        let time = later(hours);
        enter_at(&mut directory, signer, "replace kg.gpo new", time);
        let [old, new] = ["kg.gpo", "new"].map(|name| sealing_key(name).1);
        let day_after = UnixMillis(time.0 + 24 * 3_600_000);
        let expected = if expected == "at once" { [new, new, new] } else { [old, old, new] };
        let found = [time, UnixMillis(day_after.0 - 1), day_after].map(|time| in_force(&directory, "kg.gpo", time));
        assert_eq!(found, expected, "{why}");
        assert_eq!(is_pending(&directory, time), expected[0] == old, "{why}");
        assert!(!is_pending(&directory, day_after), "{why}");
        assert_eq!(in_force(&directory, "kg.mvd", day_after), sealing_key("kg.mvd").1, "nobody else's changes");
    }
}

#[test]
fn a_directory_answers_for_every_earlier_size_and_never_for_a_later_time() {
    let mut directory = directory().clone();
    let before = directory.size();
    let time = later(DAY);
    enter_at(&mut directory, "kg.gpo/03", "replace kg.gpo new", time);
    let key = |directory_size: u64, time: UnixMillis| {
        directory.sealing_at(&"kg.gpo".parse().unwrap(), JudgedAt { directory_size, time }).unwrap().fingerprint()
    };
    assert_eq!(key(before, time), sealing_key("kg.gpo").1, "before the entry");
    assert_eq!(key(before + 1, time), sealing_key("new").1, "from it on");
    assert_eq!(key(before, UnixMillis(time.0 + 1)), sealing_key("new").1, "a log that claims not to have it cannot claim a later time");
}

/// Judges a request of kg.gpo to tr.moj with slips for these keys, as of the directory and time.
fn seal_to(directory: &Directory, own: &str, recipient: &str, time: UnixMillis) -> String {
    let Act::Submit(mut submit) = act("kg.gpo/01", "request tr.moj: new") else { panic!() };
    for slip in &mut submit.slips {
        slip.key = sealing_key(if slip.authority.as_str() == "kg.gpo" { own } else { recipient }).1;
    }
    let request = Act::Submit(submit);
    let (text, signature) = sign_changed("kg.gpo/01", request, |statement| statement.time = time.to_second());
    let judged = verify_statement(&text, &signature, &origin("events"), directory, directory.as_of(time))
        .and_then(|statement| permit_act(None, statement, directory, directory.as_of(time)));
    judged.map_or_else(|refusal| refusal.code.to_string(), |_| "taken".into())
}

#[test]
fn during_the_wait_the_old_key_is_sealed_to_and_after_it_the_new_one() {
    let mut directory = directory().clone();
    enter_at(&mut directory, "tr.registrar/01", "replace tr.moj new", later("1:00"));
    for (time, old, new) in
        [("1:00", "taken", "slip-mismatch"), ("24:59:59", "taken", "slip-mismatch"), ("25:00", "slip-mismatch", "taken")]
    {
        assert_eq!(seal_to(&directory, "kg.gpo", "tr.moj", later(time)), old, "the old one at {time}");
        assert_eq!(seal_to(&directory, "kg.gpo", "new", later(time)), new, "the new one at {time}");
    }
    enter_at(&mut directory, "kg.gpo/03", "replace kg.gpo newer", later("26:00"));
    assert_eq!(seal_to(&directory, "newer", "new", later("26:00")), "taken", "the sender's own, too");
    assert_eq!(seal_to(&directory, "kg.gpo", "new", later("26:00")), "slip-mismatch");
}

/// Who cancels a registrar's replacement of 30:00, when; and what happened to them before.
const OBJECTIONS: &str = "
    kg.gpo/03       | -                       | 30:01    | taken               | a custodian of a day
    kg.gpo/03       | -                       | 53:59:59 | taken               | in the last second
    kg.gpo/03       | -                       | 54:00    | entry-refused       | it has taken effect
    kg.gpo/03       | 40:00 revoke kg.gpo/03  | 41:00    | taken               | revoked since
    kg.gpo/03       | 29:59 revoke kg.gpo/03  | 31:00    | taken               | revoked just before, to keep them from objecting
    kg.gpo/03       | 6:00 revoke kg.gpo/03   | 31:00    | role-missing        | gone for a day when it came
    kg.gpo/90       | 5:00 member kg.gpo/90 custodian | 31:00 | taken          | a custodian for an hour more than a day
    kg.gpo/90       | 7:00 member kg.gpo/90 custodian | 31:00 | role-missing   | a custodian for an hour less
    kg.gpo/90       | 5:00 member kg.gpo/90 signatory | 31:00 | role-missing   | a member, no custodian
    kg.gpo/01       | -                       | 31:00    | role-missing        | a signatory
    kg.mvd/03       | -                       | 31:00    | role-missing        | another authority's custodian
    tr.moj/03       | -                       | 31:00    | role-missing        | another state's custodian
    kg.registrar/01 | -                       | 31:00    | certificate-refused | the registrar, who made it
    tr.registrar/01 | -                       | 31:00    | certificate-refused | another state's registrar
    kg.gpo/01~2     | -                       | 31:00    | role-missing        | a certificate that no entry has
";

#[test]
fn who_was_custodian_a_day_before_may_cancel_whatever_became_of_them() {
    for [signer, before, when, expected, why] in rows(OBJECTIONS) {
        let mut directory = directory().clone();
        let earlier = before.split_once(' ').map(|(time, words)| (later(time), words));
        let replaced = later("30:00");
        if let Some((time, words)) = earlier.filter(|(time, _)| *time < replaced) {
            enter_at(&mut directory, KG, words, time);
        }
        let entry = enter_at(&mut directory, KG, "replace kg.gpo new", replaced);
        if let Some((time, words)) = earlier.filter(|(time, _)| *time > replaced) {
            enter_at(&mut directory, KG, words, time);
        }
        let judged = judge_at(&directory, signer, cancel(entry), later(when)).and_then(|entry| apply(&mut directory, entry));
        assert_eq!(outcome(judged), expected, "{why}");
        let after = in_force(&directory, "kg.gpo", later("54:00"));
        assert_eq!(after == sealing_key("kg.gpo").1, expected == "taken", "{why}");
    }
}

#[test]
fn an_objector_whose_entry_is_over_by_then_is_heard() {
    let mut directory = directory().clone();
    let Act::Member(mut entry) = act(KG, "member kg.gpo/90 custodian") else { panic!() };
    entry.valid_until = later("30:00").to_second();
    let entry = judge(&directory, KG, Act::Member(entry)).unwrap();
    apply(&mut directory, entry).unwrap();
    let replaced = enter_at(&mut directory, KG, "replace kg.gpo new", later("30:00"));
    assert_eq!(outcome(judge_at(&directory, "kg.gpo/90", act("kg.gpo/90", "revoke kg.gpo/90"), later("31:00"))), "role-missing", "over");
    judge_at(&directory, "kg.gpo/90", cancel(replaced), later("31:00")).unwrap();
}

#[test]
fn a_cancellation_is_of_one_pending_replacement_and_may_be_carried_by_hand() {
    let mut directory = directory().clone();
    let stray = Hash::from_bytes([9; 32]);
    assert_eq!(outcome(judge_at(&directory, "kg.gpo/03", cancel(stray), later("30:00"))), "entry-refused", "nothing is pending");
    let entry = enter_at(&mut directory, KG, "replace kg.gpo new", later("30:00"));
    assert_eq!(outcome(judge_at(&directory, "kg.gpo/03", cancel(stray), later("31:00"))), "entry-refused", "another entry");

    let carried = |signed: &str| {
        let letter = following(cancel(entry), entry);
        sign_changed("kg.gpo/03", letter, |statement| statement.time = later(signed).to_second())
    };
    enter_at(&mut directory, KG, "member kg.gpo/90 drafter", later("32:00"));
    let (text, signature) = carried("31:00");
    assert_eq!(outcome(directory.verify_entry(&text, &signature, later("40:00"))), "taken", "hours later, after another entry");
    assert_eq!(outcome(directory.verify_entry(&text, &signature, later("54:00"))), "entry-refused", "too late");
    for (signed, expected) in [("29:49", "clock-skew"), ("41:00", "clock-skew")] {
        let (text, signature) = carried(signed);
        assert_eq!(outcome(directory.verify_entry(&text, &signature, later("40:00"))), expected, "signed at {signed}");
    }
    let elsewhere = following(cancel(entry), stray);
    let (text, signature) = sign_changed("kg.gpo/03", elsewhere, |statement| statement.time = later("40:00").to_second());
    assert_eq!(
        outcome(directory.verify_entry(&text, &signature, later("40:00"))),
        "case-moved",
        "it builds on the last entry or on its own"
    );

    let (text, signature) = carried("31:00");
    let cancelled = directory.verify_entry(&text, &signature, later("40:00")).unwrap();
    apply(&mut directory, cancelled).unwrap();
    assert_eq!(outcome(judge_at(&directory, "kg.gpo/03", cancel(entry), later("41:00"))), "entry-refused", "cancelled already");
    let as_if_unseen = JudgedAt { directory_size: directory.size() - 1, time: later("54:00") };
    let key = directory.sealing_at(&"kg.gpo".parse().unwrap(), as_if_unseen).unwrap();
    assert_eq!(key.fingerprint(), sealing_key("kg.gpo").1, "a log that claims not to have the cancellation cannot claim a later time");
}

#[test]
fn one_replacement_waits_at_a_time_and_no_key_comes_twice() {
    let mut directory = directory().clone();
    let judged = |directory: &Directory, signer: &str, words: &str, time: &str| {
        outcome(judge_at(directory, signer, act(signer, words), later(time)))
    };
    let entry = enter_at(&mut directory, KG, "replace kg.gpo new", later("30:00"));
    for signer in [KG, "kg.gpo/03"] {
        assert_eq!(judged(&directory, signer, "replace kg.gpo newer", "31:00"), "entry-refused", "{signer}: a second one");
    }
    assert_eq!(judged(&directory, KG, "replace kg.mvd newer", "31:00"), "taken", "another authority's");
    let mut cancelled = directory.clone();
    let objection = judge_at(&cancelled, "kg.gpo/03", cancel(entry), later("31:00")).unwrap();
    apply(&mut cancelled, objection).unwrap();
    assert_eq!(judged(&cancelled, "kg.gpo/03", "replace kg.gpo newer", "32:00"), "taken", "after the first was cancelled");
    assert_eq!(judged(&cancelled, "kg.gpo/03", "replace kg.gpo new", "32:00"), "entry-refused", "the key that somebody objected to");

    assert_eq!(judged(&directory, "kg.gpo/03", "replace kg.gpo newer", "54:00"), "entry-refused", "the old key is out of force");
    assert_eq!(judged(&directory, "kg.gpo/03", "replace kg.gpo newer over new", "54:00"), "taken", "after the first took effect");
    assert_eq!(judged(&directory, "kg.gpo/03", "replace kg.gpo kg.gpo over new", "54:00"), "entry-refused", "back to the old key");
    assert_eq!(judged(&directory, KG, "authority kg.gpo", "54:00"), "entry-refused", "swapped by naming it again");
}

/// Members who hold the key in force, with who granted it to them; `!` stands behind one who was revoked.
fn holders(directory: &Directory, time: UnixMillis) -> Vec<String> {
    let key = directory.sealing_at(&"kg.gpo".parse().unwrap(), directory.as_of(time)).unwrap();
    let told = |holder: &elchi::trust::Holder| {
        let revoked = directory.record_of(holder).unwrap().revoked_at().map_or("", |_| "!");
        let by = holder.granted_by().map_or(String::new(), |by| format!(" by {by}"));
        format!("{}{revoked}{by}", holder.member())
    };
    key.holders().iter().map(told).collect()
}

#[test]
fn a_key_is_held_by_who_made_it_and_to_whom_a_custodian_granted_it() {
    let mut directory = directory().clone();
    assert_eq!(holders(&directory, at()), ["kg.gpo/01"], "the founder");
    enter(&mut directory, "kg.gpo/03", "grant kg.gpo/02");
    enter(&mut directory, "kg.gpo/03", "grant kg.gpo/03");
    assert_eq!(holders(&directory, at()), ["kg.gpo/01", "kg.gpo/02 by kg.gpo/03", "kg.gpo/03 by kg.gpo/03"]);
    assert_eq!(judge(&directory, "kg.gpo/03", act("kg.gpo/03", "grant kg.gpo/02")).unwrap_err().code, EntryRefused, "twice");
    enter(&mut directory, KG, "revoke kg.gpo/02");
    assert_eq!(holders(&directory, at()), ["kg.gpo/01", "kg.gpo/02! by kg.gpo/03", "kg.gpo/03 by kg.gpo/03"], "what a leaver kept");
    assert_eq!(judge(&directory, "kg.gpo/03", act("kg.gpo/03", "grant kg.gpo/02")).unwrap_err().code, EntryRefused, "to a leaver");

    let mut by_registrar = directory.clone();
    enter_at(&mut by_registrar, KG, "replace kg.gpo new", later("30:00"));
    assert_eq!(holders(&by_registrar, later("54:00")), [""; 0], "a registrar holds no keys");
    enter_at(&mut directory, "kg.gpo/03", "replace kg.gpo new", later("30:00"));
    assert_eq!(holders(&directory, later("30:00")), ["kg.gpo/03"], "who replaced it");
    assert_eq!(
        outcome(judge_at(&directory, "kg.gpo/03", act("kg.gpo/03", "grant kg.gpo/01"), later("31:00"))),
        "entry-refused",
        "an old key"
    );
    enter_at(&mut directory, "kg.gpo/03", "grant kg.gpo/01 of new", later("31:00"));
    assert_eq!(holders(&directory, later("31:00")), ["kg.gpo/03", "kg.gpo/01 by kg.gpo/03"]);
    let authority = "kg.gpo".parse().unwrap();
    let custodians = directory.custodians_at(&authority, directory.as_of(later("31:00")));
    let told: Vec<_> = custodians.map(|record| (record.entry().member.to_string(), record.in_force_from())).collect();
    assert_eq!(told, [("kg.gpo/03".to_owned(), at())]);
}

/// After a custodian of a day has replaced kg.gpo's key `kg.gpo` by `new` (at 30:00), and a registrar `new` by `newer` (at
/// 40:00, pending): who says at 41:00 that they have put a key together, what happened before, and of which key.
const RECOVERIES: &str = "
    kg.gpo/90       | member kg.gpo/90 custodian | recover kg.gpo/90 of new    | taken         | the key in force, by a custodian of this moment
    kg.gpo/90       | member kg.gpo/90 custodian | recover kg.gpo/90           | taken         | an old key
    kg.gpo/90       | member kg.gpo/90 custodian | recover kg.gpo/90 of newer  | taken         | a pending key
    kg.gpo/90       | member kg.gpo/90 custodian | recover kg.gpo/90 of kg.mvd | entry-refused | another authority's key
    kg.gpo/90       | member kg.gpo/90 custodian | recover kg.gpo/90 of x      | entry-refused | a key that no entry names
    kg.gpo/90       | member kg.gpo/90 custodian | recover kg.gpo/01 of new    | entry-refused | in a colleague's name
    kg.gpo/90       | member kg.gpo/90 custodian | recover kg.mvd/03 of new    | entry-refused | in another authority's name
    kg.gpo/90       | member kg.gpo/90 signatory | recover kg.gpo/90 of new    | role-missing  | no custodian
    kg.gpo/03       | -                          | recover kg.gpo/03           | taken         | an old key that they never held
    kg.gpo/03       | -                          | recover kg.gpo/03 of new    | entry-refused | the key that they made
    kg.gpo/03       | revoke kg.gpo/03           | recover kg.gpo/03           | role-missing  | revoked
    kg.gpo/01       | -                          | recover kg.gpo/01 of new    | role-missing  | a signatory
    kg.mvd/03       | -                          | recover kg.mvd/03 of new    | entry-refused | another authority's custodian, in their own name
    kg.mvd/03       | -                          | recover kg.gpo/90 of new    | entry-refused | and for another
    tr.moj/03       | -                          | recover tr.moj/03 of new    | entry-refused | another state's custodian
    kg.registrar/01 | -                          | recover kg.gpo/90 of new    | role-missing  | a registrar
    kg.registrar/01 | -                          | recover kg.registrar/01 of new | role-missing | a registrar, in their own name
";

#[test]
fn a_custodian_says_that_they_have_put_a_key_of_their_authority_together() {
    let mut replaced = directory().clone();
    enter_at(&mut replaced, "kg.gpo/03", "replace kg.gpo new", later("30:00"));
    enter_at(&mut replaced, KG, "replace kg.gpo newer over new", later("40:00"));
    for [signer, before, words, expected, why] in rows(RECOVERIES) {
        let mut directory = replaced.clone();
        if before != "-" {
            enter_at(&mut directory, KG, before, later("40:30"));
        }
        let size = directory.size();
        let judged = judge_at(&directory, signer, act(signer, words), later("41:00")).and_then(|entry| apply(&mut directory, entry));
        assert_eq!(outcome(judged), expected, "{why}");
        assert_eq!(directory.size() - size, u64::from(expected == "taken"), "{why}");
    }
}

#[test]
fn who_has_put_a_key_together_holds_it_under_that_entry_once() {
    let mut directory = directory().clone();
    enter(&mut directory, KG, "member kg.gpo/90 custodian");
    enter(&mut directory, "kg.gpo/90", "recover kg.gpo/90");
    let authority = "kg.gpo".parse().unwrap();
    let held = |directory: &Directory| {
        let key = directory.sealing_at(&authority, directory.as_of(at())).unwrap();
        key.holders().iter().map(|holder| (holder.member().to_string(), holder.has_recovered())).collect::<Vec<_>>()
    };
    assert_eq!(held(&directory), [("kg.gpo/01".to_owned(), false), ("kg.gpo/90".to_owned(), true)]);
    for words in ["recover kg.gpo/90", "grant kg.gpo/90"] {
        assert_eq!(outcome(judge(&directory, "kg.gpo/90", act("kg.gpo/90", words))), "entry-refused", "{words}: they hold it");
    }
    enter(&mut directory, "kg.gpo/90", "grant kg.gpo/02");
    assert_eq!(holders(&directory, at())[2], "kg.gpo/02 by kg.gpo/90", "and hands it on");
    enter(&mut directory, KG, "revoke kg.gpo/90");
    enter(&mut directory, KG, "member kg.gpo/90~2 custodian");
    enter(&mut directory, "kg.gpo/90~2", "recover kg.gpo/90");
    assert_eq!(held(&directory).len(), 4, "once for each of their entries");
}
