//! The life cycle as PROTOCOL.md has it, judged act by act: by whom, with which role, in which state, and what the case
//! is then. The expectations are written from the document, not from the program's own table.

use elchi::domain::{AuthorityCode, Role};
use elchi::trust::{ActPermit, Case};
use elchi::wire::{Refusal, RefusalCode};

use super::trust_world::{ROLES, STORY, act, case_at, moved, name, permit, rows};

/// The stages of the story, in the order of the cells of [`LIFE_CYCLE`].
const STAGES: [&str; 8] = ["none", "submitted", "acknowledged", "forwarded", "executed", "responded", "shared", "closed"];

/// Every act × every authority × every stage. A cell is the state that the act leads to, or
///
/// ```text
/// =    permitted, and the case is the same as before
/// ?    not-found: the authority is no party, or has no slip; or there is no such case
/// .    transition-refused: a party, but the life cycle has no such act of this authority now
/// tag  tag-taken: the case exists
/// ```
///
/// At `forwarded` tr.ist-cpp has become a party, at `shared` kg.mvd: it got the answer, not the request.
const LIFE_CYCLE: &str = "
    kg.gpo     | request tr.moj: new          | Submitted tag tag          tag                  tag       tag       tag       tag
    kg.mvd     | request tr.moj: new          | .         tag tag          tag                  tag       tag       tag       tag
    tr.moj     | request kg.gpo: new          | Submitted tag tag          tag                  tag       tag       tag       tag
    tr.ist-cpp | request kg.gpo: new          | .         tag tag          tag                  tag       tag       tag       tag
    tr.ank-cpp | request kg.gpo: new          | .         tag tag          tag                  tag       tag       tag       tag
    kz.gp      | request kg.gpo: new          | Submitted tag tag          tag                  tag       tag       tag       tag

    kg.gpo     | acknowledge                  | ?         .            .   .                    .         .         .         .
    kg.mvd     | acknowledge                  | ?         ?            ?   ?                    ?         ?         .         .
    tr.moj     | acknowledge                  | ?         Acknowledged .   .                    .         .         .         .
    tr.ist-cpp | acknowledge                  | ?         ?            ?   .                    .         .         .         .
    tr.ank-cpp | acknowledge                  | ?         ?            ?   ?                    ?         ?         ?         ?
    kz.gp      | acknowledge                  | ?         ?            ?   ?                    ?         ?         ?         ?

    kg.gpo     | forward kg.mvd: cover        | ? .  .                    .                     .         Responded Responded .
    kg.mvd     | forward kg.gpo: answer       | ? ?  ?                    ?                     ?         ?         .         .
    tr.moj     | forward tr.ank-cpp: cover    | ? .  ForwardedToCompetent ForwardedToCompetent  .         .         .         .
    tr.ist-cpp | forward tr.ank-cpp: cover    | ? ?  ?                    .                     .         .         .         .
    tr.ank-cpp | forward tr.ist-cpp: cover    | ? ?  ?                    ?                     ?         ?         ?         ?
    kz.gp      | forward kg.mvd: cover        | ? ?  ?                    ?                     ?         ?         ?         ?
    kg.gpo     | forward tr.moj: cover        | ? .  .                    .                     .         .         .         .
    tr.moj     | forward kg.gpo: cover        | ? .  .                    .                     .         .         .         .

    tr.ist-cpp | response tr.moj: new         | ? ?  ?                    Executed              .         .         .         .
    tr.ank-cpp | response tr.moj: new         | ? ?  ?                    ?                     ?         ?         ?         ?
    kg.mvd     | response kg.gpo: new         | ? ?  ?                    ?                     ?         ?         .         .

    kg.gpo     | response tr.moj: new         | ? .  .                    .                     .         .         .         .
    kg.mvd     | response tr.moj: new         | ? ?  ?                    ?                     ?         ?         .         .
    tr.moj     | response kg.gpo: new         | ? .  Responded            .                     Responded .         .         .
    tr.ist-cpp | response kg.gpo: new         | ? ?  ?                    .                     .         .         .         .
    tr.ank-cpp | response kg.gpo: new         | ? ?  ?                    ?                     ?         ?         ?         ?
    kz.gp      | response kg.gpo: new         | ? ?  ?                    ?                     ?         ?         ?         ?

    kg.gpo     | close                        | ? .  .                    .                     .         Closed    Closed    .
    kg.mvd     | close                        | ? ?  ?                    ?                     ?         ?         .         .
    tr.moj     | close                        | ? .  .                    .                     .         .         .         .
    tr.ist-cpp | close                        | ? ?  ?                    .                     .         .         .         .
    tr.ank-cpp | close                        | ? ?  ?                    ?                     ?         ?         ?         ?
    kz.gp      | close                        | ? ?  ?                    ?                     ?         ?         ?         ?

    kg.gpo     | release: cover               | ? =  =                    =                     =         =         =         =
    kg.mvd     | release: cover               | ? ?  ?                    ?                     ?         ?         ?         ?
    kg.mvd     | release: answer              | ? ?  ?                    ?                     ?         ?         =         =
    tr.moj     | release: cover               | ? =  =                    =                     =         =         =         =
    tr.ist-cpp | release: cover               | ? ?  ?                    =                     =         =         =         =
    tr.ank-cpp | release: cover               | ? ?  ?                    ?                     ?         ?         ?         ?
    kz.gp      | release: cover               | ? ?  ?                    ?                     ?         ?         ?         ?

    kg.gpo     | opened: cover                | ? =  =                    =                     =         =         =         =
    kg.mvd     | opened: cover                | ? ?  ?                    ?                     ?         ?         ?         ?
    kg.mvd     | opened: answer               | ? ?  ?                    ?                     ?         ?         =         =
    tr.moj     | opened: cover                | ? =  =                    =                     =         =         =         =
    tr.ist-cpp | opened: cover                | ? ?  ?                    =                     =         =         =         =
    tr.ank-cpp | opened: cover                | ? ?  ?                    ?                     ?         ?         ?         ?
    kz.gp      | opened: cover                | ? ?  ?                    ?                     ?         ?         ?         ?

    kg.gpo     | unwrap: cover                | ? =  =                    =                     =         =         =         =
    kg.mvd     | unwrap: cover                | ? ?  ?                    ?                     ?         ?         ?         ?
    tr.ist-cpp | unwrap: cover                | ? ?  ?                    =                     =         =         =         =
    tr.moj     | reject: cover                | ? =  =                    =                     =         =         =         =
    tr.ist-cpp | reject: cover                | ? ?  ?                    =                     =         =         =         =
    kz.gp      | reject: cover                | ? ?  ?                    ?                     ?         ?         ?         ?
";

/// Who may do an act at all. Another role is refused whatever the case is, so the answer tells nothing of it.
const MAY: [(&str, &[Role]); 9] = [
    ("request", &[Role::Signatory]),
    ("response", &[Role::Signatory]),
    ("acknowledge", &[Role::Signatory]),
    ("forward", &[Role::Signatory]),
    ("close", &[Role::Signatory]),
    ("release", &[Role::Drafter, Role::Signatory, Role::Custodian]),
    ("opened", &[Role::Drafter, Role::Signatory, Role::Custodian]),
    ("unwrap", &[Role::Drafter, Role::Signatory, Role::Custodian]),
    ("reject", &[Role::Drafter, Role::Signatory, Role::Custodian]),
];

fn may(words: &str, role: Role) -> bool {
    let op = words.split([' ', ':']).next().unwrap();
    MAY.iter().any(|(named, roles)| *named == op && roles.contains(&role))
}

/// What came of an act, in the words of the table's cells.
fn outcome(judged: Result<ActPermit, Refusal>, before: Option<&Case>) -> String {
    let permit = match judged {
        Ok(permit) => permit,
        Err(Refusal { code: RefusalCode::NotFound, .. }) => return "?".into(),
        Err(Refusal { code: RefusalCode::TransitionRefused, .. }) => return ".".into(),
        Err(Refusal { code: RefusalCode::TagTaken, .. }) => return "tag".into(),
        Err(refusal) => return refusal.code.to_string(),
    };
    if permit.moves_case() {
        let leaf = permit.statement().sha256();
        let next = moved(permit);
        assert_eq!(next.last_event(), leaf, "the next act builds on this one");
        return format!("{:?}", next.state());
    }
    assert_eq!(Some(&permit.into_case(None)), before, "the case has moved without an act that moves it");
    "=".into()
}

#[test]
fn in_each_state_each_authority_and_role_may_do_exactly_what_the_protocol_says() {
    let mut wrong = Vec::new();
    for [authority, words, cells] in rows(LIFE_CYCLE) {
        let cells: Vec<&str> = cells.split_whitespace().collect();
        assert_eq!(cells.len(), STAGES.len(), "{authority} {words}");
        for (stage, cell) in STAGES.into_iter().zip(cells) {
            for (number, role) in ROLES {
                let (case, signer) = (case_at(stage), format!("{authority}/{number}"));
                let expected = if may(words, role) { cell } else { "role-missing" };
                let found = outcome(permit(case, &signer, act(&signer, words)), case);
                if found != expected {
                    wrong.push(format!("{signer}, {role}: {words} when {stage}: {found}, not {expected}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The case after each act of the story: its state, its parties, then each document with its cover and who holds it.
const AFTER_EACH_ACT: [&str; 7] = [
    "Submitted: kg.gpo tr.moj
     cover of cover: kg.gpo tr.moj
     evidence of cover: kg.gpo tr.moj
     withheld of cover: kg.gpo",
    "Acknowledged: kg.gpo tr.moj
     cover of cover: kg.gpo tr.moj
     evidence of cover: kg.gpo tr.moj
     withheld of cover: kg.gpo",
    "ForwardedToCompetent: kg.gpo tr.ist-cpp tr.moj
     cover of cover: kg.gpo tr.ist-cpp tr.moj
     evidence of cover: kg.gpo tr.moj
     withheld of cover: kg.gpo",
    "Executed: kg.gpo tr.ist-cpp tr.moj
     cover of cover: kg.gpo tr.ist-cpp tr.moj
     evidence of cover: kg.gpo tr.moj
     inside of inside: tr.ist-cpp tr.moj
     protocol of inside: tr.ist-cpp tr.moj
     withheld of cover: kg.gpo",
    "Responded: kg.gpo tr.ist-cpp tr.moj
     annex of answer: kg.gpo tr.moj
     answer of answer: kg.gpo tr.moj
     cover of cover: kg.gpo tr.ist-cpp tr.moj
     evidence of cover: kg.gpo tr.moj
     inside of inside: tr.ist-cpp tr.moj
     protocol of inside: tr.ist-cpp tr.moj
     withheld of cover: kg.gpo",
    "Responded: kg.gpo kg.mvd tr.ist-cpp tr.moj
     annex of answer: kg.gpo tr.moj
     answer of answer: kg.gpo kg.mvd tr.moj
     cover of cover: kg.gpo tr.ist-cpp tr.moj
     evidence of cover: kg.gpo tr.moj
     inside of inside: tr.ist-cpp tr.moj
     protocol of inside: tr.ist-cpp tr.moj
     withheld of cover: kg.gpo",
    "Closed: kg.gpo kg.mvd tr.ist-cpp tr.moj
     annex of answer: kg.gpo tr.moj
     answer of answer: kg.gpo kg.mvd tr.moj
     cover of cover: kg.gpo tr.ist-cpp tr.moj
     evidence of cover: kg.gpo tr.moj
     inside of inside: tr.ist-cpp tr.moj
     protocol of inside: tr.ist-cpp tr.moj
     withheld of cover: kg.gpo",
];

fn codes<'c>(codes: impl Iterator<Item = &'c AuthorityCode>) -> String {
    codes.map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The case in the words of [`AFTER_EACH_ACT`].
fn describe(case: &Case) -> Vec<String> {
    let documents = case.documents().iter();
    let documents =
        documents.map(|(tag, document)| format!("{} of {}: {}", name(tag), name(document.cover()), codes(document.holders().keys())));
    std::iter::once(format!("{:?}: {}", case.state(), codes(case.parties().iter()))).chain(documents).collect()
}

#[test]
fn after_each_act_the_case_has_exactly_these_parties_documents_and_holders() {
    for ((stage, _, _), expected) in STORY.into_iter().zip(AFTER_EACH_ACT) {
        let case = case_at(stage).unwrap();
        assert_eq!(describe(case), expected.lines().map(str::trim).collect::<Vec<_>>(), "{stage}");
        assert_eq!((case.requesting().to_string(), case.requested().to_string()), ("KG".into(), "TR".into()), "{stage}");
    }
}

#[test]
fn a_second_forward_adds_its_recipients_to_the_first() {
    let before = case_at("forwarded").unwrap();
    let more = moved(permit(Some(before), "tr.moj/01", act("tr.moj/01", "forward tr.ank-cpp: cover")).unwrap());
    assert_eq!(
        describe(&more)[..2],
        ["ForwardedToCompetent: kg.gpo tr.ank-cpp tr.ist-cpp tr.moj", "cover of cover: kg.gpo tr.ank-cpp tr.ist-cpp tr.moj"]
    );
}

/// From which stage on a member of the authority, and an auditor of it, may see the case's statements.
const VISIBLE: &str = "
    kg.gpo     | submitted                 | submitted
    kg.mvd     | shared                    | submitted
    tr.moj     | submitted                 | submitted
    tr.ist-cpp | forwarded                 | submitted
    tr.ank-cpp | never                     | submitted
    kz.gp      | never                     | never
";

#[test]
fn a_case_is_visible_to_its_parties_and_to_their_states_auditors() {
    for [authority, as_member, as_auditor] in rows(VISIBLE) {
        let first = |is_auditor| {
            let sees = |stage: &&str| case_at(stage).is_some_and(|case| case.is_visible_to(&authority.parse().unwrap(), is_auditor));
            let seen: Vec<&str> = STAGES.into_iter().filter(sees).collect();
            assert!(seen.is_empty() || STAGES.ends_with(&seen), "{authority}: what was seen once is seen from then on");
            seen.first().copied().unwrap_or("never")
        };
        assert_eq!((first(false), first(true)), (as_member, as_auditor), "{authority}");
    }
}
