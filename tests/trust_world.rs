//! Three states as `trust` alone sees them: a directory that is folded entry by entry, statements that are really
//! signed, acts written in a few words so that a table of them can be read. No server, no store, one fixed time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use elchi::crypto::{hash, random_nonce};
use elchi::domain::{AuthorityCode, Hash, MemberCode, Origin, Role, Tag, TreeHead, UnixMillis, UploadId};
use elchi::mla::{RevocationReason, SubmissionKind};
use elchi::sign::{SoftwareSigner, sign_detached};
use elchi::tlog::leaf_hash;
use elchi::trust::{
    ActPermit, Case, CertificateProfile, Directory, JudgedAt, TrustAnchors, VerifiedEntry, VerifiedStatement, permit_act, verify_statement,
};
use elchi::wire::{
    Act, AuthorityEntry, Cancellation, DocumentLine, Forward, Grant, MemberEntry, OnCase, OnDocuments, OnSlips, Recovery, Refusal,
    Replacement, Revocation, SlipLine, Statement, Submit, encode_directory_leaf, encode_statement,
};

use super::chain::{AT, at, enrol, second, state, state_ca, validity};

/// The authorities, and whether each is its state's central one. Each has the four members of [`ROLES`].
pub(super) const AUTHORITIES: [(&str, bool); 6] =
    [("kg.gpo", true), ("kg.mvd", false), ("tr.moj", true), ("tr.ist-cpp", false), ("tr.ank-cpp", false), ("kz.gp", true)];

/// The number of the member who has the role and no other.
pub(super) const ROLES: [(&str, Role); 4] =
    [("01", Role::Signatory), ("02", Role::Drafter), ("03", Role::Custodian), ("04", Role::Auditor)];

const REGISTRARS: [&str; 3] = ["kg.registrar/01", "tr.registrar/01", "kz.registrar/01"];

/// In no directory until a test enters them. After `~` stands which of a person's keys.
const NEWCOMERS: [&str; 8] =
    ["kg.gpo/90", "kg.gpo/90~2", "kg.gpo/01~2", "kg.smb/01", "kg.mvd/90", "tr.moj/90", "kg.registrar/01~member", "kg.registrar/01~expired"];

/// A person's keys and certificates.
pub(super) struct Person {
    pub(super) code: MemberCode,
    pub(super) certificate_sha256: Hash,
    signer: SoftwareSigner,
}

struct Cast {
    anchors: Arc<TrustAnchors>,
    people: BTreeMap<String, Person>,
}

fn cast() -> &'static Cast {
    static CAST: OnceLock<Cast> = OnceLock::new();
    CAST.get_or_init(|| {
        let cas = ["KG", "TR", "KZ"].map(|code| (code, state_ca(code)));
        let anchors = TrustAnchors::from_der(cas.iter().map(|(code, ca)| (state(code), ca.root_der()))).unwrap();
        let members = AUTHORITIES.into_iter().flat_map(|(code, _)| ROLES.map(|(number, _)| format!("{code}/{number}")));
        let labels = members.chain(REGISTRARS.into_iter().chain(NEWCOMERS).map(str::to_owned));
        let make = |label: String| {
            let code = label.split('~').next().unwrap();
            let (_, ca) = cas.iter().find(|(state, _)| code.starts_with(&state.to_lowercase())).unwrap();
            let registrar = code.contains("registrar") && !label.ends_with("~member");
            let profile = if registrar { CertificateProfile::Registrar } else { CertificateProfile::Statement };
            let mut valid = validity();
            if label.ends_with("~expired") {
                valid.until = second("2026-06-01T00:00:00Z");
            }
            let member = enrol(ca, profile, code, valid);
            let certificate_sha256 = member.certificate.certificate_sha256();
            (label.clone(), Person { code: code.parse().unwrap(), certificate_sha256, signer: member.signer() })
        };
        Cast { anchors: Arc::new(anchors), people: labels.map(make).collect() }
    })
}

pub(super) fn person(label: &str) -> &'static Person {
    &cast().people[label]
}

/// The lines of a table, each with `N` cells.
pub(super) fn rows<const N: usize>(table: &str) -> Vec<[&str; N]> {
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("{line}"))).collect()
}

// ---- acts in words ----

/// A name of a case or document that can be read again.
pub(super) fn tag(name: &str) -> Tag {
    let mut bytes = [b' '; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Tag::from_bytes(bytes)
}

pub(super) fn name(tag: &Tag) -> &str {
    std::str::from_utf8(tag.as_bytes()).unwrap().trim_end()
}

fn sealing(authority: &AuthorityCode) -> String {
    format!("age1pq1{authority}")
}

/// The sealing key of this name; the first one of an authority has its code.
pub(super) fn sealing_key(name: &str) -> (String, Hash) {
    let text = format!("age1pq1{name}");
    let fingerprint = hash(text.as_bytes());
    (text, fingerprint)
}

pub(super) fn slip(document: Tag, authority: &AuthorityCode) -> SlipLine {
    SlipLine { document, authority: authority.clone(), key: hash(sealing(authority).as_bytes()), sha256: Hash::ZERO }
}

/// An act of `signer`: `request tr.moj: cover evidence`, `forward tr.ist-cpp: cover`, `close`, `member kg.gpo/90 drafter`,
/// `replace kg.gpo new`, `replace kg.gpo newer over new`, `grant kg.gpo/01`, `grant kg.gpo/01 of new`, `recover` alike, `rewrap new: cover`.
/// Slips go to everyone who is named, and of a submission to the sender; of a document called `withheld` to nobody
/// else. It builds on nothing: see [`following`].
pub(super) fn act(signer: &str, words: &str) -> Act {
    let (head, names) = words.split_once(':').unwrap_or((words, ""));
    let (op, rest) = head.split_once(' ').unwrap_or((head, ""));
    let documents: Vec<Tag> = names.split_whitespace().map(tag).collect();
    let (case, after) = (tag("case"), Hash::ZERO);
    match op {
        "request" => Act::Submit(submit(signer, SubmissionKind::Request, rest, documents)),
        "response" => Act::Submit(submit(signer, SubmissionKind::Response, rest, documents)),
        "release" => Act::Release(OnDocuments { case, documents }),
        "opened" => Act::Opened(OnDocuments { case, documents }),
        "unwrap" => Act::Unwrap(OnDocuments { case, documents }),
        "rewrap" => Act::Rewrap(on_slips(signer, rest, documents)),
        "confirm" => Act::Confirm(on_slips(signer, rest, documents)),
        "reject" => Act::Reject(on_slips(signer, rest, documents)),
        "acknowledge" => Act::Acknowledge(OnCase { case, after }),
        "forward" => {
            let to = authorities(rest);
            let slips = documents.iter().flat_map(|document| to.iter().map(|to| slip(*document, to))).collect();
            Act::Forward(Forward { case, after, documents, slips, to: to.into_iter().collect() })
        }
        "close" => Act::Close(OnCase { case, after }),
        "authority" => {
            let authority: AuthorityCode = rest.trim_end_matches(" central").parse().unwrap();
            Act::Authority(AuthorityEntry { after, sealing: sealing(&authority), authority, central: rest.ends_with(" central") })
        }
        "member" => Act::Member(member_entry(rest)),
        "revoke" => Act::Revoke(Revocation { after, member: rest.parse().unwrap(), reason: RevocationReason::KeyCompromise }),
        "replace" => {
            let (authority, name) = rest.split_once(' ').unwrap();
            let (name, old) = name.split_once(" over ").unwrap_or((name, authority));
            let (key, sealing) = (sealing_key(old).1, sealing_key(name).0);
            Act::Replace(Replacement { after, authority: authority.parse().unwrap(), key, sealing })
        }
        "grant" => {
            let (label, name) = rest.split_once(" of ").unwrap_or((rest, rest.split('/').next().unwrap()));
            Act::Grant(Grant { after, member: label.parse().unwrap(), key: sealing_key(name).1 })
        }
        "recover" => {
            let (label, name) = rest.split_once(" of ").unwrap_or((rest, rest.split('/').next().unwrap()));
            Act::Recover(Recovery { after, member: label.parse().unwrap(), key: sealing_key(name).1 })
        }
        _ => panic!("no act: {words}"),
    }
}

/// The signer's authority's slips of documents: those that a rewrap to the key of this name makes; without one, the first.
fn on_slips(signer: &str, name: &str, documents: Vec<Tag>) -> OnSlips {
    let own = person(signer).code.authority().clone();
    let first = |document: &Tag| slip(*document, &own);
    let anew =
        |document: &Tag| SlipLine { key: sealing_key(name).1, sha256: hash(format!("{name} {document}").as_bytes()), ..first(document) };
    let slips = documents.iter().map(|document| if name.is_empty() { first(document) } else { anew(document) }).collect();
    OnSlips { case: tag("case"), documents, slips }
}

fn authorities(words: &str) -> BTreeSet<AuthorityCode> {
    words.split_whitespace().map(|code| code.parse().unwrap()).collect()
}

fn submit(signer: &str, kind: SubmissionKind, to: &str, documents: Vec<Tag>) -> Submit {
    let own = person(signer).code.authority();
    let to = authorities(to);
    let mut readers = to.clone();
    readers.insert(own.clone());
    let pairs = documents.iter().flat_map(|document| readers.iter().map(|reader| slip(*document, reader)));
    let slips = pairs.filter(|slip| slip.authority == *own || slip.document != tag("withheld")).collect();
    let line = |tag: &Tag| DocumentLine { tag: *tag, upload: UploadId::ZERO, sha256: Hash::ZERO, bytes: 1 };
    let documents = documents.iter().map(line).collect();
    Submit { case: tag("case"), after: Hash::ZERO, kind, documents, slips, to: to.into_iter().collect() }
}

/// `kg.gpo/90~2 drafter signatory`: an entry with that person's certificates, as long as they are valid.
pub(super) fn member_entry(words: &str) -> MemberEntry {
    let (label, roles) = words.split_once(' ').unwrap();
    let person = person(label);
    MemberEntry {
        after: Hash::ZERO,
        member: person.code.clone(),
        roles: roles.split(' ').map(|role| role.parse().unwrap()).collect(),
        tls: hash(label.as_bytes()),
        statement: person.certificate_sha256,
        sealing: format!("age1pq1{label}"),
        valid_from: validity().from,
        valid_until: validity().until,
    }
}

/// The act, building on this event or entry.
pub(super) fn following(mut act: Act, last: Hash) -> Act {
    match &mut act {
        Act::Submit(Submit { after, .. })
        | Act::Acknowledge(OnCase { after, .. })
        | Act::Close(OnCase { after, .. })
        | Act::Forward(Forward { after, .. })
        | Act::Authority(AuthorityEntry { after, .. })
        | Act::Member(MemberEntry { after, .. })
        | Act::Revoke(Revocation { after, .. })
        | Act::Replace(Replacement { after, .. })
        | Act::Cancel(Cancellation { after, .. })
        | Act::Grant(Grant { after, .. })
        | Act::Recover(Recovery { after, .. }) => *after = last,
        Act::Release(_) | Act::Opened(_) | Act::Unwrap(_) | Act::Rewrap(_) | Act::Confirm(_) | Act::Reject(_) | Act::Inspect(_) => {}
    }
    act
}

// ---- statements ----

pub(super) fn origin(log: &str) -> Origin {
    format!("mla.example/{log}").parse().unwrap()
}

/// A statement's bytes and its signature.
pub(super) type Signed = (Vec<u8>, Vec<u8>);

pub(super) fn sign(signer: &str, act: Act) -> Signed {
    sign_changed(signer, act, |_| ())
}

/// As [`sign`], with something else in the statement than an honest machine puts there.
pub(super) fn sign_changed(signer: &str, act: Act, change: impl FnOnce(&mut Statement)) -> Signed {
    let Person { code, certificate_sha256, signer } = person(signer);
    let mut statement = Statement {
        log: origin(&act.op().log().to_string()),
        act,
        actor: code.clone(),
        certificate: *certificate_sha256,
        directory: TreeHead { size: 0, root: Hash::ZERO },
        seen: TreeHead { size: 0, root: Hash::ZERO },
        time: second(AT),
        nonce: random_nonce(),
    };
    change(&mut statement);
    let text = encode_statement(&statement).into_bytes();
    let signature = sign_detached(signer, &hash(&text), second(AT)).unwrap();
    (text, signature)
}

// ---- the directory ----

pub(super) fn empty_directory() -> Directory {
    Directory::new(origin("directory"), cast().anchors.clone())
}

/// With all authorities and their members.
pub(super) fn directory() -> &'static Directory {
    static DIRECTORY: OnceLock<Directory> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let mut directory = empty_directory();
        for (code, central) in AUTHORITIES {
            enter(&mut directory, registrar_of(code), &format!("authority {code}{}", if central { " central" } else { "" }));
            for (number, role) in ROLES {
                enter(&mut directory, registrar_of(code), &format!("member {code}/{number} {role}"));
            }
        }
        directory
    })
}

pub(super) fn registrar_of(code: &str) -> &'static str {
    REGISTRARS.into_iter().find(|registrar| registrar[..2] == code[..2]).unwrap()
}

/// Judges an entry that builds on the last one of its signer's state.
pub(super) fn judge(directory: &Directory, signer: &str, act: Act) -> Result<VerifiedEntry, Refusal> {
    let last = directory.last_entry(person(signer).code.state());
    judge_signed(directory, &sign(signer, following(act, last)))
}

/// As [`judge`], signed and judged at that time.
pub(super) fn judge_at(directory: &Directory, signer: &str, act: Act, time: UnixMillis) -> Result<VerifiedEntry, Refusal> {
    let last = directory.last_entry(person(signer).code.state());
    let (text, signature) = sign_changed(signer, following(act, last), |statement| statement.time = time.to_second());
    directory.verify_entry(&text, &signature, time)
}

/// As [`enter`], at that time.
pub(super) fn enter_at(directory: &mut Directory, signer: &str, words: &str, time: UnixMillis) -> Hash {
    let entry = judge_at(directory, signer, act(signer, words), time).unwrap_or_else(|refusal| panic!("{signer} {words}: {refusal}"));
    apply(directory, entry).unwrap()
}

pub(super) fn judge_signed(directory: &Directory, (text, signature): &Signed) -> Result<VerifiedEntry, Refusal> {
    directory.verify_entry(text, signature, at())
}

/// Applies an entry under the hash of its leaf, and gives that.
pub(super) fn apply(directory: &mut Directory, entry: VerifiedEntry) -> Result<Hash, Refusal> {
    let leaf = leaf_hash(&encode_directory_leaf(&entry.to_leaf()).unwrap());
    directory.apply_entry(entry, leaf).map(|()| leaf)
}

/// An entry that must be taken; gives its leaf's hash.
pub(super) fn enter(directory: &mut Directory, signer: &str, words: &str) -> Hash {
    let entry = judge(directory, signer, act(signer, words)).unwrap_or_else(|refusal| panic!("{signer} {words}: {refusal}"));
    apply(directory, entry).unwrap()
}

// ---- the case ----

/// Now, with the whole directory.
pub(super) fn now() -> JudgedAt {
    at_size(directory().size())
}

pub(super) fn at_size(directory_size: u64) -> JudgedAt {
    JudgedAt { directory_size, time: at() }
}

pub(super) fn verified(signer: &str, act: Act) -> VerifiedStatement {
    let log = origin(&act.op().log().to_string());
    let (text, signature) = sign(signer, act);
    verify_statement(&text, &signature, &log, directory(), now()).unwrap()
}

/// Judges an act that builds on the case's last event.
pub(super) fn permit(case: Option<&Case>, signer: &str, act: Act) -> Result<ActPermit, Refusal> {
    let last = case.map_or(Hash::ZERO, Case::last_event);
    permit_act(case, verified(signer, following(act, last)), directory(), now())
}

/// The case after the act. The statement's hash stands for the leaf's, which is the log's business.
pub(super) fn moved(permit: ActPermit) -> Case {
    let leaf = permit.statement().sha256();
    permit.into_case(Some(leaf))
}

/// One case from its beginning to its end: where it stands after each act.
pub(super) const STORY: [(&str, &str, &str); 7] = [
    ("submitted", "kg.gpo/01", "request tr.moj: cover evidence withheld"),
    ("acknowledged", "tr.moj/01", "acknowledge"),
    ("forwarded", "tr.moj/01", "forward tr.ist-cpp: cover"),
    ("executed", "tr.ist-cpp/01", "response tr.moj: inside protocol"),
    ("responded", "tr.moj/01", "response kg.gpo: answer annex"),
    ("shared", "kg.gpo/01", "forward kg.mvd: answer"),
    ("closed", "kg.gpo/01", "close"),
];

/// The case at a stage of [`STORY`]; nothing at the stage `none`.
pub(super) fn case_at(stage: &str) -> Option<&'static Case> {
    static STAGES: OnceLock<Vec<Case>> = OnceLock::new();
    let stages = STAGES.get_or_init(|| {
        let mut stages: Vec<Case> = Vec::new();
        for (stage, signer, words) in STORY {
            let permit = permit(stages.last(), signer, act(signer, words));
            stages.push(moved(permit.unwrap_or_else(|refusal| panic!("{stage}: {refusal}"))));
        }
        stages
    });
    let place = STORY.iter().position(|(named, _, _)| *named == stage);
    place.map(|place| &stages[place])
}
