package main

// "Directory rules" in PROTOCOL.md: the directory as its entries make it, and who is in force when.

import (
	"errors"
	"fmt"
	"sort"
)

const maxEntries = 10000

// A membership is an entry of a member, and the entry that revoked it.
type membership struct {
	entry   *item
	revoked *item
}

// A directory is folded from all entries, from index 0.
type directory struct {
	authorities map[string]*item
	members     map[string][]*membership
	central     map[string]string // by state
	last        map[string]digest // the leaf hash of a state's last entry
	count       map[string]int
	stands      map[digest]string // in whose entry a certificate stands
	times       []uint64          // of all entries
	sealingKeys
}

func newDirectory() *directory {
	return &directory{map[string]*item{}, map[string][]*membership{}, map[string]string{}, map[string]digest{},
		map[string]int{}, map[digest]string{}, nil, newSealingKeys()}
}

// authorityAt is the authority's entry, if it was there when the directory had that size.
func (d *directory) authorityAt(code string, size uint64) *item {
	if entry := d.authorities[code]; entry != nil && uint64(entry.first) < size {
		return entry
	}
	return nil
}

func (d *directory) isCentral(code string, size uint64) bool {
	entry := d.authorityAt(code, size)
	return entry != nil && entry.statement.central
}

// memberAt is the member's entry in force when the directory had that size, at that time: entered, not revoked in
// it nor at an earlier time, and within its "valid" line.
func (d *directory) memberAt(code string, size, timeMs uint64) (*item, error) {
	for _, m := range d.members[code] {
		if uint64(m.entry.first) >= size {
			continue
		}
		if m.revoked != nil && (uint64(m.revoked.first) < size || m.revoked.timeMs() < timeMs) {
			continue
		}
		s, seconds := m.entry.statement, int64(timeMs/1000)
		if seconds < s.from || seconds > s.until {
			return nil, fmt.Errorf("the entry of %s is valid from %s to %s only", code, formatTime(s.from), formatTime(s.until))
		}
		return m.entry, nil
	}
	return nil, fmt.Errorf("%s has no entry in force at directory size %d", code, size)
}

// memberThen is the member's entry in force at that moment, by the entries that were there then.
func (d *directory) memberThen(code string, timeMs uint64) (*item, error) {
	size := sort.Search(len(d.times), func(i int) bool { return d.times[i] > timeMs })
	return d.memberAt(code, uint64(size), timeMs)
}

// open is the member's entry that nothing has revoked yet.
func (d *directory) open(code string) *membership {
	for _, m := range d.members[code] {
		if m.revoked == nil {
			return m
		}
	}
	return nil
}

// subjectOf is the code that an entry is about.
func subjectOf(s *statement) string {
	if s.authority != "" {
		return s.authority
	}
	return s.member
}

// permits says whether the rules allow the entry after those that are there.
func (d *directory) permits(one *item) error {
	s := one.statement
	state := stateOf(s.actor)
	switch {
	case stateOf(subjectOf(s)) != state:
		return fmt.Errorf("an actor of %s names %s", state, subjectOf(s))
	case s.after != d.last[state] && !(s.op == "cancel" && s.after == s.entry):
		return fmt.Errorf("its after is not the leaf hash of the last entry of %s", state)
	case d.count[state] >= maxEntries && s.op != "revoke" && s.op != "cancel":
		return fmt.Errorf("%s has %d entries, and may only revoke and cancel", state, d.count[state])
	}
	switch s.op {
	case "authority":
		return d.permitsAuthority(s, state)
	case "member":
		return d.permitsMember(s)
	case "replace":
		return d.permitsReplace(one)
	case "cancel":
		return d.permitsCancel(one)
	case "grant":
		return d.permitsGrant(one)
	case "recover":
		return d.permitsRecover(one)
	}
	if d.open(s.member) == nil {
		return fmt.Errorf("%s has no entry to revoke", s.member)
	}
	return nil
}

func (d *directory) permitsAuthority(s *statement, state string) error {
	if d.authorities[s.authority] != nil {
		return fmt.Errorf("the authority %s is named twice", s.authority)
	}
	if other := d.central[state]; s.central && other != "" {
		return fmt.Errorf("%s has a central authority already, %s", state, other)
	}
	return d.permitsSealing(s)
}

func (d *directory) permitsMember(s *statement) error {
	switch {
	case d.authorities[authorityOf(s.member)] == nil:
		return fmt.Errorf("there is no authority %s", authorityOf(s.member))
	case d.open(s.member) != nil:
		return fmt.Errorf("%s has an entry that is not revoked", s.member)
	case contains(s.roles, "registrar"):
		return errors.New("it gives the role registrar")
	case s.from > s.until:
		return errors.New("it is valid from a time after its end")
	case s.tls == s.signs:
		return errors.New("one certificate stands in it twice")
	}
	for _, certificate := range []digest{s.tls, s.signs} {
		if other, there := d.stands[certificate]; there {
			return fmt.Errorf("certificate %s stands in an entry of %s already", certificate, other)
		}
	}
	return d.permitsSealing(s)
}

// take adds the entry.
func (d *directory) take(one *item) {
	s := one.statement
	state := stateOf(s.actor)
	d.last[state] = one.entry.hash
	d.count[state]++
	d.times = append(d.times, one.timeMs())
	d.sealingKeys.take(d, one)
	switch s.op {
	case "authority":
		if d.authorities[s.authority] == nil {
			d.authorities[s.authority] = one
		}
		if s.central {
			d.central[state] = s.authority
		}
	case "member":
		d.members[s.member] = append(d.members[s.member], &membership{entry: one})
		d.stands[s.tls], d.stands[s.signs] = s.member, s.member
	case "revoke":
		if m := d.open(s.member); m != nil {
			m.revoked = one
		}
	}
}

// verifyDirectory: all entries from index 0, each signed, permitted and chained.
func (e *evidence) verifyDirectory() {
	e.register = newDirectory()
	for i, one := range e.directory {
		if one.first != int64(i) {
			break
		}
		one.byRegistrar = e.isRoot(one.cms.issuer, stateOf(one.statement.actor))
		if e.verifySigned(one) {
			e.check(one.file("statement.txt"), "Statements", e.register.mayWrite(one))
		}
		e.check(one.file("statement.txt"), "Directory rules", e.register.permits(one))
		e.register.take(one)
	}
	if size := e.checkpoints["directory"].tree.N; int64(len(e.directory)) != size ||
		(size > 0 && e.directory[size-1].first != size-1) {
		e.wrong("directory", "Evidence", "it does not hold all %d entries of the directory log", size)
	}
	e.say("directory: %d entries held against the directory's rules: %d states, %d authorities, %d members, %d replacements of sealing keys, %d grants and recoveries",
		len(e.directory), len(e.register.last), len(e.register.authorities), len(e.register.members), len(e.register.replaced), len(e.register.granted))
}
