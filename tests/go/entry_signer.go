package main

// "op / Who" of "Statements" and "Directory rules" in PROTOCOL.md: who may sign an entry of the directory.

import (
	"errors"
	"fmt"
)

func (e *evidence) isRoot(c *certificate, state string) bool {
	root := e.roots[state]
	return root != nil && root.fingerprint == c.fingerprint
}

// mayWrite: a registrar of the state; a member who revokes themselves; a custodian, for the keys of their authority.
func (d *directory) mayWrite(one *item) error {
	s := one.statement
	if one.byRegistrar {
		if s.op == "cancel" || s.op == "grant" || s.op == "recover" {
			return fmt.Errorf("it is signed by a registrar, and a %s is a custodian's", s.op)
		}
		return nil
	}
	entry, err := d.signerOf(one)
	switch {
	case err != nil:
		return err
	case entry.statement.signs != s.certificate:
		return errors.New("the certificate is not the one in the member's entry")
	case s.op != "cancel" && uint64(entry.first) >= s.directory.size:
		return errors.New("the member's entry changed since the directory line")
	}
	return nil
}

// signerOf is the entry by which a member signs: of themselves, if they revoke it, or as custodian. That of a cancel
// is the one of a day before the replacement, whatever became of it since.
func (d *directory) signerOf(one *item) (*item, error) {
	s := one.statement
	switch {
	case s.op == "revoke" && s.member == s.actor:
		return d.memberAt(s.actor, uint64(one.first), one.timeMs())
	case s.op == "cancel":
		entry, err := d.memberThen(s.actor, d.judgedAt(one))
		if err != nil {
			return nil, err
		}
		return entry, custodianOf(entry, s.authority)
	case s.op == "replace" || s.op == "grant" || s.op == "recover":
		entry, err := d.memberAt(s.actor, uint64(one.first), one.timeMs())
		if err != nil {
			return nil, err
		}
		authority := s.authority
		if s.op != "replace" {
			authority = authorityOf(s.member)
		}
		return entry, custodianOf(entry, authority)
	}
	return nil, errors.New("it is not signed by a registrar of the state")
}

func custodianOf(entry *item, authority string) error {
	s := entry.statement
	if authorityOf(s.member) != authority || !contains(s.roles, "custodian") {
		return fmt.Errorf("%s is no custodian of %s", s.member, authority)
	}
	return nil
}

// isSettled says whether a replacement holds at once: its signer's one entry, in force now, has made them custodian
// for a day, by its leaf and by its line "valid".
func (d *directory) isSettled(one *item) bool {
	if one.byRegistrar {
		return false
	}
	entry, err := d.signerOf(one)
	if err != nil {
		return false
	}
	since := entry.timeMs()
	if from := uint64(entry.statement.from) * 1000; from > since {
		since = from
	}
	return one.timeMs() >= since+dayMs
}

// judgedAt is the moment as of which signer and certificates are judged: the leaf's, but for a cancel exactly a day
// before the leaf of the replacement that it names.
func (d *directory) judgedAt(one *item) uint64 {
	if key := d.cancelledBy(one); key != nil {
		if at := key.entry.timeMs(); at > dayMs {
			return at - dayMs
		}
		return 0
	}
	return one.timeMs()
}

// cancelledBy is the replacement that a cancel names, or nil.
func (d *directory) cancelledBy(one *item) *sealingKey {
	if one.entry == nil || one.statement.op != "cancel" {
		return nil
	}
	return d.replaced[one.statement.entry]
}

// checkClock: a statement's time is within ten minutes of its leaf's; that of a cancel lies between the replacement's
// leaf and its own, each by ten minutes.
func (d *directory) checkClock(one *item) error {
	s := one.statement
	from := one.timeMs()
	if key := d.cancelledBy(one); key != nil {
		from = key.entry.timeMs()
	}
	switch {
	case from == one.timeMs() && !withinTenMinutes(s.time, from):
		return errors.New("its time is more than ten minutes from its leaf's")
	case !notBefore(s.time, from):
		return errors.New("its time is more than ten minutes before the leaf of the replacement")
	case !notAfter(s.time, one.timeMs()):
		return errors.New("its time is more than ten minutes after its leaf's")
	}
	return nil
}
