//! The registrar's side: a profile folder with the state's CA in it.
//!
//! ```text
//! ca/root.key.age .pem                      the state's root; the key is sealed like a member's (`client::Profile`)
//! ca/issuing.key.age .pem                   its issuing CA
//! invitations/<member>.json                 who was invited and has not come yet
//! admissions/<member>.json                  certificates that were issued, before their entry is published
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ca::{StateCa, Validity, verify_request};
use super::enrolment::{chain_pem, make_key};
use super::letters::{Admission, Enrolment, Invitation, PolicyBundle, load_letter, publish_letter};
use super::policy::{publish_bundle, sign_policy, version_in_force};
use super::witness_rule::WitnessRule;
use crate::client::{Client, ClientError, Profile, Unlock};
use crate::clock;
use crate::crypto::{hash, random_array};
use crate::domain::{AuthorityCode, Hash, MemberCode, Role, StateCode, UtcSecond};
use crate::mla::RevocationReason;
use crate::seal::SealingRecipient;
use crate::sign::Certificate;
use crate::trust::{CertificateProfile, SealingKey};
use crate::wire::{Act, AuthorityEntry, MemberEntry, Revocation, ServerSheet};

/// How long what is issued is valid, in seconds: the CA ten years, a registrar five, a member two.
const CA_SECONDS: u64 = 10 * 365 * 24 * 3600;
const REGISTRAR_SECONDS: u64 = 5 * 365 * 24 * 3600;
const MEMBER_SECONDS: u64 = 2 * 365 * 24 * 3600;

/// Clocks differ: what is issued now is valid from an hour ago.
const BACKDATED_SECONDS: u64 = 3600;

/// Who is to be admitted, and as what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seat {
    /// Who.
    pub member: MemberCode,
    /// What they may do.
    pub roles: Vec<Role>,
    /// Whether they are the first of their authority.
    pub founds: bool,
    /// Whether that authority is the state's central one.
    pub central: bool,
}

/// An invitation that was given out.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pending {
    seat: Seat,
    token: Hash,
}

/// Makes a state's CA and its registrar's profile in the new folder `folder`. Gives the root, PEM.
///
/// # Errors
/// When the folder exists or cannot be written, or there is no key to seal to.
pub fn init_registrar(folder: &Path, member: &MemberCode, unlock: &Unlock) -> Result<String, ClientError> {
    let state = member.state();
    let profile = Profile::create(folder, member, unlock)?;
    let ca = StateCa::create(state, validity(CA_SECONDS)?).map_err(ClientError::unproven)?;
    for name in ["ca", "roots", "invitations", "admissions"] {
        profile.make_folder(name)?;
    }
    profile.publish_key("ca/root.key.age", ca.expose_root_key())?;
    profile.publish_key("ca/issuing.key.age", ca.expose_issuing_key())?;
    let root = certificate(ca.root_der())?.to_pem();
    profile.publish("ca/root.pem", root.as_bytes())?;
    profile.publish("ca/issuing.pem", certificate(ca.issuing_der())?.to_pem().as_bytes())?;
    profile.publish(&format!("roots/{state}.pem"), root.as_bytes())?;
    for (name, kind) in [("tls", CertificateProfile::RegistrarTls), ("statement", CertificateProfile::Registrar)] {
        let spki = verify_request(&make_key(&profile, &format!("{name}.key.age"))?).map_err(ClientError::unproven)?;
        let issued = ca.issue(kind, member, &spki, validity(REGISTRAR_SECONDS)?).map_err(ClientError::unproven)?;
        // A registrar's TLS chain is the leaf alone; the statement's CMS names the root as its issuer.
        let pem = match kind {
            CertificateProfile::RegistrarTls => certificate(&issued)?.to_pem(),
            _ => chain_pem(&issued, ca.root_der())?,
        };
        profile.publish(&format!("{name}.pem"), pem.as_bytes())?;
    }
    Ok(root)
}

/// The registrar at work.
pub struct StateRegistrar {
    profile: Profile,
    ca: StateCa,
}

impl StateRegistrar {
    /// Takes up the registrar's profile.
    ///
    /// # Errors
    /// When a part is missing or does not parse.
    pub fn open(profile: Profile) -> Result<Self, ClientError> {
        let part = |name: &str| {
            Ok::<_, ClientError>((
                profile.load_certificate(&format!("ca/{name}.pem"))?.der().to_vec(),
                profile.load_key(&format!("ca/{name}.key.age"))?,
            ))
        };
        let ca = StateCa::from_stored(part("root")?, part("issuing")?);
        Ok(Self { profile, ca })
    }

    /// Signs the next version of the policy: this server, the own root and the given ones (PEM). It is in force
    /// for the registrar at once, and travels to members in invitations or as a bundle.
    ///
    /// # Errors
    /// When the sheet, a root or a witness cannot be used, or the own state has no witness among them.
    pub fn sign_policy(
        &self,
        server: &ServerSheet,
        other_roots: &[(StateCode, String)],
        rule: &WitnessRule,
    ) -> Result<PolicyBundle, ClientError> {
        let mut roots = BTreeMap::from([(self.profile.member().state(), certificate(self.ca.root_der())?)]);
        for (state, pem) in other_roots {
            let root = Certificate::parse_pem(pem).map_err(|refused| {
                ClientError::not_possible(format!("the root of {state}: {refused}"), "ask that state's registrar for it again")
            })?;
            if roots.insert(*state, root).is_some() {
                return Err(ClientError::not_possible(format!("there are two roots for {state}"), "give each other state's root once"));
            }
        }
        let version = version_in_force(self.profile.folder())? + 1;
        if version > 1 {
            let missing = self.profile.load_roots()?.into_iter().find(|(state, _)| !roots.contains_key(state));
            if let Some((state, _)) = missing {
                let hint = format!("give it again with --root {state}=FILE: members judge the directory's entries of {state} by it");
                return Err(ClientError::not_possible(
                    format!("the policy in force trusts a root of {state}, and this one would not"),
                    hint,
                ));
            }
        }
        let signer = self.profile.load_statement_signer()?;
        let bundle = sign_policy(self.profile.member().state(), version, server, &roots, rule, &signer)?;
        super::policy::verify_bundle(&bundle, self.profile.member().state(), version)?;
        publish_bundle(self.profile.folder(), &bundle)?;
        Ok(bundle)
    }

    /// Invites a member. Who founds an authority becomes its custodian, whatever else they are.
    ///
    /// # Errors
    /// When they are not of the own state, have no role, or there is no policy yet.
    pub fn invite(&self, seat: &Seat) -> Result<Invitation, ClientError> {
        if seat.member.state() != self.profile.member().state() {
            return Err(ClientError::not_possible(format!("{} is of another state", seat.member), "their own registrar invites them"));
        }
        if seat.roles.is_empty() || seat.roles.contains(&Role::Registrar) {
            return Err(ClientError::not_possible(
                "a member needs a role, and registrar is none of a member's",
                "choose drafter, signatory, custodian or auditor",
            ));
        }
        self.profile.load_policy()?;
        let mut roles = seat.roles.clone();
        if seat.founds {
            // Whose machine makes the authority's key hands it on.
            roles.push(Role::Custodian);
        }
        roles.sort();
        roles.dedup();
        let seat = Seat { roles, ..seat.clone() };
        let token = Hash::from_bytes(random_array());
        let invitation = Invitation {
            member: seat.member.clone(),
            roles: seat.roles.clone(),
            founds: seat.founds,
            token,
            policy: self.bundle_in_force()?,
        };
        publish_letter(&self.pending_path(&seat.member), &Pending { seat, token })?;
        Ok(invitation)
    }

    /// Admits who was invited: issues the certificates, then publishes the directory entries. Can be repeated
    /// after a failure, and after success: the same enrolment gets the same certificates.
    ///
    /// # Errors
    /// When there is no such invitation, a key does not check, or the server refuses the entries.
    pub fn admit(&self, client: &mut Client, enrolment: &Enrolment) -> Result<Admission, ClientError> {
        let member = &enrolment.member;
        let pending_path = self.pending_path(member);
        if !pending_path.exists() {
            let none = || ClientError::not_possible(format!("no invitation of {member} is open"), "invite them first");
            return self.load_admission(enrolment)?.ok_or_else(none);
        }
        let pending: Pending = load_letter(&pending_path)?;
        if pending.token != enrolment.token || pending.seat.founds != enrolment.authority_sealing.is_some() {
            return Err(ClientError::unproven(format!("this enrolment does not answer the invitation of {member}")));
        }
        for sealing in [Some(&enrolment.sealing), enrolment.authority_sealing.as_ref()].into_iter().flatten() {
            sealing.parse::<SealingRecipient>().map_err(|_| ClientError::unproven("a sealing key of the enrolment is no key"))?;
        }
        let admission = self.issue_once(enrolment)?;
        client.follow()?;
        if let Some(sealing) = &enrolment.authority_sealing {
            publish_authority(client, member.authority(), pending.seat.central, sealing)?;
        }
        self.publish_member(client, &pending.seat, enrolment, &admission)?;
        fs::remove_file(&pending_path).map_err(ClientError::file("remove", &pending_path))?;
        Ok(admission)
    }

    /// Revokes a member; it holds from the moment that the log has it.
    ///
    /// # Errors
    /// When the server refuses it.
    pub fn revoke(&self, client: &mut Client, member: &MemberCode, reason: RevocationReason) -> Result<(), ClientError> {
        client.publish_entry(|after| Act::Revoke(Revocation { after, member: member.clone(), reason })).map(|_| ())
    }

    /// Replaces an authority's sealing key by one that one of its members made. It takes effect after a day, unless a
    /// custodian cancels it.
    ///
    /// # Errors
    /// When it is no sealing key, the authority is not in the directory, or the server refuses it.
    pub fn replace_key(&self, client: &mut Client, authority: &AuthorityCode, sealing: &str) -> Result<SealingKey, ClientError> {
        sealing.parse::<SealingRecipient>().map_err(|_| ClientError::unproven("this is no sealing key"))?;
        client.publish_replacement(authority, sealing)
    }

    /// The policy in force with its signature and roots.
    ///
    /// # Errors
    /// When a part is missing.
    pub fn bundle_in_force(&self) -> Result<PolicyBundle, ClientError> {
        let read = |name: &str| {
            let path = self.profile.path(name);
            fs::read(&path).map_err(ClientError::file("read", &path))
        };
        let mut roots = BTreeMap::new();
        for (state, der) in self.profile.load_roots()? {
            roots.insert(state, certificate(&der)?.to_pem());
        }
        let policy = String::from_utf8(read("policy.txt")?).map_err(ClientError::unproven)?;
        Ok(PolicyBundle { policy, signature: crate::wire::Base64Bytes(read("policy.p7s")?), roots })
    }

    /// What an enrolment was admitted with before: certificates of the very keys that it has.
    fn load_admission(&self, enrolment: &Enrolment) -> Result<Option<Admission>, ClientError> {
        let path = self.admission_path(&enrolment.member);
        if !path.exists() {
            return Ok(None);
        }
        let earlier: Admission = load_letter(&path)?;
        let certified = [leaf_of(&earlier.tls)?.spki_sha256(), leaf_of(&earlier.statement)?.spki_sha256()];
        let asked = [hash(&key_in(&enrolment.tls_request)?), hash(&key_in(&enrolment.statement_request)?)];
        Ok((earlier.token == enrolment.token && certified == asked).then_some(earlier))
    }

    /// The certificates of an enrolment: issued at its first admission, the same ones afterwards.
    fn issue_once(&self, enrolment: &Enrolment) -> Result<Admission, ClientError> {
        if let Some(earlier) = self.load_admission(enrolment)? {
            return Ok(earlier);
        }
        let (tls_key, statement_key) = (key_in(&enrolment.tls_request)?, key_in(&enrolment.statement_request)?);
        if tls_key == statement_key {
            return Err(ClientError::unproven("the enrolment has one key for connecting and for signing; each use has its own"));
        }
        let issue = |profile: CertificateProfile, key| {
            let issued = self.ca.issue(profile, &enrolment.member, key, validity(MEMBER_SECONDS)?).map_err(ClientError::unproven)?;
            chain_pem(&issued, self.ca.issuer_der(profile))
        };
        let admission = Admission {
            member: enrolment.member.clone(),
            token: enrolment.token,
            tls: issue(CertificateProfile::Tls, &tls_key)?,
            statement: issue(CertificateProfile::Statement, &statement_key)?,
        };
        publish_letter(&self.admission_path(&enrolment.member), &admission)?;
        Ok(admission)
    }

    fn publish_member(&self, client: &mut Client, seat: &Seat, enrolment: &Enrolment, admission: &Admission) -> Result<(), ClientError> {
        let (tls, statement) = (leaf_of(&admission.tls)?, leaf_of(&admission.statement)?);
        let listed = client.directory().members().any(|record| record.entry().tls == tls.certificate_sha256());
        if listed {
            return Ok(());
        }
        let entry = |after| {
            Act::Member(MemberEntry {
                after,
                member: seat.member.clone(),
                roles: seat.roles.clone(),
                tls: tls.certificate_sha256(),
                statement: statement.certificate_sha256(),
                sealing: enrolment.sealing.clone(),
                valid_from: tls.not_before().max(statement.not_before()),
                valid_until: tls.not_after().min(statement.not_after()),
            })
        };
        client.publish_entry(entry).map(|_| ())
    }

    fn admission_path(&self, member: &MemberCode) -> PathBuf {
        self.profile.path(&format!("admissions/{}.json", file_stem(member)))
    }

    fn pending_path(&self, member: &MemberCode) -> PathBuf {
        self.profile.path(&format!("invitations/{}.json", file_stem(member)))
    }
}

fn publish_authority(client: &mut Client, authority: &AuthorityCode, central: bool, sealing: &str) -> Result<(), ClientError> {
    if client.directory().authority(authority).is_some_and(|record| record.first_key().text() == sealing) {
        return Ok(());
    }
    let entry = |after| Act::Authority(AuthorityEntry { after, authority: authority.clone(), central, sealing: sealing.to_owned() });
    client.publish_entry(entry).map(|_| ())
}

/// A member's code as part of a file name: the slash becomes a dash.
fn file_stem(member: &MemberCode) -> String {
    member.to_string().replace('/', "-")
}

/// The key of a signing request, whose signature proves that the member has it: SubjectPublicKeyInfo, DER.
fn key_in(request: &str) -> Result<Vec<u8>, ClientError> {
    verify_request(request).map_err(|fault| ClientError::unproven(format!("a signing request of the enrolment: {fault}")))
}

fn leaf_of(chain_pem: &str) -> Result<Certificate, ClientError> {
    Ok(Certificate::parse_chain_pem(chain_pem).map_err(ClientError::unproven)?.remove(0))
}

fn certificate(der: &[u8]) -> Result<Certificate, ClientError> {
    Certificate::parse_der(der).map_err(ClientError::unproven)
}

fn validity(seconds: u64) -> Result<Validity, ClientError> {
    let now = clock::now_second().unix();
    let second = |unix| UtcSecond::from_unix(unix).map_err(ClientError::unproven);
    Ok(Validity { from: second(now - BACKDATED_SECONDS)?, until: second(now + seconds)? })
}
