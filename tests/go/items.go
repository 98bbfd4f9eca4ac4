package main

// "Evidence" and "Leaves" in PROTOCOL.md: one folder per statement, with its leaves and their proofs.

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// An item is a statement with all that lies beside it.
type item struct {
	log       string
	at        string // its folder
	first     int64  // index of its first leaf
	raw       []byte
	statement *statement
	cms       *cms
	signature digest // of the CMS as it came
	leaves    []*event
	entry     *entryLeaf // instead of leaves, in the directory

	byRegistrar bool // in the directory: the issuer of its signer is the state's root
}

// timeMs and directorySize are those of the item's leaves; in the directory, the size is that before the entry.
func (i *item) timeMs() uint64 {
	if i.entry != nil {
		return i.entry.timeMs
	}
	return i.leaves[0].timeMs
}

func (i *item) directorySize() uint64 {
	if i.entry != nil {
		return uint64(i.first)
	}
	return i.leaves[0].directorySize
}

func (i *item) file(name string) string { return i.at + "/" + name }

func (i *item) leafFile(index int64) string { return fmt.Sprintf("%s/leaf-%d.bin", i.at, index) }
func (i *item) proofFile(index int64) string {
	return fmt.Sprintf("%s/leaf-%d.tlog-proof", i.at, index)
}

// readItems reads the statements of a log, in the order of their leaves; what cannot be read is said and left out.
func (e *evidence) readItems(log string) []*item {
	var items []*item
	for _, name := range e.under(log) {
		index, err := strconv.ParseInt(name, 10, 63)
		if err != nil || fmt.Sprintf("%06d", index) != name {
			e.wrong(log+"/"+name, "Evidence", "it is not the index of a leaf")
			continue
		}
		if one := e.readItem(log, name, index); one != nil {
			items = append(items, one)
		} else {
			e.expectAll(log + "/" + name + "/")
		}
	}
	sort.Slice(items, func(i, j int) bool { return items[i].first < items[j].first })
	return items
}

// expectAll is for a folder of which something wrong has been said already.
func (e *evidence) expectAll(prefix string) {
	for name := range e.files {
		if strings.HasPrefix(name, prefix) {
			e.expected[name] = true
		}
	}
}

func (e *evidence) readItem(log, name string, index int64) *item {
	one := &item{log: log, at: log + "/" + name, first: index}
	text, signature := one.file("statement.txt"), one.file("signature.p7s")
	one.raw = e.file(text)
	raw := e.file(signature)
	one.signature = sha256.Sum256(raw)
	signer, issuer := e.file(one.file("signer.pem")), e.file(one.file("issuer.pem"))
	s, err := parseStatement(one.raw)
	if !e.check(text, "Statements", err) {
		return nil
	}
	one.statement = s
	if s.log != e.checkpoints[log].origin {
		e.wrong(text, "Statements", "it is for log %s", s.log)
		return nil
	}
	one.cms, err = parseCMS(raw)
	if !e.check(signature, "Signatures", err) {
		return nil
	}
	e.checkPEM(one.file("signer.pem"), signer, one.cms.signer)
	e.checkPEM(one.file("issuer.pem"), issuer, one.cms.issuer)
	if log == "directory" {
		return e.readEntry(one, raw)
	}
	return e.readLeaves(one)
}

// checkPEM: the certificate beside the signature is the one in it.
func (e *evidence) checkPEM(name string, file []byte, in *certificate) {
	c, err := certificateFromPEM(file)
	if e.check(name, "Certificates", err) && !bytes.Equal(c.der, in.der) {
		e.wrong(name, "Evidence", "it is not the certificate in the signature")
	}
}

// readEntry: a directory leaf carries the whole statement and its signature.
func (e *evidence) readEntry(one *item, signature []byte) *item {
	name := one.leafFile(one.first)
	e.expected[one.proofFile(one.first)] = true
	leaf, err := parseEntryLeaf(e.file(name))
	if !e.check(name, "Leaves", err) {
		return nil
	}
	if !bytes.Equal(leaf.statement, one.raw) || !bytes.Equal(leaf.signature, signature) {
		e.wrong(name, "Leaves", "it does not carry this statement and signature")
	}
	one.entry = leaf
	return one
}

// readLeaves: one event leaf for each tag that the statement touches, in order, at consecutive indices.
func (e *evidence) readLeaves(one *item) *item {
	sum := digest(sha256.Sum256(one.raw))
	for i, chain := range touched(one.statement) {
		index := one.first + int64(i)
		name := one.leafFile(index)
		e.expected[one.proofFile(index)] = true
		leaf, err := parseEvent(e.file(name))
		if !e.check(name, "Leaves", err) {
			return nil
		}
		leaf.index = index
		one.leaves = append(one.leaves, leaf)
		first := one.leaves[0]
		switch {
		case leaf.chain != chain:
			err = fmt.Errorf("it is of %s, and the statement touches %s there", leaf.chain, chain)
		case leaf.commit != commitment(chain, sum, one.signature):
			err = errors.New("its commitment is not to this statement and signature")
		case leaf.timeMs != first.timeMs || leaf.directorySize != first.directorySize:
			err = errors.New("it has another time or directory size than the first leaf of its statement")
		}
		e.check(name, "Leaves", err)
	}
	return one
}

// verifyInclusion: every leaf is under the log's checkpoint, no two statements share one, and times never fall.
func (e *evidence) verifyInclusion() {
	count := 0
	for _, items := range [][]*item{e.directory, e.events} {
		next, before := int64(0), (*item)(nil)
		for _, one := range items {
			if one.first < next {
				e.wrong(one.at, "Leaves", "its first leaf is also of the statement before it")
			}
			hashes := one.hashes()
			for i, hash := range hashes {
				if e.verifyLeaf(one, one.first+int64(i), hash) {
					count++
				}
			}
			next = one.first + int64(len(hashes))
			if before != nil && (one.timeMs() < before.timeMs() || one.directorySize() < before.directorySize()) {
				e.wrong(one.at, "Leaves", "its time or directory size is less than that of a leaf before it")
			}
			before = one
			e.check(one.at, "Cosignatures", e.checkpoints[one.log].checkLeafTime(e.policy, one.timeMs()))
		}
	}
	e.say("leaves: %d of %d of the events log and %d of %d of the directory log are here, %d with an inclusion proof that holds",
		e.leafCount()-len(e.directory), e.checkpoints["events"].tree.N, len(e.directory), e.checkpoints["directory"].tree.N, count)
}

func (i *item) hashes() []digest {
	if i.entry != nil {
		return []digest{i.entry.hash}
	}
	var hashes []digest
	for _, leaf := range i.leaves {
		hashes = append(hashes, leaf.hash)
	}
	return hashes
}

func (e *evidence) verifyLeaf(one *item, index int64, hash digest) bool {
	name := one.proofFile(index)
	raw := e.read(e.report, name)
	if raw == nil {
		return false
	}
	p, err := parseProof(raw)
	if !e.check(name, "Logs", err) {
		return false
	}
	if p.index != uint64(index) {
		e.wrong(name, "Evidence", "it is the proof of leaf %d", p.index)
		return false
	}
	if p.checkpoint != e.raws[one.log] {
		e.wrong(name, "Evidence", "its checkpoint is not logs/%s.checkpoint", one.log)
		return false
	}
	tree := e.checkpoints[one.log].tree
	if err := tlog.CheckRecord(p.path, tree.N, tree.Hash, index, tlog.Hash(hash)); err != nil {
		e.wrong(name, "Logs", "leaf %d is not under the checkpoint: %v", index, err)
		return false
	}
	return true
}
