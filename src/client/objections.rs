//! Objecting to a replacement of the own authority's sealing key, before it takes effect: by oneself, or, for who can no
//! longer connect, by a letter that any member of the state hands in.

use super::{Client, ClientError, SignedBytes};
use crate::clock;
use crate::domain::{Hash, Log};
use crate::trust::VerifiedReceipt;
use crate::wire::{Act, Base64Bytes, Cancellation, SignedStatement, parse_statement};

impl Client {
    /// Cancels the pending replacement of the own authority's key.
    ///
    /// # Errors
    /// When none is pending, this member may not object, or the server refuses.
    pub fn cancel_replacement(&mut self) -> Result<VerifiedReceipt, ClientError> {
        self.follow()?;
        let signed = self.sign_cancellation(None)?;
        self.put_cancellation(signed)
    }

    /// A signed cancellation, for a member of the same state to hand in: of the pending replacement that this machine
    /// knows of, or of the one whose entry has this leaf hash.
    ///
    /// # Errors
    /// When this machine knows of none, or the statement key cannot be used.
    pub fn write_cancellation(&self, entry: Option<Hash>) -> Result<SignedStatement, ClientError> {
        let SignedBytes { statement, signature } = self.sign_cancellation(entry)?;
        Ok(SignedStatement { statement: Base64Bytes(statement), signature: Base64Bytes(signature) })
    }

    /// Hands in a cancellation that somebody of the own state signed.
    ///
    /// # Errors
    /// When it is no cancellation, or the server refuses it.
    pub fn submit_cancellation(&mut self, letter: SignedStatement) -> Result<VerifiedReceipt, ClientError> {
        let statement = parse_statement(&letter.statement.0).map_err(ClientError::unproven)?;
        if !matches!(statement.act, Act::Cancel(_)) {
            let hint = "name the file that `elchi directory cancel --out` wrote";
            return Err(ClientError::not_possible(format!("this is a signed {}, no cancellation", statement.act.op()), hint));
        }
        self.follow()?;
        self.put_cancellation(letter.into())
    }

    fn put_cancellation(&mut self, signed: SignedBytes) -> Result<VerifiedReceipt, ClientError> {
        let receipt = self.put_signed_entry(signed)?;
        self.follow_receipt(Log::Directory, &receipt)?;
        Ok(receipt)
    }

    /// It builds on the replacement itself, so that no entry that comes in between makes it void.
    fn sign_cancellation(&self, entry: Option<Hash>) -> Result<SignedBytes, ClientError> {
        let authority = self.profile.member().authority().clone();
        let pending = || self.directory.authority(&authority)?.pending_at(self.directory.as_of(clock::now()));
        let entry = entry.or_else(|| pending().map(|key| key.place().leaf())).ok_or_else(|| {
            let hint = "if you were told of one that this machine does not know, name its entry with --entry";
            ClientError::not_possible(format!("no replacement of {authority}'s key is pending"), hint)
        })?;
        self.sign_statement(Act::Cancel(Cancellation { after: entry, authority, entry }), &self.profile.load_statement_signer()?)
    }
}
