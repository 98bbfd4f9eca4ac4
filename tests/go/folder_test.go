package main

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func TestSumsRefusals(t *testing.T) {
	with := func(words string, change func(map[string][]byte)) {
		t.Helper()
		files := wholeStoryFiles(t)
		files[sumsName] = sums(files)
		change(files)
		code, out := verifyAsIs(t, files)
		requireRefusal(t, code, out, words)
	}
	with("verify.sh: Evidence: its SHA-256 is not", func(f map[string][]byte) { f["verify.sh"] = []byte("other") })
	with("verify.sh: Evidence: the file is listed", func(f map[string][]byte) { delete(f, "verify.sh") })
	with("blobs/x.age: Evidence: the file is listed in SHA256SUMS, and must not be", func(f map[string][]byte) {
		f["blobs/x.age"] = nil
		f[sumsName] = append([]byte(sumOfBytes(nil).String()+"  blobs/x.age\n"), f[sumsName]...)
	})
	with("SHA256SUMS: Evidence: the file is listed in SHA256SUMS, and must not be", func(f map[string][]byte) {
		f[sumsName] = append([]byte(numbered(1).String()+"  SHA256SUMS\n"), f[sumsName]...)
	})
	with("does not come after", func(f map[string][]byte) { // in another order than that of bytes
		lines := strings.SplitAfter(string(f[sumsName]), "\n")
		last := len(lines) - 2 // verify.sh
		f[sumsName] = []byte(lines[last] + strings.Join(lines[:last], ""))
	})
	with("surplus: Evidence: the file is not listed", func(f map[string][]byte) { f["surplus"] = nil })
	with("SHA256SUMS: Evidence: its last line", func(f map[string][]byte) { f[sumsName] = nil })
	with("SHA256SUMS: Evidence: the file is missing", func(f map[string][]byte) { delete(f, sumsName) })
	with("does not come after", func(f map[string][]byte) { f[sumsName] = append(f[sumsName], f[sumsName]...) })
	with("has capital digits", func(f map[string][]byte) {
		f[sumsName] = []byte(strings.ToUpper(string(f[sumsName][:64])) + string(f[sumsName][64:]))
	})
	with("is no digest and name", func(f map[string][]byte) { f[sumsName][64] = '*' })
}

func TestFilesThatDoNotBelong(t *testing.T) {
	with := func(words, name string, raw []byte) {
		t.Helper()
		files := wholeStoryFiles(t)
		files[name] = raw
		mustRefuse(t, files, words)
	}
	with("no such file belongs here", "events/000000/more.txt", nil)
	with("no such file belongs here", "events/000000/leaf-7.bin", nil)
	with("no such file belongs here", "logs/other.checkpoint", nil)
	with("is not the index of a leaf", "events/7/statement.txt", nil)
	with("is not the index of a leaf", "events/00000x/statement.txt", nil)
	with("no statement here names it", "blobs/x.age", nil)
	with("no statement here names it", "slips/x.age", nil)
	with("is not the statement's", "blobs/"+cover.String()+".age", []byte("x"))
	with("is not the statement's", "slips/"+cover.String()+"-tr.moj.age", []byte("x"))
}

func TestSealedFilesAgree(t *testing.T) {
	w := newWorld(t)
	blob, sealed := []byte("a blob"), []byte("a slip")
	request(w, func(s *statement) {
		s.documents[0].sum, s.documents[0].bytes = sumOfBytes(blob), uint64(len(blob))
		s.documents[1].sum, s.documents[1].bytes = sumOfBytes(blob), 7
		s.slips[1].sum = sumOfBytes(sealed)
	})
	files := w.files(nil)
	files["blobs/"+cover.String()+".age"] = blob
	files["slips/"+cover.String()+"-tr.moj.age"] = sealed
	if out := mustAgree(t, files); !strings.Contains(out, "sealed: 2 blobs and slips held") {
		t.Error(out)
	}
	files["blobs/"+annex.String()+".age"] = blob
	mustRefuse(t, files, "it has 6 bytes, and the statement says 7")
}

func TestSlipIsBounded(t *testing.T) {
	w := newWorld(t)
	long := make([]byte, maxSlip+1)
	request(w, func(s *statement) { s.slips[1].sum = sumOfBytes(long) })
	files := w.files(nil)
	files["slips/"+cover.String()+"-tr.moj.age"] = long
	mustRefuse(t, files, "the slip is longer than 4096 bytes")
}

// Every file but verify.sh is looked at for its content: a changed byte is wrong, also with a new SHA256SUMS.
func TestOneByteInEachFile(t *testing.T) {
	for name, raw := range wholeStoryFiles(t) {
		if name == "verify.sh" || strings.Contains(name, "/leaf-") || strings.HasPrefix(name, "directory/") {
			continue
		}
		files := wholeStoryFiles(t)
		files[name] = append([]byte{}, raw...)
		files[name][len(raw)*2/3] ^= 1
		if code, out := verify(t, files); code != exitWrong {
			t.Errorf("%s: exit %d\n%s", name, code, out)
		}
	}
}

func TestMissingFiles(t *testing.T) {
	for _, name := range []string{"policy/policy.txt", "policy/policy.p7s", "logs/events.checkpoint", "logs/events.vkey", "roots/KG.pem",
		"events/000000/statement.txt", "events/000000/signature.p7s", "events/000000/signer.pem", "events/000000/issuer.pem",
		"events/000000/leaf-1.bin", "events/000000/leaf-1.tlog-proof", "directory/000001/leaf-1.bin", "directory/000001/statement.txt", "verify.sh"} {
		files := wholeStoryFiles(t)
		delete(files, name)
		mustRefuse(t, files, name+": Evidence: the file is missing")
	}
}

func TestFolders(t *testing.T) {
	files := wholeStoryFiles(t)
	tree := fstest.MapFS{}
	files[sumsName] = sums(files)
	for name, raw := range files {
		tree[name] = &fstest.MapFile{Data: raw, Mode: 0o600}
	}
	for _, name := range []string{"blobs", "slips"} {
		tree[name] = &fstest.MapFile{Mode: fs.ModeDir | 0o700}
	}
	if code, out := verifyTree(t, tree); code != exitAgrees {
		t.Errorf("empty blobs and slips: exit %d\n%s", code, out)
	}
	for _, name := range []string{"more", "events/000000/more", "blobs/more"} {
		tree[name] = &fstest.MapFile{Mode: fs.ModeDir | 0o700}
		code, out := verifyTree(t, tree)
		requireRefusal(t, code, out, name+": Evidence: no such folder belongs here")
		delete(tree, name)
	}
}

func TestSymbolicLinkIsRefused(t *testing.T) {
	folder := t.TempDir()
	if err := os.Symlink("verify.sh", folder+"/link"); err != nil {
		t.Skip(err)
	}
	var out strings.Builder
	code := run([]string{"evidence", folder}, &out, &out)
	requireRefusal(t, code, out.String(), "link: Evidence: it is neither a file nor a folder")
}
