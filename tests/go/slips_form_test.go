package main

import (
	"fmt"
	"strings"
	"testing"
)

const actFoot = `actor kg.gpo/01
certificate 1000000000000000000000000000000000000000000000000000000000000000
directory 14 1100000000000000000000000000000000000000000000000000000000000000
seen 12 1200000000000000000000000000000000000000000000000000000000000000
time 2026-11-23T20:19:00Z
nonce 1300000000000000000000000000000000000000000000000000000000000000
`

// actText is an act with these lines between op and foot.
func actText(op string, lines ...string) string {
	return "elchi-statement/v1\nlog mla.example/events\nop " + op + "\n" + strings.Join(lines, "") + actFoot
}

func tagLine(n byte) string { return fmt.Sprintf("document %s\n", numbered(n)) }

func slipLine(n byte, authority string) string {
	return fmt.Sprintf("slip %s %s key %s sha256 %s\n", numbered(n), authority, numbered(0x0e), numbered(0x0f))
}

func requireTaken(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if s, err := parseStatement([]byte(text)); err != nil || s.encode() != text {
			t.Errorf("%v: %q", err, text)
		}
	}
}

func requireNotTaken(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if _, err := parseStatement([]byte(text)); err == nil {
			t.Errorf("taken: %q", text)
		}
	}
}

// Unwrap has the lines of a release.
func TestTouchSpelling(t *testing.T) {
	of, one, two := "case "+numbered(0x5f).String()+"\n", tagLine(1), tagLine(2)
	for _, op := range []string{"release", "opened", "unwrap"} {
		good := actText(op, of, one, two)
		requireTaken(t, good, actText(op, of, two, one))
		requireNotTaken(t, actText(op, of), actText(op, one), actText(op, one, of), actText(op, of, one, one), actText(op, of, of, one),
			actText(op, of, "after "+numbered(9).String()+"\n", one), actText(op, of, one, slipLine(1, "kg.gpo")), actText(op, of, one, "to kg.gpo\n"),
			strings.Replace(good, "/events", "/directory", 1), strings.Replace(good, "document 01", "document  01", 1),
			strings.Replace(good, numbered(2).String(), numbered(0xab).String()[:63]+"B", 1))
	}
}

// Confirm and reject have the lines of a rewrap.
func TestRewrapSpelling(t *testing.T) {
	of, one, two := "case "+numbered(0x5f).String()+"\n", tagLine(1), tagLine(2)
	first, second := slipLine(1, "kg.gpo"), slipLine(2, "kg.gpo")
	for _, op := range []string{"rewrap", "confirm", "reject"} {
		good := actText(op, of, one, two, first, second)
		requireTaken(t, good, actText(op, of, two, one, second, first), actText(op, of, one, first))
		requireNotTaken(t, actText(op, of, one, two, second, first), actText(op, of, one, two), actText(op, of, one), actText(op, of, first),
			actText(op, of, one, first, first), actText(op, of, one, one, first), actText(op, of, one, second),
			actText(op, of, one, first, two, second), actText(op, of, first, one), actText(op, one, first), actText(op, of, of, one, first),
			actText(op, of, "after "+numbered(9).String()+"\n", one, first), actText(op, of, one, first, "to kg.gpo\n"),
			strings.Replace(good, "/events", "/directory", 1), strings.Replace(good, " key ", " kye ", 1), strings.Replace(good, "kg.gpo key", "KG.gpo key", 1),
			strings.Replace(good, " sha256 ", "  sha256 ", 1), strings.Replace(good, " sha256 "+numbered(0x0f).String(), "", 1),
			strings.Replace(good, " key "+numbered(0x0e).String(), "", 1))
	}
}

// Rewrap, confirm and reject have 1 to 256 slips, and not as many as a submit.
func TestSlipsOfARewrapAreCounted(t *testing.T) {
	for op, most := range map[string]int{"rewrap": 256, "confirm": 256, "reject": 256, "forward": 2304} {
		s := &statement{op: op, log: "mla.example/events", documents: []document{{tag: numbered(1)}}, to: []string{"kg.gpo"}}
		for i := 0; i < most; i++ {
			s.slips = append(s.slips, slip{document: numbered(1), authority: fmt.Sprintf("kg.a%04d", i)})
		}
		if err := s.checkForm(); err != nil {
			t.Errorf("%s: %v", op, err)
		}
		s.slips = append(s.slips, slip{document: numbered(1), authority: "kg.b"})
		requireError(t, s.checkForm(), fmt.Sprintf("it has %d slips, and must have 1 to %d", most+1, most))
	}
}

func TestInspectSpelling(t *testing.T) {
	authority := "authority kg.gpo\n"
	good := actText("inspect", authority)
	requireTaken(t, good)
	requireNotTaken(t, actText("inspect"), actText("inspect", authority, authority), actText("inspect", "case "+numbered(0x5f).String()+"\n", authority),
		actText("inspect", "after "+numbered(9).String()+"\n", authority), actText("inspect", authority, tagLine(1)), actText("inspect", "member kg.gpo/01\n"),
		strings.Replace(good, "/events", "/directory", 1), strings.Replace(good, "authority kg.gpo", "authority KG.gpo", 1),
		strings.Replace(good, "authority kg.gpo", "authority  kg.gpo", 1), strings.Replace(good, "authority kg.gpo", "authority kg", 1))
}

// Each new act touches its documents alone, in its order, or one register.
func TestLeavesOfTouches(t *testing.T) {
	for _, op := range []string{"unwrap", "rewrap", "confirm", "reject"} {
		s := &statement{op: op, caseTag: theCase, actor: "kg.gpo/01", documents: []document{{tag: annex}, {tag: cover}},
			slips: []slip{{document: annex, authority: "kg.gpo"}, {document: cover, authority: "kg.gpo"}}}
		if got := touched(s); len(got) != 2 || got[0] != (chain{kindDocument, annex}) || got[1] != (chain{kindDocument, cover}) {
			t.Errorf("%s: %v", op, got)
		}
	}
	s := &statement{op: "inspect", actor: "kg.mvd/01", authority: "kg.gpo"}
	if got := touched(s); len(got) != 1 || got[0] != (chain{kindRegister, registerTag("kg.gpo")}) {
		t.Errorf("inspect: %v", got)
	}
}
