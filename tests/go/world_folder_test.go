package main

// The tests' own evidence folder, in memory, and what must come of its verification.

import (
	"fmt"
	"io/fs"
	"sort"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/tlog"
)

func (w *world) plainPolicy() string { return w.policyWith("", "quorum none\n") }

// policyWith writes a policy, with lines before "tlog-policy" and at its end.
func (w *world) policyWith(head, tail string) string {
	return fmt.Sprintf("elchi-policy/v1\nstate KG\nversion 1\ntime %s\nserver mla.example:8443 spki %s\nroot KG %s\nroot TR %s\n%s"+
		"tlog-policy\nlog %s\nlog %s\n%s", formatTime(worldStart), numbered(9), w.nations["KG"].root.cert.fingerprint,
		w.nations["TR"].root.cert.fingerprint, head, w.logs["events"].text, w.logs["directory"].text, tail)
}

// note is the text of a log's checkpoint; cosign adds lines to it.
func (w *world) noteText(log string) string {
	h := w.headOf(log)
	return fmt.Sprintf("mla.example/%s\n%d\n%s\n", log, h.size, encodeBase64(h.root[:]))
}

// files writes the evidence folder; cosignatures may be nil.
func (w *world) files(cosignatures func(text string) string) map[string][]byte {
	files := map[string][]byte{"verify.sh": []byte("#!/bin/sh\n")}
	for state, n := range w.nations {
		files["roots/"+state+".pem"] = n.root.pem()
	}
	text := []byte(w.policy())
	files["policy/policy.txt"] = text
	files["policy/policy.p7s"] = sign(w.t, text, w.nations["KG"].registrar, w.nations["KG"].root, worldStart)
	w.putLog(files, "directory", w.entries, cosignatures)
	w.putLog(files, "events", w.events, cosignatures)
	return files
}

func (w *world) putLog(files map[string][]byte, log string, list []*entered, cosignatures func(string) string) {
	text := w.noteText(log)
	note := text + "\n" + w.logs[log].sign(text)
	if cosignatures != nil {
		note += cosignatures(text)
	}
	files["logs/"+log+".checkpoint"], files["logs/"+log+".vkey"] = []byte(note), []byte(w.logs[log].text+"\n")
	hashes := w.hashesOf(log)
	store := storeOfHashes(hashes)
	for _, one := range list {
		at := fmt.Sprintf("%s/%06d/", log, one.first)
		files[at+"statement.txt"], files[at+"signature.p7s"] = one.raw, one.signature
		files[at+"signer.pem"], files[at+"issuer.pem"] = one.signer.pem(), one.issuer.pem()
		for i, leaf := range one.leaves {
			index := one.first + int64(i)
			path, err := tlog.ProveRecord(int64(len(hashes)), index, store)
			if err != nil {
				w.t.Fatal(err)
			}
			p := proof{index: uint64(index), path: path, checkpoint: note}
			files[fmt.Sprintf("%sleaf-%d.bin", at, index)] = leaf
			files[fmt.Sprintf("%sleaf-%d.tlog-proof", at, index)] = []byte(p.encode())
		}
	}
}

// sums lists the digests of all files but the sealed ones.
func sums(files map[string][]byte) []byte {
	var names []string
	for name := range files {
		if name != sumsName && !isSealed(name) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "%s  %s\n", sumOfBytes(files[name]), name)
	}
	return []byte(b.String())
}

// verify answers with exit code and output for a folder with fresh digests.
func verify(t testing.TB, files map[string][]byte, options ...string) (int, string) {
	t.Helper()
	files[sumsName] = sums(files)
	return verifyAsIs(t, files, options...)
}

// verifyAsIs is for a folder in memory; only the options are parsed as on the command line.
func verifyAsIs(t testing.TB, files map[string][]byte, options ...string) (int, string) {
	t.Helper()
	tree := fstest.MapFS{}
	for name, raw := range files {
		tree[name] = &fstest.MapFile{Data: raw, Mode: 0o600}
	}
	return verifyTree(t, tree, options...)
}

func verifyTree(t testing.TB, tree fs.FS, options ...string) (int, string) {
	t.Helper()
	s := settings{tree: tree}
	for i := 0; i+1 < len(options); i += 2 {
		switch options[i] {
		case "--now":
			s.now = new(int64)
			fmt.Sscan(options[i+1], s.now)
		case "--whole":
			s.whole = options[i+1]
		}
	}
	var out strings.Builder
	code := conclude(func(r *report) (string, error) { return verifyEvidence(r, s) }, &out, &out)
	return code, out.String()
}

// mustAgree and mustRefuse: the second, with words that the refusal has.
func mustAgree(t testing.TB, files map[string][]byte, options ...string) string {
	t.Helper()
	code, out := verify(t, files, options...)
	if code != exitAgrees || !strings.Contains(out, "\nagrees: ") {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	return out
}

func mustRefuse(t testing.TB, files map[string][]byte, words string, options ...string) {
	t.Helper()
	code, out := verify(t, files, options...)
	requireRefusal(t, code, out, words)
}

func requireRefusal(t testing.TB, code int, out, words string) {
	t.Helper()
	for _, line := range strings.Split(out, "\n") {
		if code == exitWrong && strings.HasPrefix(line, "wrong: ") && strings.Contains(line, words) {
			return
		}
	}
	t.Errorf("exit %d, and no refusal that says %q:\n%s", code, words, out)
}
