//! An authority's own slips after its key was replaced, as PROTOCOL.md has it: who seals them anew, who confirms, what
//! goes when. In the story here `kg.gpo/03` replaced the key of kg.gpo by `new`, and granted that to `kg.gpo/01`.

use std::sync::OnceLock;

use elchi::crypto::hash;
use elchi::domain::{Hash, UnixMillis};
use elchi::trust::{ActPermit, Case, Directory, permit_act, verify_statement};
use elchi::wire::{Act, OnSlips, Refusal, RefusalCode};

use super::chain::at;
use super::trust_world::{act, case_at, directory, enter_at, name, origin, rows, sealing_key, sign_changed, slip, tag};

fn later(hours: u64) -> UnixMillis {
    UnixMillis(at().0 + hours * 3_600_000)
}

fn replaced() -> &'static Directory {
    static REPLACED: OnceLock<Directory> = OnceLock::new();
    REPLACED.get_or_init(|| {
        let mut directory = directory().clone();
        enter_at(&mut directory, "kg.gpo/03", "replace kg.gpo new", later(24));
        enter_at(&mut directory, "kg.gpo/03", "grant kg.gpo/01 of new", later(25));
        directory
    })
}

fn judge_in(directory: &Directory, case: &Case, signer: &str, act: Act, time: UnixMillis) -> Result<ActPermit, Refusal> {
    let (text, signature) = sign_changed(signer, act, |statement| statement.time = time.to_second());
    let at = directory.as_of(time);
    permit_act(Some(case), verify_statement(&text, &signature, &origin("events"), directory, at)?, directory, at)
}

fn judge(case: &Case, signer: &str, act: Act) -> Result<ActPermit, Refusal> {
    judge_in(replaced(), case, signer, act, later(30))
}

/// What came of an act: what the case's slips of the cover are then, and which were dropped.
fn outcome(judged: Result<ActPermit, Refusal>) -> (String, Option<Case>) {
    let permit = match judged {
        Ok(permit) => permit,
        Err(refusal) => return (refusal.code.to_string(), None),
    };
    assert!(!permit.moves_case(), "slips never move a case");
    let dropped: Vec<String> = permit.dropped_slips().iter().map(|slip| key_of(&slip.sha256.to_string(), name(&slip.document))).collect();
    let next = permit.into_case(None);
    let held = next.slip_of(&tag("cover"), &"kg.gpo".parse().unwrap()).unwrap();
    let kept: Vec<String> = held.kept().map(|slip| key_of(&slip.sha256.to_string(), "cover")).collect();
    let dropped = if dropped.is_empty() { String::new() } else { format!(", drops {}", dropped.join(" ")) };
    (format!("{}{dropped}", kept.join(" ")), Some(next))
}

/// The key that a slip of the story is sealed to.
fn key_of(sha256: &str, document: &str) -> String {
    for key in ["new", "newer"] {
        let Act::Rewrap(rewrap) = act("kg.gpo/03", &format!("rewrap {key}: {document}")) else { panic!() };
        if rewrap.slips[0].sha256.to_string() == sha256 {
            return key.into();
        }
    }
    "old".into()
}

/// After the acts on the left, somebody's act, and the slips of the cover that kg.gpo has then, the newest first.
const ACTS: &str = "
    -                                                | kg.gpo/03 | rewrap new: cover    | new old            | by a custodian
    -                                                | kg.gpo/01 | rewrap new: cover    | role-missing       | not by a signatory
    -                                                | kg.gpo/02 | rewrap new: cover    | role-missing       | not by a drafter
    -                                                | tr.moj/03 | rewrap new: cover    | slip-mismatch      | not to another authority's key
    -                                                | tr.moj/03 | rewrap: cover        | slip-mismatch      | nothing to do: the key in force
    -                                                | kg.gpo/03 | rewrap: cover        | slip-mismatch      | not to the old key again
    -                                                | kg.gpo/03 | rewrap new: inside   | not-found          | only what the authority holds
    -                                                | kz.gp/03  | rewrap new: cover    | not-found          | no party
    kg.gpo/03 rewrap new: cover                      | kg.gpo/03 | rewrap new: cover    | slip-mismatch      | once
    kg.gpo/03 rewrap new: cover                      | kg.gpo/01 | confirm new: cover   | new, drops old     | a second member who holds the new key
    kg.gpo/03 rewrap new: cover                      | kg.gpo/03 | confirm new: cover   | slip-mismatch      | not who sealed it
    kg.gpo/03 rewrap new: cover                      | kg.gpo/02 | confirm new: cover   | slip-mismatch      | not who has not the new key
    kg.gpo/03 rewrap new: cover                      | kg.gpo/01 | confirm: cover       | slip-mismatch      | not the one in force
    kg.gpo/03 rewrap new: cover                      | kg.gpo/01 | confirm newer: cover | slip-mismatch      | not a slip that nobody sealed
    kg.gpo/03 rewrap new: cover                      | tr.moj/01 | confirm new: cover   | slip-mismatch      | another authority's is another matter
    -                                                | kg.gpo/01 | confirm new: cover   | slip-mismatch      | nothing waits
    kg.gpo/03 rewrap new: cover                      | kg.gpo/01 | reject new: cover    | old, drops new     | it did not open
    kg.gpo/03 rewrap new: cover                      | kg.gpo/03 | reject new: cover    | old, drops new     | also by who sealed it
    kg.gpo/03 rewrap new: cover                      | kg.gpo/02 | reject new: cover    | slip-mismatch      | not by who could not open it
    kg.gpo/03 rewrap new: cover                      | kg.gpo/02 | reject: cover        | new old            | of the one in force it is only said
    kg.gpo/03 rewrap new: cover; kg.gpo/01 reject new: cover | kg.gpo/03 | rewrap new: cover | new old        | again, after a rejection
    kg.gpo/03 rewrap new: cover; kg.gpo/01 reject new: cover | kg.gpo/01 | confirm new: cover | slip-mismatch | what was rejected is not confirmed
    kg.gpo/03 rewrap new: cover; kg.gpo/01 confirm new: cover | kg.gpo/01 | confirm new: cover | slip-mismatch | once
    kg.gpo/03 rewrap new: cover; kg.gpo/01 confirm new: cover | kg.gpo/03 | rewrap new: cover | slip-mismatch | it is done
    kg.gpo/03 rewrap new: cover; kg.gpo/01 confirm new: cover | kg.gpo/01 | reject new: cover | new           | too late, and said all the same
    kg.gpo/03 rewrap new: cover; kg.gpo/01 confirm new: cover | kg.gpo/01 | reject: cover | slip-mismatch     | what is gone is not rejected
    -                                                | kg.gpo/01 | reject: cover        | old                | a slip that its sender sealed badly stays
    -                                                | kg.gpo/01 | reject new: cover    | slip-mismatch      | not a slip that is not there
    kg.gpo/03 rewrap new: cover                      | kg.gpo/01 | unwrap: cover        | new old            | nothing changes
    kg.gpo/03 rewrap new: cover                      | kg.gpo/01 | release: cover       | new old            | nothing changes
    kg.gpo/03 rewrap new: cover                      | kg.gpo/01 | opened: cover        | new old            | nothing changes
    kg.gpo/03 rewrap new: evidence                   | kg.gpo/01 | confirm new: cover   | slip-mismatch      | document by document
    kg.gpo/03 rewrap new: cover                      | kg.gpo/01 | confirm new: cover evidence | slip-mismatch | all or nothing
";

#[test]
fn an_old_slip_goes_only_when_a_second_member_has_opened_the_new_one() {
    let mut wrong = Vec::new();
    for [before, signer, words, expected, why] in rows(ACTS) {
        let mut case = case_at("closed").unwrap().clone();
        for step in before.split("; ").filter(|step| *step != "-") {
            let (signer, words) = step.split_once(' ').unwrap();
            case = outcome(judge(&case, signer, act(signer, words))).1.unwrap();
        }
        let found = outcome(judge(&case, signer, act(signer, words))).0;
        if found != expected {
            wrong.push(format!("{why}: {signer} {words}: {found}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_key_that_is_replaced_again_takes_the_waiting_slips_place() {
    let mut directory = replaced().clone();
    let case = case_at("closed").unwrap();
    let waiting = outcome(judge(case, "kg.gpo/03", act("kg.gpo/03", "rewrap new: cover"))).1.unwrap();
    enter_at(&mut directory, "kg.gpo/03", "replace kg.gpo newer over new", later(40));
    let judged = |case: &Case, words| judge_in(&directory, case, "kg.gpo/03", act("kg.gpo/03", words), later(41));
    assert_eq!(outcome(judged(&waiting, "rewrap newer: cover")).0, "newer old, drops new");
    assert_eq!(outcome(judged(&waiting, "rewrap new: cover")).0, "slip-mismatch");
    let confirmed = judge_in(&directory, &waiting, "kg.gpo/01", act("kg.gpo/01", "confirm new: cover"), later(41));
    assert_eq!(outcome(confirmed).0, "new, drops old", "who holds the key between may still open it");
}

#[test]
fn a_rewrap_has_one_slip_of_each_document_in_their_order_for_the_own_authority() {
    let case = case_at("closed").unwrap();
    let Act::Rewrap(good) = act("kg.gpo/03", "rewrap new: cover evidence") else { panic!() };
    let changed = |change: &dyn Fn(&mut OnSlips)| {
        let mut rewrap = good.clone();
        change(&mut rewrap);
        outcome(judge(case, "kg.gpo/03", Act::Rewrap(rewrap))).0
    };
    assert_eq!(changed(&|_| ()), "new old");
    assert_eq!(changed(&|rewrap| _ = rewrap.slips.pop()), "slip-mismatch");
    let others = slip(tag("cover"), &"tr.moj".parse().unwrap());
    assert_eq!(changed(&|rewrap| rewrap.slips[0] = others.clone()), "slip-mismatch", "nobody seals another authority's slips");
    let more = slip(tag("evidence"), &"tr.moj".parse().unwrap());
    assert_eq!(changed(&|rewrap| rewrap.slips.push(more.clone())), "slip-mismatch");
    let key = sealing_key("kg.mvd").1;
    assert_eq!(changed(&|rewrap| rewrap.slips[1].key = key), "slip-mismatch");
}

/// Between looking and saying so, who sealed a slip puts another in its place: what is confirmed is what was looked at.
#[test]
fn what_is_confirmed_is_the_slip_that_was_opened_and_no_other() {
    let sealed = |sha256: Hash| {
        let Act::Rewrap(mut rewrap) = act("kg.gpo/03", "rewrap new: cover") else { panic!() };
        rewrap.slips[0].sha256 = sha256;
        rewrap
    };
    let (looked_at, swapped) = (sealed(hash(b"the document's identity")), sealed(hash(b"something else")));
    let mut case = case_at("closed").unwrap().clone();
    for act in [Act::Rewrap(looked_at.clone()), Act::Reject(looked_at.clone()), Act::Rewrap(swapped.clone())] {
        case = judge(&case, "kg.gpo/03", act).unwrap().into_case(None);
    }
    let outcome = |confirmed: OnSlips| judge(&case, "kg.gpo/01", Act::Confirm(confirmed)).map(|_| ()).map_err(|refusal| refusal.code);
    assert_eq!(outcome(looked_at), Err(RefusalCode::SlipMismatch));
    assert_eq!(outcome(swapped), Ok(()));
}
