//! What else an act must be to follow in a case: addressed to whom it may be, over documents that are there, with the
//! right slips, after the last event, by somebody whom the directory knows at that moment.

use elchi::domain::{Hash, UtcSecond};
use elchi::mla::CaseState;
use elchi::registrar::Validity;
use elchi::trust::{Case, Directory, JudgedAt, permit_act, verify_statement};
use elchi::wire::{Act, Refusal, RefusalCode, SlipLine};

use super::chain::validity;
use super::trust_world::{
    STORY, act, at_size, case_at, directory, enter, following, moved, now, origin, permit, rows, sign, slip, tag, verified,
};

use RefusalCode::*;

/// The state that an act leads to, or the word of its refusal.
fn outcome(stage: &str, signer: &str, act: Act) -> String {
    match permit(case_at(stage), signer, act) {
        Ok(permit) => format!("{:?}", moved(permit).state()),
        Err(refusal) => refusal.code.to_string(),
    }
}

fn check(table: &str) {
    for [stage, signer, words, expected, why] in rows(table) {
        assert_eq!(outcome(stage, signer, act(signer, words)), expected, "{why}: {signer}: {words} when {stage}");
    }
}

fn refusal_of<T>(judged: Result<T, Refusal>) -> RefusalCode {
    judged.err().expect("it was permitted").code
}

#[test]
fn recipients_are_of_one_state_known_and_addressed_as_the_life_cycle_has_it() {
    check(
        "
        none         | kg.gpo/01     | request tr.moj: new                  | Submitted            | the other state's central authority
        none         | kg.gpo/01     | request kz.gp: new                   | Submitted            | any other state's
        none         | kg.gpo/01     | request tr.ist-cpp: new              | recipient-refused    | not a central authority
        none         | kg.gpo/01     | request tr.ist-cpp tr.moj: new       | recipient-refused    | one of them is not central
        none         | kg.gpo/01     | request kz.gp tr.moj: new            | recipient-refused    | of two states
        none         | kg.gpo/01     | request kg.mvd tr.moj: new           | recipient-refused    | of two states
        none         | kg.gpo/01     | request kg.gpo tr.moj: new           | recipient-refused    | the sender itself
        none         | kg.gpo/01     | request kg.gpo: new                  | recipient-refused    | the sender itself
        none         | kg.gpo/01     | request kg.mvd: new                  | recipient-refused    | inside the state
        none         | kg.mvd/01     | request kg.gpo: new                  | transition-refused   | inside the state
        none         | kg.gpo/01     | request tr.nobody: new               | recipient-refused    | not in the directory
        none         | kg.mvd/01     | request tr.ist-cpp: new              | recipient-refused    | neither is central

        acknowledged | tr.moj/01     | response kg.gpo: new                 | Responded            | the requesting central authority
        acknowledged | tr.moj/01     | response kg.mvd: new                 | recipient-refused    | not a central authority
        acknowledged | tr.moj/01     | response kg.gpo kg.mvd: new          | recipient-refused    | one of them is not central
        acknowledged | tr.moj/01     | response kz.gp: new                  | recipient-refused    | not a party's state
        acknowledged | tr.moj/01     | response kg.gpo kz.gp: new           | recipient-refused    | of two states
        acknowledged | tr.moj/01     | response tr.moj: new                 | recipient-refused    | the sender itself
        acknowledged | tr.moj/01     | response tr.ist-cpp: new             | recipient-refused    | inside, but not to the central authority
        acknowledged | tr.moj/01     | response kg.nobody: new              | recipient-refused    | not in the directory
        forwarded    | tr.ist-cpp/01 | response tr.moj: new                 | Executed             | its own central authority
        forwarded    | tr.ist-cpp/01 | response tr.ank-cpp: new             | recipient-refused    | inside, but not to the central authority
        forwarded    | tr.ist-cpp/01 | response tr.ank-cpp tr.moj: new      | recipient-refused    | one of them is not central
        forwarded    | tr.ist-cpp/01 | response kg.mvd: new                 | recipient-refused    | not a party, across the border
        forwarded    | tr.ist-cpp/01 | response kg.gpo: new                 | transition-refused   | only a central authority transmits
        forwarded    | tr.moj/01     | response kg.gpo: new                 | transition-refused   | the office has not answered

        acknowledged | tr.moj/01     | forward tr.ank-cpp tr.ist-cpp: cover | ForwardedToCompetent | own state
        forwarded    | tr.moj/01     | forward tr.ist-cpp: cover            | slip-mismatch        | to a holder: no second slip
        forwarded    | tr.moj/01     | forward tr.ank-cpp tr.ist-cpp: cover | slip-mismatch        | to a holder among others
        acknowledged | tr.moj/01     | forward tr.moj: cover                | recipient-refused    | the sender itself
        acknowledged | tr.moj/01     | forward tr.ist-cpp tr.moj: cover     | recipient-refused    | the sender itself
        acknowledged | tr.moj/01     | forward kg.gpo: cover                | transition-refused   | across the border, to a holder
        acknowledged | tr.moj/01     | forward kg.mvd: cover                | recipient-refused    | across the border
        acknowledged | tr.moj/01     | forward kz.gp: cover                 | recipient-refused    | not a party's state
        acknowledged | tr.moj/01     | forward kg.gpo tr.ist-cpp: cover     | recipient-refused    | of two states
        acknowledged | tr.moj/01     | forward tr.nobody: cover             | recipient-refused    | not in the directory
        responded    | kg.gpo/01     | forward kg.mvd: cover answer         | Responded            | own state
        responded    | kg.gpo/01     | forward tr.moj: answer               | transition-refused   | back across the border
        responded    | kg.gpo/01     | forward tr.ist-cpp: answer           | recipient-refused    | across the border
        ",
    );
}

#[test]
fn documents_are_of_the_case_held_by_the_actor_and_come_with_their_cover() {
    check(
        "
        submitted    | tr.moj/01 | release: evidence cover                   | Submitted            | held, in any order
        submitted    | tr.moj/01 | release: withheld                         | not-found            | of the case, not held
        submitted    | tr.moj/01 | release: cover withheld                   | not-found            | one of them not held
        submitted    | kg.gpo/01 | release: withheld                         | Submitted            | the sender's own
        submitted    | tr.moj/01 | release: elsewhere                        | not-found            | not of the case
        submitted    | tr.moj/01 | release: cover elsewhere                  | not-found            | one of them not of the case
        submitted    | tr.moj/01 | opened: cover evidence                    | Submitted            | held; no rule asks for a release first
        submitted    | tr.moj/01 | opened: withheld                          | not-found            | of the case, not held
        submitted    | tr.moj/01 | opened: cover elsewhere                   | not-found            | one of them not of the case
        submitted    | kg.gpo/01 | opened: withheld                          | Submitted            | the sender's own
        responded    | kg.gpo/01 | release: inside                           | not-found            | the other state's inside answer

        acknowledged | tr.moj/01 | forward tr.ist-cpp: evidence cover        | ForwardedToCompetent | held, with the cover
        acknowledged | tr.moj/01 | forward tr.ist-cpp: withheld cover        | not-found            | one of them not held
        acknowledged | tr.moj/01 | forward tr.ist-cpp: cover elsewhere       | not-found            | one of them not of the case
        acknowledged | tr.moj/01 | forward tr.ist-cpp: evidence              | slip-mismatch        | without the cover
        forwarded    | tr.moj/01 | forward tr.ist-cpp: evidence              | ForwardedToCompetent | to one who has the cover
        forwarded    | tr.moj/01 | forward tr.ank-cpp tr.ist-cpp: evidence   | slip-mismatch        | one of them has no cover
        responded    | kg.gpo/01 | forward kg.mvd: cover annex               | slip-mismatch        | with another submission's cover
        shared       | kg.gpo/01 | forward kg.mvd: annex                     | Responded            | to one who has the cover

        acknowledged | tr.moj/01 | response kg.gpo: new                      | Responded            | a new tag
        acknowledged | tr.moj/01 | response kg.gpo: cover                    | tag-taken            | a tag of the case
        acknowledged | tr.moj/01 | response kg.gpo: new withheld             | tag-taken            | a tag of the case that one does not hold
        ",
    );
}

#[test]
fn a_document_of_another_case_is_not_there() {
    let other = moved(permit(None, "kg.gpo/01", act("kg.gpo/01", "request tr.moj: elsewhere")).unwrap());
    for words in ["release: elsewhere", "opened: elsewhere"] {
        permit(Some(&other), "tr.moj/01", act("tr.moj/01", words)).unwrap();
        assert_eq!(outcome("submitted", "tr.moj/01", act("tr.moj/01", words)), "not-found");
    }
}

/// Changes the slips of an act, and puts them in the order that statements have.
fn with_slips(mut act: Act, change: impl FnOnce(&mut Vec<SlipLine>)) -> Act {
    let documents = act.documents();
    let slips = match &mut act {
        Act::Submit(act) => &mut act.slips,
        Act::Forward(act) => &mut act.slips,
        _ => panic!("an act without slips"),
    };
    change(slips);
    slips.sort_by_key(|slip| (documents.iter().position(|tag| *tag == slip.document), slip.authority.clone()));
    act
}

#[test]
fn slips_are_exactly_those_that_the_act_must_have() {
    let response = ("acknowledged", "response kg.gpo: new more");
    let forward = ("acknowledged", "forward tr.ank-cpp tr.ist-cpp: cover evidence");
    let without = |(stage, words): (&str, &str), document: &str, authority: &str| {
        let missing = |slip: &SlipLine| slip.document == tag(document) && slip.authority.as_str() == authority;
        outcome(stage, "tr.moj/01", with_slips(act("tr.moj/01", words), |slips| slips.retain(|slip| !missing(slip))))
    };
    assert_eq!(without(response, "new", "tr.moj"), "slip-mismatch", "the sender's own, of the cover");
    assert_eq!(without(response, "more", "tr.moj"), "slip-mismatch", "the sender's own, of the rest");
    assert_eq!(without(response, "new", "kg.gpo"), "slip-mismatch", "a recipient's, of the cover");
    assert_eq!(without(response, "more", "kg.gpo"), "Responded", "a recipient's, of the rest: it may be withheld");
    assert_eq!(without(forward, "cover", "tr.ank-cpp"), "slip-mismatch");
    assert_eq!(without(forward, "evidence", "tr.ist-cpp"), "slip-mismatch");

    let surplus = |(stage, words): (&str, &str), authority: &str| {
        let more = |slips: &mut Vec<SlipLine>| slips.push(slip(slips[0].document, &authority.parse().unwrap()));
        outcome(stage, "tr.moj/01", with_slips(act("tr.moj/01", words), more))
    };
    for authority in ["kg.mvd", "tr.ist-cpp", "kz.gp"] {
        assert_eq!(surplus(response, authority), "slip-mismatch", "to {authority}, which is not addressed");
    }
    for authority in ["tr.moj", "kg.gpo"] {
        assert_eq!(surplus(forward, authority), "slip-mismatch", "to {authority}, which is not addressed");
    }
    for (stage, words) in [response, forward] {
        for at in 0..4 {
            let another_key = with_slips(act("tr.moj/01", words), |slips| slips[at].key = Hash::ZERO);
            assert_eq!(
                outcome(stage, "tr.moj/01", another_key),
                "slip-mismatch",
                "{words}: slip {at}, to a key that is not the directory's"
            );
        }
    }
    let instead = |slips: &mut Vec<SlipLine>| slips[0] = slip(slips[0].document, &"tr.moj".parse().unwrap());
    let (stage, words) = forward;
    assert_eq!(outcome(stage, "tr.moj/01", with_slips(act("tr.moj/01", words), instead)), "slip-mismatch", "the right number, another's");
}

#[test]
fn an_act_builds_on_the_cases_last_event() {
    let (mut earlier, mut case) = (Vec::new(), None);
    for (stage, signer, words) in STORY {
        let judged = |after: Hash| permit_act(case, verified(signer, following(act(signer, words), after)), directory(), now());
        for stale in earlier.iter().copied().chain([Hash::from_bytes([9; 32])]) {
            assert_eq!(refusal_of(judged(stale)), CaseMoved, "{stage}: after {stale}");
        }
        let last = case.map_or(Hash::ZERO, Case::last_event);
        judged(last).unwrap_or_else(|refusal| panic!("{stage}: {refusal}"));
        earlier.push(last);
        case = case_at(stage);
    }
}

#[test]
fn who_is_no_party_is_not_told_that_a_case_has_moved() {
    for signer in ["tr.ist-cpp/01", "kg.mvd/01", "kz.gp/01"] {
        let stale = verified(signer, following(act(signer, "acknowledge"), Hash::from_bytes([9; 32])));
        let there = permit_act(case_at("submitted"), stale.clone(), directory(), now()).err().unwrap();
        assert_eq!(there, Refusal::not_found(), "{signer}");
        assert_eq!(there, permit_act(None, stale, directory(), now()).err().unwrap(), "{signer}: not there and not yours are one answer");
    }
}

#[test]
fn directory_entries_and_registrars_have_no_place_among_events() {
    for words in ["authority kg.smb", "member kg.gpo/90 drafter", "revoke kg.gpo/01"] {
        let (text, signature) = sign("kg.gpo/01", act("kg.gpo/01", words));
        assert_eq!(refusal_of(verify_statement(&text, &signature, &origin("events"), directory(), now())), WrongLog, "{words}");
        for case in [None, case_at("submitted"), case_at("closed")] {
            assert_eq!(refusal_of(permit_act(case, verified("kg.gpo/01", act("kg.gpo/01", words)), directory(), now())), WrongLog);
        }
    }
    for words in ["request tr.moj: new", "acknowledge", "close", "release: cover", "opened: cover"] {
        let judged = |signer: &str| {
            let (text, signature) = sign(signer, act(signer, words));
            refusal_of(verify_statement(&text, &signature, &origin("events"), directory(), now()))
        };
        assert_eq!(judged("kg.registrar/01"), CertificateRefused, "{words}: a registrar's certificate signs no events");
        assert_eq!(judged("kg.registrar/01~member"), RoleMissing, "{words}: nor does a registrar who has no entry");
        assert_eq!(judged("kg.gpo/90"), RoleMissing, "{words}: a good certificate and no entry");
        assert_eq!(judged("kg.gpo/01~2"), CertificateRefused, "{words}: another certificate than the entry's");
    }
}

/// Judges the request that opens a case by another directory, or at another moment, than it was verified at.
fn judged_again(directory: &Directory, at: JudgedAt) -> Result<CaseState, RefusalCode> {
    let request = verified("kg.gpo/01", act("kg.gpo/01", "request tr.moj: new"));
    let permit = permit_act(None, request, directory, at);
    permit.map(|permit| moved(permit).state()).map_err(|refusal| refusal.code)
}

#[test]
fn what_was_verified_a_moment_ago_is_judged_by_the_directory_of_this_moment() {
    assert_eq!(judged_again(directory(), now()), Ok(CaseState::Submitted));
    let mut later = directory().clone();
    enter(&mut later, "kg.registrar/01", "revoke kg.gpo/01");
    assert_eq!(judged_again(&later, at_size(later.size())), Err(RoleMissing), "revoked since");
    assert_eq!(judged_again(&later, now()), Ok(CaseState::Submitted), "not yet revoked at the size it is judged at");
    enter(&mut later, "kg.registrar/01", "member kg.gpo/01~2 signatory");
    assert_eq!(judged_again(&later, at_size(later.size())), Err(CertificateRefused), "entered again, with other certificates");

    let time = |second: UtcSecond| JudgedAt { time: second.to_millis(), ..now() };
    let Validity { from, until } = validity();
    assert_eq!(judged_again(directory(), time(until)), Ok(CaseState::Submitted));
    assert_eq!(judged_again(directory(), time(UtcSecond::from_unix(until.unix() + 1).unwrap())), Err(RoleMissing), "the entry is over");
    assert_eq!(judged_again(directory(), time(UtcSecond::from_unix(from.unix() - 1).unwrap())), Err(RoleMissing), "not yet begun");
}

#[test]
fn a_recipient_counts_from_their_own_entry_on() {
    let entered = |code: &str| {
        let entry = |size: &u64| directory().authority_at(&code.parse().unwrap(), *size).is_some();
        (0..).find(entry).unwrap()
    };
    let with_recipient = entered("tr.moj");
    assert_eq!(judged_again(directory(), at_size(with_recipient)), Ok(CaseState::Submitted));
    assert_eq!(judged_again(directory(), at_size(with_recipient - 1)), Err(RecipientRefused));
}
