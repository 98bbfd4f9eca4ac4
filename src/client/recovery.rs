//! An authority's sealing identity divided among people, and put together again when all who held it have lost it.
//!
//! ```text
//! custodian who holds it       keepers                      custodian who does not
//! split_key ── n shares ──▶    each keeps one
//!                              pass_share ── any m of them ──▶ recover_key: put together, of a key that the directory
//!                                                              names; `recover` in the directory; then kept
//! ```

use super::{Client, ClientError};
use crate::clock;
use crate::domain::{AuthorityCode, Hash, MemberCode, Role};
use crate::seal::{
    IdentityShare, SealingRecipient, ShareRule, SharesRefused, combine_identity, open_share, seal_authority_identity, seal_share,
    split_identity,
};
use crate::trust::MemberRecord;
use crate::wire::{Act, Recovery};

impl Client {
    /// Divides the identity of the key in force: a sealed share for each keeper, of which any `threshold` give it back.
    /// Nothing of it is in the log.
    ///
    /// # Errors
    /// When this profile does not hold the identity, its member is no custodian, or a keeper cannot be one.
    pub fn split_key(&mut self, threshold: u8, keepers: &[MemberCode]) -> Result<Vec<Vec<u8>>, ClientError> {
        self.follow()?;
        let authority = self.profile.member().authority().clone();
        self.require_custodian(self.profile.member(), &authority)?;
        let rule = ShareRule::new(threshold, keepers.len()).map_err(|refused| {
            ClientError::not_possible(
                refused.to_string(),
                "name two to sixteen members with --to, and as --threshold at least 2 and at most all of them",
            )
        })?;
        let recipients = keepers.iter().map(|keeper| self.keeper_key(keeper, keepers)).collect::<Result<Vec<_>, _>>()?;
        let key = self.sealing_in_force(&authority)?.fingerprint();
        let shares = split_identity(&self.load_authority_identity(&key)?, &authority, rule);
        let sealed = shares.iter().zip(&recipients).map(|(share, keeper)| seal_share(share, keeper));
        sealed.collect::<Result<_, _>>().map_err(ClientError::unproven)
    }

    /// Opens a share that this member keeps, and seals it to the custodian who puts the key together.
    ///
    /// # Errors
    /// When it does not open, or they are no custodian of the authority that it is of.
    pub fn pass_share(&mut self, sealed: &[u8], to: &MemberCode) -> Result<Vec<u8>, ClientError> {
        self.follow()?;
        let share = self.open_own_share(sealed)?;
        self.require_custodian(to, share.authority())?;
        seal_share(&share, &self.member_key(to)?).map_err(ClientError::unproven)
    }

    /// Puts the identity of one of the authority's keys together, has the directory say so, and keeps it. Gives the key's
    /// fingerprint. After a failure it can be done again.
    ///
    /// # Errors
    /// When the shares do not give the identity of a key that the directory names for the authority, or the server refuses.
    pub fn recover_key(&mut self, sealed: &[Vec<u8>]) -> Result<Hash, ClientError> {
        self.follow()?;
        let open = |(number, share): (usize, &Vec<u8>)| {
            self.open_own_share(share).map_err(|fault| {
                ClientError::unproven(format!(
                    "share {number} of those you named: {fault}\nhint: whoever keeps it seals it to you with `elchi profile pass-share`"
                ))
            })
        };
        let shares = (1..).zip(sealed).map(open).collect::<Result<Vec<_>, _>>()?;
        let (member, authority) = (self.profile.member().clone(), self.profile.member().authority().clone());
        if let Some(other) = shares.iter().map(IdentityShare::authority).find(|other| **other != authority) {
            return Err(ClientError::not_possible(format!("a share is of {other}'s key"), "its own custodians put it together"));
        }
        let identity = self.require_named(combine_identity(&shares).map_err(explain)?)?;
        let key = identity.recipient().fingerprint();
        let entry_index = self.require_member(&member)?.entry_index();
        let named = self.directory.authority(&authority).and_then(|record| record.key(&key));
        if !named.is_some_and(|key| key.is_held_under(entry_index)) {
            self.publish_entry(|after| Act::Recover(Recovery { after, member, key }))?;
        }
        // From here on the log says that they hold it; a file that is lost is put together again.
        let own = self.profile.load_member_identity()?.recipient();
        let kept = seal_authority_identity(&identity, &authority, &own).map_err(ClientError::unproven)?;
        self.profile.publish_granted_identity(&key, &kept)?;
        Ok(key)
    }

    fn open_own_share(&self, sealed: &[u8]) -> Result<IdentityShare, ClientError> {
        let own = self.profile.load_member_identity()?;
        open_share(sealed, &own).map_err(|refused| ClientError::unproven(format!("the share: {refused}")))
    }

    /// The sealing key of a member of the own state, who is named once.
    fn keeper_key(&self, keeper: &MemberCode, keepers: &[MemberCode]) -> Result<SealingRecipient, ClientError> {
        if keeper.state() != self.profile.member().state() {
            return Err(ClientError::not_possible(format!("{keeper} is of another state"), "name members of your own"));
        }
        if keepers.iter().filter(|other| *other == keeper).count() > 1 {
            return Err(ClientError::not_possible(format!("{keeper} is named twice"), "each keeps one share"));
        }
        self.member_key(keeper)
    }

    pub(super) fn member_key(&self, member: &MemberCode) -> Result<SealingRecipient, ClientError> {
        let sealing = &self.require_member(member)?.entry().sealing;
        sealing.parse().map_err(|_| ClientError::unproven(format!("the sealing key of {member} is no key")))
    }

    pub(super) fn require_member(&self, member: &MemberCode) -> Result<&MemberRecord, ClientError> {
        let record = self.directory.member_at(member, self.directory.as_of(clock::now()));
        record.ok_or_else(|| ClientError::not_possible(format!("{member} is not in the directory"), "ask your registrar"))
    }

    fn require_custodian(&self, member: &MemberCode, authority: &AuthorityCode) -> Result<(), ClientError> {
        let is_custodian = self.require_member(member)?.has_role(&[Role::Custodian]) && member.authority() == authority;
        let hint = "`elchi profile show` lists its custodians";
        is_custodian.then_some(()).ok_or_else(|| ClientError::not_possible(format!("{member} is no custodian of {authority}"), hint))
    }
}

fn explain(refused: SharesRefused) -> ClientError {
    match refused {
        SharesRefused::OtherKey => {
            ClientError::unproven(format!("the shares: {refused}\nhint: shares of two divisions do not mix; try others"))
        }
        _ => ClientError::not_possible(format!("the shares: {refused}"), "bring as many as are needed, of one division, each once"),
    }
}
