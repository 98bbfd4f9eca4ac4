//! What members may read: checkpoints and leaves all of it, statements only of cases they are in.

use super::directory_log::StoredNodes;
use super::views::{Released, load_case, load_leaf_statement};
use super::{ActError, Exchange, ExchangeFault};
use crate::domain::{AuthorityCode, Log, Tag};
use crate::tlog::{NodeSource as _, register_tag};
use crate::trust::VerifiedPeer;
use crate::wire::{
    Act, Base64Bytes, EntryBundleName, HashTileName, Refusal, RefusalCode, SignedStatement, encode_entry_bundle, parse_statement,
};

impl Exchange {
    /// An entry bundle of a log (C2SP tlog-tiles), if the log has grown that far.
    ///
    /// # Errors
    /// A refusal when it has not; or a fault.
    pub fn load_entry_bundle(&self, log: Log, name: EntryBundleName) -> Result<Vec<u8>, ActError> {
        let range = name.first_leaf()..name.first_leaf().saturating_add(name.width().into());
        if range.end > self.published().head(log).head().size {
            return Err(Refusal::not_found().into());
        }
        let leaves = self.store.load_leaves(log, range)?;
        Ok(encode_entry_bundle(&leaves).map_err(|_| ExchangeFault::Damaged { what: "leaves" })?)
    }

    /// A hash tile of a log (C2SP tlog-tiles), if the log has grown that far.
    ///
    /// # Errors
    /// A refusal when it has not; or a fault.
    pub fn load_hash_tile(&self, log: Log, name: HashTileName) -> Result<Vec<u8>, ActError> {
        if name.tree_size_min() > self.published().head(log).head().size {
            return Err(Refusal::not_found().into());
        }
        let nodes = StoredNodes { store: &self.store, log };
        let hashes = name.first_node()..name.first_node() + u64::from(name.width());
        let hashes = hashes.map(|index| nodes.load_node(name.node_level(), index)).collect::<Result<Vec<_>, _>>()?;
        Ok(hashes.iter().flat_map(|hash| *hash.as_bytes()).collect())
    }

    /// The statement behind a leaf of the events log, to those who may see its case: a registrar sees none.
    ///
    /// # Errors
    /// One refusal for what is not there and for what is not theirs; or a fault.
    pub fn load_statement(&self, peer: &VerifiedPeer, index: u64) -> Result<SignedStatement, ActError> {
        let sha256 = load_leaf_statement(&self.store, index)?.ok_or_else(Refusal::not_found)?;
        let stored = self.store.load_statement(&sha256)?.ok_or(ExchangeFault::Damaged { what: "statements" })?;
        let statement = parse_statement(&stored.statement).map_err(|_| ExchangeFault::Damaged { what: "statements" })?;
        match &statement.act {
            Act::Inspect(act) => require_own(peer, &act.authority)?,
            act => self.require_visible(peer, act.case().ok_or_else(Refusal::not_found)?)?,
        }
        Ok(SignedStatement { statement: Base64Bytes(stored.statement), signature: Base64Bytes(stored.signature) })
    }

    /// Members of a party see a case. An auditor of a party's state does, who has said so on the register of a party.
    fn require_visible(&self, peer: &VerifiedPeer, case: &Tag) -> Result<(), ActError> {
        let case = load_case(&self.store, case)?.ok_or(ExchangeFault::Damaged { what: "cases" })?;
        let own = peer.member().authority();
        if peer.is_registrar() || !case.is_visible_to(own, peer.is_auditor()) {
            return Err(Refusal::not_found().into());
        }
        if case.parties().contains(own) {
            return Ok(());
        }
        for party in case.parties().iter().filter(|party| party.state() == own.state()) {
            if self.load_release(Released::Register, peer, &register_tag(party))?.is_some() {
                return Ok(());
            }
        }
        Err(Refusal::new(RefusalCode::NotReleased, "no inspection by you of a register of this case is in force").into())
    }
}

/// An inspection is seen by whom it is of, and by auditors of their state.
fn require_own(peer: &VerifiedPeer, authority: &AuthorityCode) -> Result<(), Refusal> {
    let own = peer.member().authority();
    let is_own = own == authority || peer.is_auditor() && own.state() == authority.state();
    if !peer.is_registrar() && is_own { Ok(()) } else { Err(Refusal::not_found()) }
}
