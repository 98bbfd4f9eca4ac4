package main

// The table of values in PROTOCOL.md's introduction: every value has one spelling.

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A digest is any value of 32 bytes that is spelt as 64 lower-case hex digits.
type digest [32]byte

func (d digest) String() string { return hex.EncodeToString(d[:]) }

var zeroDigest digest

func parseDigest(text string) (digest, error) {
	var d digest
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(d) {
		return d, fmt.Errorf("%q is not 64 hex digits", text)
	}
	copy(d[:], raw)
	if d.String() != text {
		return d, fmt.Errorf("%q has capital digits", text)
	}
	return d, nil
}

func parseNumber(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != text {
		return 0, fmt.Errorf("%q is not a number in its one spelling", text)
	}
	return n, nil
}

const timeLayout = "2006-01-02T15:04:05Z"

// parseTime answers with seconds since 1970.
func parseTime(text string) (int64, error) {
	t, err := time.Parse(timeLayout, text)
	if err != nil || t.Format(timeLayout) != text || t.Year() < 1970 || t.Year() > 9999 {
		return 0, fmt.Errorf("%q is not a time in its one spelling", text)
	}
	return t.Unix(), nil
}

func formatTime(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(timeLayout) }

var (
	stateForm     = regexp.MustCompile(`^[A-Z]{2}$`)
	authorityForm = regexp.MustCompile(`^[a-z]{2}(\.[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?){1,3}$`)
	memberForm    = regexp.MustCompile(`^([^/]*)/[0-9]{2,6}$`)
	originForm    = regexp.MustCompile(`^[a-z0-9.-]+(/[a-z0-9.-]+)*$`)
	textForm      = regexp.MustCompile(`^[!-~]+$`)
)

func checkState(text string) error {
	if !stateForm.MatchString(text) {
		return fmt.Errorf("%q is not a state", text)
	}
	return nil
}

func checkAuthority(text string) error {
	if !authorityForm.MatchString(text) {
		return fmt.Errorf("%q is not an authority", text)
	}
	return nil
}

func checkMember(text string) error {
	parts := memberForm.FindStringSubmatch(text)
	if parts == nil || checkAuthority(parts[1]) != nil {
		return fmt.Errorf("%q is not a member", text)
	}
	return nil
}

func checkOrigin(text string) error {
	if len(text) > 128 || !originForm.MatchString(text) {
		return fmt.Errorf("%q is not an origin", text)
	}
	return nil
}

// checkText is for "text" in the grammar of statements, which PROTOCOL.md leaves open: one word of printable ASCII.
func checkText(text string) error {
	if !textForm.MatchString(text) {
		return fmt.Errorf("%q is not one word of printable ASCII", text)
	}
	return nil
}

// authorityOf is the authority of a member, stateOf the state of an authority or a member.
func authorityOf(member string) string { return member[:strings.IndexByte(member, '/')] }
func stateOf(code string) string       { return strings.ToUpper(code[:2]) }

// decodeBase64 takes base64 in its one spelling: padded, and with unused bits of zero.
func decodeBase64(text string) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(raw) != text {
		return nil, fmt.Errorf("%q is not base64 in its one spelling", text)
	}
	return raw, nil
}

func encodeBase64(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }
