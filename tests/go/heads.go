package main

// "Statements" and "When a statement is taken" in PROTOCOL.md: the lines "directory" and "seen" are heads that the
// logs went through.

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// emptyRoot is the root of an empty tree.
var emptyRoot = digest(sha256.Sum256(nil))

// A hashStore has the hashes of complete subtrees that are known, by sumdb/tlog's numbering.
type hashStore map[int64]tlog.Hash

var errUnknownHash = errors.New("a hash is not known")

func (h hashStore) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, index := range indexes {
		hash, there := h[index]
		if !there {
			return nil, errUnknownHash
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

// rootAt is the root of the log's first leaves, if enough hashes are known.
func (h hashStore) rootAt(size uint64) (digest, error) {
	if size == 0 {
		return emptyRoot, nil
	}
	root, err := tlog.TreeHash(int64(size), h)
	return digest(root), err
}

// learn takes the subtrees that a verified inclusion proof shows: those beside the path from the leaf, and those on it.
func (h hashStore) learn(path tlog.RecordProof, lo, hi, index int64, leaf tlog.Hash) tlog.Hash {
	hash := leaf
	if lo+1 < hi {
		middle := lo + largestPowerBelow(hi-lo)
		beside, rest := path[len(path)-1], path[:len(path)-1]
		if index < middle {
			h.keep(middle, hi, beside)
			hash = tlog.NodeHash(h.learn(rest, lo, middle, index, leaf), beside)
		} else {
			h.keep(lo, middle, beside)
			hash = tlog.NodeHash(beside, h.learn(rest, middle, hi, index, leaf))
		}
	}
	h.keep(lo, hi, hash)
	return hash
}

// keep stores the hash of a subtree if it is complete, which then never changes.
func (h hashStore) keep(lo, hi int64, hash tlog.Hash) {
	level := 0
	for int64(1)<<uint(level) < hi-lo {
		level++
	}
	if int64(1)<<uint(level) == hi-lo && lo%(hi-lo) == 0 {
		h[tlog.StoredHashIndex(level, lo>>uint(level))] = hash
	}
}

// largestPowerBelow is the largest power of two that is less than n, which is at least 2.
func largestPowerBelow(n int64) int64 {
	power := int64(1)
	for power*2 < n {
		power *= 2
	}
	return power
}

// storeOf has the hashes of a log: all of them if all leaves are here, otherwise those that the proofs show.
func (e *evidence) storeOf(log string, items []*item) hashStore {
	if log == "events" && e.allLeaves != nil {
		return e.allLeaves
	}
	store, tree, count := hashStore{}, e.checkpoints[log].tree, int64(0)
	for _, one := range items {
		for i, hash := range one.hashes() {
			if one.first+int64(i) == count {
				store.append(count, tlog.Hash(hash))
				count++
			}
		}
	}
	if count == tree.N {
		return store
	}
	store = hashStore{}
	for _, one := range items {
		for i, hash := range one.hashes() {
			index := one.first + int64(i)
			p, err := parseProof(e.files[one.proofFile(index)])
			if err == nil && tlog.CheckRecord(p.path, tree.N, tree.Hash, index, tlog.Hash(hash)) == nil {
				store.learn(p.path, 0, tree.N, index, tlog.Hash(hash))
			}
		}
	}
	return store
}

// append adds a leaf to a log of which all leaves before it are known.
func (h hashStore) append(index int64, leaf tlog.Hash) {
	hashes, err := tlog.StoredHashesForRecordHash(index, leaf, h)
	if err != nil {
		return
	}
	start := tlog.StoredHashIndex(0, index)
	for i, hash := range hashes {
		h[start+int64(i)] = hash
	}
}

// verifyHeads compares every head with the root of the log's leaves, as far as these are here.
func (e *evidence) verifyHeads() {
	stores := map[string]hashStore{"directory": e.storeOf("directory", e.directory), "events": e.storeOf("events", e.events)}
	e.verifyLogRoots(stores)
	compared, unknown := 0, 0
	judge := func(one *item, line, log string, h head, bound uint64) {
		err := e.checkHead(stores[log], log, h, bound)
		if err == errUnknownHash {
			unknown++
			return
		}
		if e.check(one.file("statement.txt"), "When a statement is taken", prefixed(line, err)) {
			compared++
		}
	}
	for _, one := range append(append([]*item{}, e.directory...), e.events...) {
		judge(one, "directory", "directory", one.statement.directory, one.directorySize())
		judge(one, "seen", one.log, one.statement.seen, uint64(one.first))
	}
	e.say("heads: %d lines directory and seen are roots of the logs, %d cannot be computed from what is here", compared, unknown)
}

func prefixed(line string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("its line %s: %v", line, err)
}

// checkHead: the head is not of a log larger than it was then, is one that a checkpoint may have had, and is its root.
func (e *evidence) checkHead(store hashStore, log string, h head, bound uint64) error {
	if h.size > bound || h.size > uint64(e.checkpoints[log].tree.N) {
		return fmt.Errorf("size %d is greater than the log was then", h.size)
	}
	if log == "events" {
		if at := e.parts(int64(h.size)); at != "" {
			return fmt.Errorf("size %d parts the leaves of %s, as no checkpoint does", h.size, at)
		}
	}
	root, err := store.rootAt(h.size)
	if err == nil && root != h.root {
		err = fmt.Errorf("it is not the root at size %d", h.size)
	}
	return err
}

// parts names the statement whose leaves are on both sides of a size.
func (e *evidence) parts(size int64) string {
	for _, one := range e.events {
		if one.first < size && size < one.first+int64(len(one.leaves)) {
			return one.at
		}
	}
	return ""
}

// verifyLogRoots computes the root of each log, for one that is here whole from its leaves alone; and no checkpoint
// parts a statement.
func (e *evidence) verifyLogRoots(stores map[string]hashStore) {
	for _, log := range []string{"directory", "events"} {
		c := e.checkpoints[log]
		if at := e.parts(c.tree.N); log == "events" && at != "" {
			e.wrong("logs/events.checkpoint", "Leaves", "it parts the leaves of %s", at)
		}
		root, err := stores[log].rootAt(uint64(c.tree.N))
		if err == nil && root != digest(c.tree.Hash) {
			e.wrong("logs/"+log+".checkpoint", "Logs", "its root is not that of the leaves here")
		}
	}
}
