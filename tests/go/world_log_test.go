package main

// The tests' own logs and evidence folder.

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// A logKey signs checkpoints, as a log or as a witness.
type logKey struct {
	*vkey
	private ed25519.PrivateKey
}

func newLogKey(t testing.TB, name string, kind byte) *logKey {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw := append([]byte{kind}, public...)
	text := fmt.Sprintf("%s+%08x+%s", name, keyID(name, raw), encodeBase64(raw))
	key, err := parseVKey(text, kind)
	if err != nil {
		t.Fatal(err)
	}
	return &logKey{key, private}
}

func (k *logKey) line(signature []byte) string {
	id := make([]byte, 4)
	binary.BigEndian.PutUint32(id, k.id)
	return "— " + k.name + " " + encodeBase64(append(id, signature...)) + "\n"
}

func (k *logKey) sign(text string) string { return k.line(ed25519.Sign(k.private, []byte(text))) }

func (k *logKey) cosign(text string, seconds int64) string {
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", seconds, text)
	stamp := make([]byte, 8)
	binary.BigEndian.PutUint64(stamp, uint64(seconds))
	return k.line(append(stamp, ed25519.Sign(k.private, []byte(signed))...))
}

func storeOfHashes(hashes []digest) hashStore {
	store := hashStore{}
	for i, hash := range hashes {
		store.append(int64(i), tlog.Hash(hash))
	}
	return store
}

func (w *world) hashesOf(log string) []digest {
	list := w.events
	if log == "directory" {
		list = w.entries
	}
	var hashes []digest
	for _, one := range list {
		for _, leaf := range one.leaves {
			hashes = append(hashes, leafHash(leaf))
		}
	}
	return hashes
}

func (w *world) headOf(log string) head {
	hashes := w.hashesOf(log)
	root, err := storeOfHashes(hashes).rootAt(uint64(len(hashes)))
	if err != nil {
		w.t.Fatal(err)
	}
	return head{uint64(len(hashes)), root}
}

// complete fills the foot of a statement, applies the changes, and signs it.
func (w *world) complete(s *statement, log, code string, signer, issuer *holder, changes []func(*statement)) *entered {
	s.log, s.actor, s.certificate = "mla.example/"+log, code, signer.cert.fingerprint
	s.directory, s.seen, s.time = w.headOf("directory"), w.headOf(log), int64(w.clockMs/1000)
	if _, err := rand.Read(s.nonce[:]); err != nil {
		w.t.Fatal(err)
	}
	for _, change := range changes {
		change(s)
	}
	raw := []byte(s.encode())
	return &entered{raw: raw, signature: sign(w.t, raw, signer, issuer, s.time), signer: signer, issuer: issuer}
}

// enter logs a directory statement.
func (w *world) enter(s *statement, signer, issuer *holder, code string, changes ...func(*statement)) *entered {
	w.clockMs += 1000
	s.after = w.lastOf[stateOf(code)]
	one := w.complete(s, "directory", code, signer, issuer, changes)
	one.first = int64(len(w.entries))
	leaf := []byte(entryHeader)
	leaf = appendU64(leaf, w.clockMs)
	leaf = append(leaf, byte(len(one.raw)>>24), byte(len(one.raw)>>16), byte(len(one.raw)>>8), byte(len(one.raw)))
	leaf = append(append(leaf, one.raw...), one.signature...)
	one.leaves = [][]byte{leaf}
	w.lastOf[stateOf(code)] = leafHash(leaf)
	w.entries = append(w.entries, one)
	return one
}

func appendU64(b []byte, n uint64) []byte {
	eight := make([]byte, 8)
	binary.BigEndian.PutUint64(eight, n)
	return append(b, eight...)
}

// act logs an act of a member.
func (w *world) act(code string, s *statement, changes ...func(*statement)) *entered {
	w.clockMs += 1000
	if !(s.op == "submit" && s.kind == "request") {
		s.after = w.last[s.caseTag]
	}
	one := w.complete(s, "events", code, w.members[code], w.nations[stateOf(code)].issuing, changes)
	one.first = int64(len(w.hashesOf("events")))
	for _, c := range touched(s) {
		one.leaves = append(one.leaves, w.leaf(c, one))
	}
	w.events = append(w.events, one)
	return one
}

func (w *world) leaf(c chain, one *entered) []byte {
	e := event{chain: c, timeMs: w.clockMs, directorySize: uint64(len(w.entries))}
	if before := w.chains[c]; before != nil {
		e.seq, e.prev = before.seq+1, before.hash
	}
	e.commit = commitment(c, sha256.Sum256(one.raw), sha256.Sum256(one.signature))
	raw := encodeEvent(&e)
	e.hash = leafHash(raw)
	w.chains[c] = &e
	if c.kind == kindCase {
		w.last[c.tag] = e.hash
	}
	return raw
}

func encodeEvent(e *event) []byte {
	raw := appendU64(appendU64([]byte(eventHeader), e.timeMs), e.directorySize)
	raw = append(append(raw, e.kind), e.tag[:]...)
	raw = append(appendU64(raw, e.seq), e.prev[:]...)
	return append(raw, e.commit[:]...)
}
