package main

// "Logs" in PROTOCOL.md and C2SP's tlog-proof: inclusion proofs, here without extra data.

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const proofHeader = "c2sp.org/tlog-proof@v1"

type proof struct {
	index      uint64
	path       tlog.RecordProof
	checkpoint string
}

func parseProof(raw []byte) (*proof, error) {
	text := string(raw)
	cut := strings.Index(text, "\n\n")
	if cut < 0 {
		return nil, errors.New("it has no empty line before the checkpoint")
	}
	lines := strings.Split(text[:cut], "\n")
	if lines[0] != proofHeader || len(lines) < 2 || !strings.HasPrefix(lines[1], "index ") {
		return nil, fmt.Errorf("it does not begin with %q and an index", proofHeader)
	}
	index, err := parseNumber(strings.TrimPrefix(lines[1], "index "))
	if err != nil {
		return nil, err
	}
	p := &proof{index: index, checkpoint: text[cut+2:]}
	for _, line := range lines[2:] {
		raw, err := decodeBase64(line)
		if err != nil {
			return nil, err
		}
		if len(raw) != tlog.HashSize {
			return nil, errors.New("a line of the path is no hash")
		}
		var hash tlog.Hash
		copy(hash[:], raw)
		p.path = append(p.path, hash)
	}
	if p.encode() != text {
		return nil, errors.New("it is not in its one spelling")
	}
	return p, nil
}

func (p *proof) encode() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nindex %d\n", proofHeader, p.index)
	for _, hash := range p.path {
		fmt.Fprintln(&b, hash)
	}
	fmt.Fprintf(&b, "\n%s", p.checkpoint)
	return b.String()
}
