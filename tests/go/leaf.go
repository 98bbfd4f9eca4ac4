package main

// "Leaves" in PROTOCOL.md: the encoding of leaves, the commitment, the tags that a statement touches.

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	eventHeader     = "elchi-event/v1\n"
	entryHeader     = "elchi-directory/v1\n"
	commitHeader    = "elchi-commit/v1\n"
	registerHeader  = "elchi-register/v1\n"
	eventLeafLength = 136
	maxLeaf         = 65535

	kindCase     = 1
	kindDocument = 2
	kindRegister = 3
)

// A chain is what leaves are chained by: their kind and tag.
type chain struct {
	kind byte
	tag  digest
}

func (c chain) String() string {
	return fmt.Sprintf("%s %s", []string{"chain", "case", "document", "register"}[c.kind&3], c.tag)
}

// An event is a leaf of the events log.
type event struct {
	timeMs        uint64
	directorySize uint64
	chain
	seq    uint64
	prev   digest
	commit digest

	index int64 // where it stands in the log
	hash  digest
}

func leafHash(raw []byte) digest { return digest(tlog.RecordHash(raw)) }

func parseEvent(raw []byte) (*event, error) {
	if len(raw) != eventLeafLength || !bytes.HasPrefix(raw, []byte(eventHeader)) {
		return nil, errors.New("it is no event leaf of 136 bytes")
	}
	b := raw[len(eventHeader):]
	e := &event{timeMs: binary.BigEndian.Uint64(b), directorySize: binary.BigEndian.Uint64(b[8:]), hash: leafHash(raw)}
	e.kind = b[16]
	copy(e.tag[:], b[17:49])
	e.seq = binary.BigEndian.Uint64(b[49:])
	copy(e.prev[:], b[57:89])
	copy(e.commit[:], b[89:121])
	if e.kind < kindCase || e.kind > kindRegister {
		return nil, fmt.Errorf("there is no kind %d", e.kind)
	}
	return e, nil
}

// An entryLeaf is a leaf of the directory log.
type entryLeaf struct {
	timeMs    uint64
	statement []byte
	signature []byte
	hash      digest
}

func parseEntryLeaf(raw []byte) (*entryLeaf, error) {
	start := len(entryHeader) + 12
	if len(raw) > maxLeaf || len(raw) < start || !bytes.HasPrefix(raw, []byte(entryHeader)) {
		return nil, errors.New("it is no directory leaf")
	}
	length := uint64(binary.BigEndian.Uint32(raw[start-4:]))
	if uint64(len(raw)-start) < length {
		return nil, errors.New("it is shorter than the statement in it")
	}
	return &entryLeaf{
		timeMs:    binary.BigEndian.Uint64(raw[start-12:]),
		statement: raw[start : start+int(length)],
		signature: raw[start+int(length):],
		hash:      leafHash(raw),
	}, nil
}

// commitment binds a leaf to its chain and to one statement under one signature.
func commitment(c chain, statement, signature digest) digest {
	b := append([]byte(commitHeader), c.kind)
	b = append(b, c.tag[:]...)
	b = append(b, statement[:]...)
	b = append(b, signature[:]...)
	return sha256.Sum256(b)
}

// registerTag is the tag of an authority's register.
func registerTag(authority string) digest {
	return sha256.Sum256([]byte(registerHeader + authority))
}

// touched are the chains in which a statement makes a leaf, in their order.
func touched(s *statement) []chain {
	var chains []chain
	if !contains(touchOps, s.op) && s.op != "inspect" {
		chains = append(chains, chain{kindCase, s.caseTag})
	}
	for _, d := range s.documents {
		chains = append(chains, chain{kindDocument, d.tag})
	}
	if s.op == "submit" || s.op == "forward" || s.op == "inspect" {
		for _, authority := range registersOf(s) {
			chains = append(chains, chain{kindRegister, registerTag(authority)})
		}
	}
	return chains
}

// registersOf are the authorities whose registers a submit, forward or inspect touches, by their code.
func registersOf(s *statement) []string {
	if s.op == "inspect" {
		return []string{s.authority}
	}
	once := map[string]bool{authorityOf(s.actor): true}
	for _, authority := range s.to {
		once[authority] = true
	}
	var codes []string
	for code := range once {
		codes = append(codes, code)
	}
	sort.Strings(codes)
	return codes
}

const (
	tenMinutesMs = 600000
	lastMs       = 253402300799999 // of the year 9999
)

// withinTenMinutes holds the statement's clock against its leaf's.
func withinTenMinutes(seconds int64, timeMs uint64) bool {
	return notBefore(seconds, timeMs) && notAfter(seconds, timeMs)
}

// notBefore says whether a statement's time is at most ten minutes before a leaf's, notAfter whether at most ten after.
func notBefore(seconds int64, timeMs uint64) bool {
	return timeMs <= lastMs && seconds*1000 >= int64(timeMs)-tenMinutesMs
}

func notAfter(seconds int64, timeMs uint64) bool {
	return timeMs <= lastMs && seconds*1000 <= int64(timeMs)+tenMinutesMs
}
