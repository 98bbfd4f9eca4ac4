package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// tiled writes a log of so many small entries by C2SP's tlog-tiles.
func tiled(t *testing.T, size int64) (map[string][]byte, *logKey) {
	t.Helper()
	store, files := hashStore{}, map[string][]byte{}
	entry := func(i int64) []byte { return []byte(fmt.Sprintf("entry %d", i)) }
	for i := int64(0); i < size; i++ {
		store.append(i, tlog.RecordHash(entry(i)))
	}
	for _, one := range treeTiles(size) {
		data, err := tlog.ReadTileData(one, store)
		if err != nil {
			t.Fatal(err)
		}
		files[tilePath(one)] = data
		if one.L == 0 {
			var bundle []byte
			for i := one.N * tileWidth; i < one.N*tileWidth+int64(one.W); i++ {
				bundle = append(append(bundle, 0, byte(len(entry(i)))), entry(i)...)
			}
			one.L = -1
			files[tilePath(one)] = bundle
		}
	}
	root, err := store.rootAt(uint64(size))
	if err != nil {
		t.Fatal(err)
	}
	key := newLogKey(t, "mla.example/events", typeLog)
	text := fmt.Sprintf("mla.example/events\n%d\n%s\n", size, encodeBase64(root[:]))
	files["checkpoint"] = []byte(text + "\n" + key.sign(text))
	return files, key
}

func runTiles(t *testing.T, files map[string][]byte, origin, vkey string) (int, string) {
	t.Helper()
	folder := t.TempDir()
	for name, raw := range files {
		at := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	code := run([]string{"tiles", "--origin", origin, "--vkey", vkey, folder}, &out, &out)
	return code, out.String()
}

func TestTilesAgree(t *testing.T) {
	for size, tiles := range map[int64]int{0: 0, 1: 1, 5: 1, 255: 1, 256: 2, 257: 3, 700: 4, 66000: 261} {
		files, key := tiled(t, size)
		code, out := runTiles(t, files, "mla.example/events", key.text)
		if want := fmt.Sprintf("agrees: %d leaves, %d tiles\n", size, tiles); code != 0 || !strings.HasSuffix(out, want) {
			t.Errorf("size %d: exit %d, and not %q:\n%s", size, code, want, out)
		}
	}
}

func TestNarrowerTilesAgree(t *testing.T) {
	files, key := tiled(t, 300)
	files["tile/0/001.p/7"] = append([]byte{}, files["tile/0/001.p/44"][:7*32]...)
	files["tile/0/000.p/9"] = files["tile/0/000"][:9*32]
	files["tile/entries/000.p/1"] = files["tile/entries/000"][:9]
	if code, out := runTiles(t, files, "mla.example/events", key.text); code != 0 {
		t.Error(out)
	}
	files["tile/0/001.p/7"][3] ^= 1
	code, out := runTiles(t, files, "mla.example/events", key.text)
	requireRefusal(t, code, out, "tile/0/001.p/7: Logs: it is not the beginning")
}

func TestTileRefusals(t *testing.T) {
	good, key := tiled(t, 300)
	for _, c := range []struct {
		words  string
		tamper func(map[string][]byte)
	}{
		{"tile: Logs: downloaded inconsistent tile", func(f map[string][]byte) { f["tile/0/001.p/44"][0] ^= 1 }},
		{"tile: Logs: downloaded inconsistent tile", func(f map[string][]byte) { f["tile/1/000.p/1"][0] ^= 1 }},
		{"tile/0/000: Logs: its root is not in tile/1/000.p/1", func(f map[string][]byte) { f["tile/0/000"][5] ^= 1 }},
		{"tile/entries/000: Logs: entry 0 does not have the hash", func(f map[string][]byte) { f["tile/entries/000"][4] ^= 1 }},
		{"tile/entries/001.p/44: Logs: it has 43 entries", func(f map[string][]byte) {
			f["tile/entries/001.p/44"] = f["tile/entries/001.p/44"][11:]
		}},
		{"ends within", func(f map[string][]byte) { f["tile/entries/000"] = append(f["tile/entries/000"], 0) }},
		{"ends within", func(f map[string][]byte) { f["tile/entries/000"] = append(f["tile/entries/000"], 0, 1) }},
		{"tile/entries/000: Logs: it has 257 entries", func(f map[string][]byte) { f["tile/entries/000"] = append(f["tile/entries/000"], 0, 0) }},
		{"tile/entries/000: Logs: open", func(f map[string][]byte) { delete(f, "tile/entries/000") }},
		{"tile/0/000: Logs: open", func(f map[string][]byte) { delete(f, "tile/0/000") }},
		{"tile/0/002.p/1: Logs: the tree of the checkpoint has no such tile", func(f map[string][]byte) { f["tile/0/002.p/1"] = make([]byte, 32) }},
		{"no such tile", func(f map[string][]byte) { f["tile/0/001.p/45"] = make([]byte, 45*32) }},
		{"no such tile", func(f map[string][]byte) { f["tile/0/0"] = f["tile/0/000"] }},
		{"no such tile", func(f map[string][]byte) { f["tile/8/0/000"] = f["tile/0/000"] }},
		{"no such tile", func(f map[string][]byte) { f["note"] = nil }},
		{"invalid signature", func(f map[string][]byte) { f["checkpoint"][19] ^= 1 }},
	} {
		files := map[string][]byte{}
		for name, raw := range good {
			files[name] = append([]byte{}, raw...)
		}
		c.tamper(files)
		code, out := runTiles(t, files, "mla.example/events", key.text)
		requireRefusal(t, code, out, c.words)
	}
	code, out := runTiles(t, good, "mla.example/directory", key.text)
	requireRefusal(t, code, out, "it is of log mla.example/events")
	other := newLogKey(t, "mla.example/events", typeLog)
	code, out = runTiles(t, good, "mla.example/events", other.text)
	requireRefusal(t, code, out, "no verifiable signatures")
}
