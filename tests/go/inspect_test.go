package main

import (
	"fmt"
	"strings"
	"testing"
)

// An auditor inspects the register of an authority of their own state, which then has one leaf more.
func TestInspect(t *testing.T) {
	inspect := inspected("tr.ist/02", "tr.moj")
	agreed(t, "before any case", inspect, plainly(request))
	agreed(t, "and no case", member("kg.mvd/01", "auditor"), inspected("kg.mvd/01", "kg.gpo"))
	told(t, "of the other state's registers alone", "the register of no authority of KG is here without a gap", inspect)
	agreed(t, "between acts", plainly(request), inspect, plainly(acknowledge), inspected("tr.ist/02", "tr.ist"), plainly(forward), inspect)
	agreed(t, "of an authority without a case", inspected("tr.ist/02", "tr.ank"), plainly(request))
	agreed(t, "of one of the other state, by its auditor", member("kg.mvd/01", "auditor"), plainly(request), inspected("kg.mvd/01", "kg.gpo"))

	told(t, "of the other state", "an auditor of TR inspects the register of kg.gpo", plainly(request), inspected("tr.ist/02", "kg.gpo"))
	told(t, "no auditor", "tr.ist/01 has no role that may inspect", inspected("tr.ist/01", "tr.moj"))
	told(t, "a custodian", "kg.gpo/05 has no role that may inspect", custodian(), inspected("kg.gpo/05", "kg.gpo"))
	told(t, "of nobody", "it inspects the register of tr.none, which is not in the directory", inspected("tr.ist/02", "tr.none"))
	told(t, "of one not yet in the directory", "which is not in the directory", inspected("tr.ist/02", "tr.new"), func(w *world) { w.authority("tr.new", false) })
	agreed(t, "of one just entered", func(w *world) { w.authority("tr.new", false) }, plainly(request), inspected("tr.ist/02", "tr.new"))
	told(t, "revoked", "has no entry in force", revoked("tr.ist/02"), inspect)
	told(t, "clock", "more than ten minutes", inspected("tr.ist/02", "tr.moj", func(s *statement) { s.time -= 601 }))
	told(t, "a registrar", "a registrar signs for the directory only", func(w *world) {
		n := w.nations["TR"]
		w.members["tr.ist/02"], n.issuing = n.registrar, n.root
		inspected("tr.ist/02", "tr.moj", func(s *statement) { s.actor = "tr.registrar/01" })(w)
	})
}

// An inspection has one leaf, of the register that it names.
func TestLeafOfInspect(t *testing.T) {
	for words, change := range map[string]func(*event){
		"the statement touches register": func(e *event) { e.tag = registerTag("tr.ist") },
		"it is of case":                  func(e *event) { e.kind = kindCase },
		"its commitment is not":          func(e *event) { e.commit = numbered(9) },
		"its prev is not the hash":       func(e *event) { e.prev = zeroDigest },
	} {
		w := newWorld(t)
		request(w)
		inspected("tr.ist/02", "tr.moj")(w)
		if count := len(w.events[1].leaves); count != 1 {
			t.Fatalf("%d leaves", count)
		}
		changeLeaf(w, 1, 0, change)
		relog(t, w, words)
	}
}

// Inspections are of no case: none follows them, and a tag that must be new is not that of a register inspected.
func TestInspectionsAreOfNoCase(t *testing.T) {
	w := newWorld(t)
	inspected("tr.ist/02", "tr.moj")(w)
	request(w)
	inspected("tr.ist/02", "tr.moj")(w)
	out := mustAgree(t, w.files(nil))
	for _, part := range []string{"cases: 1, each act held against the life cycle; 2 inspections of registers", "7 leaves right after the one before, 0 after a gap"} {
		if !strings.Contains(out, part) {
			t.Errorf("no %q in\n%s", part, out)
		}
	}
	told(t, "as what an act follows", "its after is not the leaf hash", plainly(request), inspected("tr.ist/02", "tr.moj"), func(w *world) {
		one := w.events[1]
		acknowledge(w, func(s *statement) { s.after = leafHash(one.leaves[0]) })
	})
	told(t, "a case with a register's tag", "the case tag of a request is not new", inspected("tr.ist/02", "tr.moj"), changed(request, func(s *statement) {
		s.caseTag = registerTag("tr.moj")
	}))
}

// A register without gaps has its inspections, too; one of the other state may lack them.
func TestInspectionsAreOfRegisters(t *testing.T) {
	w := newWorld(t)
	w.member("kg.mvd/01", "auditor")
	request(w)
	inspected("kg.mvd/01", "kg.gpo")(w)
	inspected("tr.ist/02", "tr.moj")(w)
	acknowledge(w)
	respond(w)
	mustAgree(t, w.files(nil), "--whole", "KG")
	mustAgree(t, w.files(nil), "--whole", "TR")

	files := w.files(nil)
	dropFolder(files, folderAt(w.events[2].first)) // of tr.moj's register, and the policy is of KG
	if out := mustAgree(t, files, "--whole", "KG"); !strings.Contains(out, "1 after a gap in a register") {
		t.Error(out)
	}
	mustRefuse(t, files, "a statement is missing", "--whole", "TR")

	files = w.files(nil)
	dropFolder(files, folderAt(w.events[1].first)) // of kg.gpo's
	mustRefuse(t, files, "a statement is missing", "--whole", "KG")
	mustRefuse(t, files, "the register of no authority of KG is here without a gap")
}

// A bundle has the acts of one case, and so no inspection; their leaves are in its list.
func TestBundlesHaveNoInspections(t *testing.T) {
	w := newWorld(t)
	request(w)
	inspected("tr.ist/02", "tr.moj")(w)
	inspection := w.events[1]
	acknowledge(w)
	out := mustAgree(t, bundled(w, inspection))
	if !strings.Contains(out, fmt.Sprintf("bundle: 7 leaves have the root of the events log; 4 are of case %s", theCase)) {
		t.Error(out)
	}
	mustRefuse(t, bundled(w), "the statements of exactly one case")

	alone := newWorld(t)
	inspected("tr.ist/02", "tr.moj")(alone)
	mustRefuse(t, bundled(alone), "the statements of exactly one case")
}

// What is done with slips belongs to a bundle, as all that touches a document does.
func TestBundlesHaveWhatTouchesSlips(t *testing.T) {
	w := newWorld(t)
	for _, act := range replacing(rewrapped("kg.gpo/05", both), confirms("kg.gpo/01", both)) {
		act(w)
	}
	mustAgree(t, bundled(w))
	mustRefuse(t, bundled(w, w.events[2]), "and its statement is not here")
}
