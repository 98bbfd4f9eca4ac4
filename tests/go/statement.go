package main

// "Statements" in PROTOCOL.md: what a statement holds, and its one encoding.

import (
	"fmt"
	"strings"
)

const statementHeader = "elchi-statement/v1"

// A head is the size and root of a log.
type head struct {
	size uint64
	root digest
}

type document struct {
	tag    digest
	upload digest // these three only in a submit
	sum    digest
	bytes  uint64
}

type slip struct {
	document  digest
	authority string
	key       digest
	sum       digest
}

func (p slip) name() slipName { return slipName{p.key, p.sum} }

type statement struct {
	log, op     string
	caseTag     digest
	after       digest
	kind        string
	documents   []document
	slips       []slip
	to          []string
	authority   string
	central     bool
	sealing     string
	member      string
	roles       []string
	tls         digest
	signs       digest // the member's statement certificate
	from, until int64
	reason      string
	key         digest // the fingerprint of the sealing key that is replaced, or whose identity is held
	entry       digest // the leaf hash of the replacement that is cancelled

	actor       string
	certificate digest
	directory   head
	seen        head
	time        int64
	nonce       digest
}

// Which lines an op has between "op" and the foot, in their order: the ABNF of "Statements".
var linesOfOp = map[string][]string{
	"submit":      {"case", "after", "kind", "documents", "slips", "to"},
	"release":     {"case", "tags"},
	"opened":      {"case", "tags"},
	"acknowledge": {"case", "after"},
	"forward":     {"case", "after", "tags", "slips", "to"},
	"close":       {"case", "after"},
	"unwrap":      {"case", "tags"},
	"rewrap":      {"case", "tags", "slips"},
	"confirm":     {"case", "tags", "slips"},
	"reject":      {"case", "tags", "slips"},
	"inspect":     {"authority"},
	"authority":   {"after", "authority", "central", "sealing"},
	"member":      {"after", "member", "roles", "tls", "statement", "sealing", "valid"},
	"revoke":      {"after", "member", "reason"},
	"replace":     {"after", "authority", "key", "sealing"},
	"cancel":      {"after", "authority", "entry"},
	"grant":       {"after", "member", "key"},
	"recover":     {"after", "member", "key"},
}

var (
	allRoles   = []string{"drafter", "signatory", "custodian", "registrar", "auditor"}
	allReasons = []string{"key-compromise", "left", "superseded"}
	allKinds   = []string{"request", "response"}
	eventOps   = []string{"submit", "release", "opened", "acknowledge", "forward", "close", "unwrap", "rewrap", "confirm", "reject", "inspect"}
	touchOps   = []string{"release", "opened", "unwrap", "rewrap", "confirm", "reject"} // of documents; they never move the case
	rewrapOps  = []string{"rewrap", "confirm", "reject"}                                // with slips of their documents: the first brings them, the others name them
)

func contains(list []string, word string) bool {
	for _, one := range list {
		if one == word {
			return true
		}
	}
	return false
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// encode writes the statement in its one spelling.
func (s *statement) encode() string {
	var b strings.Builder
	line := func(format string, args ...interface{}) { fmt.Fprintf(&b, format+"\n", args...) }
	line(statementHeader)
	line("log %s", s.log)
	line("op %s", s.op)
	for _, part := range linesOfOp[s.op] {
		s.encodePart(part, line)
	}
	line("actor %s", s.actor)
	line("certificate %s", s.certificate)
	line("directory %d %s", s.directory.size, s.directory.root)
	line("seen %d %s", s.seen.size, s.seen.root)
	line("time %s", formatTime(s.time))
	line("nonce %s", s.nonce)
	return b.String()
}

func (s *statement) encodePart(part string, line func(string, ...interface{})) {
	switch part {
	case "case":
		line("case %s", s.caseTag)
	case "after":
		line("after %s", s.after)
	case "kind":
		line("kind %s", s.kind)
	case "documents":
		for _, d := range s.documents {
			line("document %s upload %s sha256 %s bytes %d", d.tag, d.upload, d.sum, d.bytes)
		}
	case "tags":
		for _, d := range s.documents {
			line("document %s", d.tag)
		}
	case "slips":
		for _, p := range s.slips {
			line("slip %s %s key %s sha256 %s", p.document, p.authority, p.key, p.sum)
		}
	case "to":
		for _, authority := range s.to {
			line("to %s", authority)
		}
	case "authority":
		line("authority %s", s.authority)
	case "central":
		line("central %s", yesNo(s.central))
	case "sealing":
		line("sealing %s", s.sealing)
	case "member":
		line("member %s", s.member)
	case "roles":
		for _, role := range s.roles {
			line("role %s", role)
		}
	case "tls":
		line("tls %s", s.tls)
	case "statement":
		line("statement %s", s.signs)
	case "valid":
		line("valid %s %s", formatTime(s.from), formatTime(s.until))
	case "reason":
		line("reason %s", s.reason)
	case "key":
		line("key %s", s.key)
	case "entry":
		line("entry %s", s.entry)
	}
}
