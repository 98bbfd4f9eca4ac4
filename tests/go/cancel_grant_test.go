package main

import (
	"crypto/x509"
	"testing"
	"time"
)

// A cancel is by who was custodian a day before the replacement; then the old key stays.
func TestCancel(t *testing.T) {
	req := plainly(request)
	story := func(acts ...func(*world)) []func(*world) {
		return append([]func(*world){custodian(), later(dayMs), replaced("")}, acts...)
	}
	agreed(t, "the old key stays", story(cancelled("kg.gpo/05"), later(dayMs), req)...)
	told(t, "the new key never comes", "sealed to another key", story(cancelled("kg.gpo/05"), later(dayMs), sealsAnew, req)...)
	agreed(t, "a millisecond before it is too late", story(later(dayMs-1), cancelled("kg.gpo/05"))...)
	told(t, "too late", "is not pending", story(later(dayMs), cancelled("kg.gpo/05"))...)
	told(t, "twice", "is not pending", story(cancelled("kg.gpo/05"), cancelled("kg.gpo/05"))...)
	told(t, "of one in force at once", "is not pending", custodian(), later(dayMs), replaced("kg.gpo/05"), cancelled("kg.gpo/05"))
	told(t, "of no replacement", "is no replacement of a key of kg.gpo", story(cancelled("kg.gpo/05", func(s *statement) { s.entry = numbered(1) }))...)
	told(t, "of another authority's", "is no replacement of a key of kg.gpo", custodian(), func(w *world) {
		w.register("KG", replacement(w, "kg.mvd"))
		w.replacement = w.lastOf["KG"]
	}, cancelled("kg.gpo/05"))

	agreed(t, "with an early directory line", story(cancelled("kg.gpo/05", func(s *statement) { s.directory = head{0, emptyRoot} }))...)
	agreed(t, "signer revoked since", story(revoked("kg.gpo/05"), cancelled("kg.gpo/05"))...)
	agreed(t, "signer revoked within the day before", custodian(), later(dayMs), revoked("kg.gpo/05"), later(hourMs), replaced(""), cancelled("kg.gpo/05"))
	told(t, "signer revoked before that", "has no entry in force", custodian(), later(hourMs), revoked("kg.gpo/05"), later(dayMs), replaced(""), cancelled("kg.gpo/05"))
	told(t, "custodian for a millisecond less than a day", "has no entry in force", custodian(), later(dayMs-1), replaced(""), cancelled("kg.gpo/05"))
	told(t, "no custodian", "is no custodian", later(dayMs), replaced(""), cancelled("kg.gpo/01"))
	told(t, "custodian of another authority", "is no custodian of kg.gpo", member("kg.mvd/01", "custodian"), later(dayMs), replaced(""), cancelled("kg.mvd/01"))
	told(t, "a registrar", "a cancel is a custodian's", story(func(w *world) {
		w.register("KG", &statement{op: "cancel", authority: "kg.gpo", entry: w.replacement})
	})...)
	told(t, "another certificate", "is not the one in the member's entry", story(func(w *world) {
		w.members["kg.gpo/05"] = issue(t, leafTemplate("kg.gpo/05", purposeStatement), w.nations["KG"].issuing, nil)
	}, cancelled("kg.gpo/05"))...)

	agreed(t, "after the replacement, though others followed", story(member("kg.gpo/06", "drafter"), cancelled("kg.gpo/05", afterReplacement))...)
	told(t, "after something else", "its after is not the leaf hash", story(member("kg.gpo/06", "drafter"), cancelled("kg.gpo/05", func(s *statement) {
		s.after = numbered(1)
	}))...)
	told(t, "a revocation after the replacement", "its after is not the leaf hash", story(member("kg.gpo/06", "drafter"), func(w *world) {
		w.register("KG", revocation("kg.gpo/06"), func(s *statement) { s.after = w.replacement })
	})...)
}

func afterReplacement(s *statement) { s.after = s.entry }

// Entry and certificates of a cancel's signer are judged as of a day before the replacement.
func TestCancelAfterExpiry(t *testing.T) {
	// The custodian's certificate, or their entry, ends so many seconds after the entry's leaf, which is the moment
	// that counts.
	at := worldStart + 10
	certificate := func(until int64) func(*world) {
		return func(w *world) {
			h := issue(t, leafTemplate("kg.gpo/05", purposeStatement), w.nations["KG"].issuing, func(c *x509.Certificate) {
				c.NotAfter = time.Unix(until, 0)
			})
			w.memberWith("kg.gpo/05", []string{"custodian"}, func(s *statement) { s.signs = h.cert.fingerprint })
			w.members["kg.gpo/05"] = h
		}
	}
	entry := func(until int64) func(*world) { return custodian(func(s *statement) { s.until = until }) }
	then := []func(*world){later(dayMs), replaced(""), later(hourMs), cancelled("kg.gpo/05")}
	story := func(first func(*world)) []func(*world) { return append([]func(*world){first}, then...) }
	agreed(t, "certificate ends then", story(certificate(at))...)
	told(t, "certificate ended before", "is not valid at", story(certificate(at-1))...)
	agreed(t, "entry ends then", story(entry(at))...)
	told(t, "entry ended before", "is valid from", story(entry(at-1))...)
}

// A cancel is signed between the replacement and its own leaf, each by ten minutes.
func TestCancelClock(t *testing.T) {
	// The replacement's leaf is at ….250, so a whole second is up to 599.25 seconds away.
	story := func(seconds int64) []func(*world) {
		return []func(*world){custodian(), later(dayMs), replaced(""), later(10 * hourMs), func(w *world) {
			now := int64(w.clockMs/1000) + 1
			cancelled("kg.gpo/05", func(s *statement) {
				if s.time = now + seconds; seconds < 0 {
					s.time = now - 10*3600 + seconds
				}
			})(w)
		}}
	}
	agreed(t, "as the replacement came", story(-1)...)
	agreed(t, "ten minutes before", story(-599)...)
	told(t, "more than ten minutes before", "before the leaf of the replacement", story(-600)...)
	agreed(t, "ten minutes after its leaf", story(600)...)
	told(t, "more than ten minutes after its leaf", "more than ten minutes after its leaf's", story(601)...)
	told(t, "a grant that old", "more than ten minutes", custodian(), granted("kg.gpo/05", "kg.gpo/01", func(s *statement) { s.time -= 601 }))
	told(t, "a replacement that old", "more than ten minutes", replaced("", func(s *statement) { s.time -= 601 }))
}

// A grant is of the key in force, by a custodian, to a member of their authority, once for each entry
// and each key.
func TestGrant(t *testing.T) {
	agreed(t, "a grant", custodian(), granted("kg.gpo/05", "kg.gpo/01"))
	agreed(t, "to two", custodian(), granted("kg.gpo/05", "kg.gpo/01"), member("kg.gpo/06", "drafter"), granted("kg.gpo/05", "kg.gpo/06"))
	told(t, "twice", "has a grant of that key already", custodian(), granted("kg.gpo/05", "kg.gpo/01"), granted("kg.gpo/05", "kg.gpo/01"))
	agreed(t, "to a new entry", custodian(), granted("kg.gpo/05", "kg.gpo/01"), revoked("kg.gpo/01"), member("kg.gpo/01", "signatory"),
		granted("kg.gpo/05", "kg.gpo/01"))
	agreed(t, "of a new key", custodian(), later(dayMs), granted("kg.gpo/05", "kg.gpo/01"), replaced("kg.gpo/05"), sealsAnew, granted("kg.gpo/05", "kg.gpo/01"))
	told(t, "of a pending key", "is not the one of kg.gpo in force", custodian(), replaced(""), sealsAnew, granted("kg.gpo/05", "kg.gpo/01"))
	told(t, "of an old key", "is not the one of kg.gpo in force", custodian(), later(dayMs), replaced("kg.gpo/05"), granted("kg.gpo/05", "kg.gpo/01"))
	told(t, "of a new key, twice", "has a grant of that key already", custodian(), later(dayMs), granted("kg.gpo/05", "kg.gpo/01"), replaced("kg.gpo/05"), sealsAnew,
		granted("kg.gpo/05", "kg.gpo/01"), granted("kg.gpo/05", "kg.gpo/01"))
	told(t, "to a new entry, twice", "has a grant of that key already", custodian(), revoked("kg.gpo/01"), member("kg.gpo/01", "signatory"),
		granted("kg.gpo/05", "kg.gpo/01"), granted("kg.gpo/05", "kg.gpo/01"))
	told(t, "to nobody", "has no entry in force", custodian(), granted("kg.gpo/05", "kg.gpo/09"))
	told(t, "to a revoked member", "has no entry in force", custodian(), revoked("kg.gpo/01"), granted("kg.gpo/05", "kg.gpo/01"))
	told(t, "to another authority", "a member of kg.gpo grants to kg.mvd/01", custodian(), member("kg.mvd/01", "drafter"), granted("kg.gpo/05", "kg.mvd/01"))
	told(t, "by no custodian", "kg.gpo/01 is no custodian", granted("kg.gpo/01", "kg.gpo/01"))
	told(t, "by a revoked custodian", "kg.gpo/05 has no entry in force", custodian(), revoked("kg.gpo/05"), granted("kg.gpo/05", "kg.gpo/01"))
	told(t, "by a registrar", "a grant is a custodian's", func(w *world) {
		w.register("KG", &statement{op: "grant", member: "kg.gpo/01", key: sumOfBytes([]byte("age1pq1kggpo"))})
	})
}
