package main

import (
	"fmt"
	"strings"
	"testing"
)

// relog makes the events log again after a change of its leaves, properly signed, with all proofs: what a log could
// do that does not keep its own rules.
func relog(t *testing.T, w *world, words string) {
	t.Helper()
	mustRefuse(t, w.files(nil), words)
}

func changeLeaf(w *world, act, leaf int, change func(*event)) {
	e, err := parseEvent(w.events[act].leaves[leaf])
	if err != nil {
		w.t.Fatal(err)
	}
	change(e)
	w.events[act].leaves[leaf] = encodeEvent(e)
}

func TestLeafRefusals(t *testing.T) {
	for _, c := range []struct {
		words     string
		act, leaf int
		change    func(*event)
	}{
		{"there is no kind 4", 0, 0, func(e *event) { e.kind = 4 }},
		{"the statement touches case", 0, 0, func(e *event) { e.kind = 2 }},
		{"the statement touches document", 0, 1, func(e *event) { e.tag = numbered(9) }},
		{"its commitment is not", 1, 0, func(e *event) { e.commit = numbered(9) }},
		{"another time or directory size", 0, 2, func(e *event) { e.timeMs++ }},
		{"another time or directory size", 0, 2, func(e *event) { e.directorySize-- }},
		{"is less than that of a leaf before it", 1, 0, func(e *event) { e.timeMs -= 60000 }},
		{"is less than that of a leaf before it", 1, 0, func(e *event) { e.directorySize-- }},
		{"greater than the directory log's", 9, 0, func(e *event) { e.directorySize++ }},
		{"its seq is 2, and 1 comes next", 1, 0, func(e *event) { e.seq++ }},
		{"its seq is 0, and 1 comes next", 1, 0, func(e *event) { e.seq-- }},
		{"its prev is not the hash", 1, 0, func(e *event) { e.prev = numbered(9) }},
		{"its prev is not the hash", 0, 3, func(e *event) { e.prev = numbered(9) }},
		{"its seq is 1, and 0 comes next", 0, 4, func(e *event) { e.seq++ }},
	} {
		w := wholeStory(t)
		changeLeaf(w, c.act, c.leaf, c.change)
		relog(t, w, c.words)
	}
}

func TestHeadRefusals(t *testing.T) {
	told(t, "seen never was", "its line seen: it is not the root at size 5", plainly(request), changed(acknowledge, func(s *statement) { s.seen.root = numbered(1) }))
	told(t, "seen parts a statement", "parts the leaves of events/000000", plainly(request), changed(acknowledge, func(s *statement) { s.seen.size = 3 }))
	told(t, "seen of the future", "its line seen: size 6 is greater", plainly(request), changed(acknowledge, func(s *statement) { s.seen.size = 6 }))
	told(t, "directory never was", "its line directory: it is not the root", changed(request, func(s *statement) { s.directory.root = numbered(1) }))
	told(t, "directory of the future", "its line directory: size 10 is greater", changed(request, func(s *statement) { s.directory.size++ }))
	told(t, "the same statement twice", "the same statement is in events/000000", func(w *world) {
		one := request(w)
		again := *one
		again.first, again.leaves = int64(len(w.hashesOf("events"))), nil
		s, _ := parseStatement(one.raw)
		for _, c := range touched(s) {
			again.leaves = append(again.leaves, w.leaf(c, &again))
		}
		w.events = append(w.events, &again)
	})
}

func TestCheckpointPartsNoStatement(t *testing.T) {
	w := newWorld(t)
	request(w)
	one := *w.events[0]
	part := &world{t: t, nations: w.nations, logs: w.logs, policy: w.policy, entries: w.entries, events: []*entered{&one}}
	one.leaves = one.leaves[:4]
	relog(t, part, "the file is missing")
}

// Without a statement in the middle, a case cannot be told; without the last one, a folder says only that not all
// leaves of the log are here.
func TestDroppedStatements(t *testing.T) {
	w := wholeStory(t)
	at := func(i int) string { return fmt.Sprintf("events/%06d/", w.events[i].first) }
	for i, words := range map[int]string{
		0: "the case's request is not here",
		1: "a statement is missing",    // acknowledge
		2: "a statement is missing",    // release, whose documents have an opened after it
		4: "a statement is missing",    // forward
		7: "a statement is missing",    // response
		8: "a statement is missing",    // forward home, before the close
		6: "its after is not the leaf", // answer
	} {
		files := w.files(nil)
		dropFolder(files, at(i))
		mustRefuse(t, files, words)
	}
	files := w.files(nil)
	dropFolder(files, at(9))
	if out := mustAgree(t, files); !strings.Contains(out, "leaves: 28 of 29 of the events log") {
		t.Error(out)
	}
}

// A second case gives the registers of both central authorities more leaves; without it they have gaps, in the folder
// of a member of kg.mvd, which only the first case came to.
func TestRegistersWithGaps(t *testing.T) {
	w := newWorld(t)
	second := w.act("kg.gpo/01", &statement{op: "submit", caseTag: numbered(0x60), kind: "request", documents: docs(w, numbered(0x61)),
		slips: slipsFor(w, []digest{numbered(0x61)}, "kg.gpo", "tr.moj"), to: []string{"tr.moj"}})
	request(w)
	acknowledge(w)
	files := w.files(nil)
	dropFolder(files, fmt.Sprintf("events/%06d/", second.first))
	mustRefuse(t, files, "the register of no authority of KG is here without a gap")
	respond(w)
	forwardHome(w)
	files = w.files(nil)
	dropFolder(files, fmt.Sprintf("events/%06d/", second.first))
	out := mustAgree(t, files)
	for _, part := range []string{"2 after a gap in a register", "leaves: 14 of 18", "heads: 26 lines"} {
		if !strings.Contains(out, part) {
			t.Errorf("no %q in\n%s", part, out)
		}
	}
	mustRefuse(t, files, "a statement is missing", "--whole", "TR")
	mustRefuse(t, files, "a statement is missing", "--whole", "KG")
	mustAgree(t, w.files(nil), "--whole", "KG")
}

// A register's gap cannot be larger than the leaves that are not here.
func TestImpossibleGap(t *testing.T) {
	w := newWorld(t)
	second := w.act("kg.gpo/01", &statement{op: "submit", caseTag: numbered(0x60), kind: "request", documents: docs(w, numbered(0x61)),
		slips: slipsFor(w, []digest{numbered(0x61)}, "kg.gpo", "tr.moj"), to: []string{"tr.moj"}})
	request(w)
	changeLeaf(w, 1, 3, func(e *event) { e.seq = 8 })
	files := w.files(nil)
	dropFolder(files, fmt.Sprintf("events/%06d/", second.first))
	mustRefuse(t, files, "so many leaves do not stand between them")
}

func TestProofRefusals(t *testing.T) {
	const name = "events/000000/leaf-0.tlog-proof"
	change := func(words, old, new string) {
		t.Helper()
		files := wholeStoryFiles(t)
		text := string(files[name])
		changed := strings.Replace(text, old, new, 1)
		if changed == text {
			t.Fatalf("no %q in the proof", old)
		}
		files[name] = []byte(changed)
		mustRefuse(t, files, name+": "+words)
	}
	lines := strings.SplitAfter(string(wholeStoryFiles(t)[name]), "\n")
	change("Logs: it does not begin", "@v1", "@v2")
	change("Evidence: it is the proof of leaf 1", "index 0", "index 1")
	change("Logs: \"00\" is not a number", "index 0", "index 00")
	change("Logs: it does not begin", "index 0", "extra AAAA\nindex 0")
	change("Logs: leaf 0 is not under the checkpoint", lines[2], "")
	change("Logs: leaf 0 is not under the checkpoint", lines[2], lines[2]+lines[2])
	change("Logs: leaf 0 is not under the checkpoint", lines[2]+lines[3], lines[3]+lines[2])
	change("Evidence: its checkpoint is not", "\nmla.example/events\n", "\nmla.example/eventz\n")
	change("Evidence: its checkpoint is not", "\n— ", "\n\n— ")
}

// Heads are compared also where leaves are not here, with the hashes that the proofs of the others show.
func TestHeadOverLeavesThatAreNotHere(t *testing.T) {
	w := newWorld(t)
	second := w.act("kg.gpo/01", &statement{op: "submit", caseTag: numbered(0x60), kind: "request", documents: docs(w, numbered(0x61)),
		slips: slipsFor(w, []digest{numbered(0x61)}, "kg.gpo", "tr.moj"), to: []string{"tr.moj"}})
	request(w, func(s *statement) { s.seen.root = numbered(1) })
	files := w.files(nil)
	dropFolder(files, fmt.Sprintf("events/%06d/", second.first))
	mustRefuse(t, files, "its line seen: it is not the root at size 4")
}
