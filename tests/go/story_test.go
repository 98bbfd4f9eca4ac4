package main

// A whole case as the tests tell it, act by act; any act can be changed before it is signed.

import (
	"fmt"
	"testing"
)

var theCase = numbered(0x5f)

type change = func(*statement)

func docs(w *world, tags ...digest) []document {
	var list []document
	for _, tag := range tags {
		list = append(list, document{tag: tag, upload: numbered(0xee), sum: numbered(0xdd), bytes: 100})
	}
	return list
}

var sealings = 0

// slipsFor makes a slip of each document for each authority. No two are alike, as age seals nothing twice to the same bytes.
func slipsFor(w *world, tags []digest, authorities ...string) []slip {
	var list []slip
	for _, tag := range tags {
		for _, code := range authorities {
			sealings++
			list = append(list, slip{tag, code, sumOfBytes([]byte(w.sealing[code])), sumOfBytes([]byte(fmt.Sprint("slip ", sealings)))})
		}
	}
	return list
}

var (
	cover, annex   = numbered(0x01), numbered(0x02)
	cover2, annex2 = numbered(0x11), numbered(0x12)
	cover3         = numbered(0x21)
)

func request(w *world, changes ...change) *entered {
	tags := []digest{cover, annex}
	return w.act("kg.gpo/01", &statement{op: "submit", caseTag: theCase, kind: "request", documents: docs(w, tags...),
		slips: slipsFor(w, tags, "kg.gpo", "tr.moj"), to: []string{"tr.moj"}}, changes...)
}

func acknowledge(w *world, changes ...change) *entered {
	return w.act("tr.moj/01", &statement{op: "acknowledge", caseTag: theCase}, changes...)
}

func touch(w *world, op, member string, tags []digest, changes ...change) *entered {
	s := &statement{op: op, caseTag: theCase}
	for _, tag := range tags {
		s.documents = append(s.documents, document{tag: tag})
	}
	return w.act(member, s, changes...)
}

func forward(w *world, changes ...change) *entered {
	tags := []digest{cover, annex}
	s := &statement{op: "forward", caseTag: theCase, slips: slipsFor(w, tags, "tr.ist"), to: []string{"tr.ist"}}
	for _, tag := range tags {
		s.documents = append(s.documents, document{tag: tag})
	}
	return w.act("tr.moj/01", s, changes...)
}

func answer(w *world, changes ...change) *entered {
	tags := []digest{cover2, annex2}
	return w.act("tr.ist/01", &statement{op: "submit", caseTag: theCase, kind: "response", documents: docs(w, tags...),
		slips: slipsFor(w, tags, "tr.ist", "tr.moj"), to: []string{"tr.moj"}}, changes...)
}

func respond(w *world, changes ...change) *entered {
	tags := []digest{cover3}
	return w.act("tr.moj/01", &statement{op: "submit", caseTag: theCase, kind: "response", documents: docs(w, tags...),
		slips: slipsFor(w, tags, "kg.gpo", "tr.moj"), to: []string{"kg.gpo"}}, changes...)
}

func forwardHome(w *world, changes ...change) *entered {
	return w.act("kg.gpo/01", &statement{op: "forward", caseTag: theCase, documents: []document{{tag: cover3}},
		slips: slipsFor(w, []digest{cover3}, "kg.mvd"), to: []string{"kg.mvd"}}, changes...)
}

func closeCase(w *world, changes ...change) *entered {
	return w.act("kg.gpo/01", &statement{op: "close", caseTag: theCase}, changes...)
}

// wholeStory is a case from request to end.
func wholeStory(t testing.TB) *world {
	w := newWorld(t)
	request(w)
	acknowledge(w)
	touch(w, "release", "tr.moj/01", []digest{cover, annex})
	touch(w, "opened", "tr.moj/01", []digest{cover})
	forward(w)
	touch(w, "release", "tr.ist/01", []digest{annex})
	answer(w)
	respond(w)
	forwardHome(w)
	closeCase(w)
	return w
}

func TestWholeStoryAgrees(t *testing.T) {
	out := mustAgree(t, wholeStory(t).files(nil))
	if want := "agrees: 19 statements, "; !containsText(out, want) {
		t.Errorf("no %q in\n%s", want, out)
	}
}

func TestEmptyEventsLogAgrees(t *testing.T) {
	mustAgree(t, newWorld(t).files(nil))
}

// told tells a story up to a point, and then one act that must be refused with these words.
func told(t *testing.T, name, words string, acts ...func(*world)) {
	t.Run(name, func(t *testing.T) {
		w := newWorld(t)
		for _, act := range acts {
			act(w)
		}
		mustRefuse(t, w.files(nil), words)
	})
}

// plainly makes an act without changes.
func plainly(act func(*world, ...change) *entered) func(*world) {
	return func(w *world) { act(w) }
}

// changed makes an act with one change.
func changed(act func(*world, ...change) *entered, c change) func(*world) {
	return func(w *world) { act(w, c) }
}

// agreed tells a story that must be taken.
func agreed(t *testing.T, name string, acts ...func(*world)) {
	t.Run(name, func(t *testing.T) {
		w := newWorld(t)
		for _, act := range acts {
			act(w)
		}
		mustAgree(t, w.files(nil))
	})
}
