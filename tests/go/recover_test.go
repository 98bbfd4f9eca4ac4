package main

import "testing"

// A custodian says that they have put a key of their own authority together, in force or not, once for each entry and
// each key.
func TestRecover(t *testing.T) {
	other := func(member string) change { return func(s *statement) { s.member = member } }
	old := func(s *statement) { s.key = sumOfBytes([]byte("age1pq1kggpo")) }
	agreed(t, "the key in force", custodian(), recovered("kg.gpo/05"))
	agreed(t, "an old key", custodian(), later(dayMs), replaced("kg.gpo/05"), sealsAnew, recovered("kg.gpo/05", old))
	agreed(t, "a pending key", custodian(), replaced(""), sealsAnew, recovered("kg.gpo/05"))
	agreed(t, "two keys", custodian(), later(dayMs), recovered("kg.gpo/05"), replaced("kg.gpo/05"), sealsAnew, recovered("kg.gpo/05"))
	told(t, "twice", "holds that key already", custodian(), recovered("kg.gpo/05"), recovered("kg.gpo/05"))
	told(t, "what was granted", "holds that key already", custodian(), granted("kg.gpo/05", "kg.gpo/05"), recovered("kg.gpo/05"))
	told(t, "a grant of it", "has a grant of that key already", custodian(), recovered("kg.gpo/05"), granted("kg.gpo/05", "kg.gpo/05"))
	agreed(t, "with a new entry", custodian(), recovered("kg.gpo/05"), revoked("kg.gpo/05"), custodian(), recovered("kg.gpo/05"))
	told(t, "another's key", "names no such key for kg.gpo", custodian(), recovered("kg.gpo/05", func(s *statement) { s.key = sumOfBytes([]byte("age1pq1trmoj")) }))
	told(t, "for a colleague", "kg.gpo/05 says that kg.gpo/01 has put", custodian(), recovered("kg.gpo/05", other("kg.gpo/01")))
	told(t, "by no custodian", "kg.gpo/01 is no custodian", recovered("kg.gpo/01"))
	told(t, "by a revoked custodian", "kg.gpo/05 has no entry in force", custodian(), revoked("kg.gpo/05"), recovered("kg.gpo/05"))
	told(t, "by a registrar", "a recover is a custodian's", func(w *world) {
		w.register("KG", &statement{op: "recover", member: "kg.gpo/01", key: sumOfBytes([]byte("age1pq1kggpo"))})
	})
}
