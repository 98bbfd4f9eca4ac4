package main

import (
	"strings"
	"testing"
)

func containsText(text, part string) bool { return strings.Contains(text, part) }

// "The life cycle": each rule with an act that breaks it alone.
func TestLifeCycleRefusals(t *testing.T) {
	req, ack, fwd := plainly(request), plainly(acknowledge), plainly(forward)
	ans, rsp := plainly(answer), plainly(respond)
	told(t, "acknowledge twice", "acknowledge is not allowed in a case that is Acknowledged", req, ack, ack)
	told(t, "acknowledge by the wrong authority", "acknowledge is for tr.moj", req, func(w *world) {
		w.act("kg.gpo/01", &statement{op: "acknowledge", caseTag: theCase})
	})
	told(t, "no such case", "the case's request is not here", ack)
	told(t, "forward before acknowledge", "may not forward in a case that is Submitted", req, fwd)
	told(t, "respond before acknowledge", "may not respond in a case that is Submitted", req, rsp)
	told(t, "answer before forward", "may not respond in a case that is Acknowledged", req, ack, ans)
	told(t, "answer by one it was not forwarded to", "may not respond in a case that is ForwardedToCompetent", req, ack, fwd, func(w *world) {
		w.authority("tr.izm", false)
		w.member("tr.izm/01", "signatory")
		w.act("tr.izm/01", &statement{op: "submit", caseTag: theCase, kind: "response", documents: docs(w, cover2),
			slips: slipsFor(w, []digest{cover2}, "tr.izm", "tr.moj"), to: []string{"tr.moj"}})
	})
	told(t, "respond while forwarded", "may not respond in a case that is ForwardedToCompetent", req, ack, fwd, rsp)
	told(t, "forward after executed", "may not forward in a case that is Executed", req, ack, fwd, ans, fwd)
	told(t, "close before a response", "close is not allowed in a case that is Acknowledged", req, ack, plainly(closeCase))
	told(t, "close by the requested", "close is for kg.gpo", req, ack, rsp, func(w *world) {
		w.act("tr.moj/01", &statement{op: "close", caseTag: theCase})
	})
	told(t, "act after the close", "may not forward in a case that is Closed", req, ack, rsp, plainly(closeCase), plainly(forwardHome))
	told(t, "respond to the wrong one", "the response must go to kg.gpo", req, ack, changed(respond, func(s *statement) {
		s.to[0], s.slips = "kg.mvd", s.slips[1:]
	}))
	told(t, "after is not the case's last leaf", "its after is not the leaf hash", req, changed(acknowledge, func(s *statement) {
		s.after = numbered(7)
	}))
	told(t, "request after something", "its after is not zeros", changed(request, func(s *statement) { s.after = numbered(7) }))
}

func TestRequestRefusals(t *testing.T) {
	told(t, "not central", "tr.ist is not a central authority", func(w *world) {
		w.act("tr.ist/01", &statement{op: "submit", caseTag: theCase, kind: "request", documents: docs(w, cover),
			slips: slipsFor(w, []digest{cover}, "kg.gpo", "tr.ist"), to: []string{"kg.gpo"}})
	})
	told(t, "to one who is not central", "goes to the central authority of another state", changed(request, func(s *statement) {
		s.to[0], s.slips = "kg.mvd", nil
		for _, d := range s.documents {
			s.slips = append(s.slips, slip{d.tag, "kg.gpo", sumOfBytes([]byte("age1pq1kggpo")), numbered(1)},
				slip{d.tag, "kg.mvd", sumOfBytes([]byte("age1pq1kgmvd")), numbered(1)})
		}
	}))
	told(t, "case tag taken", "the case tag of a request is not new", plainly(request), plainly(request))
	told(t, "document tag taken", "is not new", plainly(request), func(w *world) {
		request(w, func(s *statement) { s.caseTag = numbered(0x60) })
	})
	told(t, "document with the case's tag", "is not new", func(w *world) {
		w.act("kg.gpo/01", &statement{op: "submit", caseTag: theCase, kind: "request", documents: docs(w, theCase),
			slips: slipsFor(w, []digest{theCase}, "kg.gpo", "tr.moj"), to: []string{"tr.moj"}})
	})
}

func TestSlipRefusals(t *testing.T) {
	req, ack := plainly(request), plainly(acknowledge)
	told(t, "sender without slip", "the sender has no slip of document", changed(request, func(s *statement) {
		s.slips = append(s.slips[:2:2], s.slips[3])
	}))
	told(t, "recipient without cover", "tr.moj has no slip of the cover", changed(request, func(s *statement) {
		s.slips = append(s.slips[:1:1], s.slips[2:]...)
	}))
	told(t, "slip for somebody else", "which neither sends nor receives", func(w *world) {
		request(w, func(s *statement) { s.slips = slipsFor(w, []digest{cover, annex}, "kg.gpo", "tr.ist", "tr.moj") })
	})
	told(t, "another sealing key", "sealed to another key", changed(request, func(s *statement) { s.slips[0].key = numbered(3) }))
	told(t, "second slip", "gets a second slip", req, ack, plainly(forward), plainly(forward))
	told(t, "forward without a slip", "tr.ist has no slip of document", req, ack, changed(forward, func(s *statement) { s.slips = s.slips[:1] }))
	told(t, "forward without the cover", "without its cover", req, ack, changed(forward, func(s *statement) {
		s.documents, s.slips = s.documents[1:], s.slips[1:]
	}))
	told(t, "forward to the other state", "goes to others of the own state", req, ack, func(w *world) {
		w.act("tr.moj/01", &statement{op: "forward", caseTag: theCase, documents: []document{{tag: cover}},
			slips: slipsFor(w, []digest{cover}, "kg.mvd"), to: []string{"kg.mvd"}})
	})
	told(t, "forward to itself", "goes to others of the own state", req, ack, changed(forward, func(s *statement) {
		s.documents = s.documents[1:]
		s.to = []string{"tr.ist", "tr.moj"}
		s.slips = append(s.slips[1:], slip{annex, "tr.moj", sumOfBytes([]byte("age1pq1trmoj")), numbered(1)})
	}))
	told(t, "forward of a strange document", "is not of the case", req, ack, func(w *world) {
		forward(w, func(s *statement) {
			s.documents = append(s.documents, document{tag: numbered(0x77)})
			s.slips = append(s.slips, slipsFor(w, []digest{numbered(0x77)}, "tr.ist")...)
		})
	})
	told(t, "release without a slip", "tr.ist has no slip of document", req, func(w *world) {
		touch(w, "release", "tr.ist/01", []digest{cover})
	})
	told(t, "release in another case", "is not of the case", req, func(w *world) {
		touch(w, "release", "tr.moj/01", []digest{numbered(0x78)})
	})
}

// "When a statement is taken" and "op / Who".
func TestActorRefusals(t *testing.T) {
	req, ack := plainly(request), plainly(acknowledge)
	told(t, "role missing", "has no role that may submit", func(w *world) {
		w.member("kg.gpo/02", "drafter", "custodian", "auditor")
		w.members["kg.gpo/01"] = w.members["kg.gpo/02"]
		request(w, func(s *statement) { s.actor = "kg.gpo/02" })
	})
	told(t, "release by an auditor", "has no role that may release", req, ack, plainly(forward), func(w *world) {
		touch(w, "release", "tr.ist/02", []digest{cover})
	})
	told(t, "clock ten minutes and a second off", "more than ten minutes", changed(request, func(s *statement) { s.time += 602 }))
	told(t, "clock behind", "more than ten minutes", changed(request, func(s *statement) { s.time -= 601 }))
	told(t, "revoked", "has no entry in force", func(w *world) {
		w.register("KG", &statement{op: "revoke", member: "kg.gpo/01", reason: "left"})
		request(w)
	})
	told(t, "revoked at an earlier time, with an old directory size", "has no entry in force", func(w *world) {
		w.register("KG", &statement{op: "revoke", member: "kg.gpo/01", reason: "left"})
		request(w)
		withDirectorySize(w, uint64(len(w.entries)-1))
	})
	told(t, "not yet entered", "has no entry in force", func(w *world) {
		w.members["kg.gpo/09"] = issue(t, leafTemplate("kg.gpo/09", purposeStatement), w.nations["KG"].issuing, nil)
		w.members["kg.gpo/01"] = w.members["kg.gpo/09"]
		request(w, func(s *statement) { s.actor = "kg.gpo/09" })
	})
	told(t, "entry changed since the directory line", "changed since the directory line", func(w *world) {
		seen := w.headOf("directory")
		w.register("KG", &statement{op: "revoke", member: "kg.gpo/01", reason: "superseded"})
		w.member("kg.gpo/01", "signatory")
		request(w, func(s *statement) { s.directory = seen })
	})
	told(t, "expired entry", "is valid from", func(w *world) {
		w.memberWith("kg.gpo/03", []string{"signatory"}, func(s *statement) { s.until = worldStart - 60 })
		w.members["kg.gpo/01"] = w.members["kg.gpo/03"]
		request(w, func(s *statement) { s.actor = "kg.gpo/03" })
	})
	told(t, "certificate not the directory's", "is not the one in the entry", func(w *world) {
		w.members["kg.gpo/01"] = issue(t, leafTemplate("kg.gpo/01", purposeStatement), w.nations["KG"].issuing, nil)
		request(w)
	})
	told(t, "recipient newer than what the actor saw", "not in the directory that the actor saw", req, ack, func(w *world) {
		seen := w.headOf("directory")
		w.authority("tr.izm", false)
		tags := []digest{cover}
		w.act("tr.moj/01", &statement{op: "forward", caseTag: theCase, documents: []document{{tag: cover}},
			slips: slipsFor(w, tags, "tr.izm"), to: []string{"tr.izm"}}, func(s *statement) { s.directory = seen })
	})
	told(t, "registrar acts", "a registrar signs for the directory only", func(w *world) {
		n := w.nations["KG"]
		w.members["kg.gpo/01"], n.issuing = n.registrar, n.root
		request(w, func(s *statement) { s.actor = "kg.registrar/01" })
	})
}

// withDirectorySize rewrites the last act's leaves with another directory size.
func withDirectorySize(w *world, size uint64) {
	one := w.events[len(w.events)-1]
	for i, raw := range one.leaves {
		e, err := parseEvent(raw)
		if err != nil {
			w.t.Fatal(err)
		}
		e.directorySize = size
		one.leaves[i] = encodeEvent(e)
	}
}

// The acts of a case make at most 8,192 slips.
func TestSlipsOfACaseAreBounded(t *testing.T) {
	c := &legalCase{slips: maxSlipsOfCase - 1}
	if err := c.permitsCount(&statement{slips: make([]slip, 1)}); err != nil {
		t.Error(err)
	}
	requireError(t, c.permitsCount(&statement{slips: make([]slip, 2)}), "more than 8192 slips")
}
