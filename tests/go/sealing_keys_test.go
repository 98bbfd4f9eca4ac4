package main

import "testing"

const hourMs = 3600 * 1000

// A custodian of a day replaces at once, any other signer after a day.
func TestReplacement(t *testing.T) {
	req, other := plainly(request), "sealed to another key than the one in force"
	day := func(acts ...func(*world)) []func(*world) {
		return append([]func(*world){custodian(), later(dayMs)}, acts...)
	}
	agreed(t, "at once", day(replaced("kg.gpo/05"), sealsAnew, req)...)
	told(t, "the old key after it", other, day(replaced("kg.gpo/05"), req)...)
	short := func(acts ...func(*world)) []func(*world) {
		return append([]func(*world){custodian(), later(dayMs - 1)}, acts...)
	}
	agreed(t, "a millisecond less than a day", short(replaced("kg.gpo/05"), req)...)
	told(t, "a millisecond less than a day, new key", other, short(replaced("kg.gpo/05"), sealsAnew, req)...)

	from := func(after int64) func(*world) {
		return custodian(func(s *statement) { s.from = worldStart + after })
	}
	exactly := func(w *world) { w.clockMs = uint64(worldStart+500)*1000 + dayMs - 1000 }
	agreed(t, "a day from valid", from(500), exactly, replaced("kg.gpo/05"), sealsAnew, req)
	told(t, "less than a day from valid", other, from(501), exactly, replaced("kg.gpo/05"), sealsAnew, req)
	told(t, "entered again", other, custodian(), later(dayMs), revoked("kg.gpo/05"), custodian(), replaced("kg.gpo/05"), sealsAnew, req)

	agreed(t, "by the registrar, old key", replaced(""), later(dayMs-1), req)
	told(t, "by the registrar, new key", other, replaced(""), later(dayMs-1), sealsAnew, req)
	agreed(t, "by the registrar, new key after a day", replaced(""), later(dayMs), sealsAnew, req)
	told(t, "by the registrar, old key after a day", other, replaced(""), later(dayMs), req)
	agreed(t, "the latest entry decides", custodian(), later(dayMs), replaced(""), replaced("kg.gpo/05"), sealsAnew, later(dayMs), req)
	told(t, "and not the one that comes into force last", other, custodian(), later(dayMs), replaced(""), func(w *world) {
		pending := w.newKey
		replaced("kg.gpo/05")(w)
		w.newKey = pending
	}, sealsAnew, later(dayMs), req)
}

func TestReplacementRefusals(t *testing.T) {
	told(t, "no custodian", "kg.gpo/01 is no custodian of kg.gpo", replaced("kg.gpo/01"))
	told(t, "of another authority", "is no custodian of kg.gpo", func(w *world) { w.member("kg.mvd/01", "custodian") }, replaced("kg.mvd/01"))
	told(t, "revoked", "has no entry in force", custodian(), revoked("kg.gpo/05"), replaced("kg.gpo/05"))
	told(t, "not yet valid", "is valid from", custodian(func(s *statement) { s.from = worldStart + 600 }), replaced("kg.gpo/05"))
	told(t, "entry changed", "changed since the directory line", custodian(), replaced("kg.gpo/05", func(s *statement) { s.directory.size-- }))
	told(t, "another certificate", "is not the one in the member's entry", custodian(), func(w *world) {
		w.members["kg.gpo/05"] = issue(t, leafTemplate("kg.gpo/05", purposeStatement), w.nations["KG"].issuing, nil)
	}, replaced("kg.gpo/05"))
	told(t, "another state's registrar", "an actor of TR names kg.gpo", func(w *world) { w.register("TR", replacement(w, "kg.gpo")) })
	told(t, "no authority", "there is no authority kg.none", replaced("", func(s *statement) { s.authority = "kg.none" }))
	told(t, "another key", "its key is not the one of kg.gpo in force", replaced("", func(s *statement) { s.key = numbered(1) }))
	told(t, "the pending key", "its key is not the one", replaced(""), sealsAnew, replaced(""))
	agreed(t, "the new key, once in force", replaced(""), later(dayMs), sealsAnew, replaced(""))
	told(t, "the old key, once it is not", "its key is not the one", replaced(""), later(dayMs), replaced(""))

	told(t, "two pending", "a replacement of the key of kg.gpo is pending", replaced(""), replaced(""))
	agreed(t, "two, of two authorities", replaced(""), func(w *world) { w.register("KG", replacement(w, "kg.mvd")) })
	agreed(t, "two pending, one cancelled", custodian(), later(dayMs), replaced(""), cancelled("kg.gpo/05"), replaced(""))

	const stands = "its sealing key stands in an entry of"
	told(t, "an authority's key", stands+" tr.moj", replaced("", func(s *statement) { s.sealing = "age1pq1trmoj" }))
	told(t, "the same key", stands+" kg.gpo", replaced("", func(s *statement) { s.sealing = "age1pq1kggpo" }))
	told(t, "a member's key", stands+" kg.gpo/01", replaced("", func(s *statement) { s.sealing = "age1pq1x" }))
	told(t, "a cancelled key", stands+" kg.gpo", custodian(), later(dayMs), replaced(""), cancelled("kg.gpo/05"), func(w *world) {
		replaced("", func(s *statement) { s.sealing = w.newKey })(w)
	})
	const later = "its sealing key stands in a replacement of kg.gpo"
	told(t, "a member with it", later, replaced(""), func(w *world) {
		w.memberWith("tr.ank/01", []string{"drafter"}, func(s *statement) { s.sealing = w.newKey })
	})
	told(t, "an authority with it", later, replaced(""), func(w *world) {
		w.authority("tr.new", false, func(s *statement) { s.sealing = w.newKey })
	})
}

// The key in force at a directory size and a time, for an act whose line or leaf has an earlier size.
func TestKeysAndDirectorySizes(t *testing.T) {
	earlier := func(w *world) head {
		h := w.headOf("directory")
		w.register("TR", replacement(w, "tr.moj"))
		return h
	}
	told(t, "recipient's key changed", "the sealing key of tr.moj changed since the directory line", func(w *world) {
		w.member("tr.moj/05", "custodian")
		later(dayMs)(w)
		h, s := w.headOf("directory"), replacement(w, "tr.moj")
		byMember(w, "tr.moj/05", s)
		w.sealing["tr.moj"] = s.sealing
		request(w, func(s *statement) { s.directory = h })
	})
	agreed(t, "recipient's replacement is pending", func(w *world) {
		h := earlier(w)
		request(w, func(s *statement) { s.directory = h })
	})
	replacedBeyond := func(seal func(*world)) func(*world) {
		return func(w *world) {
			h := w.headOf("directory")
			replaced("kg.gpo/05")(w)
			seal(w)
			request(w, func(s *statement) { s.directory = h })
			withDirectorySize(w, h.size)
		}
	}
	agreed(t, "an entry beyond the size, earlier than the act", custodian(), later(dayMs), replacedBeyond(sealsAnew))
	told(t, "the old key then", "sealed to another key", custodian(), later(dayMs), replacedBeyond(func(*world) {}))
}
