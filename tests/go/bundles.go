package main

// "Logs" in PROTOCOL.md and C2SP's tlog-tiles: entry bundles.

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// verifyBundle: as many entries as the tile has hashes, each with its hash, and nothing after them.
func (f fileTiles) verifyBundle(r *report, t tlog.Tile, hashes []byte) {
	bundle := t
	bundle.L = -1
	path := tilePath(bundle)
	raw, err := f.read(path)
	if !r.check(path, "Logs", err) {
		return
	}
	entries, err := splitBundle(raw)
	if err == nil && len(entries) != t.W {
		err = fmt.Errorf("it has %d entries, and the tile %d hashes", len(entries), t.W)
	}
	if !r.check(path, "Logs", err) {
		return
	}
	for i, entry := range entries {
		hash := tlog.RecordHash(entry)
		if string(hash[:]) != string(hashes[i*tlog.HashSize:(i+1)*tlog.HashSize]) {
			r.wrong(path, "Logs", "entry %d does not have the hash in the tile", t.N*tileWidth+int64(i))
		}
	}
}

// splitBundle parts a bundle: each entry has its length in front, as u16.
func splitBundle(raw []byte) ([][]byte, error) {
	var entries [][]byte
	for len(raw) > 0 {
		if len(raw) < 2 {
			return nil, errors.New("it ends within a length")
		}
		n := int(binary.BigEndian.Uint16(raw))
		if len(raw)-2 < n {
			return nil, errors.New("it ends within an entry")
		}
		entries, raw = append(entries, raw[2:2+n]), raw[2+n:]
	}
	return entries, nil
}
