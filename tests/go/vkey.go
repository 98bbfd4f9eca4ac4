package main

// "Logs" and "Cosignatures" in PROTOCOL.md: verifier keys of logs (0x01) and of witnesses (0x04).

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

const (
	typeLog     = 0x01
	typeWitness = 0x04
)

// A vkey is a verifier key: who signs, with what.
type vkey struct {
	text string
	name string
	id   uint32
	kind byte
	key  ed25519.PublicKey
}

// parseVKey reads a verifier key of that type, in its one spelling.
func parseVKey(text string, kind byte) (*vkey, error) {
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 || !isKeyName(parts[0]) {
		return nil, fmt.Errorf("%q is no verifier key", text)
	}
	raw, err := decodeBase64(parts[2])
	if err != nil {
		return nil, err
	}
	if len(raw) != 1+ed25519.PublicKeySize || raw[0] != kind {
		return nil, fmt.Errorf("the key of %s is not of type %#04x", parts[0], kind)
	}
	k := &vkey{text: text, name: parts[0], id: keyID(parts[0], raw), kind: kind, key: raw[1:]}
	if fmt.Sprintf("%08x", k.id) != parts[1] {
		return nil, fmt.Errorf("the key of %s has id %08x, and not %s", k.name, k.id, parts[1])
	}
	return k, nil
}

// keyID is the first four bytes of SHA-256 over name, LF, type and key.
func keyID(name string, typeAndKey []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), typeAndKey...))
	return binary.BigEndian.Uint32(sum[:])
}

// isKeyName is signed-note's rule: not empty, no Unicode space, no plus.
func isKeyName(name string) bool {
	return name != "" && utf8.ValidString(name) && !strings.ContainsRune(name, '+') &&
		strings.IndexFunc(name, func(r rune) bool { return unicode.IsSpace(r) || r < 0x20 }) < 0
}

// verifier is what sumdb/note asks for: its own for a log's key, the one below for a witness's.
func (k *vkey) verifier() (note.Verifier, error) {
	if k.kind == typeLog {
		return note.NewVerifier(k.text)
	}
	return witnessVerifier{k}, nil
}

// A witnessVerifier verifies C2SP cosignatures, which sumdb/note does not know.
type witnessVerifier struct{ *vkey }

func (w witnessVerifier) Name() string    { return w.name }
func (w witnessVerifier) KeyHash() uint32 { return w.id }

func (w witnessVerifier) Verify(text, signature []byte) bool {
	seconds, err := cosignatureTime(signature)
	if err != nil {
		return false
	}
	signed := append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", seconds)), text...)
	return ed25519.Verify(w.key, signed, signature[8:])
}

// cosignatureTime is the u64 in front of a cosignature; C2SP allows at most 2^63 - 1.
func cosignatureTime(signature []byte) (int64, error) {
	if len(signature) != 8+ed25519.SignatureSize {
		return 0, errors.New("the cosignature has not 72 bytes")
	}
	seconds := binary.BigEndian.Uint64(signature)
	if seconds>>63 != 0 {
		return 0, errors.New("the cosignature's time is beyond 2^63 - 1")
	}
	return int64(seconds), nil
}
