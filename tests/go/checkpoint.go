package main

// "Logs" in PROTOCOL.md: checkpoints, which are C2SP signed notes without extension lines.

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	maxNote       = 128 << 10
	maxSignatures = 64
	maxSize       = 1 << 62 // beyond it sumdb/tlog's arithmetic overflows
)

// A checkpoint is a verified note: the tree head, and which known keys signed it, when.
type checkpoint struct {
	origin string
	tree   tlog.Tree
	text   string
	lines  []signatureLine // of known keys, as they came
}

type signatureLine struct {
	text string
	key  *vkey
	time int64 // of a cosignature
}

// openCheckpoint verifies a note under the keys that are known. At least one must be the log's.
func openCheckpoint(raw []byte, origin string, known []*vkey) (*checkpoint, error) {
	if len(raw) > maxNote {
		return nil, fmt.Errorf("it is longer than %d bytes", maxNote)
	}
	var verifiers []note.Verifier
	for _, key := range known {
		verifier, err := key.verifier()
		if err != nil {
			return nil, err
		}
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open(raw, note.VerifierList(verifiers...))
	if err != nil {
		return nil, err
	}
	c := &checkpoint{text: opened.Text}
	if err := c.takeLines(string(raw[len(opened.Text)+1:]), known); err != nil {
		return nil, err
	}
	if err := c.takeText(); err != nil {
		return nil, err
	}
	if c.origin != origin {
		return nil, fmt.Errorf("it is of log %s, and not of %s", c.origin, origin)
	}
	for _, line := range c.lines {
		if line.key.kind == typeLog && line.key.name == origin {
			return c, nil
		}
	}
	return nil, errors.New("the log did not sign it")
}

// takeLines reads the signature lines. sumdb/note verified them, but passes over what stands twice.
func (c *checkpoint) takeLines(block string, known []*vkey) error {
	lines := strings.Split(strings.TrimSuffix(block, "\n"), "\n")
	if len(lines) > maxSignatures {
		return fmt.Errorf("it has more than %d signatures", maxSignatures)
	}
	once := map[*vkey]bool{}
	for _, line := range lines {
		words := strings.Split(line, " ")
		if len(words) != 3 {
			return errors.New("a signature line has not three words")
		}
		raw, err := decodeBase64(words[2])
		if err != nil {
			return err
		}
		key := keyOf(words[1], raw, known)
		if key == nil {
			continue
		}
		if once[key] {
			return fmt.Errorf("it has two lines of the key of %s", key.name)
		}
		once[key] = true
		signature := signatureLine{text: line, key: key}
		if key.kind == typeWitness {
			if signature.time, err = cosignatureTime(raw[4:]); err != nil {
				return err
			}
		}
		c.lines = append(c.lines, signature)
	}
	return nil
}

func keyOf(name string, raw []byte, known []*vkey) *vkey {
	for _, key := range known {
		if key.name == name && len(raw) >= 4 && string(raw[:4]) == string([]byte{byte(key.id >> 24), byte(key.id >> 16), byte(key.id >> 8), byte(key.id)}) {
			return key
		}
	}
	return nil
}

// takeText reads the three lines of the note's text: origin, size, root.
func (c *checkpoint) takeText() error {
	lines := strings.Split(c.text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return errors.New("its text has not three lines")
	}
	if err := checkOrigin(lines[0]); err != nil {
		return err
	}
	size, err := parseNumber(lines[1])
	if err != nil {
		return err
	}
	if size >= maxSize {
		return errors.New("its size is beyond what can be computed with")
	}
	root, err := decodeBase64(lines[2])
	if err != nil {
		return err
	}
	if len(root) != tlog.HashSize {
		return errors.New("its root is no hash")
	}
	c.origin, c.tree.N = lines[0], int64(size)
	copy(c.tree.Hash[:], root)
	if c.tree.N == 0 && digest(c.tree.Hash) != emptyRoot {
		return errors.New("the root of an empty tree is SHA-256 of nothing")
	}
	return nil
}
