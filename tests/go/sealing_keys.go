package main

// "Sealing keys" and "Holders" of "Directory rules" in PROTOCOL.md: which key of an authority is in force when.

import (
	"errors"
	"fmt"
)

const dayMs = 24 * 60 * 60 * 1000

// A sealingKey is the key of an authority's entry, or of a replacement.
type sealingKey struct {
	entry     *item
	print     digest
	delayed   bool // in force only a day after its entry
	cancelled *item
}

// pendingAt says whether the key is to come into force, and may be cancelled until then.
func (k *sealingKey) pendingAt(timeMs uint64) bool {
	return k.delayed && k.cancelled == nil && timeMs < k.entry.timeMs()+dayMs
}

// A holding is a member's entry that holds an authority's key.
type holding struct{ entry, key digest }

// sealingKeys are the keys of all authorities, from the first entry on.
type sealingKeys struct {
	keys      map[string][]*sealingKey // by authority, in the order of their entries
	replaced  map[digest]*sealingKey   // of replacements, by the hash of their leaf
	sealings  map[string]string        // in whose entry a key stands
	replacing map[string]bool          // the keys that stand in a replacement
	granted   map[holding]bool         // by a grant, or put together from shares
	held      map[holding]*item        // the entry since which a member's entry holds a key that replaced another
}

func newSealingKeys() sealingKeys {
	return sealingKeys{map[string][]*sealingKey{}, map[digest]*sealingKey{}, map[string]string{}, map[string]bool{}, map[holding]bool{}, map[holding]*item{}}
}

// keyAt is the authority's key in force at a directory size and a time. An entry beyond that size counts if the time
// is later than the entry's.
func (k sealingKeys) keyAt(authority string, size, timeMs uint64) *sealingKey {
	return k.keyAmong(authority, timeMs, func(entry *item) bool {
		return uint64(entry.first) < size || entry.timeMs() < timeMs
	})
}

// keySeen is the same for one who knew the first entries only.
func (k sealingKeys) keySeen(authority string, size, timeMs uint64) *sealingKey {
	return k.keyAmong(authority, timeMs, func(entry *item) bool { return uint64(entry.first) < size })
}

// keyAmong is the latest of the keys that are in force, by the entries that count.
func (k sealingKeys) keyAmong(authority string, timeMs uint64, counts func(*item) bool) *sealingKey {
	var last *sealingKey
	for _, key := range k.keys[authority] {
		waits := key.delayed && (timeMs < key.entry.timeMs()+dayMs || (key.cancelled != nil && counts(key.cancelled)))
		if counts(key.entry) && !waits {
			last = key
		}
	}
	return last
}

// keyBefore is the key in force at an entry of the directory.
func (k sealingKeys) keyBefore(authority string, one *item) *sealingKey {
	return k.keyAt(authority, uint64(one.first), one.timeMs())
}

// take adds what the entry says about keys.
func (k sealingKeys) take(d *directory, one *item) {
	s := one.statement
	switch s.op {
	case "authority":
		if k.keys[s.authority] == nil {
			k.keys[s.authority] = []*sealingKey{{entry: one, print: sumOfBytes([]byte(s.sealing))}}
		}
	case "replace":
		key := &sealingKey{entry: one, print: sumOfBytes([]byte(s.sealing)), delayed: !d.isSettled(one)}
		if k.keys[s.authority] != nil {
			k.keys[s.authority] = append(k.keys[s.authority], key)
		}
		k.replaced[one.entry.hash] = key
		k.replacing[s.sealing] = true
		if signer, err := d.signerOf(one); err == nil && !one.byRegistrar {
			k.hold(signer, key.print, one)
		}
	case "cancel":
		if key := k.replaced[s.entry]; key != nil && key.pendingAt(one.timeMs()) {
			key.cancelled = one
		}
	case "grant", "recover":
		if entry, err := d.memberAt(s.member, uint64(one.first), one.timeMs()); err == nil {
			k.granted[holding{entry.entry.hash, s.key}] = true
			k.hold(entry, s.key, one)
		}
	}
	if s.sealing != "" && k.sealings[s.sealing] == "" {
		k.sealings[s.sealing] = subjectOf(s)
	}
}

func (k sealingKeys) hold(member *item, key digest, since *item) {
	if at := (holding{member.entry.hash, key}); k.held[at] == nil {
		k.held[at] = since
	}
}

// holds says whether the member's entry holds a key that replaced another, at a directory size and a time: by its own
// replacement, by a grant, or from shares. The founder's hold of the first key is not here, for no slip is ever sealed anew to that.
func (k sealingKeys) holds(member *item, key digest, size, timeMs uint64) bool {
	since := k.held[holding{member.entry.hash, key}]
	return since != nil && (uint64(since.first) < size || since.timeMs() < timeMs)
}

// permitsSealing: the key of a replacement is in no other entry, neither before it nor after it.
func (d *directory) permitsSealing(s *statement) error {
	if d.replacing[s.sealing] {
		return fmt.Errorf("its sealing key stands in a replacement of %s already", d.sealings[s.sealing])
	}
	return nil
}

// permitsReplace: of the key in force, by a new one; and at most one replacement is pending.
func (d *directory) permitsReplace(one *item) error {
	s := one.statement
	key := d.keyBefore(s.authority, one)
	switch {
	case key == nil:
		return fmt.Errorf("there is no authority %s", s.authority)
	case key.print != s.key:
		return fmt.Errorf("its key is not the one of %s in force", s.authority)
	case d.sealings[s.sealing] != "":
		return fmt.Errorf("its sealing key stands in an entry of %s already", d.sealings[s.sealing])
	case d.isSettled(one):
		return nil
	}
	for _, other := range d.keys[s.authority] {
		if other.pendingAt(one.timeMs()) {
			return fmt.Errorf("a replacement of the key of %s is pending", s.authority)
		}
	}
	return nil
}

// permitsCancel: of a replacement of that authority that is pending.
func (d *directory) permitsCancel(one *item) error {
	s := one.statement
	key := d.replaced[s.entry]
	if key == nil || key.entry.statement.authority != s.authority {
		return fmt.Errorf("its entry is no replacement of a key of %s", s.authority)
	}
	if !key.pendingAt(one.timeMs()) {
		return errors.New("the replacement that it names is not pending")
	}
	return nil
}

// permitsRecover: of any key that the directory names for the signer's authority, by themselves, once for each of their
// entries and each key.
func (d *directory) permitsRecover(one *item) error {
	s := one.statement
	if s.member != s.actor {
		return fmt.Errorf("%s says that %s has put a key together", s.actor, s.member)
	}
	named := false
	for _, key := range d.keys[authorityOf(s.member)] {
		named = named || key.print == s.key
	}
	if !named {
		return fmt.Errorf("the directory names no such key for %s", authorityOf(s.member))
	}
	entry, err := d.memberAt(s.member, uint64(one.first), one.timeMs())
	if err != nil {
		return err
	}
	if d.granted[holding{entry.entry.hash, s.key}] {
		return fmt.Errorf("the entry of %s holds that key already", s.member)
	}
	return nil
}

// permitsGrant: of the key in force, to a member in force of the signer's authority, once for each of their entries
// and each key.
func (d *directory) permitsGrant(one *item) error {
	s := one.statement
	authority := authorityOf(s.member)
	if authority != authorityOf(s.actor) {
		return fmt.Errorf("a member of %s grants to %s", authorityOf(s.actor), s.member)
	}
	key := d.keyBefore(authority, one)
	if key == nil || key.print != s.key {
		return fmt.Errorf("its key is not the one of %s in force", authority)
	}
	entry, err := d.memberAt(s.member, uint64(one.first), one.timeMs())
	if err != nil {
		return err
	}
	if d.granted[holding{entry.entry.hash, s.key}] {
		return fmt.Errorf("the entry of %s has a grant of that key already", s.member)
	}
	return nil
}
