package main

// "Logs" in PROTOCOL.md and C2SP's tlog-tiles: a whole log as its server publishes it.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// C2SP's tiles have 256 hashes, which sumdb/tlog calls a height of 8.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// tilePath is a tile's path by C2SP: that of sumdb/tlog without the height, and "entries" for "data".
func tilePath(t tlog.Tile) string {
	path := strings.Replace(t.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
	return strings.Replace(path, "tile/data/", "tile/entries/", 1)
}

// tileOfPath is the reverse; a path in another spelling is none.
func tileOfPath(path string) (tlog.Tile, error) {
	inner := strings.TrimPrefix(path, "tile/")
	if strings.HasPrefix(inner, "entries/") {
		inner = "data/" + strings.TrimPrefix(inner, "entries/")
	}
	t, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s", tileHeight, inner))
	if err == nil && tilePath(t) != path {
		err = errors.New("another spelling")
	}
	return t, err
}

// fileTiles reads tiles from a folder, for sumdb/tlog.
type fileTiles struct{ folder string }

func (f fileTiles) Height() int                     { return tileHeight }
func (f fileTiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (f fileTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		data, err := f.read(tilePath(t))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (f fileTiles) read(path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(f.folder, filepath.FromSlash(path)))
}

func verifyTiles(r *report, origin, vkeyText, folder string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return "", err
	}
	key, err := parseVKey(vkeyText, typeLog)
	if err != nil {
		return "", err
	}
	c, err := openCheckpoint(raw, origin, []*vkey{key})
	if !r.check("checkpoint", "Logs", err) {
		return "", nil
	}
	r.say("checkpoint: %s at %d leaves", c.origin, c.tree.N)
	files := fileTiles{folder}
	count, err := files.verifyTree(r, c.tree)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("agrees: %d leaves, %d tiles", c.tree.N, count), nil
}

// treeTiles are the tiles of a tree of that size: at each level the full ones, then the partial one, if any.
func treeTiles(size int64) []tlog.Tile {
	var tiles []tlog.Tile
	for level, width := 0, size; width > 0; level, width = level+1, width>>tileHeight {
		for n := int64(0); n < width>>tileHeight; n++ {
			tiles = append(tiles, tlog.Tile{H: tileHeight, L: level, N: n, W: tileWidth})
		}
		if rest := int(width % tileWidth); rest > 0 {
			tiles = append(tiles, tlog.Tile{H: tileHeight, L: level, N: width >> tileHeight, W: rest})
		}
	}
	return tiles
}

// verifyTree: the tiles make the checkpoint's root, every entry is the one whose hash its tile has, and what else
// lies in the folder is a beginning of one of these tiles.
func (f fileTiles) verifyTree(r *report, tree tlog.Tree) (int, error) {
	if tree.N == 0 {
		return 0, f.verifyOthers(r, nil)
	}
	root, err := tlog.TreeHash(tree.N, tlog.TileHashReader(tree, f))
	if err == nil && root != tree.Hash {
		err = errors.New("the tiles make another root than the checkpoint's")
	}
	if !r.check("tile", "Logs", err) {
		return 0, nil
	}
	tiles := treeTiles(tree.N)
	data := map[string][]byte{}
	for i := len(tiles) - 1; i >= 0; i-- { // from the top, so that a tile comes after the one above it
		f.verifyTile(r, tree.N, tiles[i], data)
	}
	r.say("tiles: %d hash tiles, under the checkpoint", len(tiles))
	return len(tiles), f.verifyOthers(r, tiles)
}

// verifyTile: a full tile's root is in the tile above it. Partial ones have no tile above them; the tree's root is
// made of all of them. This is not left to sumdb/tlog's TileHashReader: when several hashes that make the tree's root
// lie in one tile, it leaves some of the other tiles that it reads unchecked.
func (f fileTiles) verifyTile(r *report, size int64, t tlog.Tile, data map[string][]byte) {
	path := tilePath(t)
	raw, err := f.read(path)
	if err == nil && len(raw) != t.W*tlog.HashSize {
		err = fmt.Errorf("it has %d bytes, and not %d hashes", len(raw), t.W)
	}
	if err == nil && t.W == tileWidth {
		above := tilePath(tileAbove(t, size))
		at := int(t.N%tileWidth) * tlog.HashSize
		if parent := data[above]; len(parent) < at+tlog.HashSize || string(parent[at:at+tlog.HashSize]) != rootOfTile(raw) {
			err = fmt.Errorf("its root is not in %s", above)
		}
	}
	if !r.check(path, "Logs", err) {
		return
	}
	data[path] = raw
	if t.L == 0 {
		f.verifyBundle(r, t, raw)
	}
}

func tileAbove(t tlog.Tile, size int64) tlog.Tile {
	above := tlog.Tile{H: tileHeight, L: t.L + 1, N: t.N >> tileHeight, W: tileWidth}
	if rest := size>>uint(above.L*tileHeight) - above.N*tileWidth; rest < tileWidth {
		above.W = int(rest)
	}
	return above
}

// rootOfTile hashes the 256 hashes of a full tile up to one.
func rootOfTile(raw []byte) string {
	hashes := make([]tlog.Hash, len(raw)/tlog.HashSize)
	for i := range hashes {
		copy(hashes[i][:], raw[i*tlog.HashSize:])
	}
	for len(hashes) > 1 {
		for i := 0; i < len(hashes)/2; i++ {
			hashes[i] = tlog.NodeHash(hashes[2*i], hashes[2*i+1])
		}
		hashes = hashes[:len(hashes)/2]
	}
	return string(hashes[0][:])
}

// verifyOthers: a file that the tree does not need is a narrower tile or bundle of an earlier tree, and a beginning
// of one that was verified.
func (f fileTiles) verifyOthers(r *report, tiles []tlog.Tile) error {
	width := map[string]tlog.Tile{}
	for _, t := range tiles {
		width[fmt.Sprint(t.L, "/", t.N)] = t
	}
	return filepath.WalkDir(f.folder, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		path, err := filepath.Rel(f.folder, at)
		if err != nil {
			return err
		}
		if path = filepath.ToSlash(path); path == "checkpoint" {
			return nil
		}
		t, err := tileOfPath(path)
		level := t.L
		if level == -1 {
			level = 0
		}
		whole, there := width[fmt.Sprint(level, "/", t.N)]
		if err != nil || !there || t.W > whole.W {
			r.wrong(path, "Logs", "the tree of the checkpoint has no such tile")
			return nil
		}
		if t.W < whole.W {
			whole.L = t.L
			return f.verifyBeginning(r, path, t, whole)
		}
		return nil
	})
}

func (f fileTiles) verifyBeginning(r *report, path string, t, whole tlog.Tile) error {
	part, err := f.read(path)
	if err != nil {
		return err
	}
	all, err := f.read(tilePath(whole))
	if err != nil {
		return nil // said before
	}
	count := len(part) / tlog.HashSize
	if t.L == -1 {
		entries, err := splitBundle(part)
		if !r.check(path, "Logs", err) {
			return nil
		}
		count = len(entries)
	}
	if count != t.W || !strings.HasPrefix(string(all), string(part)) {
		r.wrong(path, "Logs", "it is not the beginning of %s", tilePath(whole))
	}
	return nil
}
