package main

import (
	"encoding/hex"
	"testing"
)

func revocation(member string) *statement {
	return &statement{op: "revoke", member: member, reason: "left"}
}

// revokeSelf is a member's own revocation, with their statement key.
func revokeSelf(w *world, code string, changes ...change) {
	w.enter(revocation(code), w.members[code], w.nations[stateOf(code)].issuing, code, changes...)
}

func TestDirectoryAgrees(t *testing.T) {
	w := newWorld(t)
	revokeSelf(w, "tr.ist/01")
	w.register("KG", revocation("kg.gpo/01"))
	w.member("kg.gpo/01", "signatory")
	request(w)
	mustAgree(t, w.files(nil))
}

func TestDirectoryRefusals(t *testing.T) {
	told(t, "authority twice", "is named twice", func(w *world) { w.authority("kg.gpo", false) })
	told(t, "second central authority", "has a central authority already", func(w *world) { w.authority("kg.new", true) })
	told(t, "member of no authority", "there is no authority", func(w *world) { w.member("kg.none/01", "drafter") })
	told(t, "member twice", "has an entry that is not revoked", func(w *world) { w.member("kg.gpo/01", "drafter") })
	told(t, "role registrar", "it gives the role registrar", func(w *world) { w.member("kg.gpo/02", "registrar") })
	told(t, "nobody to revoke", "has no entry to revoke", func(w *world) { w.register("KG", revocation("kg.gpo/05")) })
	told(t, "revoked twice", "has no entry to revoke", func(w *world) {
		w.register("KG", revocation("kg.gpo/01"))
		w.register("KG", revocation("kg.gpo/01"))
	})
	told(t, "another state", "an actor of TR names", func(w *world) { w.register("TR", revocation("kg.gpo/01")) })
	told(t, "after", "its after is not the leaf hash", func(w *world) {
		w.authority("kg.new", false, func(s *statement) { s.after = numbered(4) })
	})
	told(t, "certificate in two entries", "stands in an entry of kg.gpo/01 already", func(w *world) {
		old := w.members["kg.gpo/01"].cert.fingerprint
		w.memberWith("kg.gpo/02", []string{"drafter"}, func(s *statement) { s.tls = old })
	})
	told(t, "entered again with an old certificate", "stands in an entry of kg.gpo/01 already", func(w *world) {
		old := w.members["kg.gpo/01"].cert.fingerprint
		w.register("KG", revocation("kg.gpo/01"))
		w.memberWith("kg.gpo/01", []string{"drafter"}, func(s *statement) { s.signs = old })
	})
	told(t, "one certificate for both", "one certificate stands in it twice", func(w *world) {
		w.memberWith("kg.gpo/02", []string{"drafter"}, func(s *statement) { s.tls = s.signs })
	})
	told(t, "a member enters somebody", "is not signed by a registrar", func(w *world) {
		w.enter(&statement{op: "authority", authority: "kg.new", sealing: "age1pq1x"}, w.members["kg.gpo/01"], w.nations["KG"].issuing, "kg.gpo/01")
	})
	told(t, "a member revokes another", "is not signed by a registrar", func(w *world) {
		w.enter(revocation("kg.gpo/01"), w.members["tr.ist/01"], w.nations["TR"].issuing, "tr.ist/01")
	})
	told(t, "a revoked member revokes themselves", "has no entry in force", func(w *world) {
		w.register("TR", revocation("tr.ist/01"))
		revokeSelf(w, "tr.ist/01")
	})
	told(t, "self-revocation with another certificate", "is not the one in the member's entry", func(w *world) {
		w.members["tr.ist/01"] = issue(w.t, leafTemplate("tr.ist/01", purposeStatement), w.nations["TR"].issuing, nil)
		revokeSelf(w, "tr.ist/01")
	})
	told(t, "time falls", "less than that of a leaf before it", func(w *world) {
		w.clockMs -= 60000
		w.authority("kg.new", false)
	})
	told(t, "clock", "more than ten minutes", func(w *world) {
		w.authority("kg.new", false, func(s *statement) { s.time -= 601 })
	})
	told(t, "head that never was", "its line directory: it is not the root", func(w *world) {
		w.authority("kg.new", false, func(s *statement) { s.directory.root = numbered(4) })
	})
	told(t, "head of the future", "its line seen: size", func(w *world) {
		w.authority("kg.new", false, func(s *statement) { s.seen.size++ })
	})
}

func TestDirectoryMustBeWhole(t *testing.T) {
	w := newWorld(t)
	files := w.files(nil)
	dropFolder(files, "directory/000003/")
	mustRefuse(t, files, "it does not hold all 9 entries")
	files = w.files(nil)
	dropFolder(files, "directory/000008/")
	mustRefuse(t, files, "it does not hold all 9 entries")
}

func dropFolder(files map[string][]byte, prefix string) {
	for name := range files {
		if len(name) > len(prefix) && name[:len(prefix)] == prefix {
			delete(files, name)
		}
	}
}

// A state with 10,000 entries may only revoke and cancel.
func TestDirectoryIsBounded(t *testing.T) {
	d := newDirectory()
	d.count["KG"] = maxEntries
	one := &item{statement: &statement{op: "authority", authority: "kg.new", actor: "kg.registrar/01"}}
	requireError(t, d.permits(one), "may only revoke")
	one.statement = &statement{op: "replace", authority: "kg.new", actor: "kg.registrar/01"}
	requireError(t, d.permits(one), "may only revoke")
	one.statement = &statement{op: "grant", member: "kg.gpo/01", actor: "kg.gpo/02"}
	requireError(t, d.permits(one), "may only revoke")
	one.statement = &statement{op: "cancel", authority: "kg.new", actor: "kg.new/01"}
	requireError(t, d.permits(one), "is no replacement")
	one.statement = &statement{op: "revoke", member: "kg.new/01", actor: "kg.new/01"}
	requireError(t, d.permits(one), "has no entry to revoke")
	d.count["KG"]--
	one.statement = &statement{op: "authority", authority: "kg.new", actor: "kg.registrar/01"}
	if err := d.permits(one); err != nil {
		t.Error(err)
	}
}

// Each byte of an event leaf counts: the header, time, size, kind, tag, seq, prev and commitment.
func TestEventLeafBytes(t *testing.T) {
	w := wholeStory(t)
	for i, one := range w.events[0].leaves {
		e, err := parseEvent(one)
		if err != nil || hex.EncodeToString(encodeEvent(e)) != hex.EncodeToString(one) {
			t.Fatalf("leaf %d: %v", i, err)
		}
	}
	for i := 0; i < eventLeafLength; i += 9 {
		files := wholeStoryFiles(t)
		files["events/000000/leaf-0.bin"][i] ^= 1
		code, out := verify(t, files)
		requireRefusal(t, code, out, "leaf-0.")
	}
}

var toldFiles map[string][]byte

// wholeStoryFiles is a copy of one folder that is made once.
func wholeStoryFiles(t testing.TB) map[string][]byte {
	if toldFiles == nil {
		toldFiles = wholeStory(t).files(nil)
	}
	files := map[string][]byte{}
	for name, raw := range toldFiles {
		files[name] = append([]byte{}, raw...)
	}
	return files
}
