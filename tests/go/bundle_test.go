package main

import (
	"fmt"
	"strings"
	"testing"
)

// bundled is a case as a bundle, with these acts of another case left out but for their leaves.
func bundled(w *world, others ...*entered) map[string][]byte {
	files := w.files(nil)
	files[pageName], files[leavesName] = []byte("<!DOCTYPE html>\n"), []byte{}
	for _, one := range w.events {
		for _, leaf := range one.leaves {
			files[leavesName] = append(files[leavesName], leaf...)
		}
	}
	for _, one := range others {
		dropFolder(files, folderAt(one.first))
	}
	return files
}

// folderAt is the folder of the act whose first leaf this is.
func folderAt(index int64) string { return fmt.Sprintf("events/%06d/", index) }

// otherCase is a request of another case, from the same central authority to the same one.
func otherCase(w *world) *entered {
	tag := numbered(0x77)
	document := numbered(0x78)
	return w.act("kg.gpo/01", &statement{op: "submit", caseTag: tag, kind: "request", documents: docs(w, document),
		slips: slipsFor(w, []digest{document}, "kg.gpo", "tr.moj"), to: []string{"tr.moj"}})
}

func TestBundleAgrees(t *testing.T) {
	w := newWorld(t)
	request(w)
	other := otherCase(w)
	acknowledge(w)
	out := mustAgree(t, bundled(w, other))
	if !strings.Contains(out, "bundle: 10 leaves have the root of the events log; 4 are of case "+theCase.String()) || !strings.Contains(out, " 0 cannot be computed") {
		t.Error(out)
	}
}

func TestBundleRefusals(t *testing.T) {
	with := func(words string, change func(map[string][]byte)) {
		t.Helper()
		w := newWorld(t)
		request(w)
		other := otherCase(w)
		touch(w, "release", "tr.moj/01", []digest{annex})
		files := bundled(w, other)
		change(files)
		mustRefuse(t, files, words)
	}
	with("and its statement is not here", func(f map[string][]byte) { dropFolder(f, folderAt(9)) }) // nothing builds on it
	with("and not 136 for each of 10 leaves", func(f map[string][]byte) { f[leavesName] = f[leavesName][136:] })
	with("have not the root", func(f map[string][]byte) { f[leavesName][5*136+40] ^= 1 })
	with("have not the root", func(f map[string][]byte) { copy(f[leavesName][5*136+32:], theCase[:]) })
	with("it is no event leaf", func(f map[string][]byte) { f[leavesName][3*136] ^= 1 })
	with("is less than that of the leaf before it", func(f map[string][]byte) {
		f[leavesName][9*136+15] = 0
		f[leavesName][9*136+20] = 0
		f[leavesName][9*136+19] = 0
	})
	with("READ-ME-FIRST.html: Evidence: the file is missing", func(f map[string][]byte) { delete(f, pageName) })
	with("no such file belongs here", func(f map[string][]byte) { f["logs/more"] = nil })
	with("no such file belongs here", func(f map[string][]byte) { delete(f, leavesName) }) // then the page is none of evidence
}

func TestBundleOfTwoCasesIsNone(t *testing.T) {
	w := newWorld(t)
	request(w)
	otherCase(w)
	mustRefuse(t, bundled(w), "the statements of exactly one case")
}

func TestBundleOfNoCaseIsNone(t *testing.T) {
	mustRefuse(t, bundled(newWorld(t)), "the statements of exactly one case")
}
