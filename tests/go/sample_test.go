package main

// Tampering with a folder that the program itself wrote. ELCHI_SAMPLE names one; it is copied, never changed.

import (
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

var sampleFiles map[string][]byte

func sample(t *testing.T) map[string][]byte {
	t.Helper()
	root := os.Getenv("ELCHI_SAMPLE")
	if root == "" {
		t.Skip("ELCHI_SAMPLE names no folder")
	}
	if sampleFiles == nil {
		sampleFiles = map[string][]byte{}
		err := filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			name, _ := filepath.Rel(root, at)
			// Blobs may be large, and are tampered with in the small world.
			if !strings.HasPrefix(name, "blobs") {
				sampleFiles[filepath.ToSlash(name)], err = os.ReadFile(at)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	files := map[string][]byte{}
	for name, raw := range sampleFiles {
		files[name] = append([]byte{}, raw...)
	}
	return files
}

// folders are the folders of a log's statements in a sample, in order.
func folders(files map[string][]byte, log string) []string {
	once := map[string]bool{}
	for name := range files {
		if strings.HasPrefix(name, log+"/") {
			once[name[:strings.LastIndexByte(name, '/')+1]] = true
		}
	}
	var names []string
	for name := range once {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func TestSampleAgrees(t *testing.T) {
	files := sample(t)
	var out strings.Builder
	if code := run([]string{"evidence", os.Getenv("ELCHI_SAMPLE")}, &out, &out); code != exitAgrees {
		t.Errorf("exit %d\n%s", code, out.String())
	}
	mustAgree(t, files) // so the tests' list of digests is written as the program writes it
}

// One byte in each kind of file, with the old digests and with new ones.
func TestSampleOneByte(t *testing.T) {
	files := sample(t)
	first, entries := folders(files, "events")[0], folders(files, "directory")
	entry, last := entries[0], entries[len(entries)-1]
	var names []string
	for name := range files {
		if (strings.HasPrefix(name, first) || strings.HasPrefix(name, entry) || strings.HasPrefix(name, last) || strings.Count(name, "/") == 1) && name != "verify.sh" {
			names = append(names, name)
		}
	}
	for _, name := range names {
		for _, part := range []int{0, 1, 2, 3} {
			changed := sample(t)
			changed[name][(len(changed[name])-1)*part/3] ^= 1
			if code, out := verifyAsIs(t, changed); code != exitWrong {
				t.Errorf("%s, part %d, old digests: exit %d\n%s", name, part, code, out)
			}
			if code, out := verify(t, changed); code != exitWrong {
				t.Errorf("%s, part %d, new digests: exit %d\n%s", name, part, code, out)
			}
		}
	}
}

// Leaving out a folder: all but the last act of a case and the last touch of each document are missed by the chains;
// the others show only in the count of leaves.
func TestSampleDroppedFolders(t *testing.T) {
	unseen := 0
	for _, log := range []string{"directory", "events"} {
		for _, at := range folders(sample(t), log) {
			files := sample(t)
			dropFolder(files, at)
			for name := range files {
				if isSealed(name) {
					delete(files, name)
				}
			}
			code, out := verify(t, files)
			if code == exitAgrees {
				if log == "directory" {
					t.Errorf("%s can be left out", at)
				}
				unseen++
				if strings.Contains(out, "leaves: 50 of 50") {
					t.Errorf("%s: the count of leaves hides that it is not here", at)
				}
			}
		}
	}
	t.Logf("%d folders can be left out, and show only in the count of leaves", unseen)
}

func swapFiles(files map[string][]byte, a, b string) { files[a], files[b] = files[b], files[a] }

func TestSampleSwaps(t *testing.T) {
	at, entries := folders(sample(t), "events"), folders(sample(t), "directory")
	for _, c := range []struct{ a, b, words string }{
		{at[0] + "signer.pem", at[1] + "signer.pem", "it is not the certificate in the signature"},
		{at[0] + "issuer.pem", at[1] + "issuer.pem", "it is not the certificate in the signature"},
		{at[0] + "signer.pem", at[0] + "issuer.pem", "it is not the certificate in the signature"},
		{at[0] + "signature.p7s", at[1] + "signature.p7s", "the signature is over another content"},
		{at[0] + "leaf-1.bin", at[0] + "leaf-2.bin", "the statement touches document"},
		{at[0] + "leaf-5.bin", at[0] + "leaf-6.bin", "the statement touches register"},
		{at[0] + "leaf-1.tlog-proof", at[0] + "leaf-2.tlog-proof", "it is the proof of leaf 2"},
		{entries[0] + "statement.txt", entries[1] + "statement.txt", "it does not carry this statement"},
		{"logs/events.checkpoint", "logs/directory.checkpoint", "Logs:"},
		{"logs/events.vkey", "logs/directory.vkey", "it is not a key that the policy has"},
		{"roots/KG.pem", "roots/TR.pem", "its country is"},
	} {
		files := sample(t)
		swapFiles(files, c.a, c.b)
		mustRefuse(t, files, c.words)
	}
}

func TestSampleRenamedFolders(t *testing.T) {
	files := sample(t)
	at := folders(files, "events")
	for name, raw := range sample(t) {
		if strings.HasPrefix(name, at[1]) {
			delete(files, name)
			files[strings.Replace(name, at[1], "events/000500/", 1)] = raw
		}
	}
	mustRefuse(t, files, "the file is missing")
}
