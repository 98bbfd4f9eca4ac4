//! A member who signs and sends by hand what their client would never send.

use std::io::Write;

use elchi::client::{ClientError, Profile, Session};
use elchi::clock;
use elchi::crypto::{hash, random_nonce};
use elchi::domain::{AuthorityCode, Hash, Log, Origin, Tag, TreeHead};
use elchi::seal::{DocumentIdentity, SealingRecipient, seal_document, seal_slip};
use elchi::sign::{Signer, sign_detached};
use elchi::wire::{Act, ActAnswer, ActRequest, Base64Bytes, DocumentLine, SlipBody, SlipLine, Statement, encode_statement};

use crate::story_world::World;

pub(super) struct Hand {
    profile: Profile,
    session: Session,
    pub(super) log: Origin,
    directory: TreeHead,
    seen: TreeHead,
    /// The authorities' sealing keys in force.
    keys: Vec<(AuthorityCode, SealingRecipient)>,
}

impl Hand {
    pub(super) fn of(world: &World, member: &str) -> Self {
        let mut client = world.client(member);
        client.follow().unwrap();
        let profile = client.profile().clone();
        let policy = client.policy().policy();
        let session = Session::new(&policy.server, policy.server_spki, profile.load_tls_key().unwrap()).unwrap();
        let directory = client.directory();
        let at = directory.as_of(clock::now());
        let key = |code: &AuthorityCode| (code.clone(), directory.sealing_at(code, at).unwrap().text().parse().unwrap());
        let keys = directory.authorities().map(|(code, _)| key(code)).collect();
        let log = client.policy().origin(Log::Events).clone();
        Self { profile, session, log, directory: client.mirror(Log::Directory).head(), seen: client.mirror(Log::Events).head(), keys }
    }

    /// An authority's sealing key in force.
    pub(super) fn key_of(&self, authority: &str) -> &SealingRecipient {
        &self.keys.iter().find(|(code, _)| code.as_str() == authority).unwrap().1
    }

    pub(super) fn put(&mut self, act: Act, slips: Vec<SlipBody>) -> Result<ActAnswer, ClientError> {
        let (signer, now) = (self.profile.load_statement_signer()?, clock::now_second());
        let statement = Statement {
            log: self.log.clone(),
            act,
            actor: self.profile.member().clone(),
            certificate: signer.certificate().certificate_sha256(),
            directory: self.directory,
            seen: self.seen,
            time: now,
            nonce: random_nonce(),
        };
        let statement = encode_statement(&statement).into_bytes();
        let signature = sign_detached(&signer, &hash(&statement), now).unwrap();
        self.session.put_act(&ActRequest { statement: Base64Bytes(statement), signature: Base64Bytes(signature), slips })
    }

    /// Seals and uploads a document.
    pub(super) fn upload(&mut self, tag: Tag, identity: &DocumentIdentity, text: &[u8]) -> DocumentLine {
        let mut file = tempfile::tempfile().unwrap();
        let mut blob = Vec::new();
        let digests = seal_document(identity, text, &mut blob).unwrap();
        file.write_all(&blob).unwrap();
        let upload = self.session.create_upload(digests.sealed.bytes).unwrap();
        self.session.put_upload(&upload, &file, digests.sealed.bytes, &mut |_, _| {}).unwrap();
        DocumentLine { tag, upload, sha256: digests.sealed.sha256, bytes: digests.sealed.bytes }
    }

    /// A slip of `document` for an authority, which says inside that it is of the document `says`.
    pub(super) fn slip(&self, document: Tag, says: Tag, identity: &DocumentIdentity, to: &str) -> (SlipLine, SlipBody) {
        let recipient = self.key_of(to);
        let slip = seal_slip(identity, &self.log, &says, recipient).unwrap();
        let authority: AuthorityCode = to.parse().unwrap();
        let sha256: Hash = hash(&slip);
        let line = SlipLine { document, authority: authority.clone(), key: recipient.fingerprint(), sha256 };
        (line, SlipBody { document, authority, slip: Base64Bytes(slip) })
    }
}
