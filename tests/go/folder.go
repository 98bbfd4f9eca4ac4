package main

// "Evidence" in PROTOCOL.md: the files of a folder and their digests.

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"
)

const (
	sumsName = "SHA256SUMS"
	// No file but blobs is larger than a directory leaf, a statement or the list of digests may be.
	maxFile = 256 << 20
	maxSlip = 4 << 10
)

// A folder has the small files in memory, and the names of the sealed ones.
type folder struct {
	tree   fs.FS
	files  map[string][]byte
	sealed []string // under blobs/ and slips/
	dirs   []string
}

func isSealed(name string) bool {
	return strings.HasPrefix(name, "blobs/") || strings.HasPrefix(name, "slips/")
}

// readFolder reads every file. An error means that it cannot be checked, not that it is wrong.
func readFolder(r *report, tree fs.FS) (*folder, error) {
	f := &folder{tree: tree, files: map[string][]byte{}}
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			f.dirs = append(f.dirs, name)
			return nil
		}
		return f.take(r, name, entry)
	})
	sort.Strings(f.sealed)
	return f, err
}

func (f *folder) take(r *report, name string, entry fs.DirEntry) error {
	if !entry.Type().IsRegular() {
		r.wrong(name, "Evidence", "it is neither a file nor a folder")
		return nil
	}
	if isSealed(name) {
		f.sealed = append(f.sealed, name)
		return nil
	}
	info, err := entry.Info()
	if err != nil {
		return err
	}
	if info.Size() > maxFile {
		return fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	f.files[name], err = fs.ReadFile(f.tree, name)
	return err
}

// read takes a file that must be there; that it is not is said once, here.
func (f *folder) read(r *report, name string) []byte {
	raw, there := f.files[name]
	if !there {
		r.wrong(name, "Evidence", "the file is missing")
	}
	return raw
}

// sumOf is the digest and length of a sealed file, which may be large.
func (f *folder) sumOf(name string) (digest, uint64, error) {
	var d digest
	file, err := f.tree.Open(name)
	if err != nil {
		return d, 0, err
	}
	defer file.Close()
	h := sha256.New()
	n, err := io.Copy(h, file)
	copy(d[:], h.Sum(nil))
	return d, uint64(n), err
}

// verifySums: every file's digest is listed and right, but for the list itself and sealed files, which are not listed.
func (f *folder) verifySums(r *report) {
	listed, err := parseSums(f.read(r, sumsName))
	if !r.check(sumsName, "Evidence", err) {
		return
	}
	count := 0
	for name, sum := range listed {
		raw, there := f.files[name]
		switch {
		case isSealed(name) || name == sumsName:
			r.wrong(name, "Evidence", "the file is listed in %s, and must not be", sumsName)
		case !there:
			r.wrong(name, "Evidence", "the file is listed in %s, and missing", sumsName)
		case digest(sha256.Sum256(raw)) != sum:
			r.wrong(name, "Evidence", "its SHA-256 is not the one in %s", sumsName)
		default:
			count++
		}
	}
	for _, name := range f.names() {
		if _, there := listed[name]; !there && name != sumsName {
			r.wrong(name, "Evidence", "the file is not listed in %s", sumsName)
		}
	}
	r.say("files: %d with the SHA-256 that %s lists", count, sumsName)
}

// parseSums reads what sha256sum writes: names ascend, and none is listed twice.
func parseSums(raw []byte) (map[string]digest, error) {
	sums := map[string]digest{}
	if len(raw) == 0 || raw[len(raw)-1] != '\n' {
		return nil, errors.New("its last line does not end in LF")
	}
	before := ""
	for _, line := range bytes.Split(raw[:len(raw)-1], []byte("\n")) {
		if len(line) < 67 || string(line[64:66]) != "  " {
			return nil, fmt.Errorf("line %q is no digest and name", line)
		}
		sum, err := parseDigest(string(line[:64]))
		if err != nil {
			return nil, err
		}
		name := string(line[66:])
		if name <= before {
			return nil, fmt.Errorf("%s does not come after %s", name, before)
		}
		before, sums[name] = name, sum
	}
	return sums, nil
}

func (f *folder) names() []string {
	var names []string
	for name := range f.files {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// under are the folders inside events or directory.
func (f *folder) under(log string) []string {
	once := map[string]bool{}
	for name := range f.files {
		parts := strings.Split(name, "/")
		if len(parts) > 1 && parts[0] == log {
			once[parts[1]] = true
		}
	}
	var names []string
	for name := range once {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Folders that may be there with nothing in them.
var emptyDirs = []string{".", "roots", "policy", "logs", "events", "directory", "blobs", "slips"}

// verifyNames: there is nothing but what "Evidence" shows; that goes for folders, too.
func (f *folder) verifyNames(r *report, expected map[string]bool) {
	for _, name := range f.names() {
		if !expected[name] {
			r.wrong(name, "Evidence", "no such file belongs here")
		}
	}
	used := map[string]bool{}
	for name := range expected {
		used[path.Dir(name)] = true
	}
	for _, dir := range f.dirs {
		if !used[dir] && !contains(emptyDirs, dir) {
			r.wrong(dir, "Evidence", "no such folder belongs here")
		}
	}
}

// verifySealed: blobs and slips are those that the statements say.
func (f *folder) verifySealed(r *report, items []*item) error {
	want := map[string]map[digest]bool{} // after a rewrap, an authority has two slips of one name
	wants := func(name string, sum digest) {
		if want[name] == nil {
			want[name] = map[digest]bool{}
		}
		want[name][sum] = true
	}
	length := map[string]uint64{}
	for _, one := range items {
		for _, d := range one.statement.documents {
			if one.statement.op == "submit" {
				wants(fmt.Sprintf("blobs/%s.age", d.tag), d.sum)
				length[fmt.Sprintf("blobs/%s.age", d.tag)] = d.bytes
			}
		}
		for _, p := range one.statement.slips {
			wants(fmt.Sprintf("slips/%s-%s.age", p.document, p.authority), p.sum)
		}
	}
	for _, name := range f.sealed {
		sum, n, err := f.sumOf(name)
		if err != nil {
			return err
		}
		wanted := want[name]
		bytes, measured := length[name]
		switch {
		case wanted == nil:
			r.wrong(name, "Evidence", "no statement here names it")
		case !wanted[sum]:
			r.wrong(name, "Statements", "its SHA-256 %s is not the statement's", hex.EncodeToString(sum[:]))
		case strings.HasPrefix(name, "slips/") && n > maxSlip:
			r.wrong(name, "Limits", "the slip is longer than %d bytes", maxSlip)
		case measured && n != bytes:
			r.wrong(name, "Statements", "it has %d bytes, and the statement says %d", n, bytes)
		}
	}
	r.say("sealed: %d blobs and slips held against the statements", len(f.sealed))
	return nil
}
