//! Two states with all their people, and one exchange with a real store in a folder of its own. Everyone
//! here makes acts as their own machine would: sealed, signed, over heads that they were shown.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};

use elchi::clock;
use elchi::crypto::{hash, random_nonce, random_tag};
use elchi::domain::{AuthorityCode, Hash, Log, MemberCode, Role, Tag, TreeHead, UnixMillis, UploadId};
use elchi::exchange::{ActError, Exchange, LogKeys};
use elchi::mla::{RevocationReason, SubmissionKind};
use elchi::registrar::{StateCa, Validity};
use elchi::seal::{
    Digest, DocumentDigests, DocumentIdentity, ExpectedSlip, OpenedSlip, SealingIdentity, open_document, open_slip, seal_document,
    seal_slip,
};
use elchi::sign::{SoftwareSigner, sign_detached};
use elchi::store::{Moment, ProbedFailure, Step, StepProbe, Store};
use elchi::tlog::{Frontier, LogSigningKey, LogVerifierKey, commitment, leaf_hash};
use elchi::trust::{
    CertificateProfile, PeerRefused, Policy, TrustAnchors, VerifiedPeer, VerifiedPolicy, VerifiedReceipt, encode_policy,
    verify_entry_receipt, verify_peer, verify_policy, verify_receipt,
};
use elchi::wire::{
    Act, ActAnswer, ActRequest, AuthorityEntry, Base64Bytes, DocumentLine, EntryBundleName, Forward, MemberEntry, OnCase, OnDocuments,
    Refusal, RefusalCode, Revocation, SignedStatement, SlipBody, SlipLine, Statement, Submit, TILE_WIDTH, decode_entry_bundle,
    decode_event_leaf, encode_statement, parse_tlog_policy,
};

use super::chain::{enrol, state};
use super::store::Home;

/// The authorities, and whether each is its state's central one.
const AUTHORITIES: [(&str, bool); 5] =
    [("kg.gpo", true), ("kg.mvd", false), ("tr.moj", true), ("tr.ist-cpp", false), ("tr.ank-cpp", false)];

/// The members. The last stands in no directory.
const MEMBERS: [(&str, &[Role]); 12] = [
    ("kg.gpo/07", &[Role::Signatory]),
    ("kg.gpo/08", &[Role::Drafter]),
    ("kg.gpo/09", &[Role::Auditor]),
    ("kg.gpo/10", &[Role::Signatory]),
    ("kg.mvd/01", &[Role::Signatory]),
    (AUDITOR, &[Role::Auditor]),
    ("tr.moj/01", &[Role::Signatory, Role::Custodian]),
    ("tr.moj/02", &[Role::Auditor]),
    ("tr.ist-cpp/01", &[Role::Signatory]),
    ("tr.ank-cpp/01", &[Role::Signatory]),
    ("kg.gpo/98", &[Role::Signatory]),
    ("kg.gpo/99", &[]),
];

/// An auditor whose own authority is in no case.
pub(crate) const AUDITOR: &str = "kg.mvd/02";

/// Entered by no one until a test does it.
pub(crate) const NEWCOMER: &str = "kg.gpo/98";
pub(crate) const STRANGER: &str = "kg.gpo/99";

/// The newcomer with new keys, after having left.
pub(crate) const RETURNED: &str = "kg.gpo/98 returned";

pub(crate) const KG_REGISTRAR: &str = "kg.registrar/01";
pub(crate) const TR_REGISTRAR: &str = "tr.registrar/01";

/// A registrar whose root has named them in an authority that has cases.
pub(crate) const GPO_REGISTRAR: &str = "kg.gpo/97";

/// A person's keys and certificates.
pub(crate) struct Person {
    pub(crate) code: MemberCode,
    pub(crate) signer: SoftwareSigner,
    pub(crate) statement_sha256: Hash,
    tls_chain: Vec<Vec<u8>>,
    sealing: SealingIdentity,
    roles: &'static [Role],
}

/// Everyone, made once for all tests.
pub(crate) struct Cast {
    kg: StateCa,
    tr: StateCa,
    people: BTreeMap<&'static str, Person>,
    authorities: BTreeMap<&'static str, SealingIdentity>,
}

pub(crate) fn cast() -> &'static Cast {
    static CAST: OnceLock<Cast> = OnceLock::new();
    CAST.get_or_init(|| {
        let (kg, tr) = (StateCa::create(state("KG"), validity()).unwrap(), StateCa::create(state("TR"), validity()).unwrap());
        let ca = |code: &str| if code.starts_with("kg.") { &kg } else { &tr };
        let mut people: BTreeMap<&str, Person> = MEMBERS
            .into_iter()
            .map(|(code, roles)| (code, person(ca(code), [CertificateProfile::Tls, CertificateProfile::Statement], code, roles)))
            .collect();
        for code in [KG_REGISTRAR, TR_REGISTRAR, GPO_REGISTRAR] {
            people.insert(code, person(ca(code), [CertificateProfile::RegistrarTls, CertificateProfile::Registrar], code, &[]));
        }
        let both = [CertificateProfile::Tls, CertificateProfile::Statement];
        people.insert(RETURNED, person(&kg, both, NEWCOMER, &[Role::Signatory]));
        let authorities = AUTHORITIES.into_iter().map(|(code, _)| (code, SealingIdentity::generate())).collect();
        Cast { kg, tr, people, authorities }
    })
}

fn person(ca: &StateCa, [tls, statement]: [CertificateProfile; 2], code: &str, roles: &'static [Role]) -> Person {
    let connects = enrol(ca, tls, code, validity());
    let signs = enrol(ca, statement, code, validity());
    let mut tls_chain = vec![connects.certificate.der().to_vec()];
    if tls == CertificateProfile::Tls {
        tls_chain.push(connects.issuer.der().to_vec());
    }
    let (signer, statement_sha256) = (signs.signer(), signs.certificate.certificate_sha256());
    Person { code: code.parse().unwrap(), signer, statement_sha256, tls_chain, sealing: SealingIdentity::generate(), roles }
}

impl Cast {
    pub(crate) fn person(&self, code: &str) -> &Person {
        &self.people[code]
    }

    /// The sealing identity of an authority.
    pub(crate) fn identity(&self, authority: &str) -> &SealingIdentity {
        &self.authorities[authority]
    }
}

pub(crate) fn authority(code: &str) -> AuthorityCode {
    code.parse().unwrap()
}

/// A year around now: the exchange reads the machine's clock.
fn validity() -> Validity {
    let now = clock::now().0;
    let year = 365 * 24 * 3600 * 1000;
    Validity { from: UnixMillis(now - year).to_second(), until: UnixMillis(now + year).to_second() }
}

/// A document as its sender has it: sealed, with what opens it.
pub(crate) struct Sealed {
    pub(crate) tag: Tag,
    pub(crate) identity: DocumentIdentity,
    pub(crate) digest: Digest,
    pub(crate) blob: Vec<u8>,
}

pub(crate) fn seal(plaintext: &[u8]) -> Sealed {
    let identity = DocumentIdentity::generate();
    let mut blob = Vec::new();
    let digests = seal_document(&identity, plaintext, &mut blob).unwrap();
    Sealed { tag: random_tag(), identity, digest: digests.sealed, blob }
}

/// A submission before it is signed: everything in it can still be spoilt.
#[derive(Clone)]
pub(crate) struct Parcel {
    pub(crate) submit: Submit,
    pub(crate) slips: Vec<SlipBody>,
}

impl Parcel {
    pub(crate) fn documents(&self) -> Vec<Tag> {
        self.submit.documents.iter().map(|document| document.tag).collect()
    }

    /// The same uploads and slips as another case and other documents.
    pub(crate) fn retagged(&self) -> Self {
        let renamed = |tag: &Tag| Tag::from_bytes(*hash(tag.as_bytes()).as_bytes());
        let mut other = self.clone();
        other.submit.case = random_tag();
        other.submit.documents.iter_mut().for_each(|line| line.tag = renamed(&line.tag));
        other.submit.slips.iter_mut().for_each(|line| line.document = renamed(&line.document));
        other.slips.iter_mut().for_each(|slip| slip.document = renamed(&slip.document));
        other
    }
}

/// A case as someone who follows it knows it.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    pub(crate) tag: Tag,
    pub(crate) after: Hash,
    pub(crate) documents: Vec<Tag>,
}

impl Followed {
    pub(crate) fn on_case(&self) -> OnCase {
        OnCase { case: self.tag, after: self.after }
    }

    pub(crate) fn on_documents(&self) -> OnDocuments {
        OnDocuments { case: self.tag, documents: self.documents.clone() }
    }
}

/// Holds the sequencer before one step, once it is armed.
pub(crate) struct Gate {
    step: Step,
    armed: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl Gate {
    pub(crate) fn before(step: Step) -> Arc<Self> {
        Arc::new(Self { step, armed: Mutex::new(None) })
    }

    /// What tells that the step is reached, and what lets it go on.
    pub(crate) fn arm(&self) -> (Receiver<()>, Sender<()>) {
        let ((reached, is_reached), (go, wait)) = (channel(), channel());
        *self.armed.lock().unwrap() = Some((reached, wait));
        (is_reached, go)
    }
}

impl StepProbe for Gate {
    fn pass(&self, step: Step, moment: Moment) -> Result<(), ProbedFailure> {
        if (step, moment) == (self.step, Moment::Before)
            && let Some((reached, go)) = self.armed.lock().unwrap().take()
        {
            reached.send(()).unwrap();
            go.recv().unwrap();
        }
        Ok(())
    }
}

/// A running exchange, and the receipts that it gave.
pub(crate) struct World {
    home: Home,
    keys: [String; 2],
    running: Option<(Store, Exchange)>,
    pub(crate) policy: VerifiedPolicy,
    receipts: RefCell<Vec<(Log, VerifiedReceipt)>>,
}

impl World {
    /// With everyone in the directory but the newcomer and the stranger.
    pub(crate) fn new() -> Self {
        let world = Self::without_entries();
        for (code, central) in AUTHORITIES {
            world.enter(registrar_of(code), world.authority_entry(code, central));
        }
        for (code, _) in MEMBERS.into_iter().filter(|(code, _)| ![NEWCOMER, STRANGER].contains(code)) {
            world.enter(registrar_of(code), world.member_entry(code));
        }
        world
    }

    /// With both states' roots and an empty directory.
    pub(crate) fn without_entries() -> Self {
        let log_key = |log: Log| LogSigningKey::generate(format!("mla.example/{log}").parse().unwrap()).unwrap();
        let [events, directory] = [log_key(Log::Events), log_key(Log::Directory)];
        let keys = [&events, &directory].map(|key| key.expose_secret().to_string());
        let policy = policy(&events, &directory);
        let mut world = Self { home: Home::in_memory(), keys, running: None, policy, receipts: RefCell::default() };
        world.start();
        world
    }

    fn start(&mut self) {
        let store = self.home.open();
        self.start_on(store);
    }

    pub(crate) fn log_keys(&self) -> LogKeys {
        let [events, directory] = self.keys.each_ref().map(|key| LogSigningKey::parse(key).unwrap());
        LogKeys { events, directory }
    }

    pub(crate) fn verifier_key(&self, log: Log) -> LogVerifierKey {
        let keys = self.log_keys();
        if log == Log::Events { keys.events.verifier_key().clone() } else { keys.directory.verifier_key().clone() }
    }

    pub(crate) fn start_on(&mut self, store: Store) {
        let exchange = Exchange::open(store.clone(), self.log_keys(), anchors()).unwrap();
        self.running = Some((store, exchange));
    }

    /// Ends the exchange and closes the store; gives where the store lies.
    pub(crate) fn stop(&mut self) -> &Home {
        self.running = None;
        &self.home
    }

    /// Restarts over a store whose steps a probe watches.
    pub(crate) fn start_probed(&mut self, probe: Arc<dyn StepProbe>) {
        let settings = self.stop().settings();
        self.start_on(Store::open_with_probe(&settings, probe).unwrap());
    }

    /// What a process that ends and starts again does.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start();
    }

    pub(crate) fn exchange(&self) -> &Exchange {
        &self.running.as_ref().unwrap().1
    }

    pub(crate) fn store(&self) -> &Store {
        &self.running.as_ref().unwrap().0
    }

    /// The published heads, each equal to the stored one.
    pub(crate) fn heads(&self) -> [TreeHead; 2] {
        let (published, stored) = (self.exchange().published(), self.store().load_heads().unwrap());
        Log::ALL.map(|log| {
            assert_eq!(published.head(log).head(), stored.of(log), "what is published is what is stored");
            stored.of(log)
        })
    }

    /// A person's connection, as the handshake proves it.
    pub(crate) fn peer(&self, code: &str) -> VerifiedPeer {
        self.connect(code).unwrap()
    }

    pub(crate) fn connect(&self, code: &str) -> Result<VerifiedPeer, PeerRefused> {
        let chain: Vec<&[u8]> = cast().person(code).tls_chain.iter().map(Vec::as_slice).collect();
        verify_peer(&chain, &self.exchange().published().directory, clock::now())
    }

    /// An act, signed now by `code` over the newest heads.
    pub(crate) fn sign(&self, code: &str, act: Act) -> ActRequest {
        self.sign_changed(code, act, |_| ())
    }

    /// As [`World::sign`], with something else in the statement than an honest machine puts there.
    pub(crate) fn sign_changed(&self, code: &str, act: Act, change: impl FnOnce(&mut Statement)) -> ActRequest {
        let (person, log) = (cast().person(code), act.op().log());
        let published = self.exchange().published();
        let mut statement = Statement {
            log: self.policy.origin(log).clone(),
            act,
            actor: person.code.clone(),
            certificate: person.statement_sha256,
            directory: published.directory_head.head(),
            seen: published.head(log).head(),
            time: clock::now_second(),
            nonce: random_nonce(),
        };
        change(&mut statement);
        sign_text(code, encode_statement(&statement).as_bytes())
    }

    /// Puts an act and verifies the receipt that must come, as the actor's machine does.
    pub(crate) fn accept(&self, code: &str, request: &ActRequest) -> (VerifiedReceipt, Vec<SlipBody>) {
        let ActAnswer { receipt, slips } = self.put(code, request).unwrap();
        let statement = &request.statement.0;
        let is_entry = elchi::wire::parse_statement(statement).unwrap().act.op().log() == Log::Directory;
        let (log, verified) = if is_entry {
            (Log::Directory, verify_entry_receipt(&receipt, statement, &self.policy, clock::now()).unwrap())
        } else {
            let directory = self.exchange().published().directory.clone();
            (Log::Events, verify_receipt(&receipt, statement, &self.policy, &directory, clock::now()).unwrap().0)
        };
        self.receipts.borrow_mut().push((log, verified.clone()));
        (verified, slips)
    }

    pub(crate) fn put(&self, code: &str, request: &ActRequest) -> Result<ActAnswer, ActError> {
        self.exchange().accept_act(&self.peer(code), request.clone())
    }

    /// Puts an act that must be refused, and checks that nothing of it was kept.
    pub(crate) fn refuse(&self, code: &str, request: &ActRequest) -> RefusalCode {
        self.refusal(code, request).code
    }

    pub(crate) fn refusal(&self, code: &str, request: &ActRequest) -> Refusal {
        let peer = self.peer(code);
        self.refusal_of(&peer, request)
    }

    pub(crate) fn refusal_of(&self, peer: &VerifiedPeer, request: &ActRequest) -> Refusal {
        let (before, sha256) = (self.heads(), hash(&request.statement.0));
        let known_before = Log::ALL.map(|log| self.store().load_acceptance(log, &sha256).unwrap());
        let refusal = match self.exchange().accept_act(peer, request.clone()) {
            Err(ActError::Refused(refusal)) => refusal,
            Err(ActError::Fault(fault)) => panic!("a fault where a refusal must be: {fault}"),
            Ok(_) => panic!("it was accepted"),
        };
        assert_eq!(self.heads(), before, "{refusal}: a log has grown");
        assert_eq!(Log::ALL.map(|log| self.store().load_acceptance(log, &sha256).unwrap()), known_before, "{refusal}");
        assert!(!self.exchange().is_stopped(), "{refusal}: the sequencer has stopped");
        refusal
    }

    /// Signs an act without slips, puts it, verifies its receipt.
    pub(crate) fn act(&self, code: &str, act: Act) -> VerifiedReceipt {
        self.accept(code, &self.sign(code, act)).0
    }

    /// Re-verifies everything: each log's leaves make its root, the tree of each receipt is a prefix, and
    /// the events' chains have no gap and open to statements.
    pub(crate) fn check_logs(&self) {
        for log in Log::ALL {
            let head = self.exchange().published().head(log).head();
            let leaves = self.load_leaves(log, head.size);
            let roots = roots_of(&leaves);
            assert_eq!(roots[head.size as usize], head.root, "the {log} log's leaves do not make its root");
            for (_, receipt) in self.receipts.borrow().iter().filter(|(of, _)| *of == log) {
                let seen = receipt.checkpoint().head();
                assert_eq!(roots[seen.size as usize], seen.root, "a receipt was given under another tree");
            }
            if log == Log::Events && head.size > 0 {
                self.check_events(&leaves);
            }
        }
    }

    fn check_events(&self, leaves: &[Vec<u8>]) {
        let auditor = self.peer("kg.gpo/09");
        let (mut chains, mut last) = (BTreeMap::new(), (UnixMillis(0), 0));
        for (index, bytes) in (0u64..).zip(leaves) {
            let leaf = decode_event_leaf(bytes).unwrap();
            let place = (leaf.time, leaf.directory_size);
            assert!(last.0 <= place.0 && last.1 <= place.1, "leaf {index} goes back in time or directory");
            last = place;
            let before = chains.insert((leaf.kind, leaf.tag), (leaf.seq + 1, leaf_hash(bytes)));
            assert_eq!((leaf.seq, leaf.prev), before.unwrap_or((0, Hash::ZERO)), "leaf {index} does not follow its chain");
            let SignedStatement { statement, signature } = self.exchange().load_statement(&auditor, index).unwrap();
            let opens = commitment(leaf.kind, &leaf.tag, &hash(&statement.0), &hash(&signature.0));
            assert_eq!(leaf.commit, opens, "leaf {index} does not open to its statement");
        }
    }

    /// The hash of the first leaf that a receipt proves, as the log has it.
    pub(crate) fn first_leaf(&self, log: Log, receipt: &VerifiedReceipt) -> Hash {
        let leaves = self.load_leaves(log, receipt.checkpoint().head().size);
        leaf_hash(&leaves[receipt.first_index() as usize])
    }

    fn load_leaves(&self, log: Log, size: u64) -> Vec<Vec<u8>> {
        let mut leaves = Vec::new();
        while (leaves.len() as u64) < size {
            let width = (size - leaves.len() as u64).min(u64::from(TILE_WIDTH));
            let name = EntryBundleName::of_leaf(leaves.len() as u64, size).unwrap();
            let bundle = self.exchange().load_entry_bundle(log, name).unwrap();
            leaves.extend(decode_entry_bundle(&bundle, name.width()).unwrap().into_iter().map(<[u8]>::to_vec));
            assert_eq!(u64::from(name.width()), width);
        }
        leaves
    }
}

/// The roots of all prefixes of a log.
fn roots_of(leaves: &[Vec<u8>]) -> Vec<Hash> {
    let mut frontier = Frontier::new();
    let mut roots = vec![frontier.root()];
    for leaf in leaves {
        frontier.append(leaf_hash(leaf));
        roots.push(frontier.root());
    }
    roots
}

/// A text with a person's signature over it.
pub(crate) fn sign_text(code: &str, text: &[u8]) -> ActRequest {
    let signature = sign_detached(&cast().person(code).signer, &hash(text), clock::now_second()).unwrap();
    ActRequest { statement: Base64Bytes(text.to_vec()), signature: Base64Bytes(signature), slips: Vec::new() }
}

pub(crate) fn anchors() -> TrustAnchors {
    TrustAnchors::from_der([(state("KG"), cast().kg.root_der()), (state("TR"), cast().tr.root_der())]).unwrap()
}

fn policy(events: &LogSigningKey, directory: &LogSigningKey) -> VerifiedPolicy {
    let roots = [(state("KG"), cast().kg.root_der().to_vec()), (state("TR"), cast().tr.root_der().to_vec())];
    let lines = [events, directory].map(|key| format!("log {}\n", key.verifier_key().to_wire()));
    let text = encode_policy(&Policy {
        state: state("KG"),
        version: 1,
        time: clock::now_second(),
        server: "127.0.0.1:1".into(),
        server_spki: Hash::ZERO,
        roots: roots.iter().map(|(state, der)| (*state, hash(der))).collect(),
        votes: Vec::new(),
        provisional: None,
        tlog: parse_tlog_policy((lines.concat() + "quorum none\n").as_bytes()).unwrap(),
    });
    let signature = sign_text(KG_REGISTRAR, text.as_bytes()).signature.0;
    verify_policy(text.as_bytes(), &signature, state("KG"), &roots, 0).unwrap()
}

pub(crate) fn registrar_of(code: &str) -> &'static str {
    if code.starts_with("kg.") { KG_REGISTRAR } else { TR_REGISTRAR }
}

/// The directory's side.
impl World {
    pub(crate) fn enter(&self, registrar: &str, act: Act) -> VerifiedReceipt {
        self.act(registrar, act)
    }

    /// Leaf hash of the last entry of a code's state.
    pub(crate) fn last_entry(&self, code: &str) -> Hash {
        let state = authority(code.split('/').next().unwrap()).state();
        self.exchange().published().directory.last_entry(state)
    }

    pub(crate) fn authority_entry(&self, code: &str, central: bool) -> Act {
        let key = cast().authorities.get(code).map_or_else(|| SealingIdentity::generate().recipient(), SealingIdentity::recipient);
        Act::Authority(AuthorityEntry { after: self.last_entry(code), authority: authority(code), central, sealing: key.to_string() })
    }

    pub(crate) fn member_entry(&self, code: &str) -> Act {
        let person = cast().person(code);
        let Validity { from, until } = validity();
        Act::Member(MemberEntry {
            after: self.last_entry(code),
            member: person.code.clone(),
            roles: person.roles.to_vec(),
            tls: hash(&person.tls_chain[0]),
            statement: person.statement_sha256,
            sealing: person.sealing.recipient().to_string(),
            valid_from: from,
            valid_until: until,
        })
    }

    pub(crate) fn revocation(&self, code: &str) -> Act {
        let reason = RevocationReason::KeyCompromise;
        Act::Revoke(Revocation { after: self.last_entry(code), member: code.parse().unwrap(), reason })
    }
}

/// The events' side.
impl World {
    pub(crate) fn upload(&self, code: &str, blob: &[u8]) -> UploadId {
        let peer = self.peer(code);
        let id = self.exchange().create_upload(&peer, blob.len() as u64).unwrap();
        let mut writer = self.exchange().open_upload(&peer, &id).unwrap();
        blob.chunks(512 * 1024).for_each(|piece| writer.write(piece, clock::now()).unwrap());
        writer.finish(clock::now()).unwrap();
        id
    }

    pub(crate) fn document_line(&self, code: &str, sealed: &Sealed) -> DocumentLine {
        let Digest { sha256, bytes } = sealed.digest;
        DocumentLine { tag: sealed.tag, upload: self.upload(code, &sealed.blob), sha256, bytes }
    }

    pub(crate) fn slip(&self, document: &Tag, identity: &DocumentIdentity, to: &str) -> (SlipLine, SlipBody) {
        let recipient = cast().identity(to).recipient();
        let slip = seal_slip(identity, self.policy.origin(Log::Events), document, &recipient).unwrap();
        let line = SlipLine { document: *document, authority: authority(to), key: recipient.fingerprint(), sha256: hash(&slip) };
        (line, SlipBody { document: *document, authority: authority(to), slip: Base64Bytes(slip) })
    }

    /// Seals and uploads a submission of `texts`, the cover first, with a slip of each for everyone.
    pub(crate) fn pack(&self, code: &str, followed: Option<&Followed>, to: &[&str], texts: &[&[u8]]) -> Parcel {
        let own = cast().person(code).code.authority().as_str().to_owned();
        let mut readers: Vec<&str> = to.iter().copied().chain([own.as_str()]).collect();
        readers.sort_by_key(|reader| authority(reader));
        readers.dedup();
        let sealed: Vec<Sealed> = texts.iter().map(|text| seal(text)).collect();
        let slip = |document: &Sealed, reader: &str| self.slip(&document.tag, &document.identity, reader);
        let all = sealed.iter().flat_map(|document| readers.iter().map(|reader| slip(document, reader)).collect::<Vec<_>>());
        let (lines, slips) = all.unzip();
        let mut to: Vec<AuthorityCode> = to.iter().map(|code| authority(code)).collect();
        to.sort();
        let submit = Submit {
            case: followed.map_or_else(random_tag, |case| case.tag),
            after: followed.map_or(Hash::ZERO, |case| case.after),
            kind: if followed.is_some() { SubmissionKind::Response } else { SubmissionKind::Request },
            documents: sealed.iter().map(|document| self.document_line(code, document)).collect(),
            slips: lines,
            to,
        };
        Parcel { submit, slips }
    }

    pub(crate) fn sign_parcel(&self, code: &str, parcel: &Parcel) -> ActRequest {
        ActRequest { slips: parcel.slips.clone(), ..self.sign(code, Act::Submit(parcel.submit.clone())) }
    }

    /// A request packed for `tr.moj` by the signatory of `kg.gpo`, not sent yet.
    pub(crate) fn pack_request(&self) -> Parcel {
        self.pack("kg.gpo/07", None, &["tr.moj"], &[b"the cover", b"a piece of evidence"])
    }

    /// Sends it.
    pub(crate) fn request(&self) -> Followed {
        let parcel = self.pack_request();
        let (receipt, _) = self.accept("kg.gpo/07", &self.sign_parcel("kg.gpo/07", &parcel));
        Followed { tag: parcel.submit.case, after: self.first_leaf(Log::Events, &receipt), documents: parcel.documents() }
    }

    pub(crate) fn respond(&self, code: &str, case: &mut Followed, to: &str) -> Followed {
        let parcel = self.pack(code, Some(case), &[to], &[b"the answer's cover", b"the answer"]);
        case.after = self.first_leaf(Log::Events, &self.accept(code, &self.sign_parcel(code, &parcel)).0);
        Followed { documents: parcel.documents(), ..case.clone() }
    }

    pub(crate) fn acknowledge(&self, case: &mut Followed) {
        case.after = self.first_leaf(Log::Events, &self.act("tr.moj/01", Act::Acknowledge(case.on_case())));
    }

    pub(crate) fn close(&self, case: &mut Followed) {
        case.after = self.first_leaf(Log::Events, &self.act("kg.gpo/07", Act::Close(case.on_case())));
    }

    /// Has the case's documents released, and opens their slips with the authority's identity.
    pub(crate) fn release(&self, code: &str, case: &Followed) -> Vec<(Tag, OpenedSlip)> {
        let (_, slips) = self.accept(code, &self.sign(code, Act::Release(case.on_documents())));
        let own = cast().identity(cast().person(code).code.authority().as_str());
        let open = |body: SlipBody| {
            let sha256 = hash(&body.slip.0);
            let expected = ExpectedSlip { log: self.policy.origin(Log::Events), document: &body.document, sha256: &sha256 };
            (body.document, open_slip(&body.slip.0, own, &expected).unwrap())
        };
        slips.into_iter().map(open).collect()
    }

    /// A forward of the case's documents, signed and not sent yet.
    pub(crate) fn pack_forward(&self, code: &str, case: &Followed, to: &[&str]) -> ActRequest {
        let opened = self.release(code, case);
        let pairs: Vec<_> =
            opened.iter().flat_map(|(tag, slip)| to.iter().map(|to| self.slip(tag, slip.identity(), to)).collect::<Vec<_>>()).collect();
        self.sign_forward(code, case, to, pairs)
    }

    pub(crate) fn sign_forward(&self, code: &str, case: &Followed, to: &[&str], slips: Vec<(SlipLine, SlipBody)>) -> ActRequest {
        let (lines, bodies) = slips.into_iter().unzip();
        let to = to.iter().map(|code| authority(code)).collect();
        let forward = Forward { case: case.tag, after: case.after, documents: case.documents.clone(), slips: lines, to };
        ActRequest { slips: bodies, ..self.sign(code, Act::Forward(forward)) }
    }

    pub(crate) fn forward(&self, code: &str, case: &mut Followed, to: &[&str]) {
        let request = self.pack_forward(code, case, to);
        case.after = self.first_leaf(Log::Events, &self.accept(code, &request).0);
    }

    /// The bytes of a released blob.
    pub(crate) fn fetch_blob(&self, code: &str, document: &Tag) -> Result<Vec<u8>, RefusalCode> {
        let reader = match self.exchange().open_released_blob(&self.peer(code), document) {
            Ok(reader) => reader,
            Err(ActError::Refused(refusal)) => return Err(refusal.code),
            Err(ActError::Fault(fault)) => panic!("{fault}"),
        };
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < reader.bytes() {
            bytes.extend(reader.read_at(bytes.len() as u64, clock::now()).unwrap());
        }
        Ok(bytes)
    }

    /// The case's blobs come to `code`, and open with these slips to what the sender had.
    pub(crate) fn assert_opens(&self, code: &str, case: &Followed, opened: &[(Tag, OpenedSlip)], texts: &[&[u8]]) {
        assert_eq!(opened.iter().map(|(tag, _)| *tag).collect::<Vec<_>>(), case.documents);
        for ((tag, slip), text) in opened.iter().zip(texts) {
            let blob = self.fetch_blob(code, tag).unwrap();
            let sealed = Digest { sha256: hash(&blob), bytes: blob.len() as u64 };
            let plaintext = Digest { sha256: hash(text), bytes: text.len() as u64 };
            let expected = DocumentDigests { sealed, plaintext };
            assert_eq!(open_document(slip.identity(), blob.as_slice(), Vec::new(), &expected).unwrap().into_output(), *text);
        }
    }
}
