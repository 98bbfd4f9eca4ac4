//! Statements have one spelling: whatever is written is read back, whatever else is refused.

use elchi::domain::{AuthorityCode, Hash, Log, MemberCode, Nonce, Role, Tag, TreeHead, UploadId, UtcSecond};
use elchi::mla::{RevocationReason, SubmissionKind};
use elchi::wire::{
    Act, AuthorityEntry, Cancellation, DocumentLine, Forward, Grant, Inspection, MemberEntry, OnCase, OnDocuments, OnSlips, Recovery,
    Replacement, Revocation, SlipLine, Statement, StatementMalformed, Submit, encode_statement, parse_statement,
};
use proptest::prelude::*;

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::from_bytes)
}

fn tag() -> impl Strategy<Value = Tag> {
    any::<[u8; 32]>().prop_map(Tag::from_bytes)
}

fn authority() -> impl Strategy<Value = AuthorityCode> {
    "(kg|tr)\\.[a-z][a-z0-9]{0,8}(\\.[a-z0-9]{1,5})?".prop_map(|text| text.parse().unwrap())
}

fn member() -> impl Strategy<Value = MemberCode> {
    (authority(), "[0-9]{2,6}").prop_map(|(authority, number)| format!("{authority}/{number}").parse().unwrap())
}

fn tree_head() -> impl Strategy<Value = TreeHead> {
    (any::<u64>(), hash()).prop_map(|(size, root)| TreeHead { size, root })
}

fn second() -> impl Strategy<Value = UtcSecond> {
    (0u64..253_402_300_799).prop_map(|seconds| UtcSecond::from_unix(seconds).unwrap())
}

fn tags() -> impl Strategy<Value = Vec<Tag>> {
    proptest::collection::btree_set(tag(), 1..4).prop_map(|tags| tags.into_iter().rev().collect())
}

fn recipients() -> impl Strategy<Value = Vec<AuthorityCode>> {
    proptest::collection::btree_set(authority(), 1..4).prop_map(|codes| codes.into_iter().collect())
}

fn slips_for(documents: &[Tag], to: &[AuthorityCode], key: Hash) -> Vec<SlipLine> {
    let slip = |document: &Tag, authority: &AuthorityCode| SlipLine { document: *document, authority: authority.clone(), key, sha256: key };
    documents.iter().flat_map(|document| to.iter().map(move |authority| slip(document, authority))).collect()
}

fn submit() -> impl Strategy<Value = Act> {
    (tag(), hash(), prop_oneof![Just(SubmissionKind::Request), Just(SubmissionKind::Response)], tags(), recipients(), any::<u64>(), hash())
        .prop_map(|(case, after, kind, tags, to, bytes, digest)| {
            let upload = UploadId::from_bytes(*digest.as_bytes());
            let documents = tags.iter().map(|tag| DocumentLine { tag: *tag, upload, sha256: digest, bytes }).collect();
            Act::Submit(Submit { case, after, kind, documents, slips: slips_for(&tags, &to, digest), to })
        })
}

fn forward() -> impl Strategy<Value = Act> {
    (tag(), hash(), tags(), recipients(), hash()).prop_map(|(case, after, documents, to, digest)| {
        let slips = slips_for(&documents, &to, digest);
        Act::Forward(Forward { case, after, documents, slips, to })
    })
}

fn on_slips() -> impl Strategy<Value = OnSlips> {
    (tag(), tags(), authority(), hash()).prop_map(|(case, documents, own, digest)| {
        let slips = slips_for(&documents, &[own], digest);
        OnSlips { case, documents, slips }
    })
}

fn member_entry() -> impl Strategy<Value = Act> {
    let roles = proptest::sample::subsequence(Role::ALL.to_vec(), 1..=5);
    (hash(), member(), roles, hash(), hash(), "age1pq1[a-z0-9]{5,40}", second(), second()).prop_map(
        |(after, member, roles, tls, statement, sealing, valid_from, valid_until)| {
            Act::Member(MemberEntry { after, member, roles, tls, statement, sealing, valid_from, valid_until })
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    let on_documents = (tag(), tags()).prop_map(|(case, documents)| OnDocuments { case, documents }).boxed();
    let on_case = (tag(), hash()).prop_map(|(case, after)| OnCase { case, after }).boxed();
    let authority_entry = (hash(), authority(), any::<bool>(), "age1pq1[a-z0-9]{5,40}")
        .prop_map(|(after, authority, central, sealing)| Act::Authority(AuthorityEntry { after, authority, central, sealing }));
    let revocation =
        (hash(), member()).prop_map(|(after, member)| Act::Revoke(Revocation { after, member, reason: RevocationReason::KeyCompromise }));
    let replacement = (hash(), authority(), hash(), "age1pq1[a-z0-9]{5,40}")
        .prop_map(|(after, authority, key, sealing)| Act::Replace(Replacement { after, authority, key, sealing }));
    let cancellation =
        (hash(), authority(), hash()).prop_map(|(after, authority, entry)| Act::Cancel(Cancellation { after, authority, entry }));
    let recover = (hash(), member(), hash()).prop_map(|(after, member, key)| Act::Recover(Recovery { after, member, key }));
    let grant = (hash(), member(), hash()).prop_map(|(after, member, key)| Act::Grant(Grant { after, member, key }));
    prop_oneof![
        submit(),
        forward(),
        on_documents.clone().prop_map(Act::Release),
        on_documents.clone().prop_map(Act::Opened),
        on_documents.prop_map(Act::Unwrap),
        on_slips().prop_map(Act::Rewrap),
        on_slips().prop_map(Act::Confirm),
        on_slips().prop_map(Act::Reject),
        authority().prop_map(|authority| Act::Inspect(Inspection { authority })),
        on_case.clone().prop_map(Act::Acknowledge),
        on_case.prop_map(Act::Close),
        authority_entry,
        member_entry(),
        revocation,
        replacement,
        cancellation,
        grant,
        recover,
    ]
}

fn statement() -> impl Strategy<Value = Statement> {
    (act(), member(), hash(), tree_head(), tree_head(), second(), any::<[u8; 32]>()).prop_map(
        |(act, actor, certificate, directory, seen, time, nonce)| Statement {
            log: format!("mla.example/{}", act.op().log()).parse().unwrap(),
            act,
            actor,
            certificate,
            directory,
            seen,
            time,
            nonce: Nonce::from_bytes(nonce),
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(statement in statement()) {
        let text = encode_statement(&statement);
        prop_assert_eq!(parse_statement(text.as_bytes()).unwrap(), statement);
    }

    #[test]
    fn exactly_what_moves_a_case_or_a_directory_names_what_it_builds_on(act in act()) {
        prop_assert_eq!(act.after().is_some(), act.op().moves_case() || act.op().log() == Log::Directory);
    }

    /// Any one changed byte is either refused or makes another statement, never the same one.
    #[test]
    fn a_changed_byte_never_means_the_same(statement in statement(), at: prop::sample::Index, to: u8) {
        let mut bytes = encode_statement(&statement).into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        if let Ok(other) = parse_statement(&bytes) {
            prop_assert_ne!(&other, &statement);
            prop_assert_eq!(encode_statement(&other).into_bytes(), bytes);
        }
    }

    #[test]
    fn a_missing_or_doubled_line_is_refused_or_means_something_else(statement in statement(), at: prop::sample::Index, double: bool) {
        let text = encode_statement(&statement);
        let mut lines: Vec<&str> = text.lines().collect();
        let at = at.index(lines.len());
        if double { lines.insert(at, lines[at]) } else { lines.remove(at); }
        let other = lines.join("\n") + "\n";
        if let Ok(parsed) = parse_statement(other.as_bytes()) {
            prop_assert_ne!(parsed, statement);
        }
    }

    #[test]
    fn foreign_text_is_refused_without_a_panic(text in "\\PC{0,300}", bytes: Vec<u8>) {
        prop_assert!(parse_statement(text.as_bytes()).is_err());
        prop_assert!(parse_statement(&bytes).is_err());
        let headed = format!("elchi-statement/v1\n{text}\n");
        prop_assert!(parse_statement(headed.as_bytes()).is_err());
    }
}

const ACKNOWLEDGE: &str = "elchi-statement/v1
log mla.example/events
op acknowledge
case 5f0c000000000000000000000000000000000000000000000000000000000000
after 83d1000000000000000000000000000000000000000000000000000000000000
actor tr.moj/01
certificate 91ab000000000000000000000000000000000000000000000000000000000000
directory 14 77e0000000000000000000000000000000000000000000000000000000000000
seen 12 09c4000000000000000000000000000000000000000000000000000000000000
time 2026-11-23T20:19:00Z
nonce 4be1000000000000000000000000000000000000000000000000000000000000
";

#[test]
fn the_example_is_a_statement() {
    let statement = parse_statement(ACKNOWLEDGE.as_bytes()).unwrap();
    assert_eq!(statement.actor.to_string(), "tr.moj/01");
    assert_eq!(statement.directory.size, 14);
}

#[test]
fn other_spellings_of_the_example_are_refused() {
    let other_spellings = [
        ACKNOWLEDGE.trim_end().to_owned(),
        ACKNOWLEDGE.to_owned() + "\n",
        ACKNOWLEDGE.replace('\n', "\r\n"),
        ACKNOWLEDGE.replace("directory 14", "directory 014"),
        ACKNOWLEDGE.replace("directory 14", "directory +14"),
        ACKNOWLEDGE.replace("directory 14", "directory  14"),
        ACKNOWLEDGE.replace("actor tr.moj/01", "actor tr.moj/01 "),
        ACKNOWLEDGE.replace("actor tr.moj/01", "actor\ttr.moj/01"),
        ACKNOWLEDGE.replace("5f0c", "5F0C"),
        ACKNOWLEDGE.replace("20:19:00Z", "20:19:00+00:00"),
        ACKNOWLEDGE.replace("op acknowledge", "op Acknowledge"),
        ACKNOWLEDGE.replace("mla.example/events", "mla.example/directory"),
        ACKNOWLEDGE.replace("statement/v1", "statement/v2"),
        ACKNOWLEDGE.replace("op acknowledge", "op acknowledge\nextra 1"),
    ];
    for text in other_spellings {
        assert!(parse_statement(text.as_bytes()).is_err(), "accepted:\n{text}");
    }
}

#[test]
fn the_wrong_line_is_named() {
    let text = ACKNOWLEDGE.replace("actor tr.moj/01", "actor tr.moj");
    let fault = parse_statement(text.as_bytes()).unwrap_err();
    assert!(matches!(fault, StatementMalformed::Value { line: 6, .. }), "{fault}");
    let fault = parse_statement(ACKNOWLEDGE.replace("case ", "kase ").as_bytes()).unwrap_err();
    assert_eq!(fault, StatementMalformed::Unexpected { line: 4, expected: "case" });
}

#[test]
fn lists_out_of_order_or_with_something_twice_are_refused() {
    let two = "to kg.gpo\nto tr.moj\n";
    let document = format!("document {0} upload {0} sha256 {0} bytes 7\n", "01".repeat(32));
    let slip = |to: &str| format!("slip {0} {to} key {0} sha256 {0}\n", "01".repeat(32));
    let submit = |documents: &str, slips: &str, to: &str| {
        let head_and_foot = ACKNOWLEDGE.replace("op acknowledge", "op submit");
        head_and_foot.replace("actor ", &format!("kind request\n{documents}{slips}{to}actor "))
    };
    let slips = slip("kg.gpo") + &slip("tr.moj");
    assert!(parse_statement(submit(&document, &slips, two).as_bytes()).is_ok());
    for (documents, slips, to) in [
        (document.clone(), slips.clone(), "to tr.moj\nto kg.gpo\n"),
        (document.clone(), slips.clone(), "to kg.gpo\nto kg.gpo\n"),
        (document.clone(), slip("tr.moj") + &slip("kg.gpo"), two),
        (document.clone(), slip("kg.gpo") + &slip("kg.gpo"), two),
        (document.clone(), slips.replace(&format!("slip {}", "01".repeat(32)), &format!("slip {}", "02".repeat(32))), two),
        (document.repeat(2), slips.clone(), two),
        (document.clone(), String::new(), two),
        (String::new(), slips.clone(), two),
        (document.clone(), slips.clone(), ""),
    ] {
        assert!(parse_statement(submit(&documents, &slips, to).as_bytes()).is_err());
    }
}

#[test]
fn too_many_documents_are_refused() {
    let line = |n: u32| format!("document {}\n", Tag::from_bytes(std::array::from_fn(|at| n.to_be_bytes()[at % 4])));
    let release = |count: u32| {
        let documents: String = (0..count).map(line).collect();
        let text =
            ACKNOWLEDGE.replace("op acknowledge", "op release").replace(&ACKNOWLEDGE[ACKNOWLEDGE.find("after").unwrap()..][..71], "");
        text.replace("actor ", &format!("{documents}actor "))
    };
    assert!(parse_statement(release(256).as_bytes()).is_ok());
    assert!(matches!(parse_statement(release(257).as_bytes()), Err(StatementMalformed::List("document"))));
}
