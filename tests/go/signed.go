package main

// "Signatures", "Certificates" and "When a statement is taken" in PROTOCOL.md: what holds for every statement, as of
// its leaf's time and the directory's size at that moment.

import (
	"errors"
	"fmt"
)

// verifySigned: the signature, the certificate's path at the moment that counts, and the statement's clock.
func (e *evidence) verifySigned(one *item) bool {
	s := one.statement
	good := e.check(one.file("signature.p7s"), "Signatures", one.cms.verify(one.raw))
	if s.certificate != one.cms.signer.fingerprint {
		e.wrong(one.file("statement.txt"), "Statements", "it names another certificate than the one that signed")
		good = false
	}
	e.check(one.file("statement.txt"), "When a statement is taken", e.register.checkClock(one))
	return e.check(one.file("signer.pem"), "Certificates", e.checkPath(one)) && good
}

// checkPath: a registrar's certificate is under the root and signs for the directory; a member's is under an
// issuing CA. The actor's state is the root's.
func (e *evidence) checkPath(one *item) error {
	code, seconds := one.statement.actor, int64(e.register.judgedAt(one)/1000)
	root := e.roots[stateOf(code)]
	if root == nil {
		return fmt.Errorf("there is no good root of %s to check it by", stateOf(code))
	}
	if e.isRoot(one.cms.issuer, stateOf(code)) {
		if one.log != "directory" {
			return errors.New("a registrar signs for the directory only")
		}
		return checkRegistrarPath(one.cms.signer, root, code, seconds)
	}
	return checkMemberPath(one.cms.signer, one.cms.issuer, root, code, seconds)
}

// Which roles may do what: the table "op / Who" of "Statements".
var rolesOfOp = map[string][]string{
	"submit": {"signatory"}, "forward": {"signatory"}, "acknowledge": {"signatory"}, "close": {"signatory"},
	"release": {"drafter", "signatory", "custodian"}, "opened": {"drafter", "signatory", "custodian"},
	"unwrap": {"drafter", "signatory", "custodian"}, "confirm": {"drafter", "signatory", "custodian"},
	"reject": {"drafter", "signatory", "custodian"}, "rewrap": {"custodian"}, "inspect": {"auditor"},
}

// verifyStatements: every act is signed by a member whom the directory has in force, in a role that may do it.
func (e *evidence) verifyStatements() {
	once := map[digest]string{}
	keys := map[string]string{}
	for state, root := range e.roots {
		keys[string(root.parsed.RawSubjectPublicKeyInfo)] = state
	}
	for _, one := range e.events {
		if one.directorySize() > uint64(e.checkpoints["directory"].tree.N) {
			e.wrong(one.leafFile(one.first), "Leaves", "its directory size is greater than the directory log's")
		}
		e.verifySigned(one)
		e.check(one.file("statement.txt"), "When a statement is taken", e.checkActor(one))
		e.check(one.file("statement.txt"), "When a statement is taken", e.checkAuthorities(one))
		if one.statement.op == "inspect" {
			e.check(one.file("statement.txt"), "Statements", e.checkInspected(one))
		}
	}
	for _, one := range append(append([]*item{}, e.directory...), e.events...) {
		sum := sumOfBytes(one.raw)
		if other, twice := once[sum]; twice {
			e.wrong(one.file("statement.txt"), "When a statement is taken", "the same statement is in %s", other)
		}
		once[sum] = one.at
		e.checkKeyOfState(one, keys)
	}
	e.say("statements: %d acts and %d directory entries: signature, path, clock, entry in force, role", len(e.events), len(e.directory))
}

// checkKeyOfState: no two states have one key, neither of a root nor of an issuing CA.
func (e *evidence) checkKeyOfState(one *item, keys map[string]string) {
	spki, state := string(one.cms.issuer.parsed.RawSubjectPublicKeyInfo), stateOf(one.statement.actor)
	if other, there := keys[spki]; there && other != state {
		e.wrong(one.file("issuer.pem"), "Certificates", "%s and %s have one key", other, state)
	}
	keys[spki] = state
}

func (e *evidence) checkActor(one *item) error {
	s := one.statement
	entry, err := e.register.memberAt(s.actor, one.directorySize(), one.timeMs())
	if err != nil {
		return err
	}
	if entry.statement.signs != s.certificate {
		return fmt.Errorf("the certificate is not the one in the entry of %s", s.actor)
	}
	if uint64(entry.first) >= s.directory.size {
		return fmt.Errorf("the entry of %s changed since the directory line", s.actor)
	}
	for _, role := range rolesOfOp[s.op] {
		if contains(entry.statement.roles, role) {
			return nil
		}
	}
	return fmt.Errorf("%s has no role that may %s", s.actor, s.op)
}

// checkAuthorities: who receives was in the directory when the actor looked, with the same sealing key, and each slip
// that comes is sealed to the key in force for whom it is. One that is only named may be sealed to another.
func (e *evidence) checkAuthorities(one *item) error {
	s, size, timeMs := one.statement, one.directorySize(), one.timeMs()
	for _, code := range s.to {
		seen := e.register.keySeen(code, s.directory.size, timeMs)
		if seen == nil {
			return fmt.Errorf("the authority %s is not in the directory that the actor saw", code)
		}
		if seen != e.register.keyAt(code, size, timeMs) {
			return fmt.Errorf("the sealing key of %s changed since the directory line", code)
		}
	}
	if s.op == "confirm" || s.op == "reject" {
		return nil
	}
	for _, p := range s.slips {
		key := e.register.keyAt(p.authority, size, timeMs)
		if key == nil {
			return fmt.Errorf("a slip is for %s, which is not in the directory", p.authority)
		}
		if key.print != p.key {
			return fmt.Errorf("the slip of document %s for %s is sealed to another key than the one in force", p.document, p.authority)
		}
	}
	return nil
}

// checkInspected: an auditor inspects the registers of their own state, of authorities that the directory has.
func (e *evidence) checkInspected(one *item) error {
	s := one.statement
	switch {
	case stateOf(s.authority) != stateOf(s.actor):
		return fmt.Errorf("an auditor of %s inspects the register of %s", stateOf(s.actor), s.authority)
	case e.register.authorityAt(s.authority, one.directorySize()) == nil:
		return fmt.Errorf("it inspects the register of %s, which is not in the directory", s.authority)
	}
	return nil
}
