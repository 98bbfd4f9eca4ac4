package main

import (
	"strings"
	"testing"
)

// An authority's slips are sealed anew to its new key, and another member who holds that confirms them.
func TestSlipsAreSealedAnew(t *testing.T) {
	rewrap, confirm, reject := rewrapped("kg.gpo/05", both), confirms("kg.gpo/01", both), rejects("kg.gpo/01", both)
	agreed(t, "unwrapped, sealed anew, unwrapped, confirmed", replacing(touches("unwrap", "kg.gpo/05", both), rewrap, touches("unwrap", "kg.gpo/01", both), confirm)...)
	agreed(t, "one document after the other", replacing(rewrapped("kg.gpo/05", []digest{annex}), rewrapped("kg.gpo/05", []digest{cover}), confirm)...)
	agreed(t, "documents in another order", replacing(rewrapped("kg.gpo/05", []digest{annex, cover}), confirm)...)
	agreed(t, "confirmed in parts", replacing(rewrap, confirms("kg.gpo/01", []digest{annex}), confirms("kg.gpo/01", []digest{cover}))...)
	agreed(t, "rejected, and sealed anew", replacing(rewrap, reject, rewrap, confirm)...)
	agreed(t, "rejected by who sealed it", replacing(rewrap, rejects("kg.gpo/05", both), rewrap)...)
	agreed(t, "what is in force rejected", plainly(request), rejects("kg.gpo/01", both), rejects("tr.moj/01", both))
	agreed(t, "the case goes on meanwhile", replacing(rewrap, plainly(acknowledge), confirm, plainly(respond), plainly(closeCase), touches("unwrap", "kg.gpo/01", both))...)
	agreed(t, "in a case that is closed", replacing(plainly(acknowledge), plainly(respond), plainly(closeCase), rewrap, confirm)...)

	const words = "waits as the one that the confirm names"
	told(t, "nothing to confirm", words, replacing(confirm)...)
	told(t, "confirmed twice", words, replacing(rewrap, confirm, confirm)...)
	told(t, "confirmed after a reject", words, replacing(rewrap, reject, confirm)...)
	told(t, "one of two waits", "no such slip of document "+annex.String(), replacing(rewrapped("kg.gpo/05", []digest{cover}), confirm)...)
	told(t, "confirmed by who sealed it", "kg.gpo/05 sealed the slip of document", replacing(rewrap, confirms("kg.gpo/05", both))...)
}

// A rewrap is of documents of which no slip that is kept is sealed to the key in force.
func TestRewrapRefusals(t *testing.T) {
	rewrap, confirm := rewrapped("kg.gpo/05", both), confirms("kg.gpo/01", both)
	const words = "that is sealed to its key in force"
	told(t, "no replacement", words, custodian(), plainly(request), rewrap)
	told(t, "sent after the replacement", words, custodian(), later(dayMs), replaced("kg.gpo/05"), sealsAnew, plainly(request), rewrap)
	told(t, "one waits already", words, replacing(rewrap, rewrap)...)
	told(t, "one of two waits already", words, replacing(rewrapped("kg.gpo/05", []digest{annex}), rewrap)...)
	told(t, "confirmed already", words, replacing(rewrap, confirm, rewrap)...)
	told(t, "the replacement is pending", words, custodian(), plainly(request), replaced(""), rewrap)
	told(t, "to the pending key", "sealed to another key than the one in force", custodian(), plainly(request), replaced(""), sealsAnew, rewrap)
	agreed(t, "the registrar's replacement after a day", custodian(), plainly(request), replaced(""), sealsAnew, later(dayMs), rewrap)
	agreed(t, "another waits, and the key is replaced again", replacing(rewrap, replacedAgain, rewrap)...)
	agreed(t, "confirmed, and the key is replaced again", replacing(rewrap, confirm, replacedAgain, rewrap)...)

	told(t, "to the old key", "sealed to another key than the one in force", replacing(rewrapped("kg.gpo/05", both, func(s *statement) {
		s.slips[1].key = sumOfBytes([]byte("age1pq1kggpo"))
	}))...)
	told(t, "no slip of a document", "it has 1 slips of 2 documents", replacing(rewrapped("kg.gpo/05", both, func(s *statement) { s.slips = s.slips[:1] }))...)
	told(t, "for another authority", "there is a slip for tr.moj, which is not the actor's authority", replacing(func(w *world) {
		rewrapped("kg.gpo/05", both, func(s *statement) { s.slips = slipsFor(w, both, "tr.moj") })(w)
	})...)
	told(t, "for another authority, too", "it has 3 slips of 2 documents", replacing(func(w *world) {
		rewrapped("kg.gpo/05", both, func(s *statement) { s.slips = append(s.slips, slipsFor(w, []digest{annex}, "tr.moj")...) })(w)
	})...)
	told(t, "two slips of one document, none of another", "there is a slip for tr.moj", replacing(func(w *world) {
		rewrapped("kg.gpo/05", both, func(s *statement) { s.slips = slipsFor(w, []digest{cover}, "kg.gpo", "tr.moj") })(w)
	})...)
}

// Who confirms has looked at one slip. If its author puts another in its place meanwhile, that one is not confirmed.
func TestSlipsAreNotSwapped(t *testing.T) {
	const words = "no such slip of document "
	rewrap, seen := rewrapped("kg.gpo/05", both), named("confirm", "kg.gpo/01", both, 1) // the one before the newest
	swap := []func(*world){rewrap, rejects("kg.gpo/05", both), rewrap}
	told(t, "by its author", words+cover.String(), replacing(append(swap, seen)...)...)
	agreed(t, "by its author, and looked at again", replacing(append(swap, confirms("kg.gpo/01", both))...)...)
	told(t, "of one document alone", words+annex.String(), replacing(rewrap, rejects("kg.gpo/05", []digest{annex}), rewrapped("kg.gpo/05", []digest{annex}),
		func(w *world) {
			confirms("kg.gpo/01", both, func(s *statement) { s.slips[1] = given(w, annex, "kg.gpo")[1] })(w)
		})...)
	told(t, "under another new key", words+cover.String(), replacing(rewrap, replacedAgain, granted("kg.gpo/05", "kg.gpo/01"), rewrap, seen)...)
	agreed(t, "under another new key, and looked at again", replacing(rewrap, replacedAgain, granted("kg.gpo/05", "kg.gpo/01"), rewrap, confirms("kg.gpo/01", both))...)
	told(t, "by another custodian", words+cover.String(), replacing(custodianToo, rewrap, rejects("kg.gpo/01", both), rewrapped("kg.gpo/06", both), seen)...)

	// What was swapped can no more be rejected than confirmed, and what is there goes on waiting.
	told(t, "rejected by its author", words+cover.String(), replacing(append(swap, named("reject", "kg.gpo/05", both, 1))...)...)
	told(t, "rejected by another", words+cover.String(), replacing(append(swap, named("reject", "kg.gpo/01", both, 1))...)...)

	// An author who seals the very same slip again swaps nothing.
	agreed(t, "the same slip again", replacing(rewrap, rejects("kg.gpo/05", both), func(w *world) {
		rewrapped("kg.gpo/05", both, func(s *statement) {
			s.slips = []slip{given(w, cover, "kg.gpo")[1], given(w, annex, "kg.gpo")[1]}
		})(w)
	}, seen)...)
}

// A slip is named by its key and its SHA-256, both.
func TestSlipsAreNamedWhole(t *testing.T) {
	for _, op := range []string{"confirm", "reject"} {
		words := "waits as the one that the " + op + " names"
		for name, change := range map[string]change{
			"another digest": func(s *statement) { s.slips[1].sum = numbered(9) },
			"another key":    func(s *statement) { s.slips[1].key = sumOfBytes([]byte("age1pq1kggpo")) },
			"another's":      func(s *statement) { s.slips[1].key, s.slips[1].sum = s.slips[0].key, s.slips[0].sum },
		} {
			told(t, op+": "+name, "no such slip of document "+annex.String()+" "+words, replacing(rewrapped("kg.gpo/05", both), named(op, "kg.gpo/01", both, 0, change))...)
		}
		told(t, op+": another digest, of the slip in force", words, replacing(named(op, "kg.gpo/01", both, 0, func(s *statement) { s.slips[0].sum = numbered(9) }))...)
		told(t, op+": another key, of the slip in force", words, replacing(named(op, "kg.gpo/01", both, 0, func(s *statement) { s.slips[0].key = numbered(9) }))...)
		told(t, op+": no slip of a document", "it has 1 slips of 2 documents",
			replacing(rewrapped("kg.gpo/05", both), named(op, "kg.gpo/01", both, 0, func(s *statement) { s.slips = s.slips[:1] }))...)
		told(t, op+": for another authority", "there is a slip for tr.moj, which is not the actor's authority", replacing(rewrapped("kg.gpo/05", both), func(w *world) {
			named(op, "kg.gpo/01", both, 0, func(s *statement) { s.slips[1] = given(w, annex, "tr.moj")[0] })(w)
		})...)
		told(t, op+": for another authority, too", "it has 3 slips of 2 documents", replacing(rewrapped("kg.gpo/05", both), func(w *world) {
			named(op, "kg.gpo/01", both, 0, func(s *statement) { s.slips = append(s.slips, given(w, annex, "tr.moj")...) })(w)
		})...)
	}
}

// A slip that waits is rejected by who holds its key, or signed its rewrap; one in force by anybody, and stays.
func TestRejects(t *testing.T) {
	const words = "does not hold the key of the slip of document"
	rewrap, confirm, inForce := rewrapped("kg.gpo/05", both), confirms("kg.gpo/01", both), named("reject", "kg.gpo/01", both, 1)
	byRegistrar := func(acts ...func(*world)) []func(*world) { // nobody holds the new key
		return append([]func(*world){custodian(), custodianToo, plainly(request), replaced(""), sealsAnew, later(dayMs)}, acts...)
	}
	agreed(t, "by a holder", replacing(rewrap, rejects("kg.gpo/01", both))...)
	agreed(t, "by a holder of a key that was replaced since", replacing(rewrap, replacedAgain, rejects("kg.gpo/01", both))...)
	agreed(t, "by who sealed it and holds nothing", byRegistrar(rewrap, rejects("kg.gpo/05", both))...)
	agreed(t, "by who sealed it, and was entered again", byRegistrar(rewrap, revoked("kg.gpo/05"), member("kg.gpo/05", "drafter"), rejects("kg.gpo/05", both))...)
	told(t, "by another who holds nothing", "kg.gpo/06 "+words, byRegistrar(rewrap, rejects("kg.gpo/06", both))...)
	told(t, "by another who holds the old key", "kg.gpo/01 "+words, custodian(), custodianToo, granted("kg.gpo/05", "kg.gpo/01"), plainly(request), replaced(""),
		sealsAnew, later(dayMs), rewrap, rejects("kg.gpo/01", both))
	told(t, "by a holder of the newer key alone", "kg.gpo/06 "+words, replacing(custodianToo, rewrap, replacedAgain, granted("kg.gpo/05", "kg.gpo/06"), rejects("kg.gpo/06", both))...)
	told(t, "by a holder who was entered again", "kg.gpo/01 "+words, replacing(rewrap, revoked("kg.gpo/01"), member("kg.gpo/01", "signatory"), rejects("kg.gpo/01", both))...)
	told(t, "by who sealed the one before it", "kg.gpo/07 "+words, replacing(member("kg.gpo/07", "custodian"), rewrapped("kg.gpo/07", both), rejects("kg.gpo/07", both), rewrap,
		rejects("kg.gpo/07", both))...)
	told(t, "one of two by who sealed it", "kg.gpo/05 does not hold the key of the slip of document "+annex.String(),
		byRegistrar(rewrapped("kg.gpo/05", []digest{cover}), rewrapped("kg.gpo/06", []digest{annex}), rejects("kg.gpo/05", both))...)

	agreed(t, "in force, by who holds nothing", byRegistrar(rejects("kg.gpo/06", both))...)
	agreed(t, "in force, while another waits, which is confirmed", replacing(rewrap, inForce, confirm)...)
	agreed(t, "in force, while another waits, by who holds nothing", byRegistrar(rewrap, named("reject", "kg.gpo/06", both, 1))...)
	agreed(t, "in force, and then sealed anew", replacing(rejects("kg.gpo/01", both), rewrap, confirm)...)
	agreed(t, "in force since a confirm, by who sealed it", replacing(rewrap, confirm, rejects("kg.gpo/05", both))...)
	agreed(t, "in force twice", replacing(rejects("kg.gpo/01", both), rejects("kg.gpo/01", both))...)
	agreed(t, "one in force, one that waits, which goes", replacing(rewrapped("kg.gpo/05", []digest{annex}), rejects("kg.gpo/01", both), rewrap)...)
	told(t, "in force, while another waits, which stays", "that is sealed to its key in force", replacing(rewrap, inForce, rewrap)...)
	told(t, "in force, and confirmed", "waits as the one that the confirm names", replacing(rewrap, named("confirm", "kg.gpo/01", both, 1))...)

	const gone = "waits as the one that the reject names"
	told(t, "twice", gone, replacing(rewrap, rejects("kg.gpo/01", both), rejects("kg.gpo/01", both))...)
	told(t, "twice, by who sealed it", gone, replacing(rewrap, rejects("kg.gpo/05", both), rejects("kg.gpo/05", both))...)
	told(t, "what was in force before a confirm", gone, replacing(rewrap, confirm, inForce)...)
	told(t, "what waited before another rewrap", gone, replacing(rewrap, replacedAgain, rewrap, inForce)...)
}

// What a confirm or a reject names counts for no forward: an authority has a slip only of what came.
func TestNamedSlipsGiveNothing(t *testing.T) {
	told(t, "confirmed", "tr.ist has no slip of document", plainly(request), confirms("tr.ist/01", both))
	w := newWorld(t)
	for _, act := range []func(*world){plainly(request), rejects("tr.moj/01", both), plainly(acknowledge), plainly(forward), rejects("tr.ist/01", both), rejects("tr.moj/01", both)} {
		act(w)
	}
	if out := mustAgree(t, w.files(nil)); !strings.Contains(out, "slips: 6 in force, and 0 newer ones wait") {
		t.Error(out)
	}
}

// A slip that waited before goes when another comes: who sealed the last one may not confirm, who sealed the first may.
func TestLastRewrapWaits(t *testing.T) {
	second := replacing(custodianToo, rewrapped("kg.gpo/05", both), replacedAgain, granted("kg.gpo/05", "kg.gpo/06"), rewrapped("kg.gpo/06", both))
	agreed(t, "by who sealed the first", append(second, confirms("kg.gpo/05", both))...)
	told(t, "by who sealed the last", "kg.gpo/06 sealed the slip", append(second, confirms("kg.gpo/06", both))...)
	told(t, "by a holder of the first one's key", "kg.gpo/01 does not hold the key", append(second, confirms("kg.gpo/01", both))...)
}

// a second custodian of kg.gpo is entered.
func custodianToo(w *world) { w.member("kg.gpo/06", "custodian") }

// Who confirms holds the key of the slip that waits.
func TestHolders(t *testing.T) {
	rewrap, confirm := rewrapped("kg.gpo/05", both), confirms("kg.gpo/01", both)
	const words = "kg.gpo/01 does not hold the key"
	ungranted := func(acts ...func(*world)) []func(*world) {
		return append([]func(*world){custodian(), plainly(request), later(dayMs), replaced("kg.gpo/05"), sealsAnew}, acts...)
	}
	told(t, "no grant", words, ungranted(rewrap, confirm)...)
	agreed(t, "a grant after the rewrap", ungranted(rewrap, granted("kg.gpo/05", "kg.gpo/01"), confirm)...)
	told(t, "a grant of the old key", words, custodian(), plainly(request), later(dayMs), granted("kg.gpo/05", "kg.gpo/01"), replaced("kg.gpo/05"), sealsAnew,
		rewrap, confirm)
	told(t, "a grant to somebody else", words, ungranted(custodianToo, granted("kg.gpo/05", "kg.gpo/06"), rewrap, confirm)...)
	agreed(t, "who replaced the key", ungranted(custodianToo, rewrapped("kg.gpo/06", both), confirms("kg.gpo/05", both))...)
	told(t, "who did not replace it", "kg.gpo/06 does not hold", ungranted(custodianToo, rewrap, confirms("kg.gpo/06", both))...)
	told(t, "a registrar replaced it", "kg.gpo/05 does not hold", custodian(), custodianToo, plainly(request), replaced(""), sealsAnew, later(dayMs),
		rewrapped("kg.gpo/06", both), confirms("kg.gpo/05", both))
	agreed(t, "a registrar replaced it, and a grant", custodian(), plainly(request), replaced(""), sealsAnew, later(dayMs),
		granted("kg.gpo/05", "kg.gpo/01"), rewrap, confirm)
	again := []func(*world){revoked("kg.gpo/01"), member("kg.gpo/01", "signatory")}
	told(t, "entered again", words, replacing(append(again, rewrap, confirm)...)...)
	agreed(t, "entered again, and granted again", replacing(append(again, granted("kg.gpo/05", "kg.gpo/01"), rewrap, confirm)...)...)
	agreed(t, "the key is replaced again meanwhile", replacing(rewrap, replacedAgain, confirm)...)
	told(t, "a grant of the newer key alone", words, ungranted(rewrap, replacedAgain, granted("kg.gpo/05", "kg.gpo/01"), confirm)...)

	// A grant beyond the act's directory size counts if the act is later.
	grantedBeyond := func(backMs uint64) func(*world) {
		return func(w *world) {
			seen := w.headOf("directory")
			granted("kg.gpo/05", "kg.gpo/01")(w)
			w.clockMs -= backMs
			confirms("kg.gpo/01", both, func(s *statement) { s.directory = seen })(w)
			withDirectorySize(w, seen.size)
		}
	}
	agreed(t, "a grant beyond the size", ungranted(rewrap, grantedBeyond(0))...)
	told(t, "a grant beyond the size, at the act's very time", words, ungranted(rewrap, grantedBeyond(1000))...)
}

// Roles, and the slips that an authority must have.
func TestTouchActors(t *testing.T) {
	for _, code := range []string{"kg.gpo/01", "kg.gpo/05", "kg.gpo/07"} {
		for op, act := range map[string]func(*world){"unwrap": touches("unwrap", code, both), "reject": rejects(code, both)} {
			agreed(t, op+" by "+code, custodian(), member("kg.gpo/07", "drafter"), plainly(request), act)
		}
	}
	agreed(t, "confirm by a drafter", replacing(member("kg.gpo/07", "drafter"), granted("kg.gpo/05", "kg.gpo/07"), rewrapped("kg.gpo/05", both),
		confirms("kg.gpo/07", both))...)
	for _, op := range []string{"unwrap", "confirm", "reject"} {
		touches := func(op, code string, tags []digest) func(*world) {
			if op == "unwrap" {
				return touches(op, code, tags)
			}
			return named(op, code, tags, 0)
		}
		told(t, op+" by an auditor", "has no role that may "+op, member("kg.gpo/07", "auditor"), plainly(request), touches(op, "kg.gpo/07", both))
		told(t, op+" without a slip", "tr.ist has no slip of document", plainly(request), touches(op, "tr.ist/01", both))
		told(t, op+" of one too many", "tr.ank has no slip of document "+annex.String(), member("tr.ank/01", "drafter"), plainly(request), plainly(acknowledge),
			changed(forward, func(s *statement) {
				s.documents, s.slips, s.to = s.documents[:1], s.slips[:1], []string{"tr.ank"}
				s.slips[0].authority, s.slips[0].key = "tr.ank", sumOfBytes([]byte("age1pq1trank"))
			}), touches(op, "tr.ank/01", both))
		told(t, op+" of another case's", "is not of the case", plainly(request), func(w *world) { otherCase(w) }, touches(op, "tr.moj/01", []digest{numbered(0x78)}))
		told(t, op+" in no case", "the case's request is not here", touches(op, "tr.moj/01", both))
	}
	told(t, "rewrap by a signatory", "kg.gpo/01 has no role that may rewrap", replacing(rewrapped("kg.gpo/01", both))...)
	told(t, "rewrap by a drafter and auditor", "has no role that may rewrap", replacing(member("kg.gpo/07", "drafter", "auditor"), rewrapped("kg.gpo/07", both))...)
	told(t, "rewrap without a slip", "tr.ist has no slip of document", member("tr.ist/05", "custodian"), plainly(request), rewrapped("tr.ist/05", both))
	told(t, "rewrap of another case's", "is not of the case", replacing(rewrapped("kg.gpo/05", []digest{numbered(0x78)}))...)
	told(t, "rewrap in no case", "the case's request is not here", custodian(), rewrapped("kg.gpo/05", both))
}

// Slips that wait, are confirmed or rejected change nothing of who has slips: a forward gives none a second one, and none moves the case.
func TestTouchesNeverMoveTheCase(t *testing.T) {
	for op, acts := range map[string][]func(*world){
		"unwrap":  {touches("unwrap", "kg.gpo/01", both)},
		"rewrap":  {rewrapped("kg.gpo/05", both)},
		"confirm": {rewrapped("kg.gpo/05", both), confirms("kg.gpo/01", both)},
		"reject":  {rejects("kg.gpo/01", both)},
	} {
		agreed(t, op, replacing(append(acts, plainly(acknowledge))...)...)
		told(t, op+" as what an act follows", "its after is not the leaf hash of the case's last leaf", replacing(append(acts, func(w *world) {
			one := w.events[len(w.events)-1]
			acknowledge(w, func(s *statement) { s.after = leafHash(one.leaves[0]) })
		})...)...)
	}
}

// A slip that takes another's place does not count among those of the case.
func TestSlipsOfRewrapsDoNotCount(t *testing.T) {
	w := newWorld(t)
	for _, act := range replacing(rewrapped("kg.gpo/05", both), confirms("kg.gpo/01", both)) {
		act(w)
	}
	if out := mustAgree(t, w.files(nil)); !strings.Contains(out, "slips: 4 in force, and 0 newer ones wait") {
		t.Error(out)
	}
	c := &legalCase{has: map[digest]map[string]*keptSlips{}}
	for _, op := range []string{"rewrap", "confirm", "reject"} {
		c.takeSlips(&statement{op: op, slips: make([]slip, maxSlipsOfCase)})
	}
	if c.slips != 0 || c.has[zeroDigest][""] != nil {
		t.Errorf("%d slips, and %v", c.slips, c.has)
	}
	if err := c.permitsCount(&statement{slips: make([]slip, maxSlipsOfCase)}); err != nil {
		t.Error(err)
	}
	c.takeSlips(&statement{op: "forward", slips: make([]slip, 1)})
	requireError(t, c.permitsCount(&statement{slips: make([]slip, maxSlipsOfCase)}), "more than 8192 slips")
}

// A folder may have either slip of a document under the one name.
func TestSealedSlipsAfterARewrap(t *testing.T) {
	old, anew := []byte("the old slip"), []byte("the new slip")
	w := newWorld(t)
	custodian()(w)
	request(w, func(s *statement) { s.slips[0].sum = sumOfBytes(old) })
	for _, act := range []func(*world){later(dayMs), replaced("kg.gpo/05"), sealsAnew, rewrapped("kg.gpo/05", both, func(s *statement) { s.slips[0].sum = sumOfBytes(anew) })} {
		act(w)
	}
	name := "slips/" + cover.String() + "-kg.gpo.age"
	for _, raw := range [][]byte{old, anew} {
		files := w.files(nil)
		files[name] = raw
		if out := mustAgree(t, files); !strings.Contains(out, "slips: 4 in force, and 2 newer ones wait") {
			t.Error(out)
		}
	}
	files := w.files(nil)
	files[name] = []byte("another slip")
	mustRefuse(t, files, name+": Statements: its SHA-256")
	files = w.files(nil)
	files["slips/"+annex.String()+"-kg.gpo.age"] = anew
	mustRefuse(t, files, "is not the statement's")
}
