package main

// What the tests' world does with the sealing keys of authorities.

import "fmt"

// byMember logs an entry that a member signs.
func byMember(w *world, code string, s *statement, changes ...change) *entered {
	return w.enter(s, w.members[code], w.nations[stateOf(code)].issuing, code, changes...)
}

// later lets time pass, so that the next entry or act has a leaf so many milliseconds after the last.
func later(ms uint64) func(*world) {
	return func(w *world) { w.clockMs += ms - 1000 }
}

// a custodian of kg.gpo, kg.gpo/05, is entered, with or without changes of the entry.
func custodian(changes ...change) func(*world) {
	return func(w *world) { w.memberWith("kg.gpo/05", []string{"custodian"}, changes...) }
}

func member(code string, roles ...string) func(*world) {
	return func(w *world) { w.member(code, roles...) }
}

func revoked(code string) func(*world) {
	return func(w *world) { w.register(stateOf(code), revocation(code)) }
}

var replacements = 0

// replacement is a new key for the authority in place of the one that the world seals to.
func replacement(w *world, authority string) *statement {
	replacements++
	return &statement{op: "replace", authority: authority, key: sumOfBytes([]byte(w.sealing[authority])),
		sealing: fmt.Sprintf("age1pq1new%d", replacements)}
}

// replaced is a replacement of kg.gpo's key by a member, or by the registrar if the code is empty. The hash of its leaf
// and its key are kept in the world, and the world goes on sealing to the old key.
func replaced(code string, changes ...change) func(*world) {
	return func(w *world) {
		s := replacement(w, "kg.gpo")
		if code == "" {
			w.register("KG", s, changes...)
		} else {
			byMember(w, code, s, changes...)
		}
		w.replacement, w.newKey = leafHash(w.entries[len(w.entries)-1].leaves[0]), s.sealing
	}
}

// sealsAnew makes the world seal to the key of the last replacement.
func sealsAnew(w *world) { w.sealing["kg.gpo"] = w.newKey }

// cancelled is a cancel of the last replacement.
func cancelled(code string, changes ...change) func(*world) {
	return func(w *world) {
		byMember(w, code, &statement{op: "cancel", authority: "kg.gpo", entry: w.replacement}, changes...)
	}
}

// recovered says that the member has put together the key that the world seals to.
func recovered(code string, changes ...change) func(*world) {
	return func(w *world) {
		byMember(w, code, &statement{op: "recover", member: code, key: sumOfBytes([]byte(w.sealing[authorityOf(code)]))}, changes...)
	}
}

// granted is a grant of the key that the world seals to.
func granted(code, to string, changes ...change) func(*world) {
	return func(w *world) {
		byMember(w, code, &statement{op: "grant", member: to, key: sumOfBytes([]byte(w.sealing[authorityOf(to)]))}, changes...)
	}
}
