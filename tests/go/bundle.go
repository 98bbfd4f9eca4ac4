package main

// "Bundles" in PROTOCOL.md: one case, and all leaves of the events log, so that nothing of it can be missing.

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	leavesName = "logs/events.leaves"
	pageName   = "READ-ME-FIRST.html"
)

// isBundle says whether the folder is one.
func (e *evidence) isBundle() bool {
	_, there := e.files[leavesName]
	return there
}

// expectBundle takes the two files that a bundle has more.
func (e *evidence) expectBundle() {
	if e.isBundle() {
		e.file(leavesName)
		e.file(pageName)
	}
}

// verifyBundle holds a bundle's leaves against the checkpoint, and the statements here against the leaves.
func (e *evidence) verifyBundle() {
	if !e.isBundle() {
		return
	}
	caseTag, one := e.oneCase()
	if !one {
		e.wrong("events", "Bundles", "it has not the statements of exactly one case")
	}
	leaves := e.readAllLeaves()
	store := hashStore{}
	for i, leaf := range leaves {
		store.append(int64(i), tlog.Hash(leaf.hash))
	}
	root, err := store.rootAt(uint64(len(leaves)))
	if err != nil || root != digest(e.checkpoints["events"].tree.Hash) {
		e.wrong(leavesName, "Bundles", "its leaves have not the root of logs/events.checkpoint")
		return
	}
	e.allLeaves = store
	own := e.checkOwnLeaves(leaves, caseTag)
	e.say("bundle: %d leaves have the root of the events log; %d are of case %s and its documents, each with its statement", len(leaves), own, caseTag)
}

// oneCase is the case of all statements here.
func (e *evidence) oneCase() (digest, bool) {
	if len(e.events) == 0 {
		return zeroDigest, false
	}
	tag := e.events[0].statement.caseTag
	for _, one := range e.events {
		if one.statement.op == "inspect" || one.statement.caseTag != tag {
			return tag, false
		}
	}
	return tag, true
}

// readAllLeaves reads the leaves and holds their order.
func (e *evidence) readAllLeaves() []*event {
	raw := e.files[leavesName]
	if int64(len(raw)) != eventLeafLength*e.checkpoints["events"].tree.N {
		e.wrong(leavesName, "Bundles", "it has %d bytes, and not 136 for each of %d leaves", len(raw), e.checkpoints["events"].tree.N)
		return nil
	}
	var leaves []*event
	for i := 0; i < len(raw); i += eventLeafLength {
		leaf, err := parseEvent(raw[i : i+eventLeafLength])
		if err == nil && i > 0 {
			before := leaves[len(leaves)-1]
			if leaf.timeMs < before.timeMs || leaf.directorySize < before.directorySize {
				err = fmt.Errorf("its time or directory size is less than that of the leaf before it")
			}
		}
		if err != nil {
			e.wrong(leavesName, "Bundles", "leaf %d: %v", i/eventLeafLength, err)
			return nil
		}
		leaf.index = int64(i / eventLeafLength)
		leaves = append(leaves, leaf)
	}
	return leaves
}

// checkOwnLeaves: whatever has a tag of the case is a leaf of a statement here.
func (e *evidence) checkOwnLeaves(leaves []*event, caseTag digest) int {
	tags, here := map[digest]bool{caseTag: true}, map[int64]digest{}
	for _, one := range e.events {
		for _, d := range one.statement.documents {
			tags[d.tag] = true
		}
		for _, leaf := range one.leaves {
			here[leaf.index] = leaf.hash
		}
	}
	count := 0
	for _, leaf := range leaves {
		if !tags[leaf.tag] {
			continue
		}
		count++
		if here[leaf.index] != leaf.hash {
			e.wrong(leavesName, "Bundles", "leaf %d is of %s, and its statement is not here", leaf.index, leaf.chain)
		}
	}
	return count
}
