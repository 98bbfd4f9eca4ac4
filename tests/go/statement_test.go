package main

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

const goodSubmit = `elchi-statement/v1
log mla.example/events
op submit
case 5f00000000000000000000000000000000000000000000000000000000000000
after 0000000000000000000000000000000000000000000000000000000000000000
kind request
document 0100000000000000000000000000000000000000000000000000000000000000 upload 0a00000000000000000000000000000000000000000000000000000000000000 sha256 0b00000000000000000000000000000000000000000000000000000000000000 bytes 10
document 0200000000000000000000000000000000000000000000000000000000000000 upload 0c00000000000000000000000000000000000000000000000000000000000000 sha256 0d00000000000000000000000000000000000000000000000000000000000000 bytes 20
slip 0100000000000000000000000000000000000000000000000000000000000000 kg.gpo key 0e00000000000000000000000000000000000000000000000000000000000000 sha256 0f00000000000000000000000000000000000000000000000000000000000000
slip 0100000000000000000000000000000000000000000000000000000000000000 tr.moj key 0e00000000000000000000000000000000000000000000000000000000000000 sha256 0f00000000000000000000000000000000000000000000000000000000000000
slip 0200000000000000000000000000000000000000000000000000000000000000 kg.gpo key 0e00000000000000000000000000000000000000000000000000000000000000 sha256 0f00000000000000000000000000000000000000000000000000000000000000
to tr.moj
actor kg.gpo/01
certificate 1000000000000000000000000000000000000000000000000000000000000000
directory 14 1100000000000000000000000000000000000000000000000000000000000000
seen 12 1200000000000000000000000000000000000000000000000000000000000000
time 2026-11-23T20:19:00Z
nonce 1300000000000000000000000000000000000000000000000000000000000000
`

const goodMember = `elchi-statement/v1
log mla.example/directory
op member
after 0000000000000000000000000000000000000000000000000000000000000000
member kg.gpo/07
role drafter
role signatory
tls 0100000000000000000000000000000000000000000000000000000000000000
statement 0200000000000000000000000000000000000000000000000000000000000000
sealing age1pq1x
valid 2026-11-23T20:19:00Z 2028-11-23T20:19:00Z
actor kg.registrar/01
certificate 1000000000000000000000000000000000000000000000000000000000000000
directory 0 1100000000000000000000000000000000000000000000000000000000000000
seen 0 1200000000000000000000000000000000000000000000000000000000000000
time 2026-11-23T20:19:00Z
nonce 1300000000000000000000000000000000000000000000000000000000000000
`

func TestKeyStatementSpelling(t *testing.T) {
	const head, foot = "elchi-statement/v1\nlog mla.example/directory\n", `actor kg.gpo/01
certificate 1000000000000000000000000000000000000000000000000000000000000000
directory 0 1100000000000000000000000000000000000000000000000000000000000000
seen 0 1200000000000000000000000000000000000000000000000000000000000000
time 2026-11-23T20:19:00Z
nonce 1300000000000000000000000000000000000000000000000000000000000000
`
	hash := numbered(0x2a).String()
	after, authority, member := "after "+hash+"\n", "authority kg.gpo\n", "member kg.gpo/07\n"
	key, sealing, entry := "key "+hash+"\n", "sealing age1pq1x\n", "entry "+hash+"\n"
	good := map[string][]string{
		"replace": {after, authority, key, sealing}, "cancel": {after, authority, entry}, "grant": {after, member, key}, "recover": {after, member, key},
	}
	for op, lines := range good {
		text := func(parts ...string) string { return head + "op " + op + "\n" + strings.Join(parts, "") + foot }
		if s, err := parseStatement([]byte(text(lines...))); err != nil || s.encode() != text(lines...) {
			t.Errorf("%s: %v", op, err)
		}
		bad := []string{strings.Replace(text(lines...), "/directory", "/events", 1), text(append(lines, "reason left\n")...),
			strings.Replace(text(lines...), "2a", "2A", 1), strings.Replace(text(lines...), "kg.gpo", "KG.gpo", 1)}
		for i := range lines {
			bad = append(bad, text(append(append([]string{}, lines[:i]...), lines[i+1:]...)...), text(append(append([]string{}, lines[:i+1]...), lines[i:]...)...))
			if i > 0 {
				swapped := append([]string{}, lines...)
				swapped[i-1], swapped[i] = lines[i], lines[i-1]
				bad = append(bad, text(swapped...))
			}
		}
		for _, one := range bad {
			if _, err := parseStatement([]byte(one)); err == nil {
				t.Errorf("taken: %q", one)
			}
		}
	}
}

// Authorities are ordered by the bytes of their text: a hyphen comes before a dot, and a dot before a letter.
func TestAuthoritiesAscendByBytes(t *testing.T) {
	s := &statement{op: "forward", log: "mla.example/events", documents: []document{{tag: numbered(1)}}}
	to := []string{"tr.a-b", "tr.a.b", "tr.a0", "tr.ab"}
	for _, code := range to {
		s.slips = append(s.slips, slip{document: numbered(1), authority: code})
	}
	s.to = to
	if err := s.checkForm(); err != nil {
		t.Error(err)
	}
	s.to = []string{"tr.a.b", "tr.a-b", "tr.a0", "tr.ab"}
	requireError(t, s.checkForm(), "do not ascend")
	s.to, s.actor = to, "tr.a.c/01"
	if got := strings.Join(registersOf(s), " "); got != "tr.a-b tr.a.b tr.a.c tr.a0 tr.ab" {
		t.Errorf("registers: %s", got)
	}
	s.slips[0], s.slips[1] = s.slips[1], s.slips[0]
	requireError(t, s.checkForm(), "not in order")
}

// Ten minutes are 600,000 milliseconds, both ends included.
func TestTenMinutes(t *testing.T) {
	for difference, want := range map[int64]bool{-600001: false, -600000: true, 0: true, 600000: true, 600001: false} {
		if got := withinTenMinutes(worldStart, uint64(worldStart*1000+difference)); got != want {
			t.Errorf("%d ms: %v", difference, got)
		}
	}
}

func TestStatementSpelling(t *testing.T) {
	lines := strings.SplitAfter(goodSubmit, "\n")
	swapped := func(i, j int) string {
		changed := append([]string{}, lines...)
		changed[i], changed[j] = changed[j], changed[i]
		return strings.Join(changed, "")
	}
	without := func(i int) string {
		return strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "")
	}
	for _, c := range []struct{ good, old, new string }{
		{goodSubmit, "v1\nlog", "v2\nlog"},
		{goodSubmit, "/events", "/directory"},
		{goodSubmit, "/events", "/other"},
		{goodSubmit, "mla.example", "MLA.example"},
		{goodSubmit, "op submit", "op send"},
		{goodSubmit, "case 5f", "case 5F"},
		{goodSubmit, "case 5f", "case  5f"},
		{goodSubmit, "kind request", "kind question"},
		{goodSubmit, "bytes 10", "bytes 010"},
		{goodSubmit, "bytes 10", "bytes 0"},
		{goodSubmit, "bytes 10", "bytes 1099511627777"},
		{goodSubmit, "bytes 10", "bytes +10"},
		{goodSubmit, " upload ", " uplaod "},
		{goodSubmit, "to tr.moj", "to TR.moj"},
		{goodSubmit, "to tr.moj", "to tr.moj-"},
		{goodSubmit, "to tr.moj", "to tr"},
		{goodSubmit, "to tr.moj", "to tr.a.b.c.d"},
		{goodSubmit, "to tr.moj", "to tr.moj\nto tr.moj"},
		{goodSubmit, "to tr.moj", "to tr.moj\nto tr.ist"},
		{goodSubmit, "kg.gpo/01", "kg.gpo/1"},
		{goodSubmit, "kg.gpo/01", "kg.gpo/0000001"},
		{goodSubmit, "directory 14", "directory 18446744073709551616"},
		{goodSubmit, "20:19:00Z", "20:19:60Z"},
		{goodSubmit, "20:19:00Z", "20:19:00.5Z"},
		{goodSubmit, "20:19:00Z", "20:19:00+00:00"},
		{goodSubmit, "2026-11-23T", "1969-11-23T"},
		{goodSubmit, "2026-11-23T", "2026-11-31T"},
		{goodSubmit, "document 02", "document 01"},
		{goodSubmit, "slip 02", "slip 03"},
		{goodSubmit, "tr.moj key", "kg.gpo key"},
		{goodSubmit, "nonce", "none"},
		{goodSubmit, "\nnonce", "\n\nnonce"},
		{goodSubmit, "\n", "\r\n"},
		{goodMember, "role drafter\nrole signatory", "role signatory\nrole drafter"},
		{goodMember, "role drafter\nrole signatory", "role drafter\nrole drafter"},
		{goodMember, "role drafter\nrole signatory\n", ""},
		{goodMember, "role drafter", "role boss"},
		{goodMember, "/directory", "/events"},
		{goodMember, "sealing age1pq1x", "sealing age1pq1x x"},
		{goodMember, "sealing age1pq1x", "sealing age1pqé"},
		{goodMember, "sealing age1pq1x", "sealing " + strings.Repeat("x", 2100)},
		{goodMember, "sealing age1pq1x", "sealing "},
		{goodMember, "00Z 2028", "00Z  2028"},
	} {
		bad := strings.Replace(c.good, c.old, c.new, 1)
		if _, err := parseStatement([]byte(bad)); bad == c.good || err == nil {
			t.Errorf("%q for %q was taken", c.new, c.old)
		}
	}
	for _, bad := range []string{"", "\n", goodSubmit + "more\n", strings.TrimSuffix(goodSubmit, "\n"), swapped(2, 3), swapped(4, 5),
		swapped(6, 7), swapped(8, 9), swapped(9, 10), swapped(15, 16), without(4), without(11), without(16), "\ufeff" + goodSubmit} {
		if _, err := parseStatement([]byte(bad)); err == nil {
			t.Errorf("taken: %q", bad)
		}
	}
	for _, good := range []string{goodSubmit, goodMember} {
		if _, err := parseStatement([]byte(good)); err != nil {
			t.Error(err)
		}
	}
}

// The known answers at the end of "Leaves".
func TestKnownAnswers(t *testing.T) {
	want := "d92fec292678df4278a2d2c867da65f4e249da922c0735a4d42d254b26546feb"
	if got := commitment(chain{2, numbered(1)}, numbered(2), numbered(3)); got.String() != want {
		t.Errorf("the commitment is %s", got)
	}
	if got := registerTag("kg.gpo"); hex.EncodeToString(got[:]) != "7432831d70b17f4efc1f97a47a646bff6a875499e61ee4a3e91fe2ba9a421649" {
		t.Errorf("the register of kg.gpo is %s", got)
	}
}

func TestArgumentsThatAreNoCommand(t *testing.T) {
	for _, args := range []string{"", "evidence", "evidence a b", "evidence a --now", "evidence a --now x", "evidence a --whole kg",
		"evidence a --more 1", "tiles a", "tiles --origin a --vkey b", "other a", "evidence /there/is/no/such/folder"} {
		var out strings.Builder
		if code := run(strings.Fields(args), &out, &out); code != exitNoAnswer {
			t.Errorf("%q: exit %d", args, code)
		}
	}
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if code := run([]string{"evidence", file}, &out, &out); code != exitNoAnswer {
		t.Errorf("a file: exit %d", code)
	}
}
