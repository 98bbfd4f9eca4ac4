package main

// "Leaves" in PROTOCOL.md: the chains of leaves per kind and tag.

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

func sumOfBytes(raw []byte) digest { return sha256.Sum256(raw) }

// verifyChains: seq counts from 0 and prev is the leaf before, in every chain. Those of cases and documents must be
// here from their first leaf. A register also has leaves of cases, and of inspections by the other state's auditors, that
// need not be here, unless the folder claims to hold every act of the register's state.
func (e *evidence) verifyChains() {
	last := map[chain]*event{}
	gaps, linked := 0, 0
	gapped := map[digest]bool{}
	complete := e.registersThatMustBeWhole()
	for _, one := range e.events {
		for _, leaf := range one.leaves {
			whole := leaf.kind != kindRegister || complete[leaf.tag] || e.allLeavesHere()
			gap, err := follows(last[leaf.chain], leaf, whole)
			e.check(one.leafFile(leaf.index), "Leaves", err)
			if gap {
				gaps++
				gapped[leaf.tag] = true
			} else {
				linked++
			}
			last[leaf.chain] = leaf
		}
	}
	if !e.isBundle() {
		e.check("events", "Evidence", e.someRegisterIsWhole(last, gapped))
	}
	e.say("chains: %d of cases, documents and registers: %d leaves right after the one before, %d after a gap in a register", len(last), linked, gaps)
}

// someRegisterIsWhole: whether an auditor's or a member's folder, it holds every statement of every case that one
// authority of the policy's state, at least, is in; so that authority's register has no gap.
func (e *evidence) someRegisterIsWhole(last map[chain]*event, gapped map[digest]bool) error {
	for code := range e.register.authorities {
		tag := registerTag(code)
		if stateOf(code) == e.policy.state && last[chain{kindRegister, tag}] != nil && !gapped[tag] {
			return nil
		}
	}
	if len(e.events) == 0 {
		return nil
	}
	return fmt.Errorf("the register of no authority of %s is here without a gap", e.policy.state)
}

// allLeavesHere says whether the folder holds the whole events log.
func (e *evidence) allLeavesHere() bool {
	return int64(e.leafCount()-len(e.directory)) == e.checkpoints["events"].tree.N
}

func (e *evidence) registersThatMustBeWhole() map[digest]bool {
	whole := map[digest]bool{}
	for code := range e.register.authorities {
		if e.settings.whole != "" && strings.ToUpper(code[:2]) == e.settings.whole {
			whole[registerTag(code)] = true
		}
	}
	return whole
}

// follows holds a leaf against the leaf of its chain that is the last before it here.
func follows(before, leaf *event, whole bool) (gap bool, err error) {
	next, prev, from := uint64(0), zeroDigest, int64(-1)
	if before != nil {
		next, prev, from = before.seq+1, before.hash, before.index
	}
	switch {
	case leaf.seq == next && leaf.prev == prev:
		return false, nil
	case leaf.seq == next:
		return false, fmt.Errorf("its prev is not the hash of the leaf before it in %s", leaf.chain)
	case leaf.seq < next:
		return false, fmt.Errorf("its seq is %d, and %d comes next in %s", leaf.seq, next, leaf.chain)
	case whole:
		return true, fmt.Errorf("its seq is %d, and %d comes next in %s: a statement is missing", leaf.seq, next, leaf.chain)
	case leaf.seq-next > uint64(leaf.index-from-1):
		return true, fmt.Errorf("its seq is %d after %d in %s, and so many leaves do not stand between them", leaf.seq, next, leaf.chain)
	}
	return true, nil
}
